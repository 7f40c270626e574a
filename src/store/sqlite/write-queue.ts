/**
 * Changes that wait to be recorded, in order. A session or user that changes again before its turn keeps its position, with
 * the new content. Uses of sessions (`session-used`) wait separately until they are due.
 *
 * A batch consists of what was in the queue when its time came, or of everything while a caller waits. Changes that arrive while
 * a batch is written are not added to it: otherwise batches would become smaller and smaller.
 */
import type { StoreError } from '../errors.ts'
import type { Change } from './messages.ts'

export interface Waiter {
  readonly resolve: () => void
  readonly reject: (error: StoreError) => void
}

type Key = string | number

export interface Entry {
  /** Equal keys replace each other: sessions and users. Others have unique keys. */
  readonly key: Key
  /** Undefined: only waits until everything before it is recorded. */
  readonly change: Change | undefined
  /** The caller that waits for it. */
  readonly waiter?: Waiter
}

/** While nothing can be written, calls and purchases stop, but clients still begin sessions. */
const MAX_WAITING_SESSIONS = 100_000

export class WriteQueue {
  /** The remainder of a failed batch. */
  #front: Entry[] = []
  readonly #changes = new Map<Key, Entry>()
  readonly #touches = new Map<Key, Entry>()
  readonly #awaited = new Map<Key, Entry>()
  readonly #maxSessions: number
  #nextKey = 0
  readonly #userKeys = new Map<string, number>()
  #changesDue = 0
  #touchesDue = 0
  /** Sessions that were dropped because too many waited. */
  #dropped = 0

  constructor(maxSessions = MAX_WAITING_SESSIONS) {
    this.#maxSessions = maxSessions
  }

  get changes(): number {
    return this.#front.length + this.#changes.size
  }

  get touches(): number {
    return this.#touches.size
  }

  get isDue(): boolean {
    if (this.#awaited.size > 0) return true
    return (this.#changesDue > 0 && this.changes > 0) || (this.#touchesDue > 0 && this.touches > 0)
  }

  changesFallDue(): void {
    this.#changesDue = this.changes
  }

  touchesFallDue(): void {
    this.#touchesDue = this.touches
  }

  add(change: Change): void {
    const key = this.#nextKey++
    this.#changes.set(key, { key, change })
  }

  addAwaited(change: Change, waiter: Waiter): void {
    this.#await(this.#changes, { key: this.#nextKey++, change, waiter })
  }

  session(change: Extract<Change, { kind: 'session' | 'session-ended' }>): void {
    const { key } = change
    this.#touches.delete(key)
    if (this.#changes.size >= this.#maxSessions && !this.#changes.has(key)) this.#dropped++
    else this.#changes.set(key, { key, change })
  }

  /** It replaces what waits to be recorded of the same user. */
  user(change: Extract<Change, { kind: 'user-used' }>): void {
    const key = this.#userKeys.get(change.name) ?? this.#nextKey++
    this.#userKeys.set(change.name, key)
    this.#changes.set(key, { key, change })
  }

  touch(key: string): void {
    if (this.#changes.has(key) || this.#touches.size >= this.#maxSessions) return
    this.#touches.set(key, { key, change: { kind: 'session-used', key } })
  }

  /** The waiter is called when everything in the queue now has been recorded. */
  mark(waiter: Waiter): void {
    this.#await(this.#touches, { key: this.#nextKey++, change: undefined, waiter })
    this.touchesFallDue()
  }

  /** Takes up to `max` entries out: changes, then uses of sessions that are due. */
  take(max: number): Entry[] {
    const taken = this.#front.splice(0, max)
    move(this.#changes, max - taken.length, taken)
    this.#changesDue = Math.max(0, this.#changesDue - taken.length)
    const changes = taken.length
    move(this.#touches, Math.min(max - changes, this.#touchesDue), taken)
    this.#touchesDue -= taken.length - changes
    for (const { key } of taken) this.#awaited.delete(key)
    return taken
  }

  /** Puts entries of the last batch back in front. No caller may wait for them. */
  giveBack(entries: readonly Entry[]): void {
    this.#front = [...entries, ...this.#front]
  }

  /**
   * Nothing is due any more, and no caller waits.
   * @returns the waiters. Only purchases stay in the queue: the money is spent
   */
  postpone(): Waiter[] {
    this.#changesDue = 0
    this.#touchesDue = 0
    const waiters: Waiter[] = []
    for (const { key, change, waiter } of this.#awaited.values()) {
      if (waiter !== undefined) waiters.push(waiter)
      if (change?.kind === 'bought') this.#changes.set(key, { key, change })
      else if (!this.#changes.delete(key)) this.#touches.delete(key)
    }
    this.#awaited.clear()
    return waiters
  }

  /** @returns how many sessions were dropped since the last call */
  takeDropped(): number {
    const dropped = this.#dropped
    this.#dropped = 0
    return dropped
  }

  #await(into: Map<Key, Entry>, entry: Entry): void {
    into.set(entry.key, entry)
    this.#awaited.set(entry.key, entry)
  }
}

function move(from: Map<Key, Entry>, max: number, into: Entry[]): void {
  let left = max
  for (const [key, entry] of from) {
    if (left-- <= 0) return
    from.delete(key)
    into.push(entry)
  }
}
