/**
 * One configured account and product: buys through its source and lends what it bought through the pool.
 *
 *     plan (planner.ts) ─▶ prepare ─▶ order (order.ts) ─▶ ingest (ingest.ts) ─▶ pool
 *                          channels, whitelist, what lost replies brought
 *
 * Whether it may be asked now is `provider-status.ts`; what it may spend, and how many calls and channels are left, the
 * account store; what the vendor holds for it, `stock.ts`.
 */
import type { Clock } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import { runInBackground } from '../internal-errors.ts'
import type { Log } from '../log.ts'
import type { Pool } from '../pool/pool.ts'
import type { GoneReason, Upstream } from '../pool/upstream.ts'
import type {
  BudgetLimits,
  BudgetReached,
  CallWindow,
  Ceiling,
  Reservation,
  WindowView,
} from '../store/account-store.ts'
import type { RestoredUpstream, Store } from '../store/contract.ts'
import { StoreError } from '../store/errors.ts'
import { forgetfulStore } from '../store/memory.ts'
import { type Delivery, type Followed, type Source, VendorError } from '../vendors/contract.ts'
import type { Account, Accounts } from './account.ts'
import { ChannelProbe } from './channel-probe.ts'
import { Ingest, type IngestCounts, type IngestSettings, type Occasion } from './ingest.ts'
import { CallLatency } from './latency.ts'
import { ListSync } from './list-sync.ts'
import { Order, type OrderTerms } from './order.ts'
import { PendingPoller, type PendingPollerHandler } from './pending-poller.ts'
import {
  isFatalClass,
  type LastError,
  type ProviderState,
  ProviderStatus,
  type ProviderStatusSettings,
} from './provider-status.ts'
import { Reconciliation } from './reconciliation.ts'
import { Stock } from './stock.ts'
import { WhitelistRegistrar, type WhitelistSetting } from './whitelist.ts'

export interface ProviderSettings extends ProviderStatusSettings, IngestSettings {
  readonly name: string
  readonly priority: number
  readonly weight: number
  /** Most addresses held of it; undefined: the pool's ceiling alone. */
  readonly ceiling: number | undefined
  readonly budget: BudgetLimits
  readonly price: number | undefined
  readonly whitelist: WhitelistSetting
  /** Whether what was bought outlives the process: not for a list, nor for a vendor that ends with it. */
  readonly isRemembered: boolean
}

/** A list that has been read is read again after this, if anybody asks. */
const LIST_PAUSE_MS = 60_000
const SOLD_AGAIN = 'the vendor sold only addresses that are held already'
const NOTHING_USABLE = 'the vendor sold nothing that can be used'
/** While only the reply to a call under way can tell when the vendor may be called again. */
const BUSY_WINDOW_MS = 100
/** The part of a life by which an address may be replaced early, so that its order goes together with others. */
const MOST_BATCHED = 1 / 8
/** How long an address may live whose vendor has told no life yet, ms. */
const UNKNOWN_LIFE_MS = 60_000

export interface ProviderDeps {
  readonly clock: Clock
  readonly pool: Pool
  readonly log: Log
  readonly accounts: Accounts
  /** Default: nothing survives the process. */
  readonly store?: Store
  readonly random?: () => number
}

/** Why there is an order. */
export interface OrderDemand {
  /** A client waits for it; else it is for the stock. */
  readonly isUrgent: boolean
  /** Whether the demand is still there. */
  readonly isWanted: () => boolean
  /** The pool's ceiling, and what counts towards it now. */
  readonly ceilings: readonly Ceiling[]
}

/** What an earlier process of this provider left behind; instants on this process's clock. */
export interface ProviderPast {
  readonly upstreams: readonly RestoredUpstream[]
}

export interface ProviderCounts extends Readonly<IngestCounts> {
  /** Addresses that have opened a tunnel. */
  readonly used: number
  readonly expiredUnused: number
  readonly evictedByBlame: number
  readonly failedCalls: number
  /** Of what has left the pool: how long something was open through it while it lived. */
  readonly secondsUsed: number
}

export class Provider implements PendingPollerHandler {
  readonly settings: ProviderSettings
  readonly source: Source
  readonly account: Account
  /** Something changed without an order: waiting clients and the plan should look again. */
  onNews: (() => void) | undefined
  readonly #accounts: Accounts
  readonly #clock: Clock
  readonly #pool: Pool
  readonly #log: Log
  readonly #store: Store
  readonly #ingest: Ingest
  readonly #stock: Stock
  readonly #latency = new CallLatency()
  readonly #whitelist: WhitelistRegistrar
  readonly #channelProbe: ChannelProbe
  readonly #reconciliation: Reconciliation
  readonly #list: ListSync
  readonly #pendingPoller: PendingPoller | undefined
  readonly #stopping = new AbortController()
  readonly #status: ProviderStatus
  readonly #counts = { used: 0, failedCalls: 0 }
  #loggedBudget: BudgetReached['which'] | undefined
  /** How far the vendor's clock is ahead of ours, ms, as its last reply showed. */
  #skewMs = 0
  #isPreparing = false
  #isPaused = false
  #orderedAt = Number.NEGATIVE_INFINITY
  #wantedUntil = Number.NEGATIVE_INFINITY

  constructor(settings: ProviderSettings, source: Source, deps: ProviderDeps) {
    const { clock, pool, accounts } = deps
    this.settings = settings
    this.source = source
    this.account = accounts.of(source.account)
    this.#accounts = accounts
    this.#clock = clock
    this.#pool = pool
    this.#log = deps.log.child({ mod: 'supply', provider: settings.name })
    this.#store = deps.store ?? forgetfulStore()
    const { inventory } = this.account
    const parts = { clock, pool, store: this.#store, inventory, log: this.#log, provider: settings.name }
    this.#stock = new Stock(parts)
    this.#ingest = new Ingest(settings, parts)
    this.#list = new ListSync(source, settings.ceiling, { ingest: this.#ingest, stock: this.#stock })
    this.#whitelist = new WhitelistRegistrar(source, settings.whitelist, parts)
    this.#channelProbe = new ChannelProbe(source, this.account, parts)
    this.#reconciliation = new Reconciliation(source, parts)
    this.#pendingPoller = source.follow === undefined ? undefined : new PendingPoller(source.follow, clock, this)
    this.#status = new ProviderStatus(settings, clock, deps.random)
    this.account.onWorks(() => this.#accountWorks())
  }

  // --- What is known of it --------------------------------------------------------------------------------------

  get name(): string {
    return this.settings.name
  }

  get state(): ProviderState {
    return this.#isPaused ? PAUSED : this.#status.state
  }

  get lastError(): LastError | undefined {
    return this.#status.lastError
  }

  get counts(): ProviderCounts {
    return { ...this.#ingest.counts, ...this.#stock.counts, ...this.#counts }
  }

  /** What the vendor last said is left on the account. */
  get balance(): number | undefined {
    return this.#ingest.balance
  }

  get budgetReached(): BudgetReached | undefined {
    return this.#budget.reached(this.source.lot ?? 1)
  }

  get budgetLeft(): number {
    return this.#budget.left
  }

  get #budget() {
    return this.#accounts.store.view.budget(this.name, this.settings.budget)
  }

  /** The window of the call that buys. */
  get window(): WindowView {
    return this.#accounts.store.view.window(this.source.limitOf(this.source.extractOperation))
  }

  /** Addresses the vendor holds for this provider now. */
  get held(): number {
    return this.#stock.size
  }

  /** Addresses that calls under way may bring. */
  get incoming(): number {
    return this.#accounts.store.view.reservedBy(this.name)
  }

  /** Addresses that are expected: of orders under way, and of those whose vendor brings them later. */
  get onTheWay(): number {
    return this.incoming + (this.#pendingPoller?.expectedCount ?? 0)
  }

  /** Whether something may come without a further decision. */
  get isBusy(): boolean {
    return this.#isPreparing || this.#list.isReading || this.incoming > 0
  }

  /** When the first of those that come later will be there, clock ms; undefined when none will. */
  get comesAt(): number | undefined {
    return this.#pendingPoller?.comesAt
  }

  /** Channels of the account; Infinity for products not sold by channel. Until the number is known, one. */
  get channels(): number {
    return this.source.byChannel ? (this.source.channels ?? 1) : Number.POSITIVE_INFINITY
  }

  /** Free channels of the account, whoever occupies the others. */
  get freeChannels(): number {
    if (!this.source.byChannel) return Number.POSITIVE_INFINITY
    return Math.max(0, this.channels - this.#accounts.store.view.channelsBooked(this.account.key))
  }

  /**
   * How many addresses its channels keep lendable without a gap. An address holds its channel longer than it can be lent;
   * with all channels taken none could be replaced in time, and what was bought together would die together, for ever.
   * Infinity for products not sold by channel, and until the first address has come.
   * @param unlentMs the part of a life, before its deadline, that is not lent or has its successor on order
   */
  sustained(unlentMs: (lentMs: number) => number): number {
    const life = this.#ingest.latestLife
    if (!Number.isFinite(this.channels) || life === undefined) return Number.POSITIVE_INFINITY
    const share = (life.lentMs - unlentMs(life.lentMs)) / life.heldMs
    return Math.max(1, Math.floor(this.channels * share))
  }

  /** How long before it is needed an address must be ordered, ms: late replies included. */
  get leadMs(): number {
    return this.#latency.mostMs
  }

  /**
   * How far apart orders for the stock are, ms; what falls due meanwhile goes into one call. While more than half of the
   * window is free they would use half of it, so that the other half is there for waiting clients, and for a vendor that
   * enforces less than it documents; then all that is left is spread over the time until the next slot falls free.
   */
  get batchMs(): number {
    const { isTight, paceMs, perMs, allowed } = this.window
    if (isTight) return paceMs
    const lifeMs = this.#ingest.latestLife?.lentMs ?? UNKNOWN_LIFE_MS
    return Math.min((2 * perMs) / allowed, lifeMs * MOST_BATCHED)
  }

  /** The distance of calls at which the window is never used up, ms. */
  get paceMs(): number {
    return this.window.paceMs
  }

  // --- Whether it may be asked ----------------------------------------------------------------------------------

  /**
   * How many addresses may be ordered in one call at this moment. None while the vendor may not be called: a call that
   * waits for its turn could not grow with what is asked for meanwhile.
   * @param isUrgent a client waits; calls for the stock keep to the vendor's pace, so that some are left for clients
   */
  room(now: number, isUrgent: boolean): number {
    const window = this.window
    if (now < this.#mayTryAt(isUrgent) || this.source.isList || this.#isPreparing || window.room < 1) return 0
    if (!isUrgent && now < this.#pacedAt()) return 0
    const ceiling = (this.settings.ceiling ?? Number.POSITIVE_INFINITY) - this.#lendable() - this.onTheWay
    const { lot, maxPerCall } = this.source
    const most = Math.min(lot ?? maxPerCall, this.freeChannels, this.budgetLeft, ceiling)
    // All of a lot is paid for: one that does not fit is not ordered.
    if (lot !== undefined && most < lot) return 0
    return Math.max(0, this.#status.isOnTrial ? Math.min(most, this.onTheWay > 0 ? 0 : 1) : most)
  }

  #mayTryAt(isUrgent: boolean): number {
    return this.#isPaused ? Number.POSITIVE_INFINITY : this.#status.mayTryAt(isUrgent)
  }

  /** When the stock may be ordered for: while more than half of the window is free, the planner alone decides. */
  #pacedAt(): number {
    return this.window.isTight ? this.#orderedAt + this.batchMs : Number.NEGATIVE_INFINITY
  }

  /**
   * When an order may be tried next for what only time changes; undefined while no time is known.
   * @param isUrgent as for `room`
   */
  nextAttemptAt(now: number, isUrgent = true): number | undefined {
    if (this.#isPaused) return undefined
    const mayTryAt = this.#mayTryAt(isUrgent)
    if (now < mayTryAt) return mayTryAt
    const reached = this.budgetReached
    if (reached !== undefined) return reached.until
    if (this.freeChannels === 0 && this.incoming === 0) return this.account.inventory.earliestEnd(now)
    const { room, nextAt } = this.window
    if (room < 1) return nextAt ?? now + BUSY_WINDOW_MS
    return isUrgent ? now : Math.max(now, this.#pacedAt())
  }

  /** When addresses may come for a client that would wait: a stopped provider that was tried just now brings none soon. */
  hopeAt(now: number): number | undefined {
    const at = this.nextAttemptAt(now)
    return this.#status.state.kind === 'stopped' && at !== undefined && at > now ? this.#status.state.until : at
  }

  /** Why it takes no orders although nothing is wrong with it; undefined when it does. */
  get fullBecause(): string | undefined {
    if (this.comesAt !== undefined) return 'what it sold is on its way'
    if (this.freeChannels === 0) return 'all of its channels are in use'
    return this.window.room < 1 ? 'as many calls as the vendor allows have been made' : undefined
  }

  #lendable(): number {
    let count = 0
    for (const upstream of this.#pool.members()) {
      if (upstream.facts.provider === this.name && upstream.state !== 'draining') count++
    }
    return count
  }

  // --- Buying ---------------------------------------------------------------------------------------------------

  /** Reads a list provider's list, when it is time to read it (again). @returns how many upstreams the pool gained */
  async loadList(signal: AbortSignal): Promise<number> {
    if (this.#list.isReading || this.#clock.now() < this.#mayTryAt(false)) return 0
    try {
      const gained = await this.#list.read(signal)
      this.#status.resting(
        LIST_PAUSE_MS,
        `the list was read; it is read again each ${LIST_PAUSE_MS / 1_000} s while clients come`,
      )
      return gained
    } catch (error) {
      if (!signal.aborted) this.#failed(error)
      return 0
    }
  }

  /**
   * Buys up to `wanted`, or a whole lot where the vendor sells by it. Never throws: what goes wrong becomes the provider's
   * state. Where something must be found out first, that is done instead, and the caller plans anew.
   * @param priority of further calls that the order makes; waiting clients first
   */
  async order(wanted: number, priority: number, signal: AbortSignal, demand: OrderDemand): Promise<void> {
    if (this.#needsPreparation) return this.#prepare(signal, priority)
    const count = this.source.lot ?? wanted
    this.#orderedAt = this.#clock.now()
    this.#status.ordering()
    try {
      await this.#buy(count, demand, (order) => this.source.extract(count, signal, priority, order))
    } catch (error) {
      if (signal.aborted) return
      this.#failed(error)
      if (this.#isMissingSome(error)) this.#status.mended()
      else if (await this.#whitelist.mend(error, signal).catch(() => false)) this.#status.mended()
    }
  }

  get #needsPreparation(): boolean {
    return this.#channelProbe.isMissing || this.#whitelist.isFirstUse || this.#reconciliation.isDue
  }

  /** Each of these is tried, and given up when it fails: nobody is refused an address because a look-up failed. */
  async #prepare(signal: AbortSignal, priority: number): Promise<void> {
    if (this.#isPreparing) return
    this.#isPreparing = true
    try {
      if (this.#channelProbe.isMissing) await this.#channelProbe.ask(signal)
      if (this.#whitelist.isFirstUse) await this.#whitelist.registerFirst(signal)
      if (this.#reconciliation.isDue) await this.#reconcile(signal, priority)
    } catch (error) {
      if (!signal.aborted) this.#log.error({ err: error }, 'an order could not be prepared')
    } finally {
      this.#isPreparing = false
    }
  }

  async #buy(count: number, demand: OrderDemand, call: (order: Order) => Promise<Delivery>): Promise<void> {
    const reservation = this.#reservation(count, demand.ceilings)
    await this.#place({ reservation, isWanted: demand.isWanted }, call, async (delivery) => {
      this.#latency.measured(this.#clock.now() - delivery.sentAt)
      return this.#arrived(delivery, 'order')
    })
    this.account.works()
  }

  /** @param costOf how many addresses of the reply must be paid for */
  async #place<T>(
    terms: Omit<OrderTerms, 'lifeMs'>,
    call: (order: Order) => Promise<T>,
    costOf: (reply: T) => number | Promise<number>,
  ) {
    const lifeMs = this.#ingest.latestLife?.heldMs ?? this.settings.arrival.ttlMs ?? UNKNOWN_LIFE_MS
    const order = new Order({ ...terms, lifeMs }, this.#accounts, () => this.#clock.now())
    try {
      return await order.run(() => call(order), costOf)
    } finally {
      if (order.isUnknown) this.#reconciliation.demand()
      this.#logBudget()
    }
  }

  #reservation(count: number, ceilings: readonly Ceiling[]): Reservation {
    const { source, settings, account } = this
    const own = {
      scope: `provider ${this.name}`,
      limit: settings.ceiling ?? Number.MAX_SAFE_INTEGER,
      held: this.#lendable(),
    }
    return {
      window: source.limitOf(source.extractOperation),
      provider: this.name,
      count,
      budget: settings.budget,
      channels: source.byChannel ? { account: account.key, total: this.channels } : undefined,
      ceilings: ceilings.length === 0 ? [] : [...ceilings, own],
      isDurable: settings.isRemembered,
    }
  }

  /** The vendor says that all channels are taken, and we know of fewer: an earlier process, or another one, took them. */
  #isMissingSome(error: unknown): boolean {
    if (!(error instanceof VendorError) || error.wait !== 'earliest-deadline') return false
    if (this.freeChannels === 0) return false
    if (this.#channelProbe.isDue) this.#probeChannels()
    return this.#reconciliation.demandOnce()
  }

  async #reconcile(signal: AbortSignal, priority: number): Promise<void> {
    const askedAt = this.#clock.now()
    const delivery = await this.#reconciliation.ask(signal, priority)
    if (delivery === undefined) return
    const { own, unknown } = this.#ingest.ownOf(delivery)
    await this.#arrived(own, 'news')
    this.#accounts.store.resolve(this.name, unknown, askedAt)
  }

  /** @returns how many addresses must be paid for: what cannot be used is, too */
  async #arrived(delivery: Delivery, occasion: Occasion): Promise<number> {
    const { gained, known, bought, fresh } = await this.#ingest.take(delivery, occasion)
    const pending = delivery.pending ?? []
    this.#addPending(pending)
    if (gained + pending.length > 0) this.#status.succeeded()
    else if (occasion !== 'news') this.#status.broughtNothing(known > 0 ? SOLD_AGAIN : NOTHING_USABLE)
    if (occasion === 'order') this.#reconciliation.worked()
    if (delivery.vendorWallMs !== undefined) this.#skewMs = delivery.vendorWallMs - this.#wallAt(delivery.sentAt)
    return (this.source.listsHeld === true ? fresh : bought) + delivery.rejected.length
  }

  #wallAt(instant: number): number {
    return this.#clock.wall() - (this.#clock.now() - instant)
  }

  #addPending(pending: NonNullable<Delivery['pending']>): void {
    this.account.inventory.addPending(
      this.name,
      pending.map(({ ref }) => ref),
    )
    this.#pendingPoller?.add(pending)
  }

  #failed(error: unknown): void {
    this.#counts.failedCalls++
    const failure = error instanceof VendorError ? error : notTheVendors(error)
    const { nextAt, allowed, used } = this.window
    const isLearnt = failure.class === 'rate_limited' && used > 1 && used >= allowed
    const { code, words, until } = this.#status.failed(failure, {
      earliestEnd: this.account.inventory.earliestEnd(this.#clock.now()),
      windowFreeAt: isLearnt ? nextAt : undefined,
      expected: this.source.extractOperation,
      skewMs: this.#skewMs,
      couldRegister: this.settings.whitelist === 'off' && this.source.whitelist !== undefined,
    })
    const level = isFatalClass(failure.class) ? 'error' : 'warn'
    this.#log[level]({ code, vendorCode: failure.vendorCode, pauseMs: Math.round(until - this.#clock.now()) }, words)
  }

  /** More is wanted than its channels allow: there may be more of them by now. */
  channelsAreShort(): void {
    if (this.#channelProbe.isDue && this.source.channels !== undefined) this.#probeChannels()
  }

  #probeChannels(): void {
    void this.#channelProbe
      .ask(this.#stopping.signal)
      .then((hasChanged) => hasChanged && this.onNews?.())
      .catch(() => {})
  }

  // --- At the operator's word -----------------------------------------------------------------------------------

  /**
   * A call at the operator's word, within the same budget and on record like every other.
   * @param count addresses that it must be feared to buy
   * @param window of the operation that is called
   * @param soldOf what of the reply is for the pool; undefined: what was feared is taken for bought
   * @throws {GatewayError} GW_BUDGET_REACHED; {StoreError} when it cannot be recorded, and so was not made; else what `call` throws
   */
  spend<T>(
    count: number,
    window: CallWindow,
    call: (order: Order) => Promise<T>,
    soldOf: (reply: T) => Delivery | undefined,
  ): Promise<T> {
    return this.#byHand({ count, window }, call, async (reply) => {
      const delivery = soldOf(reply)
      return delivery === undefined ? count : this.#arrived(delivery, 'order')
    })
  }

  /** A trial at the operator's word: what it brings occupies its channels, and is lent to nobody. */
  tryOut(count: number, call: (order: Order) => Promise<Delivery>): Promise<Delivery> {
    const window = this.source.limitOf(this.source.extractOperation)
    return this.#byHand({ count, window }, call, (delivery) => {
      this.#addPending(delivery.pending ?? [])
      return this.#ingest.setAside(delivery)
    })
  }

  async #byHand<T>(
    { count, window }: Pick<Reservation, 'count' | 'window'>,
    call: (order: Order) => Promise<T>,
    costOf: (reply: T) => number | Promise<number>,
  ): Promise<T> {
    this.assertBudget(count)
    try {
      // Nobody is lent what it brings before it is there: the ceilings are for the gateway's own orders.
      const reservation = { ...this.#reservation(count, []), window }
      const result = await this.#place({ reservation, isWanted: () => true }, call, costOf)
      if (result.kind === 'sold') return result.reply
      const until = result.kind === 'denied' ? result.until : undefined
      const retryAfterMs = until === undefined ? undefined : Math.max(0, until - this.#clock.now())
      const words = `provider "${this.name}" cannot make this call now: ${this.fullBecause ?? 'its limits are reached'}`
      throw new GatewayError('GW_NO_SUPPLY', words, { detail: { retryAfterMs } })
    } finally {
      this.onNews?.()
    }
  }

  /** @throws {GatewayError} GW_BUDGET_REACHED when the budget has no room for so many */
  assertBudget(count: number): void {
    const reached = this.#budget.reached(count)
    if (reached === undefined || count === 0) return
    const { which, limit, until } = reached
    const retryAfterMs = until === undefined ? undefined : Math.max(0, until - this.#clock.now())
    const left = this.budgetLeft
    const words =
      left > 0
        ? `has room for ${left} more in its budget ${which} of ${limit} addresses, and this call may buy ${count}`
        : `has reached its budget ${which} of ${limit} addresses`
    throw new GatewayError('GW_BUDGET_REACHED', `provider "${this.name}" ${words}`, { detail: { retryAfterMs } })
  }

  /** The operator has given addresses back: their channels are free, and nobody is lent them any more. */
  gaveBack(refs: readonly string[]): void {
    this.#stock.released(refs)
    if (refs.length > 0) this.onNews?.()
  }

  /** The next order may leave at once, whatever stood in the way. Budget, channels and windows still hold. */
  retry(): void {
    this.#status.mended()
    this.onNews?.()
  }

  /** Nothing is bought until `resume`; what is held is lent on. */
  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.onNews?.()
  }

  /** A call of the same credential has worked: what stopped the provider may be over, and one order tells. */
  #accountWorks(): void {
    if (this.#status.state.kind !== 'stopped') return
    this.#status.mended()
    this.onNews?.()
  }

  // --- What happens to it ---------------------------------------------------------------------------------------

  /** Takes up what an earlier process bought: those that live are lent at once, the others hold their channels. */
  restore(left: ProviderPast, now: number): void {
    const isDoubtful = this.#stock.restore(left.upstreams, now)
    const isFollowed = this.#pendingPoller !== undefined && !this.source.isList
    if (isDoubtful || isFollowed || this.#accounts.store.view.unknownOf(this.name) > 0) this.#reconciliation.demand()
    this.#logBudget()
    this.#pendingPoller?.add([])
  }

  #logBudget(): void {
    const reached = this.budgetReached
    if (reached !== undefined && this.#loggedBudget !== reached.which) {
      const endsInMs = reached.until === undefined ? undefined : Math.round(reached.until - this.#clock.now())
      const words = endsInMs === undefined ? 'raise it to buy more' : 'nothing is bought until it ends'
      this.#log.warn({ budget: reached.which, limit: reached.limit, endsInMs }, `the budget is used up: ${words}`)
    }
    this.#loggedBudget = reached?.which
  }

  /** Nothing is bought into a dead line beyond trials: its addresses are kept, and rest until one works again. */
  lineDown(broken: number): void {
    const { words } = this.#status.lineDown(broken)
    this.#log.error({ broken }, words)
  }

  lineUp(): void {
    this.#status.addressWorked()
    this.#log.info('an address works again: the line is up')
  }

  /** Outcome of the first use of an address: see health.ts. */
  proof(upstream: Upstream, worked: boolean, cause: string | undefined): void {
    if (worked) {
      this.#counts.used++
      this.#store.opened(upstream.id)
      return void this.#status.addressWorked()
    }
    if (cause === 'login' && upstream.facts.username === undefined) this.#loginRefused()
    const stopped = this.#status.addressFailed(upstream.id, cause)
    if (stopped !== undefined) this.#log.error({ cause }, stopped.words)
  }

  #loginRefused(): void {
    void this.#whitelist
      .loginsRefused(this.#stopping.signal)
      .then((isRegistered) => isRegistered && this.retry())
      .catch(() => {})
  }

  /** Clients ask for its addresses, and will be taken to until then, clock ms. */
  wanted(until: number): void {
    this.#wantedUntil = until
    this.#pendingPoller?.resume()
  }

  get isWanted(): boolean {
    return this.#clock.now() < this.#wantedUntil
  }

  get heldRefs(): readonly string[] {
    return this.#stock.refs
  }

  get pausedUntil(): number {
    return this.#mayTryAt(false)
  }

  /** What the vendor says of addresses that were bought before: some have come, some have changed, some are gone. */
  async followed(news: Followed): Promise<void> {
    this.#stock.drop(news)
    this.account.inventory.removePending([...news.gone, ...news.sold.flatMap(({ ref }) => ref ?? [])])
    this.account.inventory.addPending(
      this.name,
      (news.pending ?? []).map(({ ref }) => ref),
    )
    if (news.sold.length > 0) await this.#arrived({ ...news, pending: [] }, 'news')
    this.onNews?.()
  }

  followFailed(error: unknown): void {
    this.#failed(error)
  }

  /** The vendor let us know that something changed. */
  hint(): void {
    this.source.hint?.()
    if (this.#pendingPoller !== undefined) runInBackground(this.#pendingPoller.now())
    // A list that waits for its time is read again; one that waits because of a failure goes on waiting.
    if (!this.source.isList || this.source.hint === undefined || !this.#status.isResting) return
    this.#status.mended()
    this.onNews?.()
  }

  /** A bad address is given back where that frees its channel and so saves money. */
  async #giveBack(upstream: Upstream): Promise<void> {
    const { ref } = upstream.facts
    const { signal } = this.#stopping
    if (ref === undefined || this.source.release === undefined || signal.aborted) return
    try {
      await this.source.release(ref, signal)
    } catch (error) {
      if (!signal.aborted)
        this.#log.warn({ reason: notTheVendors(error).message }, 'a bad address could not be given back')
      return
    }
    this.#stock.givenBack(upstream.id)
    this.onNews?.()
  }

  close(): void {
    this.#stopping.abort(new Error('the gateway is stopping'))
    this.#pendingPoller?.close()
  }

  /** An upstream of this provider has left the pool. */
  left(upstream: Upstream, reason: GoneReason): void {
    this.#stock.left(upstream, reason)
    if (reason === 'blamed' || reason === 'evicted') runInBackground(this.#giveBack(upstream))
  }
}

const PAUSED: ProviderState = {
  kind: 'paused',
  until: Number.POSITIVE_INFINITY,
  code: '',
  words: 'paused by the operator',
}

/** What failed before the call could leave. */
function notTheVendors(error: unknown): VendorError {
  if (error instanceof VendorError) return error
  if (error instanceof StoreError)
    return new VendorError('server', 'store', `nothing is bought that cannot be recorded: ${error.message}`)
  return new VendorError('server', 'internal', 'the call failed inside the gateway', { cause: error })
}
