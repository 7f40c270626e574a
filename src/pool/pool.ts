/**
 * The live upstreams and who may have them. Pure state: no timers, no sockets; the caller brings the time.
 *
 * Invariants
 * - A view holds exactly the upstreams that are ready, below their limits and those of its filter, and fit its filter.
 * - An upstream that another process lends is in no view.
 * - An exclusive upstream has leases of one session alone, and is in no view.
 * - What is lent has at least `minLife` left at that moment, whatever timers are late.
 * - `leases` counts running leases, also on upstreams that have left the pool: tunnels outlive entries.
 * - Every upstream that came leaves exactly once, with a reason, through `observer.gone`.
 */

import { IndexedHeap } from '../structures/indexed-heap.ts'
import { type Facet, type Filter, facetOf, type LeaseAsk, type LeaseLimits, type Miss } from './filter.ts'
import { type CarriedUpstream, carry, FormerProcess, takeUp } from './former-process.ts'
import { restForHost } from './host-rests.ts'
import { LeaseChoice } from './lease-choice.ts'
import { isFull, isLendable, isUsedUp, type UpstreamLimits } from './limits.ts'
import { type GoneReason, type MinLife, minLifeOf, Upstream, type UpstreamFacts } from './upstream.ts'
import { Views } from './views.ts'

export interface PoolSettings {
  readonly minLife: MinLife
  readonly perUpstream: UpstreamLimits
  /** What comes is lent by no process until `own`: hosts of a cluster share out addresses with limits. Fixed at the start. */
  readonly startsElsewhere?: boolean
}

export type Added = 'added' | 'extended' | 'known' | 'too-short'

export interface PoolObserver {
  /** This upstream may be lent again, to everybody or only to the sessions that live on it: waiting clients should ask again. */
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

/** Weight of a new latency in the moving average. */
const LATENCY_WEIGHT = 0.2

export class Pool {
  #settings: PoolSettings
  readonly #observer: PoolObserver
  readonly #byId = new Map<string, Upstream>()
  readonly #views: Views
  readonly #choice = new LeaseChoice()
  readonly #wakes: IndexedHeap<Upstream>
  /** While the process before this one drains. */
  #former: FormerProcess | undefined
  /** Until then what this process owns is surely its own, clock ms. */
  #lendsUntil = Number.POSITIVE_INFINITY
  readonly #startsElsewhere: boolean

  /** @param random uniform in [0, 1) */
  constructor(settings: PoolSettings, observer: PoolObserver, random: () => number = Math.random) {
    this.#settings = settings
    this.#startsElsewhere = settings.startsElsewhere ?? false
    this.#observer = observer
    this.#wakes = new IndexedHeap((u) => this.#wakeAt(u))
    this.#views = new Views(random)
  }

  /** What follows for the members does so at once. O(members). */
  configure(settings: PoolSettings, now: number): void {
    this.#settings = settings
    for (const upstream of [...this.#byId.values()]) {
      upstream.minLifeMs = this.#minLifeOf(upstream.facts, upstream.deadline)
      if (!this.#removeIfUsedUp(upstream)) this.#setState(upstream, now)
    }
  }

  #setState(upstream: Upstream, now: number): void {
    upstream.state = this.#drains(upstream, now) ? 'draining' : upstream.restUntil > now ? 'resting' : 'ready'
    this.#refresh(upstream)
  }

  #drains(upstream: Upstream, now: number): boolean {
    return this.#isUsedUp(upstream) || upstream.isLost || upstream.deadline - upstream.minLifeMs <= now
  }

  /** Members, whatever their state. */
  get size(): number {
    return this.#byId.size
  }

  /** How many could be lent now to somebody who does not care which. */
  get lendableCount(): number {
    return this.#views.all.size
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

  /**
   * Takes an upstream in. An address that is already here only has its deadline moved, never back.
   * @param isElsewhere another process lends it
   * @returns `too-short` when it would not be lendable for a moment
   */
  add(facts: UpstreamFacts, now: number, isElsewhere = this.#startsElsewhere): Added {
    const known = this.#byId.get(facts.id)
    if (known !== undefined) {
      const isRenewed = known.renewLogin(facts)
      const outcome = this.#extend(known, facts.deadline, now)
      if (isRenewed || outcome === 'extended') this.#observer.changed?.(known)
      return outcome
    }
    const minLifeMs = this.#minLifeOf(facts, facts.deadline)
    if (facts.deadline - now < minLifeMs) return 'too-short'
    const upstream = new Upstream(facts)
    upstream.minLifeMs = minLifeMs
    upstream.isElsewhere = isElsewhere
    this.#former?.takeUp(upstream, now)
    if (upstream.restUntil > now) upstream.state = 'resting'
    if (this.#isUsedUp(upstream)) upstream.state = 'draining'
    this.#byId.set(facts.id, upstream)
    this.#wakes.add(upstream)
    this.#loadChanged(upstream)
    this.#observer.added?.(upstream)
    this.#observer.changed?.(upstream)
    this.#observer.rescheduled()
    this.#observer.lendable(upstream)
    return 'added'
  }

  /** The process before this one drains: what it knows of upstreams holds for those that come from now on. */
  succeed(upstreams: readonly CarriedUpstream[], now: number): void {
    this.#former = new FormerProcess(upstreams, now)
  }

  /** So many leases of an upstream are left in the process before this one. */
  leasesLeftThere(id: string, count: number, now: number): void {
    const change = this.#former?.leasesLeft(id, count)
    for (let n = change?.ended ?? 0; change !== undefined && n > 0; n--) {
      change.upstream.quietLeases--
      this.release(change.upstream, true, now)
    }
  }

  /** The process before this one has ended, and what was open there with it. */
  formerEnded(now: number): void {
    for (const id of this.#former?.ids ?? []) this.leasesLeftThere(id, 0, now)
    this.#former = undefined
  }

  /**
   * Another process lends the upstream from now on; what is open through it here runs on.
   * @returns what that process must know; the leases are those that run here
   */
  disown(upstream: Upstream, now: number): CarriedUpstream {
    this.#forgetElsewhere(upstream, now)
    upstream.isElsewhere = true
    this.#loadChanged(upstream)
    return carry(upstream, now)
  }

  /**
   * This process lends the upstream from now on.
   * @param carried as the owner before has said; the leases are those that run in other processes
   */
  own(upstream: Upstream, carried: CarriedUpstream, now: number): void {
    if (upstream.state === 'gone') return
    this.#forgetElsewhere(upstream, now)
    takeUp(upstream, carried, now, now)
    upstream.leasesElsewhere = carried.leases
    upstream.isElsewhere = false
    upstream.isLost = false
    this.#setState(upstream, now)
    this.#observer.lendable(upstream)
  }

  /** Its owner gives no sign of life: no process lends it, perhaps to its end. */
  setLost(upstream: Upstream, isLost: boolean, now: number): void {
    if (upstream.isLost === isLost || upstream.state === 'gone') return
    upstream.isLost = isLost
    this.#setState(upstream, now)
  }

  /** Its owner has lent it as often as it may be. */
  spentElsewhere(upstream: Upstream, now: number): void {
    upstream.uses = Math.max(upstream.uses, this.limits.uses)
    if (upstream.state !== 'gone') this.#setState(upstream, now)
  }

  /** What this process owns is lent until then, whatever timers are late. */
  lendUntil(instant: number): void {
    this.#lendsUntil = instant
  }

  /** One of the leases that run in other processes has ended. */
  endedElsewhere(upstream: Upstream, now: number): void {
    if (upstream.leasesElsewhere === 0) return
    upstream.leasesElsewhere--
    upstream.quietLeases--
    this.release(upstream, true, now)
  }

  /** What has changed in another process, which counts as if it were here: reports and the planner see the sum. */
  countElsewhere(
    upstream: Upstream,
    change: { readonly leases: number; readonly quietLeases: number; readonly opened: number },
    now: number,
  ): void {
    if (change.leases > 0 && upstream.carrying === 0) upstream.carryingSince = now
    upstream.leases += change.leases
    upstream.quietLeases += change.quietLeases
    upstream.opened += change.opened
    upstream.carrying += change.leases
    if (change.leases < 0 && upstream.carrying === 0) upstream.carriedMs += now - upstream.carryingSince
    if (upstream.state !== 'gone' && !this.#removeIfUsedUp(upstream)) this.#setState(upstream, now)
  }

  /** From now on they are another process's to count. */
  #forgetElsewhere(upstream: Upstream, now: number): void {
    const count = upstream.leasesElsewhere
    if (count === 0) return
    upstream.leasesElsewhere = 0
    upstream.leases -= count
    upstream.quietLeases -= count
    upstream.carrying -= count
    if (upstream.carrying === 0) upstream.carriedMs += now - upstream.carryingSince
  }

  /** What expires at this very instant is never lent, whatever is configured. */
  #minLifeOf({ boughtAt }: UpstreamFacts, deadline: number): number {
    return Math.max(1, minLifeOf(this.#settings.minLife, deadline - boughtAt))
  }

  #extend(upstream: Upstream, deadline: number, now: number): Added {
    if (deadline <= upstream.deadline) return 'known'
    upstream.deadline = deadline
    upstream.minLifeMs = this.#minLifeOf(upstream.facts, deadline)
    if (upstream.state === 'draining' && !this.#drains(upstream, now))
      upstream.state = upstream.restUntil > now ? 'resting' : 'ready'
    this.#refresh(upstream)
    return 'extended'
  }

  /**
   * Lends an upstream; `release` gives it back. O(1), or O(log n) for strategies that need an order, as long as the
   * ask does not refuse most of what fits its filter. Allocates nothing.
   */
  lease(ask: LeaseAsk, now: number): Upstream | Miss {
    const view = this.#views.of(ask.filter, now)
    if (view.size === 0) return this.#emptyView(ask.filter, now)
    if (now >= this.#lendsUntil) return 'busy'
    const chosen = this.#choice.choose(view, ask, now)
    if (chosen === undefined) return 'busy'
    if (ask.filter.limits?.exclusive === true) chosen.isExclusive = true
    this.#lend(chosen)
    return chosen
  }

  /** Those that fit may only be resting or at their limit: O(n), but only then. */
  #emptyView({ base, accepts, limits }: Filter, now: number): Miss {
    if (limits !== undefined)
      for (const { state, facts } of this.#byId.values()) if (state !== 'draining' && accepts(facts)) return 'busy'
    if (base === undefined || this.#views.of(base, now).size === 0) return 'empty'
    if (this.#byId.size === this.#views.all.size) return 'no-match'
    for (const { state, facts } of this.#byId.values()) if (state !== 'draining' && accepts(facts)) return 'busy'
    return 'no-match'
  }

  /** Whether this upstream could be lent now to a client that has no wishes. */
  isLendable(upstream: Upstream): boolean {
    return isLendable(upstream, this.limits)
  }

  /** Whether something is lendable that fits the filter. O(1) while the filter has a view. */
  hasLendable(filter: Filter, now: number): boolean {
    return this.#views.of(filter, now).size > 0
  }

  /** Why `lease` would find nothing for this filter; `busy` also when only some asks find nothing. */
  missOf(filter: Filter, now: number): Miss {
    return this.#views.of(filter, now).size > 0 ? 'busy' : this.#emptyView(filter, now)
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
    const isOurs = !upstream.isElsewhere && now < this.#lendsUntil
    const { connections } = this.limits
    const isShared = this.#startsElsewhere && connections === 0 && !limits?.connections && !limits?.exclusive
    if (isOurs || isShared) return !this.isFull(upstream)
    if (upstream.isElsewhere) this.#observer.wanted?.(upstream)
    return false
  }

  /** Gives the upstream of a session to that session alone. @returns false when others have it too */
  makeExclusive(upstream: Upstream): boolean {
    if (upstream.isExclusive) return true
    if (upstream.isElsewhere || upstream.sessions !== 1 || upstream.leases > 0) return false
    upstream.isExclusive = true
    this.#loadChanged(upstream)
    return true
  }

  /** What the upstreams that could be lent have as a facet, each value once, in alphabetical order. O(n). */
  valuesOf(facet: Facet, { accepts }: Filter): readonly string[] {
    const values = new Set<string>()
    for (const { state, facts } of this.#byId.values()) {
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
    this.#loadChanged(upstream)
    this.#observer.lent?.(upstream)
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
    hostRestMs = this.#settings.perUpstream.hostRest,
  ): void {
    upstream.latencyMs =
      upstream.latencyMs === 0 ? tookMs : upstream.latencyMs + LATENCY_WEIGHT * (tookMs - upstream.latencyMs)
    if (hostRestMs > 0) this.restForHost(upstream, host, now + hostRestMs, now)
    this.#used(upstream, counts, now)
  }

  /** A lease's address is used by a program that connects to it itself: one use. */
  taken(upstream: Upstream, now: number): void {
    this.#used(upstream, true, now)
  }

  #used(upstream: Upstream, counts: boolean, now: number): void {
    upstream.opened++
    if (upstream.carrying++ === 0) upstream.carryingSince = now
    upstream.usesReserved--
    if (counts) upstream.uses++
    if (upstream.state === 'gone') return
    if (this.#isUsedUp(upstream)) {
      this.#drainSpent(upstream)
      // A session's further tunnel gives back the use that was kept for it.
    } else if (this.#loadChanged(upstream)) this.#observer.lendable(upstream)
  }

  #drainSpent(upstream: Upstream): void {
    if (upstream.state !== 'draining') this.#observer.spent?.(upstream)
    upstream.state = 'draining'
    this.#refresh(upstream)
  }

  /** A lease ends; exactly once for each. @param wasOpened whether `opened` was called for it */
  release(upstream: Upstream, wasOpened: boolean, now: number): void {
    const wasFull = this.isFull(upstream)
    upstream.leases--
    if (!wasOpened) upstream.usesReserved--
    else if (--upstream.carrying === 0) upstream.carriedMs += now - upstream.carryingSince
    this.#endExclusive(upstream)
    if (upstream.isElsewhere) this.#observer.endedHere?.(upstream)
    if (upstream.state === 'gone' || this.#removeIfUsedUp(upstream)) return
    // A resting or used-up one is still lent to its sessions, and these may have limits of their own.
    if (this.#loadChanged(upstream) || wasFull || upstream.sessions > 0) this.#observer.lendable(upstream)
  }

  /**
   * A session begins to live on the upstream.
   * @param isNew it has done so nowhere else
   * @returns whether it has been counted as a use: where other hosts may serve it too, they must not count it
   */
  bind(upstream: Upstream, isNew = false): boolean {
    const counts = isNew && this.#startsElsewhere && !upstream.isElsewhere
    if (counts) upstream.uses++
    upstream.sessions++
    if (counts && upstream.state !== 'gone' && this.#isUsedUp(upstream)) this.#drainSpent(upstream)
    else if (upstream.state !== 'gone') this.#loadChanged(upstream)
    return counts
  }

  /** A session has left it. */
  unbind(upstream: Upstream): void {
    upstream.sessions--
    this.#endExclusive(upstream)
    if (upstream.state === 'gone' || this.#removeIfUsedUp(upstream)) return
    if (this.#loadChanged(upstream)) this.#observer.lendable(upstream)
  }

  /** The session has moved or ended, and its last lease is over. */
  #endExclusive(upstream: Upstream): void {
    if (upstream.leases === 0 && upstream.sessions === 0) upstream.isExclusive = false
  }

  #removeIfUsedUp(upstream: Upstream): boolean {
    if (!this.#isUsedUp(upstream) || upstream.leases > 0 || upstream.sessions > 0 || upstream.isElsewhere) return false
    const usedUp = this.#observer.isKept?.(upstream) !== true
    if (usedUp) this.remove(upstream, 'used-up')
    return usedUp
  }

  /** No leases to strangers until the instant; longer rests win. */
  rest(upstream: Upstream, until: number): void {
    if (upstream.state === 'gone') return
    upstream.restUntil = Math.max(upstream.restUntil, until)
    if (upstream.state === 'ready') upstream.state = 'resting'
    this.#refresh(upstream)
    this.#observer.rested?.(upstream, upstream.restUntil)
  }

  /** Ends a rest: the upstream has shown that it works. */
  wakeUp(upstream: Upstream): void {
    upstream.restUntil = 0
    if (upstream.state !== 'resting') return
    upstream.state = 'ready'
    this.#refresh(upstream)
  }

  /** A target host has banned the upstream. */
  ban(upstream: Upstream, host: string, until: number, now: number): void {
    this.restForHost(upstream, host, until, now)
    this.#observer.banned?.(upstream, host, until)
  }

  /** Keeps an upstream away from one target host until an instant. O(1), amortised. */
  restForHost(upstream: Upstream, host: string, until: number, now: number): void {
    restForHost(upstream, host, until, now)
  }

  /** Drops the views of filters that no client has used for long. To be called about once a minute. */
  sweepViews(now: number): void {
    this.#views.sweep(now)
  }

  remove(upstream: Upstream, reason: GoneReason): void {
    if (upstream.state === 'gone') return
    upstream.state = 'gone'
    this.#byId.delete(upstream.id)
    this.#wakes.remove(upstream)
    this.#views.remove(upstream)
    this.#observer.gone(upstream, reason)
  }

  /** Everything that time alone changes: ends rests, drains, evicts at deadlines. To be called at `nextWakeAt`. */
  advance(now: number): void {
    for (;;) {
      const upstream = this.#wakes.peek()
      if (upstream === undefined || this.#wakeAt(upstream) > now) return
      if (upstream.deadline <= now) this.remove(upstream, 'expired')
      else this.#turn(upstream, now)
    }
  }

  /** When `advance` has something to do next, clock ms; undefined while nothing will ever change by itself. */
  get nextWakeAt(): number | undefined {
    const first = this.#wakes.peek()
    const at = first === undefined ? Number.POSITIVE_INFINITY : this.#wakeAt(first)
    return at === Number.POSITIVE_INFINITY ? undefined : at
  }

  #turn(upstream: Upstream, now: number): void {
    upstream.state = this.#drains(upstream, now) ? 'draining' : 'ready'
    this.#refresh(upstream)
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

  #isUsedUp(upstream: Upstream): boolean {
    return isUsedUp(upstream, this.limits)
  }

  /** After state, deadline or rest changed. */
  #refresh(upstream: Upstream): void {
    this.#wakes.update(upstream)
    const isNew = this.#loadChanged(upstream)
    this.#observer.rescheduled()
    if (isNew) this.#observer.lendable(upstream)
  }

  /** After the number of leases, uses or sessions changed. @returns whether it is lendable now, to some at least, and was not before */
  #loadChanged(upstream: Upstream): boolean {
    return this.#views.update(upstream, isLendable(upstream, this.limits))
  }
}
