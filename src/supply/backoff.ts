/** Growing pauses with full jitter: many gateways that failed together do not retry together. */
interface BackoffLimits {
  /** Upper limit of the first pause, ms. */
  readonly backoffMs: number
  readonly maxBackoffMs: number
}

export class Backoff {
  readonly #limits: BackoffLimits
  readonly #random: () => number
  #failures = 0

  /**
   * @param limits read for each pause: a reload may change them
   * @param random uniform in [0, 1)
   */
  constructor(limits: BackoffLimits, random: () => number = Math.random) {
    this.#limits = limits
    this.#random = random
  }

  /** The pause after one more failure, ms: between half the base and the base doubled for each failure, up to the maximum. */
  next(): number {
    const { backoffMs, maxBackoffMs } = this.#limits
    const ceiling = Math.min(maxBackoffMs, backoffMs * 2 ** this.#failures)
    this.#failures++
    return backoffMs / 2 + this.#random() * (ceiling - backoffMs / 2)
  }

  reset(): void {
    this.#failures = 0
  }
}
