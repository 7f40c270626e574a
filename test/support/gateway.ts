/**
 * The whole gateway in this process, started through its configuration over fake upstreams, and the proof that nothing of
 * it stays behind: when a test has ended its clients are closed, every lease must be given back without further help, the
 * gateway is stopped, no socket, server or timer may be left, and no line of the log may hold a secret.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { stringify } from 'yaml'
import { type App, startApp } from '../../src/app/app.ts'
import type { Clock } from '../../src/clock.ts'
import { loadConfigSource, parseConfig } from '../../src/config/load.ts'
import { internalErrors } from '../../src/internal-errors.ts'
import { createLog } from '../../src/log/log.ts'
import type { ConnectGuard } from '../../src/network/connect-guard.ts'
import type { Upstream } from '../../src/pool/upstream.ts'
import { closeClients } from './client.ts'
import { header, type ResponseHead } from './http-wire.ts'
import { leakGuard } from './leaks.ts'
import { assertNoSecret, LogCapture } from './log-capture.ts'
import { testCertificate } from './tls.ts'
import type { FakeUpstream } from './upstream.ts'
import type { Login } from './upstream-behaviour.ts'
import { startWorld, type World, type WorldOptions } from './world.ts'

/** A piece of gateway.yaml. */
type ConfigPart = { readonly [key: string]: unknown }

export interface GatewayOptions extends WorldOptions {
  /** How the gateway speaks with the upstreams; http. */
  readonly scheme?: 'http' | 'https' | 'socks5'
  /** Nothing is set but what a test needs in order to run: pool, dials, waits and supply are as a new user has them. */
  readonly isUntouched?: boolean
  /** Laid over the base configuration: objects are merged, anything else replaces. */
  readonly config?: ConfigPart
  /** Of the one static provider, or several providers instead of it. */
  readonly provider?: ConfigPart
  readonly providers?: (world: World) => readonly ConfigPart[]
  /** How many addresses must be in the pool before the first client comes; by default all upstreams of the one provider. */
  readonly filled?: number
  /** Fills `${NAME}` in the configuration. */
  readonly environment?: Readonly<Record<string, string>>
  /** Files beside gateway.yaml: name and contents. */
  readonly files?: Readonly<Record<string, string>>
  /** What no log line may hold, beside the upstreams' logins. */
  readonly secrets?: readonly (string | Login)[]
  /** The system's own by default. */
  readonly clock?: Clock
  /** How names are resolved, and where the gateway may connect; by default as this machine does. */
  readonly guard?: ConnectGuard
  /** Closes what a test opened beside the world, before leaks are looked for. */
  readonly closing?: () => Promise<void>
}

export interface Gateway {
  readonly app: App
  readonly world: World
  /** Of the first listener. */
  readonly port: number
  readonly log: LogCapture
  /** Where gateway.yaml is. */
  readonly folder: string
  /** What is in it. */
  readonly text: string
  /** The pool's record of an upstream, also after it has left. @throws {Error} when the pool never had it */
  record(upstream: FakeUpstream): Upstream
  /** Leases that run now, over everything the pool ever had. */
  leases(): number
  /** Ends it before the test does. */
  abort(): Promise<void>
}

/**
 * Patient enough for a machine that does something else besides: a test that waits for a time to run out sets a short one.
 */
const BASE: ConfigPart = {
  listen: [{ port: 0 }],
  admin: 'off',
  state: 'off',
  pool: { minLife: '0ms', margin: '0ms' },
  dial: { timeout: '4s', deadline: '10s', tries: 3, hedgeAfter: 'off' },
  wait: { timeout: '4s' },
  limits: { handshake: '5s' },
  supply: { backoff: '20ms', maxBackoff: '100ms' },
  stop: { drain: '300ms' },
  log: { level: 'debug', access: 'on' },
}

const { listen, admin, state, stop, log } = BASE
const UNTOUCHED: ConfigPart = { listen, admin, state, stop, log }

const UNDO_MS = 10_000
/** Of vendor calls and of `turnpike try`: `socks` never clears its time-out, undici's one timer ticks twice a second. Both are unref'd. */
const PACKAGE_TIMERS = /node_modules.(socks|undici)./

export async function startGateway(options: GatewayOptions = {}): Promise<Gateway> {
  const guard = leakGuard({ tolerated: PACKAGE_TIMERS })
  const log = new LogCapture()
  const world = await startWorld({ tls: options.scheme === 'https', ...options })
  const folder = mkdtempSync(join(tmpdir(), 'turnpike-test-'))
  const files = { 'ca.pem': testCertificate, ...options.files }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const file = join(folder, 'gateway.yaml')
  const text = stringify(yamlOf(world, options))
  writeFileSync(file, text)
  const environment = options.environment ?? {}
  const app = await startApp(parseConfig(text, file, environment), {
    source: { file, text, environment },
    read: () => loadConfigSource(file, environment),
    log: createLog({ level: 'debug', format: 'json' }, log),
    ...(options.clock === undefined ? {} : { clock: options.clock }),
    ...(options.guard === undefined ? {} : { guard: options.guard }),
  })
  const records = recordMembers(app)
  let stopped: Promise<void> | undefined
  const abort = () => (stopped ??= app.abort())
  const leases = () => [...records].reduce((sum, { leases }) => sum + leases, 0)
  onTestFinished(async () => {
    await closeClients()
    await eventually(() => [leases(), app.data.tunnels]).toEqual([0, 0])
    await abort()
    // An exception on purpose may be thrown where the end would be recorded.
    if (internalErrors.count === 0) expect(app.traffic.connections.open, 'connections that never ended').toEqual([])
    await world.close()
    await options.closing?.()
    rmSync(folder, { recursive: true })
    await guard.check(UNDO_MS)
    assertNoSecret(log.lines, [...world.secrets(), ...(options.secrets ?? [])])
  })
  const filled = options.filled ?? (options.providers === undefined ? world.upstreams.length : 0)
  await eventually(() => app.pool.size).toBe(filled)
  const record = (upstream: FakeUpstream) => {
    const found = [...records].findLast(({ facts }) => facts.host === upstream.host && facts.port === upstream.port)
    if (found === undefined) throw new Error('the pool never had this upstream')
    return found
  }
  return { app, world, port: app.addresses[0]?.port ?? 0, log, folder, text, record, leases, abort }
}

/** Asks again until the answer is the right one: `expect.poll` with the patience of a busy machine and the eagerness of a test. */
export function eventually<T>(ask: () => T, message?: string) {
  return expect.poll(ask, { interval: 5, timeout: UNDO_MS, ...(message === undefined ? {} : { message }) })
}

function yamlOf(
  world: World,
  { scheme, config = {}, provider = {}, providers, isUntouched }: GatewayOptions,
): ConfigPart {
  const tls = scheme === 'https' ? { upstream: { tls: { ca: 'ca.pem' } } } : {}
  const one = { name: 'own', vendor: 'static', allowPrivate: true, list: world.lines(scheme), ...tls, ...provider }
  const base = isUntouched === true ? UNTOUCHED : BASE
  return { ...merge(base, config), providers: providers?.(world) ?? [one] }
}

function merge(base: ConfigPart, over: ConfigPart): ConfigPart {
  const both = Object.entries(over).map(([key, value]) => {
    const below = base[key]
    return [key, isPart(below) && isPart(value) ? merge(below, value) : value]
  })
  return { ...base, ...Object.fromEntries(both) }
}

function isPart(value: unknown): value is ConfigPart {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Everything the pool takes in from now on. */
function recordMembers({ pool }: App): Set<Upstream> {
  const records = new Set<Upstream>()
  const restore = pool.restore.bind(pool)
  pool.restore = (facts, past, now) => {
    const added = restore(facts, past, now)
    const member = pool.get(facts.id)
    if (member !== undefined) records.add(member)
    return added
  }
  return records
}

/** What the gateway said itself: status and code, checked against each other. */
export interface Refusal {
  readonly status: number
  readonly code: string
  /** Seconds. */
  readonly retryAfter?: number
}

/** Reads an error answer of ours. @throws {Error} when it is none */
export function refusalOf(reply: ResponseHead): Refusal {
  const proxyStatus = header(reply.headers, 'proxy-status') ?? ''
  const code = /^turnpike; error=[a-z_]+; details="(GW_[A-Z_]+)"$/.exec(proxyStatus)?.[1]
  if (code === undefined) throw new Error(`${reply.status} without a Proxy-Status of ours: ${proxyStatus}`)
  const retryAfter = header(reply.headers, 'retry-after')
  return { status: reply.status, code, ...(retryAfter === undefined ? {} : { retryAfter: Number(retryAfter) }) }
}
