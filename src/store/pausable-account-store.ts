/** An account store that can be paused: then it grants nothing, and reports when all granted calls have been settled. */
import type { Clock } from '../clock.ts'
import type {
  AccountStore,
  AccountView,
  ChannelHolder,
  Outcome,
  Reservation,
  ReservationId,
  Reserved,
} from './account-store.ts'

export class PausableAccountStore implements AccountStore {
  readonly #clock: Clock
  readonly #store: AccountStore
  readonly #open = new Set<ReservationId>()
  /** Reservations that the store has not answered yet. */
  #asked = 0
  #isPaused = false
  #whenQuiet: (() => void) | undefined

  constructor(clock: Clock, store: AccountStore) {
    this.#clock = clock
    this.#store = store
  }

  get view(): AccountView {
    return this.#store.view
  }

  /** Grants nothing until `resume`. Resolves when no call is in progress, at the latest after `maxMs`. */
  async pause(maxMs: number): Promise<void> {
    this.#isPaused = true
    if (this.#isQuiet) return
    const stopWaiting = new AbortController()
    const quiet = new Promise<void>((resolve) => {
      this.#whenQuiet = resolve
    })
    await Promise.race([quiet, this.#clock.sleep(maxMs, stopWaiting.signal).catch(() => {})])
    stopWaiting.abort()
    this.#whenQuiet = undefined
  }

  resume(): void {
    this.#isPaused = false
  }

  get #isQuiet(): boolean {
    return this.#open.size === 0 && this.#asked === 0
  }

  async reserve(reservation: Reservation): Promise<Reserved> {
    if (this.#isPaused) return { kind: 'denied', by: 'window', until: undefined }
    this.#asked++
    try {
      const reserved = await this.#store.reserve(reservation)
      if (reserved.kind === 'reserved') this.#open.add(reserved.id)
      return reserved
    } finally {
      this.#asked--
      this.#look()
    }
  }

  settle(id: ReservationId, outcome: Outcome): void {
    this.#store.settle(id, outcome)
    this.#open.delete(id)
    this.#look()
  }

  #look(): void {
    if (this.#isQuiet) this.#whenQuiet?.()
  }

  resolve(provider: string, sold: number, before: number): void {
    this.#store.resolve(provider, sold, before)
  }

  hold(account: string, holders: readonly ChannelHolder[]): void {
    this.#store.hold(account, holders)
  }

  free(account: string, ids: readonly string[]): void {
    this.#store.free(account, ids)
  }
}
