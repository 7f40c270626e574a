/**
 * The control process's side of its workers: settings, addresses and what others have seen of them go down; demand, outcomes
 * and reports come up. The pool of record is the gateway's own; nothing is lent from it to clients of a port.
 */
import type { Address } from '../address.ts'
import type { ClientSide } from '../app/client-side.ts'
import type { DescriptorBudget } from '../app/descriptors.ts'
import { dataSettings } from '../app/settings.ts'
import type { Clock, Timer } from '../clock.ts'
import { hasLimits } from '../config/pool-limits.ts'
import type { Config } from '../config/schema.ts'
import { runInBackground } from '../internal-errors.ts'
import type { Log } from '../log/log.ts'
import type { ConnectGuard } from '../network/connect-guard.ts'
import type { InheritedSockets } from '../network/inherited-sockets.ts'
import type { Pool } from '../pool/pool.ts'
import type { GoneReason, Upstream } from '../pool/upstream.ts'
import type { AddressDesk } from '../proxy/address-requests.ts'
import type { DataPlane, DataPlaneChange } from '../proxy/data-plane.ts'
import type { StreamCounters } from '../proxy/stream-counters.ts'
import type { UserLimits } from '../proxy/user-limits.ts'
import type { Supply } from '../supply/supply.ts'
import { AcknowledgementsOfWorkers } from './acknowledgements.ts'
import { ControlSocket } from './control-socket.ts'
import { Desk } from './desk.ts'
import { dispatch } from './dispatch.ts'
import { WorkersHandover } from './handover.ts'
import { Members } from './members.ts'
import { type HandlerParts, handlersFor } from './message-handlers.ts'
import type { FromSupervisor, Hello, PlainWaiting, Report, ToWorker } from './messages.ts'
import { OutlookFeed } from './outlook-feed.ts'
import { OwnersOfPool } from './owners-of-pool.ts'
import { PoolFeed } from './pool-feed.ts'
import { PortInheritance } from './port-inheritance.ts'
import type { SupervisorChannel } from './role.ts'
import { Rollout } from './rollout.ts'
import { SessionsOfWorkers } from './sessions.ts'
import { Silence } from './silence.ts'
import { UsersOfWorkers } from './users.ts'
import { WorkerReports } from './worker-reports.ts'

export interface WorkersOptions {
  readonly clock: Clock
  readonly log: Log
  /** Of the socket. */
  readonly place: string
  readonly count: number
  readonly supervisor: SupervisorChannel
  /** Sockets that listen already. */
  readonly inherited: InheritedSockets | undefined
  /** A line of JSON for the log. */
  readonly writeLog: (line: string) => void
}

export interface WorkersParts {
  readonly pool: Pool
  readonly supply: Supply
  readonly data: DataPlane
  readonly traffic: StreamCounters
  readonly users: UserLimits
  readonly guard: ConnectGuard
}

const TICK_MS = 100
/** What is to be said of providers is worked out with each so many ticks. */
const OUTLOOKS_EVERY = 5

export class Workers implements ClientSide {
  readonly #options: WorkersOptions
  readonly #socket: ControlSocket
  readonly #members: Members
  readonly #silence: Silence
  readonly #parts: WorkersParts
  readonly #reports: WorkerReports
  readonly #sessions: SessionsOfWorkers
  readonly #owners: OwnersOfPool
  readonly #rollout: Rollout
  readonly feed: PoolFeed
  readonly outlooks: OutlookFeed
  readonly handover: WorkersHandover
  #inheritance: PortInheritance | undefined
  readonly #ownPorts: Address[] = []
  readonly #desk: Desk
  readonly #users: UsersOfWorkers
  readonly #acknowledgements: AcknowledgementsOfWorkers
  readonly #handlerParts: HandlerParts
  /** Each upstream belongs to one worker, whatever the configuration says. */
  #isEachOwned = false
  #ticks = 0
  #timer: Timer | undefined
  #isStopping = false

  constructor(options: WorkersOptions, parts: WorkersParts) {
    const { clock, supervisor, count } = options
    this.#options = options
    this.#parts = parts
    this.#members = new Members(supervisor.running)
    this.#socket = new ControlSocket({
      joined: (hello) => this.#joined(hello),
      message: (worker, message) => {
        this.#silence.reported(worker)
        dispatch(handlersFor(worker, this.#handlerParts), message)
      },
      disconnected: (worker) => this.#disconnected(worker),
    })
    const send = (worker: number, message: ToWorker) => this.#socket.send(worker, message)
    this.feed = new PoolFeed({ ...parts, clock, socket: this.#socket })
    this.outlooks = new OutlookFeed(parts.supply, this.#socket)
    this.#rollout = new Rollout({ count, send })
    this.handover = new WorkersHandover({
      ...{ clock, pool: parts.pool, supervisor, send },
      connected: () => this.#members.connected,
      serving: () => this.#allServing,
      placeOf: (address) => this.#rollout.placeOf(address),
    })
    const closeConnection = (worker: number, id: number) => send(worker, { kind: 'close', id })
    const mayBeServed = (worker: number, waiting: readonly PlainWaiting[]) => this.#owners.mayServe(worker, waiting)
    this.#reports = new WorkerReports({ ...parts, clock, closeConnection, mayBeServed })
    this.#users = new UsersOfWorkers(parts.users, send)
    this.#acknowledgements = new AcknowledgementsOfWorkers(clock, this.#members, send)
    const { place } = options
    const claim = (ids: readonly string[]) => this.#owners.claimLendable(count, ids)
    this.#desk = new Desk({ clock, place, worker: count, users: parts.users, closed: parts.data, claim })
    const { running } = supervisor
    this.#silence = new Silence(running)
    // The desk of a control process ends with it.
    const mayHaveLost = supervisor.hasLostWorker || running.length > 0
    this.#owners = new OwnersOfPool({
      ...{ ...parts, clock, send, running, mayHaveLost },
      sessionsOn: (id) => this.#sessions.livingOn(id),
    })
    this.#sessions = new SessionsOfWorkers({
      ...{ clock, send, table: parts.data.sessionTable },
      upstreamOf: (id) => parts.pool.get(id),
      isReading: () => this.feed.isReading,
      sendAll: (message) => this.#socket.sendAll(message),
    })
    this.#handlerParts = {
      ...{ ...parts, log: options.log, writeLog: options.writeLog, feed: this.feed, reports: this.#reports },
      ...{ owners: this.#owners, sessions: this.#sessions, users: this.#users, members: this.#members },
      ...{ rollout: this.#rollout, handover: this.handover, acknowledgements: this.#acknowledgements, send },
      serves: (worker) => this.#serves(worker),
      ownEach: () => this.#ownEach(),
    }
    supervisor.onMessage((message, handle) => this.#receive(message, handle))
  }

  #receive(message: FromSupervisor, handle: unknown): void {
    if (message.kind === 'worker-exited') this.#exited(message.worker)
    else if (message.kind === 'socket') this.handover.received(message, handle)
    else if (message.kind === 'sockets-end') this.handover.shared(message)
  }

  // --- Start, settings, end --------------------------------------------------------------------------------------

  /**
   * Starts the workers, or finds those that are running, and resolves when all serve.
   * @throws the system's error when a port cannot be opened
   */
  async listen(config: Config): Promise<void> {
    const { clock, count, place, supervisor, inherited } = this.#options
    const isFirst = supervisor.running.length === 0
    if (!isFirst) this.feed.expectUnknown()
    await this.#rollout.begin(config, !isFirst, inherited)
    this.#inheritance = new PortInheritance(inherited, config.listen, count)
    this.#owners.use(hasLimits(config) || this.#isEachOwned, [])
    await this.#socket.open(place)
    this.#members.mayCome(clock)
    supervisor.send({ kind: 'start-workers' })
    const hasDesk = config.admin !== 'off'
    if (hasDesk) this.#desk.open()
    this.#scheduleTick()
    await this.#rollout.allServe(
      Array(hasDesk ? count + 1 : count)
        .keys()
        .toArray(),
    )
    this.#inheritance.close()
    this.#inheritance = undefined
    await this.#parts.data.listen()
  }

  /** For programs that ask for addresses. Without the admin port no program does. */
  get addressRequests(): AddressDesk {
    return this.#desk
  }

  /** Opens the ports that are new in a configuration, in all workers. @throws as `listen` */
  async prepare(config: Config, budget: DescriptorBudget): Promise<DataPlaneChange> {
    const own = await this.#parts.data.prepare(dataSettings(config, budget))
    const theirs = await this.#rollout.prepare(config, this.#members.serving).catch(async (error) => {
      await own.cancel()
      throw error
    })
    return {
      cancel: async () => {
        theirs.cancel()
        await own.cancel()
      },
      commit: () => {
        own.commit()
        theirs.commit()
        this.#reserveListening()
        this.#owners.use(hasLimits(config) || this.#isEachOwned, this.#members.connected)
      },
    }
  }

  /** No client may be led to where the gateway listens. */
  #reserveListening(): void {
    for (const address of this.addresses) this.#parts.guard.reservePort(address)
  }

  /** The gateway listens there too. */
  reservePort({ host, port }: Address): void {
    this.#ownPorts.push({ host, port })
    this.#socket.sendAll({ kind: 'own-port', host, port })
  }

  get addresses(): readonly Address[] {
    return this.#rollout.addresses
  }

  get gauges(): Report['gauges'] {
    return this.#reports.gauges
  }

  stopAccepting(): void {
    this.#isStopping = true
    this.#options.supervisor.send({ kind: 'stopping' })
    this.#socket.sendAll({ kind: 'stop' })
  }

  get isBusy(): boolean {
    return this.#members.isBusy
  }

  close(): void {
    this.#isStopping = true
    this.#timer?.clear()
    this.#options.supervisor.send({ kind: 'stopping' })
    this.#socket.sendAll({ kind: 'end' })
    this.#inheritance?.close()
    this.#desk.close()
    this.#parts.users.close()
    this.#sessions.close()
    this.#acknowledgements.close()
    this.#socket.close()
  }

  // --- Workers come and go ---------------------------------------------------------------------------------------

  /** Also one that is here already, and has given up what it owned: upstreams have got owners. */
  #joined(hello: Hello): void {
    const { worker, upstreams, sessions, moved, addresses, users, isEachOwned } = hello
    this.#silence.reported(worker)
    const isNew = this.#members.joined(worker)
    if (isNew) this.#rollout.learnPorts(addresses)
    if (isEachOwned) this.#ownEach(worker)
    this.#reports.forget(worker)
    this.#sessions.known(worker, sessions, moved)
    this.#users.known(worker, users)
    if (isNew) this.#equip(worker)
    this.#owners.joined(worker, upstreams, worker < this.#options.count)
    this.#members.reported(worker)
  }

  /** Tells a worker that has come all that it must know. */
  #equip(worker: number): void {
    const send = (message: ToWorker) => this.#socket.send(worker, message)
    const sockets = this.#inheritance?.of(worker) ?? []
    runInBackground(this.handover.give(worker, sockets))
    this.#rollout.equip(worker, sockets.length)
    if (this.#isEachOwned) send({ kind: 'each-owned' })
    for (const { host, port } of this.#ownPorts) send({ kind: 'own-port', host, port })
    this.feed.equip(worker)
    this.outlooks.equip(worker)
  }

  /** Undefined: one that is to serve a port does not. */
  get #allServing(): readonly number[] | undefined {
    const serving = this.#members.serving.filter((worker) => worker < this.#options.count)
    return serving.length === this.#options.count ? serving : undefined
  }

  /**
   * A client of a worker needs an upstream, or counts on it, alone: from now on each belongs to one worker.
   * @param but a worker that knows it
   */
  #ownEach(but?: number): void {
    if (this.#isEachOwned) return
    this.#isEachOwned = true
    this.#socket.sendAll({ kind: 'each-owned' }, but)
    this.#owners.use(
      true,
      this.#members.connected.filter((worker) => worker !== but),
    )
  }

  #disconnected(worker: number): void {
    if (this.#members.disconnected(worker)) this.#left(worker)
  }

  #exited(worker: number): void {
    if (this.#members.exited(worker)) this.#left(worker)
  }

  #left(worker: number): void {
    this.#members.left(worker)
    this.#silence.left(worker)
    this.handover.left(worker)
    this.#reports.left(worker)
    this.#sessions.left(worker)
    this.#users.gone(worker)
    this.#owners.left(worker)
    this.#rollout.left(worker)
    if (this.#isStopping) return
    this.#options.log.error({ worker }, 'a worker has ended, and its tunnels with it: another one is started')
  }

  #serves(worker: number): void {
    this.#members.serves(worker)
    this.#reserveListening()
  }

  /** A lease in the process before this gateway has ended. */
  endedBefore({ id }: Upstream): void {
    this.#owners.endedBefore(id)
  }

  // --- What the gateway says -------------------------------------------------------------------------------------

  /** It has come, or its deadline or login has changed. */
  changed(upstream: Upstream): void {
    this.feed.changed(upstream)
    this.#reports.appeared(upstream)
    this.#owners.added(upstream)
    this.#reports.review()
  }

  gone(upstream: Upstream, reason: GoneReason): void {
    this.#reports.gone(upstream)
    this.#owners.gone(upstream.id)
    this.feed.gone(upstream, reason)
  }

  async sessionRotated(key: string): Promise<void> {
    this.#socket.sendAll({ kind: 'rotate', key })
    await this.#acknowledgements.awaitAll()
  }

  #scheduleTick(): void {
    const { clock } = this.#options
    this.#timer = clock.after(TICK_MS, () => {
      this.#scheduleTick()
      this.#owners.tick()
      this.#reports.review()
      for (const worker of this.#silence.tick()) this.#endSilent(worker)
      if (this.#ticks++ % OUTLOOKS_EVERY === 0) this.outlooks.review()
      if (this.feed.tick()) this.#owners.endReading()
    })
  }

  #endSilent(worker: number): void {
    this.#options.log.error({ worker }, 'a worker does not answer: its process is ended')
    this.#options.supervisor.send({ kind: 'end-worker', worker })
  }
}
