/**
 * Asks a vendor again and again where addresses stand that come later than their order, or change while they are held.
 * What was ordered is followed until it is there; what is held only while somebody may be lent it.
 */
import type { Clock, Timer } from '../clock.ts'
import { runInBackground } from '../internal-errors.ts'
import type { Followed, Pending } from '../vendors/contract/delivery.ts'
import type { Follow } from '../vendors/contract/source.ts'

export interface PendingPollerHandler {
  /** The vendor's names of all that is held. */
  readonly heldRefs: readonly string[]
  /** Whether there are clients who may be lent what is held. */
  readonly isWanted: boolean
  /** Whether there are orders of which only the vendor can tell what they brought. */
  readonly hasOpenOrders: boolean
  /** Until then the vendor may not be asked, clock ms. */
  readonly pausedUntil: number
  followed(news: Followed): Promise<void>
  followFailed(error: unknown): void
}

/** A line that is still being dialled so long after it should have been there may never come. */
const OVERDUE_MS = 60_000
/** How often such a one is asked about at most. */
const OVERDUE_EVERY_MS = 15_000
/** After failures in a row the pause doubles, up to this. */
const MAX_PAUSE_MS = 60_000

export class PendingPoller {
  readonly #follow: Follow
  readonly #clock: Clock
  readonly #handler: PendingPollerHandler
  /** When the vendor says that it will be there, clock ms. */
  readonly #pending = new Map<string, number>()
  readonly #stopping = new AbortController()
  #timer: Timer | undefined
  #timerAt = Number.POSITIVE_INFINITY
  #isAsking = false
  /** Questions in a row that failed. */
  #failures = 0
  #askedAt: number

  constructor(follow: Follow, clock: Clock, handler: PendingPollerHandler) {
    this.#follow = follow
    this.#clock = clock
    this.#handler = handler
    this.#askedAt = clock.now()
  }

  /** Bought, but without an address so far: each occupies a channel. */
  get pendingCount(): number {
    return this.#pending.size
  }

  /** Of those, how many will be there before long. One that is long overdue is paid for and counted on no more. */
  get expectedCount(): number {
    return this.#expected().length
  }

  /** When the first of them will be there, clock ms; undefined when none will. */
  get comesAt(): number | undefined {
    const expected = this.#expected()
    return expected.length === 0 ? undefined : Math.min(...expected)
  }

  #expected(): number[] {
    const now = this.#clock.now()
    return [...this.#pending.values()].filter((dueAt) => now < dueAt + OVERDUE_MS)
  }

  add(pending: readonly Pending[]): void {
    // What has just been ordered is asked for a pause later, not at once.
    if (pending.length > 0) this.#askedAt = this.#clock.now()
    this.#await(pending)
    this.#schedule()
  }

  #await(pending: readonly Pending[]): void {
    const now = this.#clock.now()
    for (const { ref, waitMs = 0 } of pending) if (!this.#pending.has(ref)) this.#pending.set(ref, now + waitMs)
  }

  /** Goes on asking after a time in which nobody wanted to know. */
  resume(): void {
    this.#schedule()
  }

  #schedule(): void {
    if (this.#isAsking || this.#stopping.signal.aborted) return
    const { isWanted, heldRefs, pausedUntil } = this.#handler
    const everyMs = this.#everyMs()
    if (everyMs === undefined && (!isWanted || heldRefs.length === 0)) return
    const pauseMs = Math.min(MAX_PAUSE_MS, this.#follow.pendingEveryMs * 2 ** this.#failures)
    const next = this.#askedAt + Math.max(everyMs ?? this.#follow.everyMs, pauseMs)
    // Without a failure the pauses of a provider concern its orders, not this question.
    const at = this.#failures === 0 ? next : Math.max(next, pausedUntil)
    if (at >= this.#timerAt) return
    this.#timer?.clear()
    this.#timerAt = at
    this.#timer = this.#clock.after(Math.max(0, at - this.#clock.now()), () => runInBackground(this.now()))
  }

  /** Undefined: nothing is pending. What is overdue is asked about only while clients want addresses, and less often. */
  #everyMs(): number | undefined {
    const { isWanted, hasOpenOrders } = this.#handler
    const { pendingEveryMs, settlesOrders } = this.#follow
    if (this.expectedCount > 0) return pendingEveryMs
    const isOpen = this.#pending.size > 0 || (settlesOrders === true && hasOpenOrders)
    return isOpen && isWanted ? Math.max(pendingEveryMs, OVERDUE_EVERY_MS) : undefined
  }

  /** Asks at once: the time has come, or the vendor has given a hint. */
  async now(): Promise<void> {
    this.#timer?.clear()
    this.#timerAt = Number.POSITIVE_INFINITY
    if (this.#isAsking || this.#stopping.signal.aborted) return
    this.#isAsking = true
    this.#askedAt = this.#clock.now()
    try {
      const refs = [...new Set([...this.#pending.keys(), ...this.#handler.heldRefs])]
      const news = await this.#follow.ask(refs, this.#stopping.signal)
      this.#failures = 0
      for (const { ref } of news.sold) if (ref !== undefined) this.#pending.delete(ref)
      // One that was there may be on its way again: it is dialling anew, and its old address is dead.
      this.#await(news.pending ?? [])
      for (const ref of news.gone) this.#pending.delete(ref)
      await this.#handler.followed(news)
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
