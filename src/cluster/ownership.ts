/**
 * Addresses with limits belong to one host at a time: only that one lends them, so a limit is exact without a message for each lease.
 *
 *               claim, when clients need it                    given, when others need it more, or asked for by a session there
 *     unowned ───────────────────────────▶ here ─────────────────────────────▶ unowned, or another host's
 *        ▲                                                                        │
 *        └── its owner has been silent for `lendMs` and `holdMs`, and no use can be missing in the count ◀─┘
 *
 * A host lends what it owns until `lendMs` after its last heartbeat, whatever its timers say (`PoolOwnership.lendsUntil`). No other host is
 * given it before, by the server's clock; and not before `holdMs` have passed after that, by when what was open has ended. Where
 * uses are counted it never comes back from a dead host: each of them may have been spent.
 *
 * An address that a session has alone goes to another host only for that session; other sessions that live on it leave it.
 */
import type { Timer } from '../clock.ts'
import type { Upstream } from '../pool/upstream.ts'
import { assertOwnersScript, giveScript } from '../store/redis/ownership-scripts.ts'
import { SendQueue } from '../store/redis/send-queue.ts'
import { Claims, WANT_EVERY_MS } from './claims.ts'
import { LocalDemand } from './local-demand.ts'
import { type Owned, OwnerTable, readHanded, writeHanded } from './owner-table.ts'
import type { OthersWants, OwnershipDeps, OwnershipParts, OwnershipTimes } from './ownership-contract.ts'
import { Surplus } from './surplus.ts'

const TIMES: OwnershipTimes = { lendMs: 600_000, quietMs: 12_000 }
/** What must end is ended this often until it has, ms. */
const END_AGAIN_MS = 100
/** Between the end of this host's time and what it does by then, for two clocks that drift, ms. */
const DRIFT_MS = 1_000

/** Another host has asked for an address, which these of its sessions live on. */
interface Wish {
  readonly host: string
  readonly sessions: readonly string[]
  /** Until when it counts, clock ms. */
  readonly until: number
}

export class Ownership {
  readonly #deps: OwnershipDeps
  readonly #times: OwnershipTimes
  readonly #table = new OwnerTable()
  readonly #queue: SendQueue
  readonly #owned = new Set<Upstream>()
  readonly #unowned = new Set<Upstream>()
  /** Not lent here any more; given as soon as nothing is open through it here. */
  readonly #leaving = new Set<Upstream>()
  /** Said to be given; until the store's answer comes they belong to no host. */
  readonly #giving = new Set<string>()
  readonly #wishes = new Map<string, Wish>()
  readonly #demand: LocalDemand
  readonly #surplus: Surplus
  #parts: OwnershipParts | undefined
  #claims: Claims | undefined
  #others: OthersWants = { needs: 0, spare: 0, demand: 0 }
  #isClosed = false
  #endTimer: Timer | undefined

  constructor(deps: OwnershipDeps) {
    this.#deps = deps
    this.#times = deps.times ?? TIMES
    this.#queue = new SendQueue(deps.clock)
    this.#demand = new LocalDemand(deps, this.#owned)
    this.#surplus = new Surplus(this.#demand, { owned: this.#owned, unowned: this.#unowned })
  }

  join(parts: OwnershipParts): void {
    this.#parts = parts
    const granted = (id: string, owned: Owned) => this.owned(id, owned)
    const { quietMs } = this.#times
    this.#claims = new Claims({ ...this.#deps, demand: this.#demand, quietMs, unowned: this.#unowned, granted }, parts)
    parts.pool.ownership.lendsUntil = Number.NEGATIVE_INFINITY
    for (const upstream of parts.pool.members()) this.#place(parts, upstream)
  }

  // --- What the pool and the store say ------------------------------------------------------------------------------------

  /** An address has come into the pool. */
  added(upstream: Upstream): void {
    const parts = this.#parts
    if (parts === undefined) return
    this.#place(parts, upstream)
    if (this.#unowned.has(upstream)) this.needed()
  }

  gone(upstream: Upstream): void {
    for (const set of [this.#owned, this.#unowned, this.#leaving]) set.delete(upstream)
    this.#giving.delete(upstream.id)
    this.#wishes.delete(upstream.id)
    this.#table.forget(upstream.id)
    this.#claims?.forget(upstream.id)
  }

  /** Something that was open through an address of another owner has ended. */
  leaseEnded(upstream: Upstream): void {
    if (this.#leaving.has(upstream) && upstream.leases === 0) this.#give([upstream])
  }

  /** Clients wait, or an address is asked for by a session. */
  needed(): void {
    this.#claims?.soon()
  }

  /** Whether clients here wait for an address that another host may give. */
  get isWaiting(): boolean {
    return this.#claims?.isWaiting ?? false
  }

  /** Whether spare addresses of other hosts are being moved here: nothing need be bought yet. @param isWaiting whether clients wait */
  isMoving(isWaiting: boolean): boolean {
    return this.#claims?.isMoving(isWaiting, this.#others.spare) ?? false
  }

  /** The store says who owns an address. */
  owned(id: string, owned: Owned): void {
    if (!this.#table.note(id, owned)) return
    this.#giving.delete(id)
    const upstream = this.#parts?.pool.get(id)
    if (upstream !== undefined && this.#parts !== undefined) this.#place(this.#parts, upstream)
  }

  /** Sessions of another host live on an address of this one. The next heartbeat gives it. */
  wanted(id: string, host: string, sessions: readonly string[]): void {
    this.#wishes.set(id, { host, sessions, until: this.#deps.clock.now() + 3 * WANT_EVERY_MS })
  }

  setAlive(host: string, isAlive: boolean): void {
    this.#table.setAlive(host, isAlive)
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
    if (owned.owner === '' && parts.wants().filters.length > 0) this.needed()
  }

  #take(parts: OwnershipParts, upstream: Upstream, owned: Owned): void {
    const { clock, time, store } = this.#deps
    if (this.#owned.has(upstream) || this.#giving.has(upstream.id)) return
    this.#unowned.delete(upstream)
    this.#owned.add(upstream)
    this.#claims?.forget(upstream.id)
    const { carried, alone } = readHanded(upstream, owned, clock.now(), time)
    if (alone !== undefined) upstream.isExclusive = parts.leaveTo(store.sessionOf(alone), upstream)
    parts.pool.ownership.own(upstream, carried, clock.now())
  }

  #leave(parts: OwnershipParts, upstream: Upstream): string {
    const { clock, time } = this.#deps
    const carried = parts.pool.ownership.disown(upstream, clock.now())
    parts.handedOver(upstream)
    return writeHanded(carried, this.#aloneOn(parts, upstream), clock.now(), time)
  }

  /** The session that has the address alone, as other hosts know it. */
  #aloneOn(parts: OwnershipParts, upstream: Upstream): string | undefined {
    const key = parts.aloneOn(upstream)
    return key === undefined ? undefined : this.#deps.store.digestOf(key)
  }

  // --- The heartbeat ------------------------------------------------------------------------------------------------------

  /** For `syncScript`. */
  get report(): { readonly lendMs: number } & OthersWants {
    const parts = this.#parts
    const { lendMs } = this.#times
    if (parts === undefined) return { lendMs, needs: 0, spare: 0, demand: 0 }
    this.#demand.notePace(parts)
    const needs = this.#demand.needs(parts)
    return {
      lendMs,
      needs,
      spare: needs > 0 ? 0 : this.#surplus.spare(parts).length,
      demand: this.#demand.total(parts),
    }
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
    this.#giveWished(parts)
    this.#giveSurplus(parts)
    this.needed()
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
    const { clock } = this.#deps
    const mayLend = this.#owned.has(upstream) && clock.now() < parts.pool.ownership.lendsUntil
    if (upstream.leases === 0 || mayLend) return
    parts.endLeases(upstream)
    if (!this.#isClosed) clock.after(END_AGAIN_MS, () => this.#endLeases(parts, upstream))
  }

  // --- Giving -------------------------------------------------------------------------------------------------------------

  #giveSurplus(parts: OwnershipParts): void {
    const surplus = this.#surplus.for(this.#others, parts)
    this.#give(surplus.filter(({ leases }) => leases === 0))
    for (const upstream of surplus.filter(({ leases }) => leases > 0)) {
      this.#leaving.add(upstream)
      parts.pool.ownership.disown(upstream, this.#deps.clock.now())
      parts.handedOver(upstream)
    }
  }

  #giveWished(parts: OwnershipParts): void {
    const now = this.#deps.clock.now()
    for (const [id, { host, sessions, until }] of this.#wishes) {
      const upstream = parts.pool.get(id)
      const isOver = upstream === undefined || until <= now || !this.#owned.has(upstream)
      const alone = isOver ? undefined : this.#aloneOn(parts, upstream)
      const isRefused = alone !== undefined && !sessions.includes(alone)
      if (isRefused) this.#deps.store.tell({ kind: 'alone', id, session: alone })
      if (!isOver && !isRefused && upstream.leases > 0) parts.handedOver(upstream)
      else this.#wishes.delete(id)
      if (!isOver && !isRefused && upstream.leases === 0) this.#give([upstream], host)
    }
  }

  /** @param to the host that has asked for them; empty: any may claim them */
  #give(upstreams: readonly Upstream[], to = ''): void {
    const parts = this.#parts
    const { runner, host } = this.#deps
    if (parts === undefined || upstreams.length === 0) return
    const given = upstreams.map((upstream) => {
      this.#owned.delete(upstream)
      this.#leaving.delete(upstream)
      this.#giving.add(upstream.id)
      const { number } = this.#table.of(upstream.id)
      return { id: upstream.id, number, handed: this.#leave(parts, upstream), to }
    })
    this.#queue.send(async () => void (await runner.run(giveScript, { host, given })))
  }

  /** Whether it is assigned to another host, or to none, and the store has not confirmed it. */
  isGiving(upstream: Upstream): boolean {
    return this.#giving.has(upstream.id) || this.#leaving.has(upstream)
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

  /** Gives everything back. @param signal ends the wait for the store's answer, which then rejects with its reason */
  async close(signal: AbortSignal): Promise<void> {
    this.#isClosed = true
    this.#claims?.close()
    this.#endTimer?.clear()
    this.#give([...this.#owned, ...this.#leaving])
    await this.#queue.idle(signal)
    this.#queue.close()
  }
}
