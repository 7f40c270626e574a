/**
 * One configured account and product: buys through its source and lends what it bought through the pool. Whether it may
 * be asked now is `provider-status.ts`, what it may spend `purse.ts`, what becomes of a delivery `ingest.ts`.
 */
import type { Clock } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Pool } from '../pool/pool.ts'
import type { GoneReason, Upstream } from '../pool/upstream.ts'
import type { Limiter } from '../ratelimit/limiter.ts'
import type { RestoredUpstream, Store } from '../store/contract.ts'
import { StoreError } from '../store/errors.ts'
import { forgetfulStore } from '../store/memory.ts'
import { type Delivery, type Followed, type Source, VendorError } from '../vendors/contract.ts'
import type { BudgetReached, BudgetSettings } from './budget.ts'
import { Ingest, type IngestCounts, type IngestSettings, type Occasion } from './ingest.ts'
import { Holdings } from './inventory.ts'
import { CallLatency } from './latency.ts'
import { PendingPoller, type PendingPollerHandler } from './pending-poller.ts'
import {
  isFatalClass,
  type LastError,
  type ProviderState,
  ProviderStatus,
  type ProviderStatusSettings,
} from './provider-status.ts'
import { type Purchase, Purse } from './purse.ts'
import { WhitelistRegistrar, type WhitelistSetting } from './whitelist.ts'

export interface ProviderSettings extends ProviderStatusSettings, IngestSettings {
  readonly name: string
  readonly priority: number
  readonly weight: number
  /** Most addresses held of it; undefined: the pool's ceiling alone. */
  readonly ceiling: number | undefined
  readonly budget: BudgetSettings
  readonly price: number | undefined
  readonly whitelist: WhitelistSetting
  /** Whether what was bought outlives the process: not for a list, nor for a vendor that ends with it. */
  readonly isRemembered: boolean
}

/** A list that has been read is read again after this, if anybody asks. */
const LIST_PAUSE_MS = 60_000
const MAX_LIST = 100_000
const SOLD_AGAIN = 'the vendor sold only addresses that are held already'
const NOTHING_USABLE = 'the vendor sold nothing that can be used'
/** While only the reply to somebody else's call can tell when the vendor may be called again. */
const BUSY_LIMITER_MS = 100

export interface ProviderDeps {
  readonly clock: Clock
  readonly pool: Pool
  readonly log: Log
  /** Default: nothing survives the process. */
  readonly store?: Store
  readonly random?: () => number
}

/** What an earlier process of this provider left behind; instants on this process's clock. */
export interface ProviderPast {
  readonly upstreams: readonly RestoredUpstream[]
  /** Of the last 24 hours, oldest first. */
  readonly purchases: readonly { readonly at: number; readonly count: number }[]
  readonly total: number
  /** Orders whose reply was never seen: only the vendor can tell what they brought. */
  readonly unsettled: number
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
  readonly limiter: Limiter
  /** Addresses that orders on their way may bring. */
  incoming = 0
  /** Something changed without an order: waiting clients and the plan should look again. */
  onNews: (() => void) | undefined
  readonly #clock: Clock
  readonly #pool: Pool
  readonly #log: Log
  readonly #purse: Purse
  readonly #ingest: Ingest
  readonly #inventory: Holdings
  readonly #latency = new CallLatency()
  readonly #store: Store
  readonly #whitelist: WhitelistRegistrar
  readonly #pendingPoller: PendingPoller | undefined
  readonly #stopping = new AbortController()
  /** The vendor may hold addresses that we do not know of: a reply was lost, or their lives cannot be proven. */
  #mustReconcile = false
  #hasAskedWhatIsHeld = false
  readonly #status: ProviderStatus
  readonly #counts = { used: 0, failedCalls: 0 }
  #toldBudget: BudgetReached['which'] | undefined
  #isLoading = false
  #orderedAt = Number.NEGATIVE_INFINITY
  #wantedUntil = Number.NEGATIVE_INFINITY

  constructor(settings: ProviderSettings, source: Source, limiter: Limiter, deps: ProviderDeps) {
    this.settings = settings
    this.source = source
    this.limiter = limiter
    this.#clock = deps.clock
    this.#pool = deps.pool
    this.#log = deps.log.child({ mod: 'supply', provider: settings.name })
    this.#store = deps.store ?? forgetfulStore()
    const held = { clock: deps.clock, pool: deps.pool, store: this.#store }
    this.#inventory = new Holdings(held)
    const parts = { ...held, log: this.#log, ledger: this.#inventory.ledger }
    this.#purse = new Purse(settings.name, settings.budget, parts)
    this.#ingest = new Ingest(settings, parts)
    this.#whitelist = new WhitelistRegistrar(source, settings.whitelist, this.#log)
    this.#pendingPoller = source.follow === undefined ? undefined : new PendingPoller(source.follow, deps.clock, this)
    this.#status = new ProviderStatus(settings, deps.clock, deps.random)
  }

  get name(): string {
    return this.settings.name
  }

  get state(): ProviderState {
    return this.#status.state
  }

  get lastError(): LastError | undefined {
    return this.#status.lastError
  }

  get counts(): ProviderCounts {
    return { ...this.#ingest.counts, ...this.#inventory.counts, ...this.#counts }
  }

  /** What the vendor last said is left on the account. */
  get balance(): number | undefined {
    return this.#ingest.balance
  }

  get budgetReached(): BudgetReached | undefined {
    return this.#purse.reached(this.source.lot ?? 1)
  }

  get budgetLeft(): number {
    return this.#purse.left
  }

  /** Addresses the vendor holds for us now: each occupies a channel where channels are sold. */
  get held(): number {
    return this.#inventory.size
  }

  /** Addresses that are expected: of orders under way, and of those whose vendor brings them later. */
  get onTheWay(): number {
    return this.incoming + (this.#pendingPoller?.expectedCount ?? 0)
  }

  /** When the first of those that come later will be there, clock ms; undefined when none will. */
  get comesAt(): number | undefined {
    return this.#pendingPoller?.comesAt
  }

  /** Free channels; Infinity for products not sold by channel. Until the number is known, one. */
  get freeChannels(): number {
    if (!this.source.byChannel) return Number.POSITIVE_INFINITY
    return Math.max(
      0,
      (this.source.channels ?? 1) - this.held - this.incoming - (this.#pendingPoller?.pendingCount ?? 0),
    )
  }

  /**
   * How many addresses its channels keep lendable without a gap. An address holds its channel longer than it can be lent;
   * with all channels taken none could be replaced in time, and what was bought together would die together, for ever.
   * Infinity for products not sold by channel, and until the first address has come.
   * @param unlentMs the part of a life, before its deadline, that is not lent or has its successor on order
   */
  sustained(unlentMs: number): number {
    const { channels, byChannel } = this.source
    const life = this.#ingest.latestLife
    if (!byChannel || channels === undefined || life === undefined) return Number.POSITIVE_INFINITY
    const share = (life.lentMs - unlentMs) / life.heldMs
    return Math.max(1, Math.floor(channels * share))
  }

  /** How long before it is needed an address must be ordered, ms: late replies included. */
  get leadMs(): number {
    return this.#latency.mostMs
  }

  /**
   * How many addresses may be ordered in one call at this moment. None while the vendor may not be called: a call that
   * waits for its turn could not grow with what is asked for meanwhile.
   * @param isUrgent a client waits; calls for the stock keep to the vendor's pace, so that some are left for clients
   */
  room(now: number, isUrgent: boolean): number {
    if (now < this.#status.state.until || this.source.isList || this.limiter.room < 1) return 0
    if (!isUrgent && now < this.#pacedAt()) return 0
    const ceiling = (this.settings.ceiling ?? Number.POSITIVE_INFINITY) - this.#lendable() - this.onTheWay
    const { lot, maxPerCall } = this.source
    const most = Math.min(lot ?? maxPerCall, this.freeChannels, this.#purse.left, ceiling)
    // All of a lot is paid for: one that does not fit is not ordered.
    if (lot !== undefined && most < lot) return 0
    return Math.max(0, this.#status.isOnTrial ? Math.min(most, this.onTheWay > 0 ? 0 : 1) : most)
  }

  /** When the stock may be ordered for: at once while more than half of the window is free, then at the vendor's pace. */
  #pacedAt(): number {
    return this.limiter.isTight ? this.#orderedAt + this.limiter.paceMs : Number.NEGATIVE_INFINITY
  }

  /**
   * When an order may be tried next for what only time changes; undefined while no time is known.
   * @param isUrgent as for `room`
   */
  nextAttemptAt(now: number, isUrgent = true): number | undefined {
    if (now < this.#status.state.until) return this.#status.state.until
    const reached = this.budgetReached
    if (reached !== undefined) return reached.until
    if (this.freeChannels === 0 && this.incoming === 0) return this.#inventory.earliestEnd
    if (this.limiter.room < 1) return this.limiter.nextAt ?? now + BUSY_LIMITER_MS
    return isUrgent ? now : Math.max(now, this.#pacedAt())
  }

  /** Why it takes no orders although nothing is wrong with it; undefined when it does. */
  get fullBecause(): string | undefined {
    if (this.comesAt !== undefined) return 'what it sold is on its way'
    if (this.freeChannels === 0) return 'all of its channels are in use'
    return this.limiter.room < 1 ? 'as many calls as the vendor allows have been made' : undefined
  }

  #lendable(): number {
    let count = 0
    for (const upstream of this.#pool.members()) {
      if (upstream.facts.provider === this.name && upstream.state !== 'draining') count++
    }
    return count
  }

  /** Takes the whole list of a list provider in, when it is time to read it (again). */
  async loadList(signal: AbortSignal): Promise<number> {
    if (this.#clock.now() < this.#status.state.until || this.#isLoading) return 0
    this.#isLoading = true
    try {
      const { gained } = await this.#arrived(
        await this.source.extract(this.settings.ceiling ?? MAX_LIST, signal),
        'list',
      )
      this.#status.resting(LIST_PAUSE_MS, 'every address of the list is in the pool')
      return gained
    } catch (error) {
      if (!signal.aborted) this.#failed(error)
      return 0
    } finally {
      this.#isLoading = false
    }
  }

  /**
   * Buys up to `count`, or a whole lot where the vendor sells by it. Never throws: what goes wrong becomes the provider's state.
   * @param priority of the call in the limiter's queue; waiting clients first
   * @returns how many upstreams the pool gained
   */
  order(wanted: number, priority: number, signal: AbortSignal): Promise<number> {
    const count = this.source.lot ?? wanted
    this.#orderedAt = this.#clock.now()
    this.#status.ordering()
    return this.#purchasing(count, (purchase) => this.#tryToBuy(purchase, count, priority, signal))
  }

  async #tryToBuy(purchase: Purchase, count: number, priority: number, signal: AbortSignal): Promise<number> {
    try {
      await this.#whitelist.prepare(signal)
      const found = await this.#reconcile(signal, priority)
      if (found > 0) return found
      const gained = await this.#buy(purchase, count, priority, signal)
      this.#whitelist.succeeded()
      this.#hasAskedWhatIsHeld = false
      return gained
    } catch (error) {
      if (signal.aborted) return 0
      this.#failed(error)
      if (this.#isMissingSome(error)) this.#askWhatIsHeld()
      else if (await this.#whitelist.mend(error, signal).catch(() => false)) this.#status.mended()
      return 0
    }
  }

  /** Books before the first await (orders that are decided one after the other must see each other's money), and settles. */
  async #purchasing<T>(count: number, run: (purchase: Purchase) => Promise<T>): Promise<T> {
    this.incoming += count
    const purchase = this.#purse.begin(count)
    try {
      return await run(purchase)
    } finally {
      this.incoming -= count
      purchase.settle()
      this.#noteBudget()
    }
  }

  /** A call that may buy: on record before it leaves. @param costOf how many addresses of its reply must be paid for */
  async #pay<T>(
    purchase: Purchase,
    call: () => Promise<T>,
    costOf: (reply: T) => number | Promise<number>,
  ): Promise<T> {
    await purchase.record()
    try {
      const reply = await call()
      purchase.brought(await costOf(reply))
      return reply
    } catch (error) {
      if (purchase.failed(error)) this.#mustReconcile = true
      throw error
    }
  }

  /** The vendor says that all channels are taken, and we know of fewer: an earlier process, or another one, took them. */
  #isMissingSome(error: unknown): boolean {
    if (!(error instanceof VendorError) || error.wait !== 'earliest-deadline') return false
    return !this.#hasAskedWhatIsHeld && this.held < (this.source.channels ?? 0)
  }

  /** Once, until an order succeeds: what the vendor lists may be another's. */
  #askWhatIsHeld(): void {
    if (this.source.queryOperation === undefined) return
    this.#hasAskedWhatIsHeld = true
    this.#mustReconcile = true
    this.#status.mended()
  }

  #noteBudget(): void {
    const reached = this.budgetReached
    if (reached !== undefined && this.#toldBudget !== reached.which) {
      const endsInMs = reached.until === undefined ? undefined : Math.round(reached.until - this.#clock.now())
      const words = endsInMs === undefined ? 'raise it to buy more' : 'nothing is bought until it ends'
      this.#log.warn({ budget: reached.which, limit: reached.limit, endsInMs }, `the budget is used up: ${words}`)
    }
    this.#toldBudget = reached?.which
  }

  async #buy(purchase: Purchase, count: number, priority: number, signal: AbortSignal): Promise<number> {
    let gained = 0
    const call = () => this.source.extract(count, signal, priority)
    await this.#pay(purchase, call, async (delivery) => {
      this.#latency.measured(this.#clock.now() - delivery.sentAt)
      const arrival = await this.#arrived(delivery, 'order')
      gained = arrival.gained
      return arrival.cost
    })
    return gained
  }

  /** Asks the vendor what it holds for us, where it can tell and we cannot be sure. @returns how many upstreams the pool gained */
  async #reconcile(signal: AbortSignal, priority: number): Promise<number> {
    if (!this.#mustReconcile || this.source.queryOperation === undefined) return 0
    const delivery = await this.source.query(signal, priority)
    this.#mustReconcile = false
    return delivery.sold.length === 0 ? 0 : (await this.#arrived(delivery, 'news')).gained
  }

  /**
   * A call at the operator's word that must be feared to buy `count`: in the budgets and on record before it leaves, and
   * settled by what came of it. What it brought is lent like everything else that is held.
   * @param brought reads a reply; undefined where only the vendor can tell what it sold: then `count` was bought
   * @throws {GatewayError} GW_BUDGET_REACHED before anything leaves; {StoreError}; what `call` throws
   */
  spend<T>(count: number, call: () => Promise<T>, brought: (reply: T) => Delivery | undefined): Promise<T> {
    return this.#byHand(count, call, async (reply) => {
      const delivery = brought(reply)
      if (delivery === undefined) this.#mustReconcile = true
      return delivery === undefined ? count : (await this.#arrived(delivery, 'order')).cost
    })
  }

  /** As `spend`, for a call that only tries the account: what it brings occupies its channels, and is lent to nobody. */
  tryOut(count: number, call: () => Promise<Delivery>): Promise<Delivery> {
    return this.#byHand(count, call, (delivery) => {
      this.#pendingPoller?.add(delivery.pending ?? [])
      return this.#ingest.setAside(delivery)
    })
  }

  async #byHand<T>(count: number, call: () => Promise<T>, costOf: (reply: T) => number | Promise<number>): Promise<T> {
    this.assertBudget(count)
    try {
      return await this.#purchasing(count, (purchase) => this.#pay(purchase, call, costOf))
    } finally {
      this.onNews?.()
    }
  }

  /** @throws {GatewayError} GW_BUDGET_REACHED when the budget has no room for so many */
  assertBudget(count: number): void {
    const reached = this.#purse.reached(count)
    if (reached === undefined) return
    const { which, limit, until } = reached
    const retryAfterMs = until === undefined ? undefined : Math.max(0, until - this.#clock.now())
    const left = this.#purse.left
    const words =
      left > 0
        ? `has room for ${left} more in its budget ${which} of ${limit} addresses, and this call may buy ${count}`
        : `has reached its budget ${which} of ${limit} addresses`
    throw new GatewayError('GW_BUDGET_REACHED', `provider "${this.name}" ${words}`, { detail: { retryAfterMs } })
  }

  /** The operator has given addresses back: their channels are free, and nobody is lent them any more. */
  gaveBack(refs: readonly string[]): void {
    this.#inventory.released(refs)
    if (refs.length > 0) this.onNews?.()
  }

  /** Takes up what an earlier process bought: those that live are lent at once, the others hold their channels. */
  restore(left: ProviderPast, now: number): void {
    const isDoubtful = this.#inventory.restore(left.upstreams, now)
    if (isDoubtful || left.unsettled > 0) this.#mustReconcile = true
    this.#purse.restore(left.purchases, left.total)
    this.#noteBudget()
    this.#pendingPoller?.add([])
  }

  /** @returns how many upstreams the pool gained, and how many addresses must be paid for: what cannot be used is, too */
  async #arrived(delivery: Delivery, occasion: Occasion): Promise<{ gained: number; cost: number }> {
    const { gained, known, bought } = await this.#ingest.take(delivery, occasion)
    const pending = delivery.pending ?? []
    this.#pendingPoller?.add(pending)
    if (gained + pending.length > 0) this.#status.succeeded()
    else if (occasion !== 'news') this.#status.broughtNothing(known > 0 ? SOLD_AGAIN : NOTHING_USABLE)
    return { gained, cost: bought + delivery.rejected.length }
  }

  #failed(error: unknown): void {
    this.#counts.failedCalls++
    const failure = error instanceof VendorError ? error : notTheVendors(error)
    if (failure.class === 'rate_limited') this.limiter.slowDown()
    const { code, words, until } = this.#status.failed(failure, this.#inventory.earliestEnd)
    const level = isFatalClass(failure.class) ? 'error' : 'warn'
    this.#log[level]({ code, vendorCode: failure.vendorCode, pauseMs: Math.round(until - this.#clock.now()) }, words)
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

  /** What an address taught: see health.ts. */
  proof(upstream: Upstream, worked: boolean, cause: string | undefined): void {
    if (worked) {
      this.#counts.used++
      this.#store.opened(upstream.id)
      return void this.#status.addressWorked()
    }
    const stopped = this.#status.addressFailed(upstream.id, cause)
    if (stopped !== undefined) this.#log.error({ cause }, stopped.words)
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
    return this.#inventory.refs
  }

  /** What the vendor says of addresses that were bought before: some have come, some have changed, some are gone. */
  async followed(news: Followed): Promise<void> {
    this.#inventory.drop(news)
    if (news.sold.length > 0) await this.#arrived(news, 'news')
    this.onNews?.()
  }

  followFailed(error: unknown): void {
    this.#failed(error)
  }

  /** The vendor let us know that something changed. */
  hint(): void {
    this.source.hint?.()
    void this.#pendingPoller?.now()
    // A list that waits for its time is read again; one that waits because of a failure goes on waiting.
    if (!this.source.isList || this.source.hint === undefined || !this.#status.isResting) return
    this.#status.mended()
    this.onNews?.()
  }

  /** The operator has made a call that worked: what stopped the provider may be over, and one order tells. */
  tendedTo(): void {
    if (this.#status.state.kind !== 'stopped') return
    this.#status.mended()
    this.onNews?.()
  }

  /** A bad address is given back where that frees its channel and so saves money. */
  async #giveBack(upstream: Upstream): Promise<void> {
    const { ref } = upstream.facts
    if (ref === undefined || !this.#whitelist.canRelease || this.#stopping.signal.aborted) return
    if (!(await this.#whitelist.release(ref, this.#stopping.signal))) return
    this.#inventory.givenBack(upstream.id)
    this.onNews?.()
  }

  close(): void {
    this.#stopping.abort(new Error('the gateway is stopping'))
    this.#pendingPoller?.close()
  }

  /** An upstream of this provider has left the pool. */
  left(upstream: Upstream, reason: GoneReason): void {
    this.#inventory.left(upstream, reason)
    if (reason === 'blamed') void this.#giveBack(upstream)
  }
}

/** What failed before the call could leave. */
function notTheVendors(error: unknown): VendorError {
  if (error instanceof StoreError)
    return new VendorError('server', 'store', `nothing is bought that cannot be recorded: ${error.message}`)
  return new VendorError('server', 'internal', 'the call failed inside the gateway', { cause: error })
}
