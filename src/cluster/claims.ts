/**
 * What a host asks the store for: addresses that no host owns, as its clients need them, and addresses of other hosts that sessions
 * here live on. While spare addresses are on their way, none need be bought.
 */
import type { Timer } from '../clock.ts'
import { internalErrors, runInBackground } from '../internal-errors.ts'
import type { Upstream } from '../pool/upstream.ts'
import { StoreError } from '../store/errors.ts'
import { claimScript } from '../store/redis/ownership-scripts.ts'
import type { LocalDemand } from './local-demand.ts'
import type { Owned } from './owner-table.ts'
import type { OwnershipDeps, OwnershipParts } from './ownership-contract.ts'

/** A wish for one address is repeated so often, ms. */
export const WANT_EVERY_MS = 1_000
/** Addresses are moved within this time: only after it, new ones are bought for waiting clients, ms. */
const MOVE_MS = 1_200
const MOST_CANDIDATES = 200

interface ClaimsDeps extends OwnershipDeps {
  readonly demand: LocalDemand
  /** So long after a failover no host may claim, ms. */
  readonly quietMs: number
  /** What no host owns. */
  readonly unowned: ReadonlySet<Upstream>
  /** This host owns the address. */
  readonly granted: (id: string, owned: Owned) => void
}

export class Claims {
  readonly #deps: ClaimsDeps
  readonly #parts: OwnershipParts
  /** When this host has asked for an address last. */
  readonly #askedFor = new Map<string, number>()
  #isClaiming = false
  #isClosed = false
  /** Since when clients wait without a break. */
  #waitingSince: number | undefined
  #moveTimer: Timer | undefined

  constructor(deps: ClaimsDeps, parts: OwnershipParts) {
    this.#deps = deps
    this.#parts = parts
  }

  /** Asks when all that happens now has happened. */
  soon(): void {
    if (!this.#isClaiming && !this.#isClosed) runInBackground(Promise.resolve().then(() => this.#claim()))
  }

  /** The address is here, or has left the pool. */
  forget(id: string): void {
    this.#askedFor.delete(id)
  }

  /** Whether clients here wait for an address that another host may give. */
  get isWaiting(): boolean {
    const { filters, upstreams } = this.#parts.wants()
    return filters.length > 0 || upstreams.some(({ upstream }) => upstream.isElsewhere)
  }

  /**
   * Whether spare addresses are being moved to the clients that wait here: nothing need be bought for them yet.
   * @param isWaiting whether clients wait
   * @param spareElsewhere what other hosts can spare
   */
  isMoving(isWaiting: boolean, spareElsewhere: number): boolean {
    const { clock, unowned } = this.#deps
    if (!isWaiting) {
      this.#waitingSince = undefined
      return false
    }
    this.#waitingSince ??= clock.now()
    const endsAt = this.#waitingSince + MOVE_MS
    const isSpare = spareElsewhere > 0 || [...unowned].some(({ state }) => state === 'ready')
    if (clock.now() >= endsAt || !isSpare) return false
    this.#moveTimer?.clear()
    this.#moveTimer = clock.after(endsAt - clock.now(), () => this.#parts.review())
    return true
  }

  async #claim(): Promise<void> {
    const ask = this.#isClaiming || this.#isClosed ? undefined : this.#ask()
    if (ask === undefined) return
    this.#isClaiming = true
    let gained = 0
    try {
      const answer = (await this.#deps.runner.run(claimScript, ask)) as { granted: (Owned & { id: string })[] }
      for (const { id, ...owned } of Array.isArray(answer.granted) ? answer.granted : []) {
        gained++
        this.#deps.granted(id, { ...owned, owner: this.#deps.host })
      }
    } catch (error) {
      if (!(error instanceof StoreError)) internalErrors.report(error)
      // The next heartbeat asks again, and brings what was granted.
    } finally {
      this.#isClaiming = false
    }
    if (gained > 0) this.soon()
  }

  /** @returns undefined when no address is needed, or none may be claimed */
  #ask(): object | undefined {
    const { host, demand, quietMs, settings } = this.#deps
    const { pool, wants } = this.#parts
    const { holdMs, countsUses } = settings()
    const ids = new Set<string>()
    let count = 0
    const candidates = [...this.#claimable()].sort((a, b) => a.deadline - b.deadline)
    for (const { filter, clients } of wants().filters) {
      const fitting = candidates.filter(({ facts }) => filter.accepts(facts)).slice(0, MOST_CANDIDATES)
      count += Math.min(fitting.length, demand.addressesFor(filter, clients))
      for (const { id } of fitting) ids.add(id)
    }
    const ahead = demand.ahead(this.#parts) - pool.lendableCount
    if (ahead > 0) {
      count += Math.min(candidates.length, ahead)
      for (const { id } of candidates.slice(0, MOST_CANDIDATES)) ids.add(id)
    }
    const wanted = this.#wanted()
    if (count === 0 && wanted.length === 0) return undefined
    return { host, quietMs, count, ids: [...ids], wanted, ...(countsUses ? {} : { holdMs }) }
  }

  /** What sessions here wait for, with these sessions: one of them may have the address alone. */
  #wanted(): { readonly id: string; readonly sessions: readonly string[] }[] {
    const { clock, store } = this.#deps
    const now = clock.now()
    return this.#parts.wants().upstreams.flatMap(({ upstream: { id, isElsewhere, isLost }, sessionKeys }) => {
      const askedAt = this.#askedFor.get(id) ?? Number.NEGATIVE_INFINITY
      if (!isElsewhere || isLost || askedAt > now - WANT_EVERY_MS) return []
      this.#askedFor.set(id, now)
      return [{ id, sessions: sessionKeys.map((key) => store.digestOf(key)) }]
    })
  }

  /** What no host owns, and what a host owned whose last heartbeat was long ago. */
  *#claimable(): Generator<Upstream> {
    for (const upstream of this.#deps.unowned) if (upstream.state === 'ready') yield upstream
    if (this.#deps.settings().countsUses) return
    for (const upstream of this.#parts.pool.members()) if (upstream.isLost) yield upstream
  }

  close(): void {
    this.#isClosed = true
    this.#moveTimer?.clear()
  }
}
