/** Chooses the upstream for a client. One object serves all calls, so that a lease allocates no closure. */
import type { LeaseAsk } from './filter.ts'
import type { View } from './selection.ts'
import type { Upstream } from './upstream.ts'

export class LeaseChoice {
  /** The current call: `#accepts` reads these. */
  #ask: LeaseAsk | undefined
  #now = 0
  #lifeMs = 0
  /** Whether an upstream that may be dead is skipped while a client tries it. */
  #isCareful = false
  /** Whether an upstream is skipped whose latest try is not known to have worked. */
  #isDemanding = false

  /**
   * The strategy's choice among the upstreams that the client has not tried, that do not rest for its target and that live long
   * enough: first without those that are being tried, and finally without regard to the life that the client needs. For a client
   * whose first upstream failed (`prefersProven`), one that just worked for another client comes before all.
   */
  choose(view: View, ask: LeaseAsk, now: number): Upstream | undefined {
    this.#ask = ask
    this.#now = now
    const chosen = this.#choose(view, ask)
    this.#ask = undefined
    return chosen
  }

  #choose(view: View, ask: LeaseAsk): Upstream | undefined {
    this.#lifeMs = ask.lifeMs
    this.#isCareful = true
    let chosen = ask.prefersProven === true ? this.#chooseProven(view) : undefined
    chosen ??= view.pick(ask.strategy, this.#accepts)
    this.#isCareful = false
    chosen ??= view.pick(ask.strategy, this.#accepts)
    if (chosen !== undefined || ask.lifeMs === 0) return chosen
    this.#lifeMs = 0
    return view.pick('longest-life', this.#accepts)
  }

  /** If one in ten is broken, three upstreams without a known result fail one client in a thousand. */
  #chooseProven(view: View): Upstream | undefined {
    this.#isDemanding = true
    const chosen = view.pickLatestToWork(this.#accepts)
    this.#isDemanding = false
    return chosen
  }

  readonly #accepts = (upstream: Upstream): boolean => {
    const ask = this.#ask
    if (ask === undefined) return false
    const neededMs = Math.max(this.#lifeMs, upstream.minLifeMs, ask.filter.limits?.minLifeMs ?? 0)
    if (upstream.deadline - this.#now < neededMs) return false
    if (this.#isCareful && isBeingTried(upstream)) return false
    if (this.#isDemanding && upstream.failedAt >= upstream.workedAt) return false
    return !ask.tried.includes(upstream) && !upstream.restsFor(ask.host, this.#now)
  }
}

/** A client is testing whether it works: if it is dead, only that client waits. */
function isBeingTried({ usesReserved, worked, consecutiveFailures }: Upstream): boolean {
  return usesReserved > 0 && (!worked || consecutiveFailures > 0)
}
