/** An account store that can be paused: then it grants nothing, and reports when all granted calls have been settled. */
import type { Clock } from '../clock.ts'
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

/** While it is paused, the view says that the next call may be made this long from now: planner and call queue look again, ms. */
const LOOK_AGAIN_MS = 100

export class PausableAccountStore implements AccountStore {
  readonly #clock: Clock
  readonly #store: AccountStore
  readonly #open = new Set<ReservationId>()
  /** Reservations that the store has not answered yet. */
  #asked = 0
  #isPaused = false
  #whenQuiet: (() => void) | undefined
  /** No window has room while it is paused: a planner that saw room would order again and again, and nothing else would run. */
  readonly view: AccountView

  constructor(clock: Clock, store: AccountStore) {
    this.#clock = clock
    this.#store = store
    const { view } = store
    this.view = {
      window: (window) => {
        const found = view.window(window)
        return this.#isPaused ? { ...found, room: 0, nextAt: clock.now() + LOOK_AGAIN_MS } : found
      },
      budget: (provider, limits) => view.budget(provider, limits),
      channelsBooked: (account) => view.channelsBooked(account),
      channelFreeAt: (account) => view.channelFreeAt(account),
      pendingLines: (account) => view.pendingLines(account),
      reservedBy: (provider) => view.reservedBy(provider),
      unknownOf: (provider) => view.unknownOf(provider),
    }
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

  forgetLimits(windows: readonly CallWindow[]): void {
    this.#store.forgetLimits(windows)
  }
}
