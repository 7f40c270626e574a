/**
 * The steps of an order through one provider:
 *
 *     order ─▶ prepare (preparation.ts) ─▶ reserve, send, settle (order.ts) ─▶ delivery (ingest.ts) ─▶ pool
 *                                                       │ failed
 *                                                       ▼
 *                            state (provider-status.ts), whitelist, channels, result of lost replies
 */
import type { CallWindow, Ceiling, Reservation } from '../store/account-store.ts'
import { StoreError } from '../store/errors.ts'
import type { Delivery, Followed } from '../vendors/contract/delivery.ts'
import { VendorError } from '../vendors/contract/error.ts'
import { type Capacity, UNKNOWN_LIFE_MS } from './capacity.ts'
import { isFatalClass } from './failure-pause.ts'
import type { Occasion } from './ingest.ts'
import { type CostOf, Order, type OrderResult, type OrderTerms } from './order.ts'
import type { OrderDemand, ProviderParts } from './provider-contract.ts'

const SOLD_AGAIN = 'the vendor sold only addresses that are held already'
const NOTHING_USABLE = 'the vendor sold nothing that can be used'

export class Ordering {
  /** Orders and look-ups that failed. */
  failedCalls = 0
  readonly #parts: ProviderParts
  readonly #capacity: Capacity
  #loggedBudget: string | undefined
  /** How far the vendor's clock is ahead of ours, ms, according to its last reply. */
  #skewMs = 0

  constructor(parts: ProviderParts, capacity: Capacity) {
    this.#parts = parts
    this.#capacity = capacity
  }

  /**
   * Buys up to `wanted`, or a whole batch if the vendor sells in batches. Never throws: a failure becomes the provider's state.
   * When something must be found out first, that is done instead, and the caller plans again.
   * @param priority of further calls that the order makes; waiting clients first
   * @returns false when the account store has denied the order: then nothing has changed
   */
  async order(wanted: number, priority: number, signal: AbortSignal, demand: OrderDemand): Promise<boolean> {
    const { source, status, preparation, clock } = this.#parts
    if (preparation.isNeeded) {
      await preparation.run(() => clock.now(), signal, priority)
      return true
    }
    const count = source.batchSize ?? wanted
    status.ordering()
    try {
      return await this.#buy(count, demand, (order) => source.extract(count, signal, priority, order))
    } catch (error) {
      if (!signal.aborted) await this.#recover(error, signal)
      return true
    }
  }

  /** @returns as `order` */
  async #buy(count: number, demand: OrderDemand, call: (order: Order) => Promise<Delivery>): Promise<boolean> {
    const { latency, clock, account } = this.#parts
    const reservation = this.reservation(count, demand.ceilings)
    const { kind } = await this.place({ reservation, isWanted: demand.isWanted }, call, async (delivery) => {
      latency.measured(clock.now() - delivery.sentAt)
      return this.arrived(delivery, 'order')
    })
    if (kind === 'sold') account.works()
    return kind !== 'denied'
  }

  /** Repairs what the failure says is missing, so that the next order may be sent at once. */
  async #recover(error: unknown, signal: AbortSignal): Promise<void> {
    const { status, whitelist } = this.#parts
    this.failed(error)
    if (this.#isMissingSome(error)) status.mended()
    else if (await whitelist.mend(error, signal).catch(() => false)) status.mended()
  }

  /**
   * What an order of this provider books.
   * @param window of the call that buys
   */
  reservation(count: number, ceilings: readonly Ceiling[], window = this.#window): Reservation {
    const { source, settings, account } = this.#parts
    const own = {
      scope: `provider ${settings.name}`,
      limit: settings.ceiling ?? Number.MAX_SAFE_INTEGER,
      held: this.#capacity.lendable,
    }
    return {
      window: this.#capacity.orderWindow(window),
      provider: settings.name,
      count,
      budget: settings.budget,
      channels: source.byChannel ? { account: account.key, total: this.#capacity.channels } : undefined,
      ceilings: ceilings.length === 0 ? [] : [...ceilings, own],
      isDurable: settings.isRemembered,
    }
  }

  get #window(): CallWindow {
    const { source } = this.#parts
    return source.limitOf(source.extractOperation)
  }

  /**
   * Reserves, sends and settles.
   * @throws as `Order.run`
   */
  async place<T>(
    terms: Omit<OrderTerms, 'lifeMs'>,
    call: (order: Order) => Promise<T>,
    costOf: CostOf<T>,
  ): Promise<OrderResult<T>> {
    const { ingest, settings, accounts, clock, reconciliation, pendingPoller } = this.#parts
    const lifeMs = ingest.latestLife?.heldMs ?? settings.arrival.ttlMs ?? UNKNOWN_LIFE_MS
    const reservation = { ...terms.reservation, lifeMs }
    const order = new Order({ ...terms, reservation, lifeMs }, accounts, () => clock.now())
    try {
      return await order.run(() => call(order), costOf)
    } finally {
      if (order.isUnknown) reconciliation.demand()
      if (order.isUnknown) pendingPoller?.resume()
      this.logBudget()
    }
  }

  /** Logs once that a budget is used up. */
  logBudget(): void {
    const { clock, log } = this.#parts
    const reached = this.#capacity.budgetReached
    if (reached !== undefined && this.#loggedBudget !== reached.which) {
      const endsInMs = reached.until === undefined ? undefined : Math.round(reached.until - clock.now())
      const words = endsInMs === undefined ? 'raise it to buy more' : 'nothing is bought until it ends'
      log.warn({ budget: reached.which, limit: reached.limit, endsInMs }, `the budget is used up: ${words}`)
    }
    this.#loggedBudget = reached?.which
  }

  // --- What comes back ------------------------------------------------------------------------------------------

  /** @returns how many addresses must be paid for, including unusable ones; undefined while the order continues at the vendor */
  async arrived(delivery: Delivery, occasion: Occasion): Promise<number | undefined> {
    const { ingest, status, reconciliation, source } = this.#parts
    const { gained, known, bought, fresh } = await ingest.take(delivery, occasion)
    const pending = delivery.pending ?? []
    this.#addPending(pending)
    if (gained + pending.length > 0) status.succeeded()
    else if (occasion !== 'news') status.broughtNothing(known > 0 ? SOLD_AGAIN : NOTHING_USABLE)
    if (occasion === 'order') reconciliation.worked()
    if (delivery.vendorWallMs !== undefined) this.#skewMs = delivery.vendorWallMs - this.#wallAt(delivery.sentAt)
    if (delivery.isOpen === true) return undefined
    return (source.listsHeld === true ? fresh : bought) + delivery.rejected.length
  }

  #wallAt(instant: number): number {
    const { clock } = this.#parts
    return clock.wall() - (clock.now() - instant)
  }

  /** The result of a trial: never lent. @returns how many addresses must be paid for */
  async setAside(delivery: Delivery): Promise<number | undefined> {
    this.#addPending(delivery.pending ?? [])
    const cost = await this.#parts.ingest.setAside(delivery)
    return delivery.isOpen === true ? undefined : cost
  }

  #addPending(pending: NonNullable<Delivery['pending']>): void {
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
    accounts.store.resolve(settings.name, unknown, askedAt)
  }

  failed(error: unknown): void {
    const { status, account, clock, source, settings, log } = this.#parts
    this.failedCalls++
    const failure = error instanceof VendorError ? error : notTheVendors(error)
    const { nextAt, allowed, used } = this.#capacity.window
    const isLearnt = failure.class === 'rate_limited' && used > 1 && used >= allowed
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

  /** The vendor says that all channels are occupied, and we know of fewer: another process occupied the others. */
  #isMissingSome(error: unknown): boolean {
    const { channelProbe, reconciliation } = this.#parts
    if (!(error instanceof VendorError) || error.wait !== 'earliest-deadline') return false
    if (this.#capacity.freeChannels === 0) return false
    channelProbe.askAside()
    return reconciliation.demandOnce()
  }
}

/** A failure before the call could be sent. */
export function notTheVendors(error: unknown): VendorError {
  if (error instanceof VendorError) return error
  if (error instanceof StoreError)
    return new VendorError('server', 'store', `nothing is bought that cannot be recorded: ${error.message}`)
  return new VendorError('server', 'internal', 'the call failed inside the gateway', { cause: error })
}
