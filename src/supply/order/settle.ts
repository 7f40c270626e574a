/**
 * What comes back of an order, and what follows: addresses go to the inventory and the pool, the cost to the budget, a failure
 * to the state of the provider. The vendor's later word on orders that are open or unknown settles them here too.
 */
import type { Delivery, Followed, Pending } from '../../vendors/contract/delivery.ts'
import { VendorError } from '../../vendors/contract/error.ts'
import { type Capacity, UNKNOWN_LIFE_MS } from '../capacity.ts'
import { isFatalClass } from '../failure-pause.ts'
import { asVendorError } from '../failure-words.ts'
import type { Occasion } from '../ingest.ts'
import type { ProviderParts } from '../provider-parts.ts'

const SOLD_AGAIN = 'the vendor sold only addresses that are held already'

export class Settlement {
  /** Orders and look-ups that failed. */
  failedCalls = 0
  readonly #parts: ProviderParts
  readonly #capacity: Capacity
  /** The vendor's clock minus this machine's, ms, according to its last reply. */
  #skewMs = 0

  constructor(parts: ProviderParts, capacity: Capacity) {
    this.#parts = parts
    this.#capacity = capacity
  }

  /** @returns how many addresses must be paid for, including unusable ones; undefined while the order continues at the vendor */
  async arrived(reply: Delivery, occasion: Occasion): Promise<number | undefined> {
    const { ingest, status, reconciliation, source } = this.#parts
    // What another provider of the account holds is listed too: here it would occupy a second channel.
    const delivery = source.listsHeld === true ? ingest.ownOf(reply).own : reply
    const { gained, bought, fresh, fault } = await ingest.take(delivery, occasion)
    const pending = delivery.pending ?? []
    this.#addPending(pending)
    if (gained + pending.length > 0) status.succeeded()
    else if (occasion !== 'news' && fault !== undefined)
      this.failed(new VendorError('server', 'unusable', fault, { sale: 'sold' }))
    else if (occasion !== 'news')
      status.broughtNothing(delivery.complete ?? SOLD_AGAIN, delivery.complete !== undefined)
    if (occasion === 'order') reconciliation.worked()
    if (delivery.vendorWallMs !== undefined) this.#skewMs = delivery.vendorWallMs - this.#wallAt(delivery.sentAt)
    if (delivery.isOpen === true) return undefined
    return delivery.paid ?? (source.listsHeld === true ? fresh : bought) + delivery.rejected.length
  }

  #wallAt(instant: number): number {
    const { clock } = this.#parts
    return clock.wall() - (clock.now() - instant)
  }

  /** The result of a trial: never lent. @returns how many addresses must be paid for */
  async setAside(delivery: Delivery): Promise<number | undefined> {
    this.#addPending(delivery.pending ?? [])
    const cost = await this.#parts.ingest.setAside(delivery)
    return delivery.isOpen === true ? undefined : (delivery.paid ?? cost)
  }

  #addPending(pending: readonly Pending[]): void {
    const { account, settings, pendingPoller, clock } = this.#parts
    account.inventory.addPending(
      settings.name,
      pending.map(({ ref }) => ref),
      clock.now(),
    )
    pendingPoller?.add(pending)
  }

  /** The vendor's state of earlier purchases: some have arrived, some have changed, some are gone. */
  async followed(news: Followed): Promise<void> {
    const { stock, account, settings, accounts, clock } = this.#parts
    stock.drop(news)
    account.inventory.addPending(
      settings.name,
      (news.pending ?? []).map(({ ref }) => ref),
      clock.now(),
    )
    if (news.sold.length > 0) await this.arrived({ ...news, pending: [] }, 'news')
    // Its address is on record now.
    account.inventory.removePending([...news.gone, ...news.sold.flatMap(({ ref }) => ref ?? [])])
    if (news.settled !== undefined) accounts.store.resolve(settings.name, news.settled, clock.now())
    if (news.failure !== undefined) this.failed(news.failure)
  }

  /** The vendor has listed what it holds: that settles the unknown orders before `askedAt`. */
  async reconciled(held: Delivery, askedAt: number): Promise<void> {
    const { ingest, accounts, account, settings } = this.#parts
    const { own, unknown } = ingest.ownOf(held)
    await this.arrived(own, 'news')
    account.inventory.freeUnknown(settings.name)
    const { view } = accounts.store
    this.#keepBooked(settings.name, askedAt)
    // The list is of the account: what is more than this provider's orders are for was bought by lost orders of the others.
    let left = unknown - view.unknownOf(settings.name)
    accounts.store.resolve(settings.name, unknown, askedAt)
    for (const other of account.providers) {
      if (other === settings.name || left <= 0 || view.unknownOf(other) === 0) continue
      this.#keepBooked(other, askedAt)
      const most = view.unknownOf(other)
      accounts.store.resolve(other, left, askedAt)
      left -= most
    }
  }

  /** What older orders bought may have ended before the list was made, at `askedAt`: it stays booked. */
  #keepBooked(provider: string, askedAt: number): void {
    const { accounts, account, settings, pendingPoller } = this.#parts
    // Lists of products that are polled (`Source.follow`) have no such limit.
    if (pendingPoller !== undefined) return
    // Lives of one product differ.
    const certainMs = (account.shortestLifeOf(provider) ?? settings.arrival.ttlMs ?? UNKNOWN_LIFE_MS) / 2
    if (Number.isFinite(certainMs)) accounts.store.resolve(provider, Number.MAX_SAFE_INTEGER, askedAt - certainMs)
  }

  failed(error: unknown): void {
    const { status, account, clock, source, settings, log } = this.#parts
    this.failedCalls++
    const failure = asVendorError(error)
    if (failure.vendorWallMs !== undefined) this.#skewMs = failure.vendorWallMs - clock.wall()
    const { nextAt, allowed, used } = this.#capacity.window
    // A wait beyond the window is a penalty: the window says nothing about it.
    const isPenalty = Number(failure.wait) > source.limitOf(source.extractOperation).perMs
    const isLearnt = failure.class === 'rate_limited' && used > 1 && used >= allowed && !isPenalty
    const { code, words, until } = status.failed(failure, {
      earliestEnd: account.inventory.earliestEnd(clock.now()),
      windowFreeAt: isLearnt ? nextAt : undefined,
      expected: source.extractOperation,
      skewMs: this.#skewMs,
      couldRegister: settings.whitelist === 'off' && source.whitelist !== undefined,
    })
    const level = isFatalClass(failure.class) ? 'error' : 'warn'
    log[level]({ code, vendorCode: failure.vendorCode, pauseMs: Math.round(until - clock.now()) }, words)
  }
}
