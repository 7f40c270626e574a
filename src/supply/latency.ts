/** How long a vendor's calls take: smoothed, with their deviation, as RFC 6298 section 2 does for round trips. */
const WEIGHT = 1 / 8
const DEVIATION_WEIGHT = 1 / 4
/** RFC 6298 uses 4, because a reply that is wrongly taken for lost is expensive. Here each deviation costs a part of every life. */
const DEVIATIONS = 1.75
/** Before the first reply. */
const FIRST_MS = 1_000

export class CallLatency {
  #smoothedMs = FIRST_MS
  #deviationMs = FIRST_MS / 2

  measured(ms: number): void {
    this.#deviationMs += DEVIATION_WEIGHT * (Math.abs(ms - this.#smoothedMs) - this.#deviationMs)
    this.#smoothedMs += WEIGHT * (ms - this.#smoothedMs)
  }

  /** An upper bound that few calls exceed, ms. */
  get mostMs(): number {
    return this.#smoothedMs + DEVIATIONS * this.#deviationMs
  }
}
