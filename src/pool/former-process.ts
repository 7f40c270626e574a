/**
 * What the process before this one knew of its upstreams, and what is still open through them there: it counts in their
 * limits until it has ended. Here for the upstreams that come while that process drains.
 */
import type { Upstream } from './upstream.ts'

/** Times are relative: the clocks of two processes differ. */
export interface CarriedUpstream {
  readonly id: string
  /** Tunnels and answers that were open through it. */
  readonly leases: number
  readonly uses: number
  readonly worked: boolean
  readonly consecutiveFailures: number
  /** Rest that was left, ms. */
  readonly restMs: number
  readonly latencyMs: number
  /** Target hosts that must not see it, and for how long, ms. */
  readonly hostRests: readonly (readonly [string, number])[]
}

interface Known {
  readonly carried: CarriedUpstream
  /** Leases that have not ended there. */
  left: number
  /** The upstream, once it is in this pool. */
  upstream: Upstream | undefined
}

export class FormerProcess {
  readonly #known = new Map<string, Known>()
  /** When the other process counted, clock ms. */
  readonly #at: number

  constructor(upstreams: readonly CarriedUpstream[], now: number) {
    this.#at = now
    for (const carried of upstreams) this.#known.set(carried.id, { carried, left: carried.leases, upstream: undefined })
  }

  /** The upstream has come into the pool: it is as it was there. To be called before it is lent. */
  takeUp(upstream: Upstream, now: number): void {
    const known = this.#known.get(upstream.id)
    if (known === undefined) return
    const { uses, worked, consecutiveFailures, restMs, latencyMs, hostRests } = known.carried
    known.upstream = upstream
    upstream.leases += known.left
    // They hold the upstream and are no demand: clients that open more do so here.
    upstream.quietLeases += known.left
    upstream.carrying += known.left
    if (known.left > 0) upstream.carryingSince = now
    upstream.uses = uses
    upstream.worked ||= worked
    upstream.consecutiveFailures = consecutiveFailures
    upstream.restUntil = this.#at + restMs
    upstream.latencyMs = latencyMs
    if (hostRests.length > 0) upstream.hostRests = new Map(hostRests.map(([host, ms]) => [host, this.#at + ms]))
  }

  /**
   * So many leases are left there.
   * @returns the upstream, and how many of its leases have ended since the last time
   */
  leasesLeft(id: string, count: number): { readonly upstream: Upstream; readonly ended: number } | undefined {
    const known = this.#known.get(id)
    if (known === undefined || count >= known.left) return undefined
    const ended = known.left - count
    known.left = count
    return known.upstream === undefined ? undefined : { upstream: known.upstream, ended }
  }

  /** Those that have leases there. */
  get ids(): readonly string[] {
    return [...this.#known].filter(([, { left }]) => left > 0).map(([id]) => id)
  }
}
