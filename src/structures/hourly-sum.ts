/** A sum over the last hours, kept as one number per hour: exact to the hour, with constant memory. */
const HOUR_MS = 3_600_000

export class HourlySum {
  readonly #keptMs: number
  /** What was added within an hour, by the time of the first addition, the earliest first. */
  readonly #parts = new Map<number, number>()
  #latest = Number.NEGATIVE_INFINITY

  /** @param hours how long an amount counts at least; an hour longer at most */
  constructor(hours: number) {
    this.#keptMs = (hours + 1) * HOUR_MS
  }

  /** @param now clock ms, never earlier than before */
  add(amount: number, now: number): void {
    if (amount === 0) return
    if (now >= this.#latest + HOUR_MS) this.#latest = now
    this.#parts.set(this.#latest, (this.#parts.get(this.#latest) ?? 0) + amount)
    this.#forget(now)
  }

  sum(now: number): number {
    this.#forget(now)
    let sum = 0
    for (const part of this.#parts.values()) sum += part
    return sum
  }

  /** What counts, by age in ms, the oldest first: adding each at `now` less its age gives the same sum at all times. */
  parts(now: number): (readonly [ageMs: number, amount: number])[] {
    this.#forget(now)
    return [...this.#parts].map(([from, amount]) => [now - from, amount])
  }

  /** When the sum falls below a limit if nothing is added; `now` when it is already below. */
  belowAt(limit: number, now: number): number {
    let sum = this.sum(now)
    for (const [from, part] of this.#parts) {
      if (sum < limit) break
      sum -= part
      if (sum < limit) return from + this.#keptMs
    }
    return now
  }

  #forget(now: number): void {
    for (const from of this.#parts.keys()) {
      if (now < from + this.#keptMs) return
      this.#parts.delete(from)
    }
  }
}
