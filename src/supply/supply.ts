/** The control plane: providers with their limiters, the planner, the reaper, and their reports. */
import type { Clock } from '../clock.ts'
import type { Log } from '../log/log.ts'
import type { Pool } from '../pool/pool.ts'
import type { Breakage, GoneReason, Upstream } from '../pool/upstream.ts'
import type { Restored, RestoredUpstream, Store } from '../store/contract.ts'
import { forgetfulStore } from '../store/memory.ts'
import type { MemoryFile } from '../store/memory-file.ts'
import type { Source } from '../vendors/contract/source.ts'
import type { Accounts } from './account.ts'
import { Planner } from './planner.ts'
import type { PlannerRole } from './planner-role.ts'
import type { PlannerSettings } from './planner-settings.ts'
import { Provider } from './provider.ts'
import type { ProviderSettings } from './provider-context.ts'
import { Reaper } from './reaper.ts'
import { Withdrawn } from './withdrawn.ts'

interface SupplyParts {
  readonly clock: Clock
  readonly pool: Pool
  readonly log: Log
  readonly store: Store
  /** The one that the gate of the sources uses. */
  readonly accounts: Accounts
  /** Waiting clients should try again. */
  readonly onSettled: () => void
  /** Uniform in [0, 1), for the jitter of pauses. */
  readonly random?: () => number
  /** In a cluster: whether this host buys. */
  readonly role?: PlannerRole
}

export interface SupplySource {
  readonly settings: ProviderSettings
  readonly source: Source
  /** Its addresses end with the source. */
  readonly isEphemeral?: boolean
  /** As `ProviderDeps.registered`. */
  readonly registered?: MemoryFile | undefined
}

const byName = (providers: readonly Provider[]) => new Map(providers.map((provider) => [provider.name, provider]))

export class Supply {
  #providers: readonly Provider[]
  readonly planner: Planner
  readonly #reaper: Reaper
  readonly #clock: Clock
  readonly #log: Log
  #byName: ReadonlyMap<string, Provider>
  readonly #parts: SupplyParts
  readonly #withdrawn: Withdrawn

  constructor(settings: PlannerSettings, sources: readonly SupplySource[], parts: SupplyParts) {
    const { clock, pool } = parts
    this.#clock = clock
    this.#log = parts.log.child({ mod: 'supply' })
    this.#parts = parts
    this.#withdrawn = new Withdrawn(clock, pool)
    this.#providers = sources.map((source) => this.#open(source))
    this.#byName = byName(this.#providers)
    this.planner = new Planner(settings, this.#providers, parts)
    this.#reaper = new Reaper(pool, clock)
  }

  /** In the order of the configuration. */
  get providers(): readonly Provider[] {
    return this.#providers
  }

  #open({ settings, source, registered }: SupplySource): Provider {
    // In a cluster every host lends the addresses that one host has read.
    const store = settings.isRemembered || this.#parts.role !== undefined ? this.#parts.store : forgetfulStore()
    const provider = new Provider({ ...settings }, source, { ...this.#parts, store, registered })
    provider.onNews = () => {
      this.#parts.onSettled()
      this.planner.plan()
    }
    return provider
  }

  /**
   * Applies another configuration. A provider with an unchanged source continues; one with another source is replaced, and its
   * addresses stay. A provider that is no longer configured is withdrawn: its addresses are not lent, and tunnels continue. Cannot fail.
   */
  configure(settings: PlannerSettings, sources: readonly SupplySource[]): void {
    const now = this.#clock.now()
    const former = this.#byName
    const next = sources.map((source) => this.#takeOver(former.get(source.settings.name), source, now))
    this.#providers = next
    this.#byName = byName(next)
    for (const provider of former.values()) {
      if (this.#byName.get(provider.name) !== provider) provider.forgetLimits()
      if (this.#byName.has(provider.name)) continue
      provider.retire()
      this.recordUses(provider.name)
      this.#withdrawn.withdraw(provider)
    }
    for (const provider of next) if (!former.has(provider.name)) this.#withdrawn.giveBack(provider)
    this.planner.configure(settings, next)
    this.#parts.onSettled()
  }

  /** Whether no connection is open through withdrawn addresses. */
  get isDrained(): boolean {
    return this.#parts.pool.isDrained
  }

  #takeOver(known: Provider | undefined, next: SupplySource, now: number): Provider {
    if (known === undefined) return this.#open(next)
    if (known.source === next.source) {
      known.configure(next.settings)
      return known
    }
    const provider = this.#open(next)
    if (next.isEphemeral === true) {
      known.retire()
      this.#withdrawn.withdraw(known)
    } else {
      known.close()
      provider.succeed(known, now)
    }
    return provider
  }

  /** Restores what an earlier process left. To be called before clients are served. */
  restore(past: Restored): void {
    const alive = past.upstreams.filter(({ state }) => state === 'alive').length
    if (past.upstreams.length > 0)
      this.#log.info({ alive, held: past.upstreams.length }, 'addresses of an earlier run are there')
    const held = Map.groupBy(past.upstreams, ({ facts }) => facts.provider)
    for (const order of past.unknown)
      this.provider(order.provider)?.restoreUnknown(order, held.get(order.provider) ?? [])
    this.#withdrawn.keep(past.upstreams)
    for (const provider of this.providers) this.#withdrawn.giveBack(provider)
  }

  /** Another host of the cluster has bought these, or knows them. */
  adopt(upstreams: readonly RestoredUpstream[]): void {
    const now = this.#clock.now()
    for (const [name, own] of Map.groupBy(upstreams, ({ facts }) => facts.provider))
      this.provider(name)?.adopt(own, now)
  }

  /** All addresses that the providers lend now. */
  get lendable(): readonly RestoredUpstream[] {
    return this.providers.flatMap((provider) => provider.lendable)
  }

  /** This host buys from now on: it asks for the result of what the former planner left open. */
  takeOver(): void {
    const now = this.#clock.now()
    for (const provider of this.providers) provider.restore([], now)
    this.planner.plan()
  }

  /** Resolves when the lists have been read, or could not be. */
  readLists(): Promise<void> {
    return this.planner.readLists()
  }

  /** Reads the lists; purchases wait for demand. */
  start(): void {
    this.planner.plan()
  }

  provider(name: string): Provider | undefined {
    return this.#byName.get(name)
  }

  /** The pool's next change by time may be earlier than before. */
  poolRescheduled(): void {
    this.#reaper.arm()
  }

  upstreamGone(upstream: Upstream, reason: GoneReason): void {
    this.provider(upstream.facts.provider)?.left(upstream, reason)
    this.planner.stockChanged()
  }

  /** A vendor reported a change; the report does not say reliably which one, so everything is queried. */
  hint(): void {
    for (const provider of this.providers) provider.hint()
  }

  lineDown(provider: string, broken: number): void {
    this.provider(provider)?.addressOutcomes.lineDown(broken)
  }

  lineUp(provider: string): void {
    this.provider(provider)?.addressOutcomes.lineUp()
  }

  firstUse(upstream: Upstream, worked: boolean, cause: Breakage | 'login' | undefined): void {
    this.provider(upstream.facts.provider)?.addressOutcomes.firstUse(upstream, worked, cause)
  }

  /** Orders from one provider for the operator, without regard to the demand: what is missing of the floor, at least one. */
  orderNow(name: string): 'ordered' | 'unknown' | 'not now' {
    const provider = this.provider(name)
    if (provider === undefined) return 'unknown'
    return this.planner.orderNow(provider) ? 'ordered' : 'not now'
  }

  /** For the next process. @param provider whose addresses; undefined: all */
  recordUses(provider?: string): void {
    const { pool, store } = this.#parts
    for (const { id, facts, worked, uses, usesReserved } of pool.members())
      if (uses + usesReserved > Number(worked) && facts.provider === (provider ?? facts.provider))
        store.opened(id, uses + usesReserved)
  }

  /** Buys nothing any more; held addresses leave at their deadlines. */
  stopBuying(): void {
    this.planner.close()
    for (const provider of this.providers) provider.close()
  }

  /** Buys nothing any more, and gives good addresses back to their vendors if configured. @param signal limits the time for it */
  async giveBack(signal: AbortSignal): Promise<void> {
    this.stopBuying()
    await Promise.all(this.providers.map((provider) => provider.giveBack(signal)))
  }

  close(): void {
    this.stopBuying()
    this.#reaper.close()
  }
}
