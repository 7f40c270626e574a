/** The composition root, the only file that names every part. Starts them in order, stops them in reverse. */
import type { Address } from '../address.ts'
import type { GatewayParts } from '../admin/gateway-report.ts'
import type { LiveView } from '../admin/live-view.ts'
import { type Clock, SystemClock } from '../clock.ts'
import type { ConfigSource } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import { internalErrors, runInBackground } from '../internal-errors.ts'
import type { Log } from '../log/log.ts'
import { type ConnectGuard, openConnectGuard } from '../network/connect-guard.ts'
import type { InheritedSockets } from '../network/inherited-sockets.ts'
import type { Pool } from '../pool/pool.ts'
import type { DataPlane } from '../proxy/data-plane.ts'
import type { StreamCounters } from '../proxy/stream-counters.ts'
import { PausableAccountStore } from '../store/pausable-account-store.ts'
import { Accounts } from '../supply/account.ts'
import { ConfiguredSources } from '../supply/configured-sources.ts'
import type { Supply } from '../supply/supply.ts'
import type { Predecessor } from '../takeover/client.ts'
import { openVendorHttp } from '../vendors/registry.ts'
import type { Workers, WorkersOptions, WorkersParts } from '../workers/control.ts'
import { DataPlaneHandover } from './client-handover.ts'
import { clientsOf } from './client-side.ts'
import { drainObserver, offerHandover } from './handover.ts'
import { openOperatorSide } from './operator-side.ts'
import { joinParts, memberParts, type Parts } from './parts.ts'
import { type LoadedConfig, logAdvice, Reload } from './reload.ts'
import { budgetOf } from './settings.ts'
import { openState } from './state.ts'
import { stopOnce } from './stop.ts'

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

type ControlProcess = Omit<WorkersOptions, 'clock' | 'log' | 'inherited'>

interface AppDeps {
  readonly clock?: Clock
  readonly log: Log
  /** Where the gateway may connect, and how names are resolved; a test hands in its own. */
  readonly guard?: ConnectGuard
  /** The source of the configuration, for the admin port. */
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
  const closing = new AsyncDisposableStack()
  try {
    return await open(config, deps, closing)
  } catch (error) {
    await closing.disposeAsync()
    throw error
  }
}

/** @param closing ends what has been opened, the latest first */
async function open(config: Config, deps: AppDeps, closing: AsyncDisposableStack): Promise<App> {
  const base = await openBase(config, deps, closing)
  const { clock, log, inherited, budget, former } = base
  const { predecessor, onTakenOver, logLinesLost } = deps
  const { parts, clients, workers, reload } = await openParts(config, deps, base, closing)
  if (former !== undefined)
    parts.pool.ownership.succeed(former.upstreams, clock.now(), (upstream) => workers?.endedBefore(upstream))
  parts.supply.restore(base.restored)
  parts.data.sessionTable.restore(base.restored.sessions)
  parts.users.restore(base.restored.users)
  await base.cluster?.member.join(memberParts(parts))
  const operatorDeps = { ...parts, ...base, clients, reload, workers, logLinesLost }
  const { view, admin, ports } = await openOperatorSide(config, budget, operatorDeps, closing)
  // Last of what may fail: until then the clients of a port that is taken over wait, and the former process may go on with them.
  await predecessor?.maySucceed()
  await readListsOfSessions(parts, clock)
  await clients.listen(config)
  predecessor?.serving(drainObserver(parts.pool, clock))
  parts.supply.start()
  logAdvice(config, budget, log)
  reload.watch()
  if (onTakenOver !== undefined) {
    const onTaken = () => {
      for (const port of ports) runInBackground(port.close())
      onTakenOver()
    }
    const store = base.cluster?.succession ?? base.store
    const handover = await offerHandover(config, {
      ...{ ...parts, ...base, store, reload, otherPorts: ports, onTaken },
      clients: workers?.handover ?? new DataPlaneHandover(parts.data, clock),
    })
    closing.defer(() => handover?.close())
  }
  const closeAll = () => closing.disposeAsync()
  return {
    ...parts,
    clock,
    view,
    gateway: reload,
    get addresses() {
      return reload.addresses
    },
    admin,
    openConnections: () => parts.traffic.connections.open.length,
    abort: closeAll,
    reload: (...args) => reload.reload(...args),
    stop: stopOnce({ ...parts, clients, clock, reload, inherited }, closeAll),
  }
}

/** Clients are not served later than this because a list is slow, ms. */
const LISTS_MS = 2_000

/** Sessions of the former process on addresses of a list: with the first address of the list in the pool alone, their clients would get that. */
async function readListsOfSessions({ data, supply }: Pick<Parts, 'data' | 'supply'>, clock: Clock): Promise<void> {
  if (!data.sessionTable.isAwaiting) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = clock.after(LISTS_MS, resolve)
  runInBackground(supply.readLists().then(resolve))
  await promise
  timer.clear()
}

/** What every part needs: the clock, what the former process left, where connections may lead, the accounts. */
async function openBase(config: Config, deps: AppDeps, closing: AsyncDisposableStack) {
  const clock = deps.clock ?? closing.adopt(new SystemClock(), (own) => own.close())
  const { log, inherited, predecessor } = deps
  closing.defer(logInternalErrors(log))
  closing.defer(() => predecessor?.close())
  closing.defer(() => inherited?.close())
  const former = await predecessor?.release()
  const state = await openState(config, { clock, log, former: former?.host }, closing)
  const guard = closing.adopt(deps.guard ?? openConnectGuard(clock), (opened) => opened.close())
  const http = closing.adopt(openVendorHttp({ clock, guard }), (opened) => opened.close())
  const accountStore = new PausableAccountStore(clock, state.accounts)
  const accounts = closing.adopt(new Accounts(clock, accountStore), (opened) => opened.close())
  const budget = budgetOf(config)
  return { ...state, clock, log, inherited, former, guard, http, accountStore, accounts, budget }
}

/** The providers, the pool and what serves clients; nothing listens yet. */
async function openParts(
  config: Config,
  { source, read, control }: AppDeps,
  base: Awaited<ReturnType<typeof openBase>>,
  closing: AsyncDisposableStack,
) {
  const { clock, log, http, guard, inherited } = base
  const { gate, learnedOf } = base.accounts
  const sources = new ConfiguredSources({ clock, log, http, gate, learnedOf })
  closing.defer(() => sources.close())
  const opening = await sources.prepare(config)
  await opening.commit()()
  let workers: Workers | undefined
  const parts = joinParts(config, opening.opened, { ...base, workers: control && (() => workers) })
  workers = await openWorkers(control, { clock, log, inherited }, { ...parts, guard })
  const clients = workers ?? clientsOf(parts.data)
  closing.defer(() => workers?.close())
  const reload = new Reload({ config, source }, read, { ...parts, clients, clock, log, sources })
  const { supply, trials, operatorCalls, data } = parts
  for (const part of [supply, trials, operatorCalls, data, reload]) closing.defer(() => part.close())
  return { parts, clients, workers, reload }
}

/** @returns the undo */
function logInternalErrors(log: Log): () => void {
  return internalErrors.listen((stack, times) =>
    log.error({ stack, times }, 'an internal error has ended a connection or a task: please report it'),
  )
}

/** Its code is loaded only in the control process of several workers. */
async function openWorkers(
  control: ControlProcess | undefined,
  deps: Pick<WorkersOptions, 'clock' | 'log' | 'inherited'>,
  parts: WorkersParts,
): Promise<Workers | undefined> {
  if (control === undefined) return undefined
  const { Workers } = await import('../workers/control.ts')
  return new Workers({ ...control, ...deps }, parts)
}
