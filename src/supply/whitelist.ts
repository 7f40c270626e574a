/**
 * Registers our egress address in a vendor's whitelist: on first use if the vendor tells the address, and whenever an error or
 * refused logins show that it is missing. Lending does not depend on it, so a failure is only logged.
 */
import { isIP } from 'node:net'
import type { Clock } from '../clock.ts'
import type { Log } from '../log/log.ts'
import type { MemoryFile } from '../store/memory-file.ts'
import { VendorError } from '../vendors/contract/error.ts'
import type { Source } from '../vendors/contract/source.ts'
import { wordsOf } from './failure-words.ts'

/** `auto`: the address that the vendor names or echoes; `{ ip }`: this one; `off`: never. */
export type WhitelistSetting = 'auto' | 'off' | { readonly ip: string }

interface WhitelistParts {
  readonly clock: Clock
  readonly log: Log
  /** Keeps our address for the next process. */
  readonly registered: MemoryFile | undefined
}

interface Remembered {
  /** The whitelist belongs to it. */
  readonly account: string
  readonly ip: string
}

/** The same address is not registered again before: the vendor may need time to apply it. */
const REPEAT_AFTER_MS = 60_000
/** Shortest time between two tries: each may take a question for our address and two calls. */
const TRY_EVERY_MS = 5_000

export class WhitelistRegistrar {
  readonly #source: Source
  readonly #setting: WhitelistSetting
  readonly #clock: Clock
  readonly #log: Log
  readonly #memory: MemoryFile | undefined
  /** Our address that was registered last, and when, clock ms; -Infinity: by an earlier process. */
  #registered: { readonly ip: string; readonly at: number } | undefined
  #isRecalled = false
  /** The last try with an address that was told, and the last one that had to ask for it, clock ms. */
  #triedAt = Number.NEGATIVE_INFINITY
  #askedAt = Number.NEGATIVE_INFINITY
  #isFirstUse = true
  #isCallerAdded = false

  constructor(source: Source, setting: WhitelistSetting, { clock, log, registered }: WhitelistParts) {
    this.#memory = registered
    this.#source = source
    this.#setting = setting
    this.#clock = clock
    this.#log = log
  }

  /** Whether `registerFirst` has something to do. */
  get isFirstUse(): boolean {
    return this.#isFirstUse && this.#setting === 'auto' && this.#source.whitelist?.echo !== undefined
  }

  /** Before the first order, for vendors that require the address before they sell. */
  async registerFirst(signal: AbortSignal): Promise<void> {
    this.#isFirstUse = false
    await this.#register(undefined, signal, true)
  }

  /**
   * After a failed call whose error says that our address is missing.
   * @returns true when the call may be repeated
   */
  async mend(error: unknown, signal: AbortSignal): Promise<boolean> {
    const { whitelist } = this.#source
    if (!(error instanceof VendorError) || whitelist?.isMissing(error) !== true) return false
    return this.#register(whitelist.addressFromError(error), signal)
  }

  /** Addresses without a login refuse this gateway: they may require that its address is registered. */
  loginsRefused(signal: AbortSignal): Promise<boolean> {
    return this.#setting === 'auto' ? this.#register(undefined, signal) : Promise.resolve(false)
  }

  /** @param isFirst nothing says that our address is missing: what an earlier process has registered is there */
  async #register(named: string | undefined, signal: AbortSignal, isFirst = false): Promise<boolean> {
    const { whitelist } = this.#source
    if (whitelist === undefined || this.#setting === 'off') return false
    const told = typeof this.#setting === 'object' ? this.#setting.ip : named
    const now = this.#clock.now()
    if (!this.#mayTry(told, now)) return false
    try {
      await this.#recall()
      const ip = told ?? (await this.#echoed(signal))
      if (ip === undefined) return this.#addCaller()
      if (ip === this.#registered?.ip && (isFirst || now < this.#registered.at + REPEAT_AFTER_MS)) return false
      await whitelist.add(ip, signal)
      // Without the record, the next process registers it again.
      await this.#memory?.save({ account: this.#source.account, ip } satisfies Remembered).catch(() => {})
      this.#log.info({ ip }, 'our address is on the vendor’s whitelist now')
      await this.#removeOld(ip, signal)
      return true
    } catch (failure) {
      signal.throwIfAborted()
      this.#log.error({ reason: wordsOf(failure) }, 'our address could not be put on the vendor’s whitelist')
      return false
    }
  }

  /** @param told our address, where it need not be asked for: a try without it does not delay one with it */
  #mayTry(told: string | undefined, now: number): boolean {
    const everyMs = told === undefined && this.#source.whitelist?.echo === undefined ? REPEAT_AFTER_MS : TRY_EVERY_MS
    const last = told === undefined ? Math.max(this.#askedAt, this.#triedAt) : this.#triedAt
    if (now < last + everyMs) return false
    if (told === undefined) this.#askedAt = now
    else this.#triedAt = now
    return true
  }

  async #recall(): Promise<void> {
    if (this.#isRecalled) return
    this.#isRecalled = true
    const saved = await this.#memory?.load().catch(() => undefined)
    const { account, ip } = (saved ?? {}) as Partial<Remembered>
    if (account !== this.#source.account || ip === undefined || isIP(ip) === 0) return
    this.#registered = { ip, at: Number.NEGATIVE_INFINITY }
  }

  /** The address that this gateway registered before is no longer ours. */
  async #removeOld(ip: string, signal: AbortSignal): Promise<void> {
    const old = this.#registered?.ip
    this.#registered = { ip, at: this.#clock.now() }
    if (old === undefined || old === ip || this.#source.whitelist?.remove === undefined) return
    try {
      await this.#source.whitelist.remove(old, signal)
      this.#log.info({ ip: old }, 'our former address is off the vendor’s whitelist')
    } catch (failure) {
      signal.throwIfAborted()
      this.#log.warn({ ip: old, reason: wordsOf(failure) }, 'our former address is still on the vendor’s whitelist')
    }
  }

  async #echoed(signal: AbortSignal): Promise<string | undefined> {
    try {
      return await this.#source.whitelist?.echo?.(signal)
    } catch (failure) {
      signal.throwIfAborted()
      this.#log.warn({ reason: wordsOf(failure) }, 'the vendor does not tell under which address it sees us')
      return undefined
    }
  }

  /** Some vendors register the caller of the next order, if it requests that. */
  #addCaller(): boolean {
    const { whitelist } = this.#source
    if (whitelist?.addCaller === undefined) {
      this.#log.error(
        'the vendor does not say which address of ours is missing on its whitelist: set whitelist: { ip }',
      )
      return false
    }
    if (this.#isCallerAdded) return false
    this.#isCallerAdded = true
    whitelist.addCaller()
    this.#log.info('the next order asks the vendor to register the address that it comes from')
    return true
  }
}
