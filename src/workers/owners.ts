/**
 * Which worker lends which upstream, where upstreams have limits. Kept by the control process; a worker lends what it owns and
 * asks nobody. Pure: messages go out through `send`, the caller brings the time.
 *
 *             own                    disown, give
 *   unowned ───────▶ owned by a worker ─────────▶ moving ──disowned──▶ unowned, and at once owned by the next
 *      ▲                    │                        │
 *      └───── the worker has ended: its uses are known, because it reports each before it spends it
 *
 * - An upstream is owned by one worker, or by none: `own` is sent only for one that is unowned.
 * - `elsewhere` counts the leases that run in workers which are not the owner. Each of them is reported to the owner when it ends.
 */
import { given } from '../given.ts'
import { shareOut } from '../pool/ownership.ts'
import type { MovingUpstream, PlainWaiting, ToWorker } from './messages.ts'

interface OwnersDeps {
  readonly send: (worker: number, message: ToWorker) => void
  /** The pool of record's state of an upstream; undefined: it is gone. */
  readonly carried: (id: string) => MovingUpstream | undefined
  /** The owner of an upstream has ended without saying how it left it. */
  readonly lost: (id: string) => void
}

interface Owned {
  readonly id: string
  readonly provider: string
  owner: number | undefined
  isMoving: boolean
  /** Worker -> leases that run in it, while it is not the owner. */
  readonly elsewhere: Map<number, number>
  /** Workers with clients whose session lives on it, the first first. */
  readonly waitingWorkers: number[]
  /** Whom it is to move to. */
  next: number | undefined
  /** Clock ms. */
  ownedSince: number
}

interface Member {
  waiting: readonly PlainWaiting[]
  /** Upstreams that it was given since it has said who waits. */
  given: number
  leases: number
  /** When it was last asked for upstreams that others need, clock ms. */
  askedAt: number
  readonly isPort: boolean
}

/** How long an upstream stays with the worker that a session has moved it to, ms: otherwise two sessions would move it back and forth. */
const HOLD_MS = 50
/** A worker that has given less than it was asked for is asked again after so long, ms. */
const ASK_AGAIN_MS = 50
/** A worker has reported the leases of an upstream that it was given so long ago, ms. */
const NEW_MS = 150

export class Owners {
  readonly #deps: OwnersDeps
  readonly #members = new Map<number, Member>()
  readonly #upstreams = new Map<string, Owned>()
  /** While workers of the gateway have not said what they own, nothing is given out. */
  #isHeld = false

  constructor(deps: OwnersDeps) {
    this.#deps = deps
  }

  /** Nothing is given out until `release`: what the others own is not known yet. */
  hold(): void {
    this.#isHeld = true
  }

  release(now: number): void {
    if (!this.#isHeld) return
    this.#isHeld = false
    for (const { id } of this.#upstreams.values()) this.#resync(id)
    this.settle(now)
  }

  /** The control process before this one may have ended with ends of leases that it had not passed on. */
  #resync(id: string): void {
    const upstream = this.#upstreams.get(id)
    if (upstream?.owner === undefined) return
    this.#deps.send(upstream.owner, { kind: 'elsewhere', id, leases: sumOf(upstream.elsewhere) })
  }

  get isHeld(): boolean {
    return this.#isHeld
  }

  /** Those that no worker owns. */
  get unowned(): readonly string[] {
    return [...this.#upstreams.values()].filter(({ owner }) => owner === undefined).map(({ id }) => id)
  }

  has(id: string): boolean {
    return this.#upstreams.has(id)
  }

  ownerOf(id: string): number | undefined {
    return this.#upstreams.get(id)?.owner
  }

  /** It has come into the pool: `settle` gives it out, when all that is known of it has been said. */
  added(id: string, provider: string, now: number): void {
    if (this.#upstreams.has(id)) return
    const state = { owner: undefined, isMoving: false, next: undefined, ownedSince: now }
    this.#upstreams.set(id, { id, provider, ...state, elsewhere: new Map(), waitingWorkers: [] })
  }

  gone(id: string): void {
    this.#upstreams.delete(id)
  }

  /**
   * A worker has come. It owns nothing, or what `claim` says.
   * @param isPort clients may come to it at any moment: it has an upstream ready
   */
  joined(worker: number, isPort: boolean): void {
    this.#members.set(worker, { waiting: [], given: 0, leases: 0, askedAt: Number.NEGATIVE_INFINITY, isPort })
  }

  /** A worker has said that it owns the upstream. */
  claim(worker: number, id: string, now: number): void {
    const upstream = this.#upstreams.get(id)
    if (upstream === undefined) return
    upstream.owner = worker
    upstream.ownedSince = now
    upstream.elsewhere.delete(worker)
    if (!this.#isHeld) this.#resync(id)
  }

  /** A worker that is not the owner has said how many leases run in it. */
  runsElsewhere(worker: number, id: string, leases: number): void {
    if (leases > 0) this.#upstreams.get(id)?.elsewhere.set(worker, leases)
    if (!this.#isHeld) this.#resync(id)
  }

  /** What is unowned may be given out. @param id one of them */
  settle(now: number, id?: string): void {
    if (this.#isHeld) return
    const upstreams = id === undefined ? this.#upstreams.values() : [this.#upstreams.get(id)]
    for (const upstream of upstreams)
      if (upstream?.owner === undefined && upstream !== undefined) this.#place(upstream, now)
  }

  /** The process has ended, and what was open in it. */
  left(worker: number, now: number): void {
    this.#members.delete(worker)
    const lost: string[] = []
    for (const upstream of this.#upstreams.values()) {
      const running = upstream.elsewhere.get(worker) ?? 0
      upstream.elsewhere.delete(worker)
      if (upstream.next === worker) upstream.next = undefined
      forget(upstream.waitingWorkers, worker)
      if (upstream.owner === worker) lost.push(upstream.id)
      else for (let n = 0; n < running; n++) this.#tellOwner(upstream)
    }
    for (const id of lost) {
      const upstream = this.#upstreams.get(id)
      if (upstream === undefined) continue
      upstream.owner = undefined
      upstream.isMoving = false
      this.#deps.lost(id)
      this.#place(upstream, now)
    }
  }

  /** A lease of a worker that is not the owner has ended. */
  ended(worker: number, id: string): void {
    const upstream = this.#upstreams.get(id)
    const running = upstream?.elsewhere.get(worker) ?? 0
    if (upstream === undefined || running === 0) return
    if (running === 1) upstream.elsewhere.delete(worker)
    else upstream.elsewhere.set(worker, running - 1)
    this.#tellOwner(upstream)
  }

  /** While it moves, the next owner gets the sum. */
  #tellOwner({ id, owner, isMoving }: Owned): void {
    if (owner !== undefined && !isMoving) this.#deps.send(owner, { kind: 'ended', id })
  }

  /** A client whose session lives on it waits in this worker. */
  wanted(worker: number, id: string, now: number): void {
    const upstream = this.#upstreams.get(id)
    if (upstream === undefined || upstream.owner === worker || upstream.waitingWorkers.includes(worker)) return
    upstream.waitingWorkers.push(worker)
    this.#serveWaitingWorker(upstream, now)
  }

  #serveWaitingWorker(upstream: Owned, now: number): void {
    const [next] = upstream.waitingWorkers
    if (next === undefined || upstream.isMoving || this.#isHeld) return
    if (upstream.owner === undefined) return void this.#place(upstream, now)
    if (now - upstream.ownedSince < HOLD_MS) return
    this.#take(upstream, next)
  }

  #take(upstream: Owned, next: number): void {
    if (upstream.owner === undefined || upstream.isMoving) return
    upstream.isMoving = true
    upstream.next = next
    this.#deps.send(upstream.owner, { kind: 'disown', id: upstream.id })
  }

  /** Its owner has given it up. @param carried its leases are those that run in that worker */
  disowned(worker: number, carried: MovingUpstream, now: number): void {
    const upstream = this.#upstreams.get(carried.id)
    if (upstream === undefined || upstream.owner !== worker) return
    upstream.owner = undefined
    upstream.isMoving = false
    if (carried.leases > 0) upstream.elsewhere.set(worker, carried.leases)
    this.#place(upstream, now, carried)
  }

  /** How many leases run in a worker, and what its clients wait for. */
  demand(worker: number, change: Partial<Pick<Member, 'waiting' | 'leases'>>, now: number): void {
    const member = this.#members.get(worker)
    if (member === undefined) return
    Object.assign(member, change)
    if (change.waiting !== undefined) member.given = 0
    if (member.waiting.length > 0) this.#rebalance(now)
  }

  /** Those that others own, or that the worker has owned for a moment: its clients that wait do not have them yet. */
  *comingTo(worker: number, providers: readonly string[] | undefined, now: number): Iterable<string> {
    for (const { id, owner, ownedSince, provider } of this.#upstreams.values()) {
      const isNew = owner !== worker || now - ownedSince < NEW_MS
      if (isNew && providers?.includes(provider) !== false) yield id
    }
  }

  /** To be called ten times a second. */
  tick(now: number): void {
    if (this.#isHeld) return
    for (const upstream of this.#upstreams.values())
      if (upstream.waitingWorkers.length > 0) this.#serveWaitingWorker(upstream, now)
    this.#rebalance(now)
  }

  /** Gives one that is unowned to the worker that needs it most. */
  #place(upstream: Owned, now: number, carried = this.#deps.carried(upstream.id)): void {
    if (this.#isHeld || upstream.owner !== undefined || carried === undefined) return
    const waiting = upstream.waitingWorkers.shift()
    const next = waiting ?? upstream.next ?? this.#neediest(upstream.provider)
    upstream.next = undefined
    const member = next === undefined ? undefined : this.#members.get(next)
    if (next === undefined || member === undefined) return
    member.given++
    upstream.owner = next
    upstream.ownedSince = now
    upstream.elsewhere.delete(next)
    const leases = sumOf(upstream.elsewhere)
    this.#deps.send(next, { kind: 'own', upstream: { ...carried, leases } })
  }

  /**
   * Of the workers where more clients wait for the provider than have been given an upstream, else of all, the one that is furthest
   * below its share of the upstreams.
   */
  #neediest(provider: string): number | undefined {
    const concerns = (waiting: PlainWaiting) => waiting.providers?.includes(provider) !== false
    const counts = this.#countsOf((upstream) => upstream.provider === provider)
    const total = [...counts.values()].reduce((sum, count) => sum + count, 1)
    const isWaiting = (worker: number) => this.#clientsOf(worker, concerns) > (this.#members.get(worker)?.given ?? 0)
    const missing = (worker: number, share: number) => share - (counts.get(worker) ?? 0)
    const shares = [...this.#shares(total, counts, concerns)]
    const [neediest] = shares.toSorted(
      ([a, ofA], [b, ofB]) => Number(isWaiting(b)) - Number(isWaiting(a)) || missing(b, ofB) - missing(a, ofA),
    )
    return neediest?.[0]
  }

  /** How many clients wait in a worker. */
  #clientsOf(worker: number, concerns: (waiting: PlainWaiting) => boolean): number {
    const waiting = this.#members.get(worker)?.waiting ?? []
    return waiting.filter(concerns).reduce((sum, { count }) => sum + count, 0)
  }

  #countsOf(fits: (upstream: Owned) => boolean): Map<number, number> {
    const counts = new Map([...this.#members.keys()].map((worker) => [worker, 0]))
    for (const upstream of this.#upstreams.values()) {
      const worker = upstream.isMoving ? (upstream.next ?? upstream.owner) : upstream.owner
      if (worker !== undefined && fits(upstream)) counts.set(worker, (counts.get(worker) ?? 0) + 1)
    }
    return counts
  }

  #shares(
    total: number,
    counts: ReadonlyMap<number, number>,
    concerns: (waiting: PlainWaiting) => boolean,
  ): Map<number, number> {
    const all = [...this.#members].map(([worker, { leases, isPort }]) => ({
      ...{ owner: String(worker), isPort, owned: counts.get(worker) ?? 0 },
      demand: leases + this.#clientsOf(worker, concerns),
    }))
    const owners = all.filter(({ isPort, demand }) => isPort || demand > 0)
    return new Map([...shareOut(total, owners)].map(([worker, share]) => [Number(worker), share]))
  }

  /**
   * Those who wait get what others have more of than their share: what is not needed there first, its owner knows. Beyond that they
   * get what is idle in workers where no client waits: shares follow the leases that run, and say nothing of what is idle.
   */
  #rebalance(now: number): void {
    if (this.#isHeld || this.#members.size < 2) return
    for (const [worker, { waiting }] of this.#members)
      for (const group of waiting) if (group.count > 0) this.#supply(worker, group, now)
  }

  #supply(worker: number, { providers, count }: PlainWaiting, now: number): void {
    const fits = ({ provider }: Owned) => providers?.includes(provider) !== false
    const counts = this.#countsOf(fits)
    const total = [...counts.values()].reduce((sum, owned) => sum + owned, 0)
    const key = providers?.join('\n')
    const concerns = (waiting: PlainWaiting) => waiting.providers?.join('\n') === key
    const shares = this.#shares(total, counts, concerns)
    const ofShare = Math.max(0, Math.min(count, (shares.get(worker) ?? 0) - (counts.get(worker) ?? 0)))
    let missing = ofShare
    for (const [other, member] of this.#members) {
      const owned = counts.get(other) ?? 0
      if (other === worker || owned === 0 || now - member.askedAt < ASK_AGAIN_MS) continue
      const asked = Math.min(missing, owned - (shares.get(other) ?? 0))
      const isIdleWanted = asked <= 0 && count > ofShare && this.#clientsOf(other, concerns) === 0
      if (asked <= 0 && !isIdleWanted) continue
      missing -= Math.max(0, asked)
      member.askedAt = now
      this.#deps.send(other, {
        ...{ kind: 'give', count: isIdleWanted ? count - ofShare : asked, ...given({ providers }) },
        ...(isIdleWanted ? { onlyIdle: true } : {}),
      })
    }
  }
}

function sumOf(counts: ReadonlyMap<number, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0)
}

function forget(list: number[], worker: number): void {
  const index = list.indexOf(worker)
  if (index >= 0) list.splice(index, 1)
}
