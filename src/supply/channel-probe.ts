/**
 * Asks how many channels an account has: before the first order, after a failure, and while demand exceeds what the channels
 * allow. At most once a minute for all providers of the account; a larger plan is in use a minute after it was bought.
 */
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { Source } from '../vendors/contract.ts'
import type { Account } from './account.ts'
import { wordsOf } from './whitelist.ts'

const ASK_EVERY_MS = 60_000

export class ChannelProbe {
  readonly #source: Source
  readonly #account: Account
  readonly #clock: Clock
  readonly #log: Log

  constructor(source: Source, account: Account, { clock, log }: { clock: Clock; log: Log }) {
    this.#source = source
    this.#account = account
    this.#clock = clock
    this.#log = log
  }

  /** Whether the number is unknown, and the vendor may be asked now. */
  get isMissing(): boolean {
    return this.#source.channels === undefined && this.isDue
  }

  /** Where the configuration states the number, there is nothing to ask. */
  get isDue(): boolean {
    if (!this.#source.byChannel || this.#source.channelsNow === undefined) return false
    return this.#clock.now() >= this.#account.channelsAskedAt + ASK_EVERY_MS
  }

  /** @returns whether the number has changed */
  async ask(signal: AbortSignal): Promise<boolean> {
    const before = this.#source.channels
    this.#account.channelsAskedAt = this.#clock.now()
    try {
      await this.#source.channelsNow?.(signal)
    } catch (error) {
      signal.throwIfAborted()
      const level = before === undefined ? 'warn' : 'debug'
      this.#log[level](
        { reason: wordsOf(error), assumed: before ?? 1 },
        'the vendor does not tell the number of channels',
      )
      return false
    }
    const now = this.#source.channels
    if (now !== before) this.#log.info({ channels: now, before }, 'the vendor says how many channels the account has')
    return now !== before
  }
}
