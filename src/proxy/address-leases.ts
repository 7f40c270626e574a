/**
 * Addresses lent to programs that connect to them themselves. Each is a lease like any other, with the same limits; it ends when
 * the program returns it, at the requested time, or at the address's deadline, whichever comes first.
 *
 *   take ──LeaseQueue──▶ granted ──▶ held ──▶ released
 *                          └── one batch: different addresses, within `wait.timeout`
 */
import { randomBytes } from 'node:crypto'
import type { Clock, Timer } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import type { Pool } from '../pool/pool.ts'
import type { Upstream } from '../pool/upstream.ts'
import { IndexedHeap } from '../structures/indexed-heap.ts'
import type { Connector } from '../upstream/connector.ts'
import { type AddressLease, LeaseBatch, type TakeOrder } from './lease-batch.ts'
import type { LeaseQueue } from './lease-queue.ts'

interface AddressLeasesParts {
  readonly clock: Clock
  readonly pool: Pool
  readonly leaseQueue: LeaseQueue
  /** Its connections that are open in advance count in the limits of an address. */
  readonly connector: Pick<Connector, 'trim'>
  /** `MAX_PER_USER` by default. */
  readonly maxPerUser?: number
}

const ID_BYTES = 16
/** Over it, the oldest lease of the user ends. */
const MAX_PER_USER = 10_000

/** The leases of one user, the oldest first. */
class UserLeases {
  readonly all = new Set<AddressLease>()
  readonly #byAddress = new Map<Upstream, Set<AddressLease>>()

  add(lease: AddressLease): void {
    this.all.add(lease)
    const same = this.#byAddress.get(lease.upstream)
    if (same === undefined) this.#byAddress.set(lease.upstream, new Set([lease]))
    else same.add(lease)
  }

  remove(lease: AddressLease): void {
    this.all.delete(lease)
    const same = this.#byAddress.get(lease.upstream)
    same?.delete(lease)
    if (same?.size === 0) this.#byAddress.delete(lease.upstream)
  }

  of(upstream: Upstream): Iterable<AddressLease> {
    return this.#byAddress.get(upstream) ?? []
  }
}

export class AddressLeases {
  readonly #parts: AddressLeasesParts
  readonly #held = new Map<string, AddressLease>()
  readonly #byUser = new Map<string, UserLeases>()
  readonly #byEnd = new IndexedHeap<AddressLease>((lease) => lease.endsAt)
  #timer: Timer | undefined

  constructor(parts: AddressLeasesParts) {
    this.#parts = parts
  }

  /**
   * Lends different addresses, as many as are available within `wait.timeout`.
   * @param signal the program has closed its connection: leases that it had before stay, the others are taken back
   * @throws {GatewayError} why there is none; the signal's reason
   */
  async take(order: TakeOrder, signal: AbortSignal): Promise<readonly AddressLease[]> {
    signal.throwIfAborted()
    const { leaseQueue } = this.#parts
    const begun: AddressLease[] = []
    if (order.isAlone === true) this.#freeOwn(order)
    const batch = new LeaseBatch(order, (upstream) => this.#lend(upstream, order, begun), leaseQueue)
    const abort = () => batch.close()
    signal.addEventListener('abort', abort)
    try {
      await batch.run()
    } finally {
      signal.removeEventListener('abort', abort)
    }
    if (signal.aborted) {
      for (const { id } of begun) this.#end(id)
      signal.throwIfAborted()
    }
    if (batch.lent.length === 0) throw batch.error ?? new GatewayError('GW_POOL_EMPTY', 'no address is free now')
    return batch.lent
  }

  /** @returns false when this user has no such lease */
  release(id: string, user: string): boolean {
    if (this.#held.get(id)?.user !== user) return false
    this.#end(id)
    return true
  }

  /** Ends the user's leases of an address. */
  releaseAddress(upstream: Upstream, user: string): void {
    for (const { id } of [...this.#heldBy(user, upstream)]) this.#end(id)
  }

  /** Ends all leases of an address: another host lends it. */
  endLeases(upstream: Upstream): void {
    for (const user of [...this.#byUser.keys()]) this.releaseAddress(upstream, user)
  }

  /** Ends all. */
  close(): void {
    for (const id of [...this.#held.keys()]) this.#end(id)
    this.#timer?.clear()
  }

  /** @param begun to which a new lease is added */
  #lend(upstream: Upstream, order: TakeOrder, begun: AddressLease[]): AddressLease {
    const { user, holdMs, isMerged, begin, route } = order
    const { clock, pool, connector } = this.#parts
    const now = clock.now()
    const endsAt = Math.min(now + holdMs, upstream.deadline, pool.ownership.lendsUntil)
    const held = isMerged ? [...this.#heldBy(user, upstream)].find((lease) => lease.isMerged) : undefined
    if (held !== undefined) {
      pool.release(upstream, false, now)
      held.endsAt = endsAt
      this.#byEnd.update(held)
      this.#schedule()
      return held
    }
    let ended: (() => void) | undefined
    try {
      ended = begin(upstream)
    } catch (error) {
      pool.release(upstream, false, now)
      throw error
    }
    pool.taken(upstream, now)
    connector.trim(upstream, pool.placesOn(upstream, route.filter))
    const id = randomBytes(ID_BYTES).toString('base64url')
    const lease = { id, upstream, user, endsAt, isMerged, ended }
    this.#add(lease)
    this.#schedule()
    begun.push(lease)
    return lease
  }

  /** Where no address is free, one that only this user has becomes free: its merged lease ends. */
  #freeOwn({ user, route: { filter } }: TakeOrder): void {
    const { clock, pool, leaseQueue } = this.#parts
    if (leaseQueue.waitingCount > 0 || pool.hasLendable(filter, clock.now())) return
    for (const { id, upstream, isMerged } of this.#byUser.get(user)?.all ?? []) {
      const isOnlyOurs = upstream.leases === 1 && upstream.sessions === 0
      if (isMerged && isOnlyOurs && upstream.state === 'ready' && filter.accepts(upstream.facts))
        return void this.#end(id)
    }
  }

  #add(lease: AddressLease): void {
    this.#makeRoom(lease.user)
    const own = this.#byUser.get(lease.user) ?? new UserLeases()
    this.#byUser.set(lease.user, own)
    this.#held.set(lease.id, lease)
    this.#byEnd.add(lease)
    own.add(lease)
  }

  #makeRoom(user: string): void {
    const { maxPerUser = MAX_PER_USER } = this.#parts
    const all = this.#byUser.get(user)?.all ?? new Set()
    const [oldest] = all
    if (all.size >= maxPerUser && oldest !== undefined) this.#end(oldest.id)
  }

  #heldBy(user: string, upstream: Upstream): Iterable<AddressLease> {
    return this.#byUser.get(user)?.of(upstream) ?? []
  }

  #end(id: string): void {
    const lease = this.#held.get(id)
    if (lease === undefined) return
    const { clock, pool } = this.#parts
    this.#held.delete(id)
    this.#byEnd.remove(lease)
    const own = this.#byUser.get(lease.user)
    own?.remove(lease)
    if (own?.all.size === 0) this.#byUser.delete(lease.user)
    pool.release(lease.upstream, true, clock.now())
    lease.ended?.()
  }

  #schedule(): void {
    this.#timer?.clear()
    const first = this.#byEnd.peek()
    const { clock } = this.#parts
    this.#timer = first && clock.after(Math.max(1, first.endsAt - clock.now()), () => this.#endDue())
  }

  #endDue(): void {
    const now = this.#parts.clock.now()
    for (let first = this.#byEnd.peek(); first !== undefined && first.endsAt <= now; first = this.#byEnd.peek())
      this.#end(first.id)
    this.#schedule()
  }
}
