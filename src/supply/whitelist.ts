/**
 * What a provider does at its vendor besides buying: it learns how many channels there are, gets our address onto the
 * whitelist, gives bad addresses back. None of it is needed to lend what is there, so a failure here is told and no more.
 */
import type { Log } from '../log.ts'
import { type Source, VendorError } from '../vendors/contract.ts'

/** `auto`: the address that the vendor names or echoes; `{ ip }`: this one; `off`: never. */
export type WhitelistSetting = 'auto' | 'off' | { readonly ip: string }

export class WhitelistRegistrar {
  readonly #source: Source
  readonly #whitelist: WhitelistSetting
  readonly #log: Log
  #askedChannels = false
  /** Registered once for each time that it turns out to be missing; a success makes the next time possible. */
  #registered = false

  constructor(source: Source, whitelist: WhitelistSetting, log: Log) {
    this.#source = source
    this.#whitelist = whitelist
    this.#log = log
  }

  /** Before the first order: how many channels there are decides limit and stock. */
  async prepare(signal: AbortSignal): Promise<void> {
    const source = this.#source
    if (!source.byChannel || source.channels !== undefined || source.channelsNow === undefined || this.#askedChannels)
      return
    this.#askedChannels = true
    try {
      const { total } = await source.channelsNow(signal)
      this.#log.info({ channels: total }, 'the vendor says how many channels the account has')
    } catch (error) {
      signal.throwIfAborted()
      this.#log.warn({ reason: wordsOf(error) }, 'the number of channels is unknown: one is assumed. Set channels')
    }
  }

  /**
   * After a failed call: when our address is missing on the whitelist, and we may, puts it there.
   * @returns true when the call is worth another try
   */
  async mend(error: unknown, signal: AbortSignal): Promise<boolean> {
    const { whitelist } = this.#source
    if (whitelist === undefined || this.#whitelist === 'off' || this.#registered) return false
    if (!(error instanceof VendorError) || !whitelist.isMissing(error)) return false
    this.#registered = true
    try {
      const ip = await this.#ownAddress(error, signal)
      if (ip === undefined) return this.#addWhoeverCalls()
      await whitelist.add(ip, signal)
      this.#log.info({ ip }, 'our address is on the vendor’s whitelist now')
      return true
    } catch (failure) {
      signal.throwIfAborted()
      this.#log.error({ reason: wordsOf(failure) }, 'our address could not be put on the vendor’s whitelist')
      return false
    }
  }

  async #ownAddress(error: VendorError, signal: AbortSignal): Promise<string | undefined> {
    const { whitelist } = this.#source
    if (typeof this.#whitelist === 'object') return this.#whitelist.ip
    const named = whitelist?.addressFromError(error)
    if (named !== undefined || whitelist?.echo === undefined) return named
    try {
      return await whitelist.echo(signal)
    } catch (failure) {
      signal.throwIfAborted()
      this.#log.warn({ reason: wordsOf(failure) }, 'the vendor does not tell under which address it sees us')
      return undefined
    }
  }

  /** Some vendors register whoever makes the next order, if it asks for that. */
  #addWhoeverCalls(): boolean {
    const { whitelist } = this.#source
    if (whitelist?.addCaller !== undefined) {
      whitelist.addCaller()
      this.#log.info('the next order asks the vendor to register the address that it comes from')
      return true
    }
    this.#log.error('the vendor does not say which address of ours is missing on its whitelist: set whitelist: { ip }')
    return false
  }

  succeeded(): void {
    this.#registered = false
  }

  /** Whether an address of this product can be given back before its deadline. */
  get canRelease(): boolean {
    return this.#source.release !== undefined
  }

  /** @returns whether the vendor has taken it back: its channel is free */
  async release(ref: string, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#source.release?.(ref, signal)
      return true
    } catch (error) {
      if (!signal.aborted) this.#log.warn({ reason: wordsOf(error) }, 'a bad address could not be given back')
      return false
    }
  }
}

function wordsOf(error: unknown): string {
  return error instanceof VendorError ? error.message : 'the call failed inside the gateway'
}
