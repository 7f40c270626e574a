/**
 * The books of an {@link AccountStore} in memory: windows, budgets, channels and ceilings, without records on disk. Pure except
 * for the clock. Every method books completely or not at all, before it returns.
 */
import type { Clock } from '../clock.ts'
import { SlidingWindow } from '../ratelimit/sliding-window.ts'
import type {
  AccountView,
  BudgetLimits,
  BudgetView,
  CallWindow,
  ChannelHolder,
  Outcome,
  PendingLine,
  Reservation,
  ReservationId,
  Reserved,
  WindowView,
} from './account-store.ts'
import { Budget, type BudgetReservation } from './budget.ts'
import type { Restored } from './contract.ts'

/** A reservation that is not settled. */
interface Open {
  readonly reservation: Reservation
  readonly booked: BudgetReservation | undefined
  readonly reservedAt: number
  /** Undefined while the call is in progress; then until when its channels count. */
  unknownUntil: number | undefined
}

/** State of an earlier process. */
type BookPast = Pick<Restored, 'calls' | 'purchases' | 'totals' | 'unknown' | 'pending'>

const DAY_MS = 86_400_000

export class AccountBook implements AccountView {
  readonly #clock: Clock
  readonly #windows = new Map<string, SlidingWindow>()
  readonly #budgets = new Map<string, Budget>()
  readonly #channels = new Map<string, Map<string, ChannelHolder>>()
  readonly #open = new Map<ReservationId, Open>()
  #pastCalls: readonly BookPast['calls'][number][] = []
  #restoredAt = 0
  #nextId: ReservationId = 1

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Restores the bookings of an earlier process. @returns the reservations of its unknown orders, in their order */
  restore(past: BookPast): ReservationId[] {
    const now = this.#clock.now()
    this.#pastCalls = past.calls
    this.#restoredAt = now
    for (const { provider, total } of past.totals) {
      const purchases = past.purchases.filter((purchase) => purchase.provider === provider)
      const dated = purchases.map(({ agoMs, count }) => ({ at: now - agoMs, count }))
      this.#budget(provider, {}).restore(dated, total)
    }
    for (const { account, holder } of past.pending) this.hold(account, [holder])
    return past.unknown.map(({ provider, agoMs, count }) => this.#restoreUnknown(provider, count, now - agoMs))
  }

  /** It counts in its budget already; to give it back, its entry is found by its time. */
  #restoreUnknown(provider: string, count: number, at: number): ReservationId {
    const window = { key: '', calls: 1, perMs: 1 }
    const reservation = { window, provider, count, budget: {}, channels: undefined, ceilings: [], isDurable: true }
    const booked = this.#budgets.get(provider)?.bookedAt(at)
    return this.#enter({ reservation, booked, reservedAt: at, unknownUntil: Number.NEGATIVE_INFINITY })
  }

  reserve(reservation: Reservation): Reserved {
    const now = this.#clock.now()
    const denied = this.#denial(reservation, now)
    if (denied !== undefined) return { kind: 'denied', ...denied }
    const { window, provider, count, budget } = reservation
    this.#window(window).begin()
    const booked = count === 0 ? undefined : this.#budget(provider, budget).book(now, count)
    const id = this.#enter({ reservation, booked, reservedAt: now, unknownUntil: undefined })
    return { kind: 'reserved', id }
  }

  /** A call that buys nothing is limited only by its window. */
  #denial(reservation: Reservation, now: number): Omit<Extract<Reserved, { kind: 'denied' }>, 'kind'> | undefined {
    const { window, provider, count, budget, channels, ceilings } = reservation
    const { room, nextAt } = this.window(window)
    if (room < 1) return { by: 'window', until: nextAt }
    if (count === 0) return undefined
    const reached = this.#budget(provider, budget).reached(now, count)
    if (reached !== undefined) return { by: 'budget', until: reached.until }
    if (channels !== undefined && this.channelsBooked(channels.account) + count > channels.total)
      return { by: 'channels', until: this.channelFreeAt(channels.account) }
    const isOver = ceilings.some(({ scope, limit, held }) => held + this.#reservedIn(scope) + count > limit)
    return isOver ? { by: 'ceiling', until: undefined } : undefined
  }

  #enter(open: Open): ReservationId {
    const id = this.#nextId++
    this.#open.set(id, open)
    return id
  }

  /** Addresses that the reservation is for; 0 when there is none. */
  countOf(id: ReservationId): number {
    return this.#open.get(id)?.reservation.count ?? 0
  }

  /** @returns whether it was open: an order is settled once */
  settle(id: ReservationId, outcome: Outcome): boolean {
    const open = this.#open.get(id)
    if (open === undefined || open.unknownUntil !== undefined) return false
    const { reservation, booked } = open
    const { provider, budget, count } = reservation
    // Its limit may be stated no more.
    this.#settleWindow(this.#windows.get(reservation.window.key) ?? this.#window(reservation.window), outcome)
    if (outcome.kind === 'unknown' && count > 0) {
      this.#forgetOldUnknown()
      open.unknownUntil = outcome.channelsUntil
      return true
    }
    this.#open.delete(id)
    const sold = outcome.kind === 'sold' ? outcome.count : 0
    // Negative when the vendor delivered more than was ordered: those are paid for too.
    if (booked !== undefined) this.#budget(provider, budget).refund(booked, count - sold)
    return true
  }

  #settleWindow(window: SlidingWindow, outcome: Outcome): void {
    const now = this.#clock.now()
    if (outcome.kind === 'not-sent') window.undo()
    else if (outcome.kind === 'refused' && outcome.isTooMany) window.refused(now)
    else window.end(now, outcome.kind !== 'unknown')
  }

  /** @returns the reservations that this settled, each with what it bought in the end */
  resolve(provider: string, sold: number, before: number): { readonly id: ReservationId; readonly sold: number }[] {
    let left = sold
    const ended: { id: ReservationId; sold: number }[] = []
    for (const [id, open] of this.#open) {
      const { reservation, booked, reservedAt, unknownUntil } = open
      if (unknownUntil === undefined || reservation.provider !== provider || reservedAt >= before) continue
      const bought = Math.min(left, reservation.count)
      left -= bought
      this.#open.delete(id)
      if (booked !== undefined) this.#budgets.get(provider)?.refund(booked, reservation.count - bought)
      ended.push({ id, sold: bought })
    }
    return ended
  }

  hold(account: string, holders: readonly ChannelHolder[]): void {
    const held = this.#channels.get(account) ?? new Map<string, ChannelHolder>()
    for (const holder of holders) held.set(holder.id, holder)
    this.#channels.set(account, held)
  }

  free(account: string, ids: readonly string[]): void {
    for (const id of ids) this.#channels.get(account)?.delete(id)
  }

  /** Those that have not ended. */
  #held(account: string): readonly ChannelHolder[] {
    const now = this.#clock.now()
    const held = this.#channels.get(account)
    for (const { id, endsAt } of held?.values() ?? []) if (endsAt <= now) held?.delete(id)
    return [...(held?.values() ?? [])]
  }

  pendingLines(account: string): readonly PendingLine[] {
    return this.#held(account).flatMap(({ id, pendingFor: provider }) =>
      provider === undefined ? [] : [{ id, provider }],
    )
  }

  channelsBooked(account: string): number {
    const now = this.#clock.now()
    let booked = this.#held(account).length
    for (const { reservation, unknownUntil = Number.POSITIVE_INFINITY } of this.#open.values())
      if (reservation.channels?.account === account && unknownUntil > now) booked += reservation.count
    return booked
  }

  channelFreeAt(account: string): number | undefined {
    const now = this.#clock.now()
    // A line without an address is asked about, not waited for.
    const ends = this.#held(account).flatMap(({ endsAt, pendingFor }) => (pendingFor === undefined ? [endsAt] : []))
    for (const { reservation, unknownUntil = now } of this.#open.values())
      if (reservation.channels?.account === account && unknownUntil > now) ends.push(unknownUntil)
    return ends.length === 0 ? undefined : Math.min(...ends)
  }

  reservedBy(provider: string): number {
    return this.#sum(({ reservation, unknownUntil }) => unknownUntil === undefined && reservation.provider === provider)
  }

  unknownOf(provider: string): number {
    return this.#sum(({ reservation, unknownUntil }) => unknownUntil !== undefined && reservation.provider === provider)
  }

  #reservedIn(scope: string): number {
    return this.#sum(
      ({ reservation, unknownUntil }) =>
        unknownUntil === undefined && reservation.ceilings.some((ceiling) => ceiling.scope === scope),
    )
  }

  #sum(isMeant: (open: Open) => boolean): number {
    let sum = 0
    for (const open of this.#open.values()) if (isMeant(open)) sum += open.reservation.count
    return sum
  }

  /** After a day only the total budget counts it, and no vendor lists it. */
  #forgetOldUnknown(): void {
    const now = this.#clock.now()
    for (const [id, { unknownUntil, reservedAt }] of this.#open)
      if (unknownUntil !== undefined && reservedAt <= now - DAY_MS) this.#open.delete(id)
  }

  window(window: CallWindow): WindowView {
    const sliding = this.#window(window)
    const now = this.#clock.now()
    const waitMs = sliding.waitMs(now)
    return {
      allowed: sliding.allowed(now),
      perMs: sliding.limit.perMs,
      used: sliding.used(now),
      free: sliding.free(now),
      room: sliding.room(now),
      nextAt: waitMs === undefined ? undefined : now + waitMs,
      isTight: sliding.isTight(now),
      sent: sliding.sent,
      paceMs: sliding.paceMs(now),
    }
  }

  #window({ key, calls, perMs, statedBy = '' }: CallWindow): SlidingWindow {
    const known = this.#windows.get(key)
    if (known !== undefined) {
      known.state(statedBy, { calls, perMs })
      return known
    }
    const window = new SlidingWindow({ calls, perMs }, statedBy)
    const now = this.#clock.now()
    for (const { limiterKey, endedAgoMs, answered } of this.#pastCalls)
      if (limiterKey === key) window.restore(endedAgoMs + (now - this.#restoredAt), answered, now)
    this.#windows.set(key, window)
    return window
  }

  forgetLimits(windows: readonly CallWindow[]): void {
    for (const { key, statedBy = '' } of windows) this.#windows.get(key)?.forget(statedBy)
  }

  budget(provider: string, limits: BudgetLimits): BudgetView {
    const budget = this.#budget(provider, limits)
    const now = this.#clock.now()
    return { tightest: budget.tightest(now), reached: (count) => budget.reached(now, count) }
  }

  #budget(provider: string, limits: BudgetLimits): Budget {
    const known = this.#budgets.get(provider)
    if (known !== undefined) {
      known.limits = limits
      return known
    }
    const budget = new Budget(limits)
    this.#budgets.set(provider, budget)
    return budget
  }
}
