/** The composition root: alone knows every part. Starts them in order, stops them in reverse. */

import { type Address, formatAuthority } from './address.ts'
import { liveView } from './admin/live-view.ts'
import { type AdminSettings, startAdmin } from './admin/server.ts'
import { type CallbackListener, startCallback } from './callback/listener.ts'
import { type Clock, SystemClock } from './clock.ts'
import type { ConfigSource } from './config/load.ts'
import { linkYaml } from './config/provider-yaml.ts'
import { type AdminConfig, type Config, isDemo, isStatic, privateProviders } from './config/schema.ts'
import { warningsOf } from './config/warnings.ts'
import { type DescriptorBudget, descriptorBudget } from './descriptors.ts'
import { internalErrors } from './internal-errors.ts'
import type { Log } from './log.ts'
import { type ConnectGuard, openConnectGuard } from './network/connect-guard.ts'
import { Health } from './pool/health.ts'
import { Pool, type PoolObserver } from './pool/pool.ts'
import { DataPlane, type DataPlaneSettings } from './proxy/data-plane.ts'
import { TrafficCounters } from './proxy/stream-info.ts'
import type { Restored, Store } from './store/contract.ts'
import { LocalAccountStore } from './store/local-account-store.ts'
import { forgetfulStore } from './store/memory.ts'
import { openStore } from './store/sqlite/store.ts'
import { Accounts } from './supply/account.ts'
import { type ConfiguredSource, openConfiguredSources, openLink, plannerSettings } from './supply/configured-sources.ts'
import { OperatorCalls } from './supply/operator/call.ts'
import { SourceTrials } from './supply/operator/test-source.ts'
import { Supply } from './supply/supply.ts'
import { openVendorHttp } from './vendors/registry.ts'

export interface App {
  /** Where clients connect, in the order of `listen:`. */
  readonly addresses: readonly Address[]
  /** Where the operator asks; undefined with `admin: off`. */
  readonly admin: Address | undefined
  readonly pool: Pool
  readonly supply: Supply
  readonly data: DataPlane
  readonly traffic: TrafficCounters
  /** Accepts nobody, waits for open tunnels as long as `stop.drain`, then ends everything. */
  stop(): Promise<void>
  /** Ends everything at once. */
  abort(): Promise<void>
}

export interface AppDeps {
  readonly clock?: Clock
  readonly log: Log
  /** Where the gateway may connect, and how names are resolved; a test hands in its own. */
  readonly guard?: ConnectGuard
  /** What the configuration was read from, for those who ask the admin port. */
  readonly source?: ConfigSource
  /** For the metrics. */
  readonly logLinesLost?: () => number
}

/**
 * Starts the whole gateway.
 * @throws the system's error when a port cannot be had, after closing what was open
 */
export async function startApp(config: Config, deps: AppDeps): Promise<App> {
  const ownClock = deps.clock === undefined ? new SystemClock() : undefined
  const clock = deps.clock ?? (ownClock as Clock)
  const { log } = deps
  /** What has been opened, the latest first. */
  const closers: (() => unknown)[] = [logInternalErrors(log), () => ownClock?.close()]
  const closeAll = async () => {
    for (const close of closers.splice(0)) await close()
  }
  try {
    const { store, restored } = await openState(config, { clock, log })
    closers.unshift(() => store.close())
    const guard = deps.guard ?? openConnectGuard(clock)
    closers.unshift(() => guard.close())
    const http = openVendorHttp({ clock, guard })
    closers.unshift(() => http.close())
    const accounts = new Accounts(clock, new LocalAccountStore(clock, store, restored))
    closers.unshift(() => accounts.close())
    const { gate, learnedOf } = accounts
    const sources = await openConfiguredSources(config, { clock, log, http, gate, learnedOf })
    closers.unshift(() => sources.close())
    const budget = budgetOf(config)
    const parts = assemble(config, budget, sources.opened, { clock, log, accounts, store, guard })
    closers.unshift(
      () => parts.data.close(),
      () => parts.hand.close(),
      () => parts.trials.close(),
      () => parts.supply.close(),
    )
    parts.supply.restore(restored)
    parts.data.sessionTable.restore(restored.sessions)
    const addresses = await parts.data.listen()
    let adminAddress: Address | undefined
    if (config.admin !== 'off') {
      const view = liveView({
        ...parts,
        clock,
        faults: () => ({ internalErrors: internalErrors.count, logLinesLost: deps.logLinesLost?.() ?? 0 }),
        openLink: (link) => openLink(config, link, { clock, http, gate, learnedOf }),
        linkYaml,
        gateway: { config, source: deps.source, addresses },
      })
      closers.unshift(() => view.close())
      const admin = await startAdmin(adminSettings(config.admin, config.state, budget.admin), view, { log, clock })
      closers.unshift(() => admin.close())
      adminAddress = admin.address
      parts.data.reservePort(admin.address.port)
    }
    const callback = await openCallback(config, parts, { clock, maxConnections: budget.callback })
    closers.unshift(() => callback?.close())
    parts.supply.start()
    announce(config, addresses, budget, log)
    return {
      ...parts,
      addresses,
      admin: adminAddress,
      abort: closeAll,
      stop: () => drain(parts.data, clock, config.stop.drain, closeAll),
    }
  } catch (error) {
    await closeAll()
    throw error
  }
}

/** @returns undefined where no vendor reports changes */
async function openCallback(
  { callback }: Config,
  { data, supply }: ReturnType<typeof assemble>,
  deps: { readonly clock: Clock; readonly maxConnections: number },
): Promise<CallbackListener | undefined> {
  if (callback === 'off') return undefined
  const listener = await startCallback(callback, () => supply.hint(), deps)
  data.reservePort(listener.address.port)
  return listener
}

/** @returns the undo */
function logInternalErrors(log: Log): () => void {
  return internalErrors.listen((stack, times) =>
    log.error({ stack, times }, 'an internal error has ended a connection or a task: please report it'),
  )
}

/** Tells where it listens and what to try next. */
function announce(
  config: Config,
  addresses: readonly Address[],
  { connections: room }: DescriptorBudget,
  log: Log,
): void {
  if (config.limits.connections > room) {
    log.warn(
      { wanted: config.limits.connections, used: room },
      'limits.connections is more than half the descriptor limit: raise it with ulimit -n',
    )
  }
  for (const { path, message } of warningsOf(config)) log.warn({ path }, message)
  addresses.forEach(({ host, port }, index) => {
    const proxy = formatAuthority(host, port)
    const name = config.listen[index]?.name
    const user = config.listen[index]?.users?.[0]?.name
    const login = user === undefined ? '' : ` -U ${user}:PASSWORD`
    const page = config.providers.some(isDemo) ? 'http://whoami.demo/' : 'https://example.com/'
    log.info({ listen: proxy, name }, `ready for HTTP and SOCKS; try: curl -x http://${proxy}${login} ${page}`)
  })
}

function budgetOf({ admin, callback, dial, limits, listen, pool, providers }: Config): DescriptorBudget {
  const hasDemo = providers.some(isDemo)
  return descriptorBudget({
    connections: limits.connections,
    // The demo's upstreams are in this process: they accept a connection, and may open one to the target.
    socketsPerConnection: hasDemo ? 4 : 2,
    listeners: listen.length,
    providers: providers.length,
    hasAdmin: admin !== 'off',
    hasCallback: callback !== 'off',
    hedges: dial.hedgeAfter !== 'off' && pool.perUpstream.uses !== 1,
    preconnects: dial.warm > 0,
  })
}

/** Pool, health, supply and data plane, joined: what one tells the other is all here. */
function assemble(
  config: Config,
  budget: DescriptorBudget,
  sources: readonly ConfiguredSource[],
  {
    clock,
    log,
    accounts,
    store,
    guard,
  }: { clock: Clock; log: Log; accounts: Accounts; store: Store; guard: ConnectGuard },
) {
  const observer: PoolObserver = {
    lendable: (upstream) => data.leaseQueue.serve(upstream),
    rescheduled: () => supply.poolRescheduled(),
    gone: (upstream, reason) => {
      supply.upstreamGone(upstream, reason)
      data.upstreamGone(upstream, reason)
    },
  }
  const pool = new Pool(config.pool, observer)
  const health = new Health(pool, config.health, {
    firstUse: (upstream, worked, cause) => supply.proof(upstream, worked, cause),
    lineDown: (provider, broken) => supply.lineDown(provider, broken),
    lineUp: (provider) => supply.lineUp(provider),
  })
  const traffic = new TrafficCounters(log, clock, { access: config.log.access === 'on' })
  const supply: Supply = new Supply(plannerSettings(config), sources, {
    clock,
    pool,
    log,
    accounts,
    store,
    onSettled: () => data.leaseQueue.review(),
  })
  const data: DataPlane = new DataPlane(dataSettings(config, budget), {
    clock,
    pool,
    health,
    supply: supply.planner,
    store,
    guard,
    observer: traffic,
  })
  const hand = new OperatorCalls({ clock, log: log.child({ mod: 'hand' }), accounts, providers: supply.providers })
  const trials = new SourceTrials({
    ...{ clock, guard, providers: supply.providers },
    log: log.child({ mod: 'hand' }),
    allowPrivate: privateProviders(config),
  })
  return { pool, health, traffic, supply, data, hand, trials }
}

const nothing: Restored = { upstreams: [], calls: [], purchases: [], unknown: [], totals: [], sessions: [] }

/** Opens the folder that keeps what money bought. */
async function openState(
  config: Config,
  deps: { clock: Clock; log: Log },
): Promise<{ store: Store; restored: Restored }> {
  if (config.state === 'off') return { store: forgetfulStore(), restored: nothing }
  // Lists and the demo record no calls, or few; with a vendor the first client waits for one.
  const eager = config.providers.some((provider) => !isStatic(provider) && !isDemo(provider))
  return openStore(config.state.path, { ...deps, eager, log: deps.log.child({ mod: 'store' }) })
}

function adminSettings(
  { host, port, token }: AdminConfig,
  state: Config['state'],
  maxConnections: number,
): AdminSettings {
  return { host, port, token, stateDir: state === 'off' ? undefined : state.path, maxConnections }
}

async function drain(data: DataPlane, clock: Clock, drainMs: number, closeAll: () => Promise<void>): Promise<void> {
  data.stopAccepting()
  const deadline = clock.now() + drainMs
  while (data.isBusy && clock.now() < deadline) await clock.sleep(Math.min(DRAIN_POLL_MS, deadline - clock.now()))
  await closeAll()
}

const DRAIN_POLL_MS = 50

function dataSettings(config: Config, budget: DescriptorBudget): DataPlaneSettings {
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
      listen: { port: port.port, name: port.name },
      optionHeaders: port.optionHeaders,
      upstreamHeader: port.upstreamHeader,
      handshakeMs: limits.handshake,
      maxHeaderBytes: limits.headerBytes,
      maxEarlyBytes: limits.earlyBytes,
    })),
    maxConnections: budget.connections,
    minUnidentified: budget.unidentified,
    handshakeMs: limits.handshake,
    maxHeaderBytes: limits.headerBytes,
    dialTimeoutMs: dial.timeout,
    warm: dial.warm,
    maxWarm: budget.preconnects,
    maxHedges: budget.hedges,
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
    allowPrivate: privateProviders(config),
    routes: config.routes.length === 0 ? undefined : { routes: config.routes, groups: config.groups },
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
