/**
 * Requests the number of channels of an account: before the first order, after a failure, and while demand exceeds what the
 * channels allow. At most once a minute for all providers of the account: a larger plan is in use a minute after its purchase.
 */
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { Source } from '../vendors/contract/source.ts'
import type { Account } from './account.ts'
import { wordsOf } from './whitelist.ts'

const ASK_EVERY_MS = 60_000

export interface ChannelProbeParts {
  readonly clock: Clock
  readonly log: Log
  /** Ends requests in progress. */
  readonly signal: AbortSignal
  /** Called when the number has changed while no order waited for it. */
  readonly onChange: () => void
}

export class ChannelProbe {
  readonly #source: Source
  readonly #account: Account
  readonly #parts: ChannelProbeParts

  constructor(source: Source, account: Account, parts: ChannelProbeParts) {
    this.#source = source
    this.#account = account
    this.#parts = parts
  }

  /** Whether the number is unknown, and the vendor may be called now. */
  get isMissing(): boolean {
    return this.#source.channels === undefined && this.isDue
  }

  /** When the configuration has the number, no request is made. */
  get isDue(): boolean {
    if (!this.#source.byChannel || this.#source.channelsNow === undefined) return false
    return this.#parts.clock.now() >= this.#account.channelsAskedAt + ASK_EVERY_MS
  }

  /** Requests it in parallel to other work, when the last request is old enough. */
  askAside(): void {
    if (!this.isDue) return
    const { signal, onChange } = this.#parts
    void this.ask(signal)
      .then((hasChanged) => hasChanged && onChange())
      .catch(() => {})
  }

  /** @returns whether the number has changed */
  async ask(signal: AbortSignal): Promise<boolean> {
    const before = this.#source.channels
    this.#account.channelsAskedAt = this.#parts.clock.now()
    try {
      await this.#source.channelsNow?.(signal)
    } catch (error) {
      signal.throwIfAborted()
      const level = before === undefined ? 'warn' : 'debug'
      this.#parts.log[level](
        { reason: wordsOf(error), assumed: before ?? 1 },
        'the vendor does not tell the number of channels',
      )
      return false
    }
    const now = this.#source.channels
    if (now !== before)
      this.#parts.log.info({ channels: now, before }, 'the vendor says how many channels the account has')
    return now !== before
  }
}
