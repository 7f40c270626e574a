/**
 * What `import { startGateway } from 'turnpike'` gives: the gateway inside a program of yours, without a process of its own.
 * docs/embedding.md is its manual. Nothing here reads arguments, writes to the terminal or listens for signals.
 */
import type { z } from 'zod'
import { type Address, formatAuthority } from './address.ts'
import { askOf, leaseReport } from './admin/api/leases.ts'
import type { EventData } from './admin/api/schemas/events.ts'
import { type LeaseReport, takeQuery } from './admin/api/schemas/leases.ts'
import type { UpstreamReport } from './admin/api/schemas/pool.ts'
import type { ProviderReport } from './admin/api/schemas/providers.ts'
import { topics as allTopics, type Topic } from './admin/api/schemas/topics.ts'
import type { VerdictReport } from './admin/api/schemas/verdict.ts'
import { type GatewayParts, tryPort } from './admin/gateway-report.ts'
import type { LiveView } from './admin/live-view.ts'
import type { RefillAnswer } from './admin/view.ts'
import { type App, startApp } from './app/app.ts'
import type { LoadedConfig, ReloadReport } from './app/reload.ts'
import type { Environment } from './config/environment.ts'
import { loadConfigSource, loadConfigValue } from './config/load.ts'
import type { ConfigSchema } from './config/schema.ts'
import { GatewayError } from './errors.ts'
import { createLog } from './log/log.ts'

export { ConfigError, type ConfigProblem, GatewayError } from './errors.ts'
export type { EventData, ProviderReport, ReloadReport, Topic, UpstreamReport, VerdictReport }

/** What gateway.yaml says, as an object: the same keys and the same spelling of values (`'30s'`, `'16KiB'`). */
export type GatewayConfig = z.input<ConfigSchema>

export interface GatewayOptions {
  /** The path of a gateway.yaml, or what it says. Relative paths in an object start at the working directory. */
  readonly config: string | GatewayConfig
  /** Fills `${NAME}` in the configuration; by default the variables of this process. */
  readonly environment?: Environment
  /** Receives each record of the log, from the level of `log.level` on; without it nothing is logged. Holds no secret. */
  readonly onLog?: (record: LogRecord) => void
}

/** One record of the log: pino's numeric level (30 is info, 40 warn, 50 error), an RFC 3339 time, and members of its own. */
export interface LogRecord {
  readonly level: number
  readonly time: string
  readonly msg: string
  readonly [member: string]: unknown
}

/** Which address, and for how long. The options are those of clients, by name (docs/clients.md). */
export interface TakeOptions {
  /** The same name, the same address, while that lives. */
  readonly session?: string
  readonly provider?: string
  readonly country?: string
  readonly area?: string
  readonly city?: string
  readonly isp?: string
  /** An address that lives so long yet, as in `'90s'`; if there is none, the one that lives longest. */
  readonly life?: string
  /** The same, and no other. */
  readonly minlife?: string
  readonly strategy?: string
  /** Where the program will go: for `routes`, and for bans of this host. */
  readonly host?: string
  /** How long it is lent at most, with a unit; `'10m'` if left out. */
  readonly hold?: string
  /** A user of a port, where every port demands a login. */
  readonly user?: { readonly name: string; readonly password: string }
  readonly signal?: AbortSignal
}

/** An address that is lent: `url` is all of it as the URL of a proxy, login included. */
export interface TakenAddress extends LeaseReport {
  /** Gives it back. @returns false when the lease had ended */
  release(): boolean
}

/** One piece of the event stream: the same data that `GET /v1/events` sends (docs/admin-api.md). */
export type GatewayEvent<Name extends Topic = Topic> = {
  readonly [One in Name]: { readonly topic: One; readonly data: EventData[One] }
}[Name]

export interface Gateway extends AsyncDisposable {
  /** What a client uses as its proxy: the first port, as in `http://127.0.0.1:8080`; `https:` where it speaks TLS. */
  readonly url: string
  /** Where clients connect, in the order of `listen`. */
  readonly addresses: readonly Address[]
  /** Where the dashboard and the admin API are; undefined with `admin: 'off'`. */
  readonly adminUrl: string | undefined
  /** Whether all is well, in one sentence with its remedy. */
  verdict(): VerdictReport
  providers(): readonly ProviderReport[]
  upstreams(): readonly UpstreamReport[]
  /**
   * What happens, once a second: first everything, then what changed. Ends when the loop over it is left, when `signal`
   * aborts, and when the gateway closes. A reader that falls 4 MiB behind gets an error.
   */
  events<Name extends Topic>(
    topics: readonly Name[],
    options?: { readonly signal?: AbortSignal },
  ): AsyncIterable<GatewayEvent<Name>>
  /**
   * Lends an address to a program that connects to it itself. It counts as a client's connection does: under the same limits,
   * budgets and users. Waits as a client does, at most `wait.timeout`.
   * @throws {GatewayError} why there is none, or which option cannot be understood; the signal's reason
   */
  take(options?: TakeOptions): Promise<TakenAddress>
  /** Orders addresses now, whatever the demand. `not now`: the provider's state, budget, channels or ceiling forbid it. */
  refill(provider: string): RefillAnswer
  /** Ends the stop of a provider: it is called again at once. @returns false when there is no such provider */
  retry(provider: string): boolean
  /** Stops buying from a provider, or lets it go on. @returns false when there is no such provider */
  pause(provider: string): boolean
  resume(provider: string): boolean
  /** Takes an address out of the pool; its open tunnels run on. @returns false when the pool has no such address */
  evict(upstreamId: string): boolean
  /**
   * Applies a configuration while clients are served; without one, that of the start is read again.
   * @throws {ConfigError} for one with mistakes; another error with a sentence for a person. Then nothing has changed
   */
  reload(config?: string | GatewayConfig): Promise<ReloadReport>
  /** Accepts no more clients, waits for open connections as long as `stop.drain`, then ends everything. */
  close(): Promise<void>
  /** Ends everything at once. */
  abort(): Promise<void>
}

/**
 * Starts a gateway in this process. Several may run, each with a state folder of its own.
 * @throws {ConfigError} with every mistake of the configuration; the system's error when a port cannot be opened; a
 *   `StoreError` when another gateway uses the state folder. Nothing stays open then
 */
export async function startGateway({ config, environment = process.env, onLog }: GatewayOptions): Promise<Gateway> {
  let current = config
  const read = (wanted: GatewayOptions['config']): LoadedConfig =>
    typeof wanted === 'string'
      ? loadConfigSource(wanted, environment)
      : { config: loadConfigValue(wanted, process.cwd(), environment), source: undefined }
  const first = read(config)
  const loaded = inOneProcess(first)
  const log = createLog({ level: loaded.config.log.level, format: 'json' }, { write: (line) => report(line, onLog) })
  if (first.config.workers !== 1) log.warn('workers: a gateway inside another program serves clients with one process')
  const app = await startApp(loaded.config, {
    log,
    read: () => inOneProcess(read(current)),
    ...(loaded.source !== undefined && { source: loaded.source }),
  })
  const { view, admin } = app
  let isStopping = false
  const stop = () => {
    isStopping = true
    return app.stop()
  }
  return {
    get url() {
      return urlOf(app.gateway)
    },
    get addresses() {
      return app.addresses
    },
    adminUrl: admin === undefined ? undefined : `http://${formatAuthority(admin.host, admin.port)}`,
    verdict: () => view.verdict(),
    providers: () => view.providers(),
    upstreams: () => view.upstreams(),
    events: (topics, { signal } = {}) => eventsOf(view, topics, signal),
    async take(options = {}) {
      if (isStopping) throw new GatewayError('GW_STOPPING', 'the gateway is stopping')
      return take(app, options)
    },
    refill: (provider) => view.refill(provider),
    retry: (provider) => view.retry(provider),
    pause: (provider) => view.pause(provider),
    resume: (provider) => view.resume(provider),
    evict: (upstreamId) => view.evictUpstream(upstreamId),
    async reload(wanted = current) {
      const report = await app.reload('program', () => inOneProcess(read(wanted)))
      current = wanted
      return report
    },
    close: stop,
    abort: () => {
      isStopping = true
      return app.abort()
    },
    [Symbol.asyncDispose]: stop,
  }
}

/** An exception of the program's function is the program's: it must not end what was about to log something. */
function report(line: string, onLog: GatewayOptions['onLog']): void {
  try {
    onLog?.(JSON.parse(line) as LogRecord)
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}

/** The other processes of `workers` are started by the command line. */
function inOneProcess({ config, source }: LoadedConfig): LoadedConfig {
  return { config: { ...config, workers: 1 }, source }
}

function urlOf(gateway: GatewayParts): string {
  const port = tryPort(gateway, 0)
  if (port === undefined) throw new Error('the gateway is closed: it has no port')
  return `${port.isTls ? 'https' : 'http'}://${formatAuthority(port.host, port.port)}`
}

async function take({ view, clock }: App, { user, signal, ...query }: TakeOptions): Promise<TakenAddress> {
  const login = user && Buffer.from(`${user.name}:${user.password}`).toString('base64')
  const client = { authorization: login && `Basic ${login}`, clientAddress: '127.0.0.1', isTrusted: true }
  const requests = view.addressRequests
  const { data, error } = takeQuery.safeParse(query)
  if (data === undefined) {
    const words = error.issues.map(({ path, message }) => [...path, message].join(': '))
    throw new GatewayError('GW_BAD_OPTION', words.join('; '))
  }
  const [lease] = await requests.take(client, askOf(data), signal ?? new AbortController().signal)
  if (lease === undefined) throw new GatewayError('GW_POOL_EMPTY', 'no address is free now')
  return { ...leaseReport(lease, clock), release: () => requests.release(client, lease.id) }
}

async function* eventsOf<Name extends Topic>(
  view: LiveView,
  topics: readonly Name[],
  signal: AbortSignal | undefined,
): AsyncGenerator<GatewayEvent<Name>> {
  const unknown = topics.find((topic) => !allTopics.includes(topic))
  if (unknown !== undefined) throw new TypeError(`there is no topic ${unknown}: ${allTopics.join(', ')}`)
  const reader = view.events(topics)?.getReader()
  if (reader === undefined) throw new Error('too many loops read the events of this gateway: end some of them')
  const cancel = () => void reader.cancel()
  signal?.addEventListener('abort', cancel, { once: true })
  try {
    while (signal?.aborted !== true) {
      const { done, value } = await reader.read()
      if (done) return
      yield { topic: value.topic, data: value.data } as GatewayEvent<Name>
    }
  } finally {
    signal?.removeEventListener('abort', cancel)
    await reader.cancel()
  }
}
