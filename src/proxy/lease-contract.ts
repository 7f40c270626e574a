/** What goes between clients, the lease queue and supply. */
import type { GatewayError } from '../errors.ts'
import type { ExceptionOwner } from '../internal-errors.ts'
import type { LeaseAsk } from '../pool/filter.ts'
import type { Upstream } from '../pool/upstream.ts'

/** What the data plane may ask of supply. Small and plain: it will cross a process border one day. */
export interface SupplyView {
  /** A lease was granted that was no live session's own: demand for addresses, from these providers (undefined: any). */
  asked(providers: readonly string[] | undefined): void
  /** The clients that wait have changed. */
  queueChanged(waiting: readonly WaitingDemand[]): void
  /**
   * Why these providers will bring nothing but what was tried already; undefined while they may.
   * @param tried upstreams that will not do
   */
  outlook(providers: readonly string[] | undefined, tried: readonly Upstream[]): GatewayError | undefined
}

/** Sessions that other hosts of a cluster know. */
export interface SessionDirectory {
  /** Calls back exactly once, with the upstream that the session lives on; undefined: it may choose one. */
  find(key: string, found: (upstreamId: string | undefined) => void): void
}

/** Clients that wait for an upstream of the same providers (undefined: any). Those of one session will share one: they count once. */
export interface WaitingDemand {
  readonly providers: readonly string[] | undefined
  readonly count: number
  /** Of them: those who share an address with few others, and the addresses that these need. */
  readonly limited: { readonly count: number; readonly addresses: number }
}

/**
 * What a client with a session is to be lent: the session's `own` upstream; another one that becomes it (`move`), because its
 * own has failed; or another one for this target alone (`borrow`), which its own has refused. One tracker that is blocked
 * must not give a page a second address.
 */
export type SessionUse = 'own' | 'move' | 'borrow'

/** A client that asks for an upstream. */
export interface LeaseRequest extends LeaseAsk, ExceptionOwner {
  /** Whose turn it is: the configured user, else the client's address. Read only when the client must wait. */
  readonly user: string
  readonly sessionKey: string | undefined
  /** The session's own upstream must do: rather an error than another. */
  readonly strict: boolean
  readonly sessionUse: SessionUse
  /** Connections of the session through one upstream, after which it moves; 0 = no limit. */
  readonly uses: number
  /** Not to be lent as long as there is another one; beside it, what was lent last under the name `avoidLast`. */
  readonly avoid: readonly Upstream[]
  readonly avoidLast: string | undefined
  /** What went wrong before, if anything did: the answer when nothing else is to be had. */
  readonly lastError: GatewayError | undefined
  granted(upstream: Upstream): void
  denied(error: GatewayError): void
}
