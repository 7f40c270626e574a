/**
 * State of upstreams in the process before this one, and the leases that are open there: they count in the limits until they end.
 * Kept here for upstreams that arrive while that process drains.
 */
import type { Upstream } from './upstream.ts'

/** State of an upstream that one process sends to another. Times are relative: the clocks of two processes differ. */
export interface CarriedUpstream {
  readonly id: string
  /** Tunnels and exchanges that are open through it in processes other than the receiver. */
  readonly leases: number
  readonly uses: number
  readonly worked: boolean
  readonly consecutiveFailures: number
  /** Remaining rest, ms. */
  readonly restMs: number
  readonly latencyMs: number
  /** Target hosts for which it rests, and for how long, ms. */
  readonly hostRests: readonly (readonly [string, number])[]
}

/** State for the process that lends the upstream next. A lease that may still become a tunnel counts as a use. */
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
 * Applies the state; leases there count here, but not as demand: clients that open more do so here.
 * @param at the time of the count in the other process, clock ms
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
  /** The time of the count in the other process, clock ms. */
  readonly #at: number

  constructor(upstreams: readonly CarriedUpstream[], now: number) {
    this.#at = now
    for (const carried of upstreams) this.#known.set(carried.id, { carried, left: carried.leases, upstream: undefined })
  }

  /** The upstream has entered the pool: applies its state. To be called before it is lent. */
  takeUp(upstream: Upstream, now: number): void {
    const known = this.#known.get(upstream.id)
    if (known === undefined) return
    known.upstream = upstream
    takeUp(upstream, { ...known.carried, leases: known.left }, this.#at, now)
  }

  /**
   * The number of leases that are left there.
   * @returns the upstream, and how many of its leases have ended since the last time
   */
  leasesLeft(id: string, count: number): { readonly upstream: Upstream; readonly ended: number } | undefined {
    const known = this.#known.get(id)
    if (known === undefined || count >= known.left) return undefined
    const ended = known.left - count
    known.left = count
    return known.upstream === undefined ? undefined : { upstream: known.upstream, ended }
  }

  leasesOf(id: string): number {
    return this.#known.get(id)?.left ?? 0
  }

  /** Those that have leases there. */
  get ids(): readonly string[] {
    return [...this.#known].filter(([, { left }]) => left > 0).map(([id]) => id)
  }
}
