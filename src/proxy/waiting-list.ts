/**
 * The clients that wait for an upstream, in three indexes: by class (what they wait for), by user (who may wait, and whose turn it
 * is), and as demand (for supply). Every change is O(1).
 *
 * Invariants
 * - A waiting client is in exactly one class: that of its filter, or that of the full upstream of its session.
 * - While two users wait, none has more than half of the places.
 * - `demand` counts those in filter classes: waiting for one certain upstream is no reason to buy another.
 */
import type { Timer } from '../clock.ts'
import { type Filter, keyOfProviders } from '../pool/filter.ts'
import type { Upstream } from '../pool/upstream.ts'
import { FairQueue, type Place } from '../structures/fair-queue.ts'
import { TimeoutEntry } from '../structures/timeout-queue.ts'
import type { LeaseRequest, WaitingDemand } from './lease-contract.ts'

/** What a client waits for: any upstream that fits a filter, or room on its session's own upstream. */
export type WaitsFor = Filter | Upstream

/** Clients that wait for the same. Either `filter` or `upstream` is set. */
export class WaitingClass {
  readonly filter: Filter | undefined
  readonly upstream: Upstream | undefined
  readonly queue = new FairQueue<Waiting>()

  constructor(waitsFor: WaitsFor) {
    if (isFilter(waitsFor)) this.filter = waitsFor
    else this.upstream = waitsFor
  }
}

/** One client that waits. */
export class Waiting extends TimeoutEntry {
  readonly request: LeaseRequest
  readonly user: string
  /** Managed by the WaitingList. */
  group: WaitingClass
  inGroup: Place<Waiting>
  readonly inAll: Place<Waiting>
  /** Ends its wait before the queue's timeout: a part of its time was over when it came. */
  earlyEnd: Timer | undefined = undefined
  readonly #onTimeout: (waiting: Waiting) => void

  constructor(
    request: LeaseRequest,
    user: string,
    group: WaitingClass,
    all: FairQueue<Waiting>,
    onTimeout: (waiting: Waiting) => void,
  ) {
    super()
    this.request = request
    this.user = user
    this.group = group
    this.inGroup = group.queue.add(user, this)
    this.inAll = all.add(user, this)
    this.#onTimeout = onTimeout
  }

  override onDeadline(): void {
    this.#onTimeout(this)
  }

  override failInternally(): void {
    this.request.failInternally()
  }
}

export class WaitingList {
  /** Largest number of waiting clients. */
  max: number
  readonly #byRequest = new Map<LeaseRequest, Waiting>()
  readonly #all = new FairQueue<Waiting>()
  readonly #byFilter = new Map<string, WaitingClass>()
  readonly #byUpstream = new Map<Upstream, WaitingClass>()
  readonly #bySession = new Map<string, Set<Waiting>>()
  /** When each waiting user was served last, or began to wait; counted in turns. */
  readonly #turns = new Map<string, number>()
  #turn = 0
  readonly #demand = new DemandCount()

  /** @param max largest number of waiting clients */
  constructor(max: number) {
    this.max = max
  }

  get size(): number {
    return this.#all.size
  }

  get demand(): readonly WaitingDemand[] {
    return this.#demand.groups
  }

  /** All of them, user by user. During iteration only the current one may be removed. */
  [Symbol.iterator](): Iterator<Waiting> {
    return this.#all[Symbol.iterator]()
  }

  find(request: LeaseRequest): Waiting | undefined {
    return this.#byRequest.get(request)
  }

  /** The class; undefined when it is empty. */
  classOf(waitsFor: WaitsFor): WaitingClass | undefined {
    return isFilter(waitsFor) ? this.#byFilter.get(waitsFor.key) : this.#byUpstream.get(waitsFor)
  }

  /** The classes of clients that wait for any upstream that fits a filter. */
  get filterClasses(): Iterable<WaitingClass> {
    return this.#byFilter.values()
  }

  /** The full upstreams whose sessions wait for room. */
  get fullUpstreams(): Iterable<Upstream> {
    return this.#byUpstream.keys()
  }

  /** The sessions that wait for this upstream, which they live on. */
  sessionsFor(upstream: Upstream): ReadonlySet<string> {
    const waiting = this.#byUpstream.get(upstream)?.queue ?? []
    return new Set([...waiting].flatMap(({ request: { sessionKey } }) => sessionKey ?? []))
  }

  add(request: LeaseRequest, waitsFor: WaitsFor, onTimeout: (waiting: Waiting) => void): Waiting {
    const { user } = request
    if (this.#all.countOf(user) === 0) this.#turns.set(user, ++this.#turn)
    const waiting = new Waiting(request, user, this.#open(waitsFor), this.#all, onTimeout)
    this.#byRequest.set(request, waiting)
    const { sessionKey } = request
    if (sessionKey !== undefined) this.#joinSession(sessionKey, waiting)
    if (isFilter(waitsFor)) this.#demand.add(request)
    return waiting
  }

  remove(waiting: Waiting): void {
    const { sessionKey } = waiting.request
    this.#byRequest.delete(waiting.request)
    this.#leave(waiting)
    if (sessionKey !== undefined) this.#leaveSession(sessionKey, waiting)
    this.#all.remove(waiting.inAll)
    if (this.#all.countOf(waiting.user) === 0) this.#turns.delete(waiting.user)
  }

  /** The client waits for something else now; it keeps its time limit, and its place is after the other clients of its user. */
  move(waiting: Waiting, waitsFor: WaitsFor): void {
    this.#leave(waiting)
    waiting.group = this.#open(waitsFor)
    waiting.inGroup = waiting.group.queue.add(waiting.user, waiting)
    if (isFilter(waitsFor)) this.#demand.add(waiting.request)
  }

  /** A session uses this upstream now: its clients wait for that one. @returns whether there are any */
  moveSession(sessionKey: string, upstream: Upstream): boolean {
    const waiting = this.#bySession.get(sessionKey)
    if (waiting === undefined) return false
    for (const one of waiting) if (waitsForOwn(one.request, upstream)) this.move(one, upstream)
    return true
  }

  /** The user has been served: in every class the others come first. */
  endTurn(user: string, group: WaitingClass): void {
    if (this.#turns.has(user)) this.#turns.set(user, ++this.#turn)
    group.queue.endTurn(user)
  }

  /** The turn of the user who is first in a class: the lower, the longer ago it was served. */
  turnOf(group: WaitingClass): number {
    return this.#turns.get(group.queue.first?.user ?? '') ?? Number.POSITIVE_INFINITY
  }

  /**
   * Makes room for one more client of a user.
   * @returns the clients that must leave for it; undefined when the client itself may not wait
   */
  makeRoom(user: string): readonly Waiting[] | undefined {
    const held = this.#all.countOf(user)
    const half = Math.max(1, Math.floor(this.max / 2))
    const isAlone = held === this.size
    if (!isAlone && held >= half) return undefined
    // The second user has arrived: the first one had all places and now has half of them.
    const excess = !isAlone && held === 0 && this.#all.users === 1 ? this.#newest(this.size - half) : []
    if (this.size - excess.length < this.max) return excess
    if (excess.length > 0) return undefined
    const largest = this.#all.largestUser()
    if (largest === undefined || this.#all.countOf(largest) <= held + 1) return undefined
    const newest = this.#all.newestOf(largest)
    return newest === undefined ? undefined : [newest.item]
  }

  /** The newest clients of the only user that waits. */
  #newest(count: number): readonly Waiting[] {
    return count <= 0 ? [] : [...this.#all].slice(-count)
  }

  #joinSession(sessionKey: string, waiting: Waiting): void {
    const others = this.#bySession.get(sessionKey)
    if (others === undefined) this.#bySession.set(sessionKey, new Set([waiting]))
    else others.add(waiting)
  }

  #leaveSession(sessionKey: string, waiting: Waiting): void {
    const others = this.#bySession.get(sessionKey)
    others?.delete(waiting)
    if (others?.size === 0) this.#bySession.delete(sessionKey)
  }

  #open(waitsFor: WaitsFor): WaitingClass {
    let group = this.classOf(waitsFor)
    if (group !== undefined) return group
    group = new WaitingClass(waitsFor)
    if (isFilter(waitsFor)) this.#byFilter.set(waitsFor.key, group)
    else this.#byUpstream.set(waitsFor, group)
    return group
  }

  #leave({ group, inGroup, request }: Waiting): void {
    group.queue.remove(inGroup)
    const { filter, upstream } = group
    if (filter !== undefined) this.#demand.remove(request)
    if (group.queue.size > 0) return
    if (filter !== undefined) this.#byFilter.delete(filter.key)
    if (upstream !== undefined) this.#byUpstream.delete(upstream)
  }
}

/** How many wait, by the providers that may serve them. Clients of one session share an upstream: they count once. */
class DemandCount {
  readonly #groups = new Map<string, CountedDemand>()
  readonly #sessions = new Map<string, number>()

  get groups(): readonly WaitingDemand[] {
    return [...this.#groups.values()]
  }

  add({ filter, sessionKey }: LeaseRequest): void {
    if (sessionKey !== undefined) {
      const others = this.#sessions.get(sessionKey) ?? 0
      this.#sessions.set(sessionKey, others + 1)
      if (others > 0) return
    }
    const { providers } = filter
    const key = keyOfProviders(providers)
    let group = this.#groups.get(key)
    if (group === undefined) {
      group = { providers, count: 0, limited: { count: 0, addresses: 0 } }
      this.#groups.set(key, group)
    }
    this.#change(group, filter, 1)
  }

  remove({ filter, sessionKey }: LeaseRequest): void {
    if (sessionKey !== undefined) {
      const others = (this.#sessions.get(sessionKey) ?? 1) - 1
      if (others > 0) return void this.#sessions.set(sessionKey, others)
      this.#sessions.delete(sessionKey)
    }
    const key = keyOfProviders(filter.providers)
    const group = this.#groups.get(key)
    if (group === undefined) return
    this.#change(group, filter, -1)
    if (group.count === 0) this.#groups.delete(key)
  }

  #change(group: CountedDemand, filter: Filter, by: 1 | -1): void {
    group.count += by
    const clients = clientsPerAddress(filter)
    if (clients === undefined) return
    group.limited.count += by
    group.limited.addresses += by / clients
  }
}

interface CountedDemand {
  readonly providers: readonly string[] | undefined
  count: number
  readonly limited: { count: number; addresses: number }
}

/** How many clients of this filter one new address serves at once; undefined when only the pool's limits apply. */
function clientsPerAddress({ limits }: Filter): number | undefined {
  if (limits === undefined) return undefined
  const { exclusive, connections, uses } = limits
  if (exclusive) return 1
  const least = Math.min(connections || Number.POSITIVE_INFINITY, uses || Number.POSITIVE_INFINITY)
  return least === Number.POSITIVE_INFINITY ? undefined : least
}

/** Another provider serves a target for which the session's may not (session-key.ts). */
function waitsForOwn({ sessionUse, permitted }: LeaseRequest, { facts }: Upstream): boolean {
  return sessionUse === 'own' && permitted?.includes(facts.provider) !== false
}

function isFilter(waitsFor: WaitsFor): waitsFor is Filter {
  return 'accepts' in waitsFor
}
