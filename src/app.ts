/** The composition root: alone knows every part. Starts them in order, stops them in reverse. */
import { readFileSync } from 'node:fs'
import { liveView } from './admin/live-view.ts'
import { type AdminSettings, startAdmin } from './admin/server.ts'
import { startCallback } from './callback/listener.ts'
import { type Clock, SystemClock } from './clock.ts'
import {
  type AdminConfig,
  type ApiProviderConfig,
  type Config,
  isApi,
  isDemo,
  isStatic,
  type ProviderConfig,
} from './config/schema.ts'
import { type DemoWorld, startDemoWorld } from './demo/world.ts'
import { connectionRoom } from './descriptors.ts'
import { createLog, type Log } from './log.ts'
import { type Address, formatAuthority } from './net/address.ts'
import { Health } from './pool/health.ts'
import { Pool, type PoolObserver } from './pool/pool.ts'
import type { UpstreamTls } from './pool/upstream.ts'
import { Limiters } from './refill/limiter.ts'
import type { ProviderSettings } from './refill/provider.ts'
import { Supply } from './refill/supply.ts'
import type { Secret } from './secret.ts'
import { DataSide, type DataSideSettings } from './session/data-side.ts'
import { TrafficCounters } from './session/traffic.ts'
import type { Restored, Store } from './store/contract.ts'
import { forgetfulStore } from './store/memory.ts'
import { memoryFile } from './store/memory-file.ts'
import { openStore } from './store/store.ts'
import {
  type CallGate,
  openSource,
  openVendorHttp,
  ownKeysOf,
  type SourceMemory,
  type VendorHttp,
} from './vendors/registry.ts'
import type { Source, ProviderSettings as SourceSettings } from './vendors/vendor.ts'

export interface App {
  /** Where clients connect, in the order of `listen:`. */
  readonly addresses: readonly Address[]
  readonly pool: Pool
  readonly supply: Supply
  readonly data: DataSide
  readonly traffic: TrafficCounters
  /** Accepts nobody, waits for open tunnels as long as `stop.drain`, then ends everything. */
  stop(): Promise<void>
  /** Ends everything at once. */
  abort(): Promise<void>
}

export interface AppDeps {
  readonly clock?: Clock
  readonly log?: Log
}

/**
 * Starts the whole gateway.
 * @throws the system's error when a port cannot be had, after closing what was open
 */
export async function startApp(config: Config, deps: AppDeps = {}): Promise<App> {
  const ownClock = deps.clock === undefined ? new SystemClock() : undefined
  const clock = deps.clock ?? (ownClock as Clock)
  const log = deps.log ?? createLog(config.log)
  /** What has been opened, the latest first. */
  const closers: (() => unknown)[] = [() => ownClock?.close()]
  const closeAll = async () => {
    for (const close of closers.splice(0)) await close()
  }
  try {
    const { store, restored } = await openState(config, { clock, log })
    closers.unshift(() => store.close())
    const http = openVendorHttp({ clock })
    closers.unshift(() => http.close())
    const limiters = new Limiters(clock, store, restored.calls)
    closers.unshift(() => limiters.close())
    const accounts = await openAccounts(config, { clock, log, http, gate: limiters.gate })
    closers.unshift(() => accounts.close())
    const parts = assemble(config, accounts.opened, { clock, log, limiters, store })
    closers.unshift(
      () => parts.data.close(),
      () => parts.supply.close(),
    )
    parts.supply.restore(restored)
    parts.data.sticky.restore(restored.sessions)
    const addresses = await parts.data.listen()
    if (config.admin !== 'off') {
      const admin = await startAdmin(adminSettings(config.admin, config.state), liveView({ ...parts, clock }), {
        log,
        clock,
      })
      closers.unshift(() => admin.close())
      parts.data.reservePort(admin.address.port)
    }
    if (config.callback !== 'off') {
      const callback = await startCallback(config.callback, () => parts.supply.hint(), { clock })
      closers.unshift(() => callback.close())
      parts.data.reservePort(callback.address.port)
    }
    parts.supply.start()
    announce(config, addresses, log)
    return { ...parts, addresses, abort: closeAll, stop: () => drain(parts.data, clock, config.stop.drain, closeAll) }
  } catch (error) {
    await closeAll()
    throw error
  }
}

/** Tells where it listens and what to try next. */
function announce(config: Config, addresses: readonly Address[], log: Log): void {
  const room = connectionRoom()
  if (config.limits.connections > room) {
    log.warn(
      { wanted: config.limits.connections, used: room },
      'limits.connections is more than half the descriptor limit: raise it with ulimit -n',
    )
  }
  addresses.forEach(({ host, port }, index) => {
    const proxy = formatAuthority(host, port)
    const name = config.listen[index]?.name
    const user = config.listen[index]?.users?.[0]?.name
    const login = user === undefined ? '' : ` -U ${user}:PASSWORD`
    const page = config.providers.some(isDemo) ? 'http://whoami.demo/' : 'https://example.com/'
    log.info({ listen: proxy, name }, `ready for HTTP and SOCKS; try: curl -x http://${proxy}${login} ${page}`)
  })
}

/** Pool, health, supply and data side, joined: what one tells the other is all here. */
function assemble(
  config: Config,
  accounts: readonly Account[],
  { clock, log, limiters, store }: { clock: Clock; log: Log; limiters: Limiters; store: Store },
) {
  const observer: PoolObserver = {
    lendable: () => data.broker.serve(),
    rescheduled: () => supply.poolRescheduled(),
    gone: (upstream, reason) => {
      supply.upstreamGone(upstream, reason)
      data.upstreamGone(upstream, reason)
    },
  }
  const pool = new Pool(config.pool, observer)
  const health = new Health(pool, config.health, {
    proof: (upstream, worked, cause) => supply.proof(upstream, worked, cause),
    lineDown: (provider, broken) => supply.lineDown(provider, broken),
    lineUp: (provider) => supply.lineUp(provider),
  })
  const traffic = new TrafficCounters(log, { access: config.log.access === 'on' })
  const { floor, ceiling, targetLoad, idleAfter, minLife, perUpstream } = config.pool
  const refill = {
    floor,
    ceiling,
    targetLoad,
    idleAfter,
    minLife,
    uses: perUpstream.uses,
    waitTimeout: config.wait.timeout,
  }
  const supply: Supply = new Supply(refill, accounts, {
    clock,
    pool,
    log,
    limiters,
    store,
    onSettled: () => data.broker.serve(),
  })
  const data: DataSide = new DataSide(dataSettings(config), {
    clock,
    pool,
    health,
    supply: supply.refiller,
    store,
    observer: traffic,
  })
  return { pool, health, traffic, supply, data }
}

const nothing: Restored = { upstreams: [], calls: [], purchases: [], totals: [], sessions: [] }

/** Opens the folder that keeps what money bought. */
async function openState(
  config: Config,
  deps: { clock: Clock; log: Log },
): Promise<{ store: Store; restored: Restored }> {
  if (config.state === 'off') return { store: forgetfulStore(), restored: nothing }
  return openStore(config.state.path, { ...deps, log: deps.log.child({ mod: 'store' }) })
}

function adminSettings({ host, port, token }: AdminConfig, state: Config['state']): AdminSettings {
  return { host, port, token, stateDir: state === 'off' ? undefined : state.path }
}

async function drain(data: DataSide, clock: Clock, drainMs: number, closeAll: () => Promise<void>): Promise<void> {
  data.stopAccepting()
  const deadline = clock.now() + drainMs
  while (data.isBusy && clock.now() < deadline) await clock.sleep(Math.min(DRAIN_POLL_MS, deadline - clock.now()))
  await closeAll()
}

const DRAIN_POLL_MS = 50

interface Account {
  readonly settings: ProviderSettings
  readonly source: Source
}

interface AccountDeps {
  readonly clock: Clock
  readonly log: Log
  readonly http: VendorHttp
  readonly gate: CallGate
}

/** Opens every provider's account; the demo vendor is started first, as a company of its own on loopback. */
async function openAccounts(
  config: Config,
  deps: AccountDeps,
): Promise<{ opened: Account[]; close: () => Promise<void> }> {
  const worlds: DemoWorld[] = []
  const opened: Account[] = []
  for (const provider of config.providers) {
    const tls = tlsOf(provider)
    const common = { settings: providerSettings(config, provider, tls) }
    if (isDemo(provider)) {
      const { channels, life, fetch } = provider
      const world = await startDemoWorld(
        { channels, life: [life[0], life[1]], fetch },
        { clock: deps.clock, log: deps.log.child({ mod: 'demo' }) },
      )
      worlds.push(world)
      const settings = {
        ...sourceSettings(config, provider),
        product: 'channel',
        credentials: { key: world.key },
        baseUrl: world.baseUrl,
        allowPrivate: true,
        channels,
      }
      opened.push({ ...common, source: openSource(settings, deps) })
    } else
      opened.push({
        ...common,
        source: openSource(sourceSettings(config, provider), { ...deps, ...memoryOf(config, provider) }),
      })
  }
  return { opened, close: async () => void (await Promise.all(worlds.map((world) => world.close()))) }
}

/** Where a provider keeps what must not be forgotten between an order and its answer. */
function memoryOf({ state }: Config, provider: ProviderConfig): { memory?: SourceMemory } {
  return state === 'off' ? {} : { memory: memoryFile(state.path, provider.name) }
}

/** What the vendor's engine needs of a provider's configuration. */
function sourceSettings(config: Config, provider: ProviderConfig): SourceSettings {
  const { username, password, protocol, tls } = provider.upstream
  return {
    name: provider.name,
    vendor: provider.vendor,
    product: isApi(provider) ? provider.product : 'list',
    credentials: isApi(provider) ? provider.credentials : {},
    request: isApi(provider) ? definedOnly(provider.request) : {},
    ...(isApi(provider) ? { own: ownSettings(provider) } : {}),
    upstream: {
      ...(username === undefined ? {} : { username: username.reveal() }),
      ...(password === undefined ? {} : { password }),
      ...(protocol === undefined ? {} : { protocol }),
      tls: tls !== false,
    },
    allowPrivate: provider.allowPrivate,
    limit: provider.limit,
    callTimeoutMs: provider.callTimeout,
    maxBodyBytes: config.supply.bodyBytes,
    ...(provider.ttl === undefined ? {} : { ttlMs: provider.ttl }),
    ...(isApi(provider) && provider.baseUrl !== undefined ? { baseUrl: provider.baseUrl } : {}),
    ...(isApi(provider) && provider.channels !== undefined ? { channels: provider.channels } : {}),
    ...(isStatic(provider) && provider.list !== undefined ? { list: provider.list } : {}),
    ...(isStatic(provider) && provider.file !== undefined ? { file: provider.file } : {}),
    ...(isStatic(provider) && provider.url !== undefined ? { url: provider.url } : {}),
  }
}

/** What stands under the keys that only this product has. */
function ownSettings(provider: ApiProviderConfig): Readonly<Record<string, unknown>> {
  const names = Object.keys(ownKeysOf(provider.vendor, provider.product))
  return definedOnly(Object.fromEntries(Object.entries(provider).filter(([name]) => names.includes(name))))
}

function definedOnly<T>(record: Readonly<Record<string, T | undefined>>): Record<string, T> {
  const entries = Object.entries(record).filter((entry): entry is [string, T] => entry[1] !== undefined)
  return Object.fromEntries(entries)
}

function tlsOf(provider: ProviderConfig): UpstreamTls | undefined {
  const { tls } = provider.upstream
  if (tls === false) return undefined
  const { servername, ca } = tls as { servername?: string; ca?: string }
  return {
    verify: tls.verify,
    ...(servername === undefined ? {} : { serverName: servername }),
    ...(ca === undefined ? {} : { ca: readFileSync(ca, 'utf8') }),
  }
}

function providerSettings(config: Config, provider: ProviderConfig, tls: UpstreamTls | undefined): ProviderSettings {
  const { username, password } = provider.upstream as { username?: Secret; password?: Secret }
  return {
    name: provider.name,
    priority: provider.priority,
    weight: provider.weight,
    ceiling: provider.ceiling,
    budget: provider.budget,
    lowStock: provider.lowStock,
    price: provider.price,
    isRemembered: isApi(provider),
    whitelist: isApi(provider) ? provider.whitelist : 'off',
    arrival: {
      provider: provider.name,
      ttlMs: provider.ttl,
      marginMs: config.pool.margin,
      username: username?.reveal(),
      password,
      tls,
    },
    backoffMs: config.supply.backoff,
    maxBackoffMs: config.supply.maxBackoff,
    reprobeMs: config.supply.reprobe,
    whitelistReprobeMs: config.supply.whitelistReprobe,
  }
}

function dataSettings(config: Config): DataSideSettings {
  const { limits, dial, wait } = config
  return {
    ports: config.listen.map((port) => ({
      host: port.host,
      port: port.port,
      users: port.users,
      allow: port.allow,
      provider: port.provider,
      strategy: port.strategy,
      session: port.session,
      optionHeaders: port.optionHeaders,
      upstreamHeader: port.upstreamHeader,
      handshakeMs: limits.handshake,
      maxHeaderBytes: limits.headerBytes,
      maxEarlyBytes: limits.earlyBytes,
    })),
    maxConnections: Math.min(limits.connections, connectionRoom()),
    handshakeMs: limits.handshake,
    maxHeaderBytes: limits.headerBytes,
    dialTimeoutMs: dial.timeout,
    warm: dial.warm,
    dialDeadlineMs: dial.deadline,
    tries: dial.tries,
    // With one use per address a hedge would spend two for one tunnel.
    hedgeAfter: config.pool.perUpstream.uses === 1 ? 'off' : dial.hedgeAfter,
    idleMs: config.relay.idle,
    wait: { timeoutMs: wait.timeout, queue: wait.queue },
    session: config.session,
    strategy: config.rotation.strategy,
    perRequest: config.rotation.per === 'request',
    retryStatuses: config.rotation.retryStatuses,
    bans: config.bans.map(({ host, status, rest }) => ({
      matches: hostMatcher(host),
      statuses: new Set(status),
      restMs: rest,
    })),
    providers: config.providers.map((provider) => provider.name),
    closesAtDeadline: config.pool.onDeadline === 'close',
  }
}

/** `*.example.com` is every host below it; anything else is the host itself. */
function hostMatcher(pattern: string): (host: string) => boolean {
  const lower = pattern.toLowerCase()
  if (lower === '*') return () => true
  if (lower.startsWith('*.')) return (host) => host.toLowerCase().endsWith(lower.slice(1))
  return (host) => host.toLowerCase() === lower
}
