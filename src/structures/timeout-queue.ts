/**
 * Timers for many objects with the same duration.
 *
 * Entries with one duration expire in the order in which they were added, so a linked list and one clock timer are enough:
 * adding and removing is O(1). The links are objects of their own and of one class: entries are of seven classes, and V8 looks
 * each of their members up by name where it has seen more than four.
 */
import type { Clock, Timer } from '../clock.ts'
import { containException, type ExceptionOwner } from '../internal-errors.ts'

/** Entries that are late by this much: the process was stopped (SIGSTOP, a paused container, a suspended machine), or blocked. */
const STANDSTILL_MS = 1_000

/** An entry's place in a queue. */
class Place {
  readonly entry: TimeoutEntry
  readonly queue: TimeoutQueue
  readonly expiresAt: number
  next: Place | undefined = undefined
  previous: Place | undefined

  constructor(entry: TimeoutEntry, queue: TimeoutQueue, expiresAt: number, previous: Place | undefined) {
    this.entry = entry
    this.queue = queue
    this.expiresAt = expiresAt
    this.previous = previous
  }
}

/** An entry of the queue. An object is in one queue at a time. */
export abstract class TimeoutEntry implements ExceptionOwner {
  /** Managed by TimeoutQueue. */
  timeoutPlace: Place | undefined = undefined

  get timeoutQueue(): TimeoutQueue | undefined {
    return this.timeoutPlace?.queue
  }

  /** Called when the time is over; the entry is already removed. */
  abstract onDeadline(): void
  abstract failInternally(): void
}

export class TimeoutQueue {
  readonly #clock: Clock
  readonly #durationMs: number
  readonly #expire = () => this.#onTimer()
  #first: Place | undefined
  #last: Place | undefined
  #timer: Timer | undefined
  #size = 0
  #isClosed = false
  #isReplaced = false
  #isExtended = false

  constructor(clock: Clock, durationMs: number) {
    this.#clock = clock
    this.#durationMs = durationMs
  }

  get durationMs(): number {
    return this.#durationMs
  }

  /**
   * The queue for another duration: itself when the duration is the same. Entries of a replaced queue keep their time; its timer
   * ends with its last entry.
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

  /** Starts or restarts the entry's time; removes it from any other queue. @param now where the caller has read the clock */
  add(entry: TimeoutEntry, now = this.#clock.now()): void {
    const former = entry.timeoutPlace
    if (former !== undefined) former.queue.#leave(former)
    const place = new Place(entry, this, now + this.#durationMs, this.#last)
    entry.timeoutPlace = place
    if (this.#last === undefined) this.#first = place
    else this.#last.next = place
    this.#last = place
    this.#size++
    if (!this.#isClosed) this.#timer ??= this.#clock.after(this.#durationMs, this.#expire)
  }

  /** Removes the entry; no effect when it is not in the queue. */
  remove(entry: TimeoutEntry): void {
    const place = entry.timeoutPlace
    if (place?.queue !== this) return
    entry.timeoutPlace = undefined
    this.#leave(place)
  }

  #leave({ previous, next }: Place): void {
    if (previous === undefined) this.#first = next
    else previous.next = next
    if (next === undefined) this.#last = previous
    else next.previous = previous
    this.#size--
    this.#endIfUnused()
  }

  /** Stops the timer permanently; entries never expire. */
  close(): void {
    this.#isClosed = true
    this.#timer?.clear()
    this.#timer = undefined
  }

  /** The timer keeps running when its entry is removed: when it fires, it finds the next entry or none. */
  #onTimer(): void {
    const now = this.#clock.now()
    const lateMs = now - (this.#first?.expiresAt ?? now)
    this.#isExtended = lateMs >= STANDSTILL_MS && !this.#isExtended
    // In a standstill nothing was read or sent. That time is added once: answers that arrived meanwhile are read first.
    if (this.#isExtended) {
      this.#timer = this.#clock.after(Math.min(lateMs, this.#durationMs), this.#expire)
      return
    }
    // The timer that fired keeps its place meanwhile: a callback that adds an entry must not start one for a later time.
    while (this.#timer !== undefined && this.#first !== undefined && this.#first.expiresAt <= now) {
      const { entry } = this.#first
      this.remove(entry)
      expire(entry)
    }
    if (this.#timer === undefined) return // closed by a callback
    this.#timer = this.#first === undefined ? undefined : this.#clock.after(this.#first.expiresAt - now, this.#expire)
  }
}

/** An exception of one entry must not delay the others. */
function expire(entry: TimeoutEntry): void {
  try {
    entry.onDeadline()
  } catch (error) {
    containException(error, entry)
  }
}
