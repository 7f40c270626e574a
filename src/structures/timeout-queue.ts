/**
 * Timers for things that come by the thousand and all wait equally long.
 *
 * Entries that share one duration expire in the order in which they were added, so a linked list and one clock timer
 * serve them all: adding and removing is O(1) and allocates nothing.
 */
import type { Clock, Timer } from '../clock.ts'
import { containException, type ExceptionOwner } from '../internal-errors.ts'

/** What a list links together. One object is in one list at a time. */
export abstract class TimeoutEntry implements ExceptionOwner {
  /** Owned by TimeoutQueue. */
  expiresAt = 0
  nextEntry: TimeoutEntry | undefined = undefined
  previousEntry: TimeoutEntry | undefined = undefined
  timeoutQueue: TimeoutQueue | undefined = undefined

  /** The time has come; the entry is already out of its list. */
  abstract onDeadline(): void
  abstract failInternally(): void
}

export class TimeoutQueue {
  readonly #clock: Clock
  readonly #durationMs: number
  readonly #expire = () => this.#onTimer()
  #first: TimeoutEntry | undefined
  #last: TimeoutEntry | undefined
  #timer: Timer | undefined
  #size = 0
  #isClosed = false
  #isReplaced = false

  constructor(clock: Clock, durationMs: number) {
    this.#clock = clock
    this.#durationMs = durationMs
  }

  get durationMs(): number {
    return this.#durationMs
  }

  /**
   * The list for another duration: itself when it is the same. Entries of a list that is replaced keep their time; its
   * timer runs no longer than it has entries.
   */
  withDuration(durationMs: number): TimeoutQueue {
    if (durationMs === this.#durationMs) return this
    this.#isReplaced = true
    this.#endIfUnused()
    return new TimeoutQueue(this.#clock, durationMs)
  }

  #endIfUnused(): void {
    if (!this.#isReplaced || this.#size > 0) return
    this.#timer?.clear()
    this.#timer = undefined
  }

  get size(): number {
    return this.#size
  }

  /** Starts the entry's time, anew if it is already here; takes it out of any other list. */
  add(entry: TimeoutEntry): void {
    entry.timeoutQueue?.remove(entry)
    entry.expiresAt = this.#clock.now() + this.#durationMs
    entry.timeoutQueue = this
    entry.previousEntry = this.#last
    if (this.#last === undefined) this.#first = entry
    else this.#last.nextEntry = entry
    this.#last = entry
    this.#size++
    if (!this.#isClosed) this.#timer ??= this.#clock.after(this.#durationMs, this.#expire)
  }

  /** Takes the entry out; harmless when it is not here. */
  remove(entry: TimeoutEntry): void {
    if (entry.timeoutQueue !== this) return
    const { previousEntry: before, nextEntry: after } = entry
    if (before === undefined) this.#first = after
    else before.nextEntry = after
    if (after === undefined) this.#last = before
    else after.previousEntry = before
    entry.timeoutQueue = undefined
    entry.nextEntry = undefined
    entry.previousEntry = undefined
    this.#size--
    this.#endIfUnused()
  }

  /** Drops the timer for good; entries stay unexpired for ever. */
  close(): void {
    this.#isClosed = true
    this.#timer?.clear()
    this.#timer = undefined
  }

  /** The timer is left running when its entry goes: it finds the next one, or nothing, when it fires. */
  #onTimer(): void {
    const now = this.#clock.now()
    // The timer that has fired stays in its place meanwhile: a callback that adds must not arm one for its own, later time.
    while (this.#timer !== undefined && this.#first !== undefined && this.#first.expiresAt <= now) {
      const entry = this.#first
      this.remove(entry)
      expire(entry)
    }
    if (this.#timer === undefined) return // closed by a callback
    this.#timer = this.#first === undefined ? undefined : this.#clock.after(this.#first.expiresAt - now, this.#expire)
  }
}

/** The exception of one entry must not keep the others from their time. */
function expire(entry: TimeoutEntry): void {
  try {
    entry.onDeadline()
  } catch (error) {
    containException(error, entry)
  }
}
