/**
 * One configured account and product: buys through its source and lends what it bought through the pool.
 *
 *     decided        planner.ts, share-out.ts       how much is missing, and who is asked for it
 *     how much       capacity.ts                    state, window, channels, budget and ceiling of the provider
 *     reserved       order/reserve.ts               paid: booked before the request is sent
 *     sent           order/send.ts                  through the vendor's source
 *     settled        order/settle.ts                addresses to ingest.ts and the pool, failures to provider-status.ts
 *
 * This file hands each event to its part (provider-parts.ts).
 */
import type { Clock } from '../clock.ts'
import { runInBackground } from '../internal-errors.ts'
import type { Log } from '../log.ts'
import type { GoneReason, Upstream } from '../pool/upstream.ts'
import type { RestoredUpstream } from '../store/contract.ts'
import type { Followed, Pending } from '../vendors/contract/delivery.ts'
import type { Source } from '../vendors/contract/source.ts'
import type { Account } from './account.ts'
import { Capacity, UNKNOWN_LIFE_MS } from './capacity.ts'
import { GiveBack, type GiveBackHandler } from './give-back.ts'
import { ListSync } from './list-sync.ts'
import { OperatorOrders } from './operator/orders.ts'
import { OrderSender } from './order/send.ts'
import type { PendingPollerHandler } from './pending-poller.ts'
import { alone, type PlannerRole } from './planner-role.ts'
import type {
  OrderDemand,
  ProviderCounts,
  ProviderDeps,
  ProviderParts,
  ProviderPast,
  ProviderSettings,
} from './provider-contract.ts'
import { openParts } from './provider-parts.ts'
import type { LastError, ProviderState } from './provider-status.ts'
import { Renewal } from './renewal.ts'

/** A list that has been read is read again after this, if anybody asks. */
const LIST_PAUSE_MS = 60_000

export class Provider implements PendingPollerHandler, GiveBackHandler {
  readonly settings: ProviderSettings
  readonly source: Source
  readonly account: Account
  /** How much it may order now. */
  readonly capacity: Capacity
  /** Orders at the operator's word. */
  readonly operatorOrders: OperatorOrders
  /** Something changed without an order: waiting clients and the plan should look again. */
  onNews: (() => void) | undefined
  readonly #parts: ProviderParts
  readonly #orders: OrderSender
  readonly #list: ListSync
  readonly #giveBack: GiveBack
  readonly #renewal: Renewal
  readonly #clock: Clock
  readonly #log: Log
  readonly #stopping = new AbortController()
  readonly #role: PlannerRole
  readonly #unlisten: () => void
  #usedCount = 0
  #wantedUntil = Number.NEGATIVE_INFINITY

  constructor(settings: ProviderSettings, source: Source, deps: ProviderDeps) {
    this.settings = settings
    this.source = source
    this.account = deps.accounts.of(source.account)
    this.#clock = deps.clock
    this.#role = deps.role ?? alone
    this.#log = deps.log.child({ mod: 'supply', provider: settings.name })
    const onChange = () => this.onNews?.()
    const identity = { settings, source, account: this.account, log: this.#log }
    this.#parts = openParts(identity, deps, {
      poller: this,
      onChange,
      reconciled: (held, askedAt) => this.#orders.settlement.reconciled(held, askedAt),
      signal: this.#stopping.signal,
    })
    this.capacity = new Capacity(this.#parts)
    this.#orders = new OrderSender(this.#parts, this.capacity)
    this.#list = new ListSync(source, settings, this.#parts)
    this.#giveBack = new GiveBack(this.#parts, this.#orders, this, this.#stopping.signal)
    this.#renewal = new Renewal(this.#parts, this.#orders, this, this.#stopping.signal)
    const { capacity } = this
    const orders = { name: settings.name, clock: deps.clock, capacity, orders: this.#orders, onDone: onChange }
    this.operatorOrders = new OperatorOrders(orders)
    this.#unlisten = this.account.onWorks(() => this.#accountWorks())
  }

  // --- A reload of the configuration ----------------------------------------------------------------------------

  /** What its source does not depend on. The parts read it where they need it. */
  configure(settings: ProviderSettings): void {
    Object.assign(this.settings, settings)
  }

  /** Takes the place of a provider of the same name with another source: addresses, counts and a pause stay. */
  succeed(former: Provider, now: number): void {
    Object.assign(this.#parts.ingest.counts, former.#parts.ingest.counts)
    Object.assign(this.#parts.stock.counts, former.#parts.stock.counts)
    this.#usedCount = former.#usedCount
    if (former.#parts.status.state.kind === 'paused') this.pause()
    this.restore({ upstreams: former.lendable }, now)
    former.onNews = undefined
  }

  /** What of it is in the pool, as a later provider of this name takes it up. */
  get lendable(): readonly RestoredUpstream[] {
    const { pool } = this.#parts
    const members = [...pool.members()].filter(({ facts }) => facts.provider === this.name)
    return members.map(({ facts, deadline, worked }) => ({
      facts: { ...facts, deadline },
      vendorDeadline: this.account.inventory.endOf(facts.id) ?? deadline,
      opened: worked,
      state: 'alive',
    }))
  }

  /** It is configured no more: what is under way is settled and recorded, and not lent. */
  retire(): void {
    this.#parts.ingest.isClosed = true
    this.onNews = undefined
    this.close()
  }

  // --- What is known of it --------------------------------------------------------------------------------------

  get name(): string {
    return this.settings.name
  }

  get state(): ProviderState {
    return this.#parts.status.state
  }

  get lastError(): LastError | undefined {
    return this.#parts.status.lastError
  }

  get counts(): ProviderCounts {
    const { ingest, stock } = this.#parts
    return {
      ...ingest.counts,
      ...stock.counts,
      used: this.#usedCount,
      failedCalls: this.#orders.settlement.failedCalls,
    }
  }

  /** What the vendor last said is left on the account. */
  get balance(): number | undefined {
    return this.#parts.ingest.balance
  }

  /** When the plan at the vendor ends, ms since the epoch, and whether that is soon. */
  get plan(): { readonly endsAt: number | undefined; readonly endsSoon: boolean } {
    const { endsAt, endsSoon } = this.#parts.accountWatch
    return { endsAt, endsSoon }
  }

  /** Addresses the vendor holds for this provider now. */
  get held(): number {
    return this.#parts.stock.size
  }

  get heldRefs(): readonly string[] {
    return this.#parts.stock.refs
  }

  /** Whether something may come without a further decision. */
  get isBusy(): boolean {
    return this.#parts.preparation.isRunning || this.#list.isReading || this.capacity.incoming > 0
  }

  // --- Buying ---------------------------------------------------------------------------------------------------

  /** As `OrderSender.order`. */
  order(wanted: number, priority: number, signal: AbortSignal, demand: OrderDemand): Promise<boolean> {
    return this.#orders.order(wanted, priority, signal, demand)
  }

  /** Reads a list provider's list, when it is time to read it (again). @returns how many upstreams the pool gained */
  async loadList(signal: AbortSignal, isAwaited: boolean): Promise<number> {
    const { status } = this.#parts
    if (this.#list.isReading || this.#clock.now() < status.mayTryAt(isAwaited)) return 0
    try {
      const gained = await this.#list.read(signal)
      const words = `the list was read; it is read again each ${LIST_PAUSE_MS / 1_000} s while clients come`
      status.resting(LIST_PAUSE_MS, words)
      return gained
    } catch (error) {
      if (!signal.aborted) this.#orders.settlement.failed(error)
      return 0
    }
  }

  /** More is wanted than its channels allow: there may be more of them by now. */
  channelsAreShort(): void {
    if (this.source.channels !== undefined) this.#parts.channelProbe.askAside()
  }

  /** Takes up what another host of the cluster has bought. */
  adopt(upstreams: readonly RestoredUpstream[], now: number): void {
    this.#parts.stock.restore(upstreams, now)
  }

  /** Takes up what an earlier process bought: those that live are lent at once, the others hold their channels. */
  restore(left: ProviderPast, now: number): void {
    const { stock, pendingPoller, accounts, reconciliation } = this.#parts
    const isDoubtful = stock.restore(left.upstreams, now)
    const isFollowed = pendingPoller !== undefined && !this.source.isList
    const unknown = accounts.store.view.unknownOf(this.name)
    if (isDoubtful || isFollowed || unknown > 0) reconciliation.demand()
    if (this.source.byChannel)
      this.account.inventory.holdUnknown(this.name, unknown, now + longestLifeMs(left, this.settings))
    this.#orders.logBudget()
    pendingPoller?.add(this.#role.isActive ? this.#pendingLines : [])
    if (left.upstreams.length > 0) this.#giveBack.wanted(now)
  }

  get #pendingLines(): readonly Pending[] {
    const lines = [...this.account.inventory.pending]
    return lines.flatMap(([ref, provider]) => (provider === this.name ? [{ ref }] : []))
  }

  // --- The operator ---------------------------------------------------------------------------------------------

  /** The operator has given addresses back: their channels are free, and they are not lent any more. */
  gaveBack(refs: readonly string[]): void {
    this.#parts.stock.released(refs)
    if (refs.length > 0) this.onNews?.()
  }

  /** The next order may leave at once, whatever stood in the way. Budget, channels and windows still hold. */
  retry(): void {
    this.#parts.status.mended()
    this.onNews?.()
  }

  /** Nothing is bought until `resume`; what is held is lent on. */
  pause(): void {
    this.#parts.status.pause()
  }

  resume(): void {
    this.#parts.status.resume()
    this.onNews?.()
  }

  // --- What happens to it ---------------------------------------------------------------------------------------

  /** A call of the same credential has worked: what stopped the provider may be over, and one order tells. */
  #accountWorks(): void {
    if (this.#parts.status.isStopped) this.retry()
  }

  /** Nothing is bought into a dead line beyond trials: its addresses are kept, and rest until one works again. */
  lineDown(broken: number): void {
    const { words } = this.#parts.status.lineDown(broken)
    this.#log.error({ broken }, words)
  }

  lineUp(): void {
    this.#parts.status.addressWorked()
    this.#log.info('an address works again: the line is up')
  }

  /** Outcome of the first use of an address: see health.ts. */
  proof(upstream: Upstream, worked: boolean, cause: string | undefined): void {
    const { status, store } = this.#parts
    if (worked) {
      this.#usedCount++
      store.opened(upstream.id)
      return void status.addressWorked()
    }
    const hasLogin = upstream.facts.username !== undefined
    const stopped = status.addressFailed(upstream.id, cause, hasLogin)
    if (stopped !== undefined) this.#log.error({ cause }, stopped.words)
    // Without a login, addresses know their users by where they come from.
    if (!hasLogin && (cause === 'login' || stopped !== undefined)) this.#register()
  }

  #register(): void {
    if (!this.#role.isActive) return
    void this.#parts.whitelist
      .loginsRefused(this.#stopping.signal)
      .then((isRegistered) => isRegistered && this.retry())
      .catch(() => {})
  }

  /** The vendor let us know that something changed. */
  hint(): void {
    if (!this.#role.isActive) return
    const { pendingPoller, status } = this.#parts
    if (pendingPoller !== undefined) runInBackground(pendingPoller.now())
    // A list that waits for its next reading is read again; one that waits because of a failure continues to wait.
    if (this.source.isList && this.source.hasCallbacks === true && status.isResting) this.retry()
  }

  /** An upstream of this provider has left the pool. */
  left(upstream: Upstream, reason: GoneReason): void {
    this.#parts.stock.left(upstream, reason)
    if (reason === 'blamed' || reason === 'evicted') runInBackground(this.#giveBack.bad(upstream))
  }

  /** The gateway stops: good addresses go back too, where that is configured. @param signal how long it waits for that */
  giveBack(signal: AbortSignal): Promise<void> {
    return this.#giveBack.stopping(signal)
  }

  get isActive(): boolean {
    return this.#role.isActive
  }

  channelsChanged(): void {
    this.onNews?.()
  }

  // --- For the poller of pending addresses ----------------------------------------------------------------------

  /** Clients ask for its addresses, and will be taken to until then, clock ms. */
  wanted(until: number): void {
    this.#wantedUntil = until
    this.#parts.pendingPoller?.resume()
    this.#parts.accountWatch.wanted()
    this.#giveBack.wanted(until)
    this.#renewal.wanted()
  }

  get isWanted(): boolean {
    return this.#clock.now() < this.#wantedUntil
  }

  get hasOpenOrders(): boolean {
    return this.#parts.accounts.store.view.unknownOf(this.name) > 0
  }

  get pausedUntil(): number {
    return this.#parts.status.mayTryAt(false)
  }

  async followed(news: Followed): Promise<void> {
    await this.#orders.settlement.followed(news)
    this.onNews?.()
  }

  followFailed(error: unknown): void {
    this.#orders.settlement.failed(error)
  }

  close(): void {
    this.#unlisten()
    this.#stopping.abort(new Error('the gateway is stopping'))
    this.#parts.pendingPoller?.close()
  }
}

/** How long what an unknown order of an earlier process brought may occupy its channels. */
function longestLifeMs({ upstreams }: ProviderPast, { arrival }: ProviderSettings): number {
  const lives = upstreams.map(({ facts, vendorDeadline }) => vendorDeadline - facts.boughtAt).filter(Number.isFinite)
  return Math.max(arrival.ttlMs ?? UNKNOWN_LIFE_MS, ...lives)
}
