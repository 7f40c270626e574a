/** Orders by the operator, within the same budget and recorded like every other. */
import type { Clock } from '../../clock.ts'
import { GatewayError } from '../../errors.ts'
import type { BudgetReached, CallWindow } from '../../store/account-store.ts'
import type { Delivery } from '../../vendors/contract/delivery.ts'
import type { Capacity } from '../capacity.ts'
import type { CostOf, Order } from '../order/order.ts'
import type { OrderSender } from '../order/send.ts'

export interface OperatorOrderParts {
  readonly name: string
  readonly clock: Clock
  readonly capacity: Capacity
  readonly orders: OrderSender
  /** What the order delivered, or freed, may matter to clients. */
  readonly onDone: () => void
}

export class OperatorOrders {
  readonly #parts: OperatorOrderParts

  constructor(parts: OperatorOrderParts) {
    this.#parts = parts
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
      return delivery === undefined ? count : this.#parts.orders.settlement.arrived(delivery, 'order')
    })
  }

  /** A trial: its addresses occupy their channels, and are never lent. */
  tryOut(count: number, call: (order: Order) => Promise<Delivery>): Promise<Delivery> {
    const { settlement } = this.#parts.orders
    return this.#place(count, undefined, call, (delivery) => settlement.setAside(delivery))
  }

  async #place<T>(
    count: number,
    window: CallWindow | undefined,
    call: (order: Order) => Promise<T>,
    costOf: CostOf<T>,
  ): Promise<T> {
    const { name, capacity, orders, onDone } = this.#parts
    this.assertBudget(count)
    try {
      // Its addresses are not lent: the ceilings limit only the gateway's own orders.
      const reservation = orders.reservation(count, [], window)
      const result = await orders.place({ reservation, isWanted: () => true }, call, costOf)
      if (result.kind === 'sold') return result.reply
      const retryAfterMs = this.#untilMs(result.kind === 'denied' ? result.until : undefined)
      const words = `provider "${name}" cannot make this call now: ${capacity.fullBecause ?? 'its limits are reached'}`
      throw new GatewayError('GW_NO_SUPPLY', words, { detail: { retryAfterMs } })
    } finally {
      onDone()
    }
  }

  /** @throws {GatewayError} GW_BUDGET_REACHED when the budget has no room for so many */
  assertBudget(count: number): void {
    const reached = this.#parts.capacity.reachedBy(count)
    if (reached === undefined || count === 0) return
    const words = this.#shortage(reached, count)
    throw new GatewayError('GW_BUDGET_REACHED', words, { detail: { retryAfterMs: this.#untilMs(reached.until) } })
  }

  #shortage({ which, limit }: BudgetReached, count: number): string {
    const { name, capacity } = this.#parts
    const left = capacity.budgetLeft
    const words =
      left > 0
        ? `has room for ${left} more in its budget ${which} of ${limit} addresses, and this call may buy ${count}`
        : `has reached its budget ${which} of ${limit} addresses`
    return `provider "${name}" ${words}`
  }

  #untilMs(at: number | undefined): number | undefined {
    return at === undefined ? undefined : Math.max(0, at - this.#parts.clock.now())
  }
}
