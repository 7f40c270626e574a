/**
 * The contract of the state store: what was bought, sessions, and the record of calls. Instants are clock milliseconds (clock.ts).
 *
 * Three stores implement it: store/sqlite (a folder of this machine), cluster/cluster-store.ts (Redis), memory.ts (keeps nothing).
 * What may be bought is another contract: account-store.ts.
 */
import type { GoneReason, UpstreamFacts } from '../pool/upstream.ts'
import type { ChannelHolder } from './account-store.ts'

export type CallId = number

export interface CallStart {
  /** The vendor's key and limit group, as `Source.limitOf` names it. */
  readonly limiterKey: string
  /** How long a call counts in its limiter after its end: the documented window, ms. It is kept for this time and a minute more. */
  readonly windowMs: number
  readonly provider: string
  /** Addresses that it orders: they count in the budgets until `callEnded` corrects it. 0 when it buys nothing. */
  readonly booked: number
}

/** What a user with limits has used, as far as it still counts. Ages in ms, the oldest first. */
export interface UserUsage {
  readonly octets: readonly (readonly [ageMs: number, octets: number])[]
  /** The addresses that it was lent, by id. */
  readonly addresses: readonly (readonly [id: string, ageMs: number])[]
}

export interface StoredUpstream {
  readonly facts: UpstreamFacts
  /** When the vendor ends it, and its channel becomes free. Infinity without an end. */
  readonly vendorDeadline: number
}

/**
 * Awaited calls reject with {@link StoreError} when nothing was recorded; the others never fail: they are repeated until they
 * succeed, while the process lives.
 */
export interface Store {
  /** Durable before it resolves: to be awaited before the request is sent. When it rejects, no call may be made. */
  callBegins(call: CallStart): Promise<CallId>
  /**
   * The call has ended, with its reply or an abort.
   * @param answered false when it may still reach the vendor
   * @param sold what was bought, or may have been bought: it replaces what was booked
   */
  callEnded(id: CallId, answered: boolean, sold: number): void
  /** The call was not sent: it counts nowhere. */
  callUndone(id: CallId): void
  /** The final number of addresses that a call without an answer bought. */
  callResolved(id: CallId, sold: number): void
  /**
   * Durable before it resolves: to be awaited before the addresses are lent. A known address is replaced, one that had left the
   * pool is in it again, a doubtful one is no longer doubtful. When it rejects, it is still repeated like calls that are not
   * awaited: the money is spent.
   */
  bought(upstreams: readonly StoredUpstream[]): Promise<void>
  /** These lines of the account were sold and have no address yet (`ChannelHolder.pendingFor`). */
  pending(account: string, lines: readonly ChannelHolder[]): void
  /** They have one, or never will. */
  pendingOver(account: string, lines: readonly { readonly id: string }[]): void
  /** It has left the pool; it stays recorded until the vendor's deadline. After `shutdown` it is restored, after `released` it is gone. */
  left(id: string, reason: GoneReason): void
  /** The vendor has taken it back: its channel is free. */
  released(id: string): void
  /** It has carried a tunnel. @param uses so far, as `perUpstream.uses` counts; undefined: one */
  opened(id: string, uses?: number): void
  /** The session begins, or moves to another upstream. */
  session(key: string, upstreamId: string): void
  /** The session was used again. Cheap: recorded every 10 s. */
  sessionUsed(key: string): void
  sessionEnded(key: string): void
  /** Replaces what is recorded of the user. The store of a cluster does not keep it. */
  userUsed(name: string, usage: UserUsage): void
  /** Resolves when everything reported so far is durable. */
  flush(): Promise<void>
  /** Records everything reported so far, then releases the folder. Never rejects: what could not be recorded is logged. */
  close(): Promise<void>
}

/** A store whose folder can be passed to another process. */
export interface HandoverStore extends Store {
  /**
   * Records everything reported so far and releases the folder. What is reported from now on waits.
   * @throws {StoreError} when it cannot be recorded; then this process still holds the folder
   */
  suspend(): Promise<void>
  /** Takes the folder again and records what has been reported meanwhile. @throws {StoreBusy} when another process holds it */
  resume(): void
}

export interface RestoredUpstream {
  readonly facts: UpstreamFacts
  readonly vendorDeadline: number
  /** It had carried a tunnel. */
  readonly opened: boolean
  /** How often it was used, as `perUpstream.uses` counts; undefined: not recorded, at least once if `opened`. */
  readonly uses?: number
  /**
   * alive     may be lent until `facts.deadline`
   * gone      had left the pool, or its deadline has passed: occupies its channel until `vendorDeadline`
   * doubtful  its remaining life cannot be proven (other boot, wall time ran back): not to be lent unless the vendor says
   *           that it lives. `facts.deadline` is now; `vendorDeadline` is the latest that is possible, and its channel
   *           counts as occupied until then
   */
  readonly state: 'alive' | 'gone' | 'doubtful'
}

/** The state that an earlier process left. */
export interface Restored {
  readonly upstreams: readonly RestoredUpstream[]
  /**
   * Calls that may still count in their limiter. An age that cannot be proven is 0: as made now. A negative age: the call
   * may arrive until then.
   * `answered` false: it may have reached the vendor after its end.
   */
  readonly calls: readonly { readonly limiterKey: string; readonly endedAgoMs: number; readonly answered: boolean }[]
  /** Of the last 24 hours, oldest first; purchases within 10 s are one entry with the latest time. */
  readonly purchases: readonly { readonly provider: string; readonly agoMs: number; readonly count: number }[]
  /**
   * Orders of the last 24 hours without a known reply (the process ended first, or `callEnded` said so), oldest first. They count
   * as sold; only the vendor's list can show what they bought.
   */
  readonly unknown: readonly {
    readonly id: CallId
    readonly provider: string
    /** Of the account and the call that it was sent with. */
    readonly limiterKey: string
    readonly agoMs: number
    readonly count: number
  }[]
  /** Lines that were sold and had no address yet. */
  readonly pending: readonly { readonly account: string; readonly holder: ChannelHolder }[]
  /** All addresses bought so far. */
  readonly totals: readonly { readonly provider: string; readonly total: number }[]
  /** The least recently used first. An idle time that cannot be proven is the smallest possible. */
  readonly sessions: readonly { readonly key: string; readonly upstreamId: string; readonly idleMs: number }[]
  /** Of the last 25 hours. An age that cannot be proven is the smallest possible. */
  readonly users: readonly (UserUsage & { readonly name: string })[]
}

/** What the first process finds. */
export const nothingRestored: Restored = {
  upstreams: [],
  calls: [],
  purchases: [],
  unknown: [],
  pending: [],
  totals: [],
  sessions: [],
  users: [],
}
