/** Clients, lease queue, pool, planner, provider and limiter as in the gateway, a made-up vendor, and hours that pass in seconds. */
import { createLog } from '../../../src/log.ts'
import { anyUpstream, Pool, type PoolObserver } from '../../../src/pool/pool.ts'
import type { Upstream } from '../../../src/pool/upstream.ts'
import type { LeaseRequest } from '../../../src/proxy/lease-contract.ts'
import { LeaseQueue } from '../../../src/proxy/lease-queue.ts'
import { SessionTable } from '../../../src/proxy/session-table.ts'
import { LocalAccountStore } from '../../../src/store/local-account-store.ts'
import { forgetfulStore } from '../../../src/store/memory.ts'
import { Accounts } from '../../../src/supply/account.ts'
import { Supply } from '../../../src/supply/supply.ts'
import type { Delivery, Sold, Source } from '../../../src/vendors/contract.ts'
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
}

export interface Figures {
  readonly bought: number
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
/** `margin: auto` of a life of a minute. */
export const MARGIN_MS = 6_000
const SAMPLE_MS = 100
const FIRST_SAMPLE_MS = 60_000
const WAIT_MS = 10_000
const MAX_PER_CALL = 100

/** A vendor whose calls take 0.3 to 2 s. */
function slowSource(clock: FakeClock, accounts: Accounts, random: Random): Source {
  const limit = { key: 'account', statedBy: 'simulated', calls: 10, perMs: 1_000 }
  let sales = 0
  const sell = (): Sold => {
    sales++
    const host = `198.51.${(sales >> 8) & 255}.${sales & 255}`
    return { host, port: 1_024 + (sales >> 16), protocol: 'http', life: { kind: 'for', ms: LIFE_MS } }
  }
  const extract: Source['extract'] = (count, signal, priority = 0, ticket): Promise<Delivery> =>
    accounts.gate(limit, { priority, signal, ticket }, async () => {
      ticket?.sent()
      const sentAt = clock.now()
      await clock.sleep(300 + 1_700 * random(), signal)
      return { sold: Array.from({ length: count }, sell), rejected: [], sentAt }
    })
  return {
    vendor: 'simulated',
    product: 'short',
    maxPerCall: MAX_PER_CALL,
    isList: false,
    byChannel: false,
    channels: undefined,
    account: 'account',
    limitOf: () => limit,
    extractOperation: 'extract',
    queryOperation: undefined,
    extract,
    query: () => Promise.reject(new Error('this vendor lists nothing')),
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
  readonly lastError = undefined
  readonly #lent: (upstream: Upstream) => void
  readonly #refused: () => void

  constructor(lent: (upstream: Upstream) => void, refused: () => void) {
    this.#lent = lent
    this.#refused = refused
  }

  failInternally(): void {}

  granted(upstream: Upstream): void {
    this.#lent(upstream)
  }

  denied(): void {
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
  const supply: Supply = new Supply(
    { ...rules, waitTimeout: WAIT_MS },
    [{ settings: account('simulated'), source: slowSource(clock, accounts, random) }],
    { clock, pool, log, store, accounts, onSettled: () => leaseQueue.review() },
  )
  const sessionTable = new SessionTable(pool, { idle: 60_000, max: 10 }, clock, store)
  const leaseQueue: LeaseQueue = new LeaseQueue(
    pool,
    sessionTable,
    supply.planner,
    { timeoutMs: WAIT_MS, queue: 1_000 },
    clock,
  )
  return { pool, supply, leaseQueue, accounts, deaths }
}

/** Lets the connections come, and stays until the last address has expired. */
export async function simulate(
  connections: readonly Connection[],
  rules: Rules,
  random: Random,
  isSampled: boolean,
): Promise<Figures> {
  const clock = new FakeClock({ now: 0 })
  const { pool, supply, leaseQueue, accounts, deaths } = assemble(rules, clock, random)
  const waits: number[] = []
  let fewestLendable = Number.POSITIVE_INFINITY
  let denied = 0
  const begin = ({ lastsMs }: Connection) => {
    const cameAt = clock.now()
    const lent = (upstream: Upstream) => {
      if (clock.now() > cameAt) waits.push(clock.now() - cameAt)
      pool.opened(upstream, 'site.test', true, 50, clock.now())
      clock.after(lastsMs, () => pool.release(upstream, true, clock.now()))
    }
    leaseQueue.apply(new Client(lent, () => denied++))
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
  const [provider] = supply.providers
  supply.close()
  accounts.close()
  return {
    bought: provider?.counts.bought ?? 0,
    wasted: provider?.counts.expiredUnused ?? 0,
    calls: provider?.capacity.window.sent ?? 0,
    denied,
    waits: waits.toSorted((a, b) => a - b),
    fewestLendable,
    deaths,
  }
}
