/**
 * Decides when to buy how much from whom. Woken by demand, by departures from the pool and by its own timer; every
 * decision is made again from what is there, so a lost wake-up costs time but never an address.
 */
import type { Clock, Timer } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import { runInBackground } from '../internal-errors.ts'
import type { Pool } from '../pool/pool.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { SupplyView, WaitingDemand } from '../proxy/lease-contract.ts'
import { Demand, type DemandGroup } from './demand.ts'
import { DemandElsewhere, demandReport } from './demand-elsewhere.ts'
import { outlookOf } from './outlook.ts'
import { alone, type DemandReport, type PlannerRole } from './planner-role.ts'
import type { PlannerSettings } from './planner-settings.ts'
import type { Provider } from './provider.ts'
import type { OrderDemand } from './provider-context.ts'
import { shareOut } from './share-out.ts'
import { countStock } from './stock-count.ts'
import { stockTarget, sustainedBy, waitersNeed } from './stock-target.ts'

/** Calls for clients that wait go before calls for the stock. */
const WAITING_PRIORITY = 10
const STOCK_PRIORITY = 0
/**
 * Decisions are made at most this often, but for the first client after a pause: traffic of thousands a second must not
 * cost as many plans, and a crowd that comes at once is to be served by one call, not by one for each of its clients.
 */
const PLAN_EVERY_MS = 50

export class Planner implements SupplyView {
  #settings: PlannerSettings
  readonly #pool: Pool
  readonly #clock: Clock
  #providers: readonly Provider[]
  readonly #demand: Demand
  readonly #role: PlannerRole
  /** Clients of this host that wait. */
  #waiting: readonly WaitingDemand[] = []
  readonly #elsewhere: DemandElsewhere
  readonly #stopping = new AbortController()
  /** Called when waiting clients should be served or denied: addresses have come, or none will. */
  readonly #onSettled: () => void
  readonly #stopListening: () => void
  #timer: Timer | undefined
  #timerAt = Number.POSITIVE_INFINITY
  #lastPlanAt = Number.NEGATIVE_INFINITY

  constructor(
    settings: PlannerSettings,
    providers: readonly Provider[],
    deps: { pool: Pool; clock: Clock; onSettled: () => void; role?: PlannerRole },
  ) {
    this.#role = deps.role ?? alone
    this.#settings = settings
    this.#providers = byPriority(providers)
    this.#pool = deps.pool
    this.#clock = deps.clock
    this.#onSettled = deps.onSettled
    this.#demand = new Demand(settings.floor)
    this.#elsewhere = new DemandElsewhere(this.#demand)
    // A timer armed before the machine slept would come late by as long as it did.
    this.#stopListening = deps.clock.onWake(() => {
      this.#timer?.clear()
      this.#timerAt = Number.POSITIVE_INFINITY
      this.plan()
    })
  }

  /** What is seen of the demand stays. The pool is configured before. */
  configure(settings: PlannerSettings, providers: readonly Provider[]): void {
    this.#settings = settings
    this.#providers = byPriority(providers)
    this.#demand.floor = settings.floor
    this.plan()
  }

  asked(providers: readonly string[] | undefined, now: number): void {
    this.#demand.asked(providers, now)
    this.#role.demandChanged(false)
    this.#planSoon(now)
  }

  queueChanged(waiting: readonly WaitingDemand[]): void {
    this.#waiting = this.#role.isMoving(waiting.length > 0) ? [] : waiting
    this.#waitersChanged()
    if (waiting.length > 0) this.#role.demandChanged(true)
  }

  /** Clients that wait on any host. */
  #waitersChanged(): void {
    const now = this.#clock.now()
    const waiting = this.#elsewhere.waitingWith(this.#waiting)
    this.#demand.queueChanged(waiting, now)
    if (waiting.length === 0) return
    if (now >= this.#lastPlanAt + PLAN_EVERY_MS) this.plan()
    else this.#planSoon(now)
  }

  /** What this host's clients need, for the planner of the cluster. */
  get report(): DemandReport {
    return demandReport(this.#demand, this.#waiting, this.#pool)
  }

  /** Another host, or a worker, has reported what its clients need; undefined: it is gone. */
  reported(host: string, report: DemandReport | undefined): void {
    const now = this.#clock.now()
    this.#elsewhere.reported(host, report, now)
    this.#waitersChanged()
    if (report !== undefined) this.#planSoon(now)
  }

  /** This process plans for others no more. */
  forgetReports(): void {
    this.#elsewhere.forget()
    this.#waitersChanged()
  }

  #planSoon(now: number): void {
    this.#wakeAt(Math.max(now, this.#lastPlanAt + PLAN_EVERY_MS))
  }

  /** An upstream has left the pool, or has begun to drain. */
  stockChanged(): void {
    this.#planSoon(this.#clock.now())
  }

  outlook(providers: readonly string[] | undefined, tried: readonly Upstream[]): GatewayError | undefined {
    if (!this.#role.isActive) return this.#role.outlook(providers)
    const { waitTimeout } = this.#settings
    return outlookOf(this.#able(providers), this.#pool, { tried, waitTimeout, now: this.#clock.now() })
  }

  /** As `outlook` of each provider for clients who want none of what is held. */
  get purchaseOutlooks(): ReadonlyMap<string, GatewayError | undefined> {
    const waiter = { tried: [], waitTimeout: this.#settings.waitTimeout, now: this.#clock.now() }
    return new Map(this.#providers.map((provider) => [provider.name, outlookOf([provider], undefined, waiter)]))
  }

  #able(providers: readonly string[] | undefined): readonly Provider[] {
    return providers === undefined ? this.#providers : this.#providers.filter((p) => providers.includes(p.name))
  }

  /** Orders what is missing now and sets the timer for what will be. */
  plan(): void {
    if (this.#stopping.signal.aborted || !this.#role.isActive) return
    const now = this.#clock.now()
    this.#lastPlanAt = now
    runInBackground(this.readLists())
    for (const group of this.#demand.groups) this.#planGroup(group, now)
  }

  /** Reads the lists that are due, without demand. Never rejects. */
  async readLists(): Promise<void> {
    if (this.#stopping.signal.aborted || !this.#role.isActive) return
    const lists = this.#providers.filter(({ source }) => source.isList)
    await Promise.all(lists.map((provider) => this.#load(provider)))
  }

  #planGroup(group: DemandGroup, now: number): void {
    const idle = now - group.lastAt >= this.#settings.idleAfter
    if (idle && group.waiting === 0) return
    const providers = this.#able(group.providers)
    const askedAt = group.waiting > 0 ? now : group.lastAt
    for (const provider of providers) provider.wanted(askedAt, now + this.#settings.idleAfter / 2)
    this.#wakeAt(now + this.#settings.idleAfter / 4)
    // Lists bring all that they have at once: there is nothing to order.
    if (providers.every(({ source }) => source.isList)) return
    const stock = countStock(this.#pool, providers, this.#settings.uses, now)
    stock.load += this.#elsewhere.load(new Set(providers.map(({ name }) => name)))
    const incoming = providers.reduce((sum, p) => sum + p.capacity.onTheWay, 0)
    const sustained = sustainedBy(providers, this.#settings.minLife)
    const parts = { settings: this.#settings, demand: this.#demand, pool: this.#pool }
    const uncapped = stockTarget(parts, group, stock, providers, now)
    const wanted = Math.min(uncapped, sustained)
    const missing = Math.max(wanted - stock.lasting - incoming, waitersNeed(parts, group, stock) - incoming)
    const room = this.#settings.ceiling - stock.heldByAll - this.#incoming
    const isGrowth = stock.lendable + incoming < wanted
    const least = Math.min(...providers.map(({ source }) => source.minPerOrder ?? 1))
    const asked = missing > 0 ? Math.max(missing, least) : missing
    const ordered =
      isGrowth || this.#isStockDue(group, now) ? this.#order(providers, Math.min(asked, room), group, now) : 0
    if (ordered > 0) group.stockAt = now + Math.max(...providers.map((p) => p.capacity.batchMs))
    if (uncapped > sustained || ordered < Math.min(missing, room)) for (const p of providers) p.channelsAreShort()
    if (ordered < missing) this.#wakeWhenPossible(providers, group.waiting > 0, now)
    this.#wakeAt(stock.nextShortAt)
  }

  /** Orders that renew the stock go together, so that calls are left for waiting clients. */
  #isStockDue(group: DemandGroup, now: number): boolean {
    if (group.waiting > 0 || now >= group.stockAt) return true
    this.#wakeAt(group.stockAt)
    return false
  }

  /** Spreads an order over the providers, one call to each as long as its calls may be that large. @returns what was ordered */
  #order(providers: readonly Provider[], count: number, group: DemandGroup, now: number): number {
    const isUrgent = group.waiting > 0
    let left = Math.max(0, count)
    while (left > 0) {
      const parts = shareOut(providers, left, isUrgent, now)
      if (parts.size === 0) break
      for (const [provider, part] of parts) {
        left -= part
        runInBackground(this.#buy(provider, part, this.#demandOf(group, isUrgent)))
      }
    }
    return Math.max(0, count) - left
  }

  get #incoming(): number {
    return this.#providers.reduce((sum, provider) => sum + provider.capacity.onTheWay, 0)
  }

  /** An order for clients who left before it could be sent is cancelled, unless their traffic is owed a stock. */
  #demandOf(group: DemandGroup, isUrgent: boolean): OrderDemand {
    const { idleAfter } = this.#settings
    const isOwed = () => this.#demand.owed(group, this.#clock.now(), idleAfter) > 0
    return { isUrgent, isWanted: () => group.waiting > 0 || isOwed(), ceilings: this.#ceilings() }
  }

  #ceilings(): OrderDemand['ceilings'] {
    const { heldByAll } = countStock(this.#pool, [], this.#settings.uses, this.#clock.now())
    const comingLater = this.#incoming - this.#providers.reduce((sum, { capacity }) => sum + capacity.incoming, 0)
    return [{ scope: 'pool', limit: this.#settings.ceiling, held: heldByAll + comingLater }]
  }

  async #buy(provider: Provider, count: number, demand: OrderDemand): Promise<void> {
    const priority = demand.isUrgent ? WAITING_PRIORITY : STOCK_PRIORITY
    const isPlaced = await provider.order(count, priority, this.#stopping.signal, demand)
    if (this.#stopping.signal.aborted) return
    this.#onSettled()
    // The account store knows of more than this planner, as of an order of a provider that was removed: planned at once, the
    // same order would be denied again, and again, and nothing else would run.
    if (isPlaced) this.plan()
    else this.#planSoon(this.#clock.now())
  }

  /** At the operator's command. @returns false when state, budget, channels or ceiling forbid it */
  orderNow(provider: Provider): boolean {
    if (!this.#role.isActive) return false
    provider.retry()
    const unheld = this.#settings.ceiling - this.#pool.lendableCount - this.#incoming
    const room = Math.min(provider.capacity.room(this.#clock.now(), true), unheld)
    if (room < 1) return false
    const missing = Math.max(1, this.#settings.floor - this.#pool.lendableCount)
    const demand = { isUrgent: false, isWanted: () => true, ceilings: this.#ceilings() }
    runInBackground(this.#buy(provider, Math.min(Math.floor(room), missing), demand))
    return true
  }

  async #load(provider: Provider): Promise<void> {
    // The time for it may come while this is awaited, for a timer may be early: as of now that is still to be waited for.
    const now = this.#clock.now()
    const gained = await provider.loadList(this.#stopping.signal, this.#isAwaited)
    if (gained > 0) this.#onSettled()
    // An empty or broken list is read again for waiting clients: no other event would trigger it.
    else if (this.#isAwaited) this.#wakeWhenPossible([provider], true, now)
  }

  get #isAwaited(): boolean {
    for (const group of this.#demand.groups) if (group.waiting > 0) return true
    return false
  }

  /** Plans again as soon as one of the providers may be asked. */
  #wakeWhenPossible(providers: readonly Provider[], isUrgent: boolean, now: number): void {
    for (const provider of providers) {
      const at = provider.capacity.nextAttemptAt(now, isUrgent)
      if (at !== undefined && at > now) this.#wakeAt(at)
    }
  }

  #wakeAt(at: number): void {
    if (at === Number.POSITIVE_INFINITY || at >= this.#timerAt || this.#stopping.signal.aborted) return
    this.#timer?.clear()
    this.#timerAt = at
    this.#timer = this.#clock.after(Math.max(1, at - this.#clock.now()), () => {
      this.#timerAt = Number.POSITIVE_INFINITY
      this.plan()
    })
  }

  close(): void {
    this.#stopListening()
    this.#timer?.clear()
    this.#stopping.abort(new GatewayError('GW_STOPPING', 'the gateway is stopping'))
  }
}

function byPriority(providers: readonly Provider[]): readonly Provider[] {
  return providers.toSorted((a, b) => a.settings.priority - b.settings.priority)
}
