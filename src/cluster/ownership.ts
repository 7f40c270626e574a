/**
 * Addresses with limits belong to one host at a time: only that one lends them, so a limit is exact without a message for each lease.
 *
 *               claim, when clients need it                    given, when others need it more, or asked for by a session there
 *     unowned ───────────────────────────▶ here ─────────────────────────────▶ unowned, or another host's
 *        ▲                                                                        │
 *        └── its owner has been silent for `LEND_MS` and `holdMs`, and no use can be missing in the count ◀┘
 *
 * A host lends what it owns until `LEND_MS` after its last heartbeat, whatever its timers say (`Pool.lendUntil`). No other host is
 * given it before, by the server's clock; and not before `holdMs` have passed after that, by when what was open has ended. Where
 * uses are counted it never comes back from a dead host: each of them may have been spent.
 */
import type { Clock, Timer } from '../clock.ts'
import { runInBackground } from '../internal-errors.ts'
import type { Filter } from '../pool/filter.ts'
import { shareOut } from '../pool/ownership.ts'
import type { Pool } from '../pool/pool.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { LeaseQueue } from '../proxy/lease-queue.ts'
import { assertOwnersScript, claimScript, giveScript } from '../store/redis/ownership-scripts.ts'
import type { ScriptRunner } from '../store/redis/script.ts'
import { SendQueue } from '../store/redis/send-queue.ts'
import type { ServerTime } from '../store/redis/server-time.ts'
import { type Owned, OwnerTable, readHanded, writeHanded } from './owner-table.ts'

export interface OwnershipSettings {
  /** Clients that one address is for. */
  readonly perAddress: number
  /** What is open through an address of a host that is cut off has ended so long after that host may lend it no more, ms. */
  readonly holdMs: number
  /** Some clients may use an address so often only: of a dead host's it is not known how often that was. */
  readonly countsUses: boolean
}

export interface OwnershipDeps {
  readonly clock: Clock
  readonly runner: ScriptRunner
  readonly host: string
  readonly time: ServerTime
  readonly settings: () => OwnershipSettings
  /** Shorter in a simulation. */
  readonly times?: { readonly lendMs: number; readonly quietMs: number }
}

/** What addresses are shared out for. */
export interface OwnershipParts {
  readonly pool: Pool
  /** What clients wait for. */
  wants(): LeaseQueue['wants']
  /** Another host is to lend the address: nothing is kept connected to it here for a client that may come. */
  handedOver(upstream: Upstream): void
  /** Another host may lend the address: what is open through it must end. */
  endLeases(upstream: Upstream): void
  /** Waiting clients should ask again. */
  review(): void
  /** Leases of clients that were demand for addresses, ever. */
  asked(): number
}

/** Addresses with limits that the other hosts lack, have too many of, and what their clients need in all. */
export interface OthersWants {
  readonly needs: number
  readonly spare: number
  readonly demand: number
}

/** A host that the store does not hear lends what it owns for so long, ms. */
const LEND_MS = 600_000
/** After a failover each host that is alive says within so long what it owns; before, no host claims, ms. */
const QUIET_MS = 12_000
/** A wish for one address is repeated so often, ms. */
const WANT_EVERY_MS = 1_000
/** Addresses are moved within this time: only after it, new ones are bought for waiting clients, ms. */
const MOVE_MS = 1_200
/** Without a new client for so long nothing is kept ready, ms. */
const IDLE_MS = 10_000
const MOST_CANDIDATES = 200
/** What must end is ended this often until it has, ms. */
const END_AGAIN_MS = 100
/** Between the end of this host's time and what it does by then, for two clocks that drift, ms. */
const DRIFT_MS = 1_000

export class Ownership {
  readonly #deps: OwnershipDeps
  readonly #table = new OwnerTable()
  readonly #queue: SendQueue
  readonly #owned = new Set<Upstream>()
  readonly #unowned = new Set<Upstream>()
  /** Not lent here any more; given as soon as nothing is open through it here. */
  readonly #leaving = new Set<Upstream>()
  /** Said to be given; until the store's answer comes they belong to no host. */
  readonly #giving = new Set<string>()
  /** Who wants an address of this host for a session, and until when the wish counts. */
  readonly #wishes = new Map<string, { readonly host: string; readonly until: number }>()
  /** When this host has asked for an address last. */
  readonly #askedFor = new Map<string, number>()
  readonly #times: { readonly lendMs: number; readonly quietMs: number }
  #parts: OwnershipParts | undefined
  #others: OthersWants = { needs: 0, spare: 0, demand: 0 }
  #isClaiming = false
  #isClosed = false
  /** Clients that came, and when this was looked at. */
  #asked = 0
  #askedAt: number
  #rate = 0
  #activeAt = Number.NEGATIVE_INFINITY
  /** Since when clients wait without a break. */
  #waitingSince: number | undefined
  #moveTimer: Timer | undefined
  #endTimer: Timer | undefined

  constructor(deps: OwnershipDeps) {
    this.#deps = deps
    this.#times = deps.times ?? { lendMs: LEND_MS, quietMs: QUIET_MS }
    this.#queue = new SendQueue(deps.clock)
    this.#askedAt = deps.clock.now()
  }

  join(parts: OwnershipParts): void {
    this.#parts = parts
    parts.pool.ownership.lendsUntil = Number.NEGATIVE_INFINITY
    for (const upstream of parts.pool.members()) this.#place(parts, upstream)
  }

  // --- What the pool and the store say ------------------------------------------------------------------------------------

  /** An address has come into the pool. */
  added(upstream: Upstream): void {
    const parts = this.#parts
    if (parts === undefined) return
    this.#place(parts, upstream)
    if (this.#unowned.has(upstream)) this.#claimSoon()
  }

  gone(upstream: Upstream): void {
    this.#owned.delete(upstream)
    this.#unowned.delete(upstream)
    this.#leaving.delete(upstream)
    this.#table.forget(upstream.id)
    for (const map of [this.#giving, this.#wishes, this.#askedFor]) map.delete(upstream.id)
  }

  /** Something that was open through an address of another owner has ended. */
  leaseEnded(upstream: Upstream): void {
    if (this.#leaving.has(upstream) && upstream.leases === 0) this.#give([{ upstream }])
  }

  /** The store says who owns an address. */
  owned(id: string, owned: Owned): void {
    if (!this.#table.note(id, owned)) return
    this.#giving.delete(id)
    const upstream = this.#parts?.pool.get(id)
    if (upstream !== undefined && this.#parts !== undefined) this.#place(this.#parts, upstream)
  }

  /** A session of another host lives on an address of this one. */
  wanted(id: string, host: string): void {
    const upstream = this.#parts?.pool.get(id)
    if (upstream === undefined || !this.#owned.has(upstream)) return
    this.#wishes.set(id, { host, until: this.#deps.clock.now() + 3 * WANT_EVERY_MS })
    this.#giveWished()
  }

  heardOf(host: string, isAlive: boolean): void {
    this.#table.heardOf(host, isAlive)
    const parts = this.#parts
    if (parts === undefined || host === this.#deps.host) return
    const now = this.#deps.clock.now()
    for (const upstream of parts.pool.members())
      if (this.#table.of(upstream.id).owner === host) parts.pool.ownership.setLost(upstream, !isAlive, now)
  }

  /** Where an address belongs by what is known. */
  #place(parts: OwnershipParts, upstream: Upstream): void {
    const { host, clock } = this.#deps
    const owned = this.#table.of(upstream.id)
    if (owned.owner === host) return void this.#take(parts, upstream, owned)
    const wasHere = this.#owned.delete(upstream)
    this.#leaving.delete(upstream)
    if (wasHere) this.#leave(parts, upstream)
    if (wasHere) this.#endLeases(parts, upstream)
    if (owned.owner === '') this.#unowned.add(upstream)
    else this.#unowned.delete(upstream)
    parts.pool.ownership.setLost(upstream, owned.owner !== '' && this.#table.isLost(owned), clock.now())
    if (owned.owner === '' && parts.wants().filters.length > 0) this.#claimSoon()
  }

  #take({ pool }: OwnershipParts, upstream: Upstream, owned: Owned): void {
    const { clock, time } = this.#deps
    if (this.#owned.has(upstream) || this.#giving.has(upstream.id)) return
    this.#unowned.delete(upstream)
    this.#owned.add(upstream)
    this.#askedFor.delete(upstream.id)
    const { carried, isExclusive } = readHanded(upstream, owned, clock.now(), time)
    if (isExclusive && upstream.sessions > 0) upstream.isExclusive = true
    pool.ownership.own(upstream, carried, clock.now())
  }

  #leave({ pool, handedOver }: OwnershipParts, upstream: Upstream): string {
    const { clock, time } = this.#deps
    const carried = pool.ownership.disown(upstream, clock.now())
    handedOver(upstream)
    return writeHanded(carried, upstream.isExclusive, clock.now(), time)
  }

  // --- The heartbeat ------------------------------------------------------------------------------------------------------

  /** For `syncScript`. */
  get report(): { readonly lendMs: number } & OthersWants {
    const parts = this.#parts
    const { lendMs } = this.#times
    if (parts === undefined) return { lendMs, needs: 0, spare: 0, demand: 0 }
    this.#notePace(parts)
    const needs = this.#needsOf(parts)
    return { lendMs, needs, spare: needs > 0 ? 0 : this.#spare.length, demand: this.#demandOf(parts) }
  }

  /**
   * A heartbeat was answered.
   * @param isUpToDate whether everything that other hosts have said before is known
   * @param sentAt clock ms
   */
  beat(others: OthersWants, isUpToDate: boolean, sentAt: number): void {
    const parts = this.#parts
    if (parts === undefined) return
    this.#others = others
    if (isUpToDate) this.#renew(parts, sentAt + this.#times.lendMs - DRIFT_MS)
    this.#giveWished()
    this.#giveSpare(parts)
    this.#claimSoon()
  }

  #renew(parts: OwnershipParts, until: number): void {
    const { clock, settings } = this.#deps
    parts.pool.ownership.lendsUntil = until
    this.#endTimer?.clear()
    // Cut off for so long: another host may lend them from then on.
    const end = () => {
      if (settings().countsUses) return
      for (const upstream of this.#owned) this.#endLeases(parts, upstream)
    }
    this.#endTimer = clock.after(until - clock.now() + settings().holdMs - DRIFT_MS, end)
  }

  /** Again and again, until nothing is open: a connection may be half-way at this moment. */
  #endLeases(parts: OwnershipParts, upstream: Upstream): void {
    if (
      upstream.leases === 0 ||
      (this.#owned.has(upstream) && this.#deps.clock.now() < parts.pool.ownership.lendsUntil)
    )
      return
    parts.endLeases(upstream)
    if (!this.#isClosed) this.#deps.clock.after(END_AGAIN_MS, () => this.#endLeases(parts, upstream))
  }

  /** How many addresses the clients that wait here lack. */
  #needsOf({ wants }: OwnershipParts): number {
    const { perAddress } = this.#deps.settings()
    return wants().filters.reduce(
      (sum, { filter, clients }) => sum + Math.ceil(clients / forOne(filter, perAddress)),
      0,
    )
  }

  #demandOf(parts: OwnershipParts): number {
    let leases = 0
    for (const upstream of this.#owned) leases += upstream.leases
    return leases + parts.wants().filters.reduce((sum, { clients }) => sum + clients, 0)
  }

  #notePace(parts: OwnershipParts): void {
    const now = this.#deps.clock.now()
    const asked = parts.asked()
    const elapsedMs = now - this.#askedAt
    if (elapsedMs < 100) return
    if (asked > this.#asked) this.#activeAt = now
    this.#rate = Math.max(((asked - this.#asked) * 1_000) / elapsedMs, this.#rate * 0.7)
    this.#asked = asked
    this.#askedAt = now
  }

  /** Addresses that should be ready here: what the clients of the next second take, and one at least while they come. */
  #ahead({ pool }: OwnershipParts): number {
    if (this.#isClosed || this.#deps.clock.now() - this.#activeAt > IDLE_MS) return 0
    const { uses } = pool.limits
    return uses === 0 ? 1 : Math.max(1, Math.ceil(this.#rate / uses))
  }

  // --- Giving -------------------------------------------------------------------------------------------------------------

  /** What no client here has or lives on. */
  get #idle(): Upstream[] {
    return [...this.#owned].filter(({ state, leases, sessions }) => state === 'ready' && leases === 0 && sessions === 0)
  }

  /** Of these, what is not kept ready; the last one goes too when others need it. */
  get #spare(): Upstream[] {
    const parts = this.#parts
    const idle = this.#idle
    if (parts === undefined) return idle
    return idle.slice(0, Math.max(Math.min(1, idle.length), idle.length - this.#ahead(parts)))
  }

  #giveSpare(parts: OwnershipParts): void {
    const { needs } = this.#others
    if (needs === 0) {
      // Of a host that dies with them they would be lost.
      if (this.#ahead(parts) === 0) this.#give(this.#idle.map((upstream) => ({ upstream })))
      return
    }
    if (this.#needsOf(parts) === 0) this.#give(this.#spare.slice(0, needs).map((upstream) => ({ upstream })))
    else this.#giveShare(parts, needs)
  }

  /** Clients wait here and elsewhere: what is beyond this host's share leaves. */
  #giveShare(parts: OwnershipParts, needs: number): void {
    const { host } = this.#deps
    const ready = [...parts.pool.members()].filter(({ state }) => state === 'ready').length
    const owned = [...this.#owned].filter(({ state, sessions }) => state === 'ready' && sessions === 0)
    const shares = shareOut(ready, [
      { owner: host, demand: this.#demandOf(parts), owned: this.#owned.size },
      { owner: '', demand: this.#others.demand, owned: ready - this.#owned.size - this.#unowned.size },
    ])
    const surplus = Math.min(needs, owned.length - (shares.get(host) ?? 0))
    for (const upstream of owned.toSorted((a, b) => a.leases - b.leases).slice(0, Math.max(0, surplus))) {
      this.#leaving.add(upstream)
      parts.pool.ownership.disown(upstream, this.#deps.clock.now())
      parts.handedOver(upstream)
      this.leaseEnded(upstream)
    }
  }

  #giveWished(): void {
    const now = this.#deps.clock.now()
    for (const [id, { host, until }] of this.#wishes) {
      const upstream = this.#parts?.pool.get(id)
      const isOver = upstream === undefined || until <= now || !this.#owned.has(upstream)
      if (!isOver && upstream.leases > 0) this.#parts?.handedOver(upstream)
      if (!isOver && upstream.leases > 0) continue
      this.#wishes.delete(id)
      if (!isOver) this.#give([{ upstream, to: host }])
    }
  }

  #give(gifts: readonly { readonly upstream: Upstream; readonly to?: string }[]): void {
    const parts = this.#parts
    const { runner, host } = this.#deps
    if (parts === undefined || gifts.length === 0) return
    const given = gifts.map(({ upstream, to }) => {
      this.#owned.delete(upstream)
      this.#leaving.delete(upstream)
      this.#giving.add(upstream.id)
      const { number } = this.#table.of(upstream.id)
      return { id: upstream.id, number, handed: this.#leave(parts, upstream), ...(to === undefined ? {} : { to }) }
    })
    this.#queue.send(async () => void (await runner.run(giveScript, { host, given })))
  }

  // --- Claiming -----------------------------------------------------------------------------------------------------------

  /** Whether it is assigned to another host, or to none, and the store has not confirmed it. */
  isGiving(upstream: Upstream): boolean {
    return this.#giving.has(upstream.id) || this.#leaving.has(upstream)
  }

  /** Clients wait, or an address is asked for by a session. */
  needed(): void {
    this.#claimSoon()
  }

  /** Whether clients here wait for an address that another host may give. */
  get isWaiting(): boolean {
    const wants = this.#parts?.wants()
    if (wants === undefined) return false
    return wants.filters.length > 0 || wants.upstreams.some(({ isElsewhere }) => isElsewhere)
  }

  /**
   * Whether spare addresses of other hosts are being moved to the clients that wait here: nothing need be bought for them yet.
   * @param isWaiting whether clients wait
   */
  isMoving(isWaiting: boolean): boolean {
    const { clock } = this.#deps
    const parts = this.#parts
    if (!isWaiting || parts === undefined) {
      this.#waitingSince = undefined
      return false
    }
    this.#waitingSince ??= clock.now()
    const endsAt = this.#waitingSince + MOVE_MS
    const isSpare = this.#others.spare > 0 || [...this.#unowned].some(({ state }) => state === 'ready')
    if (clock.now() >= endsAt || !isSpare) return false
    this.#moveTimer?.clear()
    this.#moveTimer = clock.after(endsAt - clock.now(), () => parts.review())
    return true
  }

  /** When all that happens now has happened. */
  #claimSoon(): void {
    if (!this.#isClaiming && !this.#isClosed) runInBackground(Promise.resolve().then(() => this.#claim()))
  }

  async #claim(): Promise<void> {
    const parts = this.#parts
    const ask = parts === undefined || this.#isClaiming || this.#isClosed ? undefined : this.#claimOf(parts)
    if (ask === undefined) return
    this.#isClaiming = true
    let gained = 0
    try {
      const answer = (await this.#deps.runner.run(claimScript, ask)) as { granted: (Owned & { id: string })[] }
      for (const { id, ...owned } of Array.isArray(answer.granted) ? answer.granted : []) {
        gained++
        this.owned(id, { ...owned, owner: this.#deps.host })
      }
    } catch {
      // The next heartbeat asks again, and brings what was granted.
    } finally {
      this.#isClaiming = false
    }
    if (gained > 0) this.#claimSoon()
  }

  /** @returns undefined when no address is needed, or none may be claimed */
  #claimOf(parts: OwnershipParts): object | undefined {
    const { host, clock, settings } = this.#deps
    const now = clock.now()
    const { perAddress, holdMs, countsUses } = settings()
    const ids = new Set<string>()
    let count = 0
    const candidates = [...this.#claimable(parts)].sort((a, b) => a.deadline - b.deadline)
    for (const { filter, clients } of parts.wants().filters) {
      const fitting = candidates.filter(({ facts }) => filter.accepts(facts)).slice(0, MOST_CANDIDATES)
      count += Math.min(fitting.length, Math.ceil(clients / forOne(filter, perAddress)))
      for (const { id } of fitting) ids.add(id)
    }
    const ahead = this.#ahead(parts) - parts.pool.lendableCount
    if (ahead > 0) {
      count += Math.min(candidates.length, ahead)
      for (const { id } of candidates.slice(0, MOST_CANDIDATES)) ids.add(id)
    }
    const wanted = parts.wants().upstreams.filter(({ id, isElsewhere, isLost }) => {
      return isElsewhere && !isLost && (this.#askedFor.get(id) ?? Number.NEGATIVE_INFINITY) <= now - WANT_EVERY_MS
    })
    for (const { id } of wanted) this.#askedFor.set(id, now)
    if (count === 0 && wanted.length === 0) return undefined
    const hold = countsUses ? {} : { holdMs }
    return { host, quietMs: this.#times.quietMs, count, ids: [...ids], wanted: wanted.map(({ id }) => id), ...hold }
  }

  /** What no host owns, and what a host owned that was last heard of long ago. */
  *#claimable({ pool }: OwnershipParts): Generator<Upstream> {
    for (const upstream of this.#unowned) if (upstream.state === 'ready') yield upstream
    if (this.#deps.settings().countsUses) return
    for (const upstream of pool.members()) if (upstream.isLost) yield upstream
  }

  // --- Failover and end ---------------------------------------------------------------------------------------------------

  /** Another server answers, which may have lost what it knew. */
  failedOver(): void {
    const { runner, host } = this.#deps
    const owners = this.#table.all
    if (owners.length > 0) this.#queue.send(async () => void (await runner.run(assertOwnersScript, { host, owners })))
  }

  /** Resolves when everything that was said is in the store; rejects with the signal's reason. */
  flush(signal: AbortSignal): Promise<void> {
    return this.#queue.idle(signal)
  }

  /** Gives everything back. @param signal for the wait until the store has heard it; then rejects with its reason */
  async close(signal: AbortSignal): Promise<void> {
    this.#isClosed = true
    this.#moveTimer?.clear()
    this.#endTimer?.clear()
    this.#give([...this.#owned, ...this.#leaving].map((upstream) => ({ upstream })))
    await this.#queue.idle(signal)
    this.#queue.close()
  }
}

/** How many clients of a filter one address is for. */
function forOne({ limits }: Filter, most: number): number {
  if (limits === undefined) return most
  if (limits.exclusive) return 1
  return Math.min(most, limits.connections || most, limits.uses || most)
}
