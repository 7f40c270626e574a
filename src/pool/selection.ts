/**
 * Chooses one of the lendable upstreams. A view contains those that fit one filter and implements every strategy;
 * strategies that need an order build a heap on first use.
 */

import type { Strategy } from '../strategy.ts'
import { IndexedHeap } from '../structures/indexed-heap.ts'
import type { Upstream } from './upstream.ts'

type Ranked = 'least-connections' | 'longest-life' | 'soonest-expiry'

const rankings: Readonly<Record<Ranked, (upstream: Upstream) => number>> = {
  'least-connections': (u) => u.leases,
  'longest-life': (u) => -u.deadline,
  'soonest-expiry': (u) => u.deadline,
}

/** From this many random members, the one that worked last: no order has to be kept, and load is not concentrated on one. */
const LATEST_OF = 8
/** No position. */
const NONE = -1

export class View {
  readonly #random: () => number
  readonly #members: Upstream[] = []
  readonly #position = new Map<Upstream, number>()
  readonly #heaps = new Map<Ranked, IndexedHeap<Upstream>>()
  #cursor = 0

  /** @param random uniform in [0, 1) */
  constructor(random: () => number) {
    this.#random = random
  }

  get size(): number {
    return this.#members.length
  }

  [Symbol.iterator](): IterableIterator<Upstream> {
    return this.#members.values()
  }

  has(upstream: Upstream): boolean {
    return this.#position.has(upstream)
  }

  add(upstream: Upstream): void {
    if (this.#position.has(upstream)) return
    this.#position.set(upstream, this.#members.length)
    this.#members.push(upstream)
    for (const heap of this.#heaps.values()) heap.add(upstream)
  }

  remove(upstream: Upstream): void {
    const at = this.#position.get(upstream)
    if (at === undefined) return
    this.#position.delete(upstream)
    const last = this.#members.pop()
    if (last !== undefined && last !== upstream) {
      this.#members[at] = last
      this.#position.set(last, at)
    }
    for (const heap of this.#heaps.values()) heap.remove(upstream)
  }

  /** To be called after the number of leases or the deadline of a member has changed. */
  reorder(upstream: Upstream): void {
    if (this.#heaps.size === 0) return
    for (const heap of this.#heaps.values()) heap.update(upstream)
  }

  /** The strategy's choice among the members that `accepts` permits, or undefined when there is none. */
  pick(strategy: Strategy, accepts: (upstream: Upstream) => boolean): Upstream | undefined {
    if (this.#members.length === 0) return undefined
    switch (strategy) {
      case 'round-robin':
        return this.#next(accepts)
      case 'random':
        return this.#members[this.#probe(this.#anywhere(), accepts)]
      case 'power-of-two':
        return this.#betterOfTwo(accepts)
      default:
        return this.#heap(strategy).first(accepts)
    }
  }

  #anywhere(): number {
    return Math.floor(this.#random() * this.#members.length)
  }

  #next(accepts: (upstream: Upstream) => boolean): Upstream | undefined {
    const at = this.#probe(this.#cursor, accepts)
    if (at !== NONE) this.#cursor = at + 1
    return this.#members[at]
  }

  /** The position of the first acceptable member from `start` on, in circular order. */
  #probe(start: number, accepts: (upstream: Upstream) => boolean): number {
    const count = this.#members.length
    for (let step = 0, at = start % count; step < count; step++, at = at + 1 === count ? 0 : at + 1) {
      const member = this.#members[at]
      if (member !== undefined && accepts(member)) return at
    }
    return NONE
  }

  /**
   * Two different random members, and of them the one that opens tunnels faster for its load: load is not concentrated on the single
   * best one. They are the same one only when no other is acceptable.
   */
  #betterOfTwo(accepts: (upstream: Upstream) => boolean): Upstream | undefined {
    const first = this.#probe(this.#anywhere(), accepts)
    const one = this.#members[first]
    if (one === undefined) return undefined
    const others = this.#members.length - 1
    const two = this.#members[this.#probe(first + 1 + Math.floor(this.#random() * others), accepts)] ?? one
    return expectedWait(two) < expectedWait(one) ? two : one
  }

  /** Of several random acceptable members, the one that worked last. */
  pickLatestToWork(accepts: (upstream: Upstream) => boolean): Upstream | undefined {
    let latest: Upstream | undefined
    for (let n = Math.min(LATEST_OF, this.#members.length); n > 0; n--) {
      const member = this.#members[this.#probe(this.#anywhere(), accepts)]
      // Each probe examines all members before it finds none.
      if (member === undefined) return undefined
      if (latest === undefined || member.workedAt > latest.workedAt) latest = member
    }
    return latest
  }

  #heap(strategy: Ranked): IndexedHeap<Upstream> {
    let heap = this.#heaps.get(strategy)
    if (heap === undefined) {
      heap = new IndexedHeap(rankings[strategy])
      for (const member of this.#members) heap.add(member)
      this.#heaps.set(strategy, heap)
    }
    return heap
  }
}

/** An upstream without a measurement counts as fast, so that it gets one. */
function expectedWait(upstream: Upstream): number {
  return upstream.latencyMs * (upstream.leases + 1)
}
