/** One order of `AddressLeases`: a request for each address, which wait in the queue like those of clients. */
import { GatewayError } from '../errors.ts'
import { internalFailure } from '../internal-errors.ts'
import type { Filter } from '../pool/filter.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { Strategy } from '../strategy.ts'
import type { LeaseRequest } from './lease-contract.ts'
import type { LeaseQueue } from './lease-queue.ts'
import type { Route } from './route.ts'

/** An address that a program uses. */
export interface AddressLease {
  /** Identifies it for `release`; cannot be guessed. */
  readonly id: string
  readonly upstream: Upstream
  /** The user in the waiting queue, who may release it. */
  readonly user: string
  /** Clock ms. */
  endsAt: number
  /** It stands for all requests of the user for this address. */
  readonly isMerged: boolean
  /** Called once when it ends. */
  readonly ended: (() => void) | undefined
}

export interface TakeOrder {
  readonly route: Route
  readonly user: string
  /** Target host, as `hostKey` gives it; empty for any. */
  readonly host: string
  readonly count: number
  /** How long the addresses are lent at most, ms. */
  readonly holdMs: number
  /** False: only what is available now. */
  readonly waits: boolean
  /** An address that the user already has is the same lease, which is extended. */
  readonly isMerged: boolean
  /** No other client is lent the address during the lease: it may be one that only this user has. */
  readonly isAlone?: boolean
  /** Called for each address before it is lent. @throws {GatewayError} which ends the batch */
  readonly begin: (upstream: Upstream) => (() => void) | undefined
}

/** The requests of one order: each waits on its own, and none gets an address that another one has. */
export class LeaseBatch {
  readonly lent: AddressLease[] = []
  error: GatewayError | undefined
  readonly #order: TakeOrder
  readonly #lend: (upstream: Upstream) => AddressLease
  readonly #leaseQueue: LeaseQueue
  readonly #waiting = new Set<BatchRequest>()
  #done: () => void = () => {}
  /** Each address has been asked for. */
  #hasAsked = false
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
      this.#hasAsked = true
      if (!this.#order.waits) this.close()
      else this.#closeIfDone()
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
    this.#closeIfDone()
  }

  denied(request: BatchRequest, error: GatewayError): void {
    this.#waiting.delete(request)
    this.error ??= error
    if (this.#waiting.size === 0) this.close()
  }

  #closeIfDone(): void {
    if (this.#hasAsked && this.#waiting.size === 0) this.close()
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
  sessionKey: string | undefined
  readonly permitted: readonly string[] | undefined
  readonly strict: boolean
  readonly sessionUse = 'own'
  readonly uses: number
  readonly avoid: readonly Upstream[] = []
  readonly avoidLast: string | undefined
  readonly lastError = undefined
  readonly #batch: LeaseBatch

  constructor({ route, user, host }: TakeOrder, batch: LeaseBatch) {
    this.strategy = route.strategy
    this.filter = route.filter
    this.lifeMs = route.lifeMs
    this.sessionKey = route.sessionKey
    this.permitted = route.permitted
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
