/** The control side: providers with their limiters, the refiller, the reaper, and what they tell of themselves. */
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { Pool } from '../pool/pool.ts'
import type { Breakage, GoneReason, Upstream } from '../pool/upstream.ts'
import type { RateLimit, Source } from '../vendors/vendor.ts'
import { Limiter } from './limiter.ts'
import { Provider, type ProviderSettings } from './provider.ts'
import { Reaper } from './reaper.ts'
import { Refiller, type RefillSettings } from './refiller.ts'

export interface SupplyParts {
  readonly clock: Clock
  readonly pool: Pool
  readonly log: Log
  /** Waiting clients should ask again. */
  readonly onSettled: () => void
}

/** Calls in flight at the same time for one key: enough to use a limit of 10 a second over a slow line. */
const CALL_CONCURRENCY = 8

export class Supply {
  readonly providers: readonly Provider[]
  readonly refiller: Refiller
  readonly #reaper: Reaper
  readonly #byName: ReadonlyMap<string, Provider>
  readonly #limiters = new Map<string, Limiter>()

  constructor(
    settings: RefillSettings,
    accounts: readonly { settings: ProviderSettings; source: Source }[],
    parts: SupplyParts,
  ) {
    const { clock, pool } = parts
    this.providers = accounts.map(({ settings: own, source }) => {
      const limit = source.limitOf(source.extractOperation)
      return new Provider(own, source, this.#limiterFor(limit, clock), parts)
    })
    this.#byName = new Map(this.providers.map((provider) => [provider.name, provider]))
    this.refiller = new Refiller(settings, this.providers, parts)
    this.#reaper = new Reaper(pool, clock)
  }

  /** Reads the lists; what costs money waits for demand. */
  start(): void {
    this.refiller.plan()
  }

  /** Products on one key count together where the vendor counts them together. */
  #limiterFor({ key, ...limit }: RateLimit & { readonly key: string }, clock: Clock): Limiter {
    let limiter = this.#limiters.get(key)
    if (limiter === undefined) {
      limiter = new Limiter(clock, limit, { concurrency: CALL_CONCURRENCY })
      this.#limiters.set(key, limiter)
    }
    return limiter
  }

  provider(name: string): Provider | undefined {
    return this.#byName.get(name)
  }

  /** The pool's next change by time may be earlier than it was. */
  poolRescheduled(): void {
    this.#reaper.arm()
  }

  upstreamGone(upstream: Upstream, reason: GoneReason): void {
    this.provider(upstream.facts.provider)?.left(upstream, reason)
    this.refiller.stockChanged()
  }

  proof(upstream: Upstream, worked: boolean, cause: Breakage | 'login' | undefined): void {
    this.provider(upstream.facts.provider)?.proof(upstream, worked, cause)
  }

  /** Orders from one provider at the operator's word, whatever the demand: what is missing of the floor, at least one. */
  orderNow(name: string): 'ordered' | 'unknown' | 'not now' {
    const provider = this.provider(name)
    if (provider === undefined) return 'unknown'
    return this.refiller.orderNow(provider) ? 'ordered' : 'not now'
  }

  close(): void {
    this.refiller.close()
    this.#reaper.close()
    for (const limiter of this.#limiters.values()) limiter.close()
  }
}
