/**
 * Serves the clients that wait, user by user in turn: of the classes in which a client may be served now, the one whose first user
 * was served longest ago is next.
 */
import type { Clock } from '../clock.ts'
import type { GatewayError } from '../errors.ts'
import { containException } from '../internal-errors.ts'
import type { Pool } from '../pool/pool.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { LeaseRequest } from './lease-contract.ts'
import { sessionLost } from './lease-denials.ts'
import type { Lender } from './lender.ts'
import type { Waiting, WaitingClass, WaitingList } from './waiting-list.ts'

interface WaitingServerParts {
  readonly waiting: WaitingList
  readonly lender: Lender
  readonly pool: Pool
  readonly clock: Clock
}

/** The queue, which removes those who are served. */
interface QueueOwner {
  /** The client waits no more. */
  forget(waiting: Waiting): void
  deny(waiting: Waiting, error: GatewayError): void
  apply(request: LeaseRequest, now: number): void
}

export class WaitingServer {
  readonly #parts: WaitingServerParts
  readonly #owner: QueueOwner
  /** Upstreams that have room again, or that a session has moved to: their waiting clients are examined. */
  readonly #changed: Upstream[] = []
  /** Classes in which no client can be served, as far as is known in this pass. */
  readonly #idle = new Set<WaitingClass>()
  #isServing = false

  constructor(parts: WaitingServerParts, owner: QueueOwner) {
    this.#parts = parts
    this.#owner = owner
  }

  /** Those who wait for this upstream are examined in the next pass, or in the one under way. */
  examine(upstream: Upstream): void {
    this.#changed.push(upstream)
  }

  /** Whether upstreams are to be examined. */
  get isDue(): boolean {
    return this.#changed.length > 0
  }

  /** @returns false when a pass is in progress: it begins again, because something has changed while a client was served */
  serve(): boolean {
    this.#idle.clear()
    if (this.#isServing) return false
    this.#isServing = true
    try {
      for (let next = this.#nextClass(); next !== undefined; next = this.#nextClass())
        if (!this.#serveOne(next)) this.#idle.add(next)
    } finally {
      this.#isServing = false
      this.#idle.clear()
      this.#changed.length = 0
    }
    return true
  }

  #nextClass(): WaitingClass | undefined {
    const { waiting, pool, clock } = this.#parts
    let next: WaitingClass | undefined
    let turn = Number.POSITIVE_INFINITY
    const consider = (group: WaitingClass | undefined) => {
      if (group === undefined || this.#idle.has(group)) return
      const itsTurn = waiting.turnOf(group)
      if (itsTurn >= turn) return
      next = group
      turn = itsTurn
    }
    for (const upstream of this.#changed) consider(waiting.classOf(upstream))
    const now = clock.now()
    for (const group of waiting.filterClasses)
      if (group.filter !== undefined && pool.hasLendable(group.filter, now)) consider(group)
    return next
  }

  /** @returns whether the class has changed: a client was served, denied or waits for something else now */
  #serveOne(group: WaitingClass): boolean {
    for (const waiting of group.queue) {
      try {
        if (this.#serveWaiting(waiting, group)) return true
      } catch (error) {
        // What one client's connection throws must not keep the others waiting.
        containException(error, waiting)
        return true
      }
    }
    return false
  }

  /** @returns whether its class has changed */
  #serveWaiting(waiting: Waiting, group: WaitingClass): boolean {
    const { waiting: list, lender, clock } = this.#parts
    const { request } = waiting
    const now = clock.now()
    if (lender.besideKey(request) !== undefined) {
      // Another request of the session has been served meanwhile, by a provider that may not serve this one.
      this.#owner.forget(waiting)
      this.#owner.apply(request, now)
      return true
    }
    const session = lender.sessionOf(request)
    const outcome = lender.lend(request, session, now)
    if (typeof outcome !== 'string') {
      list.endTurn(waiting.user, group)
      this.#owner.forget(waiting)
      request.granted(outcome, now)
      return true
    }
    if (outcome === 'lost') {
      this.#owner.deny(waiting, sessionLost(request))
      return true
    }
    const waitsFor = outcome === 'own-full' && session !== undefined ? session.upstream : request.filter
    if (list.classOf(waitsFor) === group) return false
    list.move(waiting, waitsFor)
    return true
  }
}
