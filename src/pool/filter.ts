/** What a client requests from the pool: which upstreams fit, which of them come first, and why there may be none. */
import type { Strategy } from '../strategy.ts'
import type { Upstream, UpstreamFacts } from './upstream.ts'

/** The properties of an address that a client may require. `minlife`: the life at the time of its purchase. */
export type Facet = 'country' | 'area' | 'city' | 'isp' | 'minlife'

/** Limits for one kind of client, narrower than those of the pool. */
export interface LeaseLimits {
  /** Only an address without clients, which is lent to no other client as long as the session lives or one of its leases runs. */
  readonly exclusive: boolean
  /** As `PoolSettings.perUpstream`; the connections of all clients count. 0 = no limit. */
  readonly connections: number
  readonly uses: number
  /** Remaining life that the address must have, ms. */
  readonly minLifeMs: number
}

/** The requirements for a lease. `key` identifies the filter: equal keys accept the same upstreams. */
export interface Filter {
  readonly key: string
  /** The permitted providers; undefined: all. Supply uses it to find who can buy. */
  readonly providers: readonly string[] | undefined
  /** The same filter without requirements that no order can fulfil (a place, a carrier); undefined when there are none. */
  readonly base: Filter | undefined
  /** The properties in those requirements. */
  readonly wishes: readonly Facet[]
  readonly limits?: LeaseLimits | undefined
  accepts(facts: UpstreamFacts): boolean
}

/** Equal for the same providers; empty for all. */
export function keyOfProviders(providers: readonly string[] | undefined): string {
  return providers?.join('\n') ?? ''
}

export const anyUpstream: Filter = { key: '', providers: undefined, base: undefined, wishes: [], accepts: () => true }

export interface LeaseAsk {
  readonly strategy: Strategy
  readonly filter: Filter
  /** Target host, for rests per host. */
  readonly host: string
  /** How long the client needs the address, ms; when none lives that long, it gets the one with the longest life. */
  readonly lifeMs: number
  /** Upstreams already tried for this client. */
  readonly tried: readonly Upstream[]
  /** One of them failed, or is silent: an upstream that worked recently comes before the strategy's choice. */
  readonly prefersProven?: boolean
}

/**
 * Why there is none: `empty` (the requested providers have none), `no-match` (they have some, none with the requested place
 * or carrier), `busy` (those that fit are tried, resting, at their limits, or too short-lived by now).
 */
export type Miss = 'empty' | 'no-match' | 'busy'

/** Whether a lendable upstream may be lent to the clients of this filter, by its facts and its load. */
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

/** The value of a facet of an upstream; undefined when its vendor did not tell. */
export function facetOf(facts: UpstreamFacts, facet: Facet): string | undefined {
  return facet === 'minlife' ? lifeOf(facts) : facts[facet]
}

/** Its life at the time of its purchase, in whole seconds. */
function lifeOf({ boughtAt, deadline }: UpstreamFacts): string {
  return deadline === Number.POSITIVE_INFINITY ? 'endless' : `${Math.floor((deadline - boughtAt) / 1_000)}s`
}
