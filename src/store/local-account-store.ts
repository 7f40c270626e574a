/** The account store of one process: books in memory; each reservation is recorded in the state store before it counts. */
import type { Clock } from '../clock.ts'
import { AccountBook } from './account-book.ts'
import type {
  AccountStore,
  AccountView,
  CallWindow,
  ChannelHolder,
  Outcome,
  Reservation,
  ReservationId,
  Reserved,
} from './account-store.ts'
import type { CallId, Restored, Store } from './contract.ts'

export class LocalAccountStore implements AccountStore {
  readonly #book: AccountBook
  readonly #store: Store
  /** Recorded, and not settled in the record. */
  readonly #records = new Map<ReservationId, CallId>()

  /** @param store the record; the memory store records nothing */
  constructor(clock: Clock, store: Store, restored?: Restored) {
    this.#book = new AccountBook(clock)
    this.#store = store
    if (restored === undefined) return
    const ids = this.#book.restore(restored)
    for (const [index, { id }] of restored.unknown.entries()) this.#records.set(ids[index] ?? 0, id)
  }

  get view(): AccountView {
    return this.#book
  }

  async reserve(reservation: Reservation): Promise<Reserved> {
    const reserved = this.#book.reserve(reservation)
    if (reserved.kind === 'denied' || !reservation.isDurable) return reserved
    const { window, provider, count } = reservation
    try {
      const record = { limiterKey: window.key, windowMs: window.perMs, provider, booked: count }
      this.#records.set(reserved.id, await this.#store.callBegins(record))
      return reserved
    } catch (error) {
      this.#book.settle(reserved.id, { kind: 'not-sent' })
      throw error
    }
  }

  settle(id: ReservationId, outcome: Outcome): void {
    const booked = this.#book.countOf(id)
    if (!this.#book.settle(id, outcome)) return
    const record = this.#records.get(id)
    if (record === undefined) return
    const isUnknown = outcome.kind === 'unknown'
    if (outcome.kind === 'not-sent') {
      this.#records.delete(id)
      this.#store.callUndone(record)
      return
    }
    this.#store.callEnded(record, !isUnknown, isUnknown ? booked : outcome.kind === 'sold' ? outcome.count : 0)
    if (!isUnknown || booked === 0) this.#records.delete(id)
  }

  resolve(provider: string, sold: number, before: number): void {
    for (const { id, sold: bought } of this.#book.resolve(provider, sold, before)) {
      const record = this.#records.get(id)
      if (record !== undefined) this.#store.callResolved(record, bought)
      this.#records.delete(id)
    }
  }

  hold(account: string, holders: readonly ChannelHolder[]): void {
    this.#book.hold(account, holders)
    const lines = holders.filter(({ pendingFor }) => pendingFor !== undefined)
    if (lines.length > 0) this.#store.pending(account, lines)
  }

  free(account: string, ids: readonly string[]): void {
    const lines = this.#book.pendingLines(account).filter(({ id }) => ids.includes(id))
    this.#book.free(account, ids)
    if (lines.length > 0) this.#store.pendingOver(account, lines)
  }

  forgetLimits(windows: readonly CallWindow[]): void {
    this.#book.forgetLimits(windows)
  }
}
