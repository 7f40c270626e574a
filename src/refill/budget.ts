/** How many addresses may be bought. Windows slide: an hour's budget is never spent twice around a full hour. */

export interface BudgetSettings {
  readonly perHour?: number | undefined
  readonly perDay?: number | undefined
  readonly total?: number | undefined
}

export interface BudgetReached {
  readonly which: 'perHour' | 'perDay' | 'total'
  readonly limit: number
  /** When something may be bought again, clock ms; undefined: only with a larger budget. */
  readonly until: number | undefined
}

interface Purchase {
  readonly at: number
  count: number
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Purchases closer together than this are kept as one. */
const GRAIN_MS = 1_000

export class Budget {
  readonly #settings: BudgetSettings
  #purchases: Purchase[] = []
  #total = 0

  constructor(settings: BudgetSettings) {
    this.#settings = settings
  }

  get total(): number {
    return this.#total
  }

  /** How many may still be bought now; Infinity without a budget. */
  left(now: number): number {
    const { perHour, perDay, total } = this.#settings
    return Math.min(
      perHour === undefined ? Number.POSITIVE_INFINITY : perHour - this.#within(now, HOUR_MS),
      perDay === undefined ? Number.POSITIVE_INFINITY : perDay - this.#within(now, DAY_MS),
      total === undefined ? Number.POSITIVE_INFINITY : total - this.#total,
    )
  }

  /** Books what is being ordered, before the request leaves. */
  book(now: number, count: number): void {
    this.#total += count
    const last = this.#purchases.at(-1)
    if (last !== undefined && now - last.at < GRAIN_MS) last.count += count
    else this.#purchases.push({ at: now, count })
    if (this.#purchases.length > 1 && (this.#purchases[0]?.at ?? 0) <= now - DAY_MS) {
      this.#purchases = this.#purchases.filter((p) => p.at > now - DAY_MS)
    }
  }

  /** What an earlier process bought, oldest first. */
  restore(purchases: readonly { readonly at: number; readonly count: number }[], total: number): void {
    this.#purchases = [...purchases.map((purchase) => ({ ...purchase })), ...this.#purchases]
    this.#total += total
  }

  /** Takes back what was booked and not sold. */
  refund(count: number): void {
    this.#total -= count
    for (let i = this.#purchases.length - 1, left = count; i >= 0 && left > 0; i--) {
      const purchase = this.#purchases[i]
      if (purchase === undefined) continue
      const back = Math.min(left, purchase.count)
      purchase.count -= back
      left -= back
    }
  }

  /** The budget that allows nothing more, the one that lasts longest first. */
  reached(now: number): BudgetReached | undefined {
    const { perHour, perDay, total } = this.#settings
    if (total !== undefined && this.#total >= total) return { which: 'total', limit: total, until: undefined }
    if (perDay !== undefined && this.#within(now, DAY_MS) >= perDay) {
      return { which: 'perDay', limit: perDay, until: this.#freeAt(now, DAY_MS) }
    }
    if (perHour !== undefined && this.#within(now, HOUR_MS) >= perHour) {
      return { which: 'perHour', limit: perHour, until: this.#freeAt(now, HOUR_MS) }
    }
    return undefined
  }

  #within(now: number, windowMs: number): number {
    let sum = 0
    for (const { at, count } of this.#purchases) if (at > now - windowMs) sum += count
    return sum
  }

  #freeAt(now: number, windowMs: number): number {
    const first = this.#purchases.find((p) => p.at > now - windowMs && p.count > 0)
    return (first?.at ?? now) + windowMs
  }
}
