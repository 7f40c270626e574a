/**
 * Asks a vendor for the balance of the account and the end of the plan: every ten minutes unless the product says
 * otherwise, and only while clients come. After a
 * refusal it waits an hour. Nothing else depends on it: no state of the provider changes.
 */
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { Source } from '../vendors/contract/source.ts'
import { wordsOf } from './whitelist.ts'

/** A gateway that is only tried out makes no such call. */
const FIRST_AFTER_MS = 60_000
const EVERY_MS = 600_000
const AFTER_REFUSAL_MS = 3_600_000

export interface AccountWatchParts {
  readonly clock: Clock
  readonly log: Log
  /** Ends a call in progress. */
  readonly signal: AbortSignal
  /** A plan that ends within this time counts as ending soon, ms; undefined: never. */
  readonly settings: { readonly expiresSoonMs?: number | undefined }
  readonly onBalance: (balance: number) => void
}

export class AccountWatch {
  readonly #source: Pick<Source, 'accountNow' | 'accountEveryMs'>
  readonly #parts: AccountWatchParts
  #nextAt: number | undefined
  #endsAt: number | undefined
  /** The end that was logged. */
  #toldEnd: number | undefined

  constructor(source: Pick<Source, 'accountNow' | 'accountEveryMs'>, parts: AccountWatchParts) {
    this.#source = source
    this.#parts = parts
  }

  /** When the plan ends, ms since the epoch; undefined when the vendor does not tell. */
  get endsAt(): number | undefined {
    return this.#endsAt
  }

  get endsSoon(): boolean {
    const { clock, settings } = this.#parts
    if (this.#endsAt === undefined || settings.expiresSoonMs === undefined) return false
    return this.#endsAt - clock.wall() < settings.expiresSoonMs
  }

  /** Clients ask for addresses. */
  wanted(): void {
    if (this.#source.accountNow === undefined) return
    const now = this.#parts.clock.now()
    this.#nextAt ??= now + FIRST_AFTER_MS
    if (now < this.#nextAt) return
    this.#nextAt = now + (this.#source.accountEveryMs ?? EVERY_MS)
    void this.#ask()
  }

  async #ask(): Promise<void> {
    const { clock, log, signal, onBalance } = this.#parts
    try {
      const { balance, endsAt } = (await this.#source.accountNow?.(signal)) ?? {}
      if (balance !== undefined) onBalance(balance)
      this.#endsAt = endsAt ?? this.#endsAt
      this.#tell()
    } catch (error) {
      if (signal.aborted) return
      this.#nextAt = clock.now() + AFTER_REFUSAL_MS
      log.debug({ reason: wordsOf(error) }, 'the vendor does not tell what is left on the account')
    }
  }

  #tell(): void {
    const { clock, log } = this.#parts
    if (!this.endsSoon || this.#endsAt === undefined || this.#toldEnd === this.#endsAt) return
    this.#toldEnd = this.#endsAt
    const hours = Math.floor((this.#endsAt - clock.wall()) / 3_600_000)
    log.warn(
      { hours },
      hours < 0 ? 'the plan at the vendor has ended: renew it' : 'the plan at the vendor ends soon: renew it',
    )
  }
}
