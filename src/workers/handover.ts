/**
 * Several workers when another process takes over: their sockets go to the control process, which sends them to the other
 * process and keeps copies, so that the queue of each port outlives its worker's pause.
 *
 *   openPorts: ─share-sockets─▶ each worker ─▶ supervisor ─▶ here
 *   pause:     the same, then ─pause─▶ each worker, which answers `paused`
 *   resume:    the sockets go back, then ─resume─▶
 */
import type { Address } from '../address.ts'
import type { ClientHandover } from '../app/client-handover.ts'
import type { Clock } from '../clock.ts'
import type { InheritedSocket, OpenPort } from '../network/inherited-sockets.ts'
import { type CarriedUpstream, takeUp } from '../pool/former-process.ts'
import type { Pool } from '../pool/pool.ts'
import type { LentPorts } from '../takeover/sockets.ts'
import type { ToWorker } from './messages.ts'
import { type SocketMessage, type SocketsEnd, socketOf } from './passing.ts'
import type { SupervisorChannel } from './role.ts'

interface HandoverParts {
  readonly clock: Clock
  readonly pool: Pool
  readonly supervisor: SupervisorChannel
  readonly send: (worker: number, message: ToWorker) => void
  /** All that are connected. */
  readonly connected: () => readonly number[]
  /** Those that serve a port. Undefined: one is missing. */
  readonly serving: () => readonly number[] | undefined
  /** The address in the configuration of one that a worker listens at: for port 0 it has port 0. */
  readonly placeOf: (address: Address) => Address
}

/** For a worker to send its sockets, ms. */
const SHARING_MS = 5_000
/** For a worker to serve those who are connected, ms; longer than it takes at most (stop.ts). */
const PAUSING_MS = 8_000

type Sockets = Map<number, InheritedSocket[]>

/** Answers of several workers. */
interface Answers {
  readonly missing: Set<number>
  resolve(): void
}

export class WorkersHandover implements ClientHandover {
  readonly #parts: HandoverParts
  #round = 0
  /** Worker -> its sockets that have arrived in this round. */
  #arrived: Sockets = new Map()
  /** Of the running round. */
  #sharing: Answers | undefined
  #pausing: Answers | undefined
  /** Workers that were asked to pause. */
  #paused: readonly number[] = []
  /** Copies of the sockets of workers that do not accept. */
  #kept: Sockets = new Map()

  constructor(parts: HandoverParts) {
    this.#parts = parts
  }

  async openPorts(): Promise<LentPorts> {
    const sockets = [...(await this.#gather()).values()].flat()
    return { ports: sockets.map(this.#portOf), close: () => closeAll(sockets) }
  }

  readonly #portOf = ({ address, descriptor, isShared }: InheritedSocket): OpenPort => ({
    place: this.#parts.placeOf(address),
    descriptor,
    isShared,
  })

  /** Copies of the sockets of all workers. @throws {Error} when a worker does not serve, or does not answer */
  async #gather(): Promise<Sockets> {
    const workers = this.#parts.serving()
    if (workers === undefined) throw new Error('a worker is just being started: try again')
    this.#round++
    this.#arrived = new Map(workers.map((worker) => [worker, []]))
    for (const worker of workers) this.#parts.send(worker, { kind: 'share-sockets', round: this.#round })
    try {
      await this.#answers(workers, SHARING_MS, (answers) => {
        this.#sharing = answers
      })
    } catch (error) {
      closeAll([...this.#arrived.values()].flat())
      throw error
    } finally {
      this.#sharing = undefined
    }
    return this.#arrived
  }

  /** @throws {Error} when one of them has not answered in time */
  async #answers(workers: readonly number[], longestMs: number, begin: (answers: Answers) => void): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = this.#parts.clock.after(longestMs, () => reject(new Error('a worker does not answer')))
    begin({ missing: new Set(workers), resolve })
    try {
      await promise
    } finally {
      timer.clear()
    }
  }

  /** A socket of a worker has come. */
  received(message: SocketMessage, handle: unknown): void {
    const socket = socketOf(message, handle)
    const { round, worker } = message
    if (socket === undefined) return
    if (round === this.#round && this.#sharing !== undefined) this.#arrived.get(worker)?.push(socket)
    else socket.close()
  }

  /** All sockets of a worker have come. */
  shared({ round, worker }: SocketsEnd): void {
    if (round === this.#round) answered(this.#sharing, worker)
  }

  async pause(): Promise<void> {
    const { supervisor, send, connected } = this.#parts
    supervisor.send({ kind: 'handing-over' })
    this.#kept = await this.#gather()
    this.#paused = connected()
    for (const worker of this.#paused) send(worker, { kind: 'pause' })
    await this.#answers(this.#paused, PAUSING_MS, (answers) => {
      this.#pausing = answers
    })
  }

  /** A worker lends nothing any more. @param owned what it alone knows of the upstreams that it owns */
  paused(worker: number, owned: readonly CarriedUpstream[]): void {
    const { pool, clock } = this.#parts
    const now = clock.now()
    for (const carried of owned) {
      const upstream = pool.get(carried.id)
      // Its leases are known from reports.
      if (upstream !== undefined) takeUp(upstream, { ...carried, leases: 0 }, now, now)
    }
    answered(this.#pausing, worker)
  }

  /** Its process has ended. */
  left(worker: number): void {
    answered(this.#pausing, worker)
  }

  async resume(): Promise<void> {
    const { send, supervisor, connected } = this.#parts
    const alive = new Set(connected())
    for (const worker of this.#paused) {
      const sockets = this.#kept.get(worker) ?? []
      if (!alive.has(worker)) continue
      await this.give(worker, sockets)
      send(worker, { kind: 'resume', sockets: sockets.length })
    }
    this.close()
    supervisor.send({ kind: 'continuing' })
  }

  /** Sends sockets to a worker; the copies here stay open. */
  async give(worker: number, sockets: readonly InheritedSocket[]): Promise<void> {
    const { supervisor } = this.#parts
    await Promise.all(
      sockets.map(({ address: place, handle }) =>
        supervisor.pass({ kind: 'socket', worker, round: 0, place } satisfies SocketMessage, handle),
      ),
    )
  }

  close(): void {
    closeAll([...this.#kept.values()].flat())
    this.#kept = new Map()
    this.#paused = []
  }
}

function answered(answers: Answers | undefined, worker: number): void {
  if (answers?.missing.delete(worker) === true && answers.missing.size === 0) answers.resolve()
}

function closeAll(sockets: readonly InheritedSocket[]): void {
  for (const socket of sockets) socket.close()
}
