/** What a host owns beyond the need of its clients. Pure state. */
import { shareOut } from '../pool/ownership.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { LocalDemand } from './local-demand.ts'
import type { OthersWants, OwnershipParts } from './ownership-contract.ts'

interface Holdings {
  readonly owned: ReadonlySet<Upstream>
  readonly unowned: ReadonlySet<Upstream>
}

export class Surplus {
  readonly #demand: LocalDemand
  readonly #holdings: Holdings

  constructor(demand: LocalDemand, holdings: Holdings) {
    this.#demand = demand
    this.#holdings = holdings
  }

  /** What is given to other hosts; those through which something is open as soon as it has ended. */
  for({ needs, demand }: OthersWants, parts: OwnershipParts): readonly Upstream[] {
    // Of a host that dies with them they would be lost.
    if (needs === 0) return this.#demand.ahead(parts) === 0 ? this.#idle : []
    return this.#demand.needs(parts) > 0 ? this.#beyondShare(parts, needs, demand) : this.spare(parts).slice(0, needs)
  }

  /** What no client here has or lives on, without what is kept ready; the last one goes too when others need it. */
  spare(parts: OwnershipParts): Upstream[] {
    const idle = this.#idle
    return idle.slice(0, Math.max(Math.min(1, idle.length), idle.length - this.#demand.ahead(parts)))
  }

  get #idle(): Upstream[] {
    return this.#withoutSessions.filter(({ leases }) => leases === 0)
  }

  get #withoutSessions(): Upstream[] {
    return [...this.#holdings.owned].filter(({ state, sessions }) => state === 'ready' && sessions === 0)
  }

  /** Clients wait here and elsewhere: what is beyond this host's share leaves. */
  #beyondShare(parts: OwnershipParts, needs: number, demandElsewhere: number): Upstream[] {
    const { owned, unowned } = this.#holdings
    const ready = [...parts.pool.members()].filter(({ state }) => state === 'ready').length
    const movable = this.#withoutSessions
    const shares = shareOut(ready, [
      { owner: 'here', demand: this.#demand.total(parts), owned: owned.size },
      { owner: '', demand: demandElsewhere, owned: ready - owned.size - unowned.size },
    ])
    const surplus = Math.min(needs, movable.length - (shares.get('here') ?? 0))
    return movable.toSorted((a, b) => a.leases - b.leases).slice(0, Math.max(0, surplus))
  }
}
