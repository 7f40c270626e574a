/**
 * Who is to blame for what happened at an upstream, and what follows. The whole table is here (docs/architecture.md draws it):
 *
 *   outcome                              blamed      what follows
 *   opened                               -           success heals: blame 0, rest over, own refusals forgotten;
 *                                                    pending refusals of others for this target turn into blame
 *   unreachable, silent, closed, garbage upstream    rests, longer each time; evicted after `evictAfter` in a row
 *   login (407, 454, SOCKS login)        upstream    the same, and it counts against the provider
 *   refused (complete answer: other      the pair    remembered; blame once another upstream opens that target, or
 *    HTTP status, SOCKS REP 1-8)                     it refuses a second target
 *   refused by two upstreams alike       target      nobody rests; the client hears it, no more tries. Not while the
 *                                                    target was opened lately and neither of the two ever worked
 *   five or more in a row, half of what  the line    as above, but nobody is evicted until one works again (outage.ts)
 *    a provider has, without a success
 *   client left, deadline of ours        nobody      -
 *
 * While an upstream rests, nothing more is held against it: tunnels that were dialled together fail together, and an
 * outage of a second must not look like failures in a row.
 */
import { LRUCache } from 'lru-cache'
import { Outages } from './outage.ts'
import type { Pool } from './pool.ts'
import type { Breakage, Outcome, Upstream } from './upstream.ts'

export interface HealthSettings {
  /** First pause, ms; each further failure in a row doubles it. */
  readonly rest: number
  readonly maxRest: number
  /** Failures in a row that evict. */
  readonly evictAfter: number
  /** How long a refusal is remembered as evidence, ms. */
  readonly evidence: number
}

/** Whether another upstream may be tried, or the target itself is what fails. */
export type Verdict = 'another' | 'target'

export interface HealthObserver {
  /**
   * What an address taught about its provider: its first use worked, or it failed before it ever worked, or its login
   * was refused. Three different failing addresses in a row stop the buying (design: never buy into a fault).
   */
  firstUse(upstream: Upstream, worked: boolean, cause: Breakage | 'login' | undefined): void
  /** So many different addresses of the provider broke in a row, half of what it has or more: its line is down. */
  lineDown(provider: string, broken: number): void
  /** One of them works again. */
  lineUp(provider: string): void
}

interface Refusal {
  readonly upstream: Upstream
  readonly answer: number
  readonly at: number
  /** Others refused alike: it is no evidence against this upstream any more, but still tells about the target. */
  readonly isCleared: boolean
}

/** What is known of a target that somebody refused. */
interface Evidence {
  /** Oldest first, each upstream once. */
  refusals: readonly Refusal[]
  /** When an upstream opened it after that, clock ms. */
  openedAt: number
}

/** Targets whose refusals are remembered at the same time. */
const MAX_TARGETS = 10_000

export class Health {
  readonly #pool: Pool
  readonly #settings: HealthSettings
  readonly #observer: HealthObserver
  readonly #outages: Outages
  readonly #evidence = new LRUCache<string, Evidence>({ max: MAX_TARGETS })
  /** The target of an upstream's latest unexplained refusal. */
  readonly #pending = new WeakMap<Upstream, { target: string; at: number }>()

  constructor(pool: Pool, settings: HealthSettings, observer: HealthObserver) {
    this.#pool = pool
    this.#settings = settings
    this.#observer = observer
    this.#outages = new Outages(() => pool.members(), settings.evidence)
  }

  /**
   * A tunnel to `target` (host:port) is open, or a plain request was answered.
   * @param isComparable false when it took so long that others may have been as good
   */
  opened(upstream: Upstream, target: string, now: number, isComparable = true): void {
    if (!upstream.worked) this.#observer.firstUse(upstream, true, undefined)
    upstream.worked = true
    if (this.#outages.worked(upstream.facts.provider)) this.#observer.lineUp(upstream.facts.provider)
    upstream.consecutiveFailures = 0
    this.#pending.delete(upstream)
    if (upstream.state === 'resting') this.#pool.wakeUp(upstream)
    if (isComparable && this.#evidence.size > 0) this.#penaliseRefusers(upstream, target, now)
  }

  /** A try failed before the tunnel was open. */
  failed(upstream: Upstream, target: string, outcome: Outcome, now: number): Verdict {
    if (outcome.kind === 'refused') return this.#refused(upstream, target, outcome.answer, now)
    const firstUse = !upstream.worked && upstream.consecutiveFailures === 0
    const cause = outcome.kind === 'login' ? 'login' : outcome.how
    if (firstUse || cause === 'login') this.#observer.firstUse(upstream, false, cause)
    // A login that is refused is no dead line.
    const broken = cause === 'login' ? undefined : this.#outages.broke(upstream, now)
    if (broken !== undefined) this.#observer.lineDown(upstream.facts.provider, broken)
    this.#penalise(upstream, now)
    return 'another'
  }

  /** Whether another upstream has answered for this target in this way lately. */
  hasRefusedOthers(upstream: Upstream, target: string, answer: number, now: number): boolean {
    const refusals = this.#evidence.get(target)?.refusals ?? []
    return refusals.some((r) => r.upstream !== upstream && r.answer === answer && !this.#isStale(r.at, now))
  }

  /** `upstream` opened what others refused: their refusals were their own doing. */
  #penaliseRefusers(upstream: Upstream, target: string, now: number): void {
    const evidence = this.#evidence.get(target)
    if (evidence === undefined) return
    const { refusals } = evidence
    evidence.refusals = []
    evidence.openedAt = now
    for (const refusal of refusals) {
      if (refusal.upstream === upstream || refusal.isCleared || this.#isStale(refusal.at, now)) continue
      this.#pending.delete(refusal.upstream)
      this.#penalise(refusal.upstream, now)
    }
  }

  #refused(upstream: Upstream, target: string, answer: number, now: number): Verdict {
    const evidence = this.#evidence.get(target) ?? { refusals: [], openedAt: Number.NEGATIVE_INFINITY }
    evidence.refusals = evidence.refusals.filter((r) => !this.#isStale(r.at, now))
    const alike = evidence.refusals.filter((r) => r.upstream !== upstream && r.answer === answer)
    // Two that never worked do not outweigh one that opened the target lately.
    const isWitnessed = this.#isStale(evidence.openedAt, now) || upstream.worked || alike.some((r) => r.upstream.worked)
    if (alike.length > 0 && isWitnessed) {
      this.#clear(target, evidence)
      return 'target'
    }
    const earlier = this.#pending.get(upstream)
    if (earlier !== undefined && earlier.target !== target && !this.#isStale(earlier.at, now)) {
      this.#pending.delete(upstream)
      this.#forget(upstream, earlier.target)
      this.#penalise(upstream, now)
      return 'another'
    }
    this.#pending.set(upstream, { target, at: now })
    const others = evidence.refusals.filter((r) => r.upstream !== upstream)
    evidence.refusals = [...others, { upstream, answer, at: now, isCleared: false }]
    this.#evidence.set(target, evidence)
    return 'another'
  }

  /** The target refuses everybody alike: forget what was held against its messengers, keep that they agree. */
  #clear(target: string, evidence: Evidence): void {
    for (const { upstream } of evidence.refusals)
      if (this.#pending.get(upstream)?.target === target) this.#pending.delete(upstream)
    evidence.refusals = evidence.refusals.map((refusal) => ({ ...refusal, isCleared: true }))
  }

  /** One refusal is held against an upstream once. */
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
