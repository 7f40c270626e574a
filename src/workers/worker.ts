/** A worker as a whole: the data plane of a gateway whose control plane is another process. The composition root of its process. */
import type { Address } from '../address.ts'
import type { Clock, Timer } from '../clock.ts'
import { poolSettings } from '../config/pool-limits.ts'
import type { ErrorCode } from '../errors.ts'
import { runInBackground } from '../internal-errors.ts'
import { createLog, type Log, setLogLevel } from '../log.ts'
import { openConnectGuard } from '../network/connect-guard.ts'
import { Health } from '../pool/health.ts'
import { DataPlane, type DataPlaneChange } from '../proxy/data-plane.ts'
import { StreamCounters } from '../proxy/stream-info.ts'
import { budgetOf, dataSettings } from '../settings.ts'
import { Reaper } from '../supply/reaper.ts'
import { ConnectionReporter } from './connections.ts'
import { CounterChanges } from './counters.ts'
import { dispatch, type HandlersOf } from './dispatch.ts'
import { ControlLink } from './link.ts'
import type { Hello, PlainError, Report, ToControl, ToWorker } from './messages.ts'
import { RemoteSupply } from './remote-supply.ts'
import { Replica } from './replica.ts'
import { WorkerSessions } from './sessions.ts'
import { readSettings, type WorkerSettings } from './settings-wire.ts'

export interface WorkerOptions {
  readonly clock: Clock
  /** Its number, from 0. */
  readonly worker: number
  /** The control process's socket. */
  readonly place: string
  /** Everything has been closed at the word of the control process. */
  readonly onEnd: () => void
}

/** How often changes are reported, ms. */
const REPORT_MS = 100
/** Octets of open connections are looked at with each so many reports. */
const OCTETS_EVERY = 10
const DRAIN_POLL_MS = 50
/** Log lines that wait for a control process; more are lost. */
const MAX_LINES = 10_000

/** What serves clients, from the first settings on. */
interface Plane {
  readonly data: DataPlane
  readonly health: Health
  readonly traffic: StreamCounters
  readonly replica: Replica
  readonly supply: RemoteSupply
  readonly sessions: WorkerSessions
  readonly guard: ReturnType<typeof openConnectGuard>
  readonly reaper: Reaper
  readonly counters: CounterChanges
  readonly connections: ConnectionReporter
  readonly log: Log
  readonly handlers: HandlersOf<Exclude<ToWorker, { kind: 'prepare' | 'end' }>>
}

export class Worker {
  readonly #options: WorkerOptions
  readonly #link: ControlLink
  #plane: Plane | undefined
  #settings: WorkerSettings | undefined
  /** Settings whose ports are open: number -> what applies them. */
  readonly #prepared = new Map<number, DataPlaneChange>()
  #reports = 0
  #timer: Timer | undefined
  #waitingTimer: Timer | undefined
  readonly #lines: string[] = []

  constructor(options: WorkerOptions) {
    this.#options = options
    this.#link = new ControlLink(options.place, options.clock, {
      hello: () => this.#hello(),
      message: (message) => this.#hear(message),
      disconnected: () => {
        this.#plane?.sessions.disconnected()
        for (const prepared of this.#prepared.values()) runInBackground(prepared.cancel())
        this.#prepared.clear()
      },
    })
  }

  get isConnected(): boolean {
    return this.#link.isConnected
  }

  open(): void {
    this.#link.open()
    this.#scheduleReport()
  }

  readonly #send = (message: ToControl): boolean => this.#link.send(message)

  #hello(): Hello {
    const plane = this.#plane
    plane?.replica.loads.forget()
    plane?.connections.forget()
    const sessions = plane?.data.sessionTable.list() ?? []
    return {
      kind: 'hello',
      worker: this.#options.worker,
      addresses: plane?.data.addresses ?? [],
      upstreams: plane?.replica.upstreams ?? [],
      sessions: Array.from(sessions, ({ key, upstream }) => [key, upstream.id]),
    }
  }

  #hear(message: ToWorker): void {
    if (message.kind === 'prepare') runInBackground(this.#prepare(message.number, readSettings(message.settings)))
    else if (message.kind === 'end') this.close()
    else if (this.#plane !== undefined) dispatch(this.#plane.handlers, message)
  }

  #handlersFor(plane: Omit<Plane, 'handlers'>): Plane['handlers'] {
    const { data, guard, sessions, supply, replica, traffic } = plane
    const take = (number: number) => {
      const prepared = this.#prepared.get(number)
      this.#prepared.delete(number)
      return prepared
    }
    return {
      ...replica.handlers,
      commit: ({ number }) => take(number)?.commit(),
      cancel: ({ number }) => runInBackground(take(number)?.cancel() ?? Promise.resolve()),
      'own-port': ({ port }) => guard.reservePort(port),
      found: ({ question, id }) => sessions.answer(question, id),
      session: ({ key, id }) => sessionMoved(plane, key, id),
      rotate: ({ key }) => rotate(data, key),
      close: ({ id }) => void traffic.connections.close(id),
      outlooks: ({ outlooks }) => {
        if (supply.hear(outlooks)) data.leaseQueue.review()
      },
      stop: () => {
        data.stopAccepting()
        this.#awaitDrained(data)
      },
    }
  }

  // --- Settings --------------------------------------------------------------------------------------------------

  async #prepare(number: number, settings: WorkerSettings): Promise<void> {
    try {
      const change = await this.#change(settings)
      this.#prepared.set(number, change)
      this.#send({ kind: 'prepared', number, addresses: this.#plane?.data.addresses ?? [] })
    } catch (error) {
      this.#send({ kind: 'unprepared', number, error: plainError(error) })
    }
  }

  async #change(settings: WorkerSettings): Promise<DataPlaneChange> {
    const { config } = settings
    const wanted = dataSettings(config, budgetOf(config))
    if (this.#plane === undefined) {
      const plane = this.#open(settings)
      this.#plane = plane
      this.#settings = settings
      await plane.data.listen()
      return { commit: () => {}, cancel: async () => {} }
    }
    const ports = await this.#plane.data.prepare(wanted)
    return { commit: () => this.#commit(settings, ports), cancel: () => ports.cancel() }
  }

  #commit(settings: WorkerSettings, ports: { commit(): void }): void {
    const { config, isOwned } = settings
    const plane = this.#plane
    if (plane === undefined) return
    this.#settings = settings
    const isAnew = plane.replica.configure(poolSettings(config), isOwned)
    plane.health.configure(config.health)
    plane.traffic.accessLog = config.log.access === 'on'
    setLogLevel(plane.log, config.log.level)
    ports.commit()
    if (isAnew) this.#send(this.#hello())
  }

  #open(settings: WorkerSettings): Plane {
    const { clock } = this.#options
    const { config } = settings
    const log = createLog({ level: config.log.level, format: 'json' }, { write: (line) => this.#log(line) })
    const guard = openConnectGuard(clock)
    const replica: Replica = new Replica(poolSettings(config), settings.isOwned, {
      clock,
      send: this.#send,
      lendable: (upstream) => data.leaseQueue.serve(upstream),
      rescheduled: () => reaper.arm(),
      gone: (upstream, reason) => data.upstreamGone(upstream, reason),
      isAwaited: (upstream) => data.leaseQueue.isAwaited(upstream),
    })
    const { pool } = replica
    const reaper: Reaper = new Reaper(pool, clock)
    const health = new Health(pool, config.health, replica.healthObserver)
    const traffic = new StreamCounters(log, clock, { access: config.log.access === 'on' })
    const waitTimeoutMs = () => this.#settings?.config.wait.timeout ?? 0
    const supply = new RemoteSupply({ clock, pool, waitTimeoutMs, onWaiting: () => this.#tellWaiting() })
    const sessions = new WorkerSessions(clock, this.#send)
    const data: DataPlane = new DataPlane(dataSettings(config, budgetOf(config)), {
      ...{ clock, pool, health, supply, guard, observer: traffic, store: sessions, directory: sessions },
      opening: 'shared',
    })
    const counters = new CounterChanges(traffic)
    const connections = new ConnectionReporter(traffic.connections)
    const plane = { data, health, traffic, replica, supply, sessions, guard, reaper, counters, connections, log }
    return { ...plane, handlers: this.#handlersFor(plane) }
  }

  #awaitDrained(data: DataPlane): void {
    if (data.isBusy) this.#options.clock.after(DRAIN_POLL_MS, () => this.#awaitDrained(data))
    else {
      this.#report()
      this.#send({ kind: 'drained' })
    }
  }

  // --- What happens here -----------------------------------------------------------------------------------------

  #log(line: string): void {
    if (this.#lines.length < MAX_LINES) this.#lines.push(line)
  }

  /** At once, but many clients that come together are one message. */
  #tellWaiting(): void {
    this.#waitingTimer ??= this.#options.clock.after(0, () => {
      this.#waitingTimer = undefined
      const { supply } = this.#plane ?? {}
      if (supply !== undefined) this.#send({ kind: 'waiting', waiting: supply.waiting })
    })
  }

  #scheduleReport(): void {
    this.#timer = this.#options.clock.after(REPORT_MS, () => {
      this.#scheduleReport()
      this.#report()
    })
  }

  #report(): void {
    const plane = this.#plane
    if (plane === undefined || !this.#link.isConnected) return
    const { data, supply, counters, connections, replica } = plane
    this.#reports++
    const asked = supply.takeAsked()
    const report: Report = {
      kind: 'report',
      gauges: { connections: data.connections, tunnels: data.tunnels, waiting: data.leaseQueue.waitingCount },
      counters: counters.take(),
      ...(asked === undefined ? {} : { asked }),
      loads: replica.loads.take(),
      connections: connections.take(this.#options.clock.now(), this.#reports % OCTETS_EVERY === 0),
    }
    this.#send(report)
    if (this.#lines.length > 0) this.#send({ kind: 'log', lines: this.#lines.splice(0) })
  }

  /** Ends everything at once. */
  close(): void {
    this.#timer?.clear()
    this.#report()
    this.#link.close()
    const plane = this.#plane
    this.#plane = undefined
    plane?.data.close()
    plane?.reaper.close()
    plane?.sessions.close()
    plane?.guard.close()
    this.#options.onEnd()
  }
}

/** Only where the session is known: others ask when they need it. */
function sessionMoved({ data, replica, sessions }: Omit<Plane, 'handlers'>, key: string, id: string): void {
  const upstream = replica.pool.get(id)
  if (upstream === undefined || !data.sessionTable.has(key)) return
  sessions.isApplying = true
  try {
    data.sessionTable.bind(key, upstream)
  } finally {
    sessions.isApplying = false
  }
  data.leaseQueue.sessionMoved(key, upstream)
}

function rotate({ sessionTable, leaseQueue }: DataPlane, key: string): void {
  const session = sessionTable.rotate(key)
  // Those who wait for room on it need not.
  if (session !== undefined) leaseQueue.serve(session.upstream)
}

function plainError(error: unknown): PlainError {
  const {
    message = 'unexpected error',
    code,
    address,
    port,
  } = error as NodeJS.ErrnoException &
    Partial<Address> & {
      address?: string
      port?: number
    }
  return {
    message,
    ...(code === undefined ? {} : { code: code as ErrorCode }),
    ...(address === undefined ? {} : { address }),
    ...(port === undefined ? {} : { port }),
  }
}
