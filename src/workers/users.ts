/**
 * Limits of users over all workers: the control process counts. A worker asks before each request of a user with limits, and says
 * what the user has had. While there is no control process each worker counts for itself, and says afterwards what is open.
 */
import type { UserLimitSettings } from '../downstream/proxy-auth.ts'
import { GatewayError } from '../errors.ts'
import type { CountedConnection, LimitedUser, SharedCounts, UserLimits } from '../proxy/user-limits.ts'
import type { ToControl, ToWorker } from './messages.ts'

type Then = Parameters<SharedCounts['request']>[2]

/** The side of a worker. */
export class WorkerUsers implements SharedCounts {
  readonly #send: (message: ToControl) => boolean
  readonly #numbers = new Map<CountedConnection, { readonly number: number; readonly user: string }>()
  readonly #asked = new Map<number, Then>()
  readonly #octets = new Map<string, number>()
  #lastNumber = 0

  /** @param send returns false while there is no control process */
  constructor(send: (message: ToControl) => boolean) {
    this.#send = send
  }

  request(connection: CountedConnection, { name, limits }: LimitedUser, then: Then): void {
    const known = this.#numbers.get(connection)
    const number = known?.user === name ? known.number : ++this.#lastNumber
    if (known?.user !== name) {
      this.left(connection)
      this.#numbers.set(connection, { number, user: name })
    }
    if (this.#send({ kind: 'user-request', connection: number, user: name, limits })) this.#asked.set(number, then)
    else then(undefined)
  }

  answer({ connection, refusal, addresses }: Extract<ToWorker, { kind: 'user-answer' }>): void {
    const then = this.#asked.get(connection)
    this.#asked.delete(connection)
    if (refusal === undefined) then?.(undefined, addresses)
    else {
      const { message, retryAfterMs } = refusal
      then?.(new GatewayError('GW_USER_LIMIT', message, { detail: { retryAfterMs } }))
    }
  }

  left(connection: CountedConnection): void {
    const known = this.#numbers.get(connection)
    if (known === undefined) return
    this.#numbers.delete(connection)
    this.#asked.delete(known.number)
    this.#send({ kind: 'user-left', connection: known.number })
  }

  lent(user: string, id: string): void {
    this.#send({ kind: 'user-lent', user, id })
  }

  moved(user: string, octets: number): void {
    this.#octets.set(user, (this.#octets.get(user) ?? 0) + octets)
  }

  /** What was moved since the last call. */
  takeOctets(): readonly (readonly [user: string, octets: number])[] {
    const octets = [...this.#octets].filter(([, count]) => count > 0)
    this.#octets.clear()
    return octets
  }

  /** What is open, for a control process that does not know it. */
  get open(): readonly (readonly [connection: number, user: string])[] {
    return [...this.#numbers.values()].map(({ number, user }) => [number, user])
  }

  /** No answer comes: what this worker has counted decides. */
  disconnected(): void {
    const asked = [...this.#asked.values()]
    this.#asked.clear()
    for (const then of asked) then(undefined)
  }
}

/** The side of the control process. */
export class UsersOfWorkers {
  readonly #users: UserLimits
  readonly #send: (worker: number, message: ToWorker) => void
  /** Worker -> number of a connection -> what it is counted as here. */
  readonly #connections = new Map<number, Map<number, CountedConnection>>()

  constructor(users: UserLimits, send: (worker: number, message: ToWorker) => void) {
    this.#users = users
    this.#send = send
  }

  #of(worker: number): Map<number, CountedConnection> {
    let connections = this.#connections.get(worker)
    if (connections === undefined) {
      connections = new Map()
      this.#connections.set(worker, connections)
    }
    return connections
  }

  request(worker: number, connection: number, name: string, limits: UserLimitSettings): void {
    const connections = this.#of(worker)
    const counted = connections.get(connection) ?? { socket: NO_OCTETS }
    const answer = { kind: 'user-answer', connection } as const
    try {
      this.#users.request(counted, { name, limits })
      connections.set(connection, counted)
      const addresses = this.#users.addressesAtLimit({ name, limits })
      this.#send(worker, addresses === undefined ? answer : { ...answer, addresses })
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      const { retryAfterMs } = error.detail
      const refusal = { message: error.message, retryAfterMs: Number(retryAfterMs) }
      this.#send(worker, { ...answer, refusal })
    }
  }

  left(worker: number, connection: number): void {
    const connections = this.#of(worker)
    const counted = connections.get(connection)
    connections.delete(connection)
    if (counted !== undefined) this.#users.left(counted)
  }

  lent(user: string, id: string): void {
    this.#users.had(user, id)
  }

  moved(octets: readonly (readonly [user: string, octets: number])[]): void {
    for (const [user, count] of octets) this.#users.moved(user, count)
  }

  /** A worker says what is open in it. */
  known(worker: number, open: readonly (readonly [connection: number, user: string])[]): void {
    this.gone(worker)
    for (const [connection, user] of open) {
      const counted = { socket: NO_OCTETS }
      this.#of(worker).set(connection, counted)
      this.#users.counts(counted, user)
    }
  }

  /** What was open in a worker has ended. */
  gone(worker: number): void {
    for (const connection of [...this.#of(worker).keys()]) this.left(worker, connection)
  }
}

/** Octets are counted by the worker. */
const NO_OCTETS = { bytesRead: 0, bytesWritten: 0 }
