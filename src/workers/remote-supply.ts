/** A worker's view of supply: the control process buys, this sends it the demand. */

import type { Clock } from '../clock.ts'
import type { GatewayError } from '../errors.ts'
import { given } from '../given.ts'
import { keyOfProviders } from '../pool/filter.ts'
import type { Pool } from '../pool/pool.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { SupplyView, WaitingDemand } from '../proxy/lease-contract.ts'
import { holds } from '../supply/outlook.ts'
import { type ProviderOutlook, readOutlooks } from '../supply/plain-outlook.ts'
import type { DemandReport } from '../supply/planner-role.ts'
import type { PlainWaiting } from './messages.ts'

interface RemoteSupplyParts {
  readonly clock: Clock
  readonly pool: Pool
  readonly waitTimeoutMs: () => number
  readonly isConfigured: (provider: string) => boolean
  /** Other clients wait than before. */
  readonly onWaiting: () => void
}

/** A reload has removed the provider for which a client waits: it may go to another one. */
const removed = (name: string): ProviderOutlook => ({
  code: 'GW_NO_SUPPLY',
  message: `provider "${name}" cannot bring addresses now`,
})

export class RemoteSupply implements SupplyView {
  readonly #parts: RemoteSupplyParts
  readonly #groups = new Map<string, { readonly providers: readonly string[] | undefined; asked: number }>()
  #waiting: readonly WaitingDemand[] = []
  #outlooks: Readonly<Record<string, ProviderOutlook>> = {}
  #isChanged = false

  constructor(parts: RemoteSupplyParts) {
    this.#parts = parts
  }

  asked(providers: readonly string[] | undefined): void {
    const key = keyOfProviders(providers)
    const group = this.#groups.get(key)
    if (group === undefined) this.#groups.set(key, { providers, asked: 1 })
    else group.asked++
    this.#isChanged = true
  }

  queueChanged(waiting: readonly WaitingDemand[]): void {
    if (waiting.length === 0 && this.#waiting.length === 0) return
    this.#waiting = waiting
    this.#parts.onWaiting()
  }

  outlook(providers: readonly string[] | undefined, tried: readonly Upstream[]): GatewayError | undefined {
    const { clock, pool } = this.#parts
    const names = providers ?? Object.keys(this.#outlooks)
    const waiter = { tried, waitTimeout: this.#parts.waitTimeoutMs(), now: clock.now() }
    if (names.some((name) => holds(name, pool, waiter))) return undefined
    return readOutlooks(names.map((name) => (this.#parts.isConfigured(name) ? this.#outlooks[name] : removed(name))))
  }

  /** What may come, by the control process. @returns whether it has changed */
  setOutlooks(outlooks: Readonly<Record<string, ProviderOutlook>>): boolean {
    const hasChanged = JSON.stringify(outlooks) !== JSON.stringify(this.#outlooks)
    this.#outlooks = outlooks
    return hasChanged
  }

  get waiting(): readonly PlainWaiting[] {
    return this.#waiting.map(({ providers, count, limited }) => ({ ...given({ providers }), count, limited }))
  }

  /** Leases that were demand, if there were any since the last call. */
  takeAsked(): DemandReport['groups'] | undefined {
    if (!this.#isChanged) return undefined
    this.#isChanged = false
    return [...this.#groups.values()].map(({ providers, asked }) => ({ ...given({ providers }), asked }))
  }
}
