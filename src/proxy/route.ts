/** How one request is to be served: what the router decides from listener, user, rules and client options. */
import { clientNetwork } from '../address.ts'
import type { ClientConnection, TrafficSettings } from '../downstream/client-request.ts'
import type { Filter } from '../pool/filter.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { RouteMethod, RouteQuery } from '../routes/rule.ts'
import type { Strategy } from '../strategy.ts'

/** Defaults of the listener that the client came through. */
export interface ListenerDefaults extends TrafficSettings {
  readonly provider: string | undefined
  readonly strategy: Strategy | undefined
  /** What makes a session when the client names none. */
  readonly session: 'off' | 'client' | 'target'
  /** As rules name it. */
  readonly listen: RouteQuery['listen']
}

export interface Route {
  /** The configured user; undefined where the listener has none. */
  readonly user: string | undefined
  readonly filter: Filter
  /** All providers that may serve the target: the session's upstream may be of any of them. Undefined: any provider. */
  readonly permitted: readonly string[] | undefined
  readonly strategy: Strategy
  readonly lifeMs: number
  /** Undefined: every connection may leave through another upstream. See `besideKey` for targets with other providers. */
  readonly sessionKey: string | undefined
  readonly strict: boolean
  /** Connections of the session through one address; 0 = no limit. */
  readonly uses: number
  /** Key under which the last upstream of the client is stored; undefined: it may get the same one again. */
  readonly avoidLast: string | undefined
  /** The session moves to another upstream with this request; without a session the request alone. */
  readonly rotates: boolean
  /** Plain HTTP: every request may leave through another upstream. */
  readonly perRequest: boolean
  readonly retryStatuses: readonly number[]
  /** How long the upstream stays away from the target's host after the request, ms. */
  readonly hostRestMs: number
  /** Called with each upstream that is lent, where the user has a limit of addresses. */
  readonly lent?: (upstream: Upstream) => void
  /** Set: the connection goes to the target itself, through no upstream. Only a rule can say so. */
  readonly direct: { readonly allowPrivate: boolean } | undefined
}

/** Where a request came from; its address costs a system call, so it is read only when it is needed. */
export interface Origin {
  readonly clientAddress: string
}

/** Whose turn a client uses in the waiting queue, and whose its leases are: the configured user, else the client's address. */
export function queueUser(user: string | undefined, origin: Origin): string {
  return user === undefined ? `address ${clientNetwork(origin.clientAddress)}` : `user ${user}`
}

/** What rules call a request of this protocol. */
export function routeMethodOf(protocol: ClientConnection['protocol'] | 'http'): RouteMethod {
  if (protocol === 'http') return 'plain'
  return protocol === 'connect' ? 'CONNECT' : 'socks'
}
