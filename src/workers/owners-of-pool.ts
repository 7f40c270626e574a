/**
 * The owners of the pool of record's upstreams, while these have limits: what workers say of them when they come, and what is
 * known of those whose owner has died.
 */
import type { Clock } from '../clock.ts'
import { carry } from '../pool/former-process.ts'
import { placesOn } from '../pool/limits.ts'
import type { Pool } from '../pool/pool.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { CarriedSession } from '../proxy/session-table.ts'
import type { Hello, MovingUpstream, PlainWaiting, ToWorker } from './messages.ts'
import { Owners } from './owners.ts'

interface OwnersParts {
  readonly clock: Clock
  readonly pool: Pool
  readonly send: (worker: number, message: ToWorker) => void
  /** Sessions that live on an upstream, as far as is known here. */
  readonly sessionsOn: (id: string) => readonly CarriedSession[]
  /** Workers that were there before this process. */
  readonly running: readonly number[]
  /** Whether a worker has ended with the control process before this one, or after it. */
  readonly mayHaveLost: boolean
}

/** In place of the number of a worker: the process that was taken over, in which leases run on. */
const BEFORE = -1

type Claim = Hello['upstreams'][number]

export class OwnersOfPool {
  readonly #parts: OwnersParts
  /** Undefined: upstreams have no limits, and every worker lends them. */
  #owners: Owners | undefined
  /** Workers that have not reported what they own: until then nothing is given out. */
  readonly #unreported: Set<number>
  /** What workers have said of upstreams that are not in the pool yet. */
  readonly #claims = new Map<string, { readonly worker: number; readonly claim: Claim }[]>()
  readonly #startedAt: number

  constructor(parts: OwnersParts) {
    this.#parts = parts
    this.#startedAt = parts.clock.now()
    this.#unreported = new Set(parts.running)
  }

  /** @param workers those that are to report again what runs in them, when this is a change */
  use(isOwned: boolean, workers: readonly number[]): void {
    if (isOwned === (this.#owners !== undefined)) return
    for (const worker of workers) this.#unreported.add(worker)
    this.#owners = isOwned ? this.#begin() : undefined
    this.#releaseWhenReported()
  }

  #begin(): Owners {
    const { clock, pool, send, sessionsOn } = this.#parts
    const owners = new Owners({
      send,
      carried: (id) => {
        const upstream = pool.get(id)
        if (upstream === undefined) return undefined
        const { sessions, isExclusive } = upstream
        return { ...carry(upstream, clock.now()), isExclusive, sessions: sessions === 0 ? [] : sessionsOn(id) }
      },
      lost: (id) => this.#rest(id),
    })
    owners.hold()
    for (const upstream of pool.members()) this.#add(owners, upstream)
    return owners
  }

  /** Its owner has ended: which hosts it was used for last is not known. */
  #rest(id: string): void {
    const { pool, clock } = this.#parts
    const upstream = pool.get(id)
    if (upstream !== undefined && pool.limits.hostRest > 0) pool.rest(upstream, clock.now() + pool.limits.hostRest)
  }

  #releaseWhenReported(): void {
    const { pool, clock, mayHaveLost } = this.#parts
    const owners = this.#owners
    if (owners === undefined || this.#unreported.size > 0 || !owners.isHeld) return
    // How often a worker has used what it owned is not known when both it and the control process have ended.
    if (mayHaveLost && pool.limits.uses > 0)
      for (const id of owners.unowned) {
        const upstream = pool.get(id)
        if (upstream !== undefined) pool.remove(upstream, 'used-up')
      }
    owners.release(clock.now())
  }

  /**
   * A worker has connected, or has given back everything that it owned.
   * @param isPort whether clients may come to it at any moment
   */
  joined(worker: number, claims: readonly Claim[], isPort: boolean): void {
    const { pool, clock } = this.#parts
    this.#owners?.joined(worker, isPort)
    for (const claim of claims) {
      const upstream = pool.get(claim.id)
      if (upstream !== undefined) this.#claimed(worker, upstream, claim)
      // Another control process may have to read it first.
      else this.#claims.set(claim.id, [...(this.#claims.get(claim.id) ?? []), { worker, claim }])
    }
    this.#unreported.delete(worker)
    this.#releaseWhenReported()
    this.#owners?.settle(clock.now())
  }

  #claimed(worker: number, upstream: Upstream, { uses, leases, isOwned }: Claim): void {
    // Only its owner counts on: the others know less.
    upstream.uses = Math.max(upstream.uses, uses)
    if (isOwned) this.#owners?.claim(worker, upstream.id, this.#parts.clock.now())
    else this.#owners?.runsElsewhere(worker, upstream.id, leases)
  }

  left(worker: number): void {
    this.#unreported.delete(worker)
    for (const [id, claims] of this.#claims)
      this.#claims.set(
        id,
        claims.filter((one) => one.worker !== worker),
      )
    this.#releaseWhenReported()
    this.#owners?.left(worker, this.#parts.clock.now())
  }

  /** Also when its login or its deadline has changed. */
  added(upstream: Upstream): void {
    const { clock, pool, mayHaveLost } = this.#parts
    const now = clock.now()
    // Its provider was away when this process started: how often it was used before is not known, as in #releaseWhenReported.
    const isNew = this.#owners?.isHeld === false && !this.#owners.has(upstream.id)
    const isOfBefore = mayHaveLost && isNew && upstream.facts.boughtAt < this.#startedAt
    if (isOfBefore && !this.#claims.has(upstream.id)) pool.ownership.spentElsewhere(upstream, now)
    if (this.#owners !== undefined) this.#add(this.#owners, upstream)
    for (const { worker, claim } of this.#claims.get(upstream.id) ?? []) this.#claimed(worker, upstream, claim)
    this.#claims.delete(upstream.id)
    this.#owners?.settle(now, upstream.id)
  }

  #add(owners: Owners, { id, facts }: Upstream): void {
    const { clock, pool } = this.#parts
    owners.added(id, facts.provider, clock.now())
    owners.runsElsewhere(BEFORE, id, pool.ownership.leasesThere(id))
  }

  /** A lease in the process that was taken over has ended. */
  endedBefore(id: string): void {
    this.#owners?.ended(BEFORE, id)
  }

  /** What is listed has been read: what workers have said of the rest is of no use. */
  endReading(): void {
    this.#claims.clear()
  }

  gone(id: string): void {
    this.#owners?.gone(id)
  }

  ownerOf(id: string): number | undefined {
    return this.#owners?.ownerOf(id)
  }

  demand(worker: number, change: { readonly waiting?: readonly PlainWaiting[]; readonly leases?: number }): void {
    this.#owners?.demand(worker, change, this.#parts.clock.now())
  }

  wanted(worker: number, id: string): void {
    this.#owners?.wanted(worker, id, this.#parts.clock.now())
  }

  /** Whether idle upstreams are on their way, or may be, that are enough for those who wait in a worker. O(upstreams). */
  mayServe(worker: number, waiting: readonly PlainWaiting[]): boolean {
    const { pool, clock } = this.#parts
    const owners = this.#owners
    if (owners === undefined || waiting.length === 0) return false
    return waiting.every(({ providers, count, limited }) => {
      let [idle, places] = [0, 0]
      for (const id of owners.comingTo(worker, providers, clock.now())) {
        const upstream = pool.get(id)
        if (upstream === undefined || upstream.leases > 0 || !pool.isLendable(upstream)) continue
        idle++
        places += placesOn(upstream, pool.limits)
        // The rest need not be seen.
        if (places >= count && idle >= limited.addresses) return true
      }
      return count <= 0 && limited.addresses <= 0
    })
  }

  /** Those that could be lent now are to belong to this worker. @returns the ids of what moves */
  claimLendable(worker: number, ids: readonly string[]): readonly string[] {
    const { pool } = this.#parts
    if (this.#owners === undefined) return []
    const moving = ids.filter((id) => {
      const upstream = pool.get(id)
      return upstream !== undefined && pool.isLendable(upstream) && this.ownerOf(id) !== worker
    })
    for (const id of moving) this.wanted(worker, id)
    return moving
  }

  ended(worker: number, id: string): void {
    this.#owners?.ended(worker, id)
  }

  disowned(worker: number, carried: MovingUpstream): void {
    this.#owners?.disowned(worker, carried, this.#parts.clock.now())
  }

  tick(): void {
    this.#owners?.tick(this.#parts.clock.now())
  }
}
