/** Requests of programs that dial themselves: the user, the addresses that it may have, and their leases. */
import { formatAuthority, hostKey, type Target, toTarget } from '../address.ts'
import type { Clock } from '../clock.ts'
import type { ClientIdentity } from '../downstream/client-request.ts'
import type { Listener } from '../downstream/listener.ts'
import { GatewayError } from '../errors.ts'
import type { Filter } from '../pool/filter.ts'
import type { Pool } from '../pool/pool.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { AddressLeases } from './address-leases.ts'
import { COMMAND_HOST } from './command-host.ts'
import type { AddressLease } from './lease-batch.ts'
import type { Ports } from './ports.ts'
import { queueUser, type Route } from './route.ts'
import { aloneFilter } from './route-filter.ts'
import type { Router } from './router.ts'
import { type LimitedUser, limitedUser, type UserLimits } from './user-limits.ts'

/** The client that requests. */
export interface AddressClient {
  /** Value of Authorization: Basic, with a user of a port. */
  readonly authorization: string | undefined
  readonly clientAddress: string
  /** Whether a client without a login may have addresses, if a port requires none. */
  readonly isTrusted: boolean
}

export interface AddressAsk {
  readonly count: number
  readonly holdMs: number
  /** False: only what is available now. */
  readonly waits: boolean
  /** The program's target: for rules, and for rests per host. */
  readonly target?: Target | undefined
  readonly options?: ClientIdentity['options'] | undefined
  /** No other client is lent the address during the lease. */
  readonly isAlone?: boolean
  /** Only addresses that speak HTTP without TLS. */
  readonly isHttpOnly?: boolean
  /** An address that the client already has is the same lease, which is extended. */
  readonly isMerged?: boolean
}

interface AddressRequestsParts {
  readonly clock: Clock
  readonly pool: Pool
  readonly ports: Ports
  readonly users: UserLimits
  readonly leases: AddressLeases
  /** The current one. */
  readonly router: () => Router
}

interface Asker {
  readonly identity: ClientIdentity
  readonly listener: Listener
  /** The user in the waiting queue. */
  readonly name: string
  readonly clientAddress: string
}

/** An address that a program reports as broken is not lent for this time, ms. */
const REPORTED_REST_MS = 600_000

/** The interface for the HTTP API. */
export type AddressDesk = Pick<AddressRequests, 'take' | 'release' | 'report' | 'available'>

export class AddressRequests {
  readonly #parts: AddressRequestsParts

  constructor(parts: AddressRequestsParts) {
    this.#parts = parts
  }

  /**
   * Lends addresses. They are counted for the user as connections and requests are.
   * @throws {GatewayError} GW_LOGIN_REQUIRED, GW_CLIENT_NOT_ALLOWED, GW_BAD_OPTION, GW_USER_LIMIT, what Router.route throws, and
   *   why there is no address; the signal's reason
   */
  async take(client: AddressClient, ask: AddressAsk, signal: AbortSignal): Promise<readonly AddressLease[]> {
    const asker = this.#identify(client)
    const { users, leases, pool } = this.#parts
    const user = limitedUser(asker.identity, asker.listener)
    const route = this.#routeOf(asker, ask)
    if (route.sessionKey !== undefined && ask.count > 1)
      throw new GatewayError('GW_BAD_OPTION', 'a session has one address: ask for num=1, or name no session')
    if (user !== undefined) users.take(user)
    const within =
      user === undefined ? route.filter : users.narrowed(route.filter, user, (id) => pool.get(id) !== undefined)
    const { count, holdMs, waits, target, isMerged = false, isAlone = false } = ask
    const order = {
      count,
      holdMs,
      waits,
      isMerged,
      isAlone,
      user: asker.name,
      host: target === undefined ? '' : hostKey(target.host),
    }
    const begin = (upstream: Upstream) => this.#begin(upstream, user)
    return leases.take({ ...order, route: { ...route, filter: within }, begin }, signal)
  }

  /** @throws {GatewayError} GW_USER_LIMIT */
  #begin(upstream: Upstream, user: LimitedUser | undefined): (() => void) | undefined {
    if (user === undefined) return undefined
    const { users } = this.#parts
    users.mayHave(user, upstream.id)
    users.lent(user, upstream.id)
    return users.holds(user)
  }

  /**
   * Ends a lease before its time.
   * @returns false when the client has no such lease
   * @throws {GatewayError} GW_LOGIN_REQUIRED, GW_CLIENT_NOT_ALLOWED
   */
  release(client: AddressClient, lease: string): boolean {
    return this.#parts.leases.release(lease, this.#identify(client).name)
  }

  /**
   * The client reports that an address does not work: its leases end, and the address is not lent for 10 minutes.
   * @param address host:port, an IPv6 address in brackets
   * @returns false when the client could not have been lent such an address
   * @throws {GatewayError} as `take`
   */
  report(client: AddressClient, address: string): boolean {
    const asker = this.#identify(client)
    const upstream = this.#lendable(asker).find(({ facts }) => formatAuthority(facts.host, facts.port) === address)
    if (upstream === undefined) return false
    this.#parts.leases.releaseAddress(upstream, asker.name)
    this.#parts.pool.rest(upstream, this.#parts.clock.now() + REPORTED_REST_MS)
    return true
  }

  /** What the client could be lent now, without regard to other clients. @throws {GatewayError} as `take` */
  available(client: AddressClient): readonly Upstream[] {
    return this.#lendable(this.#identify(client)).filter(({ state, isExclusive }) => state === 'ready' && !isExclusive)
  }

  #lendable(asker: Asker): readonly Upstream[] {
    const { filter } = this.#routeOf(asker, {})
    return [...this.#parts.pool.members()].filter(({ facts }) => filter.accepts(facts))
  }

  /** @throws {GatewayError} as Router.route; GW_BAD_OPTION when a rule says `direct` */
  #routeOf({ identity, listener, clientAddress }: Asker, ask: Partial<AddressAsk>): Route {
    const { options = {}, target = ANY_TARGET, isAlone = false, isHttpOnly = false } = ask
    const wishes = { ...identity, options: { ...identity.options, ...options } }
    const defaults = this.#parts.ports.settingsOf(listener)
    const route = this.#parts.router().routeOfSession(wishes, target, { clientAddress }, defaults, 'CONNECT')
    if (route.direct !== undefined)
      throw new GatewayError(
        'GW_BAD_OPTION',
        'a rule of routes sends this target directly: there is no address to lend',
      )
    const filter = isHttpOnly ? httpFilter(route.filter) : route.filter
    return { ...route, filter: isAlone ? aloneFilter(filter) : filter }
  }

  /** @throws {GatewayError} GW_LOGIN_REQUIRED, GW_CLIENT_NOT_ALLOWED, GW_BAD_OPTION */
  #identify({ authorization, clientAddress, isTrusted }: AddressClient): Asker {
    const listener = this.#listenerFor(authorization)
    if (listener === undefined || (authorization === undefined && !isTrusted))
      throw new GatewayError('GW_LOGIN_REQUIRED', 'send the login of a user of a port, as Authorization: Basic')
    listener.access.checkAddress(clientAddress)
    const identity = listener.access.identify(authorization, { clientAddress })
    return { identity, listener, name: queueUser(identity.user, { clientAddress }), clientAddress }
  }

  /** The first port that has the user; for clients without a login, the first that requires none. */
  #listenerFor(authorization: string | undefined): Listener | undefined {
    const { listeners } = this.#parts.ports
    const open = listeners.find(({ access }) => !access.demandsLogin)
    if (authorization === undefined) return open
    return listeners.find(({ access }) => access.demandsLogin && access.knows(authorization)) ?? open ?? listeners[0]
  }
}

const ANY_TARGET = toTarget({ host: COMMAND_HOST, port: 80 })

function httpFilter(filter: Filter): Filter {
  return {
    ...filter,
    key: JSON.stringify([filter.key, 'http']),
    accepts: (facts) => facts.protocol === 'http' && filter.accepts(facts),
  }
}
