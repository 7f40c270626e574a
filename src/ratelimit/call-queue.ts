/**
 * Calls that wait for their window, in the order of their priority; one queue per window. The queue is stopped while the window
 * is full, so waiting calls stay in the queue, where priority and abort apply. Orders do not wait here: they are created only
 * when there is a slot for them (supply/planner.ts).
 */
import PQueue from 'p-queue'
import type { Clock, Timer } from '../clock.ts'
import type { AccountStore, CallWindow, Outcome, Reserved } from '../store/account-store.ts'
import { StoreError } from '../store/errors.ts'
import { BUSY_WINDOW_MS } from './sliding-window.ts'

export class CallQueue {
  readonly #clock: Clock
  readonly #store: AccountStore
  readonly #queue = new PQueue({ autoStart: false })
  readonly #stopListening: () => void
  /** As stated by the latest call. */
  #window: CallWindow
  #timer: Timer | undefined

  constructor(clock: Clock, store: AccountStore, window: CallWindow) {
    this.#clock = clock
    this.#store = store
    this.#window = window
    this.#stopListening = clock.onWake(() => this.update())
  }

  /**
   * Waits for its turn and for the window, then calls `send`.
   * @param priority higher runs first
   * @throws the signal's reason when it aborts before or during the call, {StoreError}, else what `send` throws
   */
  run<T>(window: CallWindow, send: () => Promise<T>, priority: number, signal: AbortSignal): Promise<T> {
    this.#window = window
    const result = this.#queue.add(() => this.#turn(send, signal), { priority, signal }) as Promise<T>
    this.update()
    return result
  }

  /** Runs up to the reservation in one turn of the queue: no other call can come between the check of the window and the reservation. */
  async #turn<T>(send: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const { id, leaveBy = Number.POSITIVE_INFINITY } = await this.#reserve(signal)
    let outcome: Outcome = { kind: 'not-sent' }
    try {
      signal.throwIfAborted()
      if (this.#clock.now() > leaveBy)
        throw new StoreError('failed', 'the process was stopped before the call could leave')
      outcome = { kind: 'unknown', channelsUntil: this.#clock.now() }
      const reply = await send()
      outcome = { kind: 'sold', count: 0 }
      return reply
    } catch (error) {
      if (outcome.kind !== 'not-sent') outcome = outcomeOfCall(error, this.#clock.now())
      throw error
    } finally {
      this.#store.settle(id, outcome)
      this.update()
    }
  }

  async #reserve(signal: AbortSignal): Promise<Extract<Reserved, { kind: 'reserved' }>> {
    for (;;) {
      const free = { provider: '', count: 0, budget: {}, channels: undefined, ceilings: [] }
      const attempt = this.#store.reserve({ window: this.#window, ...free, isDurable: true })
      this.update()
      const reserved = await attempt
      if (reserved.kind === 'reserved') return reserved
      const now = this.#clock.now()
      await this.#clock.sleep(Math.max(1, (reserved.until ?? now + BUSY_WINDOW_MS) - now), signal)
    }
  }

  /** The window may have changed: starts the queue while there is room; else stops it until the next slot is free. */
  update(): void {
    this.#timer?.clear()
    this.#timer = undefined
    // Nothing waits: the window may be that of a provider which is not configured any more.
    if (this.#queue.size === 0) return void this.#queue.pause()
    const { room, nextAt } = this.#store.view.window(this.#window)
    if (room > 0) return void this.#queue.start()
    this.#queue.pause()
    if (nextAt === undefined) return
    this.#timer = this.#clock.after(nextAt - this.#clock.now(), () => this.update())
  }

  /** Rejects the calls that wait. */
  close(): void {
    this.#stopListening()
    this.#queue.clear()
    this.#timer?.clear()
    this.#timer = undefined
  }
}

/** An error from the vendor itself is an answer too: the call has arrived. */
export function outcomeOfCall(error: unknown, now: number): Outcome {
  const { vendorCode, class: errorClass } = (error ?? {}) as { vendorCode?: unknown; class?: unknown }
  if (vendorCode === 'connect') return { kind: 'not-sent' }
  if (errorClass === 'rate_limited') return { kind: 'refused', isTooMany: true }
  if (vendorCode === undefined || vendorCode === 'network' || vendorCode === 'timeout')
    return { kind: 'unknown', channelsUntil: now }
  return { kind: 'sold', count: 0 }
}
