import { anyUpstream, type Filter, type LeaseAsk } from '../../../src/pool/filter.ts'
import type { PoolSettings } from '../../../src/pool/members.ts'
import { Pool } from '../../../src/pool/pool.ts'
import type { GoneReason, Upstream, UpstreamFacts } from '../../../src/pool/upstream.ts'

export function facts(id: string, rest: Partial<UpstreamFacts> = {}): UpstreamFacts {
  return { id, provider: 'p', protocol: 'http', host: '192.0.2.1', port: 80, boughtAt: 0, deadline: 60_000, ...rest }
}

export function ask(rest: Partial<LeaseAsk> = {}): LeaseAsk {
  return { strategy: 'round-robin', filter: anyUpstream, host: 'a.test', lifeMs: 0, tried: [], ...rest }
}

export function ofProvider(provider: string): Filter {
  return {
    key: `provider ${provider}`,
    providers: [provider],
    base: undefined,
    wishes: [],
    accepts: (upstream) => upstream.provider === provider,
  }
}

export function inArea(area: string, base: Filter = anyUpstream): Filter {
  return {
    key: `${base.key} area ${area}`,
    providers: base.providers,
    base,
    wishes: ['area'],
    accepts: (upstream) => base.accepts(upstream) && upstream.area === area,
  }
}

/** Numbers in [0, 1) that look random and are the same in every run. */
export function sequence(seed = 1): () => number {
  let state = (seed % 2_147_483_646) + 1
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return (state - 1) / 2_147_483_646
  }
}

export interface Watched {
  readonly pool: Pool
  /** How often waiting clients were told to ask again. */
  lendable: number
  rescheduled: number
  readonly gone: [string, GoneReason][]
}

export function watchedPool(
  settings: Partial<PoolSettings['perUpstream']> & { minLife?: number } = {},
  seed = 1,
): Watched {
  const { minLife = 5_000, ...limits } = settings
  const watched = { lendable: 0, rescheduled: 0, gone: [] as [string, GoneReason][] }
  const observer = {
    lendable: () => void watched.lendable++,
    rescheduled: () => void watched.rescheduled++,
    gone: (upstream: Upstream, reason: GoneReason) => void watched.gone.push([upstream.id, reason]),
  }
  const perUpstream = { connections: 0, uses: 0, hostRest: 0, ...limits }
  return Object.assign(watched, { pool: new Pool({ minLife, perUpstream }, observer, sequence(seed)) })
}

/** Adds one and hands out its entry. */
export function added(pool: Pool, id: string, rest: Partial<UpstreamFacts> = {}, now = 0): Upstream {
  pool.add(facts(id, rest), now)
  const upstream = pool.get(id)
  if (upstream === undefined) throw new Error(`${id} was not taken in`)
  return upstream
}

/** Leases, or throws the reason why not. */
export function leased(pool: Pool, rest: Partial<LeaseAsk> = {}, now = 0): Upstream {
  const upstream = pool.lease(ask(rest), now)
  if (typeof upstream === 'string') throw new Error(upstream)
  return upstream
}

/** Adds one to an empty pool and leases it. */
export function addedAndLeased(pool: Pool, id: string, rest: Partial<LeaseAsk> = {}): Upstream {
  added(pool, id)
  return leased(pool, rest)
}
