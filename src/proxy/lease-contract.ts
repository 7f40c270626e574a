/** The interfaces between clients, the lease queue and supply. */
import type { GatewayError } from '../errors.ts'
import type { ExceptionOwner } from '../internal-errors.ts'
import type { LeaseAsk } from '../pool/filter.ts'
import type { Upstream } from '../pool/upstream.ts'

/** The data plane's view of supply. Small and plain, so that it can be used across processes. */
export interface SupplyView {
  /** A lease was granted that no live session held already: demand for addresses of these providers (undefined: any). */
  asked(providers: readonly string[] | undefined, now: number): void
  /** The waiting clients have changed. */
  queueChanged(waiting: readonly WaitingDemand[]): void
  /**
   * Why these providers will deliver nothing except what was tried already; undefined while they may.
   * @param tried upstreams that are not wanted
   */
  outlook(providers: readonly string[] | undefined, tried: readonly Upstream[]): GatewayError | undefined
}

/** Sessions known to other hosts of a cluster. */
export interface SessionDirectory {
  /**
   * Calls back exactly once, with the upstream of the session, and its former ones where they are known; undefined: it may choose one.
   * @param found `isUnanswered`: the others could not be asked
   * @param left the upstream that it cannot use any more
   */
  find(
    key: string,
    found: (upstreamId: string | undefined, left?: readonly string[], isUnanswered?: boolean) => void,
    left?: string,
  ): void
  /**
   * For clients that need an upstream, or count on it, alone: calls back exactly once, when each upstream belongs to one process of
   * this host. Absent: the others are hosts of a cluster.
   * @param then false: they could not agree
   */
  eachOwned?(then: (isOwned: boolean) => void): void
  /**
   * Calls back exactly once, when the other processes of this host know where this one has put sessions. Absent: the others are hosts
   * of a cluster.
   */
  allKnow?(then: () => void): void
}

/** Clients that wait for an upstream of the same providers (undefined: any). Clients of one session share an upstream: they count once. */
export interface WaitingDemand {
  readonly providers: readonly string[] | undefined
  readonly count: number
  /** Of them: those with a limit on sharing an address, and the addresses that these need. */
  readonly limited: { readonly count: number; readonly addresses: number }
}

/**
 * What a client with a session is lent: the session's `own` upstream; another one that becomes it (`move`), because its own has
 * failed; or another one for this target alone (`borrow`), which its own has refused. One blocked tracker must not give a page a
 * second address.
 */
export type SessionUse = 'own' | 'move' | 'borrow'

/** A client that requests an upstream. */
export interface LeaseRequest extends LeaseAsk, ExceptionOwner {
  /** Whose turn it uses: the configured user, else the client's address. Read only when the client must wait. */
  readonly user: string
  sessionKey: string | undefined
  /** The providers that may serve the target; undefined: any. */
  readonly permitted: readonly string[] | undefined
  /** Only the session's own upstream is accepted: otherwise an error. */
  readonly strict: boolean
  readonly sessionUse: SessionUse
  /** Connections of the session through one upstream, after which it moves; 0 = no limit. */
  readonly uses: number
  /** Not lent as long as there is another one; in addition to the latest upstream under the name `avoidLast`. */
  readonly avoid: readonly Upstream[]
  readonly avoidLast: string | undefined
  /** The earlier failure, if there is one: the answer when there is no other upstream. */
  readonly lastError: GatewayError | undefined
  /** @param now clock ms */
  granted(upstream: Upstream, now: number): void
  denied(error: GatewayError): void
}
