/**
 * The consumption of the configured users, and their limits. One object for all ports: a user that is configured at several ports
 * is one user, with the limits of the port that it uses.
 *
 * A request over a limit is refused; open connections continue. The counts are not kept over a restart.
 */
import type { Clock, Timer } from '../clock.ts'
import type { ClientIdentity } from '../downstream/client-request.ts'
import type { Access, UserLimitSettings } from '../downstream/proxy-auth.ts'
import { GatewayError } from '../errors.ts'
import type { Filter } from '../pool/filter.ts'
import { HourlySum } from '../structures/hourly-sum.ts'

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

/** The consumption of one user. */
interface Usage {
  readonly name: string
  connections: number
  /** Requests that it may make at once (token bucket), and when that was computed. */
  tokens: number
  tokensAt: number
  readonly octets: HourlySum
  /** When each address was counted, the earliest first. */
  addresses: Map<string, number>
  /** Changes with `addresses`. */
  version: number
}

const SECOND_MS = 1_000
const HOUR_MS = 3_600_000
const DAY_HOURS = 24
/** How often the octets of open connections are counted, ms. */
const COUNT_EVERY_MS = 1_000

export class UserLimits {
  readonly #clock: Clock
  readonly #usages = new Map<string, Usage>()
  /** The user of each connection, and how many of its octets were counted. */
  readonly #connections = new Map<CountedConnection, { usage: Usage; octets: number }>()
  #timer: Timer | undefined
  readonly #shared: SharedCounts | undefined

  /** @param shared where other processes serve the same users */
  constructor(clock: Clock, shared?: SharedCounts) {
    this.#clock = clock
    this.#shared = shared
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
      if (addresses !== undefined) this.#learn(user.name, addresses)
      // The refused connection lingers, and counts no more.
      if (error !== undefined) this.left(connection)
      then(error)
    })
  }

  #learn(name: string, addresses: readonly (readonly [id: string, agoMs: number])[]): void {
    const usage = this.#usageOf(name)
    const now = this.#clock.now()
    const all = new Map([...addresses.map(([id, agoMs]) => [id, now - agoMs] as const), ...usage.addresses])
    usage.addresses = new Map([...all].sort(([, a], [, b]) => a - b))
    usage.version++
  }

  /** What another process must know of a user that may have no further address; undefined when it may. */
  addressesAtLimit({ name, limits }: LimitedUser): readonly (readonly [id: string, agoMs: number])[] | undefined {
    if (limits.addressesPerHour === undefined) return undefined
    const usage = this.#usageOf(name)
    const now = this.#clock.now()
    this.#forgetAddresses(usage, now)
    if (usage.addresses.size < limits.addressesPerHour) return undefined
    return [...usage.addresses].map(([id, at]) => [id, now - at])
  }

  /** Counts a connection that another process has let in. */
  counts(connection: CountedConnection, name: string): void {
    this.left(connection)
    const usage = this.#usageOf(name)
    usage.connections++
    const { bytesRead, bytesWritten } = connection.socket
    this.#connections.set(connection, { usage, octets: bytesRead + bytesWritten })
    this.#timer ??= this.#clock.after(COUNT_EVERY_MS, () => this.#count())
  }

  /** Octets that were counted by another process. */
  moved(name: string, octets: number): void {
    this.#usageOf(name).octets.add(octets, this.#clock.now())
  }

  /**
   * A request of a user, on this connection. The connection counts from its first request until `left`.
   * @throws {GatewayError} GW_USER_LIMIT
   */
  request(connection: CountedConnection, { name, limits }: LimitedUser): void {
    const usage = this.#usageOf(name)
    const isNew = this.#connections.get(connection)?.usage !== usage
    if (isNew) this.#checkConnections(usage, limits)
    this.#takeTurn(usage, limits)
    this.#checkOctets(usage, limits)
    if (isNew) this.counts(connection, name)
  }

  /**
   * Whether the user may have one more address for its own connections.
   * @throws {GatewayError} GW_USER_LIMIT
   */
  mayHave({ name, limits }: LimitedUser, id: string): void {
    const usage = this.#usageOf(name)
    this.#checkConnections(usage, limits)
    if (limits.addressesPerHour === undefined || usage.addresses.has(id)) return
    const now = this.#clock.now()
    this.#forgetAddresses(usage, now)
    if (usage.addresses.size >= limits.addressesPerHour) throw tooManyAddresses(usage, now)
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
    if (this.#connections.size === 0) this.close()
  }

  /**
   * A request for addresses for the user's own connections.
   * @throws {GatewayError} GW_USER_LIMIT
   */
  take({ name, limits }: LimitedUser): void {
    const usage = this.#usageOf(name)
    this.#takeTurn(usage, limits)
    this.#checkOctets(usage, limits)
  }

  /**
   * The same filter, or one for the addresses that the user has had within the hour, when it may have no other.
   * @throws {GatewayError} GW_USER_LIMIT when none of them is left
   */
  narrowed(filter: Filter, { name, limits }: LimitedUser, lives: (id: string) => boolean): Filter {
    const { addressesPerHour } = limits
    if (addressesPerHour === undefined) return filter
    const usage = this.#usageOf(name)
    const now = this.#clock.now()
    this.#forgetAddresses(usage, now)
    const { addresses } = usage
    if (addresses.size < addressesPerHour) return filter
    if (![...addresses.keys()].some(lives)) throw tooManyAddresses(usage, now)
    const had = new Set(addresses.keys())
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
    const now = this.#clock.now()
    this.#forgetAddresses(usage, now)
    if (usage.addresses.has(id)) return
    usage.addresses.set(id, now)
    usage.version++
  }

  /** Stops counting. */
  close(): void {
    this.#timer?.clear()
    this.#timer = undefined
  }

  #usageOf(name: string): Usage {
    let usage = this.#usages.get(name)
    if (usage === undefined) {
      const octets = new HourlySum(DAY_HOURS)
      usage = {
        name,
        connections: 0,
        tokens: Number.POSITIVE_INFINITY,
        tokensAt: 0,
        octets,
        addresses: new Map(),
        version: 0,
      }
      this.#usages.set(name, usage)
    }
    return usage
  }

  #checkConnections({ name, connections }: Usage, limits: UserLimitSettings): void {
    if (limits.connections === undefined || connections < limits.connections) return
    throw refusal(name, `has ${connections} connections open, as many as limits.connections allows`)
  }

  /** The bucket has room for the requests of one second. */
  #takeTurn(usage: Usage, { newPerSecond }: UserLimitSettings): void {
    if (newPerSecond === undefined) return
    const now = this.#clock.now()
    const refilled = usage.tokens + ((now - usage.tokensAt) * newPerSecond) / SECOND_MS
    usage.tokens = Math.min(newPerSecond, refilled)
    usage.tokensAt = now
    if (usage.tokens < 1) {
      const waitMs = ((1 - usage.tokens) * SECOND_MS) / newPerSecond
      throw refusal(usage.name, `makes more than ${newPerSecond} requests a second (limits.newPerSecond)`, waitMs)
    }
    usage.tokens--
  }

  #checkOctets(usage: Usage, { bytesPerDay }: UserLimitSettings): void {
    if (bytesPerDay === undefined) return
    const now = this.#clock.now()
    if (usage.octets.sum(now) < bytesPerDay) return
    const words = `has moved ${bytesPerDay} bytes or more within a day, as many as limits.bytesPerDay allows`
    throw refusal(usage.name, words, usage.octets.belowAt(bytesPerDay, now) - now)
  }

  #forgetAddresses({ addresses }: Usage, now: number): void {
    for (const [id, at] of addresses) {
      if (at > now - HOUR_MS) return
      addresses.delete(id)
    }
  }

  #count(): void {
    for (const [connection, counted] of this.#connections) this.#countOctets(connection, counted)
    this.#timer = this.#clock.after(COUNT_EVERY_MS, () => this.#count())
  }

  #countOctets({ socket }: CountedConnection, counted: { readonly usage: Usage; octets: number }): void {
    const octets = socket.bytesRead + socket.bytesWritten
    const added = octets - counted.octets
    counted.usage.octets.add(added, this.#clock.now())
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

function tooManyAddresses({ name, addresses }: Usage, now: number): GatewayError {
  const [first = now] = addresses.values()
  const words = `has had ${addresses.size} addresses within an hour, as many as limits.addressesPerHour allows`
  return refusal(name, words, first + HOUR_MS - now)
}

function refusal(name: string, words: string, retryAfterMs = SECOND_MS): GatewayError {
  return new GatewayError('GW_USER_LIMIT', `user "${name}" ${words}`, { detail: { retryAfterMs } })
}
