/**
 * Addresses of providers that are not configured now: bought by an earlier process, or withdrawn by a reload. They are paid for,
 * and lent again when their provider is configured again while they live.
 */
import type { Clock } from '../clock.ts'
import type { Pool } from '../pool/pool.ts'
import type { RestoredUpstream } from '../store/contract.ts'
import type { Provider } from './provider.ts'

export class Withdrawn {
  readonly #clock: Clock
  readonly #pool: Pool
  readonly #byProvider = new Map<string, readonly RestoredUpstream[]>()

  constructor(clock: Clock, pool: Pool) {
    this.#clock = clock
    this.#pool = pool
  }

  /** State of an earlier process. */
  keep(upstreams: readonly RestoredUpstream[]): void {
    for (const [name, own] of Map.groupBy(upstreams, ({ facts }) => facts.provider)) this.#byProvider.set(name, own)
  }

  /** Takes the provider's addresses out of the pool: they are not lent any more, and open tunnels continue. */
  withdraw(provider: Provider): void {
    this.#forgetEnded()
    if (provider.settings.isRemembered) this.#byProvider.set(provider.name, provider.lendable)
    for (const upstream of [...this.#pool.members()]) {
      if (upstream.facts.provider === provider.name) this.#pool.remove(upstream, 'withdrawn')
    }
  }

  /** The provider is configured (again): its living addresses are lent, the rest occupies its channels. */
  giveBack(provider: Provider): void {
    if (!provider.settings.isRemembered) return
    const upstreams = this.#byProvider.get(provider.name) ?? []
    this.#byProvider.delete(provider.name)
    provider.restore(upstreams, this.#clock.now())
  }

  #forgetEnded(): void {
    const now = this.#clock.now()
    for (const [name, upstreams] of this.#byProvider) {
      const left = upstreams.filter(({ vendorDeadline }) => vendorDeadline > now)
      if (left.length === 0) this.#byProvider.delete(name)
      else this.#byProvider.set(name, left)
    }
  }
}
