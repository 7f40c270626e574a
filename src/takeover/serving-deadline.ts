/**
 * How long the process that takes over may take from the moment at which the running gateway accepts no client: meanwhile, clients
 * wait. The process that has started it ends it when it is too slow, and the running gateway continues.
 */

import type { Clock, Timer } from '../clock.ts'
import { CommandError } from '../command-error.ts'
import { translate } from '../messages/translate.ts'

/** What the process that takes over reports: the running gateway accepts no client any more; this process serves. */
export type TakeoverStage = 'released' | 'serves'

const LONGEST_MS = 15_000

export class ServingDeadline {
  readonly #clock: Clock
  readonly #end: () => void
  #timer: Timer | undefined
  #isMissed = false

  /** @param end ends the process */
  constructor(clock: Clock, end: () => void) {
    this.#clock = clock
    this.#end = end
  }

  reached(stage: TakeoverStage): void {
    this.close()
    if (stage !== 'released') return
    this.#timer = this.#clock.after(LONGEST_MS, () => {
      this.#isMissed = true
      this.#end()
    })
  }

  close(): void {
    this.#timer?.clear()
  }

  /** @throws {CommandError} when the process was ended */
  check(): void {
    if (!this.#isMissed) return
    throw new CommandError(
      translate('the new process did not serve within {seconds} s and was ended: the running gateway continues', {
        seconds: LONGEST_MS / 1_000,
      }),
    )
  }
}
