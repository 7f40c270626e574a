import { type Clock, sleepOn, type Timer } from '../../src/clock.ts'

interface Pending {
  at: number
  readonly order: number
  readonly fn: () => void
}

/** A clock that moves only when told to. `advance` runs the timers that fall due, in their order, at their own time. */
export class FakeClock implements Clock {
  #now: number
  #wall: number
  #order = 0
  readonly #pending = new Set<Pending>()
  readonly #wakeListeners = new Set<() => void>()

  constructor(start: { now?: number; wall?: number } = {}) {
    this.#now = start.now ?? 1_000_000
    this.#wall = start.wall ?? 1_766_000_000_000
  }

  now(): number {
    return this.#now
  }

  wall(): number {
    return this.#wall
  }

  after(ms: number, fn: () => void): Timer {
    const entry = { at: this.#now + Math.max(ms, 0), order: this.#order++, fn }
    this.#pending.add(entry)
    return { clear: () => this.#pending.delete(entry) }
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal)
  }

  onWake(fn: () => void): () => void {
    this.#wakeListeners.add(fn)
    return () => this.#wakeListeners.delete(fn)
  }

  /** Timers not yet run: zero after a clean shutdown. */
  get pendingTimers(): number {
    return this.#pending.size
  }

  /** Moves both clocks forward, running due timers synchronously. Promise reactions do not run in between: see `run`. */
  advance(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      const next = this.#nextDue(end)
      if (next === undefined) break
      this.#move(next.at - this.#now)
      this.#pending.delete(next)
      next.fn()
    }
    this.#move(end - this.#now)
  }

  /** As `advance`, but lets promise reactions settle before each timer and after the last one. */
  async run(ms: number): Promise<void> {
    const end = this.#now + ms
    for (;;) {
      await settle()
      const next = this.#nextDue(end)
      if (next === undefined) break
      this.#move(next.at - this.#now)
      this.#pending.delete(next)
      next.fn()
    }
    this.#move(end - this.#now)
    await settle()
  }

  /** Somebody sets the time of day. `now()` must not care. */
  stepWall(ms: number): void {
    this.#wall += ms
  }

  /** The machine sleeps: time passes, no timer runs, then everybody is told. Timers stay as late as the sleep was long. */
  suspend(ms: number): void {
    for (const entry of this.#pending) entry.at += ms
    this.#move(ms)
    for (const listener of this.#wakeListeners) listener()
  }

  #move(ms: number): void {
    this.#now += ms
    this.#wall += ms
  }

  #nextDue(end: number): Pending | undefined {
    let next: Pending | undefined
    for (const entry of this.#pending) {
      if (entry.at > end) continue
      if (next === undefined || entry.at < next.at || (entry.at === next.at && entry.order < next.order)) next = entry
    }
    return next
  }
}

/** Lets promise reactions run: enough turns for the longest chain in the code under test. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 40; turn++) await Promise.resolve()
}
