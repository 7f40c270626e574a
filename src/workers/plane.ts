/** What serves clients in a worker, from its first settings on: a data plane whose pool and supply follow the control process. */

import { budgetOf, dataSettings } from '../app/settings.ts'
import type { Clock } from '../clock.ts'
import { poolSettings } from '../config/pool-limits.ts'
import { given } from '../given.ts'
import { createLog, type Log, setLogLevel } from '../log/log.ts'
import { openConnectGuard } from '../network/connect-guard.ts'
import type { InheritedSockets } from '../network/inherited-sockets.ts'
import type { CarriedUpstream } from '../pool/former-process.ts'
import { Health } from '../pool/health.ts'
import type { Upstream } from '../pool/upstream.ts'
import { DataPlane, type DataPlaneChange } from '../proxy/data-plane.ts'
import type { PortOpening } from '../proxy/ports.ts'
import type { CarriedSession } from '../proxy/session-table.ts'
import { StreamCounters } from '../proxy/stream-counters.ts'
import { UserLimits } from '../proxy/user-limits.ts'
import { Reaper } from '../supply/reaper.ts'
import { ConnectionReporter } from './connections.ts'
import { CounterChanges } from './counters.ts'
import type { HandlersOf } from './dispatch.ts'
import type { Hello, Report, ToControl, ToWorker } from './messages.ts'
import { RemoteSupply } from './remote-supply.ts'
import { Replica } from './replica.ts'
import { WorkerSessions } from './sessions.ts'
import type { WorkerSettings } from './settings-wire.ts'
import { WorkerUsers } from './users.ts'

interface PlaneParts {
  readonly clock: Clock
  readonly opening: PortOpening
  /** Sockets that listen already. */
  readonly inherited: InheritedSockets
  /** Counts for the users of all workers; undefined: it is in the control process. */
  readonly users: UserLimits | undefined
  /** @returns false while there is no control process */
  readonly send: (message: ToControl) => boolean
  /** Reports again all that the control process must know. */
  readonly sendHello: () => void
  readonly writeLog: (line: string) => void
}

/** Octets of open connections are compared with each so many reports. */
const OCTETS_EVERY = 10

type ProcessMessage = 'prepare' | 'commit' | 'cancel' | 'share-sockets' | 'pause' | 'resume' | 'stop' | 'end'
type PlaneMessage = Exclude<ToWorker, { kind: ProcessMessage }>

export class WorkerPlane {
  readonly data: DataPlane
  readonly handlers: HandlersOf<PlaneMessage>
  readonly #parts: PlaneParts
  #settings: WorkerSettings
  readonly #log: Log
  readonly #health: Health
  readonly #traffic: StreamCounters
  readonly #replica: Replica
  readonly #supply: RemoteSupply
  readonly #sessions: WorkerSessions
  readonly #users: WorkerUsers
  readonly #guard: ReturnType<typeof openConnectGuard>
  readonly #reaper: Reaper
  readonly #counters: CounterChanges
  readonly #connections: ConnectionReporter
  #reports = 0
  /** Each upstream belongs to one worker, whatever the settings say. */
  #isEachOwned = false
  #isTelling = false

  constructor(settings: WorkerSettings, parts: PlaneParts) {
    const { clock, send, writeLog, opening, inherited, users } = parts
    const { config, isOwned } = settings
    this.#settings = settings
    this.#parts = parts
    this.#log = createLog({ level: config.log.level, format: 'json' }, { write: writeLog })
    this.#guard = openConnectGuard(clock)
    const replica: Replica = new Replica(poolSettings(config), isOwned, {
      ...{ clock, send },
      lendable: (upstream) => data.leaseQueue.serve(upstream),
      rescheduled: () => reaper.arm(),
      gone: (upstream, reason) => data.upstreamGone(upstream, reason),
      isAwaited: (upstream) => data.leaseQueue.isAwaited(upstream),
      sessionsOn: (upstream) => this.#sessionsOn(upstream),
      sessionCame: (session, { id }) => {
        this.#sessions.placed(session.key, id)
        data.sessionTable.takeOver(session, id)
      },
    })
    const { pool } = replica
    const reaper: Reaper = new Reaper(pool, clock)
    const waitTimeoutMs = () => this.#settings.config.wait.timeout
    this.#replica = replica
    this.#reaper = reaper
    this.#health = new Health(pool, config.health, replica.healthObserver)
    this.#traffic = new StreamCounters(this.#log, clock, { access: config.log.access === 'on' })
    const isConfigured = (name: string) => this.#settings.config.providers.some((provider) => provider.name === name)
    this.#supply = new RemoteSupply({
      ...{ clock, pool, waitTimeoutMs, isConfigured, onWaiting: () => this.#tellWaiting() },
    })
    this.#sessions = new WorkerSessions(clock, send, () => replica.isOwned)
    this.#users = new WorkerUsers(send)
    const data: DataPlane = new DataPlane(dataSettings(config, budgetOf(config)), {
      ...{ clock, pool, opening, inherited, health: this.#health, supply: this.#supply, guard: this.#guard },
      ...{ observer: this.#traffic, store: this.#sessions, directory: this.#sessions },
      users: users ?? new UserLimits(clock, { shared: this.#users }),
    })
    this.data = data
    this.#counters = new CounterChanges(this.#traffic)
    this.#connections = new ConnectionReporter(this.#traffic.connections)
    this.handlers = this.#handlers()
  }

  #handlers(): HandlersOf<PlaneMessage> {
    const { data } = this
    const { send } = this.#parts
    return {
      ...this.#replica.handlers,
      'own-port': ({ host, port }) => this.#guard.reservePort({ host, port }),
      'user-answer': (answer) => this.#users.answer(answer),
      found: ({ question, id, left }) => this.#sessions.answer(question, id, left),
      session: ({ key, id }) => this.#sessionMoved(key, id),
      acknowledge: ({ asker, question }) => void send({ kind: 'acknowledged', asker, question }),
      acknowledging: ({ question, workers }) => this.#sessions.acknowledgements.expect(question, workers),
      acknowledged: ({ question }) => this.#sessions.acknowledgements.received(question),
      rotate: ({ key }) => {
        const session = data.sessionTable.rotate(key)
        // Those who wait for room on it need not.
        if (session !== undefined) data.leaseQueue.serve(session.upstream)
      },
      'each-owned': () => {
        this.#isEachOwned = true
        this.#configurePool()
        this.#sessions.agreed()
      },
      close: ({ id }) => void this.#traffic.connections.close(id),
      outlooks: ({ outlooks }) => {
        if (this.#supply.setOutlooks(outlooks)) data.leaseQueue.review()
      },
    }
  }

  /** Only where the session is known: others ask when they need it. */
  #sessionMoved(key: string, id: string): void {
    if (!this.#sessions.isCurrent(key, id)) return
    const upstream = this.#replica.pool.get(id)
    const { sessionTable, leaseQueue } = this.data
    if (upstream === undefined || !sessionTable.has(key)) return
    // What this worker has said itself comes back.
    if (sessionTable.peek(key)?.upstream === upstream) return
    this.#sessions.placed(key, id)
    // A client of it may be on its way to this address here: `own` says whether another worker has counted it.
    sessionTable.bind(key, upstream, true).counted = false
    leaseQueue.sessionMoved(key, upstream)
  }

  /** Opens the ports that are new in the settings. @throws the system's error */
  async prepare(settings: WorkerSettings): Promise<DataPlaneChange> {
    const ports = await this.data.prepare(dataSettings(settings.config, budgetOf(settings.config)))
    return { commit: () => this.#commit(settings, ports), cancel: () => ports.cancel() }
  }

  #commit(settings: WorkerSettings, ports: { commit(): void }): void {
    const { config } = settings
    this.#settings = settings
    this.#health.configure(config.health)
    this.#traffic.accessLog = config.log.access === 'on'
    setLogLevel(this.#log, config.log.level)
    ports.commit()
    this.#configurePool()
  }

  #configurePool(): void {
    const { config, isOwned } = this.#settings
    const isAnew = this.#replica.configure(poolSettings(config), isOwned || this.#isEachOwned)
    if (isAnew) this.#parts.sendHello()
  }

  #sessionsOn(upstream: Upstream): readonly CarriedSession[] {
    const keys = [...this.#sessions.keysOn(upstream.id)]
    return keys.flatMap((key) => this.data.sessionTable.carried(key, upstream) ?? [])
  }

  /** What a control process must know that does not know this worker yet. */
  hello(): Omit<Hello, 'kind' | 'worker'> {
    this.#replica.loads.forget()
    this.#connections.forget()
    const sessions = this.data.sessionTable.list()
    // When this is sent.
    queueMicrotask(() => this.#askAgain())
    return {
      addresses: this.data.addresses,
      isEachOwned: this.#isEachOwned,
      upstreams: this.#replica.upstreams,
      sessions: Array.from(sessions, ({ key, upstream }) => [key, upstream.id]),
      moved: this.#sessions.takeUntold(),
      users: this.#users.open,
    }
  }

  /** What the control process before this one has not answered. */
  #askAgain(): void {
    this.#sessions.connected()
    for (const { upstream } of this.data.leaseQueue.wants.upstreams)
      if (upstream.isElsewhere) this.#parts.send({ kind: 'wanted', id: upstream.id })
  }

  /** What it alone knows of the upstreams that it owns. */
  get owned(): readonly CarriedUpstream[] {
    return this.#replica.upstreams.filter(({ isOwned }) => isOwned)
  }

  isElsewhere(id: string): boolean {
    return this.#replica.pool.get(id)?.isElsewhere ?? false
  }

  /** At once, but many clients that come together are one message. */
  #tellWaiting(): void {
    if (this.#isTelling) return
    this.#isTelling = true
    this.#parts.clock.after(0, () => {
      this.#isTelling = false
      this.#parts.send({ kind: 'waiting', waiting: this.#supply.waiting })
    })
  }

  /** What has changed since the last report. */
  report(): Report {
    const { data } = this
    this.#reports++
    const asked = this.#supply.takeAsked()
    return {
      kind: 'report',
      gauges: { connections: data.connections, tunnels: data.tunnels, waiting: data.leaseQueue.waitingCount },
      counters: this.#counters.take(),
      ...given({ asked }),
      loads: this.#replica.loads.take(),
      octets: this.#users.takeOctets(),
      connections: this.#connections.take(this.#parts.clock.now(), this.#reports % OCTETS_EVERY === 0),
    }
  }

  /** The control process has ended. */
  disconnected(): void {
    this.#sessions.disconnected()
    this.#users.disconnected()
  }

  /** Ends everything at once. */
  close(): void {
    this.data.close()
    this.#reaper.close()
    this.#sessions.close()
    this.#guard.close()
  }
}
