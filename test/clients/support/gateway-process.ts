/** The gateway as its users run it: a process of its own, started through a file. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished } from 'vitest'
import { stringify } from 'yaml'
import { assertNoSecret, LogCapture } from '../../support/log-capture.ts'
import type { Login } from '../../support/upstream-behaviour.ts'
import { startWorld, type World, type WorldOptions } from '../../support/world.ts'
import { temporaryFolder } from './files.ts'

const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url))
/** An installed `turnpike` runs on whatever `node` is found first: this one, not the machine's. */
const ENV = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH']}` }
/** Hang guards, not expectations: the machine may be busy. */
const START_MS = 90_000
const STOP_MS = 20_000

/** A piece of gateway.yaml. */
export type ConfigPart = Readonly<Record<string, unknown>>

export interface GatewayProcess {
  readonly child: ChildProcess
  readonly log: LogCapture
  /** Of the first listener. */
  readonly port: number
  /** `http://127.0.0.1:port`, or with another scheme and a user's name and password. */
  url(scheme?: string, login?: Login): string
}

export interface ProcessOptions {
  /** The program and what follows it; run where the configuration is, as ./gateway.yaml. Default: the source's `start`. */
  readonly command?: readonly [string, ...string[]]
  /** Where; default: a folder that goes when the test has ended. */
  readonly folder?: string
  /** What the log may not hold. */
  readonly secrets?: readonly (string | Login)[]
}

/**
 * Starts the gateway on a configuration; ends it with SIGTERM when the test has ended, which must be exit code 0, and
 * searches its log for the secrets.
 * @throws {Error} with the log when it does not begin to listen
 */
export async function startProcess(config: ConfigPart, options: ProcessOptions = {}): Promise<GatewayProcess> {
  const folder = options.folder ?? temporaryFolder()
  writeFileSync(join(folder, 'gateway.yaml'), stringify(config))
  const log = new LogCapture()
  const [program, ...args] = options.command ?? [process.execPath, MAIN, 'start', '--config', 'gateway.yaml']
  const child = spawn(program, args, { cwd: folder, env: ENV, stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.on('data', (piece: Buffer) => log.write(piece))
  child.stderr.on('data', (piece: Buffer) => log.write(piece))
  onTestFinished(async () => {
    const code = await stop(child)
    assertNoSecret(log.lines, options.secrets ?? [])
    expect(code, `exit code of the gateway; its log:\n${log.text}`).toBe(0)
  })
  const port = await portOf(child, log)
  const url = (scheme = 'http', login?: Login) => `${scheme}://${userinfo(login)}127.0.0.1:${port}`
  return { child, log, port, url }
}

/** SIGTERM, and the exit code; SIGKILL when it does not end. */
export async function stop(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
  const guard = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
  child.kill('SIGTERM')
  const [code] = (await once(child, 'close')) as [number | null]
  clearTimeout(guard)
  return code
}

async function portOf(child: ChildProcess, log: LogCapture): Promise<number> {
  const listening = () =>
    log
      .records()
      .find(({ msg, listen }) => typeof listen === 'string' && String(msg).includes('ready for HTTP and SOCKS'))
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null
  try {
    await expect.poll(() => hasEnded() || listening() !== undefined, { timeout: START_MS }).toBe(true)
    return Number(/:(\d+)$/.exec(String(listening()?.['listen']))?.[1] ?? expect.fail('ended'))
  } catch (cause) {
    throw new Error(`the gateway did not begin to listen; it said:\n${log.text}`, { cause })
  }
}

function userinfo(login: Login | undefined): string {
  return login === undefined ? '' : `${encodeURIComponent(login.username)}:${encodeURIComponent(login.password)}@`
}

export interface GatewayWorld extends GatewayProcess {
  readonly world: World
}

export interface GatewayWorldOptions extends WorldOptions {
  /** Of the one listener: users, session... */
  readonly listen?: ConfigPart
  /** How the gateway speaks with the upstreams; http. */
  readonly scheme?: 'http' | 'socks5'
  readonly secrets?: readonly (string | Login)[]
  /** Other keys of gateway.yaml. */
  readonly config?: ConfigPart
}

/** The gateway over fake upstreams, which know `site.test` and its like; no resolver does. */
export async function startGateway(options: GatewayWorldOptions = {}): Promise<GatewayWorld> {
  const world = await startWorld(options)
  onTestFinished(() => world.close())
  const list = world.lines(options.scheme)
  const config = {
    listen: [{ port: 0, ...options.listen }],
    admin: 'off',
    providers: [{ name: 'own', vendor: 'static', allowPrivate: true, list }],
    pool: { floor: list.length, ceiling: list.length },
    stop: { drain: '1s' },
    state: 'off',
    log: { level: 'debug', access: 'on' },
    ...options.config,
  }
  const gateway = await startProcess(config, { secrets: [...world.secrets(), ...(options.secrets ?? [])] })
  return { ...gateway, world }
}
