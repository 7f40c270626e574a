/** Orders at the operator's word, within the same budget and on record like every other. */
import type { Clock } from '../../clock.ts'
import { GatewayError } from '../../errors.ts'
import type { BudgetReached, CallWindow } from '../../store/account-store.ts'
import type { Delivery } from '../../vendors/contract/delivery.ts'
import type { Capacity } from '../capacity.ts'
import type { CostOf, Order } from '../order.ts'
import type { Ordering } from '../ordering.ts'

export interface OperatorOrderParts {
  readonly name: string
  readonly clock: Clock
  readonly capacity: Capacity
  readonly ordering: Ordering
  /** What the order brought, or freed, may concern clients. */
  readonly onDone: () => void
}

export class OperatorOrders {
  readonly #parts: OperatorOrderParts

  constructor(parts: OperatorOrderParts) {
    this.#parts = parts
  }

  /**
   * @param count addresses that it must be feared to buy
   * @param window of the operation that is called
   * @param soldOf what of the reply is for the pool; undefined: what was feared is taken for bought
   * @throws {GatewayError} GW_BUDGET_REACHED; {StoreError} when it cannot be recorded, and so was not made; else what `call` throws
   */
  spend<T>(
    count: number,
    window: CallWindow,
    call: (order: Order) => Promise<T>,
    soldOf: (reply: T) => Delivery | undefined,
  ): Promise<T> {
    return this.#place(count, window, call, async (reply) => {
      const delivery = soldOf(reply)
      return delivery === undefined ? count : this.#parts.ordering.arrived(delivery, 'order')
    })
  }

  /** A trial: what it brings occupies its channels, and is lent to nobody. */
  tryOut(count: number, call: (order: Order) => Promise<Delivery>): Promise<Delivery> {
    const { ordering } = this.#parts
    return this.#place(count, undefined, call, (delivery) => ordering.setAside(delivery))
  }

  async #place<T>(
    count: number,
    window: CallWindow | undefined,
    call: (order: Order) => Promise<T>,
    costOf: CostOf<T>,
  ): Promise<T> {
    const { name, capacity, ordering, onDone } = this.#parts
    this.assertBudget(count)
    try {
      // Nobody is lent what it brings before it is there: the ceilings are for the gateway's own orders.
      const reservation = ordering.reservation(count, [], window)
      const result = await ordering.place({ reservation, isWanted: () => true }, call, costOf)
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
