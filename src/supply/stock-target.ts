/** How many addresses a group of clients should have: for its traffic, and for those of them that wait. */
import type { Pool } from '../pool/pool.ts'
import { type MinLife, minLifeOf } from '../pool/upstream.ts'
import type { Demand, DemandGroup } from './demand.ts'
import type { PlannerSettings } from './planner-settings.ts'
import type { Provider } from './provider.ts'
import { LEAD_SLACK_MS, type StockCount } from './stock-count.ts'

interface TargetParts {
  readonly settings: PlannerSettings
  readonly demand: Demand
  readonly pool: Pool
}

/** Tunnels that one address is for: the aim, or less where its limits allow no more. */
function perAddress({ settings: { targetLoad }, pool }: TargetParts): number {
  const { uses, connections } = pool.limits
  return Math.min(targetLoad, uses || targetLoad, connections || targetLoad)
}

/** How many addresses the group should have that last beyond the time an order takes. */
export function stockTarget(
  parts: TargetParts,
  group: DemandGroup,
  stock: StockCount,
  providers: readonly Provider[],
  now: number,
): number {
  const { settings, demand } = parts
  const { floor, idleAfter, uses, ceiling } = settings
  const earned = demand.owed(group, now, idleAfter)
  const leadMs =
    Math.max(...providers.map((p) => p.capacity.leadMs + Math.max(p.capacity.paceMs, p.capacity.batchMs)), 0) +
    LEAD_SLACK_MS
  // A single lease is no rate, either.
  const consumed = uses === 0 || earned === 0 ? 0 : (demand.rate(group, now) * leadMs) / 1_000 / uses
  const forLoad = Math.ceil((stock.load + group.waiting) / perAddress(parts))
  return Math.min(ceiling, Math.max(Math.min(floor, earned) + Math.ceil(consumed), forLoad))
}

/** Clients wait although something may be lendable: what is there does not suit them, so something must be added. */
export function waitersNeed(parts: TargetParts, group: DemandGroup, stock: StockCount): number {
  const { count, addresses } = group.limited
  const others = group.waiting - count
  const forOthers = others === 0 ? 0 : Math.max(1, Math.ceil(others / perAddress(parts)) - stock.lendable)
  // Nothing of what is there is for those with limits of their own, or they would not wait. A sum of fractions is rounded.
  return forOthers + Math.ceil(Math.round(addresses * 1_000) / 1_000)
}

/** How many addresses the channels of the providers can keep lendable together. */
export function sustainedBy(providers: readonly Provider[], minLife: MinLife): number {
  const unlentMs = (p: Provider, lentMs: number) => {
    const minLifeMs = minLifeOf(minLife, lentMs)
    return minLifeMs + Math.min(p.capacity.leadMs + LEAD_SLACK_MS, (lentMs - minLifeMs) / 2)
  }
  return providers.reduce((sum, p) => sum + p.capacity.sustained((lentMs) => unlentMs(p, lentMs)), 0)
}
