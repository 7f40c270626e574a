/**
 * What the process before this one knew of its upstreams, and what is still open through them there: it counts in their
 * limits until it has ended. Here for the upstreams that come while that process drains.
 */
import type { Upstream } from './upstream.ts'

/** What one process tells another of an upstream. Times are relative: the clocks of two processes differ. */
export interface CarriedUpstream {
  readonly id: string
  /** Tunnels and answers that are open through it in other processes than the one that receives this. */
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

/** What the process that lends the upstream next must know. A lease that may still become a tunnel counts as a use. */
export function carry(upstream: Upstream, now: number): CarriedUpstream {
  const { id, leases, worked, consecutiveFailures, latencyMs } = upstream
  const hostRests = [...(upstream.hostRests ?? [])].map(([host, until]): [string, number] => [host, until - now])
  return {
    ...{ id, leases, worked, consecutiveFailures, latencyMs },
    uses: upstream.uses + upstream.usesReserved,
    restMs: Math.max(0, upstream.restUntil - now),
    hostRests: hostRests.filter(([, ms]) => ms > 0),
  }
}

/**
 * The upstream is as it was there; what is open there counts here, as no demand: clients that open more do so here.
 * @param at when the other process counted, clock ms
 */
export function takeUp(upstream: Upstream, carried: CarriedUpstream, at: number, now: number): void {
  const { leases, uses, worked, consecutiveFailures, restMs, latencyMs, hostRests } = carried
  if (leases > 0 && upstream.carrying === 0) upstream.carryingSince = now
  upstream.leases += leases
  upstream.quietLeases += leases
  upstream.carrying += leases
  upstream.uses = uses
  upstream.worked ||= worked
  upstream.consecutiveFailures = consecutiveFailures
  upstream.restUntil = restMs > 0 ? at + restMs : 0
  upstream.latencyMs = latencyMs
  upstream.hostRests = hostRests.length === 0 ? undefined : new Map(hostRests.map(([host, ms]) => [host, at + ms]))
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
    known.upstream = upstream
    takeUp(upstream, { ...known.carried, leases: known.left }, this.#at, now)
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
