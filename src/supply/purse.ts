/**
 * What a provider may spend. An order counts in its budgets from the moment that it is decided, is on record before its
 * call leaves, and is settled by what came of it: a process that is killed at any point in between has spent too little.
 */
import type { Clock } from '../clock.ts'
import type { CallId, Store } from '../store/contract.ts'
import { StoreError } from '../store/errors.ts'
import { VendorError } from '../vendors/contract.ts'
import { type Booking, Budget, type BudgetReached, type BudgetSettings } from './budget.ts'

export class Purse {
  readonly #provider: string
  readonly #budget: Budget
  readonly #clock: Clock
  readonly #store: Store

  constructor(provider: string, settings: BudgetSettings, { clock, store }: { clock: Clock; store: Store }) {
    this.#provider = provider
    this.#budget = new Budget(settings)
    this.#clock = clock
    this.#store = store
  }

  /** Addresses that may be bought now; Infinity without a budget. */
  get left(): number {
    return this.#budget.left(this.#clock.now())
  }

  /** @param count see Budget.reached */
  reached(count: number): BudgetReached | undefined {
    return this.#budget.reached(this.#clock.now(), count)
  }

  /** What an earlier process bought. */
  restore(purchases: readonly { readonly at: number; readonly count: number }[], total: number): void {
    this.#budget.restore(purchases, total)
  }

  /** Begins an order of so many addresses. `settle` ends it, whatever comes in between. */
  begin(count: number): Purchase {
    const booking = this.#budget.book(this.#clock.now(), count)
    return new Purchase(this.#provider, count, this.#budget, booking, this.#store)
  }
}

/** One order's money. */
export class Purchase {
  readonly #provider: string
  readonly #count: number
  readonly #budget: Budget
  readonly #booking: Booking
  readonly #store: Store
  #call: CallId | undefined
  #sold = 0
  #isAnswered = true

  constructor(provider: string, count: number, budget: Budget, booking: Booking, store: Store) {
    this.#provider = provider
    this.#count = count
    this.#budget = budget
    this.#booking = booking
    this.#store = store
  }

  /** Durable when it resolves: the call may leave. The limiter's gate records the call itself. @throws {StoreError} */
  async record(): Promise<void> {
    this.#call = await this.#store.callBegins({
      limiterKey: '',
      windowMs: 0,
      provider: this.#provider,
      booked: this.#count,
    })
  }

  /** The vendor has answered, and this is what must be paid for. */
  brought(sold: number): void {
    this.#sold = sold
  }

  /** @returns whether the vendor may have sold all the same: then the money is gone, and the addresses are there */
  failed(error: unknown): boolean {
    if (isUnsold(error)) return false
    this.#sold = this.#count
    this.#isAnswered = false
    return true
  }

  settle(): void {
    // Less than nothing where the vendor brought more than was ordered: it is paid for all the same.
    this.#budget.refund(this.#booking, this.#count - this.#sold)
    if (this.#call !== undefined) this.#store.callEnded(this.#call, this.#isAnswered, this.#sold)
  }
}

/** The vendor's own word that nothing was sold, or the order has never reached it. A lost reply is neither. */
function isUnsold(error: unknown): boolean {
  if (error instanceof StoreError) return true
  return error instanceof VendorError && (error.class !== 'server' || error.vendorCode === 'connect')
}
