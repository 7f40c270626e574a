/** What a client can expect when it waits: undefined while an address may arrive in time, else why none will. */
import { GatewayError } from '../errors.ts'
import type { Pool } from '../pool/pool.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { Provider } from './provider.ts'

interface Waiter {
  /** Upstreams that the client has tried: they are not worth waiting for. */
  readonly tried: readonly Upstream[]
  /** How long clients wait, ms. */
  readonly waitTimeout: number
  /** Clock ms. */
  readonly now: number
}

/**
 * @param pool held addresses are worth waiting for too; undefined: only what can be bought
 * @returns the error of the provider that will be able to buy first
 */
export function outlookOf(
  providers: readonly Provider[],
  pool: Pool | undefined,
  waiter: Waiter,
): GatewayError | undefined {
  const { now, waitTimeout } = waiter
  let soonest: { provider: Provider; at: number | undefined } | undefined
  for (const provider of providers) {
    if (provider.isBusy || (pool !== undefined && holds(provider.name, pool, waiter))) return undefined
    const at = earlier(provider.capacity.comesAt, provider.capacity.hopeAt(now))
    if (at !== undefined && at <= now + waitTimeout) return undefined
    if (soonest === undefined || (at ?? Number.POSITIVE_INFINITY) < (soonest.at ?? Number.POSITIVE_INFINITY))
      soonest = { provider, at }
  }
  return hopeless(soonest?.provider, soonest?.at, now)
}

/** Whether it has an address that will be lendable again: now at its limit of connections, or resting. */
export function holds(provider: string, pool: Pool, { tried, waitTimeout, now }: Waiter): boolean {
  for (const upstream of pool.members()) {
    if (upstream.facts.provider !== provider || upstream.state === 'draining' || tried.includes(upstream)) continue
    if (upstream.state === 'ready' || upstream.restUntil <= now + waitTimeout) return true
  }
  return false
}

function earlier(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other)
}

function hopeless(provider: Provider | undefined, at: number | undefined, now: number): GatewayError {
  const retryAfterMs = at === undefined ? undefined : Math.max(0, at - now)
  const reached = provider?.capacity.budgetReached
  if (provider !== undefined && reached !== undefined) {
    const message = `provider "${provider.name}" has reached its budget ${reached.which} of ${reached.limit}`
    return new GatewayError('GW_BUDGET_REACHED', message, { detail: { retryAfterMs } })
  }
  const words = provider?.state.words || provider?.capacity.fullBecause
  const reason = words ? `: ${words}` : ''
  return new GatewayError('GW_NO_SUPPLY', `provider "${provider?.name ?? ''}" cannot bring addresses now${reason}`, {
    detail: { retryAfterMs },
  })
}
