/**
 * When a second upstream is dialled beside a silent one: after a fixed time, or (`auto`) after the time in which 19 of 20 recent
 * dials of that provider have opened.
 */
import type { Clock } from '../clock.ts'
import { TimeoutQueue } from '../structures/timeout-queue.ts'
import { longestOf, SETUP_BUCKETS, setupBucket } from './setup-times.ts'

const PERCENTILE = 0.95
/** With fewer observations there is no percentile; it is computed again after as many more. */
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
  readonly #counts = new Uint32Array(SETUP_BUCKETS)
  #total = 0

  constructor(queue: TimeoutQueue) {
    this.queue = queue
  }

  /** @returns whether the percentile must be computed again */
  observe(ms: number): boolean {
    const bucket = setupBucket(ms)
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    if (++this.#total >= FADE_AT) this.#fade()
    return this.#total % ENOUGH === 0
  }

  get percentileMs(): number {
    return longestOf(this.#counts, PERCENTILE)
  }

  #fade(): void {
    this.#total = 0
    for (const [bucket, count] of this.#counts.entries()) {
      this.#counts[bucket] = count >> 1
      this.#total += count >> 1
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
  #count = 0

  /**
   * @param after ms, or `auto`
   * @param most second dials at the same time
   */
  constructor(clock: Clock, after: number | 'auto', most: number) {
    this.#most = most
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

  /** @returns false when there are as many second dials as allowed; else `ended` must follow */
  begin(): boolean {
    if (this.#count >= this.#most) return false
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
