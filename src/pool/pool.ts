/**
 * Who may have the upstreams that are in the pool (members.ts). Pure state, as there.
 *
 * Invariants
 * - An exclusive upstream has leases of one session alone, and is in no view.
 * - What is lent has at least `minLife` left at that moment, whatever timers are late.
 * - `leases` counts running leases, also on upstreams that have left the pool: tunnels outlive entries.
 */

import { type Facet, type Filter, facetOf, type LeaseAsk, type LeaseLimits, type Miss } from './filter.ts'
import { restForHost } from './host-rests.ts'
import { LeaseChoice } from './lease-choice.ts'
import { placesOn } from './limits.ts'
import { type Added, PoolMembers, type PoolObserver, type PoolSettings } from './members.ts'
import { PoolOwnership } from './pool-ownership.ts'
import { Upstream, type UpstreamFacts } from './upstream.ts'

/** Weight of a new latency in the moving average. */
const LATENCY_WEIGHT = 0.2

export class Pool extends PoolMembers {
  /** What other processes do with the same upstreams. */
  readonly ownership = new PoolOwnership(this)
  readonly #choice = new LeaseChoice()
  readonly #startsElsewhere: boolean

  /** @param random uniform in [0, 1) */
  constructor(settings: PoolSettings, observer: PoolObserver, random: () => number = Math.random) {
    super(settings, observer, random)
    this.#startsElsewhere = settings.startsElsewhere ?? false
  }

  /**
   * Takes an upstream in. An address that is already here only has its deadline moved, never back.
   * @param isElsewhere another process lends it
   * @returns `too-short` when it would not be lendable for a moment
   */
  add(facts: UpstreamFacts, now: number, isElsewhere = this.#startsElsewhere): Added {
    return this.#add(facts, now, { isElsewhere, worked: false, uses: 0 })
  }

  /** As `add`, for an upstream that was lent before: by an earlier process, or before its provider was withdrawn. */
  restore(facts: UpstreamFacts, past: Pick<Upstream, 'worked' | 'uses'>, now: number): Added {
    return this.#add(facts, now, { isElsewhere: this.#startsElsewhere, ...past })
  }

  #add(facts: UpstreamFacts, now: number, past: Pick<Upstream, 'isElsewhere' | 'worked' | 'uses'>): Added {
    const known = this.get(facts.id)
    if (known !== undefined) return this.renew(known, facts, now)
    const minLifeMs = this.minLifeOf(facts, facts.deadline)
    if (facts.deadline - now < minLifeMs) return 'too-short'
    const withdrawn = this.takeWithdrawn(facts.id)
    const upstream = withdrawn ?? Object.assign(new Upstream(facts), past)
    if (withdrawn === undefined) this.ownership.takeUp(upstream, now)
    else withdrawn.comeAgain(facts, past.isElsewhere, now)
    upstream.minLifeMs = minLifeMs
    this.insert(upstream, now)
    return 'added'
  }

  /**
   * Lends an upstream; `release` gives it back. O(1), or O(log n) for strategies that need an order, as long as the
   * ask does not refuse most of what fits its filter. Allocates nothing.
   */
  lease(ask: LeaseAsk, now: number): Upstream | Miss {
    const view = this.views.of(ask.filter, now)
    if (view.size === 0) return this.#emptyView(ask.filter, now)
    if (now >= this.ownership.lendsUntil) return 'busy'
    const chosen = this.#choice.choose(view, ask, now)
    if (chosen === undefined) return 'busy'
    if (ask.filter.limits?.exclusive === true) chosen.isExclusive = true
    this.#lend(chosen)
    return chosen
  }

  /** Those that fit may only be resting or at their limit: O(n), but only then. */
  #emptyView({ base, accepts, limits }: Filter, now: number): Miss {
    if (limits !== undefined)
      for (const { state, facts } of this.members()) if (state !== 'draining' && accepts(facts)) return 'busy'
    if (base === undefined || this.views.of(base, now).size === 0) return 'empty'
    if (this.size === this.views.all.size) return 'no-match'
    for (const { state, facts } of this.members()) if (state !== 'draining' && accepts(facts)) return 'busy'
    return 'no-match'
  }

  /** Whether something is lendable that fits the filter. O(1) while the filter has a view. */
  hasLendable(filter: Filter, now: number): boolean {
    return this.views.of(filter, now).size > 0
  }

  /** How many more clients with this filter it may serve at the same time as those that it serves. */
  placesOn(upstream: Upstream, { limits }: Filter): number {
    const places = placesOn(upstream, this.limits)
    return limits === undefined ? places : Math.min(places, placesOn(upstream, limits))
  }

  /** Why `lease` would find nothing for this filter; `busy` also when only some asks find nothing. */
  missOf(filter: Filter, now: number): Miss {
    return this.views.of(filter, now).size > 0 ? 'busy' : this.#emptyView(filter, now)
  }

  /**
   * Lends the upstream that a session lives on: resting or used up does not matter, `minLife` does.
   * @param limits of this kind of client
   */
  leaseOwn(upstream: Upstream, now: number, limits?: LeaseLimits): boolean {
    if (!this.canServeOwn(upstream, now, limits?.minLifeMs)) return false
    if (!this.#mayLendOwn(upstream, now, limits)) return false
    if (limits !== undefined && limits.connections > 0 && upstream.leases >= limits.connections) return false
    this.#lend(upstream)
    return true
  }

  /** Where sessions have been counted at their beginning, they share an upstream of any owner that has no limit of connections. */
  #mayLendOwn(upstream: Upstream, now: number, limits: LeaseLimits | undefined): boolean {
    const isOurs = !upstream.isElsewhere && now < this.ownership.lendsUntil
    const { connections } = this.limits
    const isShared = this.#startsElsewhere && connections === 0 && !limits?.connections && !limits?.exclusive
    if (isOurs || isShared) return !this.isFull(upstream)
    if (upstream.isElsewhere) this.observer.wanted?.(upstream)
    return false
  }

  /** Gives the upstream of a session to that session alone. @returns false when others have it too */
  makeExclusive(upstream: Upstream): boolean {
    if (upstream.isExclusive) return true
    if (upstream.isElsewhere || upstream.sessions !== 1 || upstream.leases > 0) return false
    upstream.isExclusive = true
    this.loadChanged(upstream)
    return true
  }

  /** What the upstreams that could be lent have as a facet, each value once, in alphabetical order. O(n). */
  valuesOf(facet: Facet, { accepts }: Filter): readonly string[] {
    const values = new Set<string>()
    for (const { state, facts } of this.members()) {
      const value = facetOf(facts, facet)
      if (value !== undefined && state !== 'draining' && accepts(facts)) values.add(value)
    }
    return [...values].sort()
  }

  /** Whether the upstream that a session lives on can serve it, now or as soon as one of its leases ends. */
  canServeOwn(upstream: Upstream, now: number, minLifeMs = 0): boolean {
    if (upstream.state === 'gone' || (upstream.isLost && this.limits.connections > 0)) return false
    return upstream.deadline - now >= Math.max(minLifeMs, upstream.minLifeMs)
  }

  #lend(upstream: Upstream): void {
    upstream.leases++
    upstream.usesReserved++
    this.loadChanged(upstream)
    this.observer.lent?.(upstream)
  }

  /**
   * A lease's tunnel is open.
   * @param counts whether it counts towards `uses`: every tunnel does, but of a session's only the first
   * @param hostRestMs as `perUpstream.hostRest`, for this kind of client
   */
  opened(
    upstream: Upstream,
    host: string,
    counts: boolean,
    tookMs: number,
    now: number,
    hostRestMs = this.limits.hostRest,
  ): void {
    upstream.latencyMs =
      upstream.latencyMs === 0 ? tookMs : upstream.latencyMs + LATENCY_WEIGHT * (tookMs - upstream.latencyMs)
    this.usedFor(upstream, host, now, hostRestMs)
    this.#used(upstream, counts, now)
  }

  /** A lease was used for a target host, its first one or a further one. @param hostRestMs as for `opened` */
  usedFor(upstream: Upstream, host: string, now: number, hostRestMs: number): void {
    if (hostRestMs > 0) restForHost(upstream, host, now + hostRestMs, now)
  }

  /** A lease's address is used by a program that connects to it itself: one use. */
  taken(upstream: Upstream, now: number): void {
    this.#used(upstream, true, now)
  }

  #used(upstream: Upstream, counts: boolean, now: number): void {
    upstream.opened++
    if (upstream.carrying++ === 0) upstream.carryingSince = now
    upstream.usesReserved--
    if (counts) this.countUse(upstream)
    // A session's further tunnel gives back the use that was kept for it.
    if (upstream.state !== 'gone' && this.loadChanged(upstream)) this.observer.lendable(upstream)
  }

  /** A tunnel was opened, or may have been: the request for it was sent, and no answer is awaited any more. */
  countUse(upstream: Upstream): void {
    upstream.uses++
    if (upstream.state === 'gone' || !this.isUsedUp(upstream)) return
    if (upstream.state !== 'draining') this.observer.spent?.(upstream)
    upstream.state = 'draining'
    this.refresh(upstream)
  }

  /** A lease ends; exactly once for each. @param wasOpened whether `opened` was called for it */
  release(upstream: Upstream, wasOpened: boolean, now: number): void {
    const wasFull = this.isFull(upstream)
    upstream.leases--
    if (!wasOpened) upstream.usesReserved--
    else if (--upstream.carrying === 0) upstream.carriedMs += now - upstream.carryingSince
    this.#endExclusive(upstream)
    if (upstream.isElsewhere) this.observer.endedHere?.(upstream)
    if (upstream.state === 'gone') return void this.forgetIfIdle(upstream)
    if (this.removeIfUsedUp(upstream)) return
    // A resting or used-up one is still lent to its sessions, and these may have limits of their own.
    if (this.loadChanged(upstream) || wasFull || upstream.sessions > 0) this.observer.lendable(upstream)
  }

  /**
   * A session begins to live on the upstream.
   * @param isNew it has done so nowhere else
   * @returns whether it has been counted as a use: where other hosts may serve it too, they must not count it
   */
  bind(upstream: Upstream, isNew = false): boolean {
    const counts = isNew && this.#startsElsewhere && !upstream.isElsewhere
    upstream.sessions++
    if (counts) this.countUse(upstream)
    if (upstream.state !== 'gone') this.loadChanged(upstream)
    return counts
  }

  /** A session has left it. */
  unbind(upstream: Upstream): void {
    upstream.sessions--
    this.#endExclusive(upstream)
    if (upstream.state === 'gone' || this.removeIfUsedUp(upstream)) return
    if (this.loadChanged(upstream)) this.observer.lendable(upstream)
  }

  /** The session has moved or ended, and its last lease is over. */
  #endExclusive(upstream: Upstream): void {
    if (upstream.leases === 0 && upstream.sessions === 0) upstream.isExclusive = false
  }

  /** A target host has banned the upstream. */
  ban(upstream: Upstream, host: string, until: number, now: number): void {
    restForHost(upstream, host, until, now)
    this.observer.banned?.(upstream, host, until)
  }
}
