/** How much one upstream may carry, and how much of that is left. */
import type { Upstream } from './upstream.ts'

export interface UpstreamLimits {
  /** Concurrent leases; 0 = no limit. */
  readonly connections: number
  /** Tunnels in a lifetime; 0 = no limit. A session counts once. */
  readonly uses: number
  /** How long an upstream stays away from a target host after it has carried a tunnel there, ms; 0 = not at all. */
  readonly hostRest: number
}

/** Whether it has as many leases as it may. */
export function isFull({ leases }: Upstream, { connections }: UpstreamLimits): boolean {
  return connections > 0 && leases >= connections
}

/** Whether its uses are spent. */
export function isUsedUp({ uses }: Upstream, limits: UpstreamLimits): boolean {
  return limits.uses > 0 && uses >= limits.uses
}

/** Whether a client that has no session on it may have it now. Uses that tunnels being opened may spend count as spent. */
export function isLendable(upstream: Upstream, limits: UpstreamLimits): boolean {
  if (upstream.state !== 'ready' || upstream.isExclusive || upstream.isElsewhere || isFull(upstream, limits))
    return false
  return limits.uses === 0 || upstream.uses + upstream.usesReserved < limits.uses
}
