/** Wakes when the passage of time changes something in the pool, and lets the pool change it. */
import type { Clock, Timer } from '../clock.ts'
import type { Pool } from '../pool/pool.ts'

export class Reaper {
  readonly #pool: Pool
  readonly #clock: Clock
  readonly #stopListening: () => void
  #timer: Timer | undefined
  #timerAt = Number.POSITIVE_INFINITY
  #isClosed = false

  constructor(pool: Pool, clock: Clock) {
    this.#pool = pool
    this.#clock = clock
    // Timers armed before the machine slept come late by as long as it did.
    this.#stopListening = clock.onWake(() => this.#run())
  }

  /** The pool's next change may be earlier than before. */
  arm(): void {
    const next = this.#pool.nextWakeAt
    if (next === undefined || next >= this.#timerAt || this.#isClosed) return
    this.#timer?.clear()
    this.#timerAt = next
    this.#timer = this.#clock.after(Math.max(1, next - this.#clock.now()), () => this.#run())
  }

  #run(): void {
    this.#timer?.clear()
    this.#timerAt = Number.POSITIVE_INFINITY
    this.#pool.advance(this.#clock.now())
    this.arm()
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.clear()
    this.#stopListening()
  }
}
