/** One provider's part of the inventory: kept equal in the account, in the pool and in the record. */
import { carriedMs, type GoneReason, type Upstream } from '../pool/upstream.ts'
import type { RestoredUpstream } from '../store/contract.ts'
import type { Followed } from '../vendors/contract/delivery.ts'
import type { ProviderContext } from './provider-context.ts'

type StockContext = Pick<ProviderContext, 'settings' | 'clock' | 'pool' | 'store' | 'inventory'>

export class Stock {
  readonly counts = {
    /** Addresses that have opened a tunnel. */
    used: 0,
    expiredUnused: 0,
    evictedByBlame: 0,
    /** For addresses that left the pool: how long at least one connection was open through them. */
    secondsUsed: 0,
  }
  readonly #parts: StockContext

  constructor(context: StockContext) {
    this.#parts = context
  }

  get size(): number {
    const { inventory, settings, clock } = this.#parts
    return inventory.heldFor(settings.name, clock.now())
  }

  /** The vendor's names of all of them. */
  get refs(): readonly string[] {
    const { inventory, settings, clock } = this.#parts
    return inventory.refsOf(settings.name, clock.now())
  }

  /**
   * What an earlier process left: living addresses are lent at once, the others occupy their channels.
   * @returns whether any of them is doubtful: only the vendor can tell whether it lives
   */
  restore(upstreams: readonly RestoredUpstream[], now: number): boolean {
    const { inventory, pool } = this.#parts
    for (const { facts, vendorDeadline, opened, uses = opened ? 1 : 0, state } of upstreams) {
      inventory.add(facts, vendorDeadline, now)
      inventory.noteUses(facts.id, uses)
      if (state === 'alive') pool.restore(facts, { worked: opened, uses }, now)
      if (state === 'gone') inventory.done(facts.id)
    }
    return upstreams.some(({ state }) => state === 'doubtful')
  }

  /** Takes out what the vendor says is gone, pending again, or replaced by another address under the same name. */
  drop(news: Followed): void {
    const { inventory, settings, pool } = this.#parts
    for (const told of new Set(news.sold.flatMap(({ ref }) => ref ?? []))) {
      const current = news.sold.filter(({ ref }) => ref === told)
      for (const id of inventory.idsOf(settings.name, told)) {
        const facts = pool.get(id)?.facts
        if (!current.some(({ host, port }) => host === facts?.host && port === facts.port)) this.takenBack(id)
      }
    }
    this.released([...news.gone, ...(news.pending ?? []).map(({ ref }) => ref)])
  }

  /** The vendor has taken these back: their channels are free, and they are not lent any more. */
  released(refs: readonly string[]): void {
    const { inventory, settings } = this.#parts
    for (const ref of refs) for (const id of inventory.idsOf(settings.name, ref)) this.takenBack(id)
  }

  /** It is not lent any more; open tunnels continue. */
  takenBack(id: string): void {
    const { pool } = this.#parts
    this.givenBack(id)
    const upstream = pool.get(id)
    if (upstream !== undefined) pool.remove(upstream, 'released')
  }

  /** The channel of one that has left the pool is free. */
  givenBack(id: string): void {
    this.#parts.inventory.release(id)
    this.#parts.store.released(id)
  }

  /** An upstream has left the pool. */
  left(upstream: Upstream, reason: GoneReason): void {
    const { clock, inventory, store } = this.#parts
    this.counts.secondsUsed += carriedMs(upstream, clock.now()) / 1_000
    if (reason === 'blamed') this.counts.evictedByBlame++
    if (upstream.opened === 0 && reason === 'expired') this.counts.expiredUnused++
    inventory.noteUses(upstream.id, upstream.uses + upstream.usesReserved)
    if (reason === 'released') inventory.release(upstream.id)
    if (reason === 'blamed' || reason === 'evicted' || reason === 'used-up') inventory.done(upstream.id)
    store.left(upstream.id, reason)
  }
}
