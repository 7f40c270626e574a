/** Growing pauses with full jitter: many gateways that failed together do not come back together. */
export class Backoff {
  readonly #baseMs: number
  readonly #maxMs: number
  readonly #random: () => number
  #failures = 0

  /** @param random uniform in [0, 1) */
  constructor(baseMs: number, maxMs: number, random: () => number = Math.random) {
    this.#baseMs = baseMs
    this.#maxMs = maxMs
    this.#random = random
  }

  /** The pause after one more failure, ms: between half the base and the doubled base for each failure, up to the maximum. */
  next(): number {
    const ceiling = Math.min(this.#maxMs, this.#baseMs * 2 ** this.#failures)
    this.#failures++
    return this.#baseMs / 2 + this.#random() * (ceiling - this.#baseMs / 2)
  }

  reset(): void {
    this.#failures = 0
  }
}
