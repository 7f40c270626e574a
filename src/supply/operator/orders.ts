/** Orders by the operator, within the same budget and recorded like every other. */
import { GatewayError } from '../../errors.ts'
import type { BudgetReached, CallWindow } from '../../store/account-store.ts'
import type { Delivery } from '../../vendors/contract/delivery.ts'
import type { CostOf, Order } from '../order/order.ts'
import type { OrderSender } from '../order/send.ts'
import type { ProviderParts } from '../provider-parts.ts'

export class OperatorOrders {
  readonly #parts: Pick<ProviderParts, 'settings' | 'clock' | 'onNews'>
  readonly #orders: OrderSender

  constructor(parts: Pick<ProviderParts, 'settings' | 'clock' | 'onNews'>, orders: OrderSender) {
    this.#parts = parts
    this.#orders = orders
  }

  /**
   * @param count addresses that it may buy
   * @param window of the operation that is called
   * @param soldOf the part of the reply that is for the pool; undefined: `count` addresses are taken as bought
   * @throws {GatewayError} GW_BUDGET_REACHED; {StoreError} when it cannot be recorded, and so was not sent; else the error of `call`
   */
  spend<T>(
    count: number,
    window: CallWindow,
    call: (order: Order) => Promise<T>,
    soldOf: (reply: T) => Delivery | undefined,
  ): Promise<T> {
    return this.#place(count, window, call, async (reply) => {
      const delivery = soldOf(reply)
      return delivery === undefined ? count : this.#orders.settlement.arrived(delivery, 'order')
    })
  }

  /** A trial: its addresses occupy their channels, and are never lent. */
  tryOut(count: number, call: (order: Order) => Promise<Delivery>): Promise<Delivery> {
    const { settlement } = this.#orders
    return this.#place(count, undefined, call, (delivery) => settlement.setAside(delivery))
  }

  async #place<T>(
    count: number,
    window: CallWindow | undefined,
    call: (order: Order) => Promise<T>,
    costOf: CostOf<T>,
  ): Promise<T> {
    const { settings, onNews } = this.#parts
    this.assertBudget(count)
    try {
      // Its addresses are not lent: the ceilings limit only the gateway's own orders.
      const reservation = this.#orders.reservation(count, [], window)
      const result = await this.#orders.place({ reservation, isWanted: () => true }, call, costOf)
      if (result.kind === 'sold') return result.reply
      const retryAfterMs = this.#untilMs(result.kind === 'denied' ? result.until : undefined)
      const words = `provider "${settings.name}" cannot make this call now: ${this.#orders.capacity.fullBecause ?? 'its limits are reached'}`
      throw new GatewayError('GW_NO_SUPPLY', words, { detail: { retryAfterMs } })
    } finally {
      // What the order delivered, or freed, may matter to clients.
      onNews()
    }
  }

  /** @throws {GatewayError} GW_BUDGET_REACHED when the budget has no room for so many */
  assertBudget(count: number): void {
    const reached = this.#orders.capacity.reachedBy(count)
    if (reached === undefined || count === 0) return
    const words = this.#shortage(reached, count)
    throw new GatewayError('GW_BUDGET_REACHED', words, { detail: { retryAfterMs: this.#untilMs(reached.until) } })
  }

  #shortage({ which, limit }: BudgetReached, count: number): string {
    const left = this.#orders.capacity.budgetLeft
    const words =
      left > 0
        ? `has room for ${left} more in its budget ${which} of ${limit}, and this call may buy ${count}`
        : `has reached its budget ${which} of ${limit}`
    return `provider "${this.#parts.settings.name}" ${words}`
  }

  #untilMs(at: number | undefined): number | undefined {
    return at === undefined ? undefined : Math.max(0, at - this.#parts.clock.now())
  }
}
