/**
 * The consumption of the configured users, and their limits. One object for all ports: a user that is configured at several ports
 * is one user, with the limits of the port that it uses.
 *
 * A request over a limit is refused; open connections continue. Octets and addresses still count after a restart.
 */
import type { Clock, Timer } from '../clock.ts'
import type { ClientIdentity } from '../downstream/client-request.ts'
import type { Access, UserLimitSettings } from '../downstream/proxy-auth.ts'
import { GatewayError } from '../errors.ts'
import type { Filter } from '../pool/filter.ts'
import type { Restored, Store } from '../store/contract.ts'
import { UserConsumption } from './user-consumption.ts'

/** A client connection, for counting. Octets since it was accepted. */
export type CountedConnection = { readonly socket: { readonly bytesRead: number; readonly bytesWritten: number } }

export type LimitedUser = { readonly name: string; readonly limits: UserLimitSettings }

/** Who counts for several processes. */
export interface SharedCounts {
  /**
   * A request that is within the limits as far as this process knows. Calls back once, perhaps at once.
   * @param then why the user may not make it; else the addresses that it has had within the hour, when it may have no other: each
   *   with its age, ms
   */
  request(
    connection: CountedConnection,
    user: LimitedUser,
    then: (error: GatewayError | undefined, addresses?: readonly (readonly [id: string, agoMs: number])[]) => void,
  ): void
  left(connection: CountedConnection): void
  lent(user: string, id: string): void
  moved(user: string, octets: number): void
}

/** Keeps what counts over a restart. */
type UsageStore = Pick<Store, 'userUsed'>

/** How often the octets of open connections are counted and recorded, ms. */
const COUNT_EVERY_MS = 1_000

export class UserLimits {
  readonly #clock: Clock
  readonly #users = new Map<string, UserConsumption>()
  /** The user of each connection, and how many of its octets were counted. */
  readonly #connections = new Map<CountedConnection, { readonly usage: UserConsumption; octets: number }>()
  #timer: Timer | undefined
  readonly #shared: SharedCounts | undefined
  readonly #store: UsageStore | undefined
  /** What is not recorded yet. */
  readonly #changed = new Set<UserConsumption>()

  /**
   * @param shared where other processes serve the same users
   * @param store where this process records for all
   */
  constructor(clock: Clock, { shared, store }: { readonly shared?: SharedCounts; readonly store?: UsageStore } = {}) {
    this.#clock = clock
    this.#shared = shared
    this.#store = store
  }

  /** What an earlier process has recorded. Once, before the first request. */
  restore(users: Restored['users']): void {
    for (const { name, ...usage } of users) this.#usageOf(name).restore(usage, this.#clock.now())
  }

  /**
   * As `request`, over all processes.
   * @param then called once, at once where this process is the only one; the error says why the user may not make it
   */
  admit(connection: CountedConnection, user: LimitedUser, then: (error: GatewayError | undefined) => void): void {
    try {
      this.request(connection, user)
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      return void then(error)
    }
    if (this.#shared === undefined) return void then(undefined)
    this.#shared.request(connection, user, (error, addresses) => {
      if (addresses !== undefined) this.#usageOf(user.name).learnAddresses(addresses, this.#clock.now())
      // The refused connection lingers, and counts no more.
      if (error !== undefined) this.left(connection)
      then(error)
    })
  }

  /** What another process must know of a user that may have no further address; undefined when it may. */
  addressesAtLimit({ name, limits }: LimitedUser): readonly (readonly [id: string, agoMs: number])[] | undefined {
    const usage = this.#usageOf(name)
    const now = this.#clock.now()
    return usage.isAtAddressLimit(limits, now) ? usage.addressAges(now) : undefined
  }

  /** Counts a connection that another process has let in. */
  counts(connection: CountedConnection, name: string): void {
    this.left(connection)
    const usage = this.#usageOf(name)
    usage.connections++
    const { bytesRead, bytesWritten } = connection.socket
    this.#connections.set(connection, { usage, octets: bytesRead + bytesWritten })
    this.#schedule()
  }

  /** Octets that were counted by another process. */
  moved(name: string, octets: number): void {
    this.#add(this.#usageOf(name), octets)
  }

  /**
   * A request of a user, on this connection. The connection counts from its first request until `left`.
   * @throws {GatewayError} GW_USER_LIMIT
   */
  request(connection: CountedConnection, user: LimitedUser): void {
    const usage = this.#usageOf(user.name)
    const isNew = this.#connections.get(connection)?.usage !== usage
    if (isNew) usage.checkConnections(user.limits)
    this.take(user)
    if (isNew) this.counts(connection, user.name)
  }

  /**
   * Whether the user may have one more address for its own connections.
   * @throws {GatewayError} GW_USER_LIMIT
   */
  mayHave({ name, limits }: LimitedUser, id: string): void {
    const usage = this.#usageOf(name)
    usage.checkConnections(limits)
    const now = this.#clock.now()
    if (usage.isAtAddressLimit(limits, now) && !usage.addresses(now).has(id)) throw usage.tooManyAddresses(now)
  }

  /** The user connects to an address itself, which counts as a connection. @returns to be called when it ends */
  holds({ name }: LimitedUser): () => void {
    const usage = this.#usageOf(name)
    usage.connections++
    return () => void usage.connections--
  }

  /** The connection is closed. No effect for one that was never counted. */
  left(connection: CountedConnection): void {
    const counted = this.#connections.get(connection)
    if (counted === undefined) return
    this.#countOctets(connection, counted)
    this.#connections.delete(connection)
    this.#shared?.left(connection)
    counted.usage.connections--
  }

  /**
   * A request for addresses for the user's own connections.
   * @throws {GatewayError} GW_USER_LIMIT
   */
  take({ name, limits }: LimitedUser): void {
    const usage = this.#usageOf(name)
    const now = this.#clock.now()
    usage.takeTurn(limits, now)
    usage.checkOctets(limits, now)
  }

  /**
   * The same filter, or one for the addresses that the user has had within the hour, when it may have no other.
   * @throws {GatewayError} GW_USER_LIMIT when none of them is left
   */
  narrowed(filter: Filter, { name, limits }: LimitedUser, lives: (id: string) => boolean): Filter {
    const usage = this.#usageOf(name)
    const now = this.#clock.now()
    if (!usage.isAtAddressLimit(limits, now)) return filter
    const had = usage.addresses(now)
    if (![...had].some(lives)) throw usage.tooManyAddresses(now)
    return {
      ...filter,
      key: JSON.stringify([filter.key, 'had', name, usage.version]),
      accepts: (facts) => had.has(facts.id) && filter.accepts(facts),
    }
  }

  /** The user was lent this address. */
  lent({ name, limits }: LimitedUser, id: string): void {
    if (limits.addressesPerHour === undefined) return
    this.had(name, id)
    this.#shared?.lent(name, id)
  }

  /** The user has had this address, in whichever process. */
  had(name: string, id: string): void {
    const usage = this.#usageOf(name)
    if (usage.addAddress(id, this.#clock.now())) this.#change(usage)
  }

  /** Stops counting, and records what is not recorded yet. */
  close(): void {
    this.#record()
    this.#connections.clear()
    this.#timer?.clear()
    this.#timer = undefined
  }

  #add(usage: UserConsumption, octets: number): void {
    if (octets === 0) return
    usage.addOctets(octets, this.#clock.now())
    this.#change(usage)
  }

  #change(usage: UserConsumption): void {
    if (this.#store === undefined) return
    this.#changed.add(usage)
    this.#schedule()
  }

  #record(): void {
    for (const [connection, counted] of this.#connections) this.#countOctets(connection, counted)
    for (const usage of this.#changed) this.#store?.userUsed(usage.name, usage.usage(this.#clock.now()))
    this.#changed.clear()
  }

  #usageOf(name: string): UserConsumption {
    let usage = this.#users.get(name)
    if (usage === undefined) {
      usage = new UserConsumption(name)
      this.#users.set(name, usage)
    }
    return usage
  }

  /** Until nothing is open and everything is recorded. */
  #schedule(): void {
    this.#timer ??= this.#clock.after(COUNT_EVERY_MS, () => {
      this.#timer = undefined
      this.#record()
      if (this.#connections.size > 0) this.#schedule()
    })
  }

  #countOctets({ socket }: CountedConnection, counted: { readonly usage: UserConsumption; octets: number }): void {
    const octets = socket.bytesRead + socket.bytesWritten
    const added = octets - counted.octets
    this.#add(counted.usage, added)
    this.#shared?.moved(counted.usage.name, added)
    counted.octets = octets
  }
}

/** The limits of a client's user; undefined: none. */
export function limitedUser(
  { user }: ClientIdentity,
  { access }: { readonly access: Access },
): LimitedUser | undefined {
  const limits = user === undefined ? undefined : access.limitsOf(user)
  return user === undefined || limits === undefined ? undefined : { name: user, limits }
}
