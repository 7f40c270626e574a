/** What of the pool counts for a group of clients now, and when an order must be sent so that it does not run short. */
import type { Pool } from '../pool/pool.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { Provider } from './provider.ts'
import { stagger } from './stagger.ts'

/** An address is ordered this much earlier than its call latency requires. */
export const LEAD_SLACK_MS = 200

export interface StockCount {
  /** Ready upstreams with uses left, of all providers: the number that counts towards the ceiling. */
  heldByAll: number
  /** The group's: ready, with uses left, and outliving the time that an order takes. */
  lasting: number
  /** The group's: those that a new client could be lent. */
  lendable: number
  /** Leases with a running transfer. */
  load: number
  /** When the first of the lasting ones ends to be one, clock ms. */
  nextShortAt: number
}

/**
 * Counts what the providers have in the pool.
 * @param uses `perUpstream.uses`; 0: no limit
 * @param now clock ms
 */
export function countStock(pool: Pool, providers: readonly Provider[], uses: number, now: number): StockCount {
  const stock: StockCount = { heldByAll: 0, lasting: 0, lendable: 0, load: 0, nextShortAt: Number.POSITIVE_INFINITY }
  const leads = new Map(providers.map((p) => [p.name, p.capacity.leadMs + p.capacity.batchMs + LEAD_SLACK_MS]))
  const orderAts: number[] = []
  let shortestLife = Number.POSITIVE_INFINITY
  for (const upstream of pool.members()) {
    const isStock = upstream.state === 'ready' && !isSpoken(upstream, uses)
    if (isStock) stock.heldByAll++
    // It is held for one session only.
    if (upstream.isExclusive) continue
    const lead = leads.get(upstream.facts.provider)
    if (lead === undefined) continue
    count(stock, upstream, pool, uses)
    if (!isStock) continue
    if (upstream.deadline === Number.POSITIVE_INFINITY) {
      stock.lasting++
      continue
    }
    // The address that replaces it must be ordered `lead` before it can no longer be lent.
    const lendableUntil = upstream.deadline - upstream.minLifeMs
    // A life that is hardly longer than a call cannot be replaced in time: half of it is enough lead.
    orderAts.push(lendableUntil - Math.min(lead, (lendableUntil - upstream.facts.boughtAt) / 2))
    shortestLife = Math.min(shortestLife, upstream.deadline - upstream.facts.boughtAt)
  }
  stagger(orderAts, shortestLife)
  const lasting = orderAts.filter((at) => at > now)
  stock.lasting += lasting.length
  stock.nextShortAt = lasting[0] ?? Number.POSITIVE_INFINITY
  return stock
}

/** All uses are spent, or may be by tunnels that are being opened: the next client needs another address. */
function isSpoken(upstream: Upstream, uses: number): boolean {
  return uses > 0 && upstream.uses + upstream.usesReserved >= uses
}

function count(stock: StockCount, upstream: Upstream, pool: Pool, uses: number): void {
  // An address without uses left needs no room for tunnels.
  if (isSpoken(upstream, uses)) return
  stock.load += upstream.leases - upstream.quietLeases
  const { connections } = pool.limits
  if (upstream.state === 'ready' && !upstream.isElsewhere && (connections === 0 || upstream.leases < connections))
    stock.lendable++
}
