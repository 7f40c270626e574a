/** The composition root: alone knows every part. Starts them in order, stops them in reverse. */
import { hostname } from 'node:os'
import type { Address } from './address.ts'
import type { GatewayParts } from './admin/gateway-report.ts'
import { type LiveView, liveView } from './admin/live-view.ts'
import { type AdminSettings, startAdmin } from './admin/server.ts'
import { Webhook, type WebhookPost } from './admin/webhook/webhook.ts'
import { type CallbackListener, startCallback } from './callback/listener.ts'
import { type ClientSide, clientsOf } from './client-side.ts'
import { type Clock, SystemClock } from './clock.ts'
import type { MemberParts } from './cluster/contract.ts'
import type { Cluster } from './cluster/open.ts'
import type { ConfigSource } from './config/load.ts'
import { poolSettings } from './config/pool-limits.ts'
import { linkYaml } from './config/provider-yaml.ts'
import { type AdminConfig, type Config, isDemo, isStatic } from './config/schema.ts'
import type { DescriptorBudget } from './descriptors.ts'
import { type Closable, closeGently, drainObserver, offerHandover } from './handover.ts'
import { internalErrors, runInBackground } from './internal-errors.ts'
import type { Log } from './log.ts'
import { type ConnectGuard, openConnectGuard } from './network/connect-guard.ts'
import type { InheritedSockets } from './network/inherited-sockets.ts'
import { Health } from './pool/health.ts'
import { Pool, type PoolObserver } from './pool/pool.ts'
import { DataPlane } from './proxy/data-plane.ts'
import { StreamCounters } from './proxy/stream-info.ts'
import { type LoadedConfig, logAdvice, Reload } from './reload.ts'
import { budgetOf, dataSettings, webhookSettings } from './settings.ts'
import type { HandoverStore, Restored, Store } from './store/contract.ts'
import { LocalAccountStore } from './store/local-account-store.ts'
import { forgetfulStore } from './store/memory.ts'
import { PausableAccountStore } from './store/pausable-account-store.ts'
import { openStore } from './store/sqlite/store.ts'
import { Accounts } from './supply/account.ts'
import { type ConfiguredSource, ConfiguredSources, openLink, plannerSettings } from './supply/configured-sources.ts'
import { OperatorCalls } from './supply/operator/call.ts'
import { SourceTrials } from './supply/operator/test-source.ts'
import { Supply } from './supply/supply.ts'
import type { Predecessor } from './takeover/client.ts'
import { openVendorHttp, type VendorHttp } from './vendors/registry.ts'
import type { Workers, WorkersOptions, WorkersParts } from './workers/control.ts'

export interface App {
  /** Where clients connect, in the order of `listen:`. */
  readonly addresses: readonly Address[]
  /** Where the operator asks; undefined with `admin: off`. */
  readonly admin: Address | undefined
  readonly pool: Pool
  readonly supply: Supply
  readonly data: DataPlane
  readonly traffic: StreamCounters
  readonly clock: Clock
  /** The configuration in force, and where it listens. */
  readonly gateway: GatewayParts
  /** What the admin port shows and does, whether there is one or not. */
  readonly view: LiveView
  /** Reads the configuration again, or another one: reload.ts. */
  reload(...args: Parameters<Reload['reload']>): ReturnType<Reload['reload']>
  /** Clients that are being served. */
  openConnections(): number
  /** Accepts no more clients, waits for open tunnels as long as `stop.drain` or `stop.takeover`, then ends everything. A later call may shorten that. */
  stop(reason?: string): Promise<void>
  /** Ends everything at once. */
  abort(): Promise<void>
}

type ControlProcess = Omit<WorkersOptions, 'clock' | 'log'>

export interface AppDeps {
  readonly clock?: Clock
  readonly log: Log
  /** Where the gateway may connect, and how names are resolved; a test hands in its own. */
  readonly guard?: ConnectGuard
  /** What the configuration was read from, for those who ask the admin port. */
  readonly source?: ConfigSource
  /** Reads it again, for a reload. @throws {ConfigError} */
  readonly read?: () => LoadedConfig
  /** For the metrics. */
  readonly logLinesLost?: () => number
  /** Sockets that listen already: ports of the configuration use them. Closed when the start fails. */
  readonly inherited?: InheritedSockets | undefined
  /** The running gateway that is taken over. */
  readonly predecessor?: Predecessor | undefined
  /** Workers serve the clients, and this process does the rest. */
  readonly control?: ControlProcess | undefined
  /** Another process has taken over, and serves. Undefined: none may. */
  readonly onTakenOver?: () => void
}

/**
 * Starts the whole gateway.
 * @throws the system's error when a port cannot be opened, after closing what was open
 */
export async function startApp(config: Config, deps: AppDeps): Promise<App> {
  const ownClock = deps.clock === undefined ? new SystemClock() : undefined
  const clock = deps.clock ?? (ownClock as Clock)
  const { log, inherited, predecessor, onTakenOver } = deps
  /** What has been opened, the latest first. */
  const closers: (() => unknown)[] = [
    () => inherited?.close(),
    () => predecessor?.close(),
    logInternalErrors(log),
    () => ownClock?.close(),
  ]
  const closeAll = async () => {
    for (const close of closers.splice(0)) await close()
  }
  try {
    const carried = await predecessor?.release()
    const cluster = await openCluster(config, { clock, log })
    const { store, restored } = cluster ?? (await openState(config, { clock, log }))
    closers.unshift(() => cluster?.close() ?? store.close())
    const guard = deps.guard ?? openConnectGuard(clock)
    closers.unshift(() => guard.close())
    const http = openVendorHttp({ clock, guard })
    closers.unshift(() => http.close())
    const ownStore = cluster?.accounts ?? new LocalAccountStore(clock, store, restored)
    const accountStore = new PausableAccountStore(clock, ownStore)
    const accounts = new Accounts(clock, accountStore)
    closers.unshift(() => accounts.close())
    const { gate, learnedOf } = accounts
    const sources = new ConfiguredSources({ clock, log, http, gate, learnedOf })
    closers.unshift(() => sources.close())
    const opening = await sources.prepare(config)
    await opening.commit()()
    const budget = budgetOf(config)
    let workers: Workers | undefined
    const parts = assemble(config, budget, opening.opened, {
      ...{ clock, log, accounts, store, guard, inherited, cluster, workers: deps.control && (() => workers) },
    })
    workers = await openWorkers(deps.control, { clock, log }, { ...parts, guard })
    const clients = workers ?? clientsOf(parts.data)
    closers.unshift(() => workers?.close())
    const reload = new Reload({ config, source: deps.source }, deps.read, { ...parts, clients, clock, log, sources })
    closers.unshift(
      () => reload.close(),
      () => parts.data.close(),
      () => parts.hand.close(),
      () => parts.trials.close(),
      () => parts.supply.close(),
    )
    if (carried !== undefined) parts.pool.succeed(carried, clock.now())
    parts.supply.restore(restored)
    parts.data.sessionTable.restore(restored.sessions)
    await cluster?.member.join(memberParts(parts))
    const view = liveView({
      ...parts,
      ...{ clients, clock },
      faults: () => ({ internalErrors: internalErrors.count, logLinesLost: deps.logLinesLost?.() ?? 0 }),
      openLink: (link) => openLink(reload.config, link, { clock, http, gate, learnedOf }),
      linkYaml,
      gateway: reload,
      reload: () => reload.reload('admin port'),
      isStoreDown: () => cluster?.member.status.isStoreDown ?? false,
    })
    closers.unshift(() => view.close())
    const webhook = openWebhook(config, { ...view, clock, log, http, reload })
    closers.unshift(() => webhook.close())
    const others: Closable[] = []
    const admin = await openAdmin(config, budget, { view, reload, guard }, { log, clock, inherited })
    closers.unshift(() => admin?.close())
    if (admin !== undefined) workers?.reservePort(admin.address.port)
    if (config.admin !== 'off' && admin !== undefined) others.push({ place: config.admin, ...admin })
    const callback = await openCallback(config, parts, { clock, guard, maxConnections: budget.callback, inherited })
    closers.unshift(() => callback?.close())
    if (callback !== undefined) workers?.reservePort(callback.address.port)
    if (config.callback !== 'off' && callback !== undefined) others.push({ place: config.callback, ...callback })
    // Last of what may fail: until then the clients of a port that is taken over wait, and the former process may go on with them.
    await clients.listen(config)
    predecessor?.serving(drainObserver(parts.pool, clock))
    parts.supply.start()
    logAdvice(config, budget, log)
    reload.watch()
    const handover =
      onTakenOver &&
      (await offerHandover(config, {
        ...{ ...parts, clock, log, store, accountStore, reload },
        otherPorts: others,
        onTaken: () => {
          for (const port of others) runInBackground(port.close())
          onTakenOver()
        },
      }))
    closers.unshift(() => handover?.close())
    return {
      ...parts,
      clock,
      view,
      gateway: reload,
      get addresses() {
        return reload.addresses
      },
      admin: admin?.address,
      openConnections: () => parts.traffic.connections.open.length,
      abort: closeAll,
      reload: (...args) => reload.reload(...args),
      stop: stopOnce({ ...parts, clients, clock, reload, inherited }, closeAll),
    }
  } catch (error) {
    await closeAll()
    throw error
  }
}

/** @returns undefined with `admin: off` */
async function openAdmin(
  { admin: settings, state }: Config,
  budget: DescriptorBudget,
  { view, reload, guard }: { readonly view: LiveView; readonly reload: Reload; readonly guard: ConnectGuard },
  deps: { readonly log: Log; readonly clock: Clock; readonly inherited: InheritedSockets | undefined },
) {
  if (settings === 'off') return undefined
  const admin = await startAdmin(adminSettings(settings, state, budget.admin), view, deps)
  reload.onApplied(({ admin: changed }) => {
    if (changed !== 'off' && changed.token !== undefined) admin.useToken(changed.token)
  })
  guard.reservePort(admin.address.port)
  return admin
}

/** What a receiver of warnings answers means nothing but its status. */
const MAX_WEBHOOK_ANSWER_BYTES = 65_536

/** Where warnings go, follows each reload. */
function openWebhook(
  config: Config,
  {
    http,
    reload,
    log,
    ...deps
  }: Pick<LiveView, 'verdict'> & { clock: Clock; log: Log; http: VendorHttp; reload: Reload },
): Webhook {
  const post = async ({ allowPrivate, ...request }: WebhookPost, signal: AbortSignal) => {
    const headers = { 'content-type': 'application/json; charset=utf-8' }
    const limits = { maxBodyBytes: MAX_WEBHOOK_ANSWER_BYTES, isForeign: !allowPrivate }
    return (await http.call({ method: 'POST', headers, ...request, ...limits }, signal)).status
  }
  const webhook = new Webhook(webhookSettings(config), {
    ...deps,
    log: log.child({ mod: 'webhook' }),
    host: hostname(),
    post,
  })
  reload.onApplied((changed) => webhook.configure(webhookSettings(changed)))
  return webhook
}

/** @returns undefined where no vendor reports changes */
async function openCallback(
  { callback }: Config,
  { supply }: ReturnType<typeof assemble>,
  {
    guard,
    ...deps
  }: {
    readonly clock: Clock
    readonly guard: ConnectGuard
    readonly maxConnections: number
    readonly inherited: InheritedSockets | undefined
  },
): Promise<CallbackListener | undefined> {
  if (callback === 'off') return undefined
  const listener = await startCallback(callback, () => supply.hint(), deps)
  guard.reservePort(listener.address.port)
  return listener
}

/** @returns the undo */
function logInternalErrors(log: Log): () => void {
  return internalErrors.listen((stack, times) =>
    log.error({ stack, times }, 'an internal error has ended a connection or a task: please report it'),
  )
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
    inherited,
    cluster,
    workers,
  }: {
    clock: Clock
    log: Log
    accounts: Accounts
    store: Store
    guard: ConnectGuard
    inherited: InheritedSockets | undefined
    cluster: Cluster | undefined
    /** Undefined: this process serves the clients. */
    workers: (() => Workers | undefined) | undefined
  },
) {
  const observer: PoolObserver = {
    lendable: (upstream) => data.leaseQueue.serve(upstream),
    rescheduled: () => supply.poolRescheduled(),
    added: (upstream) => cluster?.owners?.added(upstream),
    spent: (upstream) => cluster?.spent(upstream),
    wanted: () => cluster?.owners?.needed(),
    endedHere: (upstream) => cluster?.owners?.leaseEnded(upstream),
    gone: (upstream, reason) => {
      cluster?.owners?.gone(upstream)
      supply.upstreamGone(upstream, reason)
      data.upstreamGone(upstream, reason)
      workers?.()?.gone(upstream, reason)
    },
    rested: (upstream, until) => {
      cluster?.rested(upstream, until)
      workers?.()?.rested(upstream, until)
    },
    banned: (upstream, host, until) => {
      cluster?.banned(upstream, host, until)
      workers?.()?.banned(upstream, host, until)
    },
    ...(workers === undefined ? {} : { changed: (upstream) => workers()?.changed(upstream) }),
  }
  const pool = new Pool(poolSettings(config), observer)
  const health = new Health(pool, config.health, {
    firstUse: (upstream, worked, cause) => {
      supply.proof(upstream, worked, cause)
      cluster?.firstUse(upstream, worked, cause)
    },
    lineDown: (provider, broken) => supply.lineDown(provider, broken),
    lineUp: (provider) => supply.lineUp(provider),
  })
  const traffic = new StreamCounters(log, clock, { access: config.log.access === 'on' })
  const supply: Supply = new Supply(plannerSettings(config), sources, {
    clock,
    pool,
    log,
    accounts,
    store,
    onSettled: () => {
      data.leaseQueue.review()
      workers?.()?.review()
    },
    ...(cluster === undefined ? {} : { role: cluster.member }),
  })
  const data: DataPlane = new DataPlane(dataSettings(config, budget), {
    clock,
    pool,
    health,
    supply: supply.planner,
    store,
    guard,
    inherited,
    observer: traffic,
    directory: cluster?.sessions,
    opening: workers === undefined ? 'alone' : 'elsewhere',
  })
  const operator = {
    ...{ clock, accounts, guard, log: log.child({ mod: 'hand' }) },
    // Others after a reload.
    get providers() {
      return supply.providers
    },
    get allowPrivate() {
      return data.allowPrivate
    },
  }
  const hand = new OperatorCalls(operator)
  const trials = new SourceTrials(operator)
  return { pool, health, traffic, supply, data, hand, trials }
}

/** Its code, and that of Redis, is loaded only where there is a cluster. */
async function openCluster(config: Config, deps: { clock: Clock; log: Log }): Promise<Cluster | undefined> {
  const { cluster } = config
  if (cluster === undefined) return undefined
  const { Cluster } = await import('./cluster/open.ts')
  return new Cluster({ ...config, cluster }, deps)
}

/** Its code is loaded only in the control process of several workers. */
async function openWorkers(
  control: ControlProcess | undefined,
  deps: { clock: Clock; log: Log },
  parts: WorkersParts,
): Promise<Workers | undefined> {
  if (control === undefined) return undefined
  const { Workers } = await import('./workers/control.ts')
  return new Workers({ ...control, ...deps }, parts)
}

/** What a host of a cluster works for. */
function memberParts({ pool, supply, data }: ReturnType<typeof assemble>): MemberParts {
  return {
    pool,
    supply,
    review: () => data.leaseQueue.review(),
    wants: () => data.leaseQueue.wants,
    handedOver: (upstream) => data.handedOver(upstream),
    endLeases: (upstream) => data.endLeases(upstream),
    sessionMoved: (key, upstream) => {
      data.sessionTable.bind(key, upstream, true)
      data.leaseQueue.sessionMoved(key, upstream)
    },
  }
}

const nothing: Restored = { upstreams: [], calls: [], purchases: [], unknown: [], totals: [], sessions: [] }

/** Opens the folder that keeps what money bought. */
async function openState(
  config: Config,
  deps: { clock: Clock; log: Log },
): Promise<{ store: Store | HandoverStore; restored: Restored }> {
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

interface StopParts {
  readonly data: DataPlane
  readonly clients: ClientSide
  readonly supply: Supply
  readonly clock: Clock
  readonly reload: Reload
  readonly inherited: InheritedSockets | undefined
}

/** @returns `App.stop`: the first call begins the end, a later one may only shorten it */
function stopOnce(
  { data, clients, supply, clock, reload, inherited }: StopParts,
  closeAll: () => Promise<void>,
): App['stop'] {
  let isTakenOver = false
  let drainsUntil = Number.POSITIVE_INFINITY
  let draining: Promise<void> | undefined
  const drainAll = async () => {
    // systemd keeps the ports: a process that it starts next serves the clients that connect meanwhile.
    if (inherited !== undefined) await closeGently(data, clock)
    await drain(clients, clock, () => drainsUntil)
    if (!isTakenOver) await giveBack(supply, clock)
    await closeAll()
  }
  return (reason) => {
    const { stop } = reload.config
    isTakenOver ||= reason === 'takeover'
    drainsUntil = Math.min(drainsUntil, clock.now() + (reason === 'takeover' ? stop.takeover : stop.drain))
    draining ??= drainAll()
    return draining
  }
}

/** @param until clock ms; may become earlier */
async function drain(clients: ClientSide, clock: Clock, until: () => number): Promise<void> {
  clients.stopAccepting()
  while (clients.isBusy && clock.now() < until()) await clock.sleep(Math.min(DRAIN_POLL_MS, until() - clock.now()))
}

const DRAIN_POLL_MS = 50
/** Where providers give back what they hold when the gateway stops (`giveBack.onStop`), ms. */
const LONGEST_GIVE_BACK_MS = 5_000

async function giveBack(supply: Supply, clock: Clock): Promise<void> {
  const tooLong = new AbortController()
  const timer = clock.after(LONGEST_GIVE_BACK_MS, () => tooLong.abort(new Error('the gateway is stopping')))
  await supply.giveBack(tooLong.signal)
  timer.clear()
}
