/**
 * How much a provider may order now, and when it may order again: computed from its state, call window, channels, budget and
 * ceiling. It decides nothing and books nothing: that is done by the account store.
 */
import { BUSY_WINDOW_MS } from '../ratelimit/sliding-window.ts'
import type { BudgetLeft, BudgetReached, CallWindow, WindowView } from '../store/account-store.ts'
import type { Source } from '../vendors/contract/source.ts'
import type { ProviderParts } from './provider-parts.ts'

/** The part of a life by which an address may be replaced early, so that several orders share a call. */
const MOST_BATCHED = 1 / 5
/** Assumed life of an address while the vendor has told none, ms. */
export const UNKNOWN_LIFE_MS = 60_000

/** The window key of orders that take several calls. */
export const orderKey = ({ key }: ProviderParts['account']): string => `${key} order`

export class Capacity {
  readonly #parts: ProviderParts

  constructor(parts: ProviderParts) {
    this.#parts = parts
  }

  get #source(): Source {
    return this.#parts.source
  }

  get #view() {
    return this.#parts.accounts.store.view
  }

  // --- Current figures ------------------------------------------------------------------------------------------

  /** The window of the call that buys. */
  get window(): WindowView {
    return this.#view.window(this.#source.limitOf(this.#source.extractOperation))
  }

  /**
   * The window that an order books in place of `window`, the window of the call that it makes. When an order takes several calls,
   * each waits for its own slot, and the orders of the account run one after the other: otherwise orders that hold slots while
   * their next calls wait for one would deadlock.
   */
  orderWindow(window: CallWindow): CallWindow {
    if (this.#source.takesSeveralCalls !== true) return window
    return { key: orderKey(this.#parts.account), calls: 1, perMs: 1 }
  }

  get #orders(): WindowView {
    return this.#view.window(this.orderWindow(this.#source.limitOf(this.#source.extractOperation)))
  }

  /** Addresses that calls in progress may deliver. */
  get incoming(): number {
    return this.#view.reservedBy(this.#parts.settings.name)
  }

  /** Expected addresses: of orders in progress, and of those that the vendor delivers later. */
  get onTheWay(): number {
    return this.incoming + (this.#parts.pendingPoller?.expectedCount ?? 0)
  }

  /** When the first of the later ones will be there, clock ms; undefined when there are none. */
  get comesAt(): number | undefined {
    return this.#parts.pendingPoller?.comesAt
  }

  /** Addresses in the pool that are lent or may be. */
  get lendable(): number {
    let count = 0
    for (const upstream of this.#parts.pool.members())
      if (upstream.facts.provider === this.#parts.settings.name && upstream.state !== 'draining') count++
    return count
  }

  // --- Channels -------------------------------------------------------------------------------------------------

  /** Channels of the account; Infinity for products not sold by channel. Until the number is known, one. */
  get channels(): number {
    return this.#source.byChannel ? (this.#source.channels ?? 1) : Number.POSITIVE_INFINITY
  }

  /** Free channels of the account, whichever provider occupies the others. */
  get freeChannels(): number {
    if (!this.#source.byChannel) return Number.POSITIVE_INFINITY
    return Math.max(0, this.channels - this.#view.channelsBooked(this.#parts.account.key))
  }

  /**
   * How many addresses its channels keep lendable without a gap. An address occupies its channel longer than it can be lent;
   * with all channels occupied none could be replaced in time, and addresses that were bought together would end together.
   * Infinity for products not sold by channel, and until the first address has arrived.
   * @param unlentMs the part of a life, before its deadline, in which it is not lent or its successor is on order
   */
  sustained(unlentMs: (lentMs: number) => number): number {
    const life = this.#parts.ingest.latestLife
    if (!Number.isFinite(this.channels) || life === undefined) return Number.POSITIVE_INFINITY
    const share = (life.lentMs - unlentMs(life.lentMs)) / life.heldMs
    return Math.max(1, Math.floor(this.channels * share))
  }

  // --- Budget ---------------------------------------------------------------------------------------------------

  get budgetReached(): BudgetReached | undefined {
    return this.reachedBy(this.#source.batchSize ?? 1)
  }

  /** The budget without room for this many addresses. */
  reachedBy(count: number): BudgetReached | undefined {
    return this.#budget.reached(count)
  }

  /** Addresses that may be bought now; Infinity without a budget. */
  get budgetLeft(): number {
    return this.budgetTightest?.left ?? Number.POSITIVE_INFINITY
  }

  get budgetTightest(): BudgetLeft | undefined {
    return this.#budget.tightest
  }

  get #budget() {
    return this.#view.budget(this.#parts.settings.name, this.#parts.settings.budget)
  }

  // --- Pace -----------------------------------------------------------------------------------------------------

  /** How long before it is needed an address must be ordered, ms; includes late replies. */
  get leadMs(): number {
    return this.#parts.latency.mostMs
  }

  /**
   * The interval between orders for the stock, ms; what becomes due in between shares a call. While more than half of the window is
   * free, they would use a third of it: the rest is for waiting clients, and for a vendor that enforces less than it documents.
   * After that, the remaining slots are spread over the time until the next one becomes free.
   */
  get batchMs(): number {
    const { isTight, paceMs, perMs, allowed } = this.window
    if (isTight) return paceMs
    const lifeMs = this.#parts.ingest.latestLife?.lentMs ?? UNKNOWN_LIFE_MS
    return Math.min((3 * perMs) / allowed, lifeMs * MOST_BATCHED)
  }

  /** The interval between calls that never uses up the window, ms. */
  get paceMs(): number {
    return this.window.paceMs
  }

  /** When the stock may be ordered: while more than half of the window is free, the planner alone decides. */
  #pacedAt(): number {
    return this.window.isTight ? this.#parts.status.triedAt + this.batchMs : Number.NEGATIVE_INFINITY
  }

  // --- Whether it may order -------------------------------------------------------------------------------------

  /**
   * How many addresses may be ordered in one call now. None while the vendor may not be called: a waiting call could not grow with
   * the demand.
   * @param isUrgent a client waits; calls for the stock keep to the pace, so that slots are left for clients
   */
  room(now: number, isUrgent: boolean): number {
    const { status, preparation, settings } = this.#parts
    if (now < status.mayTryAt(isUrgent) || this.#source.isList || preparation.isRunning) return 0
    if (this.#isSettling || this.window.room < 1 || this.#orders.room < 1 || (!isUrgent && now < this.#pacedAt()))
      return 0
    const ceiling = (settings.ceiling ?? Number.POSITIVE_INFINITY) - this.lendable - this.onTheWay
    const { batchSize, maxPerCall } = this.#source
    const most = Math.min(batchSize ?? maxPerCall, this.freeChannels, this.budgetLeft, ceiling)
    // Instead of an order, something is found out first. That may free the channels and the budget of unknown orders.
    if (preparation.isNeeded) return Math.max(1, most)
    // A lot is paid for completely: one that does not fit is not ordered.
    if (batchSize !== undefined && most < batchSize) return 0
    return Math.max(0, status.isOnTrial ? Math.min(most, this.onTheWay > 0 ? 0 : 1) : most)
  }

  /**
   * When an order may be tried next, if only time must pass; undefined while no time is known.
   * @param isUrgent as for `room`
   */
  nextAttemptAt(now: number, isUrgent = true): number | undefined {
    const { status, account, reconciliation, preparation } = this.#parts
    const mayTryAt = status.mayTryAt(isUrgent)
    if (now < mayTryAt) return Number.isFinite(mayTryAt) ? mayTryAt : undefined
    const reached = this.budgetReached
    const isFull = this.freeChannels === 0 && this.incoming === 0
    // What is found out first needs neither channels nor budget (`room`), and open orders may have bought what clients wait for.
    if ((reached !== undefined || isFull) && !preparation.isNeeded && !this.#isSettling) {
      const freeAt = reached === undefined ? this.#view.channelFreeAt(account.key) : reached.until
      return Math.min(freeAt ?? Number.POSITIVE_INFINITY, reconciliation.dueAt)
    }
    for (const { room, nextAt } of [this.window, this.#orders]) if (room < 1) return nextAt ?? now + BUSY_WINDOW_MS
    return isUrgent ? now : Math.max(now, this.#pacedAt())
  }

  /** Whether there are orders whose result only the vendor can tell. */
  get hasOpenOrders(): boolean {
    return this.#view.unknownOf(this.#parts.settings.name) > 0
  }

  /** The vendor tells what open orders delivered, and processes one at a time: another order waits for its end. */
  get #isSettling(): boolean {
    return this.#source.follow?.settlesOrders === true && this.hasOpenOrders
  }

  /** When addresses may arrive for a client that would wait: a stopped provider that was tried just now has none soon. */
  hopeAt(now: number): number | undefined {
    const at = this.nextAttemptAt(now)
    const { state } = this.#parts.status
    return state.kind === 'stopped' && at !== undefined && at > now ? state.until : at
  }

  /** Why it accepts no orders although nothing is wrong; undefined when it does. */
  get fullBecause(): string | undefined {
    if (this.comesAt !== undefined || this.#isSettling) return 'what it sold is on its way'
    if (this.freeChannels === 0)
      return this.hasOpenOrders
        ? 'an order whose reply was lost may occupy its channels'
        : 'all of its channels are in use'
    const { room, isPaused } = this.window
    if (isPaused === true)
      return 'the store of the cluster is new, or was restarted or replaced: calls that it does not know may count'
    return room < 1 ? 'as many calls as the vendor allows have been made' : undefined
  }
}
