import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig, type TestProjectInlineConfiguration, type ViteUserConfig } from 'vitest/config'

interface Part {
  /** Shown before each file's name. */
  readonly name: string
  readonly include: readonly string[]
  readonly exclude?: readonly string[]
  /** Hang guards of one test and of one hook, milliseconds. */
  readonly testTimeoutMs: number
  /** A process for each file, so that a leak counted in one file is that file's; false: files share modules. */
  readonly isolate?: boolean
}

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/**
 * The settings that the tiers share. No retries, because a test that fails now and then has found something.
 * @param parallel false where tests start programs that want both cores
 */
export function tier(parts: readonly Part[], parallel = true): ViteUserConfig {
  return defineConfig({
    root: ROOT,
    test: {
      projects: parts.map((part) => project(part, parallel)),
      // One more than cores: much of what integration tests do is waiting.
      maxWorkers: availableParallelism() + 1,
      maxConcurrency: 2,
      teardownTimeout: 5_000,
      allowOnly: false,
      reporters: ['default'],
    },
  })
}

function project(part: Part, parallel: boolean): TestProjectInlineConfiguration {
  const { name, include, exclude = [], testTimeoutMs, isolate = true } = part
  return {
    root: ROOT,
    test: {
      name,
      include: [...include],
      exclude: [...exclude],
      pool: 'forks',
      isolate,
      fileParallelism: parallel,
      testTimeout: testTimeoutMs,
      hookTimeout: testTimeoutMs,
      retry: 0,
      globals: false,
    },
  }
}
