/**
 * An account is one credential at one vendor. All providers with the credential share it: the call windows, one per limit group;
 * the inventory of what the vendor holds for the credential now; and what the vendor has told about it.
 */
import type { Clock } from '../clock.ts'
import { CallQueue } from '../ratelimit/call-queue.ts'
import type { AccountStore, CallWindow, Outcome, Reservation, ReservationId, Reserved } from '../store/account-store.ts'
import { VendorError } from '../vendors/contract/error.ts'
import type { CallOrder, LearnedFacts } from '../vendors/contract/source.ts'
import { Inventory } from './inventory.ts'

export class Account {
  /** A digest of the credential; not secret. */
  readonly key: string
  readonly inventory: Inventory
  readonly learned: LearnedFacts = { channels: undefined, callerParams: {} }

  /** The names of all that have used it. */
  readonly providers = new Set<string>()
  readonly #listeners = new Set<() => void>()
  /** When the number of channels was last requested, clock ms. */
  channelsAskedAt = Number.NEGATIVE_INFINITY
  constructor(key: string, store: AccountStore) {
    this.key = key
    this.inventory = new Inventory(key, store)
  }

  /**
   * @param listener called when a call with the credential has succeeded: the reason for a stopped provider may be over
   * @returns a function that removes the listener
   */
  onWorks(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  works(): void {
    for (const listener of this.#listeners) listener()
  }
}

/** All accounts of the process; every vendor call passes through here (vendors/client/http.ts). */
export class Accounts {
  readonly store: AccountStore
  readonly #clock: Clock
  readonly #byKey = new Map<string, Account>()
  readonly #queues = new Map<string, CallQueue>()

  constructor(clock: Clock, store: AccountStore) {
    this.#clock = clock
    this.store = store
  }

  of(key: string): Account {
    const account = this.#byKey.get(key) ?? new Account(key, this.store)
    this.#byKey.set(key, account)
    return account
  }

  readonly learnedOf = (key: string): LearnedFacts => this.of(key).learned

  /**
   * Delays a call until its window allows it. A call of an order that has reserved its slot is sent at once.
   * @throws the signal's reason when it aborts while waiting, else the error of `send`
   */
  readonly gate = async <T>(
    window: CallWindow,
    { priority = 0, signal, ticket }: CallOrder,
    send: () => Promise<T>,
  ): Promise<T> => {
    if (ticket?.takes(window.key) !== true) return this.#queue(window).run(window, send, priority, signal)
    try {
      return await send()
    } catch (error) {
      if (error instanceof VendorError && error.class === 'rate_limited') ticket.tooMany()
      throw error
    }
  }

  #queue(window: CallWindow): CallQueue {
    const queue = this.#queues.get(window.key) ?? new CallQueue(this.#clock, this.store, window)
    this.#queues.set(window.key, queue)
    return queue
  }

  /** As `AccountStore.reserve`; informs the calls that wait for the same window. */
  reserve(reservation: Reservation): Promise<Reserved> {
    const reserved = this.store.reserve(reservation)
    this.#queues.get(reservation.window.key)?.update()
    return reserved
  }

  /** As `AccountStore.settle`. */
  settle(id: ReservationId, outcome: Outcome, windowKey: string): void {
    this.store.settle(id, outcome)
    this.#queues.get(windowKey)?.update()
  }

  close(): void {
    for (const queue of this.#queues.values()) queue.close()
  }
}
