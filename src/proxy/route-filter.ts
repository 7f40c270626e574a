/** The upstreams that a client may be lent: of which providers, in which places, within which limits. Equal wishes give one filter. */
import { type ClientOptions, noOptions } from '../downstream/client-options.ts'
import { holdsPlace, isSameCountry } from '../places.ts'
import { anyUpstream, type Facet, type Filter, type LeaseLimits } from '../pool/filter.ts'
import type { UpstreamFacts } from '../pool/upstream.ts'
import { GenerationalCache } from '../structures/generational-cache.ts'

/** Filters of sets of providers that are remembered. */
const MAX_FILTERS = 1_000

type Place = Exclude<Facet, 'minlife'>

const FACETS: readonly Place[] = ['country', 'area', 'city', 'isp']

/** Equal wishes give equal keys: the pool keeps one view for each key. */
export function filterOf(options: ClientOptions, base: Filter): Filter {
  if (options === noOptions) return base
  const wishes = FACETS.flatMap((facet) => {
    const value = options[facet]
    return value === undefined ? [] : [{ facet, value: value.toLowerCase() }]
  })
  if (wishes.length === 0) return base
  return {
    key: JSON.stringify([base.key, ...wishes.map((wish) => [wish.facet, wish.value])]),
    providers: base.providers,
    base,
    wishes: wishes.map(({ facet }) => facet),
    accepts: (facts) => base.accepts(facts) && wishes.every((wish) => fits(facts, wish)),
  }
}

const filters = new GenerationalCache<Filter>(MAX_FILTERS)

export function providerFilter(providers: readonly string[] | undefined): Filter {
  if (providers === undefined) return anyUpstream
  const key = JSON.stringify(providers)
  const known = filters.get(key)
  if (known !== undefined) return known
  const filter: Filter = {
    key,
    providers,
    base: undefined,
    wishes: [],
    accepts: (facts) => providers.includes(facts.provider),
  }
  filters.set(key, filter)
  return filter
}

/** The same filter for addresses that no client has. */
export function aloneFilter(filter: Filter): Filter {
  const { connections = 0, uses = 0, minLifeMs = 0 } = filter.limits ?? {}
  return limitedFilter(filter, { exclusive: true, connections, uses, minLifeMs })
}

/** The same filter with further limits; equal ones are one filter. */
export function limitedFilter(filter: Filter, limits: LeaseLimits): Filter {
  const { exclusive, connections, uses, minLifeMs } = limits
  if (!exclusive && connections === 0 && uses === 0 && minLifeMs === 0) return filter
  const key = JSON.stringify([filter.key, exclusive, connections, uses, minLifeMs])
  const known = filters.get(key)
  if (known !== undefined) return known
  const { providers, accepts } = filter
  const wish = minLifeMs === 0 ? undefined : 'minlife'
  const limited: Filter = {
    ...{ key, providers, limits },
    base: wish === undefined ? filter.base : (filter.base ?? filter),
    wishes: wish === undefined ? filter.wishes : [...filter.wishes, wish],
    accepts: (facts) => accepts(facts) && facts.deadline - facts.boughtAt >= minLifeMs,
  }
  filters.set(key, limited)
  return limited
}

/** Vendors write areas as in "河南省商丘市", of which a client names a part, in either script. */
function fits(facts: UpstreamFacts, { facet, value }: { facet: Place; value: string }): boolean {
  const fact = facts[facet]
  if (facet === 'country') return fact !== undefined && isSameCountry(fact, value)
  // A vendor that tells one place does not say whether it is a province or a town.
  const place = facet === 'city' ? (facts.city ?? facts.area) : fact
  return place !== undefined && holdsPlace(place, value)
}
