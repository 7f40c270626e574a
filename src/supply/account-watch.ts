/**
 * Asks a vendor for the balance of the account and the end of the plan: every ten minutes unless the product says otherwise, and
 * only while clients come. After a failed call it waits an hour. Nothing else depends on it: no state of the provider changes.
 */
import type { Source } from '../vendors/contract/source.ts'
import { wordsOf } from './failure-words.ts'
import type { ProviderContext, ProviderSettings } from './provider-context.ts'

/** A gateway that is only tried out makes no such call. */
const FIRST_AFTER_MS = 60_000
const EVERY_MS = 600_000
const AFTER_REFUSAL_MS = 3_600_000

interface WatchContext extends Pick<ProviderContext, 'clock' | 'log' | 'signal'> {
  readonly source: Pick<Source, 'accountNow' | 'accountEveryMs'>
  readonly settings: Pick<ProviderSettings, 'expiresSoonMs'>
}

export class AccountWatch {
  readonly #context: WatchContext
  readonly #onBalance: (balance: number) => void
  #nextAt: number | undefined
  #endsAt: number | undefined
  /** The end that was logged. */
  #toldEnd: number | undefined

  constructor(context: WatchContext, onBalance: (balance: number) => void) {
    this.#context = context
    this.#onBalance = onBalance
  }

  /** When the plan ends, ms since the epoch; undefined when the vendor does not tell. */
  get endsAt(): number | undefined {
    return this.#endsAt
  }

  get endsSoon(): boolean {
    const { clock, settings } = this.#context
    if (this.#endsAt === undefined || settings.expiresSoonMs === undefined) return false
    return this.#endsAt - clock.wall() < settings.expiresSoonMs
  }

  /** Clients ask for addresses. */
  wanted(): void {
    const { source, clock } = this.#context
    if (source.accountNow === undefined) return
    const now = clock.now()
    this.#nextAt ??= now + FIRST_AFTER_MS
    if (now < this.#nextAt) return
    this.#nextAt = now + (source.accountEveryMs ?? EVERY_MS)
    void this.#ask()
  }

  async #ask(): Promise<void> {
    const { source, clock, log, signal } = this.#context
    try {
      const { balance, endsAt } = (await source.accountNow?.(signal)) ?? {}
      if (balance !== undefined) this.#onBalance(balance)
      this.#endsAt = endsAt ?? this.#endsAt
      this.#tell()
    } catch (error) {
      if (signal.aborted) return
      this.#nextAt = clock.now() + AFTER_REFUSAL_MS
      log.debug({ reason: wordsOf(error) }, 'the vendor does not tell what is left on the account')
    }
  }

  #tell(): void {
    const { clock, log } = this.#context
    if (!this.endsSoon || this.#endsAt === undefined || this.#toldEnd === this.#endsAt) return
    this.#toldEnd = this.#endsAt
    const hours = Math.floor((this.#endsAt - clock.wall()) / 3_600_000)
    log.warn(
      { hours },
      hours < 0 ? 'the plan at the vendor has ended: renew it' : 'the plan at the vendor ends soon: renew it',
    )
  }
}
