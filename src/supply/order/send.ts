/**
 * The way of an order through one provider:
 *
 *     planner.ts ─▶ prepare (prepare.ts) ─▶ reserve (reserve.ts) ─▶ send (the vendor's source) ─▶ settle (settle.ts)
 *                                                                         │ failed
 *                                                                         ▼
 *                       settle, then repair what is missing: whitelist, channels, result of lost replies
 *
 * The states of one order, and that it is settled exactly once, are order.ts.
 */
import type { CallWindow, Ceiling, Reservation } from '../../store/account-store.ts'
import type { Delivery } from '../../vendors/contract/delivery.ts'
import { VendorError } from '../../vendors/contract/error.ts'
import { type Capacity, UNKNOWN_LIFE_MS } from '../capacity.ts'
import type { OrderDemand } from '../provider-context.ts'
import type { ProviderParts } from '../provider-parts.ts'
import { type CostOf, Order, type OrderResult, type OrderTerms } from './order.ts'
import { reservationOf } from './reserve.ts'
import { Settlement } from './settle.ts'

export class OrderSender {
  readonly settlement: Settlement
  readonly capacity: Capacity
  readonly #parts: ProviderParts
  #loggedBudget: string | undefined

  constructor(parts: ProviderParts, capacity: Capacity) {
    this.#parts = parts
    this.capacity = capacity
    this.settlement = new Settlement(parts, capacity)
  }

  /**
   * Buys up to `wanted`, or a whole batch if the vendor sells in batches. Never throws: a failure becomes the provider's state.
   * When something must be found out first, that is done instead, and the caller plans again.
   * @param priority of further calls that the order makes; waiting clients first
   * @returns false when the account store has denied the order: then nothing has changed
   */
  async order(wanted: number, priority: number, signal: AbortSignal, demand: OrderDemand): Promise<boolean> {
    const { source, status, preparation } = this.#parts
    if (preparation.isNeeded) {
      await preparation.run((held, askedAt) => this.settlement.reconciled(held, askedAt), signal, priority)
      return true
    }
    const count = source.batchSize ?? wanted
    status.ordering()
    try {
      return await this.#buy(count, demand, (order) => source.extract(count, { signal, priority, ticket: order }))
    } catch (error) {
      if (!signal.aborted) await this.recover(error, signal)
      return true
    }
  }

  /** @returns as `order` */
  async #buy(count: number, demand: OrderDemand, call: (order: Order) => Promise<Delivery>): Promise<boolean> {
    const { latency, clock, account } = this.#parts
    const reservation = this.reservation(count, demand.ceilings)
    const { kind } = await this.place({ reservation, isWanted: demand.isWanted }, call, async (delivery) => {
      latency.measured(clock.now() - delivery.sentAt)
      return this.settlement.arrived(delivery, 'order')
    })
    if (kind === 'sold') account.works()
    return kind !== 'denied'
  }

  /**
   * Repairs what the failure says is missing, so that the next call may be sent at once.
   * @returns whether it may
   */
  async recover(error: unknown, signal: AbortSignal): Promise<boolean> {
    const { status, whitelist } = this.#parts
    this.settlement.failed(error)
    const isMended = this.#isMissingSome(error) || (await whitelist.mend(error, signal).catch(() => false))
    if (isMended) status.mended()
    return isMended
  }

  /** What an order books. @param window of the call that buys; default: that of an extraction */
  reservation(count: number, ceilings: readonly Ceiling[], window?: CallWindow): Reservation {
    return reservationOf(this.#parts, this.capacity, { count, ceilings, window })
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
    const reached = this.capacity.budgetReached
    if (reached !== undefined && this.#loggedBudget !== reached.which) {
      const endsInMs = reached.until === undefined ? undefined : Math.round(reached.until - clock.now())
      const words = endsInMs === undefined ? 'raise it to buy more' : 'nothing is bought until it ends'
      log.warn({ budget: reached.which, limit: reached.limit, endsInMs }, `the budget is used up: ${words}`)
    }
    this.#loggedBudget = reached?.which
  }

  /** The vendor says that all channels are occupied, and we know of fewer: another process occupied the others. */
  #isMissingSome(error: unknown): boolean {
    const { channelProbe, reconciliation } = this.#parts
    if (!(error instanceof VendorError) || error.wait !== 'earliest-deadline') return false
    if (this.capacity.freeChannels === 0) return false
    channelProbe.askAside()
    return reconciliation.demandOnce()
  }
}
