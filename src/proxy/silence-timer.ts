/** The time that an upstream may be silent before its request acts: a timer in addition to the deadline of the request. */
import type { ExceptionOwner } from '../internal-errors.ts'
import { TimeoutEntry } from '../structures/timeout-queue.ts'

interface SilenceOwner extends ExceptionOwner {
  /** The upstream has been silent for the duration of the queue. */
  upstreamSilent(): void
}

export class SilenceTimer extends TimeoutEntry {
  readonly #owner: SilenceOwner

  constructor(owner: SilenceOwner) {
    super()
    this.#owner = owner
  }

  override onDeadline(): void {
    this.#owner.upstreamSilent()
  }

  override failInternally(): void {
    this.#owner.failInternally()
  }

  stop(): void {
    this.timeoutQueue?.remove(this)
  }
}
