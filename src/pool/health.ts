/**
 * Decides which party a failure at an upstream is attributed to, and the consequences. `catalogue` in errors.ts assigns a party to
 * each error code; this file defines what follows. docs/architecture.md has the same table.
 *
 *   outcome                              party       what follows
 *   opened                               -           failures 0, rest over, its own pending evidence is dropped;
 *                                                    pending evidence of others about this target: they are penalised
 *   forbidden, unreachable, garbage      upstream    rests, longer each time; evicted after `evictAfter` in a row
 *   login (407, 454, SOCKS login)        upstream    the same, and it counts against the provider
 *   refused (complete answer: other      pair        pending; penalised when another upstream opens that target, or when
 *    HTTP status, SOCKS REP 1-8)                     this one refuses a second target and is not alive (#isAlive)
 *   unanswered (request sent, then       pair        the same; a first use that fails counts against the provider; one
 *    closed or silent)                               that fails for TRUST_MS while nothing of its provider works rests
 *   the same from two upstreams          target      both cleared, no more tries; the target counts as unreachable for
 *                                                    TARGET_MEMORY_MS. For the conditions see #agreement
 *   five or more in a row, half of what  provider    nothing is evicted until one works again (outage.ts)
 *    a provider has, without a success
 *   client left, deadline of ours        -           -
 *
 * While an upstream rests, no further failure is counted: tunnels that were dialled together fail together, and an
 * outage of a second must not count as several failures.
 */

import { LRUCache } from 'lru-cache'
import { catalogue } from '../errors.ts'
import { Outages } from './outage.ts'
import type { Pool } from './pool.ts'
import { type Breakage, codeOf, type Outcome, type Upstream } from './upstream.ts'

export interface HealthSettings {
  /** First pause, ms; each further failure in a row doubles it. */
  readonly rest: number
  readonly maxRest: number
  /** Failures in a row that evict. */
  readonly evictAfter: number
  /** How long a refusal is kept as evidence, ms. */
  readonly evidence: number
}

/** Whether another upstream may be tried, or the target itself is the cause. */
export type Verdict = 'another' | 'target'

export interface HealthObserver {
  /**
   * What a use of an address shows about its provider: its first use worked, or it failed before it ever worked, or its login was
   * refused. Three different failing addresses in a row stop the buying (design: never buy into a fault).
   */
  firstUse(upstream: Upstream, worked: boolean, cause: Breakage | 'login' | undefined): void
  /** This many different addresses of the provider failed in a row, at least half of its addresses: its line is down. */
  lineDown(provider: string, broken: number): void
  /** One of them works again. */
  lineUp(provider: string): void
}

/** The answer of an upstream for a target. */
interface Refusal {
  readonly upstream: Upstream
  /** Refusals with the same number agree: an answer as in `Outcome`, or `UNANSWERED`. */
  readonly answer: number
  readonly at: number
  /** Others agreed: it no longer counts against this upstream, but still as evidence about the target. */
  readonly isCleared: boolean
}

/** Evidence about a target that an upstream refused. */
interface Evidence {
  /** Oldest first, each upstream once. */
  refusals: readonly Refusal[]
  /** When an upstream opened it after that, clock ms. */
  openedAt: number
  /** Until when it counts as unreachable after two upstreams agreed, clock ms. */
  unreachableUntil: number
}

type Agreement = 'none' | 'likely' | 'certain'

/** The latest refusal of an upstream that is not explained yet. */
interface Pending {
  readonly target: string
  readonly at: number
  /** When its first refusal of this target came, clock ms. */
  readonly since: number
}

/** Number of targets whose refusals are kept at the same time. */
const MAX_TARGETS = 10_000
/** How long a target counts as unreachable after two upstreams agreed: one failed try is then enough. */
const TARGET_MEMORY_MS = 30_000
/** For this time a success shows that the upstream, or its provider, is alive. */
const TRUST_MS = 10_000
/** A request without an answer, beside the numbers of answers. Closed and silent count as equal. */
const UNANSWERED = -1
/** RFC 6585 section 4: the limit of the proxy, or of the account, is reached. It says nothing about a target. */
const TOO_MANY_REQUESTS = 429

export class Health {
  readonly #pool: Pool
  #settings: HealthSettings
  readonly #observer: HealthObserver
  readonly #outages: Outages
  readonly #evidence = new LRUCache<string, Evidence>({ max: MAX_TARGETS })
  readonly #pending = new WeakMap<Upstream, Pending>()
  /** The latest success of each provider, clock ms. */
  readonly #workedAt = new Map<string, number>()

  constructor(pool: Pool, settings: HealthSettings, observer: HealthObserver) {
    this.#pool = pool
    this.#settings = settings
    this.#observer = observer
    this.#outages = new Outages(() => pool.members(), settings.evidence)
  }

  /** For failures from now on. */
  configure(settings: HealthSettings): void {
    this.#settings = settings
    this.#outages.configure(settings.evidence)
  }

  /**
   * A tunnel to `target` (host:port) is open, or a plain request was answered.
   * @param isComparable false when it took so long that other upstreams may be equally good
   */
  opened(upstream: Upstream, target: string, now: number, isComparable = true): void {
    const { provider } = upstream.facts
    if (!upstream.worked) this.#observer.firstUse(upstream, true, undefined)
    upstream.worked = true
    upstream.workedAt = now
    this.#workedAt.set(provider, now)
    if (this.#outages.worked(provider)) this.#observer.lineUp(provider)
    upstream.consecutiveFailures = 0
    // Most upstreams have never failed, and have nothing pending.
    if (upstream.failedAt > Number.NEGATIVE_INFINITY) this.#pending.delete(upstream)
    if (upstream.state === 'resting') this.#pool.wakeUp(upstream)
    if (isComparable && this.#evidence.size > 0) this.#penaliseRefusers(upstream, target, now)
  }

  /** A try failed before the tunnel was open. */
  failed(upstream: Upstream, target: string, outcome: Outcome, now: number): Verdict {
    upstream.failedAt = now
    if (catalogue[codeOf(outcome)].blame === 'pair') return this.#pairFailed(upstream, target, outcome, now)
    this.#countFailure(upstream, outcome.kind === 'broken' ? outcome.how : 'login', now)
    this.#penalise(upstream, now)
    return 'another'
  }

  /** Counts it against the provider, if it says something about the provider. */
  #countFailure(upstream: Upstream, cause: Breakage | 'login', now: number): void {
    const isFirstUse = !upstream.worked && upstream.consecutiveFailures === 0
    if (isFirstUse || cause === 'login') this.#observer.firstUse(upstream, false, cause)
    // A refused login does not mean a dead line.
    const broken = cause === 'login' ? undefined : this.#outages.broke(upstream, now)
    if (broken !== undefined) this.#observer.lineDown(upstream.facts.provider, broken)
  }

  /** Whether another upstream has recently given this answer for this target. */
  hasRefusedOthers(upstream: Upstream, target: string, answer: number, now: number): boolean {
    const refusals = this.#evidence.get(target)?.refusals ?? []
    return refusals.some((r) => r.upstream !== upstream && r.answer === answer && !this.#isStale(r.at, now))
  }

  /** `upstream` opened a target that others refused: their refusals were their own faults. */
  #penaliseRefusers(upstream: Upstream, target: string, now: number): void {
    const evidence = this.#evidence.get(target)
    if (evidence === undefined) return
    const { refusals } = evidence
    evidence.refusals = []
    evidence.openedAt = now
    evidence.unreachableUntil = Number.NEGATIVE_INFINITY
    for (const refusal of refusals) {
      if (refusal.upstream === upstream || refusal.isCleared || this.#isStale(refusal.at, now)) continue
      this.#pending.delete(refusal.upstream)
      this.#penalise(refusal.upstream, now)
    }
  }

  /** The upstream had the request: the upstream, the target, or the network between them failed. */
  #pairFailed(upstream: Upstream, target: string, outcome: Outcome, now: number): Verdict {
    const answer = outcome.kind === 'refused' ? outcome.answer : UNANSWERED
    const evidence = this.#evidenceOf(target, now)
    const others = evidence.refusals.filter((refusal) => refusal.upstream !== upstream)
    const alike = others.filter((refusal) => refusal.answer === answer)
    const agreement = this.#agreement(upstream, alike, answer, evidence, now)
    if (agreement === 'certain') {
      this.#clear(target, evidence, [...others, { upstream, answer, at: now, isCleared: true }], now)
      return 'target'
    }
    const earlier = this.#pending.get(upstream)
    const isEarlierFresh = earlier !== undefined && !this.#isStale(earlier.at, now)
    const isSecondTarget = isEarlierFresh && earlier.target !== target && agreement === 'none'
    if (isSecondTarget && !this.#isAlive(upstream, now)) {
      this.#pending.delete(upstream)
      this.#forget(upstream, earlier.target)
      if (outcome.kind === 'unanswered') this.#countFailure(upstream, outcome.how, now)
      this.#penalise(upstream, now)
      return 'another'
    }
    const since = isEarlierFresh && !isSecondTarget ? earlier.since : now
    if (agreement === 'none') this.#pending.set(upstream, { target, at: now, since })
    else this.#forgetPending(target, [upstream, ...alike.map((refusal) => refusal.upstream)])
    evidence.refusals = [...others, { upstream, answer, at: now, isCleared: false }]
    this.#evidence.set(target, evidence)
    if (outcome.kind === 'unanswered' && agreement === 'none') this.#unexplained(upstream, outcome.how, since, now)
    return 'another'
  }

  #evidenceOf(target: string, now: number): Evidence {
    const evidence = this.#evidence.get(target)
    if (evidence === undefined) {
      return { refusals: [], openedAt: Number.NEGATIVE_INFINITY, unreachableUntil: Number.NEGATIVE_INFINITY }
    }
    evidence.refusals = evidence.refusals.filter((r) => !this.#isStale(r.at, now))
    return evidence
  }

  /**
   * The meaning of equal answers of several upstreams for a target. Complete refusals are believed, unless the target was opened
   * recently and none of the refusing upstreams has ever worked. Requests without an answer are typical of dead upstreams as
   * well: nothing follows unless the provider of an upstream that has worked is alive; then they do not count against the
   * upstreams (`likely`); and the target is the cause when one of them worked just now, or three agree (`certain`).
   */
  #agreement(
    upstream: Upstream,
    alike: readonly Refusal[],
    answer: number,
    evidence: Evidence,
    now: number,
  ): Agreement {
    if (alike.length === 0 || answer === TOO_MANY_REQUESTS) return 'none'
    const sources = [upstream, ...alike.map((refusal) => refusal.upstream)]
    const wasOpenedLately = !this.#isStale(evidence.openedAt, now)
    if (answer !== UNANSWERED) {
      return wasOpenedLately && !sources.some(({ worked }) => worked) ? 'none' : 'certain'
    }
    if (!sources.some((source) => this.#isAlive(source, now))) return 'none'
    if (evidence.unreachableUntil > now) return 'certain'
    if (wasOpenedLately) return 'likely'
    const isVouchedFor = sources.length > 2 || sources.some(({ workedAt }) => now - workedAt <= TRUST_MS)
    return isVouchedFor ? 'certain' : 'likely'
  }

  /** It has worked, and its provider works now: other clients will show whether it still does. */
  #isAlive(upstream: Upstream, now: number): boolean {
    return upstream.worked && this.#isProviderAlive(upstream, now)
  }

  #isProviderAlive({ facts }: Upstream, now: number): boolean {
    return now - (this.#workedAt.get(facts.provider) ?? Number.NEGATIVE_INFINITY) <= TRUST_MS
  }

  /** A request without an answer, and no second upstream to compare with. */
  #unexplained(upstream: Upstream, how: Breakage, since: number, now: number): void {
    if (this.#isAlive(upstream, now)) return
    this.#countFailure(upstream, how, now)
    if (now - since < TRUST_MS || this.#isProviderAlive(upstream, now)) return
    // Not counted as a failure in a row: the target may be the cause. But other upstreams come first.
    this.#pool.rest(upstream, now + this.#settings.rest)
  }

  /** All refuse the target alike: it counts against none of them, and the target is remembered. */
  #clear(target: string, evidence: Evidence, refusals: readonly Refusal[], now: number): void {
    this.#forgetPending(
      target,
      refusals.map(({ upstream }) => upstream),
    )
    evidence.refusals = refusals.map((refusal) => ({ ...refusal, isCleared: true }))
    if (evidence.unreachableUntil <= now) evidence.unreachableUntil = now + TARGET_MEMORY_MS
  }

  #forgetPending(target: string, upstreams: readonly Upstream[]): void {
    for (const upstream of upstreams) if (this.#pending.get(upstream)?.target === target) this.#pending.delete(upstream)
  }

  /** One refusal counts against an upstream once. */
  #forget(upstream: Upstream, target: string): void {
    const evidence = this.#evidence.get(target)
    if (evidence !== undefined) evidence.refusals = evidence.refusals.filter((r) => r.upstream !== upstream)
  }

  #isStale(at: number, now: number): boolean {
    return now - at > this.#settings.evidence
  }

  #penalise(upstream: Upstream, now: number): void {
    if (upstream.restUntil > now) return
    upstream.consecutiveFailures++
    const isToBeEvicted =
      upstream.consecutiveFailures >= this.#settings.evictAfter && !this.#outages.isDark(upstream.facts.provider)
    if (isToBeEvicted) return void this.#pool.remove(upstream, 'blamed')
    const pause = Math.min(this.#settings.rest * 2 ** (upstream.consecutiveFailures - 1), this.#settings.maxRest)
    this.#pool.rest(upstream, now + pause)
  }
}
