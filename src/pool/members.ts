/**
 * Which upstreams are in the pool, and in which state each of them is. Pure state: no timers, no sockets; the caller brings
 * the time. pool.ts lends them.
 *
 * Invariants
 * - A view holds exactly the upstreams that are ready, below their limits and those of its filter, and fit its filter.
 * - An upstream that another process lends is in no view.
 * - Every upstream that came leaves exactly once, with a reason, through `observer.gone`.
 */

import { IndexedHeap } from '../structures/indexed-heap.ts'
import { isFull, isLendable, isUsedUp, type UpstreamLimits } from './limits.ts'
import { type GoneReason, type MinLife, minLifeOf, type Upstream, type UpstreamFacts } from './upstream.ts'
import { Views } from './views.ts'

export interface PoolSettings {
  readonly minLife: MinLife
  readonly perUpstream: UpstreamLimits
  /** What comes is lent by no process until `own`: hosts of a cluster share out addresses with limits. Fixed at the start. */
  readonly startsElsewhere?: boolean
}

export type Added = 'added' | 'extended' | 'known' | 'too-short'

export interface PoolObserver {
  /** This upstream may be lent again, to all clients or only to the sessions that live on it: waiting clients ask again. */
  lendable(upstream: Upstream): void
  /** `nextWakeAt` may be earlier than it was. */
  rescheduled(): void
  gone(upstream: Upstream, reason: GoneReason): void
  /** It has come, or its deadline or login has changed: for other processes. */
  changed?(upstream: Upstream): void
  /** A lease begins. */
  lent?(upstream: Upstream): void
  /** It rests until then: for other processes. */
  rested?(upstream: Upstream, until: number): void
  /** It stays away from a target host until then, because that host has banned it. */
  banned?(upstream: Upstream, host: string, until: number): void
  /** A session of a client here lives on it, and another process lends it. */
  wanted?(upstream: Upstream): void
  /** A lease has ended here of an upstream that another process lends. */
  endedHere?(upstream: Upstream): void
  /** It has come into the pool. */
  added?(upstream: Upstream): void
  /** Its uses are spent. */
  spent?(upstream: Upstream): void
  /** Whether another process may have a session on it: then it stays although its uses are spent. */
  isKept?(upstream: Upstream): boolean
}

export class PoolMembers {
  #settings: PoolSettings
  readonly observer: PoolObserver
  protected readonly views: Views
  readonly #byId = new Map<string, Upstream>()
  /** Those that were withdrawn and through which connections are open: when they come again, these count. */
  readonly #withdrawn = new Map<string, Upstream>()
  readonly #wakes: IndexedHeap<Upstream>

  /** @param random uniform in [0, 1) */
  constructor(settings: PoolSettings, observer: PoolObserver, random: () => number) {
    this.#settings = settings
    this.observer = observer
    this.#wakes = new IndexedHeap((u) => this.#wakeAt(u))
    this.views = new Views(random)
  }

  /** What follows for the members does so at once. O(members). */
  configure(settings: PoolSettings, now: number): void {
    this.#settings = settings
    for (const upstream of [...this.#byId.values()]) {
      upstream.minLifeMs = this.minLifeOf(upstream.facts, upstream.deadline)
      if (!this.removeIfUsedUp(upstream)) this.setState(upstream, now)
    }
  }

  /** After the time, its uses or its owner have changed. */
  setState(upstream: Upstream, now: number): void {
    upstream.state = this.#drains(upstream, now) ? 'draining' : upstream.restUntil > now ? 'resting' : 'ready'
    this.refresh(upstream)
  }

  #drains(upstream: Upstream, now: number): boolean {
    return this.isUsedUp(upstream) || upstream.isLost || upstream.deadline - upstream.minLifeMs <= now
  }

  /** Members, whatever their state. */
  get size(): number {
    return this.#byId.size
  }

  /** How many could be lent now to a client without wishes. */
  get lendableCount(): number {
    return this.views.all.size
  }

  /** What one upstream may carry. */
  get limits(): UpstreamLimits {
    return this.#settings.perUpstream
  }

  get(id: string): Upstream | undefined {
    return this.#byId.get(id)
  }

  members(): IterableIterator<Upstream> {
    return this.#byId.values()
  }

  /** A new upstream comes in: its facts, its shortest life and who lends it are known. */
  protected insert(upstream: Upstream, now: number): void {
    if (upstream.restUntil > now) upstream.state = 'resting'
    if (this.isUsedUp(upstream)) upstream.state = 'draining'
    this.#byId.set(upstream.id, upstream)
    this.#wakes.add(upstream)
    this.loadChanged(upstream)
    this.observer.added?.(upstream)
    this.observer.changed?.(upstream)
    this.observer.rescheduled()
    this.observer.lendable(upstream)
  }

  /** What expires at this very instant is never lent, whatever is configured. */
  protected minLifeOf({ boughtAt }: UpstreamFacts, deadline: number): number {
    return Math.max(1, minLifeOf(this.#settings.minLife, deadline - boughtAt))
  }

  /** An address that is already here comes once more: its login and its deadline may have changed. */
  protected renew(upstream: Upstream, facts: UpstreamFacts, now: number): Added {
    const isRenewed = upstream.renewLogin(facts)
    const isExtended = facts.deadline > upstream.deadline
    if (isExtended) this.#extend(upstream, facts.deadline, now)
    if (isRenewed || isExtended) this.observer.changed?.(upstream)
    return isExtended ? 'extended' : 'known'
  }

  #extend(upstream: Upstream, deadline: number, now: number): void {
    upstream.deadline = deadline
    upstream.minLifeMs = this.minLifeOf(upstream.facts, deadline)
    if (upstream.state === 'draining') this.setState(upstream, now)
    else this.refresh(upstream)
  }

  /** Whether this upstream could be lent now to a client that has no wishes. */
  isLendable(upstream: Upstream): boolean {
    return isLendable(upstream, this.limits)
  }

  /** Until the instant only sessions that live on it are lent it; longer rests win. */
  rest(upstream: Upstream, until: number): void {
    if (upstream.state === 'gone') return
    upstream.restUntil = Math.max(upstream.restUntil, until)
    if (upstream.state === 'ready') upstream.state = 'resting'
    this.refresh(upstream)
    this.observer.rested?.(upstream, upstream.restUntil)
  }

  /** Ends a rest: the upstream has shown that it works. */
  wakeUp(upstream: Upstream): void {
    upstream.restUntil = 0
    if (upstream.state !== 'resting') return
    upstream.state = 'ready'
    this.refresh(upstream)
  }

  /** Drops the views of filters that no client has used for long. To be called about once a minute. */
  sweepViews(now: number): void {
    this.views.sweep(now)
  }

  /** Removes what is spent as soon as nothing runs through it. @returns whether it is gone */
  removeIfUsedUp(upstream: Upstream): boolean {
    if (!this.isUsedUp(upstream) || upstream.leases > 0 || upstream.sessions > 0 || upstream.isElsewhere) return false
    const usedUp = this.observer.isKept?.(upstream) !== true
    if (usedUp) this.remove(upstream, 'used-up')
    return usedUp
  }

  remove(upstream: Upstream, reason: GoneReason): void {
    if (upstream.state === 'gone') return
    upstream.state = 'gone'
    this.#byId.delete(upstream.id)
    this.#wakes.remove(upstream)
    this.views.remove(upstream)
    if (reason === 'withdrawn' && upstream.leases > 0) this.#withdrawn.set(upstream.id, upstream)
    this.observer.gone(upstream, reason)
  }

  /** Whether no connection is open through withdrawn upstreams. */
  get isDrained(): boolean {
    for (const upstream of this.#withdrawn.values()) this.forgetIfIdle(upstream)
    return this.#withdrawn.size === 0
  }

  /** After a lease of one that is gone has ended. */
  protected forgetIfIdle(upstream: Upstream): void {
    if (upstream.leases === 0 && this.#withdrawn.get(upstream.id) === upstream) this.#withdrawn.delete(upstream.id)
  }

  /** A withdrawn upstream through which connections are open, to come in again. */
  protected takeWithdrawn(id: string): Upstream | undefined {
    const upstream = this.#withdrawn.get(id)
    this.#withdrawn.delete(id)
    return upstream
  }

  /** Everything that time alone changes: ends rests, drains, evicts at deadlines. To be called at `nextWakeAt`. */
  advance(now: number): void {
    for (;;) {
      const upstream = this.#wakes.peek()
      if (upstream === undefined || this.#wakeAt(upstream) > now) return
      if (upstream.deadline <= now) this.remove(upstream, 'expired')
      else this.setState(upstream, now)
    }
  }

  /** When `advance` has something to do next, clock ms; undefined while nothing will ever change by itself. */
  get nextWakeAt(): number | undefined {
    const first = this.#wakes.peek()
    const at = first === undefined ? Number.POSITIVE_INFINITY : this.#wakeAt(first)
    return at === Number.POSITIVE_INFINITY ? undefined : at
  }

  /** The next instant at which time alone changes the state. */
  #wakeAt(upstream: Upstream): number {
    const drainAt = upstream.deadline - upstream.minLifeMs
    if (upstream.state === 'draining') return upstream.deadline
    return upstream.state === 'resting' ? Math.min(upstream.restUntil, drainAt) : drainAt
  }

  /** Whether it has as many leases as it may. */
  isFull(upstream: Upstream): boolean {
    return isFull(upstream, this.limits)
  }

  protected isUsedUp(upstream: Upstream): boolean {
    return isUsedUp(upstream, this.limits)
  }

  /** After state, deadline or rest changed. */
  protected refresh(upstream: Upstream): void {
    this.#wakes.update(upstream)
    const isNew = this.loadChanged(upstream)
    this.observer.rescheduled()
    if (isNew) this.observer.lendable(upstream)
  }

  /** After the number of leases, uses or sessions changed. @returns whether it is lendable now, to some at least, and was not before */
  loadChanged(upstream: Upstream): boolean {
    return this.views.update(upstream, isLendable(upstream, this.limits))
  }
}
