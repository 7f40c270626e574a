/**
 * Extends held addresses that end soon, while clients want addresses of the provider: if the product supports it and the user
 * wants it. A renewal is an order like any other: window, budget, one record before it is sent. Its result and the new ends
 * come from the vendor's list of what is held (`Follow`).
 */
import { runInBackground } from '../internal-errors.ts'
import type { Renewal as VendorRenewal } from '../vendors/contract/source.ts'
import { wordsOf } from './failure-words.ts'
import type { OrderSender } from './order/send.ts'
import type { ProviderParts } from './provider-parts.ts'

const LOOK_EVERY_MS = 60_000
/** A failed renewal is tried again after this time, ms. */
const AFTER_FAILURE_MS = 600_000

export class Renewal {
  readonly #parts: ProviderParts
  readonly #orders: OrderSender
  #nextAt = Number.NEGATIVE_INFINITY

  constructor(parts: ProviderParts, orders: OrderSender) {
    this.#parts = parts
    this.#orders = orders
  }

  /** Clients ask for addresses of the provider. */
  wanted(): void {
    const { source, clock, inventory, settings, status } = this.#parts
    const { renewal } = source
    const now = clock.now()
    if (renewal === undefined || now < this.#nextAt) return
    this.#nextAt = now + LOOK_EVERY_MS
    if (this.#orders.capacity.hasOpenOrders || now < status.mayTryAt(false)) return
    const refs = inventory.refsEndingBy(settings.name, now + renewal.beforeMs)
    if (refs.length > 0) runInBackground(this.#renew(renewal, refs.slice(0, renewal.maxPerCall)))
  }

  async #renew(renewal: VendorRenewal, refs: readonly string[]): Promise<void> {
    const { source, clock, log, isWanted, signal } = this.#parts
    const window = source.limitOf(renewal.operation)
    const reservation = { ...this.#orders.reservation(refs.length, [], window), channels: undefined }
    try {
      const { kind } = await this.#orders.place(
        { reservation, isWanted },
        (order) => renewal.renew(refs, { signal, ticket: order }),
        ({ isOpen }) => (isOpen === true ? undefined : refs.length),
      )
      if (kind === 'sold') log.info({ addresses: refs.length }, 'addresses that end soon are renewed')
      if (kind === 'denied') this.#nextAt = clock.now() + AFTER_FAILURE_MS
    } catch (error) {
      if (signal.aborted) return
      this.#nextAt = clock.now() + AFTER_FAILURE_MS
      log.warn({ reason: wordsOf(error) }, 'addresses that end soon could not be renewed')
    }
  }
}
