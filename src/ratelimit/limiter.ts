/**
 * Keeps calls to a vendor within its documented limit: in no window of the documented length do more calls *reach* the
 * vendor than it allows, whatever the way to it does to them.
 *
 * A call may reach the vendor at any moment between its sending and its reply. So it holds a slot from the sending until
 * the reply (or abort) plus the window; as many calls may be sent as there are slots. Two calls that held the same slot
 * are a whole window apart wherever they arrive. A window that starts with the first call, or with the clock's minute, is
 * bounded by this as well.
 */
import PQueue from 'p-queue'
import type { Clock, Timer } from '../clock.ts'
import type { Store } from '../store/contract.ts'
import { forgetfulStore } from '../store/memory.ts'
import type { RateLimit } from '../vendors/contract.ts'

/** Two machines' clocks do not run equally fast, and timers fire a little early. */
const MARGIN_MS = 5
/** What was aborted may still be on its way to the vendor. */
const ABORT_SLACK_MS = 1_000
/** After the vendor has said "too many" in spite of everything, half the rate is used for so many windows. */
const SLOW_WINDOWS = 10

/** The bound itself, without queue or timers. Times are clock milliseconds. */
export class SlidingWindow {
  #limit: RateLimit
  /** When each ended call stops to count, ascending. */
  #freeAt: number[] = []
  #inFlight = 0
  #slowUntil = 0

  constructor(limit: RateLimit) {
    this.#limit = limit
  }

  get limit(): RateLimit {
    return this.#limit
  }

  /** Two products on one key state different limits: the smaller one holds. */
  tighten(limit: RateLimit): void {
    if (limit.calls * this.#limit.perMs < this.#limit.calls * limit.perMs) this.#limit = limit
  }

  /** How many calls could be sent now. */
  room(now: number): number {
    this.#prune(now)
    return Math.max(0, this.#calls(now) - this.#inFlight - this.#freeAt.length)
  }

  /** Milliseconds until a call may be sent: 0 = now; undefined = not before one of those in flight has ended. */
  waitMs(now: number): number | undefined {
    if (this.room(now) > 0) return 0
    const surplus = this.#inFlight + this.#freeAt.length - this.#calls(now)
    const next = this.#freeAt[Math.max(0, surplus)]
    return next === undefined ? undefined : next - now
  }

  /** How far apart calls must be sent so that those which may be sent last until the next slot falls free, ms. */
  paceMs(now: number): number {
    const { calls, perMs } = this.#limit
    const untilFree = (this.#freeAt[0] ?? now) - now
    return Math.max(perMs / calls, untilFree / Math.max(1, this.room(now)))
  }

  begin(): void {
    this.#inFlight++
  }

  /** @param answered false when the call was aborted or timed out: it may reach the vendor yet */
  end(now: number, answered: boolean): void {
    this.#inFlight--
    this.#record(now + this.#limit.perMs + MARGIN_MS + (answered ? 0 : ABORT_SLACK_MS))
  }

  /** The vendor says that it was too many. */
  slowDown(now: number): void {
    this.#slowUntil = now + SLOW_WINDOWS * this.#limit.perMs
  }

  /** A call of an earlier process, which ended `agoMs` before now. */
  restore(agoMs: number, answered: boolean, now: number): void {
    this.#record(now - agoMs + this.#limit.perMs + MARGIN_MS + (answered ? 0 : ABORT_SLACK_MS))
  }

  #calls(now: number): number {
    const { calls } = this.#limit
    return now < this.#slowUntil ? Math.max(1, Math.floor(calls / 2)) : calls
  }

  #record(freeAt: number): void {
    let at = this.#freeAt.length
    while (at > 0 && (this.#freeAt[at - 1] ?? 0) > freeAt) at--
    this.#freeAt.splice(at, 0, freeAt)
  }

  #prune(now: number): void {
    let over = 0
    while (over < this.#freeAt.length && (this.#freeAt[over] ?? 0) <= now) over++
    if (over > 0) this.#freeAt = this.#freeAt.slice(over)
  }
}

/** A call that an earlier process made. */
export interface PastCall {
  readonly limiterKey: string
  readonly endedAgoMs: number
  /** False: it may have reached the vendor after its end. */
  readonly answered: boolean
}

export interface LimiterOptions {
  /** Most calls in flight at the same time. */
  readonly concurrency: number
}

/**
 * Runs calls in the order of their priority, as soon as the window lets them. One for each vendor key and limit group.
 * The queue is stopped while the window is full, so what waits stays in the queue, where priority and abort reach it.
 */
export class Limiter {
  readonly #clock: Clock
  readonly #window: SlidingWindow
  readonly #queue: PQueue
  readonly #stopListening: () => void
  #timer: Timer | undefined
  #calls = 0

  constructor(clock: Clock, limit: RateLimit, options: LimiterOptions) {
    this.#clock = clock
    this.#window = new SlidingWindow(limit)
    this.#queue = new PQueue({ concurrency: options.concurrency })
    this.#stopListening = clock.onWake(() => this.#turnstile())
  }

  /** Whether less than half of the window is left. */
  get isTight(): boolean {
    return this.room <= this.#window.limit.calls / 2
  }

  /** The distance of calls, ms, at which the window is never used up. */
  get paceMs(): number {
    return this.#window.paceMs(this.#clock.now())
  }

  /** Calls sent so far. */
  get calls(): number {
    return this.#calls
  }

  /** Calls that could be sent at this moment. */
  get room(): number {
    return this.#window.room(this.#clock.now())
  }

  /** When the next call may be sent, clock ms; undefined while only a reply can tell. */
  get nextAt(): number | undefined {
    const now = this.#clock.now()
    const wait = this.#window.waitMs(now)
    return wait === undefined ? undefined : now + wait
  }

  /**
   * Waits for its turn and for the window, then calls `send`.
   * @param priority higher goes first
   * @throws the signal's reason when it aborts before or during the call, else what `send` throws
   */
  run<T>(send: () => Promise<T>, priority: number, signal: AbortSignal): Promise<T> {
    this.#turnstile()
    const result = this.#queue.add(() => this.#turn(send), { priority, signal }) as Promise<T>
    this.#turnstile()
    return result
  }

  /** Runs up to its first await within the queue's own turn: between the look at the window and `begin` there is nothing. */
  async #turn<T>(send: () => Promise<T>): Promise<T> {
    this.#window.begin()
    this.#calls++
    this.#turnstile()
    let answered = false
    try {
      const reply = await send()
      answered = true
      return reply
    } catch (error) {
      answered = isAnswer(error)
      throw error
    } finally {
      this.#window.end(this.#clock.now(), answered)
      this.#turnstile()
    }
  }

  /** Lets the queue go on while there is room; else stops it until the next slot falls free, or a reply tells when that is. */
  #turnstile(): void {
    this.#timer?.clear()
    this.#timer = undefined
    const wait = this.#window.waitMs(this.#clock.now())
    if (wait === 0) return void this.#queue.start()
    this.#queue.pause()
    if (wait !== undefined && this.#queue.size > 0) this.#timer = this.#clock.after(wait, () => this.#turnstile())
  }

  tighten(limit: RateLimit): void {
    this.#window.tighten(limit)
    this.#turnstile()
  }

  slowDown(): void {
    this.#window.slowDown(this.#clock.now())
    this.#turnstile()
  }

  restore(call: PastCall): void {
    this.#window.restore(call.endedAgoMs, call.answered, this.#clock.now())
    this.#turnstile()
  }

  /** Rejects the calls that wait. */
  close(): void {
    this.#stopListening()
    this.#queue.clear()
    this.#timer?.clear()
    this.#timer = undefined
  }
}

/** Calls in flight at the same time for one key: enough to use a limit of 10 a second over a slow line. */
const CALL_CONCURRENCY = 8

/** All limiters by key: products on one key count together where the vendor counts them together. */
export class Limiters {
  readonly #clock: Clock
  readonly #byKey = new Map<string, Limiter>()
  readonly #past: readonly PastCall[]
  readonly #store: Store

  /** @param past calls of an earlier process: they count until their windows are over */
  constructor(clock: Clock, store: Store = forgetfulStore(), past: readonly PastCall[] = []) {
    this.#clock = clock
    this.#store = store
    this.#past = past
  }

  of({ key, ...limit }: RateLimit & { readonly key: string }): Limiter {
    let limiter = this.#byKey.get(key)
    if (limiter === undefined) {
      limiter = new Limiter(this.#clock, limit, { concurrency: CALL_CONCURRENCY })
      for (const call of this.#past) if (call.limiterKey === key) limiter.restore(call)
      this.#byKey.set(key, limiter)
    } else limiter.tighten(limit)
    return limiter
  }

  /** The only way out for vendor calls (vendors/client/http.ts). */
  readonly gate = <T>(
    limit: RateLimit & { readonly key: string },
    { priority, signal }: { readonly priority: number; readonly signal: AbortSignal },
    send: () => Promise<T>,
  ): Promise<T> => this.of(limit).run(() => this.#recorded(limit, send), priority, signal)

  /** A call is on record before it leaves: a process that is killed meanwhile has not forgotten it. */
  async #recorded<T>(limit: RateLimit & { readonly key: string }, send: () => Promise<T>): Promise<T> {
    const id = await this.#store.callBegins({ limiterKey: limit.key, windowMs: limit.perMs, provider: '', booked: 0 })
    let answered = false
    try {
      const reply = await send()
      answered = true
      return reply
    } catch (error) {
      answered = isAnswer(error)
      throw error
    } finally {
      this.#store.callEnded(id, answered, 0)
    }
  }

  close(): void {
    for (const limiter of this.#byKey.values()) limiter.close()
  }
}

/** An error that the vendor itself sent is an answer as good as any: the call has arrived. */
function isAnswer(error: unknown): boolean {
  return (
    typeof error === 'object' &&
    error !== null &&
    'vendorCode' in error &&
    !['network', 'timeout'].includes(String(error.vendorCode))
  )
}
