/**
 * When a second upstream is dialled beside a silent one: after a fixed time, or (`auto`) after the time in which 19 of 20 recent
 * dials of that provider have opened.
 */
import type { Clock } from '../clock.ts'
import { TimeoutQueue } from '../structures/timeout-queue.ts'

/** Logarithmic buckets: each bound is the previous one times this. */
const GROWTH = 1.25
const FIRST_BOUND_MS = 1
const BUCKETS = 48
const PERCENTILE = 0.95
/** With fewer observations there is no percentile. */
const ENOUGH = 20
/** After this many, all counts are halved: old observations lose weight. */
const FADE_AT = 1_000
/** Until enough is known, and the minimum: a hedge costs a use of another address. */
const DEFAULT_AUTO_MS = 800
const MIN_AUTO_MS = 20

/** How long dials take, as counts in logarithmic buckets. */
class DialTimes {
  readonly #counts = new Uint32Array(BUCKETS)
  #total = 0

  observe(ms: number): void {
    const bucket = Math.ceil(Math.log(Math.max(ms, FIRST_BOUND_MS) / FIRST_BOUND_MS) / Math.log(GROWTH))
    const at = Math.min(BUCKETS - 1, bucket)
    this.#counts[at] = (this.#counts[at] ?? 0) + 1
    if (++this.#total >= FADE_AT) this.#fade()
  }

  /** The bound below which `PERCENTILE` of the dials were; undefined with too few observations. */
  get percentileMs(): number | undefined {
    if (this.#total < ENOUGH) return undefined
    let seen = 0
    for (let at = 0; at < BUCKETS; at++) {
      seen += this.#counts[at] ?? 0
      if (seen >= this.#total * PERCENTILE) return FIRST_BOUND_MS * GROWTH ** at
    }
    return undefined
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
  readonly #after: number | 'auto'
  readonly #times = new Map<string, DialTimes>()
  /** One queue per duration in use: the percentile is a bucket's bound, so there are few. */
  readonly #lists = new Map<number, TimeoutQueue>()

  readonly #most: number
  #count = 0

  /**
   * @param after ms, or `auto`
   * @param most second dials at the same time
   */
  constructor(clock: Clock, after: number | 'auto', most: number) {
    this.#most = most
    this.#clock = clock
    this.#after = after
  }

  /** The queue in which a dial through this provider waits for its hedge. */
  listFor(provider: string): TimeoutQueue {
    const ms = this.#after === 'auto' ? this.#autoMs(provider) : this.#after
    let list = this.#lists.get(ms)
    if (list === undefined) {
      list = new TimeoutQueue(this.#clock, ms)
      this.#lists.set(ms, list)
    }
    return list
  }

  #autoMs(provider: string): number {
    return Math.max(MIN_AUTO_MS, this.#times.get(provider)?.percentileMs ?? DEFAULT_AUTO_MS)
  }

  /** @returns false when the limit of second dials is reached; else `ended` must follow */
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
    if (this.#after !== 'auto') return
    let times = this.#times.get(provider)
    if (times === undefined) {
      times = new DialTimes()
      this.#times.set(provider, times)
    }
    times.observe(ms)
  }

  close(): void {
    for (const list of this.#lists.values()) list.close()
  }
}
