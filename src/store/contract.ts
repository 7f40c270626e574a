/** What the rest of the gateway knows of the store. Instants are clock milliseconds (clock.ts). */
import type { GoneReason, UpstreamFacts } from '../pool/upstream.ts'

export type CallId = number

export interface CallStart {
  /** The vendor's key and limit group, as `Source.limitOf` names it. */
  readonly limiterKey: string
  /** How long a call counts in its limiter after its end: the documented window, ms. It is kept for so long (and a minute). */
  readonly windowMs: number
  readonly provider: string
  /** Addresses ordered with it: they count in the budgets until `callEnded` knows better. 0 for what buys nothing. */
  readonly booked: number
}

export interface StoredUpstream {
  readonly facts: UpstreamFacts
  /** When the vendor ends it, and its channel is free again. Infinity for an endless one. */
  readonly vendorDeadline: number
}

/**
 * Awaited calls reject with {@link StoreError} when nothing was recorded; the others never fail: they are tried again
 * until they succeed, while the process lives.
 */
export interface Store {
  /** Durable before it resolves: to be awaited before the request leaves. When it rejects, no call may be made. */
  callBegins(call: CallStart): Promise<CallId>
  /**
   * The call has ended, by its reply or an abort.
   * @param answered false when it may reach the vendor yet
   * @param sold what was really bought, or must be feared to be: it replaces what was booked
   */
  callEnded(id: CallId, answered: boolean, sold: number): void
  /** The call has not left this machine: it counts nowhere. */
  callUndone(id: CallId): void
  /** A call that ended without an answer: what it bought after all. */
  callResolved(id: CallId, sold: number): void
  /**
   * Durable before it resolves: to be awaited before the addresses are lent. An address that is known is replaced, one
   * that had left the pool is in it again, a doubtful one no longer is. When it rejects, it is still tried again like
   * what is not awaited: the money is spent.
   */
  bought(upstreams: readonly StoredUpstream[]): Promise<void>
  /** It has left the pool; it stays in the ledger until the vendor's deadline. With `shutdown` it is to come back, with `released` it is gone. */
  left(id: string, reason: GoneReason): void
  /** The vendor has taken it back: its channel is free. */
  released(id: string): void
  /** It has carried a tunnel. */
  opened(id: string): void
  /** The session begins, or moves. */
  session(key: string, upstreamId: string): void
  /** The session has been used again. Cheap: recorded every 10 s. */
  sessionUsed(key: string): void
  sessionEnded(key: string): void
  /** Resolves when everything said so far is durable. */
  flush(): Promise<void>
  /** Records what was said so far, then gives the folder back. Never rejects: what could not be recorded is logged. */
  close(): Promise<void>
}

/** A store that another process can go on with. */
export interface HandoverStore extends Store {
  /**
   * Records what was said so far and gives the folder away. What is said from now on waits.
   * @throws {StoreError} when it cannot be recorded; then the folder is still this process's
   */
  suspend(): Promise<void>
  /** Takes the folder again; what has been said meanwhile is recorded. @throws {StoreBusy} when another process has it */
  resume(): void
}

export interface RestoredUpstream {
  readonly facts: UpstreamFacts
  readonly vendorDeadline: number
  /** It had carried a tunnel. */
  readonly opened: boolean
  /**
   * alive     may be lent until `facts.deadline`
   * gone      had left the pool, or its deadline has passed: holds its channel until `vendorDeadline`
   * doubtful  its remaining life cannot be proven (other boot, wall time ran back): not to be lent unless the vendor says
   *           that it lives. `facts.deadline` is now; `vendorDeadline` is the latest that is possible, and its channel
   *           counts as held until then
   */
  readonly state: 'alive' | 'gone' | 'doubtful'
}

/** What an earlier process left behind. */
export interface Restored {
  readonly upstreams: readonly RestoredUpstream[]
  /**
   * Calls that may still count in their limiter. An age that cannot be proven is 0: as made now. A negative age: the call
   * may arrive until then.
   * `answered` false: it may have reached the vendor later than its end.
   */
  readonly calls: readonly { readonly limiterKey: string; readonly endedAgoMs: number; readonly answered: boolean }[]
  /** Of the last 24 hours, oldest first; those within 10 s are one, dated as the latest of them. */
  readonly purchases: readonly { readonly provider: string; readonly agoMs: number; readonly count: number }[]
  /**
   * Orders of the last 24 hours whose reply was never seen (the process died first, or `callEnded` said so), oldest
   * first. They count as sold; what they brought, only the vendor's list can tell.
   */
  readonly unknown: readonly {
    readonly id: CallId
    readonly provider: string
    readonly agoMs: number
    readonly count: number
  }[]
  /** Bought ever. */
  readonly totals: readonly { readonly provider: string; readonly total: number }[]
  /** The one used longest ago first. An idle time that cannot be proven is the least it can be. */
  readonly sessions: readonly { readonly key: string; readonly upstreamId: string; readonly idleMs: number }[]
}
