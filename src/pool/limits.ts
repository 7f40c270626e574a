/** The limits of one upstream, and how much of them is used. */
import type { Upstream } from './upstream.ts'

export interface UpstreamLimits {
  /** Concurrent leases; 0 = no limit. */
  readonly connections: number
  /** Tunnels in its lifetime; 0 = no limit. A session counts once. */
  readonly uses: number
  /** How long an upstream rests for a target host after a tunnel there, ms; 0 = not at all. */
  readonly hostRest: number
}

/** Whether it has reached its limit of leases. */
export function isFull({ leases }: Upstream, { connections }: UpstreamLimits): boolean {
  return connections > 0 && leases >= connections
}

/** How many more clients it may serve at the same time as those that it serves. */
export function placesOn(upstream: Upstream, { connections, uses }: Omit<UpstreamLimits, 'hostRest'>): number {
  const byConnections = connections > 0 ? connections - upstream.leases : Number.POSITIVE_INFINITY
  const byUses = uses > 0 ? uses - upstream.uses - upstream.usesReserved : Number.POSITIVE_INFINITY
  return Math.max(0, Math.min(byConnections, byUses))
}

/** Whether its uses are spent. */
export function isUsedUp({ uses }: Upstream, limits: UpstreamLimits): boolean {
  return limits.uses > 0 && uses >= limits.uses
}

/** Whether a client without a session on it may have it now. Uses of tunnels that are being opened count as spent. */
export function isLendable(upstream: Upstream, limits: UpstreamLimits): boolean {
  if (upstream.state !== 'ready' || upstream.isExclusive || upstream.isElsewhere || isFull(upstream, limits))
    return false
  return limits.uses === 0 || upstream.uses + upstream.usesReserved < limits.uses
}
