/**
 * One host of a cluster. Its heartbeat is one script (`syncScript`): it says that the host lives and what its clients need, takes or
 * keeps the planner's lease, and brings what other hosts have said since.
 *
 *     joining ─▶ follower ◀─────────▶ planner        the lease is kept by each heartbeat, and trusted until its end
 *                   │  ▲                 │
 *                   ▼  │                 ▼
 *                the store does not answer: what is held is lent on, no host buys
 */
import type { Timer } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import { internalErrors, runInBackground } from '../internal-errors.ts'
import { StoreError } from '../store/errors.ts'
import { syncScript } from '../store/redis/membership-scripts.ts'
import { type ProviderOutlook, readOutlooks, writeOutlook } from '../supply/plain-outlook.ts'
import type { DemandReport, PlannerRole } from '../supply/planner-role.ts'
import type { Supply } from '../supply/supply.ts'
import { ClusterEvents } from './cluster-events.ts'
import type { MemberDeps, MemberParts } from './contract.ts'
import type { OthersWants } from './ownership-contract.ts'

interface ClusterStatus {
  readonly role: 'planner' | 'follower'
  readonly isStoreDown: boolean
  /** Hosts that are alive, this one included. */
  readonly hosts: number
}

interface SyncAnswer {
  /** The hosts that live have another secret: the script has done nothing, and no other member is set. */
  readonly hasOtherSecret?: boolean
  readonly since: number
  readonly lead: { readonly token?: string; readonly host?: string }
  readonly hosts: number
  readonly last: number
  readonly events: readonly string[]
  readonly isBehind: boolean
  /** What the other hosts want of addresses with limits. */
  readonly others: OthersWants
  readonly reports: Readonly<Record<string, string>>
  readonly plan: string
}

const BEAT_MS = 500
/** While clients wait. */
const HURRIED_BEAT_MS = 50
const CATCH_UP_MS = 5
/** Without a heartbeat for so long another host plans, ms. */
const LEASE_MS = 5_000
/** Without a heartbeat for so long a host counts as gone, ms. */
const ALIVE_MS = 10_000
/** Without an answer for so long the store counts as down, ms. */
const DOWN_MS = 3_000
/** Books of other hosts are read this often, for reports, ms. */
const REFRESH_MS = 2_000

export class ClusterMember implements PlannerRole {
  readonly #deps: MemberDeps
  readonly #events: ClusterEvents
  #parts: MemberParts | undefined
  #timer: Timer | undefined
  #timerAt = Number.POSITIVE_INFINITY
  #isBeating = false
  #isPaused = false
  #isClosed = false
  #token: string | undefined
  #leaseUntil = Number.NEGATIVE_INFINITY
  #isLeading = false
  #answeredAt: number
  #refreshedAt = Number.NEGATIVE_INFINITY
  #isDown = false
  #hosts = 1
  #since: number | undefined
  /** A failover was seen, and the host that buys since then has not said what is lent. */
  #mustPublishAgain = false
  #mustReadAll = false
  #plan: Readonly<Record<string, ProviderOutlook>> = {}
  #reporters: readonly string[] = []

  constructor(deps: MemberDeps) {
    this.#deps = deps
    this.#events = new ClusterEvents(deps)
    this.#token = deps.token
    this.#answeredAt = deps.clock.now()
  }

  /** Of the lease, while this host can be sure of it. */
  get token(): string | undefined {
    return this.#deps.clock.now() < this.#leaseUntil ? this.#token : undefined
  }

  get isActive(): boolean {
    return this.#isLeading && this.token !== undefined
  }

  get status(): ClusterStatus {
    const isStoreDown = this.#deps.clock.now() - this.#answeredAt > DOWN_MS
    return { role: this.isActive ? 'planner' : 'follower', isStoreDown, hosts: this.#hosts }
  }

  outlook(providers: readonly string[] | undefined): GatewayError | undefined {
    if (this.status.isStoreDown)
      return new GatewayError(
        'GW_NO_SUPPLY',
        'the store of the cluster does not answer: nothing is bought until it does',
      )
    const names = providers ?? this.#parts?.supply.providers.map(({ name }) => name) ?? []
    return readOutlooks(names.map((name) => (name in this.#plan ? this.#plan[name] : this.#unplanned(name))))
  }

  /** @returns undefined while there is no plan, as at the start of a cluster */
  #unplanned(name: string): ProviderOutlook | undefined {
    if (this.#isLeading || Object.keys(this.#plan).length === 0) return undefined
    const message = `the host that buys for the cluster has no provider "${name}": gateway.yaml must be the same on all hosts`
    return { code: 'GW_NO_SUPPLY', message }
  }

  /** Whether an address is in the pool. */
  knows(upstreamId: string): boolean {
    return this.#parts?.pool.get(upstreamId) !== undefined
  }

  /** Applies what other hosts have reported so far. Never rejects. */
  async catchUp(): Promise<void> {
    // A heartbeat that is under way may have been answered before.
    while (this.#isBeating) await this.#deps.clock.sleep(CATCH_UP_MS)
    await this.#beat()
  }

  demandChanged(isWaiting: boolean): void {
    const { owners } = this.#deps
    if (isWaiting) owners?.needed()
    if (isWaiting && (owners !== undefined || !this.isActive)) this.#beatIn(HURRIED_BEAT_MS)
  }

  isMoving(isWaiting: boolean): boolean {
    return this.#deps.owners?.isMoving(isWaiting) ?? false
  }

  /**
   * Reads what the cluster holds, and begins the heartbeats.
   * @throws {StoreError} when the store does not answer: a host that has never seen its cluster does not start
   */
  async join(parts: MemberParts): Promise<void> {
    this.#parts = parts
    this.#deps.owners?.join({ ...parts, asked: () => askedOf(parts.supply) })
    await this.#events.readAll(parts, false)
    await this.#sync(parts)
    this.#beatIn(BEAT_MS)
  }

  #beatIn(ms: number): void {
    const at = this.#deps.clock.now() + ms
    if (this.#isClosed || this.#isPaused || at >= this.#timerAt) return
    this.#timer?.clear()
    this.#timerAt = at
    this.#timer = this.#deps.clock.after(ms, () => {
      this.#timerAt = Number.POSITIVE_INFINITY
      runInBackground(this.#beat())
    })
  }

  async #beat(): Promise<void> {
    const parts = this.#parts
    if (this.#isBeating || this.#isPaused || parts === undefined) return
    this.#isBeating = true
    try {
      await this.#sync(parts)
    } catch (error) {
      if (!(error instanceof StoreError)) internalErrors.report(error)
      this.#noteFailure(parts, error)
    } finally {
      this.#isBeating = false
      const isWaited =
        this.#deps.owners?.isWaiting ?? (parts.supply.planner.report.waiting.length > 0 && !this.isActive)
      this.#beatIn(isWaited ? HURRIED_BEAT_MS : BEAT_MS)
    }
  }

  async #sync(parts: MemberParts): Promise<void> {
    const { clock, runner, accounts, owners } = this.#deps
    const sentAt = clock.now()
    const answer = (await runner.run(syncScript, this.#ask(parts))) as SyncAnswer
    if (answer.hasOtherSecret === true)
      throw new StoreError('failed', 'the other hosts of the cluster have another cluster.secret')
    this.#answeredAt = clock.now()
    if (this.#isDown) this.#deps.log.info('the store of the cluster answers again')
    this.#isDown = false
    this.#hosts = answer.hosts
    await this.#follow(parts, answer)
    owners?.beat(answer.others, this.#events.after >= answer.last, sentAt)
    if (clock.now() - this.#refreshedAt >= REFRESH_MS) {
      await accounts.refresh()
      this.#refreshedAt = clock.now()
    }
    this.#lead(parts, answer, sentAt)
  }

  #ask({ supply }: MemberParts): object {
    const { host, owners, store } = this.#deps
    const report = JSON.stringify(supply.planner.report)
    const plan = this.isActive ? JSON.stringify(outlooksOf(supply)) : undefined
    const lease = { leaseMs: LEASE_MS, mayLead: !this.#isClosed, token: this.#token }
    return {
      host,
      mark: store.mark,
      aliveMs: this.#isClosed ? 0 : ALIVE_MS,
      report,
      plan,
      ...lease,
      ...owners?.report,
      after: this.#events.after,
    }
  }

  /** Takes up what the other hosts have said. */
  async #follow(parts: MemberParts, answer: SyncAnswer): Promise<void> {
    const isFailover = this.#since !== undefined && answer.since !== this.#since
    this.#since = answer.since
    if (isFailover) {
      this.#deps.log.warn(
        'another server answers for the store, or the same one after a restart: no calls until those that may be lost count no more',
      )
      this.#deps.owners?.failedOver()
      this.#deps.accounts.time.forget()
      await this.#events.readAll(parts, true)
      this.#mustPublishAgain = true
      this.#publishAgain(parts)
    } else if (answer.isBehind || this.#mustReadAll) await this.#events.readAll(parts, false)
    else this.#events.apply(parts, listed(answer.events))
    this.#mustReadAll = false
    const plan = answer.plan === '' ? {} : (JSON.parse(answer.plan) as Record<string, ProviderOutlook>)
    const isNews = JSON.stringify(plan) !== JSON.stringify(this.#plan)
    this.#plan = plan
    if (isNews && !this.isActive) parts.review()
  }

  /** What a failover may have lost: each host sends departures, the one that buys also addresses and channels. */
  #publishAgain({ supply }: MemberParts): void {
    this.#deps.store.publishAgain(this.isActive ? supply.lendable : [])
    if (!this.isActive) return
    this.#mustPublishAgain = false
    for (const { account } of supply.providers) account.inventory.holdAgain()
  }

  #lead(parts: MemberParts, { lead, reports }: SyncAnswer, sentAt: number): void {
    const { host, log } = this.#deps
    const isOurs = lead.host === host && !this.#isClosed
    this.#token = isOurs ? lead.token : undefined
    this.#leaseUntil = isOurs ? sentAt + LEASE_MS : Number.NEGATIVE_INFINITY
    if (!isOurs) return void this.#stepDown(parts)
    if (!this.#isLeading) {
      this.#isLeading = true
      log.info('this host buys for the cluster')
      if (this.#mustPublishAgain) this.#publishAgain(parts)
      parts.supply.takeOver()
      parts.review()
    }
    this.#takeReports(parts, reports)
  }

  #takeReports({ supply }: MemberParts, reports: Readonly<Record<string, string>>): void {
    const others = Object.keys(reports).filter((name) => name !== this.#deps.host)
    for (const name of this.#reporters) if (!others.includes(name)) supply.planner.reported(name, undefined)
    for (const name of others) supply.planner.reported(name, JSON.parse(reports[name] ?? '') as DemandReport)
    this.#reporters = others
  }

  #stepDown({ supply }: MemberParts): void {
    if (!this.#isLeading) return
    this.#isLeading = false
    this.#reporters = []
    supply.planner.forgetReports()
    this.#deps.log.info('another host buys for the cluster')
  }

  #noteFailure(parts: MemberParts, error: unknown): void {
    if (this.token === undefined) this.#stepDown(parts)
    if (this.#isDown || !this.status.isStoreDown) return
    this.#isDown = true
    const reason = error instanceof StoreError ? error.message : undefined
    this.#deps.log.error(
      { reason },
      'the store of the cluster does not answer: what is held is lent on, and nothing is bought',
    )
    parts.review()
  }

  /** No heartbeat is under way when it resolves, and none begins before `resume`. */
  async pause(): Promise<void> {
    this.#isPaused = true
    this.#timer?.clear()
    this.#timerAt = Number.POSITIVE_INFINITY
    while (this.#isBeating) await this.#deps.clock.sleep(CATCH_UP_MS)
  }

  /** Another process may have been this host meanwhile: what it has said is read from the store. */
  resume(): void {
    this.#isPaused = false
    this.#mustReadAll = true
    this.#beatIn(0)
  }

  /** Gives the lease back and leaves. Never rejects. @param signal ends the wait for the store's answer */
  async close(signal: AbortSignal): Promise<void> {
    this.#isClosed = true
    this.#timer?.clear()
    const parts = this.#parts
    if (parts === undefined) return
    await this.#deps.owners?.close(signal).catch(() => {})
    // The answer says nothing that matters any more.
    await this.#deps.runner.run(syncScript, this.#ask(parts)).catch(() => {})
  }
}

/** Clients of this host that were lent an address, ever. */
const askedOf = ({ planner }: Supply) => planner.report.groups.reduce((sum, { asked }) => sum + asked, 0)

/** Lua's empty list is written like its empty object. */
const listed = <T>(list: readonly T[]): readonly T[] => (Array.isArray(list) ? list : [])

function outlooksOf({ providers, planner }: Supply): Readonly<Record<string, ProviderOutlook>> {
  return Object.fromEntries(providers.map(({ name }) => [name, writeOutlook(planner.outlook([name], []))]))
}
