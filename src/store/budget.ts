/** How many addresses may be bought. Windows slide: an hour's budget is never spent twice around a full hour. */
import type { BudgetLeft, BudgetLimits, BudgetReached } from './account-store.ts'

/** Purchases that are kept as one entry. */
export interface BudgetReservation {
  /** Time of the first purchase: after one grain, a new entry is begun. */
  readonly begunAt: number
  /** Time of the last purchase: the entry is kept until its window is over. */
  at: number
  count: number
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Purchases within this time are kept as one entry. */
const GRAIN_MS = 1_000

export class Budget {
  #limits: BudgetLimits
  #purchases: BudgetReservation[] = []
  #total = 0

  constructor(limits: BudgetLimits) {
    this.#limits = limits
  }

  /** Bookings stay: a changed configuration does not begin a new hour. */
  set limits(limits: BudgetLimits) {
    this.#limits = limits
  }

  get total(): number {
    return this.#total
  }

  tightest(now: number): BudgetLeft | undefined {
    const { perHour, perDay, total } = this.#limits
    return tightestOf([
      { which: 'total', limit: total, spent: this.#total },
      { which: 'perDay', limit: perDay, spent: this.#within(now, DAY_MS) },
      { which: 'perHour', limit: perHour, spent: this.#within(now, HOUR_MS) },
    ])
  }

  /** Books an order before its request is sent. @returns the argument for `refund` */
  book(now: number, count: number): BudgetReservation {
    this.#total += count
    const last = this.#purchases.at(-1)
    if (last !== undefined && now - last.begunAt < GRAIN_MS) {
      last.at = now
      last.count += count
      return last
    }
    if ((this.#purchases[0]?.at ?? now) <= now - DAY_MS)
      this.#purchases = this.#purchases.filter((p) => p.at > now - DAY_MS)
    const booking = { begunAt: now, at: now, count }
    this.#purchases.push(booking)
    return booking
  }

  /** Purchases of an earlier process, oldest first. */
  restore(purchases: readonly { readonly at: number; readonly count: number }[], total: number): void {
    const past = purchases.map(({ at, count }) => ({ begunAt: at, at, count }))
    this.#purchases = [...past, ...this.#purchases]
    this.#total += total
  }

  /** The entry of a purchase at that time: the first one that contains it. */
  bookedAt(at: number): BudgetReservation | undefined {
    return this.#purchases.find((purchase) => purchase.at >= at)
  }

  /** Gives back what was booked there and not sold. */
  refund(booking: BudgetReservation, count: number): void {
    this.#total -= count
    booking.count -= count
  }

  /**
   * The budget without room for this many more; of several, the one that lasts longest.
   * @param count 1, or the batch size where the vendor sells no fewer
   */
  reached(now: number, count = 1): BudgetReached | undefined {
    const { perHour, perDay, total } = this.#limits
    if (total !== undefined && total - this.#total < count) return { which: 'total', limit: total, until: undefined }
    const ofHour = this.#full('perHour', perHour, HOUR_MS, count, now)
    return lastingLonger(this.#full('perDay', perDay, DAY_MS, count, now), ofHour)
  }

  #within(now: number, windowMs: number): number {
    let sum = 0
    for (const { at, count } of this.#purchases) if (at > now - windowMs) sum += count
    return sum
  }

  #full(which: 'perDay' | 'perHour', limit: number | undefined, windowMs: number, count: number, now: number) {
    let excess = limit === undefined ? 0 : this.#within(now, windowMs) + count - limit
    if (limit === undefined || excess <= 0) return undefined
    for (const { at, count: bought } of this.#purchases) {
      if (at <= now - windowMs) continue
      excess -= bought
      if (excess <= 0) return { which, limit, until: at + windowMs }
    }
    // The limit itself is smaller than the smallest order.
    return { which, limit, until: undefined }
  }
}

/** Of two limits without room the one that has room later; of equal ones the first. */
export function lastingLonger(
  first: BudgetReached | undefined,
  second: BudgetReached | undefined,
): BudgetReached | undefined {
  if (first === undefined || second === undefined) return first ?? second
  return (second.until ?? Number.POSITIVE_INFINITY) > (first.until ?? Number.POSITIVE_INFINITY) ? second : first
}

interface Spent {
  readonly which: BudgetLeft['which']
  /** Undefined: without this budget. */
  readonly limit: number | undefined
  readonly spent: number
}

/** The budget that forbids more first; of equal ones the one that comes first in the list. */
export function tightestOf(budgets: readonly Spent[]): BudgetLeft | undefined {
  let tightest: BudgetLeft | undefined
  for (const { which, limit, spent } of budgets)
    if (limit !== undefined && limit - spent < (tightest?.left ?? Number.POSITIVE_INFINITY))
      tightest = { which, limit, left: limit - spent }
  return tightest
}
