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
import type { GoneReason, Upstream } from '../pool/upstream.ts'
import { isSame } from '../same.ts'
import type { Restored, RestoredUpstream } from '../store/contract.ts'
import type { Followed } from '../vendors/contract/delivery.ts'
import type { Source } from '../vendors/contract/source.ts'
import type { Account } from './account.ts'
import { AddressOutcomes } from './address-outcomes.ts'
import { Capacity } from './capacity.ts'
import { GiveBack } from './give-back.ts'
import { ListSync } from './list-sync.ts'
import { OperatorOrders } from './operator/orders.ts'
import { OrderSender } from './order/send.ts'
import type { OrderDemand, ProviderDeps, ProviderSettings } from './provider-context.ts'
import { openParts, type ProviderParts } from './provider-parts.ts'
import type { LastError, ProviderState } from './provider-status.ts'
import { Renewal } from './renewal.ts'
import { lendableOf, loginOf, restore, restoreUnknown, withLogin } from './restore.ts'

export class Provider {
  readonly settings: ProviderSettings
  readonly source: Source
  readonly account: Account
  /** How much it may order now. */
  readonly capacity: Capacity
  /** Orders at the operator's command. */
  readonly operatorOrders: OperatorOrders
  readonly addressOutcomes: AddressOutcomes
  /** Something changed without an order: waiting clients and the plan should look again. */
  onNews: (() => void) | undefined
  readonly #parts: ProviderParts
  readonly #orders: OrderSender
  readonly #list: ListSync
  readonly #giveBack: GiveBack
  readonly #renewal: Renewal
  readonly #clock: Clock
  readonly #stopping = new AbortController()
  readonly #unlisten: () => void
  #wantedUntil = Number.NEGATIVE_INFINITY

  constructor(settings: ProviderSettings, source: Source, deps: ProviderDeps) {
    this.settings = settings
    this.source = source
    this.#clock = deps.clock
    this.#parts = openParts(settings, source, deps, {
      signal: this.#stopping.signal,
      isWanted: () => deps.clock.now() < this.#wantedUntil,
      onNews: () => this.onNews?.(),
      followed: (news) => this.followed(news),
      followFailed: (error) => this.#orders.settlement.failed(error),
    })
    this.account = this.#parts.account
    this.addressOutcomes = new AddressOutcomes(this.#parts)
    this.capacity = new Capacity(this.#parts)
    this.#orders = new OrderSender(this.#parts, this.capacity)
    this.#list = new ListSync(this.#parts)
    this.#giveBack = new GiveBack(this.#parts, this.#orders)
    this.#renewal = new Renewal(this.#parts, this.#orders)
    this.operatorOrders = new OperatorOrders(this.#parts, this.#orders)
    this.#unlisten = this.account.onWorks(() => this.#accountWorks())
  }

  // --- What is known of it --------------------------------------------------------------------------------------

  get name(): string {
    return this.settings.name
  }

  /** A failure whose pause is over does not explain why nothing is ordered: what is full does. */
  get state(): ProviderState {
    const { state } = this.#parts.status
    if (state.kind !== 'waiting' || this.#clock.now() < state.until) return state
    const { fullBecause } = this.capacity
    return fullBecause === undefined ? state : { ...state, code: '', words: fullBecause }
  }

  get lastError(): LastError | undefined {
    return this.#parts.status.lastError
  }

  get counts() {
    const { ingest, stock } = this.#parts
    return { ...ingest.counts, ...stock.counts, failedCalls: this.#orders.settlement.failedCalls }
  }

  /** What the vendor last said is left on the account. */
  get balance(): number | undefined {
    return this.#parts.ingest.balance
  }

  /** When the plan at the vendor ends, ms since the epoch, and whether that is soon. */
  get plan(): { readonly endsAt: number | undefined; readonly endsSoon: boolean } {
    return this.#parts.accountWatch
  }

  /** Addresses the vendor holds for this provider now. */
  get held(): number {
    return this.#parts.stock.size
  }

  get heldRefs(): readonly string[] {
    return this.#parts.stock.refs
  }

  /** What of it is in the pool, as a later provider of this name takes it up. */
  get lendable(): readonly RestoredUpstream[] {
    return lendableOf(this.#parts)
  }

  /** Whether something may come without a further decision. */
  get isBusy(): boolean {
    return this.#parts.preparation.isRunning || this.#list.isReading || this.capacity.incoming > 0
  }

  // --- Buying ---------------------------------------------------------------------------------------------------

  /** Clients ask for its addresses: the last at `askedAt`; they will be taken to until `until`, clock ms. */
  wanted(askedAt: number, until: number): void {
    this.#wantedUntil = until
    this.#parts.pendingPoller?.resume()
    this.#parts.accountWatch.wanted()
    this.#giveBack.wanted(askedAt, until)
    this.#renewal.wanted()
  }

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
      status.resting(this.#list.pauseMs, 'the list was read; it is read again while clients come')
      return gained
    } catch (error) {
      if (!signal.aborted && (await this.#orders.recover(error, signal))) this.onNews?.()
      return 0
    }
  }

  /** More is wanted than its channels allow: there may be more of them by now. */
  channelsAreShort(): void {
    if (this.source.channels !== undefined) this.#parts.channelProbe.askAside()
  }

  /** The vendor's state of earlier purchases. */
  async followed(news: Followed): Promise<void> {
    await this.#orders.settlement.followed(news)
    this.onNews?.()
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
    if (this.#parts.status.isStoppedByAccount) this.retry()
  }

  /** The vendor let us know that something changed. */
  hint(): void {
    const { pendingPoller, status, role } = this.#parts
    if (!role.isActive) return
    if (pendingPoller !== undefined) runInBackground(pendingPoller.poll())
    // A list that waits for its next reading is read again; one that waits because of a failure continues to wait.
    if (this.source.isList && this.source.hasCallbacks === true && status.isResting) this.retry()
  }

  /** An upstream of this provider has left the pool. */
  left(upstream: Upstream, reason: GoneReason): void {
    this.#parts.stock.left(upstream, reason)
    if (reason === 'blamed' || reason === 'evicted') runInBackground(this.#giveBack.bad(upstream))
  }

  // --- Its beginning, another configuration, its end ------------------------------------------------------------

  /** Takes up what an earlier process bought: those that live are lent at once, the others hold their channels. */
  restore(upstreams: readonly RestoredUpstream[], now: number): void {
    restore(this.#parts, upstreams, now)
    this.#orders.logBudget()
    if (upstreams.length > 0) this.#giveBack.wanted(now, now)
  }

  /** Takes up an order of an earlier process that got no reply. @param upstreams what that process held */
  restoreUnknown(order: Restored['unknown'][number], upstreams: readonly RestoredUpstream[]): void {
    restoreUnknown(this.#parts, order, upstreams)
  }

  /** Takes up what another host of the cluster has bought. */
  adopt(upstreams: readonly RestoredUpstream[], now: number): void {
    this.#parts.stock.restore(upstreams, now)
  }

  /** What its source does not depend on. The parts read it where they need it. */
  configure(settings: ProviderSettings): void {
    Object.assign(this.settings, settings)
  }

  /** Takes the place of a provider of the same name with another source: addresses, counts and a pause stay. */
  succeed(former: Provider, now: number): void {
    Object.assign(this.#parts.ingest.counts, former.#parts.ingest.counts)
    Object.assign(this.#parts.stock.counts, former.#parts.stock.counts)
    if (former.#parts.status.state.kind === 'paused') this.pause()
    if (former.account === this.account) former.#passOn(this.#parts)
    else former.#keepBooked(now)
    this.restore(this.#withNewLogin(former), now)
    former.onNews = undefined
  }

  /** The addresses of the former one. A changed login is recorded for the next process; what another credential has bought keeps its own. */
  #withNewLogin(former: Provider): readonly RestoredUpstream[] {
    if (former.account !== this.account) return former.lendable
    const { settings, store } = this.#parts
    const [before, now] = [former.settings.arrival, settings.arrival]
    const upstreams = former.lendable.map((upstream) => ({
      ...upstream,
      facts: withLogin(upstream.facts, before, now),
    }))
    // When it rejects, it is repeated.
    if (!isSame(loginOf(before), loginOf(now))) void store.bought(upstreams).catch(() => {})
    return upstreams
  }

  /** What its orders under way leave to ask of the vendor is asked by the provider that takes its place. */
  #passOn({ reconciliation, pendingPoller }: ProviderParts): void {
    this.#parts.reconciliation.successor = reconciliation
    if (this.#parts.pendingPoller !== undefined) this.#parts.pendingPoller.successor = pendingPoller
  }

  /** The vendor's list for another key does not tell what its lost orders bought: they count as sold, now or when they are lost. */
  #keepBooked(now: number): void {
    const { accounts, reconciliation } = this.#parts
    const demand = () => accounts.store.resolve(this.name, Number.MAX_SAFE_INTEGER, now + 1)
    reconciliation.successor = { demand }
    demand()
  }

  /** It is configured no more: what is under way is settled and recorded, and not lent. */
  retire(): void {
    this.#parts.ingest.isClosed = true
    this.onNews = undefined
    this.close()
  }

  /** The gateway stops: good addresses go back too, where that is configured. @param signal how long it waits for that */
  giveBack(signal: AbortSignal): Promise<void> {
    return this.#giveBack.stopping(signal)
  }

  /** Its source is replaced or removed: what that stated of the account does not limit the others. */
  forgetLimits(): void {
    const { operations, limitOf } = this.source
    this.#parts.accounts.store.forgetLimits(Object.keys(operations).map(limitOf))
  }

  close(): void {
    this.#unlisten()
    this.#stopping.abort(new Error('the gateway is stopping'))
    this.#parts.pendingPoller?.close()
  }
}
