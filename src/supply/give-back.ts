/**
 * Returns addresses that are not needed to the vendor, if the product supports it:
 *
 *     a bad one ─▶ clients want addresses: replaced by another in one call ─┐ the vendor has none, or cannot
 *                └▶ else, or without such a call: given back ◀──────────────┘
 *     good ones ─▶ given back when no client has asked for `idle`, and when the gateway stops: only if configured
 */
import type { Timer } from '../clock.ts'
import { runInBackground } from '../internal-errors.ts'
import type { Upstream } from '../pool/upstream.ts'
import { VendorError } from '../vendors/contract/error.ts'
import { wordsOf } from './failure-words.ts'
import type { OrderSender } from './order/send.ts'
import type { ProviderParts } from './provider-parts.ts'

export class GiveBack {
  readonly #parts: ProviderParts
  readonly #orders: OrderSender
  #timer: Timer | undefined
  #idleFrom: number
  #wantedUntil = Number.NEGATIVE_INFINITY
  /** Addresses that the vendor has refused to take back. */
  readonly #refused = new Set<string>()

  constructor(parts: ProviderParts, orders: OrderSender) {
    this.#parts = parts
    this.#orders = orders
    this.#idleFrom = parts.clock.now()
    parts.signal.addEventListener('abort', () => this.#timer?.clear(), { once: true })
  }

  // --- Bad addresses --------------------------------------------------------------------------------------------

  /** An address failed and has left the pool: its channel is occupied for nothing. */
  async bad(upstream: Upstream): Promise<void> {
    const { ref } = upstream.facts
    const { source, log, role, signal, onNews } = this.#parts
    if (!role.isActive || ref === undefined || signal.aborted) return
    try {
      const isChanged = await this.#replaced(upstream, ref)
      if (isChanged) return onNews()
      if (source.release === undefined) return
      await source.release(ref, { signal })
    } catch (error) {
      if (!signal.aborted) log.warn({ reason: wordsOf(error) }, 'a bad address could not be given back')
      return
    }
    this.#parts.stock.givenBack(upstream.id)
    onNews()
  }

  /**
   * An order like any other, except that it uses the channel of the bad address.
   * @returns false when it was not replaced and can be given back
   */
  async #replaced(upstream: Upstream, ref: string): Promise<boolean> {
    const { source, status, clock, stock, account, log, isWanted, signal } = this.#parts
    const isForbidden = status.isOnTrial || clock.now() < status.mayTryAt(false)
    if (source.replace === undefined || source.replaceOperation === undefined) return false
    if (!isWanted() || isForbidden) return false
    const window = source.limitOf(source.replaceOperation)
    const reservation = { ...this.#orders.reservation(1, [], window), channels: undefined }
    const replace = source.replace.bind(source)
    try {
      const { kind } = await this.#orders.place(
        { reservation, isWanted },
        (order) => replace(ref, { signal, ticket: order }),
        (delivery) => {
          stock.givenBack(upstream.id)
          return this.#orders.settlement.arrived(delivery, 'order')
        },
      )
      if (kind === 'sold') account.works()
      return kind === 'sold'
    } catch (error) {
      if (!(error instanceof VendorError) || error.sale !== 'refused' || error.class === 'rate_limited') throw error
      log.info({ reason: error.message }, 'a bad address could not be changed for another: it is given back')
      return false
    }
  }

  // --- Good addresses -------------------------------------------------------------------------------------------

  /**
   * A client has asked, or addresses are held although none has.
   * @param until clock ms; what is given back earlier would be bought again
   */
  wanted(askedAt: number, until: number): void {
    this.#idleFrom = Math.max(this.#idleFrom, askedAt)
    this.#wantedUntil = Math.max(this.#wantedUntil, until)
    const idleMs = this.#parts.source.givesBack?.idleMs
    if (idleMs !== undefined && this.#timer === undefined) this.#lookAt(this.#dueAt(idleMs), idleMs)
  }

  #dueAt(idleMs: number): number {
    return Math.max(this.#idleFrom + idleMs, this.#wantedUntil)
  }

  #lookAt(at: number, idleMs: number): void {
    const { clock, signal } = this.#parts
    if (signal.aborted) return
    this.#timer = clock.after(Math.max(1, at - clock.now()), () => {
      this.#timer = undefined
      const dueAt = this.#dueAt(idleMs)
      if (clock.now() < dueAt) return this.#lookAt(dueAt, idleMs)
      runInBackground(this.#idle(idleMs))
    })
  }

  async #idle(idleMs: number): Promise<void> {
    const { clock, role, signal } = this.#parts
    const isAll = role.isActive && (await this.#giveBackAll(signal))
    if (!isAll && this.#timer === undefined) this.#lookAt(clock.now() + idleMs, idleMs)
  }

  /** The gateway stops. @param signal how long it waits for that */
  async stopping(signal: AbortSignal): Promise<void> {
    const { source, role } = this.#parts
    if (source.givesBack?.onStop === true && role.isActive) await this.#giveBackAll(signal)
  }

  /** @returns whether nothing is left to give back */
  async #giveBackAll(signal: AbortSignal): Promise<boolean> {
    const { pool, settings } = this.#parts
    const own = [...pool.members()].filter(
      ({ facts }) => facts.provider === settings.name && !this.#refused.has(facts.ref ?? ''),
    )
    const free = own.filter(({ leases }) => leases === 0)
    const wantedFrom = this.#idleFrom
    let left = own.length - free.length
    for (const upstream of free) {
      if (signal.aborted || this.#idleFrom > wantedFrom) return false
      if (upstream.leases > 0 || !(await this.#giveBackOne(upstream, signal))) left++
    }
    return left === 0
  }

  /** @returns whether it need not be tried again */
  async #giveBackOne(upstream: Upstream, signal: AbortSignal): Promise<boolean> {
    const { source, pool, stock, log, clock, onNews } = this.#parts
    const { ref } = upstream.facts
    if (source.release === undefined || ref === undefined) return true
    const wasReady = upstream.state === 'ready'
    pool.rest(upstream, clock.now() + LONGEST_RELEASE_MS)
    try {
      await source.release(ref, { signal })
    } catch (error) {
      if (error instanceof VendorError && error.class === 'bad_request') this.#refused.add(ref)
      if (wasReady) pool.wakeUp(upstream)
      if (!signal.aborted) log.warn({ reason: wordsOf(error) }, 'an address could not be given back')
      return this.#refused.has(ref)
    }
    stock.takenBack(upstream.id)
    onNews()
    return true
  }
}

/** Not lent while the vendor is asked to take it back. */
const LONGEST_RELEASE_MS = 120_000
