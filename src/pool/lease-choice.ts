/** Which upstream of a view a client is lent. One object serves all asks, so that a lease allocates no closure. */
import type { LeaseAsk } from './filter.ts'
import type { View } from './selection.ts'
import type { Upstream } from './upstream.ts'

export class LeaseChoice {
  /** The ask being served: `#accepts` reads these. */
  #ask: LeaseAsk | undefined
  #now = 0
  #lifeMs = 0
  /** Whether an upstream that may be dead is passed over while a client tries it. */
  #isCareful = false

  /**
   * The strategy's choice among those that the client has not tried, that do not rest from its target and that live long
   * enough: first without those that are being tried, and at last without regard to the life that the client wants.
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
    let chosen = view.pick(ask.strategy, this.#accepts)
    this.#isCareful = false
    chosen ??= view.pick(ask.strategy, this.#accepts)
    if (chosen !== undefined || ask.lifeMs === 0) return chosen
    this.#lifeMs = 0
    return view.pick('longest-life', this.#accepts)
  }

  readonly #accepts = (upstream: Upstream): boolean => {
    const ask = this.#ask
    if (ask === undefined) return false
    const neededMs = Math.max(this.#lifeMs, upstream.minLifeMs, ask.filter.limits?.minLifeMs ?? 0)
    if (upstream.deadline - this.#now < neededMs) return false
    if (this.#isCareful && isBeingTried(upstream)) return false
    return !ask.tried.includes(upstream) && !upstream.restsFor(ask.host, this.#now)
  }
}

/** A client is finding out whether it works: if it is dead, one client need wait for that, not all. */
function isBeingTried({ usesReserved, worked, consecutiveFailures }: Upstream): boolean {
  return usesReserved > 0 && (!worked || consecutiveFailures > 0)
}
