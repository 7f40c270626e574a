/** What a client asks the pool for: which upstreams fit, which of those it is lent first, and why there may be none. */
import type { Strategy } from '../strategy.ts'
import type { Upstream, UpstreamFacts } from './upstream.ts'

/** What a client may wish of an address. `minlife`: the life that it had when it was bought. */
export type Facet = 'country' | 'area' | 'city' | 'isp' | 'minlife'

/** Limits for one kind of client, narrower than those of the pool. */
export interface LeaseLimits {
  /** Only an address that no client has, which then no other client is lent as long as its session lives or a lease of it runs. */
  readonly exclusive: boolean
  /** As `PoolSettings.perUpstream`; the connections of all clients count. 0 = no limit. */
  readonly connections: number
  readonly uses: number
  /** Life that the address must have left, ms. */
  readonly minLifeMs: number
}

/** What a lease must fit. `key` names the filter: equal keys accept the same upstreams. */
export interface Filter {
  readonly key: string
  /** Providers that may serve it; undefined: all. Supply reads it: who can buy what is asked for. */
  readonly providers: readonly string[] | undefined
  /** The same filter without wishes that no order can fulfil (a place, a carrier); undefined when there are none. */
  readonly base: Filter | undefined
  /** What those wishes are about. */
  readonly wishes: readonly Facet[]
  readonly limits?: LeaseLimits | undefined
  accepts(facts: UpstreamFacts): boolean
}

export const anyUpstream: Filter = { key: '', providers: undefined, base: undefined, wishes: [], accepts: () => true }

export interface LeaseAsk {
  readonly strategy: Strategy
  readonly filter: Filter
  /** Target host, for rests per host. */
  readonly host: string
  /** How long the client wants the address, ms; served with the longest there is when none lives that long. */
  readonly lifeMs: number
  /** Upstreams already tried for this client. */
  readonly tried: readonly Upstream[]
  /** One of them has failed, or is silent: one that worked lately comes before the strategy's choice. */
  readonly prefersProven?: boolean
}

/**
 * Why there is none: `empty` (the providers asked for have none), `no-match` (they have some, none of the place or
 * carrier asked for), `busy` (those that fit are tried, resting, at their limits, or too short-lived by now).
 */
export type Miss = 'empty' | 'no-match' | 'busy'

/** Whether a lendable upstream may be lent to the clients of this filter, as far as its facts and its load go. */
export function admits(
  { accepts, limits }: Filter,
  { facts, leases, sessions, uses, usesReserved }: Upstream,
): boolean {
  if (!accepts(facts)) return false
  if (limits === undefined) return true
  if (limits.exclusive && (leases > 0 || sessions > 0)) return false
  if (limits.connections > 0 && leases >= limits.connections) return false
  return limits.uses === 0 || uses + usesReserved < limits.uses
}

/** What an upstream has as a facet; undefined where its vendor did not say. */
export function facetOf(facts: UpstreamFacts, facet: Facet): string | undefined {
  return facet === 'minlife' ? lifeOf(facts) : facts[facet]
}

/** The life that it had when it was bought, in whole seconds. */
function lifeOf({ boughtAt, deadline }: UpstreamFacts): string {
  return deadline === Number.POSITIVE_INFINITY ? 'endless' : `${Math.floor((deadline - boughtAt) / 1_000)}s`
}
