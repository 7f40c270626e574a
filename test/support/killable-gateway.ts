/** The gateway as a process of its own that may be killed at any moment and started again on the same folder. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished } from 'vitest'
import { stringify } from 'yaml'
import { LogCapture } from './log-capture.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
/** A hang guard, not an expectation: the machine may be busy. */
const START_MS = 90_000

export interface KillableGateway {
  readonly port: number
  readonly log: LogCapture
  /** Of the process that was started: with --takeover, of the launcher. */
  readonly process: ChildProcess
  /** Its exit code, when it has ended; null after a signal. */
  readonly ended: Promise<number | null>
  /** SIGKILL; resolves when the process is gone. Harmless when it is gone already. */
  kill(): Promise<void>
}

/**
 * Starts the gateway on a configuration that stays in the folder; killed at the latest when the test has ended.
 * @param config gateway.yaml as an object, with one listener
 * @param more arguments of the command @param environment beside that of the test
 * @throws {Error} with the log when it does not begin to listen
 */
export async function startKillable(
  folder: string,
  config: object,
  more: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<KillableGateway> {
  writeFileSync(join(folder, 'gateway.yaml'), stringify(config))
  const log = new LogCapture()
  const args = [MAIN, 'start', '--config', 'gateway.yaml', ...more]
  const env = { ...process.env, ...environment }
  const child = spawn(process.execPath, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.on('data', (piece: Buffer) => log.write(piece))
  child.stderr.on('data', (piece: Buffer) => log.write(piece))
  const ended = once(child, 'exit').then(([code]) => code as number | null)
  onTestFinished(() => kill(child))
  const listening = () => log.records().find(({ msg }) => String(msg).includes('ready for HTTP and SOCKS'))
  await expect
    .poll(() => hasEnded(child) || listening() !== undefined, { interval: 5, timeout: START_MS, message: log.text })
    .toBe(true)
  const port = /:(\d+)$/.exec(String(listening()?.['listen']))?.[1]
  if (port === undefined) throw new Error(`the gateway did not begin to listen; it said:\n${log.text}`)
  return { port: Number(port), log, process: child, ended, kill: () => kill(child) }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

async function kill(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return
  const closed = once(child, 'close')
  child.kill('SIGKILL')
  await closed
}
