/**
 * Upstreams with limits belong to one owner at a time: a process of this host, or a host of a cluster. Only its owner lends an
 * upstream, so a limit is exact without a message for each lease. An upstream without limits is lent by all of them.
 *
 * An upstream is sent between owners as `CarriedUpstream` (former-process.ts), from `PoolOwnership.disown` to `PoolOwnership.own`.
 */

import type { UpstreamLimits } from './limits.ts'

/** Whether an upstream must have an owner. @param limits of the pool, or overrides of a port or a user */
export function isLimited({ connections = 0, uses = 0, hostRest = 0 }: Partial<UpstreamLimits>): boolean {
  return connections > 0 || uses > 0 || hostRest > 0
}

/** The upstreams of one owner, and the demand of its clients. */
interface OwnerDemand {
  readonly owner: string
  /** Running leases, and waiting clients. */
  readonly demand: number
  /** Upstreams that it owns. */
  readonly owned: number
}

/**
 * How many of the limited upstreams each owner should have: in proportion to demand, and at least one, so that its next client
 * need not wait for a message. With fewer upstreams than owners, owners with demand and without upstreams come first.
 * @param total upstreams to distribute
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

/** Of equal remainders, the owner with more upstreams keeps them. */
function byRemainder(a: OwnerDemand & { part: number }, b: OwnerDemand & { part: number }): number {
  return (b.part % 1) - (a.part % 1) || b.owned - a.owned
}
