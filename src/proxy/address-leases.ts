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
import { internalFailure } from '../internal-errors.ts'
import type { Filter } from '../pool/filter.ts'
import type { Pool } from '../pool/pool.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { Strategy } from '../strategy.ts'
import { IndexedHeap } from '../structures/indexed-heap.ts'
import type { LeaseRequest } from './lease-contract.ts'
import type { LeaseQueue } from './lease-queue.ts'
import type { Route } from './router.ts'

/** An address that a program uses. */
export interface AddressLease {
  /** Identifies it for `release`; cannot be guessed. */
  readonly id: string
  readonly upstream: Upstream
  /** The user in the waiting queue, who may release it. */
  readonly user: string
  /** Clock ms. */
  endsAt: number
  /** Called once when it ends. */
  readonly ended: (() => void) | undefined
}

export interface TakeOrder {
  readonly route: Route
  readonly user: string
  /** Target host, in lower case; empty for any. */
  readonly host: string
  readonly count: number
  /** How long the addresses are lent at most, ms. */
  readonly holdMs: number
  /** False: only what is available now. */
  readonly waits: boolean
  /** An address that the user already has is the same lease, which is extended. */
  readonly isMerged: boolean
  /** Called for each address before it is lent. @throws {GatewayError} which ends the batch */
  readonly begin: (upstream: Upstream) => (() => void) | undefined
}

interface AddressLeasesParts {
  readonly clock: Clock
  readonly pool: Pool
  readonly leaseQueue: LeaseQueue
}

const ID_BYTES = 16

export class AddressLeases {
  readonly #parts: AddressLeasesParts
  readonly #held = new Map<string, AddressLease>()
  readonly #byEnd = new IndexedHeap<AddressLease>((lease) => lease.endsAt)
  #timer: Timer | undefined

  constructor(parts: AddressLeasesParts) {
    this.#parts = parts
  }

  /**
   * Lends different addresses, as many as are available within `wait.timeout`.
   * @param signal the program has closed its connection: the leases are taken back
   * @throws {GatewayError} why there is none; the signal's reason
   */
  async take(order: TakeOrder, signal: AbortSignal): Promise<readonly AddressLease[]> {
    const { leaseQueue } = this.#parts
    const batch = new Batch(order, (upstream) => this.#lend(upstream, order), leaseQueue)
    const abort = () => batch.close()
    signal.addEventListener('abort', abort)
    try {
      await batch.run()
    } finally {
      signal.removeEventListener('abort', abort)
    }
    if (signal.aborted) {
      for (const { id } of batch.lent) this.#end(id)
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
    for (let lease = this.#heldBy(user, upstream); lease !== undefined; lease = this.#heldBy(user, upstream))
      this.#end(lease.id)
  }

  /** Ends all. */
  close(): void {
    for (const id of [...this.#held.keys()]) this.#end(id)
    this.#timer?.clear()
  }

  #lend(upstream: Upstream, { user, holdMs, isMerged, begin }: TakeOrder): AddressLease {
    const { clock, pool } = this.#parts
    const now = clock.now()
    const endsAt = Math.min(now + holdMs, upstream.deadline)
    const held = isMerged ? this.#heldBy(user, upstream) : undefined
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
    const id = randomBytes(ID_BYTES).toString('base64url')
    const lease = { id, upstream, user, endsAt, ended }
    this.#held.set(id, lease)
    this.#byEnd.add(lease)
    this.#schedule()
    return lease
  }

  #heldBy(user: string, upstream: Upstream): AddressLease | undefined {
    for (const lease of this.#held.values()) if (lease.user === user && lease.upstream === upstream) return lease
    return undefined
  }

  #end(id: string): void {
    const lease = this.#held.get(id)
    if (lease === undefined) return
    const { clock, pool } = this.#parts
    this.#held.delete(id)
    this.#byEnd.remove(lease)
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

/** The requests of one order: each waits on its own, and none gets an address that another one has. */
class Batch {
  readonly lent: AddressLease[] = []
  error: GatewayError | undefined
  readonly #order: TakeOrder
  readonly #lend: (upstream: Upstream) => AddressLease
  readonly #leaseQueue: LeaseQueue
  readonly #waiting = new Set<BatchRequest>()
  #done: () => void = () => {}
  #isOver = false

  constructor(order: TakeOrder, lend: (upstream: Upstream) => AddressLease, leaseQueue: LeaseQueue) {
    this.#order = order
    this.#lend = lend
    this.#leaseQueue = leaseQueue
  }

  /** Resolves when each request was granted or denied. */
  run(): Promise<void> {
    return new Promise((resolve) => {
      this.#done = resolve
      for (let n = 0; n < this.#order.count && !this.#isOver; n++) {
        const before = this.lent.length
        const request = new BatchRequest(this.#order, this)
        this.#waiting.add(request)
        this.#leaseQueue.apply(request)
        if (!this.#order.waits && this.lent.length === before) break
      }
      if (!this.#order.waits || this.#waiting.size === 0) this.close()
    })
  }

  get tried(): readonly Upstream[] {
    return this.lent.map(({ upstream }) => upstream)
  }

  granted(request: BatchRequest, upstream: Upstream): void {
    this.#waiting.delete(request)
    try {
      this.lent.push(this.#lend(upstream))
    } catch (error) {
      this.denied(request, error instanceof GatewayError ? error : internalFailure())
      return void this.close()
    }
    if (this.#waiting.size === 0 && this.lent.length === this.#order.count) this.close()
  }

  denied(request: BatchRequest, error: GatewayError): void {
    this.#waiting.delete(request)
    this.error ??= error
    if (this.#waiting.size === 0) this.close()
  }

  /** Cancels the rest. */
  close(): void {
    this.#isOver = true
    for (const request of this.#waiting) this.#leaseQueue.withdraw(request)
    this.#waiting.clear()
    this.#done()
  }
}

class BatchRequest implements LeaseRequest {
  readonly strategy: Strategy
  readonly filter: Filter
  readonly host: string
  readonly lifeMs: number
  readonly user: string
  readonly sessionKey: string | undefined
  readonly strict: boolean
  readonly sessionUse = 'own'
  readonly uses: number
  readonly avoid: readonly Upstream[] = []
  readonly avoidLast: string | undefined
  readonly lastError = undefined
  readonly #batch: Batch

  constructor({ route, user, host }: TakeOrder, batch: Batch) {
    this.strategy = route.strategy
    this.filter = route.filter
    this.lifeMs = route.lifeMs
    this.sessionKey = route.sessionKey
    this.strict = route.strict
    this.uses = route.uses
    this.avoidLast = route.avoidLast
    this.host = host
    this.user = user
    this.#batch = batch
  }

  get tried(): readonly Upstream[] {
    return this.#batch.tried
  }

  granted(upstream: Upstream): void {
    this.#batch.granted(this, upstream)
  }

  denied(error: GatewayError): void {
    this.#batch.denied(this, error)
  }

  failInternally(): void {
    this.#batch.denied(this, internalFailure())
  }
}
