/**
 * The recent demand of clients: the only reason to buy. Kept separately for every set of providers that clients may use;
 * usually there is one set, "any".
 */
import { keyOfProviders } from '../pool/filter.ts'
import type { WaitingDemand } from '../proxy/lease-contract.ts'

export interface DemandGroup {
  /** The permitted providers; undefined: any. */
  readonly providers: readonly string[] | undefined
  /** Times of the latest leases, as many as the floor, at least two; the oldest is overwritten first. */
  recent: Float64Array
  next: number
  /** Clients that wait now. */
  waiting: number
  /** Of them: those with a limit on sharing an address, and the addresses that these need. */
  limited: WaitingDemand['limited']
  lastAt: number
  /** No order for the stock before this time, clock ms. */
  stockAt: number
  /** Leases per second, smoothed. */
  rate: number
  /** Number of leases of this process's own clients. */
  asked: number
}

/** Time constant of the smoothed lease rate, ms. */
const RATE_WINDOW_MS = 10_000

const NONE_LIMITED: WaitingDemand['limited'] = { count: 0, addresses: 0 }

export class Demand {
  #floor: number
  readonly #groups = new Map<string, DemandGroup>()

  constructor(floor: number) {
    this.#floor = floor
  }

  /** The latest leases are kept, as many as a lower floor has room for. */
  set floor(floor: number) {
    if (floor === this.#floor) return
    this.#floor = floor
    for (const group of this.#groups.values()) {
      const latest = group.recent.toSorted().subarray(-Math.min(this.#size, group.recent.length))
      group.recent = this.#noLeases()
      group.recent.set(latest)
      group.next = latest.length % this.#size
    }
  }

  /** At least two: one alone could not distinguish a single lease from traffic. */
  get #size(): number {
    return Math.max(2, this.#floor)
  }

  #noLeases(): Float64Array {
    return new Float64Array(this.#size).fill(Number.NEGATIVE_INFINITY)
  }

  get groups(): IterableIterator<DemandGroup> {
    return this.#groups.values()
  }

  /** A client was lent an address that its session did not have already. O(1). */
  asked(providers: readonly string[] | undefined, now: number): void {
    const group = this.#group(providers)
    group.asked++
    this.#count(group, now)
  }

  /** Clients of another host were lent this many. */
  askedElsewhere(providers: readonly string[] | undefined, times: number, now: number): void {
    const group = this.#group(providers)
    // Leases beyond the floor do not matter for the floor; all of them count in the rate.
    const counted = Math.min(times, group.recent.length)
    for (let time = 0; time < counted; time++) this.#count(group, now)
    group.rate += ((times - counted) * 1_000) / RATE_WINDOW_MS
  }

  #count(group: DemandGroup, now: number): void {
    group.recent[group.next] = now
    group.next = (group.next + 1) % group.recent.length
    const elapsedMs = now - group.lastAt
    group.rate = group.rate * Math.exp(-elapsedMs / RATE_WINDOW_MS) + 1_000 / RATE_WINDOW_MS
    group.lastAt = now
  }

  queueChanged(waiting: readonly WaitingDemand[], now: number): void {
    for (const group of this.#groups.values()) {
      group.waiting = 0
      group.limited = NONE_LIMITED
    }
    for (const { providers, count, limited } of waiting) {
      const group = this.#group(providers)
      group.waiting = count
      group.limited = { ...limited }
      // The rate belongs to `lastAt`: with a new `lastAt` alone, old demand would count as recent.
      group.rate = this.rate(group, now)
      group.lastAt = now
    }
  }

  /**
   * The part of the floor that the traffic justifies: one address for each of the latest leases that is younger than
   * `idleAfter`. A single lease justifies none: the address that served it stays until its end, and one request an hour must not
   * buy a successor that no client uses. Continuous traffic justifies the floor.
   */
  owed(group: DemandGroup, now: number, idleAfterMs: number): number {
    let owed = 0
    for (const at of group.recent) if (at > now - idleAfterMs) owed++
    return owed > 1 ? owed : 0
  }

  /** Leases per second now. */
  rate(group: DemandGroup, now: number): number {
    return group.rate * Math.exp(-(now - group.lastAt) / RATE_WINDOW_MS)
  }

  #group(providers: readonly string[] | undefined): DemandGroup {
    const key = keyOfProviders(providers)
    let group = this.#groups.get(key)
    if (group === undefined) {
      group = {
        providers,
        recent: this.#noLeases(),
        next: 0,
        waiting: 0,
        limited: NONE_LIMITED,
        lastAt: Number.NEGATIVE_INFINITY,
        stockAt: 0,
        rate: 0,
        asked: 0,
      }
      this.#groups.set(key, group)
    }
    return group
  }
}
