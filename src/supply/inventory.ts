/** What a vendor holds for us: each address occupies its channel until it ends there, in the pool or not. */
import type { Clock } from '../clock.ts'
import type { Pool } from '../pool/pool.ts'
import { carriedMs, type GoneReason, type Upstream } from '../pool/upstream.ts'
import type { RestoredUpstream, Store } from '../store/contract.ts'
import type { Followed } from '../vendors/contract.ts'
import { Ledger } from './ledger.ts'

export interface HoldingsParts {
  readonly clock: Clock
  readonly pool: Pool
  readonly store: Store
}

export class Holdings {
  readonly ledger = new Ledger()
  readonly counts = { expiredUnused: 0, evictedByBlame: 0, secondsUsed: 0 }
  readonly #clock: Clock
  readonly #pool: Pool
  readonly #store: Store

  constructor({ clock, pool, store }: HoldingsParts) {
    this.#clock = clock
    this.#pool = pool
    this.#store = store
  }

  get size(): number {
    return this.ledger.held(this.#clock.now())
  }

  /** The vendor's names of all of them. */
  get refs(): readonly string[] {
    return this.ledger.refs(this.#clock.now())
  }

  /** When the first of them ends, clock ms. */
  get earliestEnd(): number | undefined {
    return this.ledger.earliestEnd(this.#clock.now())
  }

  /**
   * What an earlier process left: those that live are lent at once, the others hold their channels.
   * @returns whether any of them is doubtful: only the vendor can tell whether it lives
   */
  restore(upstreams: readonly RestoredUpstream[], now: number): boolean {
    for (const { facts, vendorDeadline, opened, standing } of upstreams) {
      this.ledger.add(facts.id, vendorDeadline, now, facts.ref)
      if (standing === 'alive') this.#pool.add(facts, now)
      if (standing === 'gone') this.ledger.done(facts.id)
      const upstream = this.#pool.get(facts.id)
      if (upstream !== undefined) upstream.worked = opened
    }
    return upstreams.some(({ standing }) => standing === 'doubtful')
  }

  /** Takes out what the vendor says is gone, on its way again, or replaced by another address under the same name. */
  drop(news: Followed): void {
    for (const told of new Set(news.sold.flatMap(({ ref }) => ref ?? []))) {
      const current = news.sold.filter(({ ref }) => ref === told)
      for (const id of this.ledger.idsOf(told)) {
        const facts = this.#pool.get(id)?.facts
        if (!current.some(({ host, port }) => host === facts?.host && port === facts.port)) this.#takenBack(id)
      }
    }
    this.released([...news.gone, ...(news.pending ?? []).map(({ ref }) => ref)])
  }

  /** The vendor has taken these back: their channels are free, and nobody is lent them any more. */
  released(refs: readonly string[]): void {
    for (const ref of refs) for (const id of this.ledger.idsOf(ref)) this.#takenBack(id)
  }

  #takenBack(id: string): void {
    this.givenBack(id)
    const upstream = this.#pool.get(id)
    if (upstream !== undefined) this.#pool.remove(upstream, 'released')
  }

  /** The channel of one that has left the pool is free. */
  givenBack(id: string): void {
    this.ledger.release(id)
    this.#store.released(id)
  }

  /** An upstream has left the pool. */
  left(upstream: Upstream, reason: GoneReason): void {
    this.counts.secondsUsed += carriedMs(upstream, this.#clock.now()) / 1_000
    if (reason === 'blamed') this.counts.evictedByBlame++
    if (upstream.opened === 0 && reason === 'expired') this.counts.expiredUnused++
    if (reason === 'released') this.ledger.release(upstream.id)
    if (reason === 'blamed' || reason === 'used-up') this.ledger.done(upstream.id)
    this.#store.left(upstream.id, reason)
  }
}
