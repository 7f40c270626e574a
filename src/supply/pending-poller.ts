/**
 * Polls a vendor for addresses that arrive later than their order, or that change while they are held. Ordered ones are polled
 * until they arrive; held ones only while clients may use them.
 */
import type { Clock, Timer } from '../clock.ts'
import { runInBackground } from '../internal-errors.ts'
import type { Followed, Pending } from '../vendors/contract/delivery.ts'
import type { Follow } from '../vendors/contract/source.ts'

interface PendingPollerHandler {
  /** The vendor's names of all that is held. */
  readonly heldRefs: () => readonly string[]
  /** Whether there are clients who may be lent the held addresses. */
  readonly isWanted: () => boolean
  /** Whether there are orders whose result only the vendor can tell. */
  readonly hasOpenOrders: () => boolean
  /** Before this time the vendor may not be called, clock ms. */
  readonly pausedUntil: () => number
  followed(news: Followed): Promise<void>
  followFailed(error: unknown): void
}

/** A line that is still being set up this long after its due time may never arrive. */
const OVERDUE_MS = 60_000
/** Shortest poll interval for such a line. */
const OVERDUE_EVERY_MS = 15_000
/** After failures in a row the pause doubles, up to this. */
const MAX_PAUSE_MS = 60_000

export class PendingPoller {
  readonly #follow: Follow
  readonly #clock: Clock
  readonly #handler: PendingPollerHandler
  /** When it arrives according to the vendor, clock ms. */
  readonly #pending = new Map<string, number>()
  readonly #stopping = new AbortController()
  #timer: Timer | undefined
  #timerAt = Number.POSITIVE_INFINITY
  #isAsking = false
  /** Consecutive failed polls. */
  #failures = 0
  /** Consecutive polls after which orders were still open. */
  #vainPolls = 0
  #askedAt: number
  /** Polls in its place; undefined while its source is in use. */
  successor: PendingPoller | undefined

  constructor(follow: Follow, clock: Clock, handler: PendingPollerHandler) {
    this.#follow = follow
    this.#clock = clock
    this.#handler = handler
    this.#askedAt = clock.now()
  }

  /** How many addresses that were ordered will arrive soon. A line that is long overdue is paid for, but not expected any more. */
  get expectedCount(): number {
    return this.#expected().length
  }

  /** When the first of them will arrive, clock ms; undefined when there are none. */
  get comesAt(): number | undefined {
    const expected = this.#expected()
    return expected.length === 0 ? undefined : Math.min(...expected)
  }

  #expected(): number[] {
    const now = this.#clock.now()
    return [...this.#pending.values()].filter((dueAt) => now < dueAt + OVERDUE_MS)
  }

  add(pending: readonly Pending[]): void {
    if (this.successor !== undefined) return void this.successor.add(pending)
    // A new order is polled after one pause, not at once.
    if (pending.length > 0) this.#askedAt = this.#clock.now()
    this.#await(pending)
    this.#schedule()
  }

  #await(pending: readonly Pending[]): void {
    const now = this.#clock.now()
    for (const { ref, waitMs = 0 } of pending) if (!this.#pending.has(ref)) this.#pending.set(ref, now + waitMs)
  }

  /** Continues to poll after a time without interest. */
  resume(): void {
    if (this.successor !== undefined) return void this.successor.resume()
    this.#schedule()
  }

  #schedule(): void {
    if (this.#isAsking || this.#stopping.signal.aborted) return
    const { isWanted, heldRefs, pausedUntil } = this.#handler
    const everyMs = this.#everyMs()
    if (everyMs === undefined && (!isWanted() || heldRefs().length === 0)) return
    const pauseMs = Math.min(MAX_PAUSE_MS, this.#follow.pendingEveryMs * 2 ** this.#failures)
    const next = this.#askedAt + Math.max(everyMs ?? this.#follow.everyMs, pauseMs)
    // Without a failure, a pause of the provider concerns its orders, not polling.
    const at = this.#failures === 0 ? next : Math.max(next, pausedUntil())
    if (at >= this.#timerAt) return
    this.#timer?.clear()
    this.#timerAt = at
    this.#timer = this.#clock.after(Math.max(0, at - this.#clock.now()), () => runInBackground(this.poll()))
  }

  /**
   * Undefined: nothing is pending. Overdue lines are polled only while clients want addresses, and less often; an order whose reply
   * was lost too, but soon at first: it may have brought what clients wait for.
   */
  #everyMs(): number | undefined {
    const { isWanted, hasOpenOrders } = this.#handler
    const { pendingEveryMs, settlesOrders } = this.#follow
    if (this.expectedCount > 0) return pendingEveryMs
    if (!isWanted()) return undefined
    const overdueMs = Math.max(pendingEveryMs, OVERDUE_EVERY_MS)
    if (settlesOrders === true && hasOpenOrders()) return Math.min(overdueMs, pendingEveryMs * 2 ** this.#vainPolls)
    return this.#pending.size > 0 ? overdueMs : undefined
  }

  /** Polls at once: the time has come, or the vendor has sent a hint. */
  async poll(): Promise<void> {
    this.#timer?.clear()
    this.#timerAt = Number.POSITIVE_INFINITY
    if (this.#isAsking || this.#stopping.signal.aborted) return
    this.#isAsking = true
    this.#askedAt = this.#clock.now()
    try {
      const refs = [...new Set([...this.#pending.keys(), ...this.#handler.heldRefs()])]
      const news = await this.#follow.ask(refs, { signal: this.#stopping.signal })
      this.#failures = 0
      for (const { ref } of news.sold) if (ref !== undefined) this.#pending.delete(ref)
      // A line that had an address may be pending again: it reconnects, and its old address is dead.
      this.#await(news.pending ?? [])
      for (const ref of news.gone) this.#pending.delete(ref)
      await this.#handler.followed(news)
      this.#vainPolls = this.#handler.hasOpenOrders() ? this.#vainPolls + 1 : 0
    } catch (error) {
      this.#failures++
      if (!this.#stopping.signal.aborted) this.#handler.followFailed(error)
    } finally {
      this.#isAsking = false
      this.#schedule()
    }
  }

  close(): void {
    this.#timer?.clear()
    this.#stopping.abort(new Error('the gateway is stopping'))
  }
}
