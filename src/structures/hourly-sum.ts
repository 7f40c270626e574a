/** A sum over the last hours, kept as one number per hour: exact to the hour, with constant memory. */
const HOUR_MS = 3_600_000

export class HourlySum {
  readonly #hours: number
  /** Sums by hour number, the earliest first. */
  readonly #parts = new Map<number, number>()

  /** @param hours how many hours count besides the current one */
  constructor(hours: number) {
    this.#hours = hours
  }

  /** @param now clock ms */
  add(amount: number, now: number): void {
    if (amount === 0) return
    const hour = hourOf(now)
    this.#parts.set(hour, (this.#parts.get(hour) ?? 0) + amount)
    this.#forget(now)
  }

  sum(now: number): number {
    this.#forget(now)
    let sum = 0
    for (const part of this.#parts.values()) sum += part
    return sum
  }

  /** When the sum falls below a limit if nothing is added; `now` when it is already below. */
  belowAt(limit: number, now: number): number {
    let sum = this.sum(now)
    for (const [hour, part] of this.#parts) {
      if (sum < limit) break
      sum -= part
      if (sum < limit) return (hour + this.#hours + 1) * HOUR_MS
    }
    return now
  }

  #forget(now: number): void {
    const oldest = hourOf(now) - this.#hours
    for (const hour of this.#parts.keys()) {
      if (hour >= oldest) return
      this.#parts.delete(hour)
    }
  }
}

function hourOf(ms: number): number {
  return Math.floor(ms / HOUR_MS)
}
