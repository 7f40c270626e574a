/**
 * When a second upstream is dialled beside a silent one: after a fixed time, or (`auto`) after the time in which 19 of 20 recent
 * dials of that provider have opened.
 */
import type { Clock } from '../clock.ts'
import { TimeoutQueue } from '../structures/timeout-queue.ts'
import { isEventLoopBusy } from './event-loop.ts'

/** Logarithmic buckets: each bound is the previous one times this. */
const GROWTH = 1.25
const LOG_GROWTH = Math.log(GROWTH)
const FIRST_BOUND_MS = 1
const BUCKETS = 48
const PERCENTILE = 0.95
/** With fewer observations there is no percentile; it is worked out anew after as many more. */
const ENOUGH = 20
/** After this many, all counts are halved: old observations lose weight. */
const FADE_AT = 1_000
/** Until enough is known, and the minimum: a hedge costs a use of another address. */
const DEFAULT_AUTO_MS = 800
const MIN_AUTO_MS = 20

/** How long dials through one provider take, as counts in logarithmic buckets. */
class DialTimes {
  /** Where they wait for a hedge. */
  queue: TimeoutQueue
  readonly #counts = new Uint32Array(BUCKETS)
  #total = 0

  constructor(queue: TimeoutQueue) {
    this.queue = queue
  }

  /** @returns whether the percentile is to be worked out anew */
  observe(ms: number): boolean {
    const bucket = Math.ceil(Math.log(Math.max(ms, FIRST_BOUND_MS) / FIRST_BOUND_MS) / LOG_GROWTH)
    const at = Math.min(BUCKETS - 1, bucket)
    this.#counts[at] = (this.#counts[at] ?? 0) + 1
    if (++this.#total >= FADE_AT) this.#fade()
    return this.#total % ENOUGH === 0
  }

  /** The bound below which `PERCENTILE` of the dials were. */
  get percentileMs(): number {
    let seen = this.#counts[0] ?? 0
    let at = 0
    while (at < BUCKETS - 1 && seen < this.#total * PERCENTILE) seen += this.#counts[++at] ?? 0
    return FIRST_BOUND_MS * GROWTH ** at
  }

  #fade(): void {
    this.#total = 0
    for (let at = 0; at < BUCKETS; at++) {
      const halved = (this.#counts[at] ?? 0) >> 1
      this.#counts[at] = halved
      this.#total += halved
    }
  }
}

export class Hedging {
  readonly #clock: Clock
  readonly #isAuto: boolean
  readonly #times = new Map<string, DialTimes>()
  /** One queue per duration in use: the percentile is a bucket's bound, so there are few. */
  readonly #queues = new Map<number, TimeoutQueue>()
  /** For providers of which too little is known. */
  readonly #commonQueue: TimeoutQueue
  readonly #most: number
  readonly #isBusy: () => boolean
  #count = 0

  /**
   * @param after ms, or `auto`
   * @param most second dials at the same time
   * @param isBusy whether clients wait for this process rather than for upstreams: with `auto` no second dial adds to its work
   */
  constructor(clock: Clock, after: number | 'auto', most: number, isBusy = isEventLoopBusy) {
    this.#most = most
    this.#isBusy = isBusy
    this.#clock = clock
    this.#isAuto = after === 'auto'
    this.#commonQueue = this.#queueOf(after === 'auto' ? DEFAULT_AUTO_MS : after)
  }

  /** The queue in which a dial through this provider waits for its hedge. */
  queueFor(provider: string): TimeoutQueue {
    return this.#times.get(provider)?.queue ?? this.#commonQueue
  }

  #queueOf(ms: number): TimeoutQueue {
    let queue = this.#queues.get(ms)
    if (queue === undefined) {
      queue = new TimeoutQueue(this.#clock, ms)
      this.#queues.set(ms, queue)
    }
    return queue
  }

  /** @returns false when there are as many second dials as allowed, or this process is busy; else `ended` must follow */
  begin(): boolean {
    if (this.#count >= this.#most || (this.#isAuto && this.#isBusy())) return false
    this.#count++
    return true
  }

  ended(): void {
    this.#count--
  }

  /** A dial through this provider has opened after `ms`. */
  observe(provider: string, ms: number): void {
    if (!this.#isAuto) return
    let times = this.#times.get(provider)
    if (times === undefined) {
      times = new DialTimes(this.#commonQueue)
      this.#times.set(provider, times)
    }
    if (times.observe(ms)) times.queue = this.#queueOf(Math.max(MIN_AUTO_MS, times.percentileMs))
  }

  close(): void {
    for (const queue of this.#queues.values()) queue.close()
  }
}
