/**
 * Upstreams with limits belong to one owner at a time: a process of this host, or a host of a cluster. Only its owner lends an
 * upstream, so a limit is exact without a message for each lease. An upstream without limits is lent by all of them.
 *
 * What goes from owner to owner is `CarriedUpstream` (former-process.ts); `Pool.disown` and `Pool.own` are the two ends.
 */

import type { UpstreamLimits } from './limits.ts'

/** Whether an upstream must have an owner. @param limits of the pool, or what a port or a user has in their place */
export function isLimited({ connections = 0, uses = 0, hostRest = 0 }: Partial<UpstreamLimits>): boolean {
  return connections > 0 || uses > 0 || hostRest > 0
}

/** What one owner has, and what its clients need. */
export interface OwnerDemand {
  readonly owner: string
  /** Leases that run, and clients that wait. */
  readonly demand: number
  /** Upstreams that it owns. */
  readonly owned: number
}

/**
 * How many of the limited upstreams each owner should have: in proportion to demand, and one at least, so that its next client
 * waits for no message. With fewer upstreams than owners, those that have demand and own none come first.
 * @param total upstreams to share out
 */
export function shareOut(total: number, owners: readonly OwnerDemand[]): ReadonlyMap<string, number> {
  const shares = new Map(owners.map(({ owner }) => [owner, 0]))
  if (total < owners.length) {
    for (const { owner } of owners.toSorted(byNeed).slice(0, total)) shares.set(owner, 1)
    return shares
  }
  const rest = total - owners.length
  const sum = owners.reduce((all, { demand }) => all + demand, 0)
  const exact = owners.map((one) => ({ ...one, part: sum === 0 ? rest / owners.length : (rest * one.demand) / sum }))
  let left = rest
  for (const { owner, part } of exact) {
    shares.set(owner, 1 + Math.floor(part))
    left -= Math.floor(part)
  }
  for (const { owner } of exact.toSorted(byRemainder).slice(0, left)) shares.set(owner, (shares.get(owner) ?? 0) + 1)
  return shares
}

function byNeed(a: OwnerDemand, b: OwnerDemand): number {
  const needs = ({ demand, owned }: OwnerDemand) => (demand === 0 ? 0 : owned === 0 ? 2 : 1)
  return needs(b) - needs(a) || b.demand - a.demand
}

/** Of equal remainders the one that owns more keeps what it has. */
function byRemainder(a: OwnerDemand & { part: number }, b: OwnerDemand & { part: number }): number {
  return (b.part % 1) - (a.part % 1) || b.owned - a.owned
}
