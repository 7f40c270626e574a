/**
 * Lends upstreams to clients, and lets clients wait for one. Those who wait are served user by user in turn (waiting-server.ts),
 * and the clients of one user in the order in which they came.
 *
 *   request ──▶ lease ──granted──▶ (the request's)
 *                │  ▲
 *      none free │  │ an upstream is lendable (`serve`)
 *                ▼  │
 *              waiting ──▶ denied: wait.timeout, no outlook, no room in the queue
 *
 * A session whose upstream is at its limit waits for that one (`canServeOwn`), everybody else for whatever fits the filter.
 */
import type { Clock } from '../clock.ts'
import type { GatewayError } from '../errors.ts'
import { containException } from '../internal-errors.ts'
import type { Filter, Miss } from '../pool/filter.ts'
import type { Pool } from '../pool/pool.ts'
import type { Upstream } from '../pool/upstream.ts'
import { TimeoutQueue } from '../structures/timeout-queue.ts'
import type { LeaseRequest, SessionDirectory, SupplyView } from './lease-contract.ts'
import { noMatch, nothingCame, queueFull, sessionLost, sessionUnknown } from './lease-denials.ts'
import { Lender } from './lender.ts'
import { SessionSearch } from './session-search.ts'
import type { SessionTable } from './session-table.ts'
import { type Waiting, type WaitingClass, WaitingList, type WaitsFor } from './waiting-list.ts'
import { WaitingServer } from './waiting-server.ts'

/** Others are asked for a session for so long in any case, ms: without their answer it may get a second address. */
const MIN_SEARCH_MS = 1_000

interface LeaseQueueSettings {
  /** Longest wait for an upstream, ms. */
  readonly timeoutMs: number
  /** Most clients that wait at the same time. */
  readonly queue: number
}

/** What clients wait for: any that fits a filter, or the upstreams that their sessions live on. */
export interface Wants {
  readonly filters: readonly { readonly filter: Filter; readonly clients: number }[]
  readonly upstreams: readonly { readonly upstream: Upstream; readonly sessionKeys: readonly string[] }[]
}

export class LeaseQueue {
  readonly #pool: Pool
  readonly #clock: Clock
  #settings: LeaseQueueSettings
  readonly #supply: SupplyView
  #timeouts: TimeoutQueue
  readonly #waiting: WaitingList
  readonly #lender: Lender
  readonly #server: WaitingServer
  readonly #search: SessionSearch
  /** Why nothing is lent any more. */
  #refusal: GatewayError | undefined
  /** Why no client waits any more. */
  #closing: GatewayError | undefined

  /** @param directory sessions of other hosts; undefined: there are none */
  constructor(
    pool: Pool,
    sessionTable: SessionTable,
    supply: SupplyView,
    settings: LeaseQueueSettings,
    clock: Clock,
    directory?: SessionDirectory,
  ) {
    this.#search = new SessionSearch(sessionTable, directory, (upstream, { filter }) =>
      pool.canServeOwn(upstream, clock.now(), filter.limits?.minLifeMs),
    )
    this.#pool = pool
    this.#supply = supply
    this.#settings = settings
    this.#clock = clock
    this.#timeouts = new TimeoutQueue(clock, settings.timeoutMs)
    this.#waiting = new WaitingList(settings.queue)
    this.#lender = new Lender({ pool, sessionTable, supply }, (sessionKey, leased) => {
      if (this.#waiting.moveSession(sessionKey, leased)) this.#server.examine(leased)
    })
    this.#server = new WaitingServer(
      { waiting: this.#waiting, lender: this.#lender, pool, clock },
      {
        forget: (waiting) => this.#forget(waiting),
        deny: (waiting, error) => this.#deny(waiting, error),
        apply: (request, now) => this.apply(request, now),
      },
    )
  }

  /** Clients that wait already keep the time that they were given. */
  configure(settings: LeaseQueueSettings): void {
    this.#settings = settings
    this.#waiting.max = settings.queue
    this.#timeouts = this.#timeouts.withDuration(settings.timeoutMs)
  }

  get wants(): Wants {
    const filters = [...this.#waiting.filterClasses].flatMap(({ filter, queue }) =>
      filter === undefined ? [] : [{ filter, clients: queue.size }],
    )
    const upstreams = [...this.#waiting.fullUpstreams].map((upstream) => {
      return { upstream, sessionKeys: [...this.#waiting.sessionsFor(upstream)] }
    })
    return { filters, upstreams }
  }

  get waitingCount(): number {
    return this.#waiting.size
  }

  /**
   * Grants at once, queues, or denies: exactly one of `granted` and `denied` is called, perhaps before this returns.
   * @param since clock ms at which other processes were asked for it first: that time is part of its wait
   */
  apply(request: LeaseRequest, now = this.#clock.now(), since?: number): void {
    if (this.#refusal !== undefined) return void request.denied(request.lastError ?? this.#refusal)
    this.chooseSession(request)
    if (this.#search.isKnown(request)) return void this.#applyHere(request, now, false, since)
    const askedAt = since ?? now
    const limit = { clock: this.#clock, ms: Math.max(0, askedAt + this.#searchMs - now) }
    this.#search.ask(request, limit, (isLate) => {
      try {
        const then = this.#clock.now()
        if (!isLate && this.chooseSession(request)) this.apply(request, then, askedAt)
        else this.#applyHere(request, then, isLate, askedAt)
      } catch (error) {
        containException(error, request)
      }
    })
  }

  /** Longest wait for the answer of other processes, ms. */
  get #searchMs(): number {
    return Math.max(this.#settings.timeoutMs, MIN_SEARCH_MS)
  }

  /** A session beside its own serves the request where its own lives at a provider that may not. @returns whether it does */
  chooseSession(request: LeaseRequest): boolean {
    const key = this.#lender.besideKey(request)
    if (key !== undefined) request.sessionKey = key
    return key !== undefined
  }

  /** @param isLate it has waited as long as it may, and is lent something now or never @param since as for `apply` */
  #applyHere(request: LeaseRequest, now: number, isLate: boolean, since: number | undefined): void {
    const session = this.#lender.sessionOf(request)
    const own = this.#lender.ownUpstream(request, session, now)
    const mustQueue = this.#waiting.classOf(own ?? request.filter) !== undefined
    const outcome = mustQueue ? (own === undefined ? 'busy' : 'own-full') : this.#lender.lend(request, session, now)
    if (typeof outcome !== 'string') request.granted(outcome, now)
    else if (outcome === 'lost') request.denied(sessionLost(request))
    else if (outcome === 'own-full' && !isLate) this.#enqueue(request, own ?? request.filter, since)
    else {
      const late = isLate ? (request.lastError ?? sessionUnknown(this.#searchMs)) : undefined
      const denial = (outcome === 'own-full' ? undefined : this.#denial(request, outcome)) ?? late
      if (denial === undefined) this.#enqueue(request, request.filter, since)
      else request.denied(denial)
    }
    // Requests before it may be unable to use an upstream that this one can use: it is served at once if possible.
    if (mustQueue || this.#server.isDue) this.#serve()
  }

  /** Calls back, perhaps at once, with the key of the session that is to serve the request, when it is known here. */
  lookUp(
    request: Pick<LeaseRequest, 'permitted'> & { readonly sessionKey: string },
    found: (key: string) => void,
  ): void {
    const { sessionKey } = request
    this.#search.lookUp(sessionKey, () => {
      const beside = this.#lender.besideKey(request)
      if (beside === undefined) found(sessionKey)
      else this.#search.lookUp(beside, () => found(beside))
    })
  }

  /** The request wants nothing more. Harmless when it does not wait. */
  withdraw(request: LeaseRequest): void {
    this.#search.withdraw(request)
    const waiting = this.#waiting.find(request)
    if (waiting === undefined) return
    this.#forget(waiting)
    this.#reportDemand()
  }

  /** This upstream may be lent again. O(classes) for each client that is served. */
  serve(upstream: Upstream): void {
    if (this.#waiting.size === 0) return
    this.#server.examine(upstream)
    this.#serve()
  }

  /** A client has moved its session: those of it that wait for their own upstream wait for this one. */
  sessionMoved(sessionKey: string, upstream: Upstream): void {
    if (this.#waiting.moveSession(sessionKey, upstream)) this.serve(upstream)
  }

  /** Calls back once, when all processes of this host use the new addresses of the sessions that were moved here. */
  whenMovesAreKnown(then: () => void): void {
    this.#search.whenKnown(then)
  }

  /** This upstream has left the pool: its sessions need another, and some filters may fit nothing any more. */
  upstreamGone(upstream: Upstream): void {
    this.serve(upstream)
    const now = this.#clock.now()
    for (const group of [...this.#waiting.filterClasses]) {
      const { filter } = group
      if (filter?.base === undefined || !filter.accepts(upstream.facts)) continue
      if (this.#pool.missOf(filter, now) === 'no-match') this.#denyHopeless(group)
    }
  }

  /** The outlook has changed: serves clients where possible, and denies those for which nothing will come. */
  review(): void {
    if (this.#waiting.size === 0) return
    for (const upstream of this.#waiting.fullUpstreams) this.#server.examine(upstream)
    this.#serve()
    for (const group of [...this.#waiting.filterClasses]) this.#denyHopeless(group)
    this.#reportDemand()
  }

  /** Whether a client waits for this upstream alone, which its session lives on. */
  isAwaited(upstream: Upstream): boolean {
    return this.#waiting.classOf(upstream) !== undefined
  }

  /** Whether upstreams are lent. */
  get isLending(): boolean {
    return this.#refusal === undefined
  }

  /** Another process lends the upstreams from now on: denies waiting and new clients, and those for which others are asked. */
  stopLending(error: GatewayError): void {
    this.#refusal = error
    for (const waiting of [...this.#waiting]) this.#deny(waiting, error)
    this.#search.close(error)
  }

  /** Undoes `stopLending`. */
  lendAgain(): void {
    this.#refusal = undefined
  }

  /** Denies everybody who waits, or would have to wait. What is free is still lent: a request under way may try another upstream. */
  close(error: GatewayError): void {
    this.#closing = error
    for (const waiting of [...this.#waiting]) this.#deny(waiting, error)
    this.#search.close(error)
    this.#timeouts.close()
  }

  #serve(): void {
    if (this.#server.serve()) this.#reportDemand()
  }

  /** The outlook is asked once for all that have tried nothing yet. */
  #denyHopeless({ filter, queue }: WaitingClass): void {
    if (filter === undefined) return
    const miss = this.#pool.missOf(filter, this.#clock.now())
    const common = { outlook: this.#supply.outlook(filter.providers, []) }
    for (const waiting of [...queue]) {
      const { request } = waiting
      const denial = this.#denial(request, miss, request.tried.length === 0 ? common : undefined)
      if (denial !== undefined) this.#deny(waiting, denial)
    }
  }

  #enqueue(request: LeaseRequest, waitsFor: WaitsFor, since: number | undefined): void {
    if (this.#closing !== undefined) return void request.denied(request.lastError ?? this.#closing)
    const leaving = this.#waiting.makeRoom(request.user)
    if (leaving === undefined) return void request.denied(queueFull(this.#waiting.size))
    for (const waiting of leaving) this.#deny(waiting, queueFull(this.#waiting.size))
    const waiting = this.#waiting.add(request, waitsFor, (late) => this.#gaveUp(late))
    this.#timeouts.add(waiting)
    if (since !== undefined) this.#endEarlier(waiting, since)
    this.#reportDemand()
  }

  /** The search was a part of its time. */
  #endEarlier(waiting: Waiting, since: number): void {
    const leftMs = since + this.#settings.timeoutMs - this.#clock.now()
    waiting.earlyEnd = this.#clock.after(Math.max(0, leftMs), () => this.#gaveUp(waiting))
  }

  #gaveUp(waiting: Waiting): void {
    const { filter, tried, lastError } = waiting.request
    const isForOwn = waiting.group.upstream !== undefined
    const outlook = isForOwn ? undefined : this.#supply.outlook(filter.providers, tried)
    this.#deny(
      waiting,
      lastError ?? outlook ?? nothingCame(this.#settings.timeoutMs, isForOwn, filter.limits?.exclusive),
    )
    this.#reportDemand()
  }

  #deny(waiting: Waiting, error: GatewayError): void {
    this.#forget(waiting)
    try {
      waiting.request.denied(error)
    } catch (exception) {
      containException(exception, waiting)
    }
  }

  #forget(waiting: Waiting): void {
    this.#waiting.remove(waiting)
    waiting.timeoutQueue?.remove(waiting)
    waiting.earlyEnd?.clear()
  }

  #reportDemand(): void {
    this.#supply.queueChanged(this.#waiting.demand)
  }

  #denial(
    request: LeaseRequest,
    miss: Miss,
    known?: { readonly outlook: GatewayError | undefined },
  ): GatewayError | undefined {
    if (miss === 'no-match') return noMatch(request.filter, this.#pool)
    const { outlook } = known ?? { outlook: this.#supply.outlook(request.filter.providers, request.tried) }
    return outlook === undefined ? undefined : (request.lastError ?? outlook)
  }
}
