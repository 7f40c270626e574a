import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig, type ViteUserConfig } from 'vitest/config'

interface Tier {
  /** Shown before each file's name. */
  readonly name: string
  readonly include: readonly string[]
  /** Hang guards of one test and of one hook, milliseconds. */
  readonly testTimeoutMs: number
  readonly hookTimeoutMs?: number
  /** False where tests start programs that want both cores. */
  readonly parallel?: boolean
}

/**
 * The settings that the tiers share. A process per file, so that a leak counted in one file is that file's; no retries,
 * because a test that fails now and then has found something.
 */
export function tier({ name, include, testTimeoutMs, hookTimeoutMs = testTimeoutMs, parallel = true }: Tier): ViteUserConfig {
  return defineConfig({
    root: fileURLToPath(new URL('..', import.meta.url)),
    test: {
      name,
      include: [...include],
      pool: 'forks',
      fileParallelism: parallel,
      // One more than cores: much of what integration tests do is waiting.
      maxWorkers: availableParallelism() + 1,
      testTimeout: testTimeoutMs,
      hookTimeout: hookTimeoutMs,
      teardownTimeout: 5_000,
      retry: 0,
      globals: false,
      allowOnly: false,
      reporters: ['default'],
    },
  })
}
