/**
 * The contract behind every call to a vendor: what may be booked, and its outcome. Asynchronous and plain data, so that a
 * store on another machine can implement it. Instants are clock milliseconds (clock.ts).
 *
 * Two stores implement it: LocalAccountStore (the books of one process, each reservation on its disk first) and RedisAccountStore
 * (the books of a cluster). One suite tests both: test/support/describe-account-store.ts. PausableAccountStore wraps either. What
 * was bought, and sessions, are another contract: contract.ts.
 *
 *     reserve ─▶ reserved ─settle─┬▶ sold(n)    n addresses stay booked in the budget, the call in its window
 *                                 ├▶ refused    the vendor sold nothing: only the call stays booked
 *                                 ├▶ unknown    everything stays booked; `resolve` or time ends it
 *                                 └▶ not-sent   nothing stays booked
 *
 * Invariant, after every step: in each window, budget, channel count and ceiling, booked = reserved + sold + unknown, and
 * no reservation is granted that would make booked exceed the limit.
 */

/** A limit of calls, and the digest under which calls are counted together: no secret. */
export interface CallWindow {
  readonly key: string
  readonly calls: number
  readonly perMs: number
  /** Which operation of which provider states this limit. */
  readonly statedBy?: string
}

/** Addresses that may be bought; a missing key means no limit. */
export interface BudgetLimits {
  readonly perHour?: number | undefined
  readonly perDay?: number | undefined
  readonly total?: number | undefined
}

/** A limit on the addresses that are held and on order together. */
export interface Ceiling {
  /** `pool`, or the name of a provider. */
  readonly scope: string
  readonly limit: number
  /** How many the caller holds; the store adds the reserved ones. */
  readonly held: number
}

/** One call with everything that it may cost. It is granted completely or not at all. */
export interface Reservation {
  readonly window: CallWindow
  /** The provider whose budget pays; empty for a call that buys nothing. */
  readonly provider: string
  /** Addresses that the call may deliver; 0: it buys nothing. */
  readonly count: number
  readonly budget: BudgetLimits
  /** For products sold by channel: the account, and how many channels it has. */
  readonly channels: { readonly account: string; readonly total: number } | undefined
  readonly ceilings: readonly Ceiling[]
  /** Whether the record outlives the process. */
  readonly isDurable: boolean
  /** How long the purchased addresses may occupy channels, ms: in a cluster, for when the host does not settle the order. */
  readonly lifeMs?: number
}

export type ReservationId = number

export type Reserved =
  /** `leaveBy`: the request must be sent before; later, other hosts count it as lost. undefined: no limit. */
  | { readonly kind: 'reserved'; readonly id: ReservationId; readonly leaveBy?: number }
  /** `until`: the earliest time at which it may be granted; undefined when no time is known. */
  | {
      readonly kind: 'denied'
      /**
       * `planner`: in a cluster, another host buys.
       * `failover`: in a cluster, the store may have lost calls: none is granted until those no longer count.
       */
      readonly by: 'window' | 'channels' | 'budget' | 'ceiling' | 'planner' | 'failover'
      readonly until: number | undefined
    }

export type Outcome =
  /** The vendor answered. `count` addresses must be paid for: 0 when nothing was ordered, more when it delivered more. */
  | { readonly kind: 'sold'; readonly count: number }
  /** `isTooMany`: the vendor refused because of the number of calls. */
  | { readonly kind: 'refused'; readonly isTooMany: boolean }
  /** The request may have arrived. `channelsUntil`: when everything that it may have bought has ended for certain. */
  | { readonly kind: 'unknown'; readonly channelsUntil: number }
  | { readonly kind: 'not-sent' }

/** Something that occupies a channel: an address, or a line that was sold and has no address yet. */
export interface ChannelHolder {
  readonly id: string
  /** When its channel becomes free without a release. */
  readonly endsAt: number
  /** Of such a line: the provider that bought it. It is recorded until it is freed or ends; an address has its own record. */
  readonly pendingFor?: string
}

/** A line that was sold and has no address yet. */
export interface PendingLine {
  readonly id: string
  readonly provider: string
}

export interface AccountStore {
  /**
   * Books everything, or nothing. When it resolves with `reserved`, one durable record exists and the request may be sent.
   * @throws {StoreError} when it cannot be recorded: then nothing is booked, and the call must not be made
   */
  reserve(reservation: Reservation): Promise<Reserved>
  /** Once for each reservation; later calls have no effect. Never fails: it is recorded as soon as possible. */
  settle(id: ReservationId, outcome: Outcome): void
  /**
   * The vendor's list has shown what the unknown orders before an instant bought.
   * @param sold listed addresses that were not known: they are charged to those orders, the rest is given back
   */
  resolve(provider: string, sold: number, before: number): void
  /** These occupy channels of the account until they end or are freed. */
  hold(account: string, holders: readonly ChannelHolder[]): void
  free(account: string, ids: readonly string[]): void
  /** The operations of a provider that is not configured any more do not limit these windows: each names one as `statedBy`. */
  forgetLimits(windows: readonly CallWindow[]): void
  /** What this process knows of the account, without waiting: for planning. Only `reserve` decides. */
  readonly view: AccountView
}

export interface WindowView {
  /** The limit in force, and the window's length, ms. */
  readonly allowed: number
  readonly perMs: number
  readonly used: number
  /** Free slots, without regard to calls in flight. */
  readonly free: number
  /** Calls that could be sent now. */
  readonly room: number
  /** When the next one may be sent, clock ms; undefined while only a reply can tell. */
  readonly nextAt: number | undefined
  /** Until then the store grants none, because it may not know of all that were sent. */
  readonly isPaused?: boolean
  readonly isTight: boolean
  /** Calls sent so far. */
  readonly sent: number
  /** The interval between calls that never uses up the window, ms. */
  readonly paceMs: number
}

export interface BudgetView {
  /** The budget with the fewest addresses left; undefined without a budget. */
  readonly tightest: BudgetLeft | undefined
  /** The limit that has no room for so many; of several, the one that lasts longest. */
  reached(count: number): BudgetReached | undefined
}

export interface BudgetLeft {
  readonly which: keyof BudgetLimits
  readonly limit: number
  /** Addresses that may be bought now; below 0 after a budget was lowered. */
  readonly left: number
}

export interface BudgetReached {
  readonly which: keyof BudgetLimits
  readonly limit: number
  /** When something may be bought again, clock ms; undefined: only after the budget is raised. */
  readonly until: number | undefined
}

export interface AccountView {
  window(window: CallWindow): WindowView
  budget(provider: string, limits: BudgetLimits): BudgetView
  /** Channels that are or may be occupied. */
  channelsBooked(account: string): number
  /** When the first of them is free at the latest, clock ms; undefined while none is known to end. */
  channelFreeAt(account: string): number | undefined
  /** Of its channels, those of lines without an address. */
  pendingLines(account: string): readonly PendingLine[]
  /** Addresses that calls in progress may deliver. */
  reservedBy(provider: string): number
  /** Addresses that orders without a usable reply may have bought. */
  unknownOf(provider: string): number
}
