/** The control plane: providers with their limiters, the planner, the reaper, and what they tell of themselves. */
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { Pool } from '../pool/pool.ts'
import type { Breakage, GoneReason, Upstream } from '../pool/upstream.ts'
import type { Restored, Store } from '../store/contract.ts'
import { forgetfulStore } from '../store/memory.ts'
import type { Source } from '../vendors/contract.ts'
import type { Accounts } from './account.ts'
import { Planner, type PlannerSettings } from './planner.ts'
import { Provider } from './provider.ts'
import type { ProviderSettings } from './provider-contract.ts'
import { Reaper } from './reaper.ts'

export interface SupplyParts {
  readonly clock: Clock
  readonly pool: Pool
  readonly log: Log
  readonly store: Store
  /** The same that the sources' gate uses. */
  readonly accounts: Accounts
  /** Waiting clients should ask again. */
  readonly onSettled: () => void
}

export class Supply {
  readonly providers: readonly Provider[]
  readonly planner: Planner
  readonly #reaper: Reaper
  readonly #clock: Clock
  readonly #log: Log
  readonly #byName: ReadonlyMap<string, Provider>

  constructor(
    settings: PlannerSettings,
    sources: readonly { settings: ProviderSettings; source: Source }[],
    parts: SupplyParts,
  ) {
    const { clock, pool } = parts
    this.#clock = clock
    this.#log = parts.log.child({ mod: 'supply' })
    this.providers = sources.map(({ settings: own, source }) => {
      const store = own.isRemembered ? parts.store : forgetfulStore()
      return new Provider(own, source, { ...parts, store })
    })
    for (const provider of this.providers) {
      provider.onNews = () => {
        parts.onSettled()
        this.planner.plan()
      }
    }
    this.#byName = new Map(this.providers.map((provider) => [provider.name, provider]))
    this.planner = new Planner(settings, this.providers, parts)
    this.#reaper = new Reaper(pool, clock)
  }

  /** Takes up what an earlier process left. To be called before anybody is served. */
  restore(past: Restored): void {
    const now = this.#clock.now()
    const alive = past.upstreams.filter(({ standing }) => standing === 'alive').length
    if (past.upstreams.length > 0)
      this.#log.info({ alive, held: past.upstreams.length }, 'addresses of an earlier run are there')
    for (const provider of this.providers) {
      if (!provider.settings.isRemembered) continue
      const upstreams = past.upstreams.filter(({ facts }) => facts.provider === provider.name)
      provider.restore({ upstreams }, now)
    }
  }

  /** Reads the lists; what costs money waits for demand. */
  start(): void {
    this.planner.plan()
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
    this.planner.stockChanged()
  }

  /** A vendor let us know that something changed; which one, nobody can vouch for, so all are asked. */
  hint(): void {
    for (const provider of this.providers) provider.hint()
  }

  lineDown(provider: string, broken: number): void {
    this.provider(provider)?.lineDown(broken)
  }

  lineUp(provider: string): void {
    this.provider(provider)?.lineUp()
  }

  proof(upstream: Upstream, worked: boolean, cause: Breakage | 'login' | undefined): void {
    this.provider(upstream.facts.provider)?.proof(upstream, worked, cause)
  }

  /** Orders from one provider at the operator's word, whatever the demand: what is missing of the floor, at least one. */
  orderNow(name: string): 'ordered' | 'unknown' | 'not now' {
    const provider = this.provider(name)
    if (provider === undefined) return 'unknown'
    return this.planner.orderNow(provider) ? 'ordered' : 'not now'
  }

  /** Whatever made the provider pause, its next order may leave at once. @returns false when there is no such provider */
  retry(name: string): boolean {
    const provider = this.provider(name)
    provider?.retry()
    return provider !== undefined
  }

  /** Nothing is bought from it until `resume`. @returns false when there is no such provider */
  pause(name: string): boolean {
    const provider = this.provider(name)
    provider?.pause()
    return provider !== undefined
  }

  resume(name: string): boolean {
    const provider = this.provider(name)
    provider?.resume()
    return provider !== undefined
  }

  close(): void {
    this.planner.close()
    for (const provider of this.providers) provider.close()
    this.#reaper.close()
  }
}
