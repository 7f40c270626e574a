/**
 * One order of addresses, from the decision to its outcome.
 *
 *     planned ─reserve─▶ reserved ─send─▶ sent ─┬▶ sold(n)    n addresses are charged to the budget
 *        │                  │                   ├▶ refused    the vendor answered, in its own form, that it sold nothing
 *        │ denied           │ demand gone       └▶ unknown    the request may have arrived, no usable answer came back
 *        ▼                  ▼
 *     not sent           not sent               everything is given back
 *
 * `reserve` books slot, channels, budget and ceilings together, and writes one record before the request is sent; `settle`
 * runs exactly once. An unknown order stays booked until the vendor's list shows what it bought (`AccountStore.resolve`).
 */
import { ABORT_SLACK_MS } from '../../ratelimit/sliding-window.ts'
import type { Outcome, Reservation, ReservationId, Reserved } from '../../store/account-store.ts'
import { StoreError } from '../../store/errors.ts'
import { VendorError } from '../../vendors/contract/error.ts'
import type { CallTicket } from '../../vendors/contract/source.ts'
import type { Accounts } from '../account.ts'

/** Why an order was not sent. */
type NotSent = Extract<Reserved, { kind: 'denied' }> | { readonly kind: 'cancelled' }

/** The outcome of an order: the reply and its cost, or why nothing was sent. */
export type OrderResult<T> = { readonly kind: 'sold'; readonly reply: T } | NotSent

/** How many addresses of a reply must be paid for; undefined: the order continues at the vendor. */
export type CostOf<T> = (reply: T) => number | undefined | Promise<number | undefined>

export interface OrderTerms {
  readonly reservation: Reservation
  /** Whether the demand still exists: checked again before the request is sent. */
  readonly isWanted: () => boolean
  /** Longest life of an address at the vendor, ms: an order without an answer may occupy channels for this time. */
  readonly lifeMs: number
}

export class Order implements CallTicket {
  readonly #terms: OrderTerms
  readonly #accounts: Accounts
  readonly #now: () => number
  #isSlotTaken = false
  #isSent = false
  #isTooMany = false
  #outcome: Outcome | undefined

  constructor(terms: OrderTerms, accounts: Accounts, now: () => number) {
    this.#terms = terms
    this.#accounts = accounts
    this.#now = now
  }

  /** Whether the outcome is unknown: only the vendor can tell what was bought. */
  get isUnknown(): boolean {
    return this.#outcome?.kind === 'unknown'
  }

  /**
   * @param call sends it: each of its calls carries this order as its ticket
   * @throws what `call` throws, after everything is settled; {StoreError} when the order could not be recorded
   */
  async run<T>(call: (ticket: CallTicket) => Promise<T>, costOf: CostOf<T>): Promise<OrderResult<T>> {
    const reserved = await this.#accounts.reserve(this.#terms.reservation)
    if (reserved.kind === 'denied') return reserved
    if (!this.#terms.isWanted() || this.#now() > (reserved.leaveBy ?? Number.POSITIVE_INFINITY)) {
      this.#settle(reserved.id, { kind: 'not-sent' })
      return { kind: 'cancelled' }
    }
    try {
      const reply = await call(this)
      const count = await costOf(reply)
      this.#settle(reserved.id, count === undefined ? this.#unknown() : { kind: 'sold', count })
      return { kind: 'sold', reply }
    } catch (error) {
      this.#settle(reserved.id, this.#outcomeOf(error))
      throw error
    }
  }

  takes(windowKey: string): boolean {
    if (this.#isSlotTaken || windowKey !== this.#terms.reservation.window.key) return false
    this.#isSlotTaken = true
    return true
  }

  sent(): void {
    this.#isSent = true
  }

  tooMany(): void {
    this.#isTooMany = true
  }

  #outcomeOf(error: unknown): Outcome {
    const { count } = this.#terms.reservation
    if (!this.#isSlotTaken && !this.#isSent) return { kind: 'not-sent' }
    const nothing: Outcome = { kind: 'refused', isTooMany: this.#isTooMany }
    if (!this.#isSent || error instanceof StoreError) return nothing
    if (!(error instanceof VendorError)) return this.#unknown()
    if (error.vendorCode === 'connect') return { kind: 'not-sent' }
    if (error.sale === 'sold') return { kind: 'sold', count }
    return error.sale === 'unknown' ? this.#unknown() : nothing
  }

  /** The request may be on its way to the vendor. */
  #unknown(): Outcome {
    return { kind: 'unknown', channelsUntil: this.#now() + ABORT_SLACK_MS + this.#terms.lifeMs }
  }

  #settle(id: ReservationId, outcome: Outcome): void {
    this.#outcome = outcome
    this.#accounts.settle(id, outcome, this.#terms.reservation.window.key)
  }
}
