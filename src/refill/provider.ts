/**
 * One configured account and product: buys through its source, keeps its ledger and budget, and puts what arrives into
 * the pool. Whether it may be asked now is `standing.ts`.
 */
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { Added, Pool } from '../pool/pool.ts'
import type { GoneReason, Upstream, UpstreamFacts } from '../pool/upstream.ts'
import type { CallId, RestoredUpstream, Store, StoredUpstream } from '../store/contract.ts'
import { StoreError } from '../store/errors.ts'
import { forgetfulStore } from '../store/memory.ts'
import { type Delivery, type Followed, type Source, VendorError } from '../vendors/vendor.ts'
import { type ArrivalSettings, type LifeDoubt, latestEnd, toFacts, vendorDeadline } from './arrival.ts'
import { type Booking, Budget, type BudgetReached, type BudgetSettings } from './budget.ts'
import { Errands, type WhitelistSetting } from './errands.ts'
import { Follower, type FollowerOwner } from './follower.ts'
import { isNewLife, Ledger } from './ledger.ts'
import type { Limiter } from './limiter.ts'
import { isFatalClass, type ProviderState, Standing, type StandingSettings, type Trouble } from './standing.ts'

export interface ProviderSettings extends StandingSettings {
  readonly name: string
  readonly priority: number
  readonly weight: number
  /** Most addresses held of it; undefined: the pool's ceiling alone. */
  readonly ceiling: number | undefined
  readonly budget: BudgetSettings
  readonly lowStock: number | undefined
  readonly price: number | undefined
  readonly whitelist: WhitelistSetting
  /** Whether what was bought outlives the process: not for a list, nor for a vendor that ends with it. */
  readonly isRemembered: boolean
  readonly arrival: ArrivalSettings
}

/** A list that has been read is read again after this, if anybody asks. */
const LIST_PAUSE_MS = 60_000
const MAX_LIST = 100_000
const SOLD_AGAIN = 'the vendor sold only addresses that are held already'
const NOTHING_USABLE = 'the vendor sold nothing that can be used'
/** Weight of a new measurement in the smoothed call latency, and of its deviation (as in RFC 6298). */
const LATENCY_WEIGHT = 1 / 8
const DEVIATION_WEIGHT = 1 / 4
const FIRST_LATENCY_MS = 1_000
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
}

/** What one delivery came to. */
interface Arrival {
  /** Upstreams that the pool can lend now and could not before. */
  readonly gained: number
  /** Addresses that must be feared to be paid for. */
  readonly bought: number
}

export interface ProviderCounts {
  bought: number
  duplicates: number
  rejected: number
  tooShort: number
  used: number
  expiredUnused: number
  evictedByBlame: number
  failedCalls: number
  secondsBought: number
}

export class Provider implements FollowerOwner {
  readonly settings: ProviderSettings
  readonly source: Source
  readonly limiter: Limiter
  readonly counts: ProviderCounts = {
    bought: 0,
    duplicates: 0,
    rejected: 0,
    tooShort: 0,
    used: 0,
    expiredUnused: 0,
    evictedByBlame: 0,
    failedCalls: 0,
    secondsBought: 0,
  }
  /** What the vendor last said is left on the account. */
  balance: number | undefined
  /** Addresses that orders on their way may bring. */
  incoming = 0
  /** Something changed without an order: waiting clients and the plan should look again. */
  onNews: (() => void) | undefined
  readonly #clock: Clock
  readonly #pool: Pool
  readonly #log: Log
  readonly #budget: Budget
  readonly #ledger = new Ledger()
  readonly #store: Store
  readonly #errands: Errands
  readonly #follower: Follower | undefined
  readonly #stopping = new AbortController()
  /** The vendor may hold addresses that we do not know of: a reply was lost, or their lives cannot be proven. */
  #mustReconcile = false
  readonly #standing: Standing
  readonly #told = new Set<LifeDoubt | 'too-short' | 'low-stock'>()
  #isLoading = false
  #orderedAt = Number.NEGATIVE_INFINITY
  #latencyMs = FIRST_LATENCY_MS
  #deviationMs = FIRST_LATENCY_MS / 2

  constructor(settings: ProviderSettings, source: Source, limiter: Limiter, deps: ProviderDeps) {
    this.settings = settings
    this.source = source
    this.limiter = limiter
    this.#clock = deps.clock
    this.#pool = deps.pool
    this.#log = deps.log.child({ mod: 'supply', provider: settings.name })
    this.#budget = new Budget(settings.budget)
    this.#store = deps.store ?? forgetfulStore()
    this.#errands = new Errands(source, settings.whitelist, this.#log)
    this.#follower = source.follow === undefined ? undefined : new Follower(source.follow, deps.clock, this)
    this.#standing = new Standing(settings, deps.clock, deps.random)
  }

  get name(): string {
    return this.settings.name
  }

  get state(): ProviderState {
    return this.#standing.state
  }

  get lastError(): Trouble | undefined {
    return this.#standing.lastTrouble
  }

  get budgetReached(): BudgetReached | undefined {
    return this.#budget.reached(this.#clock.now())
  }

  get budgetLeft(): number {
    return this.#budget.left(this.#clock.now())
  }

  /** Addresses the vendor holds for us now: each occupies a channel where channels are sold. */
  get held(): number {
    return this.#ledger.held(this.#clock.now())
  }

  /** Free channels; Infinity for products not sold by channel. Until the number is known, one. */
  get freeChannels(): number {
    if (!this.source.byChannel) return Number.POSITIVE_INFINITY
    return Math.max(0, (this.source.channels ?? 1) - this.held - this.incoming - (this.#follower?.pendingCount ?? 0))
  }

  /** How long before it is needed an address must be ordered, ms: late replies included. */
  get leadMs(): number {
    return this.#latencyMs + 4 * this.#deviationMs
  }

  /**
   * How many addresses may be ordered in one call at this moment. None while the vendor may not be called: a call that
   * waits for its turn could not grow with what is asked for meanwhile.
   * @param isUrgent a client waits; calls for the stock keep to the vendor's pace, so that some are left for clients
   */
  room(now: number, isUrgent: boolean): number {
    if (now < this.#standing.state.until || this.source.isList || this.limiter.room < 1) return 0
    if (!isUrgent && now < this.#pacedAt()) return 0
    const ceiling = (this.settings.ceiling ?? Number.POSITIVE_INFINITY) - this.#lendable() - this.incoming
    const most = Math.min(this.source.maxPerCall, this.freeChannels, this.#budget.left(now), ceiling)
    return Math.max(0, this.#standing.isOnTrial ? Math.min(most, this.incoming > 0 ? 0 : 1) : most)
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
    if (now < this.#standing.state.until) return this.#standing.state.until
    const reached = this.#budget.reached(now)
    if (reached !== undefined) return reached.until
    if (this.freeChannels === 0 && this.incoming === 0) return this.#ledger.earliestEnd(now)
    if (this.limiter.room < 1) return this.limiter.nextAt ?? now + BUSY_LIMITER_MS
    return isUrgent ? now : Math.max(now, this.#pacedAt())
  }

  /** Why it takes no orders although nothing is wrong with it; undefined when it does. */
  get fullBecause(): string | undefined {
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
    if (this.#clock.now() < this.#standing.state.until || this.#isLoading) return 0
    this.#isLoading = true
    try {
      const { gained } = await this.#arrived(await this.source.extract(this.settings.ceiling ?? MAX_LIST, signal))
      this.#standing.resting(LIST_PAUSE_MS, 'every address of the list is in the pool')
      return gained
    } catch (error) {
      if (!signal.aborted) this.#failed(error)
      return 0
    } finally {
      this.#isLoading = false
    }
  }

  /**
   * Buys up to `count`. Never throws: what goes wrong becomes the provider's state.
   * @param priority of the call in the limiter's queue; waiting clients first
   * @returns how many upstreams the pool gained
   */
  async order(count: number, priority: number, signal: AbortSignal): Promise<number> {
    this.incoming += count
    this.#orderedAt = this.#clock.now()
    this.#standing.ordering()
    try {
      await this.#errands.prepare(signal)
      const found = await this.#reconcile(signal, priority)
      if (found > 0) return found
      const gained = await this.#buy(count, priority, signal)
      this.#errands.succeeded()
      return gained
    } catch (error) {
      if (signal.aborted) return 0
      this.#failed(error)
      if (await this.#errands.mend(error, signal).catch(() => false)) this.#standing.mended()
      return 0
    } finally {
      this.incoming -= count
    }
  }

  /** One order, on record with its budget before it leaves and corrected by what came of it. */
  async #buy(count: number, priority: number, signal: AbortSignal): Promise<number> {
    const { call, booking } = await this.#book(count)
    let sold = 0
    try {
      const delivery = await this.source.extract(count, signal, priority)
      this.#measure(this.#clock.now() - delivery.sentAt)
      const { gained, bought } = await this.#arrived(delivery)
      // What cannot be used is paid for all the same.
      sold = bought + delivery.rejected.length
      return gained
    } catch (error) {
      // Without an answer the vendor may have sold all the same: then the money is gone, and the addresses are there.
      if (!isRefusal(error) && sold === 0) {
        sold = count
        this.#mustReconcile = true
      }
      throw error
    } finally {
      this.#budget.refund(booking, Math.max(0, count - sold))
      this.#store.callEnded(call, true, sold)
    }
  }

  async #book(count: number): Promise<{ call: CallId; booking: Booking }> {
    const booking = this.#budget.book(this.#clock.now(), count)
    try {
      // The gate records the call itself; here it is the money that must not be forgotten.
      const call = await this.#store.callBegins({ limiterKey: '', windowMs: 0, provider: this.name, booked: count })
      return { call, booking }
    } catch (error) {
      this.#budget.refund(booking, count)
      throw error
    }
  }

  /** Asks the vendor what it holds for us, where it can tell and we cannot be sure. @returns how many upstreams the pool gained */
  async #reconcile(signal: AbortSignal, priority: number): Promise<number> {
    if (!this.#mustReconcile || this.source.queryOperation === undefined) return 0
    const delivery = await this.source.query(signal, priority)
    this.#mustReconcile = false
    return delivery.sold.length === 0 ? 0 : (await this.#arrived(delivery)).gained
  }

  /** Takes up what an earlier process bought: those that live are lent at once, the others hold their channels. */
  restore(left: ProviderPast, now: number): void {
    for (const { facts, vendorDeadline: endsAt, standing } of left.upstreams) {
      this.#ledger.add(facts.id, endsAt, now, facts.ref)
      if (standing === 'alive') this.#pool.add(facts, now)
      if (standing === 'gone') this.#ledger.done(facts.id)
      if (standing === 'doubtful') this.#mustReconcile = true
    }
    this.#budget.restore(left.purchases, left.total)
    this.#follower?.add([])
  }

  #measure(tookMs: number): void {
    this.#deviationMs += DEVIATION_WEIGHT * (Math.abs(tookMs - this.#latencyMs) - this.#deviationMs)
    this.#latencyMs += LATENCY_WEIGHT * (tookMs - this.#latencyMs)
  }

  /** Puts what was bought into the pool. What the pool holds already is never touched by a bad reply. */
  async #arrived(delivery: Delivery): Promise<Arrival> {
    const repliedAt = this.#clock.now()
    const sentWallMs = this.#clock.wall() - (repliedAt - delivery.sentAt)
    const arrivals = delivery.sold.map((sold) => {
      const { facts, doubt } = toFacts(sold, delivery, sentWallMs, this.settings.arrival)
      if (doubt !== undefined) this.#doubt(doubt)
      const { at } = vendorDeadline(sold.life, delivery, sentWallMs, this.settings.arrival.ttlMs)
      return { facts, promisedMs: at - repliedAt, vendorDeadline: latestEnd(at, delivery.sentAt, repliedAt) }
    })
    await this.#keep(arrivals)
    const now = this.#clock.now()
    this.#ledger.forgetEnded(now)
    const results: Record<Added, number> = { added: 0, extended: 0, known: 0, 'too-short': 0 }
    for (const { facts, promisedMs, vendorDeadline: endsAt } of arrivals) {
      const isNew = this.#ledger.add(facts.id, endsAt, now, facts.ref)
      results[this.#takeIn(facts, now)]++
      if (isNew && Number.isFinite(promisedMs)) this.counts.secondsBought += Math.max(0, promisedMs / 1_000)
    }
    this.#account(delivery, results)
    const pending = delivery.pending ?? []
    this.#follower?.add(pending)
    const gained = results.added + results.extended
    if (gained + pending.length > 0) this.#standing.succeeded()
    else this.#standing.broughtNothing(results.known > 0 ? SOLD_AGAIN : NOTHING_USABLE)
    this.#log.info({ delivered: delivery.sold.length, ...results, balance: delivery.balance }, 'addresses bought')
    // An address that is sold again is paid for again: where a reply only repeats it, the budget ends a little early.
    return { gained, bought: arrivals.length + pending.length }
  }

  /** A life that the pool has had is not lent again, and a little more of one that it has is nothing new. */
  #takeIn(facts: UpstreamFacts, now: number): Added {
    const known = this.#pool.get(facts.id)
    const knownEnd = known?.deadline
    if (known === undefined && this.#ledger.isDone(facts.id)) return 'known'
    const result = this.#pool.add(facts, now)
    return result === 'extended' && !isNewLife(knownEnd ?? now, facts.deadline, now) ? 'known' : result
  }

  /** On record before they are lent. What cannot be recorded is lent all the same: it is paid for. */
  async #keep(arrivals: readonly StoredUpstream[]): Promise<void> {
    try {
      await this.#store.bought(arrivals)
    } catch (error) {
      this.#log.error(
        { reason: (error as Error).message },
        'addresses could not be recorded: a restart now would lose them',
      )
    }
  }

  #account(delivery: Delivery, results: Record<Added, number>): void {
    this.counts.bought += results.added + results['too-short']
    this.counts.duplicates += results.known + results.extended
    this.counts.tooShort += results['too-short']
    this.counts.rejected += delivery.rejected.length
    for (const reason of delivery.rejected.slice(0, 3))
      this.#log.warn({ reason }, 'an item of the reply cannot be used')
    if (delivery.balance !== undefined) this.#noteBalance(delivery.balance)
    if (results['too-short'] > 0) {
      this.#log.warn(
        { count: results['too-short'] },
        'addresses arrived with less life than pool.minLife: the quota is being burnt. Lower pool.minLife or buy a product that lives longer',
      )
    }
  }

  #noteBalance(balance: number): void {
    this.balance = balance
    const isLow = this.settings.lowStock !== undefined && balance < this.settings.lowStock
    if (isLow && !this.#told.has('low-stock')) this.#log.warn({ balance }, 'the account runs low: top it up')
    if (isLow) this.#told.add('low-stock')
    else this.#told.delete('low-stock')
  }

  #doubt(doubt: LifeDoubt): void {
    if (this.#told.has(doubt)) return
    this.#told.add(doubt)
    const words: Record<LifeDoubt, string> = {
      assumed: 'the vendor tells no life and no ttl is configured: 60 s are assumed. Set ttl',
      absurd: 'a deadline lies more than 48 h ahead: a wrong zone or clock? The configured ttl, else 60 s, is used',
      past: 'a deadline is past already: a wrong zone or clock? Set ttl to use the address all the same',
    }
    this.#log.warn({ doubt }, words[doubt])
  }

  #failed(error: unknown): void {
    this.counts.failedCalls++
    const failure = error instanceof VendorError ? error : notTheVendors(error)
    if (failure.class === 'rate_limited') this.limiter.slowDown()
    const { code, words, until } = this.#standing.failed(failure, this.#ledger.earliestEnd(this.#clock.now()))
    const level = isFatalClass(failure.class) ? 'error' : 'warn'
    this.#log[level]({ code, vendorCode: failure.vendorCode, pauseMs: Math.round(until - this.#clock.now()) }, words)
  }

  /** Nothing is bought into a dead line beyond trials: its addresses are kept, and rest until one works again. */
  lineDown(broken: number): void {
    const { words } = this.#standing.lineDown(broken)
    this.#log.error({ broken }, words)
  }

  lineUp(): void {
    this.#standing.addressWorked()
    this.#log.info('an address works again: the line is up')
  }

  /** What an address taught: see health.ts. */
  proof(upstream: Upstream, worked: boolean, cause: string | undefined): void {
    if (worked) {
      this.counts.used++
      this.#store.opened(upstream.id)
      return void this.#standing.addressWorked()
    }
    const stopped = this.#standing.addressFailed(upstream.id, cause)
    if (stopped !== undefined) this.#log.error({ cause }, stopped.words)
  }

  get heldRefs(): readonly string[] {
    return this.#ledger.refs(this.#clock.now())
  }

  /** What the vendor says of addresses that were bought before: some have come, some have changed, some are gone. */
  async followed(news: Followed): Promise<void> {
    for (const { ref } of news.sold) if (ref !== undefined) this.#dropOthers(ref, news)
    for (const ref of news.gone) for (const id of this.#ledger.idsOf(ref)) this.#takenBack(id)
    // On its way again: the address it had is dead; what it will have comes under the same name.
    for (const { ref } of news.pending ?? []) for (const id of this.#ledger.idsOf(ref)) this.#takenBack(id)
    if (news.sold.length > 0) await this.#arrived(news)
    this.onNews?.()
  }

  /** An address that is told under the name of another one has taken its place. */
  #dropOthers(ref: string, news: Followed): void {
    const current = news.sold.find((sold) => sold.ref === ref)
    for (const id of this.#ledger.idsOf(ref)) {
      const upstream = this.#pool.get(id)
      const isSame = upstream?.facts.host === current?.host && upstream?.facts.port === current?.port
      if (!isSame) this.#takenBack(id)
    }
  }

  #takenBack(id: string): void {
    this.#ledger.release(id)
    this.#store.released(id)
    const upstream = this.#pool.get(id)
    if (upstream !== undefined) this.#pool.remove(upstream, 'released')
  }

  followFailed(error: unknown): void {
    this.#failed(error)
  }

  /** The vendor let us know that something changed. */
  hint(): void {
    this.source.hint?.()
    void this.#follower?.now()
  }

  /** A bad address is given back where that frees its channel and so saves money. */
  async #giveBack(upstream: Upstream): Promise<void> {
    const { ref } = upstream.facts
    if (ref === undefined || !this.#errands.canRelease || this.#stopping.signal.aborted) return
    if (!(await this.#errands.release(ref, this.#stopping.signal))) return
    this.#ledger.release(upstream.id)
    this.#store.released(upstream.id)
    this.onNews?.()
  }

  close(): void {
    this.#stopping.abort(new Error('the gateway is stopping'))
    this.#follower?.close()
  }

  /** An upstream of this provider has left the pool. */
  left(upstream: Upstream, reason: GoneReason): void {
    if (reason === 'blamed') {
      this.counts.evictedByBlame++
      void this.#giveBack(upstream)
    }
    if (upstream.opened === 0 && reason === 'expired') this.counts.expiredUnused++
    if (reason === 'released') this.#ledger.release(upstream.id)
    if (reason === 'blamed' || reason === 'used-up') this.#ledger.done(upstream.id)
    this.#store.left(upstream.id, reason)
  }
}

/** What failed before the call could leave. */
function notTheVendors(error: unknown): VendorError {
  if (error instanceof StoreError)
    return new VendorError('server', 'store', `nothing is bought that cannot be recorded: ${error.message}`)
  return new VendorError('server', 'internal', 'the call failed inside the gateway', { cause: error })
}

/** The vendor's own word that nothing was sold; a lost reply is none. */
function isRefusal(error: unknown): boolean {
  return error instanceof VendorError && error.class !== 'server'
}
