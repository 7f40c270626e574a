/**
 * The only file that reads the time.
 *
 * `now()` is milliseconds on a clock that cannot be set: it never runs backwards, ignores changes of the wall clock,
 * and counts the time a laptop was asleep. Every deadline of the gateway is an instant on it. `wall()` is the time of
 * day, used only to talk with vendors (their deadlines are times of day) and to date stored records.
 */
import { uptime } from 'node:os'
import { contained } from './internal-errors.ts'

/** A pending call; `clear()` is idempotent. */
export interface Timer {
  clear(): void
}

export interface Clock {
  /** Milliseconds, monotonic, from an arbitrary origin. */
  now(): number
  /** Milliseconds since 1970-01-01T00:00:00Z, as this machine believes. */
  wall(): number
  /** Calls `fn` once, `ms` from now. A pending timer does not keep the process alive. An exception in `fn` is reported. */
  after(ms: number, fn: () => void): Timer
  /** Resolves `ms` from now; rejects with the signal's reason as soon as it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls `fn` after the machine was found to have slept: timers armed before are late by that long. Returns the undo. */
  onWake(fn: () => void): () => void
}

/** What `SystemClock` reads; a test hands in its own. */
export interface TimeSource {
  /** Milliseconds that do not count suspend (CLOCK_MONOTONIC). */
  monotonic(): number
  /** Milliseconds since boot, suspend included (CLOCK_BOOTTIME, in steps of 10 ms). */
  sinceBoot(): number
  wall(): number
}

const machine: TimeSource = {
  monotonic: () => performance.now(),
  sinceBoot: () => uptime() * 1000,
  wall: () => Date.now(),
}

/** The two clocks are read one after the other and one has steps of 10 ms: less than this is noise, not sleep. */
const SLEEP_THRESHOLD_MS = 250
const RESYNC_EVERY_MS = 1_000
/** setTimeout takes a signed 32-bit count of milliseconds; more would fire at once. */
const MAX_TIMEOUT_MS = 2_147_483_647

export class SystemClock implements Clock {
  readonly #source: TimeSource
  readonly #bootOrigin: number
  readonly #monotonicOrigin: number
  readonly #listeners = new Set<() => void>()
  readonly #resyncTimer: NodeJS.Timeout
  #asleepMs = 0

  constructor(source: TimeSource = machine) {
    this.#source = source
    // In this order: a pause of the process between the two readings must not look like sleep later.
    this.#monotonicOrigin = source.monotonic()
    this.#bootOrigin = source.sinceBoot()
    this.#resyncTimer = setInterval(() => this.resync(), RESYNC_EVERY_MS)
    this.#resyncTimer.unref()
  }

  now(): number {
    return this.#source.monotonic() + this.#asleepMs
  }

  wall(): number {
    return this.#source.wall()
  }

  /** Adds the time slept since start that `now()` does not include yet. */
  resync(): void {
    // In this order: a pause of the process between the two readings must not look like sleep.
    const sinceStartMs = this.#source.sinceBoot() - this.#bootOrigin
    const awakeMs = this.#source.monotonic() - this.#monotonicOrigin
    const unseenMs = sinceStartMs - awakeMs - this.#asleepMs
    if (unseenMs < SLEEP_THRESHOLD_MS) return
    this.#asleepMs += unseenMs
    for (const listener of this.#listeners) contained(listener)
  }

  after(ms: number, fn: () => void): Timer {
    let timeout: NodeJS.Timeout
    const arm = (leftMs: number): void => {
      const isLast = leftMs <= MAX_TIMEOUT_MS
      timeout = isLast
        ? setTimeout(contained, leftMs, fn)
        : setTimeout(() => arm(leftMs - MAX_TIMEOUT_MS), MAX_TIMEOUT_MS)
      timeout.unref()
    }
    arm(Math.max(ms, 0))
    return { clear: () => clearTimeout(timeout) }
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal)
  }

  onWake(fn: () => void): () => void {
    this.#listeners.add(fn)
    return () => this.#listeners.delete(fn)
  }

  close(): void {
    clearInterval(this.#resyncTimer)
  }
}

/** `sleep` for any clock that has `after`. */
export function sleepOn(clock: Pick<Clock, 'after'>, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const onAbort = () => {
      timer.clear()
      reject(signal?.reason)
    }
    const timer = clock.after(ms, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/** An instant of `wall()` as people and programs write it: RFC 3339, UTC, with milliseconds. */
export function isoTime(wallMs: number): string {
  return new Date(wallMs).toISOString()
}

/** An instant of `wall()` as HTTP writes it in `Date` (RFC 9110 section 5.6.7); whole seconds. */
export function httpTime(wallMs: number): string {
  return new Date(wallMs).toUTCString()
}

/** The reverse of `isoTime`, for text that has been checked to be RFC 3339; any offset. */
export function wallTime(text: string): number {
  return Date.parse(text)
}
