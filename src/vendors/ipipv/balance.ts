/** The balance of an account, requested from time to time in parallel to an extraction: never alone, and never delaying it. */
import type { Clock } from '../../clock.ts'
import type { Delivery } from '../contract/delivery.ts'

const EVERY_MS = 300_000
/** A delivery waits at most this time for the balance; then it gets the previous one. */
const PATIENCE_MS = 500

export class BalanceWatch {
  readonly #clock: Clock
  readonly #ask: (signal: AbortSignal) => Promise<number | undefined>
  #askedAt = Number.NEGATIVE_INFINITY
  #known: number | undefined

  constructor(clock: Clock, ask: (signal: AbortSignal) => Promise<number | undefined>) {
    this.#clock = clock
    this.#ask = ask
  }

  /** The delivery, with the balance if it is known. */
  async along(extraction: Promise<Delivery>, signal: AbortSignal): Promise<Delivery> {
    const delivery = await extraction
    const now = this.#clock.now()
    if (now >= this.#askedAt + EVERY_MS) {
      this.#askedAt = now
      await this.#orPatience(this.#refresh(signal))
    }
    return this.#known === undefined ? delivery : { ...delivery, balance: this.#known }
  }

  async #refresh(signal: AbortSignal): Promise<void> {
    try {
      this.#known = await this.#ask(signal)
    } catch {
      // The addresses have arrived; a missing balance has no cost, and is requested again later.
    }
  }

  async #orPatience(refresh: Promise<void>): Promise<void> {
    const stop = new AbortController()
    const patience = this.#clock.sleep(PATIENCE_MS, stop.signal).catch(() => {})
    await Promise.race([refresh, patience])
    stop.abort()
  }
}
