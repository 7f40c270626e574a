/** Clients, lease queue, pool, planner, provider and limiter as in the gateway, a made-up vendor, and hours that pass in seconds. */
import { createLog } from '../../../src/log/log.ts'
import { anyUpstream } from '../../../src/pool/filter.ts'
import type { PoolObserver } from '../../../src/pool/members.ts'
import { Pool } from '../../../src/pool/pool.ts'
import type { Upstream } from '../../../src/pool/upstream.ts'
import type { LeaseRequest } from '../../../src/proxy/lease-contract.ts'
import { LeaseQueue } from '../../../src/proxy/lease-queue.ts'
import { SessionTable } from '../../../src/proxy/session-table.ts'
import { LocalAccountStore } from '../../../src/store/local-account-store.ts'
import { forgetfulStore } from '../../../src/store/memory.ts'
import { Accounts } from '../../../src/supply/account.ts'
import { Supply } from '../../../src/supply/supply.ts'
import type { Delivery, ProxyRecord } from '../../../src/vendors/contract/delivery.ts'
import { VendorError } from '../../../src/vendors/contract/error.ts'
import type { Source } from '../../../src/vendors/contract/source.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { LogCapture } from '../../support/log-capture.ts'
import type { Connection, Random } from './simulation-traffic.ts'
import { account } from './supply-world.ts'

export interface Rules {
  readonly floor: number
  readonly ceiling: number
  readonly targetLoad: number
  readonly idleAfter: number
  readonly minLife: number
  readonly uses: 0 | 1
  readonly vendor?: Partial<VendorOptions>
  /** Clients that wait longer go away, ms. */
  readonly patienceMs?: number
}

interface VendorOptions {
  readonly lifeMs: number
  /** What its calls take, ms: from, to. */
  readonly callMs: readonly [number, number]
  readonly channels: number | undefined
  /** Which part of the orders it refuses, and of which part the reply is lost. */
  readonly refused: number
  readonly lost: number
  /** How many providers use the one key. */
  readonly providers: number
}

const usualVendor: VendorOptions = {
  lifeMs: 60_000,
  callMs: [300, 2_000],
  channels: undefined,
  refused: 0,
  lost: 0,
  providers: 1,
}

export interface Figures {
  /** Addresses that the vendor sold, whether their replies came or not. */
  readonly bought: number
  /** Which part of the lives that came was in use. */
  readonly utilisation: number
  /** Clients that went away while they waited. */
  readonly left: number
  /** Calls that the vendor's window, or more addresses than its channels, would have refused. */
  readonly violations: number
  /** Expired without having opened a tunnel. */
  readonly wasted: number
  readonly calls: number
  readonly denied: number
  /** How long each client waited that had to, ms, ascending. */
  readonly waits: readonly number[]
  /** Fewest lendable addresses while traffic went on, looked at each 100 ms from the end of the first minute. */
  readonly fewestLendable: number
  /** When each address expired, ms from the start, ascending. */
  readonly deaths: readonly number[]
}

export const LIFE_MS = 60_000
const SAMPLE_MS = 100
const FIRST_SAMPLE_MS = 60_000
const WAIT_MS = 10_000
const MAX_PER_CALL = 100

/** What the vendor has sold: number -> its end, clock ms. */
interface Sales {
  readonly ends: number[]
  violations: number
}

/** A vendor whose calls take their time. */
function slowSource(
  clock: FakeClock,
  accounts: Accounts,
  random: Random,
  options: VendorOptions,
  sales: Sales,
): Source {
  const { lifeMs, callMs, channels, refused, lost } = options
  const limit = { key: 'account', statedBy: 'simulated', calls: 10, perMs: 1_000 }
  const describe = (number: number): ProxyRecord => ({
    host: `198.51.${(number >> 8) & 255}.${number & 255}`,
    port: 1_024 + (number >> 16),
    protocol: 'http',
    life: { kind: 'for', ms: (sales.ends[number - 1] ?? 0) - clock.now() },
  })
  const held = () => sales.ends.flatMap((end, index) => (end > clock.now() ? [index + 1] : []))
  const sell = (count: number): ProxyRecord[] => {
    if (channels !== undefined && held().length + count > channels) sales.violations++
    return Array.from({ length: count }, () => describe(sales.ends.push(clock.now() + lifeMs)))
  }
  const extract: Source['extract'] = (count, order): Promise<Delivery> =>
    accounts.gate(limit, order, async () => {
      order.ticket?.sent()
      const sentAt = clock.now()
      const luck = refused + lost > 0 ? random() : 1
      const sold = luck < refused ? [] : sell(count)
      await clock.sleep(callMs[0] + (callMs[1] - callMs[0]) * random(), order.signal)
      if (luck < refused) throw new VendorError('no_resource', 'NO_RESOURCE', 'none left')
      if (luck < refused + lost) throw new VendorError('server', 'timeout', 'no answer')
      return { sold, rejected: [], sentAt }
    })
  return {
    vendor: 'simulated',
    product: 'short',
    maxPerCall: MAX_PER_CALL,
    isList: false,
    byChannel: channels !== undefined,
    channels,
    account: 'account',
    limitOf: () => limit,
    extractOperation: 'extract',
    queryOperation: 'query',
    extract,
    query: async ({ signal }) => {
      await clock.sleep(callMs[0], signal)
      return { sold: held().map(describe), rejected: [], sentAt: clock.now() }
    },
    call: () => Promise.reject(new Error('this vendor has one call')),
    operations: {},
  }
}

/** One client connection from the request to its end. */
class Client implements LeaseRequest {
  readonly strategy = 'round-robin'
  readonly filter = anyUpstream
  readonly host = 'site.test'
  readonly lifeMs = 0
  readonly user = 'user'
  readonly tried = []
  readonly sessionKey = undefined
  readonly strict = false
  readonly sessionUse = 'own'
  readonly uses = 0
  readonly avoid = []
  readonly avoidLast = undefined
  readonly permitted = undefined
  readonly lastError = undefined
  readonly #lent: (upstream: Upstream) => void
  readonly #refused: () => void

  constructor(lent: (upstream: Upstream) => void, refused: () => void) {
    this.#lent = lent
    this.#refused = refused
  }

  failInternally(): void {}

  /** Served, or refused. */
  isOver = false

  granted(upstream: Upstream): void {
    this.isOver = true
    this.#lent(upstream)
  }

  denied(): void {
    this.isOver = true
    this.#refused()
  }
}

function assemble(rules: Rules, clock: FakeClock, random: Random) {
  const store = forgetfulStore()
  const accounts = new Accounts(clock, new LocalAccountStore(clock, store))
  const deaths: number[] = []
  const observer: PoolObserver = {
    lendable: (upstream) => leaseQueue.serve(upstream),
    rescheduled: () => supply.poolRescheduled(),
    gone: (upstream, reason) => {
      if (reason === 'expired') deaths.push(clock.now())
      supply.upstreamGone(upstream, reason)
    },
  }
  const perUpstream = { connections: 0, uses: rules.uses, hostRest: 0 }
  const pool = new Pool({ minLife: rules.minLife, perUpstream }, observer, random)
  const log = createLog({ level: 'error', format: 'json' }, new LogCapture())
  const sales: Sales = { ends: [], violations: 0 }
  const options = { ...usualVendor, ...rules.vendor }
  const source = slowSource(clock, accounts, random, options, sales)
  const names = Array.from({ length: options.providers }, (_, index) => `simulated-${index + 1}`)
  const supply: Supply = new Supply(
    { ...rules, waitTimeout: WAIT_MS },
    names.map((name) => ({ settings: account(name), source })),
    { clock, pool, log, store, accounts, random, onSettled: () => leaseQueue.review() },
  )
  const sessionTable = new SessionTable(pool, { idle: 60_000, max: 10 }, clock, store)
  const leaseQueue: LeaseQueue = new LeaseQueue(
    pool,
    sessionTable,
    supply.planner,
    { timeoutMs: WAIT_MS, queue: 1_000 },
    clock,
  )
  return { pool, supply, leaseQueue, accounts, deaths, sales }
}

/** Lets the connections come, and stays until the last address has expired. */
export async function simulate(
  connections: readonly Connection[],
  rules: Rules,
  random: Random,
  isSampled: boolean,
): Promise<Figures> {
  const clock = new FakeClock({ now: 0 })
  const { pool, supply, leaseQueue, accounts, deaths, sales } = assemble(rules, clock, random)
  const waits: number[] = []
  let fewestLendable = Number.POSITIVE_INFINITY
  let denied = 0
  let left = 0
  const begin = ({ lastsMs }: Connection) => {
    const cameAt = clock.now()
    const lent = (upstream: Upstream) => {
      if (clock.now() > cameAt) waits.push(clock.now() - cameAt)
      pool.opened(upstream, 'site.test', true, 50, clock.now())
      clock.after(lastsMs, () => pool.release(upstream, true, clock.now()))
    }
    const client = new Client(lent, () => denied++)
    leaseQueue.apply(client)
    const { patienceMs } = rules
    if (patienceMs === undefined || client.isOver) return
    clock.after(patienceMs, () => {
      if (client.isOver) return
      left++
      leaseQueue.withdraw(client)
    })
  }
  const arrive = (index: number) => {
    const connection = connections[index]
    if (connection === undefined) return
    clock.after(connection.at - clock.now(), () => {
      begin(connection)
      arrive(index + 1)
    })
  }
  const lastAt = connections.at(-1)?.at ?? 0
  const sample = () => {
    fewestLendable = Math.min(fewestLendable, pool.lendableCount)
    if (clock.now() < lastAt) clock.after(SAMPLE_MS, sample)
  }
  arrive(0)
  if (isSampled) clock.after(FIRST_SAMPLE_MS, sample)
  await clock.run(lastAt + rules.idleAfter + 2 * LIFE_MS)
  const { providers } = supply
  const sum = (of: (counts: (typeof providers)[number]['counts']) => number) =>
    providers.reduce((total, { counts }) => total + of(counts), 0)
  supply.close()
  accounts.close()
  return {
    bought: sales.ends.length,
    utilisation: sum((counts) => counts.secondsUsed) / sum((counts) => counts.secondsBought),
    left,
    violations: sales.violations,
    wasted: sum((counts) => counts.expiredUnused),
    calls: providers[0]?.capacity.window.sent ?? 0,
    denied,
    waits: waits.toSorted((a, b) => a - b),
    fewestLendable,
    deaths,
  }
}
