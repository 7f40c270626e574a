/** How many addresses with limits the clients of this host need: now, and in the next second. */
import type { Filter } from '../pool/filter.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { OwnershipDeps, OwnershipParts } from './ownership-contract.ts'

/** Without a new client for so long nothing is kept ready, ms. */
const IDLE_MS = 10_000

export class LocalDemand {
  readonly #deps: Pick<OwnershipDeps, 'clock' | 'settings'>
  readonly #owned: ReadonlySet<Upstream>
  /** Clients that came, and when this was looked at. */
  #asked = 0
  #askedAt: number
  #rate = 0
  #activeAt = Number.NEGATIVE_INFINITY

  /** @param owned what this host owns */
  constructor(deps: Pick<OwnershipDeps, 'clock' | 'settings'>, owned: ReadonlySet<Upstream>) {
    this.#deps = deps
    this.#owned = owned
    this.#askedAt = deps.clock.now()
  }

  /** To be called with each heartbeat: how many clients came since the last one. */
  notePace(parts: OwnershipParts): void {
    const now = this.#deps.clock.now()
    const asked = parts.asked()
    const elapsedMs = now - this.#askedAt
    if (elapsedMs < 100) return
    if (asked > this.#asked) this.#activeAt = now
    this.#rate = Math.max(((asked - this.#asked) * 1_000) / elapsedMs, this.#rate * 0.7)
    this.#asked = asked
    this.#askedAt = now
  }

  /** How many addresses the clients that wait here lack. */
  needs({ wants }: OwnershipParts): number {
    return wants().filters.reduce((sum, { filter, clients }) => sum + this.addressesFor(filter, clients), 0)
  }

  addressesFor({ limits }: Filter, clients: number): number {
    const most = this.#deps.settings().perAddress
    if (limits === undefined) return Math.ceil(clients / most)
    return limits.exclusive
      ? clients
      : Math.ceil(clients / Math.min(most, limits.connections || most, limits.uses || most))
  }

  /** Running leases and waiting clients. */
  total({ wants }: OwnershipParts): number {
    let leases = 0
    for (const upstream of this.#owned) leases += upstream.leases
    return leases + wants().filters.reduce((sum, { clients }) => sum + clients, 0)
  }

  /** Addresses that should be ready here: what the clients of the next second take, and one at least while they come. */
  ahead({ pool }: OwnershipParts): number {
    if (this.#deps.clock.now() - this.#activeAt > IDLE_MS) return 0
    const { uses } = pool.limits
    return uses === 0 ? 1 : Math.max(1, Math.ceil(this.#rate / uses))
  }
}
