/** Clients, lease queue, pool and supply as in the gateway, over vendors that keep their own books, on one fake clock. */
import { parseConfig } from '../../../src/config/load.ts'
import { createLog } from '../../../src/log/log.ts'
import { anyUpstream, type Filter } from '../../../src/pool/filter.ts'
import type { PoolObserver } from '../../../src/pool/members.ts'
import { Pool } from '../../../src/pool/pool.ts'
import type { Upstream } from '../../../src/pool/upstream.ts'
import type { LeaseRequest } from '../../../src/proxy/lease-contract.ts'
import { LeaseQueue } from '../../../src/proxy/lease-queue.ts'
import { SessionTable } from '../../../src/proxy/session-table.ts'
import type { Restored, Store } from '../../../src/store/contract.ts'
import { LocalAccountStore } from '../../../src/store/local-account-store.ts'
import { forgetfulStore } from '../../../src/store/memory.ts'
import { Accounts as AccountRegistry } from '../../../src/supply/account.ts'
import { plannerSettings } from '../../../src/supply/configured-settings.ts'
import type { PlannerSettings } from '../../../src/supply/planner-settings.ts'
import type { Provider } from '../../../src/supply/provider.ts'
import type { ProviderSettings } from '../../../src/supply/provider-context.ts'
import { Supply } from '../../../src/supply/supply.ts'
import type { Delivery, Life, ProxyRecord } from '../../../src/vendors/contract/delivery.ts'
import { VendorError } from '../../../src/vendors/contract/error.ts'
import type { RateLimit } from '../../../src/vendors/contract/operation.ts'
import type { Source } from '../../../src/vendors/contract/source.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { LogCapture } from '../../support/log-capture.ts'
import { plainClient } from '../../support/plain-client.ts'
import { ofProvider } from '../pool/pool-fixture.ts'

export interface VendorRules {
  readonly lifeMs: number | (() => number)
  readonly latencyMs: () => number
  /** Which part of the latency is the way to the vendor: the address is sold then. */
  readonly way: () => number
  readonly channels: number | undefined
  readonly limit: RateLimit
  readonly maxPerCall: number
  /** What an order is raised to, where it may be. */
  readonly minPerOrder: number
  /** What every order must be for, as the source tells; undefined: any count. */
  readonly batchSize: number | undefined
  /** What every order brings, whatever it was for. */
  readonly brings: number | undefined
  /** Every order lists what is held already beside what is new. */
  readonly listsHeld: boolean
  /** It has a whitelist, and no room on it. */
  readonly whitelistIsFull: boolean
  /** Whether it lists what the account holds. */
  readonly canList: boolean
  /** What it enforces in place of `limit`, which it documents. */
  readonly enforced: RateLimit | undefined
  /** The plan's channels, which nobody configured: the vendor tells how many there are. */
  readonly plan: (() => number) | undefined
  /** It sells nothing: one call brings all that it has. */
  readonly isList: boolean
  /** How far the vendor's clock is ahead, ms; then it tells times of day, with a Date header. */
  readonly skewMs: number | undefined
  /** What it sells has no address yet: that comes so long after the order, and is asked for. */
  readonly dialMs: number | undefined
}

const usual: VendorRules = {
  lifeMs: 60_000,
  latencyMs: () => 400,
  way: () => 0.5,
  channels: undefined,
  limit: { calls: 60, perMs: 60_000 },
  maxPerCall: 100,
  minPerOrder: 1,
  batchSize: undefined,
  brings: undefined,
  listsHeld: false,
  whitelistIsFull: false,
  canList: false,
  enforced: undefined,
  plan: undefined,
  isList: false,
  skewMs: undefined,
  dialMs: undefined,
}

const fullWhitelist: NonNullable<Source['whitelist']> = {
  isMissing: (error) => error.class === 'whitelist',
  addressFromError: () => '203.0.113.9',
  add: () => Promise.reject(new VendorError('whitelist', '-202', 'the whitelist is full')),
}

export class SimulatedVendor {
  readonly name: string
  readonly calls: { readonly at: number; readonly count: number }[] = []
  /** What the vendor's document forbids, and was done. */
  readonly violations: string[] = []
  /** What the next calls meet instead of being served: an error, or a reply that is lost after the sale. */
  readonly trouble: (VendorError | 'lost')[] = []
  /** When each address that was sold ends. */
  readonly ends: number[] = []
  /** What the next look-ups meet. */
  readonly lookupTrouble: VendorError[] = []
  /** When calls were accepted. */
  readonly accepted: number[] = []
  /** When it was asked how many channels there are. */
  readonly channelQuestions: number[] = []
  /** When it was asked what the account holds. */
  readonly listings: number[] = []
  /** When each address will be there. */
  readonly #dialled = new Map<string, number>()
  readonly #rules: VendorRules
  readonly #clock: FakeClock

  constructor(name: string, clock: FakeClock, rules: Partial<VendorRules>) {
    this.name = name
    this.#clock = clock
    this.#rules = { ...usual, ...rules }
  }

  get sold(): number {
    return this.ends.length
  }

  /** Addresses that occupy a channel now. */
  get held(): number {
    return this.ends.filter((end) => end > this.#clock.now()).length
  }

  source(accounts: AccountRegistry): Source {
    const { limit, maxPerCall, minPerOrder, canList, isList, batchSize, listsHeld, brings, dialMs, plan } = this.#rules
    const learned = accounts.learnedOf(this.name)
    const channelsOf = () => this.#rules.channels ?? learned.channels
    const ask = async (refs: readonly string[]) => ({ ...this.#lines(refs), gone: [] })
    const follow = dialMs === undefined ? {} : { follow: { everyMs: 20_000, pendingEveryMs: 3_000, ask } }
    const keyed = { key: this.name, statedBy: this.name, ...limit }
    const none = () => Promise.reject(new Error('this vendor has one call'))
    return {
      vendor: 'simulated',
      product: 'short',
      maxPerCall,
      minPerOrder,
      batchSize,
      isList,
      listsHeld,
      byChannel: this.#rules.channels !== undefined || plan !== undefined,
      get channels() {
        return channelsOf()
      },
      ...(plan === undefined ? {} : { channelsNow: () => this.#tellChannels(plan(), learned) }),
      account: this.name,
      limitOf: () => (plan === undefined ? keyed : { ...keyed, calls: (learned.channels ?? 1) * 5 + 10 }),
      extractOperation: 'extract',
      queryOperation: canList ? 'query' : undefined,
      extract: (count, order) =>
        accounts.gate(keyed, order, () => {
          order.ticket?.sent()
          return this.#serve(brings ?? batchSize ?? count, order.signal)
        }),
      query: async () => {
        this.listings.push(this.#clock.now())
        const trouble = this.lookupTrouble.shift()
        if (trouble !== undefined) throw trouble
        if (dialMs !== undefined) return this.#lines([...this.#dialled.keys()])
        return this.#deliver((end) => end > this.#clock.now(), this.#clock.now())
      },
      call: none,
      operations: {},
      ...follow,
      ...(this.#rules.whitelistIsFull ? { whitelist: fullWhitelist } : {}),
    }
  }

  async #tellChannels(total: number, learned: { channels: number | undefined }) {
    this.channelQuestions.push(this.#clock.now())
    const trouble = this.lookupTrouble.shift()
    if (trouble !== undefined) throw trouble
    learned.channels = total
    return { total }
  }

  #lines(refs: readonly string[]): Delivery {
    const now = this.#clock.now()
    const all = refs.map((ref, index) => ({ ref, index, waitMs: (this.#dialled.get(ref) ?? 0) - now }))
    const sold = all.flatMap(({ ref, index, waitMs }): ProxyRecord[] => {
      const life: Life = { kind: 'for', ms: 120_000 }
      return waitMs > 0 ? [] : [{ host: '192.0.2.9', port: 9_001 + index, protocol: 'http', life, ref }]
    })
    const pending = all.flatMap(({ ref, waitMs }) => (waitMs > 0 ? [{ ref, waitMs }] : []))
    return { sold, pending, rejected: [], sentAt: now }
  }

  async #serve(count: number, signal: AbortSignal): Promise<Delivery> {
    const sentAt = this.#clock.now()
    this.calls.push({ at: sentAt, count })
    const latency = this.#rules.latencyMs()
    const way = latency * this.#rules.way()
    const trouble = this.trouble.shift()
    await this.#clock.sleep(way, signal)
    if (trouble instanceof VendorError) throw trouble
    this.#enforce(sentAt + way)
    const delivery =
      this.#rules.dialMs === undefined ? this.#sell(count, sentAt) : this.#dial(count, this.#rules.dialMs)
    await this.#clock.sleep(latency - way, signal)
    if (trouble === 'lost') throw new VendorError('server', 'timeout', 'the vendor did not answer')
    return delivery
  }

  #enforce(now: number): void {
    const { enforced } = this.#rules
    if (enforced !== undefined && this.accepted.filter((at) => at > now - enforced.perMs).length >= enforced.calls)
      throw new VendorError('rate_limited', 'REQUEST_LIMIT_EXCEEDED', 'too many calls', { wait: 60_000 })
    this.accepted.push(now)
  }

  #dial(count: number, dialMs: number): Delivery {
    const refs = Array.from({ length: count }, (_, index) => `line-${this.#dialled.size + index}`)
    for (const ref of refs) this.#dialled.set(ref, this.#clock.now() + dialMs)
    return this.#lines(this.#rules.listsHeld ? [...this.#dialled.keys()] : refs)
  }

  #sell(count: number, sentAt: number): Delivery {
    const { lifeMs, plan, listsHeld } = this.#rules
    const channels = plan?.() ?? this.#rules.channels
    if (channels !== undefined && this.held + count > channels) {
      this.violations.push(`${this.held} of ${channels} channels are held, ${count} more were asked for`)
      throw new VendorError('quota_exhausted', 'NO_AVAILABLE_CHANNEL', 'no channel is free', {
        wait: 'earliest-deadline',
      })
    }
    const before = this.sold
    for (let n = 0; n < count; n++) this.ends.push(this.#clock.now() + (typeof lifeMs === 'number' ? lifeMs : lifeMs()))
    return this.#deliver((end, index) => index >= before || (listsHeld && end > this.#clock.now()), sentAt)
  }

  #deliver(isMeant: (end: number, index: number) => boolean, sentAt: number): Delivery {
    const { skewMs } = this.#rules
    const now = this.#clock.now()
    const vendorNow = this.#clock.wall() + (skewMs ?? 0)
    const sold = this.ends.flatMap((end, index): ProxyRecord[] => {
      if (!isMeant(end, index)) return []
      const left = end - now
      const life: Life = skewMs === undefined ? { kind: 'for', ms: left } : { kind: 'until', wallMs: vendorNow + left }
      return [{ host: `192.0.2.${(index + 1) % 250}`, port: 1_001 + index, protocol: 'http', life }]
    })
    const date = skewMs === undefined ? {} : { vendorWallMs: Math.floor(vendorNow / 1_000) * 1_000 }
    return { sold, rejected: [], sentAt, ...date }
  }
}

export function account(name: string, rest: Partial<ProviderSettings> = {}): ProviderSettings {
  return {
    name,
    priority: 0,
    weight: 1,
    ceiling: undefined,
    budget: {},
    lowStock: undefined,
    price: undefined,
    isRemembered: false,
    whitelist: 'off',
    backoffMs: 1_000,
    maxBackoffMs: 30_000,
    reprobeMs: 600_000,
    whitelistReprobeMs: 60_000,
    arrival: {
      provider: name,
      ttlMs: undefined,
      marginMs: 'auto',
      username: undefined,
      password: undefined,
      tls: undefined,
    },
    ...rest,
  }
}

export interface Rules extends Omit<PlannerSettings, 'waitTimeout' | 'uses'> {
  readonly uses: number
  readonly connections: number
}

/** What a gateway.yaml that sets nothing of it makes of demand. */
export function untouched(): Rules {
  const config = parseConfig('providers: [{ name: a, vendor: demo }]', 'gateway.yaml', {})
  const { waitTimeout: _, ...rules } = plannerSettings(config)
  return { ...rules, connections: config.pool.perUpstream.connections }
}

export type Accounts = Readonly<
  Record<
    string,
    {
      readonly vendor?: Partial<VendorRules>
      readonly settings?: Partial<ProviderSettings>
      /** The provider whose key this one uses too. */
      readonly sharesWith?: string
      /** In place of the simulated vendor. */
      readonly open?: (clock: FakeClock, accounts: AccountRegistry) => Source
    }
  >
>

const usualRules: Rules = {
  floor: 5,
  ceiling: 50,
  targetLoad: 8,
  idleAfter: 60_000,
  minLife: 5_000,
  uses: 0,
  connections: 0,
}
const WAIT_MS = 10_000

export class World {
  readonly clock: FakeClock
  readonly pool: Pool
  readonly supply: Supply
  readonly leaseQueue: LeaseQueue
  readonly vendors: Readonly<Record<string, SimulatedVendor>>
  readonly log = new LogCapture()
  readonly denials: string[] = []
  /** Addresses that clients were lent. */
  readonly lent = new Set<string>()
  /** How long each client that was served had waited, ms. */
  readonly waits: number[] = []
  readonly accounts: AccountRegistry

  constructor(
    accounts: Accounts,
    given: Partial<Rules> = {},
    restored?: Restored,
    { store = forgetfulStore(), clock = new FakeClock({ now: 0 }) }: { store?: Store; clock?: FakeClock } = {},
  ) {
    const { uses, connections, ...rules } = { ...usualRules, ...given }
    this.clock = clock
    this.accounts = new AccountRegistry(clock, new LocalAccountStore(clock, store, restored))
    const observer: PoolObserver = {
      lendable: (upstream) => this.leaseQueue.serve(upstream),
      rescheduled: () => this.supply.poolRescheduled(),
      gone: (upstream, reason) => this.supply.upstreamGone(upstream, reason),
    }
    this.pool = new Pool({ minLife: rules.minLife, perUpstream: { connections, uses, hostRest: 0 } }, observer)
    this.vendors = Object.fromEntries(
      Object.entries(accounts).map(([name, { vendor = {} }]) => [name, new SimulatedVendor(name, clock, vendor)]),
    )
    const opened = Object.entries(accounts).map(([name, { settings = {}, sharesWith = name, open }]) => ({
      settings: account(name, settings),
      source: open?.(clock, this.accounts) ?? this.vendor(sharesWith).source(this.accounts),
    }))
    const parts = {
      clock,
      pool: this.pool,
      store,
      accounts: this.accounts,
      // Fixed, so that a test has the same pauses in each run.
      random: () => 0.5,
      log: createLog({ level: 'debug', format: 'json' }, this.log),
    }
    const settings = { ...rules, uses, waitTimeout: WAIT_MS }
    this.supply = new Supply(settings, opened, { ...parts, onSettled: () => this.leaseQueue.review() })
    const sessionTable = new SessionTable(this.pool, { idle: 60_000, max: 10 }, clock, store)
    this.leaseQueue = new LeaseQueue(
      this.pool,
      sessionTable,
      this.supply.planner,
      { timeoutMs: WAIT_MS, queue: 1_000 },
      clock,
    )
  }

  vendor(name: string): SimulatedVendor {
    const vendor = this.vendors[name]
    if (vendor === undefined) throw new Error(`there is no vendor ${name}`)
    return vendor
  }

  provider(name: string): Provider {
    const provider = this.supply.provider(name)
    if (provider === undefined) throw new Error(`there is no provider ${name}`)
    return provider
  }

  /**
   * A client comes, opens its tunnel as soon as it is lent an address, and keeps it for so long.
   * @returns makes it leave while it waits
   */
  connect(lastsMs = 1_000, filter: Filter = anyUpstream, sessionKey?: string): () => void {
    const cameAt = this.clock.now()
    const granted = (upstream: Upstream) => {
      this.lent.add(upstream.id)
      this.waits.push(this.clock.now() - cameAt)
      this.pool.opened(upstream, 'site.test', true, 50, this.clock.now())
      this.clock.after(lastsMs, () => this.pool.release(upstream, true, this.clock.now()))
    }
    const denied: LeaseRequest['denied'] = (error) => void this.denials.push(`${error.code}: ${error.message}`)
    const request = { ...plainClient, filter, granted, denied, sessionKey, failInternally: () => {} }
    this.leaseQueue.apply(request)
    return () => this.leaseQueue.withdraw(request)
  }

  connectTo(provider: string, lastsMs = 1_000): void {
    this.connect(lastsMs, ofProvider(provider))
  }

  /** A client every so often. */
  async traffic(everyMs: number, forMs: number, lastsMs = 1_000): Promise<void> {
    const until = this.clock.now() + forMs
    while (this.clock.now() < until) {
      this.connect(lastsMs)
      await this.clock.run(everyMs)
    }
  }

  /** Calls `look` each 100 ms from now on. */
  watch(look: () => void): void {
    this.clock.after(100, () => {
      look()
      this.watch(look)
    })
  }

  lendableOf(provider: string): number {
    return [...this.pool.members()].filter(({ facts, state }) => facts.provider === provider && state === 'ready')
      .length
  }

  close(): void {
    this.supply.close()
    this.accounts.close()
  }
}
