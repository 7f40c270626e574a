/** Asks a vendor again and again where addresses stand that come later than their order, or change while they are held. */
import type { Clock, Timer } from '../clock.ts'
import type { Follow, Followed, Pending } from '../vendors/vendor.ts'

export interface FollowerOwner {
  /** The vendor's names of all that is held. */
  readonly heldRefs: readonly string[]
  followed(news: Followed): Promise<void>
  followFailed(error: unknown): void
}

export class Follower {
  readonly #follow: Follow
  readonly #clock: Clock
  readonly #owner: FollowerOwner
  readonly #pending = new Set<string>()
  readonly #stopping = new AbortController()
  #timer: Timer | undefined
  #isAsking = false

  constructor(follow: Follow, clock: Clock, owner: FollowerOwner) {
    this.#follow = follow
    this.#clock = clock
    this.#owner = owner
  }

  /** Bought, but without an address so far: each occupies a channel. */
  get pendingCount(): number {
    return this.#pending.size
  }

  add(pending: readonly Pending[]): void {
    for (const { ref } of pending) this.#pending.add(ref)
    this.#schedule()
  }

  /** Something is held or pending: goes on asking for as long as that is so. */
  #schedule(): void {
    if (this.#timer !== undefined || this.#isAsking || this.#stopping.signal.aborted) return
    if (this.#pending.size === 0 && this.#owner.heldRefs.length === 0) return
    const pause = this.#pending.size > 0 ? this.#follow.pendingEveryMs : this.#follow.everyMs
    this.#timer = this.#clock.after(pause, () => void this.now())
  }

  /** Asks at once: the time has come, or the vendor has given a hint. */
  async now(): Promise<void> {
    this.#timer?.clear()
    this.#timer = undefined
    if (this.#isAsking || this.#stopping.signal.aborted) return
    this.#isAsking = true
    try {
      const refs = [...new Set([...this.#pending, ...this.#owner.heldRefs])]
      const news = await this.#follow.ask(refs, this.#stopping.signal)
      for (const { ref } of news.sold) if (ref !== undefined) this.#pending.delete(ref)
      // One that was there may be on its way again: it is dialling anew, and its old address is dead.
      for (const { ref } of news.pending ?? []) this.#pending.add(ref)
      for (const ref of news.gone) this.#pending.delete(ref)
      await this.#owner.followed(news)
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#owner.followFailed(error)
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
