/**
 * Requests the number of channels of an account: before the first order, after a failure, and while demand exceeds what the
 * channels allow. At most once a minute for all providers of the account: a larger plan is in use a minute after its purchase.
 */

import { contained } from '../internal-errors.ts'
import { wordsOf } from './failure-words.ts'
import type { ProviderContext } from './provider-context.ts'

const ASK_EVERY_MS = 60_000

type ProbeContext = Pick<ProviderContext, 'source' | 'account' | 'clock' | 'log' | 'signal' | 'onNews'>

export class ChannelProbe {
  readonly #context: ProbeContext

  /** @param context `onNews` is called when the number has changed while no order waited for it */
  constructor(context: ProbeContext) {
    this.#context = context
  }

  /** Whether the number is unknown, and the vendor may be called now. */
  get isMissing(): boolean {
    return this.#context.source.channels === undefined && this.isDue
  }

  /** When the configuration has the number, no request is made. */
  get isDue(): boolean {
    const { source, account, clock } = this.#context
    if (!source.byChannel || source.channelsNow === undefined) return false
    return clock.now() >= account.channelsAskedAt + ASK_EVERY_MS
  }

  /** Requests it in parallel to other work, when the last request is old enough. */
  askAside(): void {
    if (!this.isDue) return
    const { signal, onNews } = this.#context
    void this.ask(signal).then(
      (hasChanged) => hasChanged && contained(onNews),
      () => {}, // The signal has ended it.
    )
  }

  /** @returns whether the number has changed */
  async ask(signal: AbortSignal): Promise<boolean> {
    const { source, account, clock, log } = this.#context
    const before = source.channels
    account.channelsAskedAt = clock.now()
    try {
      await source.channelsNow?.(signal)
    } catch (error) {
      signal.throwIfAborted()
      const level = before === undefined ? 'warn' : 'debug'
      log[level]({ reason: wordsOf(error), assumed: before ?? 1 }, 'the vendor does not tell the number of channels')
      return false
    }
    const now = source.channels
    if (now !== before) log.info({ channels: now, before }, 'the vendor says how many channels the account has')
    return now !== before
  }
}
