/**
 * Which upstream a request is lent: that of its session, or another one, on which its session then lives. Nothing here waits
 * (lease-queue.ts).
 */
import type { Miss } from '../pool/filter.ts'
import type { Pool } from '../pool/pool.ts'
import type { Upstream } from '../pool/upstream.ts'
import { GenerationalCache } from '../structures/generational-cache.ts'
import type { LeaseRequest, SupplyView } from './lease-contract.ts'
import { addressesToAvoid } from './rotation.ts'
import { besideKey } from './session-key.ts'
import { isSpent, type Session, type SessionTable } from './session-table.ts'

/** Clients whose last upstream is remembered. Two generations of them. */
const MAX_LAST = 10_000

/** Why there is no upstream: the session's own has left the pool, the session's own is full, or the pool has none. */
type NoLease = 'lost' | 'own-full' | Miss

interface LenderParts {
  readonly pool: Pool
  readonly sessionTable: SessionTable
  readonly supply: SupplyView
}

export class Lender {
  readonly #parts: LenderParts
  readonly #onMoved: (sessionKey: string, upstream: Upstream) => void
  /** Id of the upstream that was lent last, for clients that require another one. */
  readonly #last = new GenerationalCache<string>(MAX_LAST)

  /** @param onMoved a session has begun to live on this upstream */
  constructor(parts: LenderParts, onMoved: (sessionKey: string, upstream: Upstream) => void) {
    this.#parts = parts
    this.#onMoved = onMoved
  }

  sessionOf({ sessionKey }: LeaseRequest): Session | undefined {
    return sessionKey === undefined ? undefined : this.#parts.sessionTable.find(sessionKey)
  }

  /** The key of the session that is to serve the request in place of its own; undefined: its own. */
  besideKey({ sessionKey, permitted }: Pick<LeaseRequest, 'sessionKey' | 'permitted'>): string | undefined {
    if (sessionKey === undefined || permitted === undefined) return undefined
    const session = this.#parts.sessionTable.find(sessionKey)
    return session && besideKey(sessionKey, session.upstream.facts.provider, permitted)
  }

  /** The upstream of the session, when it is that one which shall serve the request, and can. */
  ownUpstream(
    { sessionUse, uses, filter, permitted }: LeaseRequest,
    session: Session | undefined,
    now: number,
  ): Upstream | undefined {
    if (session === undefined || sessionUse !== 'own' || isSpent(session, uses)) return undefined
    const { upstream } = session
    if (permitted?.includes(upstream.facts.provider) === false) return undefined
    const { minLifeMs = 0, exclusive = false } = filter.limits ?? {}
    if (!this.#parts.pool.canServeOwn(upstream, now, minLifeMs)) return undefined
    // Whether it can have one alone is for its owner to say: until then the session waits for it.
    return !exclusive || upstream.isElsewhere || this.#parts.pool.makeExclusive(upstream) ? upstream : undefined
  }

  /** Lends at once, or says why not. */
  lend(request: LeaseRequest, session: Session | undefined, now: number): Upstream | NoLease {
    const { sessionKey, sessionUse } = request
    const own = this.ownUpstream(request, session, now)
    if (own !== undefined) {
      if (!this.#parts.pool.leaseOwn(own, now, request.filter.limits)) return 'own-full'
      if (session !== undefined) session.uses++
      return own
    }
    if (session !== undefined && request.strict && sessionUse !== 'move' && !session.mustMove) return 'lost'
    const leased = this.#leaseOther(request, session, now)
    if (typeof leased === 'string') return leased
    this.#parts.supply.asked(request.filter.providers, now)
    if (request.avoidLast !== undefined) this.#last.set(request.avoidLast, leased.id)
    if (sessionKey === undefined || (session !== undefined && sessionUse === 'borrow')) return leased
    this.#parts.sessionTable.bind(sessionKey, leased).uses++
    this.#onMoved(sessionKey, leased)
    return leased
  }

  /** An upstream that the client wants to avoid is lent when there is no other; one whose uses the session has spent is not lent. */
  #leaseOther(request: LeaseRequest, session: Session | undefined, now: number): Upstream | Miss {
    const last = this.#lastOf(request)
    const isUsedUp = session !== undefined && request.sessionUse === 'own' && isSpent(session, request.uses)
    if (last.length === 0 && !isUsedUp) return this.#parts.pool.lease(request, now)
    const { strategy, filter, host, lifeMs, prefersProven = false } = request
    const ask = { strategy, filter, host, lifeMs, prefersProven }
    const tried = isUsedUp ? [...request.tried, ...this.#usedUp(request, session, now)] : request.tried
    const leased = this.#parts.pool.lease({ ...ask, tried: [...tried, ...last] }, now)
    if (typeof leased !== 'string' || last.length === 0) return leased
    return this.#parts.pool.lease({ ...ask, tried }, now)
  }

  #usedUp(request: LeaseRequest, session: Session, now: number): readonly Upstream[] {
    return session.mustMove ? addressesToAvoid(session, request, this.#parts.pool, now) : [session.upstream]
  }

  #lastOf({ avoid, avoidLast }: LeaseRequest): readonly Upstream[] {
    const last = avoidLast === undefined ? undefined : this.#parts.pool.get(this.#last.get(avoidLast) ?? '')
    return last === undefined ? avoid : [...avoid, last]
  }
}
