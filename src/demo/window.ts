/** The demo vendor's own limit: at most `calls` accepted calls in every window of `perMs`, wherever the window begins. */
export class SlidingWindow {
  readonly #calls: number
  readonly #perMs: number
  /** When the accepted calls of the last `perMs` arrived, oldest first. */
  readonly #accepted: number[] = []

  constructor(calls: number, perMs: number) {
    this.#calls = calls
    this.#perMs = perMs
  }

  /**
   * Counts a call, if there is room. A refused call is not counted: otherwise a client that retries could never recover.
   * @param now ms on the clock
   * @returns 0 when the call is accepted, else the ms until the next one would be
   */
  take(now: number): number {
    while (this.#accepted[0] !== undefined && this.#accepted[0] <= now - this.#perMs) this.#accepted.shift()
    const oldest = this.#accepted[0]
    if (oldest !== undefined && this.#accepted.length >= this.#calls) return oldest + this.#perMs - now
    this.#accepted.push(now)
    return 0
  }
}
