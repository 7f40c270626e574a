/**
 * An account is one credential at one vendor. All providers with the credential share it: the call windows, one per limit group;
 * the inventory of what the vendor holds for the credential now; and what the vendor has told about it.
 */
import type { Clock } from '../clock.ts'
import { CallQueue, outcomeOfCall } from '../ratelimit/call-queue.ts'
import { BUSY_WINDOW_MS } from '../ratelimit/sliding-window.ts'
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
  readonly #shortestLives = new Map<string, number>()
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

  /** An address that a provider ordered, perhaps in an earlier process: the vendor keeps it so long, ms. */
  noteLife(provider: string, lifeMs: number): void {
    this.#shortestLives.set(provider, Math.min(lifeMs, this.shortestLifeOf(provider) ?? lifeMs))
  }

  /** How long the vendor keeps an address of a provider at least, ms; undefined: none is known. A reload keeps it. */
  shortestLifeOf(provider: string): number | undefined {
    return this.#shortestLives.get(provider)
  }

  works(): void {
    for (const listener of this.#listeners) listener()
  }
}

/** The longer windows that a call has to fit into as well (`CallLimit.also`). */
interface Further {
  readonly also?: readonly CallWindow[]
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
   * Delays a call until its window allows it. A call of an order that has reserved its slot is sent at once. A call that does not
   * fit into its further windows is refused.
   * @throws the signal's reason when it aborts while waiting, {VendorError} of the refusal, else the error of `send`
   */
  readonly gate = <T>(limit: CallWindow & Further, order: CallOrder, send: () => Promise<T>): Promise<T> => {
    const [further, ...rest] = limit.also ?? []
    if (further === undefined) return this.#inWindow(limit, order, send)
    const next = (sending: () => Promise<T>) => this.gate({ ...limit, also: rest }, order, sending)
    return this.#inFurther(further, order, next, send)
  }

  /** A slot of a longer window around the call. The window learns nothing from refusals: the shorter one was exceeded. */
  async #inFurther<T>(
    window: CallWindow,
    { signal, ticket }: CallOrder,
    next: (send: () => Promise<T>) => Promise<T>,
    send: () => Promise<T>,
  ): Promise<T> {
    // An order has its slot in the shorter window already, so it cannot wait.
    const patienceMs = ticket === undefined ? PATIENCE_MS : 0
    let slot = await this.#slotOf(window, patienceMs, signal)
    let outcome: Outcome = { kind: 'not-sent' }
    try {
      const reply = await next(async () => {
        // The wait for the shorter window may have been longer than the slot may stay unused.
        if (this.#clock.now() > (slot.leaveBy ?? Number.POSITIVE_INFINITY)) {
          this.settle(slot.id, outcome, window.key)
          slot = await this.#slotOf(window, 0, signal)
        }
        outcome = { kind: 'unknown', channelsUntil: this.#clock.now() }
        return send()
      })
      outcome = { kind: 'sold', count: 0 }
      return reply
    } catch (error) {
      if (outcome.kind !== 'not-sent') outcome = outcomeOfCall(error, this.#clock.now())
      if (outcome.kind === 'refused') outcome = { kind: 'sold', count: 0 }
      throw error
    } finally {
      this.settle(slot.id, outcome, window.key)
    }
  }

  async #slotOf(window: CallWindow, patienceMs: number, signal: AbortSignal) {
    const nothing = { provider: '', count: 0, budget: {}, channels: undefined, ceilings: [] }
    const giveUpAt = this.#clock.now() + patienceMs
    for (;;) {
      const reserved = await this.reserve({ window, ...nothing, isDurable: true })
      if (reserved.kind === 'reserved') return reserved
      const now = this.#clock.now()
      const waitMs = Math.max(1, (reserved.until ?? now + BUSY_WINDOW_MS) - now)
      if (now + waitMs > giveUpAt) throw isFull(window, waitMs)
      await this.#clock.sleep(waitMs, signal)
    }
  }

  async #inWindow<T>(
    window: CallWindow,
    { priority = 0, signal, ticket }: CallOrder,
    send: () => Promise<T>,
  ): Promise<T> {
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

/** Longest wait for a slot of a further window, ms. */
const PATIENCE_MS = 5_000

function isFull({ calls, perMs }: CallWindow, wait: number): VendorError {
  const words = `the limit of calls (${calls} in ${perMs / 1_000} s) is used up`
  return new VendorError('quota_exhausted', 'limit', words, { wait })
}
