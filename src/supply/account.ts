/**
 * An account is one credential at one vendor. All providers that use the credential share it: the call windows, one for
 * each limit group; the inventory, what the vendor holds for the credential now; and what the vendor has told of it.
 */
import type { Clock } from '../clock.ts'
import { CallQueue } from '../ratelimit/call-queue.ts'
import type {
  AccountStore,
  CallWindow,
  ChannelHolder,
  Outcome,
  Reservation,
  ReservationId,
  Reserved,
} from '../store/account-store.ts'
import { VendorError } from '../vendors/contract/error.ts'
import type { CallTicket, LearnedFacts } from '../vendors/contract/source.ts'
import { Inventory } from './inventory.ts'

export class Account {
  /** A digest of the credential: no secret. */
  readonly key: string
  readonly inventory: Inventory
  readonly learned: LearnedFacts = { channels: undefined, callerParams: {} }

  readonly #listeners = new Set<() => void>()
  /** When the vendor was asked for the number of channels last, clock ms. */
  channelsAskedAt = Number.NEGATIVE_INFINITY

  readonly #store: AccountStore

  constructor(key: string, store: AccountStore) {
    this.key = key
    this.#store = store
    this.inventory = new Inventory(key, store)
  }

  /**
   * @param listener is called when a call of the credential has worked: what stopped a provider of it may be over
   * @returns the undo
   */
  onWorks(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** These occupy channels of it. */
  hold(holders: readonly ChannelHolder[]): void {
    this.#store.hold(this.key, holders)
  }

  works(): void {
    for (const listener of this.#listeners) listener()
  }
}

/** All accounts of the process, and the only way out for vendor calls (vendors/client/http.ts). */
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
   * Holds a call back until its window allows it. A call whose slot an order has booked already leaves at once.
   * @throws the signal's reason when it aborts while waiting, else what `send` throws
   */
  readonly gate = async <T>(
    window: CallWindow,
    { priority, signal, ticket }: { priority: number; signal: AbortSignal; ticket?: CallTicket | undefined },
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

  /** As `AccountStore.reserve`; calls that wait for the same window are told. */
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
