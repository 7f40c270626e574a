/** A provider with its pool, on a fake clock, over a source that sells what it is told to: what reports are made from. */
import { providerReports } from '../../../src/admin/reports.ts'
import type { ProviderReport } from '../../../src/admin/view.ts'
import { createLog } from '../../../src/log/log.ts'
import { anyUpstream } from '../../../src/pool/filter.ts'
import { Pool } from '../../../src/pool/pool.ts'
import type { Upstream } from '../../../src/pool/upstream.ts'
import { Secret } from '../../../src/secret.ts'
import { LocalAccountStore } from '../../../src/store/local-account-store.ts'
import { forgetfulStore } from '../../../src/store/memory.ts'
import { Accounts } from '../../../src/supply/account.ts'
import { Provider } from '../../../src/supply/provider.ts'
import type { ProviderSettings } from '../../../src/supply/provider-context.ts'
import type { Delivery, ProxyRecord } from '../../../src/vendors/contract/delivery.ts'
import type { Source } from '../../../src/vendors/contract/source.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { LogCapture } from '../../support/log-capture.ts'

export const login = { username: 'upstream-user-4711', password: 'upstream-pass-0815' }

export interface SupplyOptions {
  readonly provider?: Partial<ProviderSettings>
  readonly source?: Partial<Source>
}

export class TestSupply {
  readonly clock = new FakeClock()
  readonly pool: Pool
  readonly provider: Provider
  /** What the next call brings, or throws. */
  answer: Partial<Delivery> | Error | Promise<never> = { sold: [] }
  readonly #silent = createLog({ level: 'silent', format: 'json' }, new LogCapture())

  constructor(options: SupplyOptions = {}) {
    const perUpstream = { connections: 0, uses: 0, hostRest: 0 }
    this.pool = new Pool(
      { minLife: 5_000, perUpstream },
      {
        lendable: () => {},
        rescheduled: () => {},
        gone: (upstream, reason) => this.provider.left(upstream, reason),
      },
    )
    const accounts = new Accounts(this.clock, new LocalAccountStore(this.clock, forgetfulStore()))
    const settings = providerSettings(options.provider)
    const source = this.#source(accounts, options.source)
    this.provider = new Provider(settings, source, { clock: this.clock, pool: this.pool, log: this.#silent, accounts })
  }

  #source(accounts: Accounts, given: Partial<Source> = {}): Source {
    const limit = { calls: 10, perMs: 60_000, key: 'a digest', statedBy: 'get' }
    const none = () => Promise.reject(new Error('not asked for in these tests'))
    return {
      vendor: 'acme',
      product: 'share',
      maxPerCall: 100,
      isList: false,
      byChannel: false,
      channels: undefined,
      account: 'another digest',
      limitOf: () => limit,
      extractOperation: 'get',
      queryOperation: undefined,
      extract: (_count, order) =>
        accounts.gate(limit, order, () => {
          order.ticket?.sent()
          return this.#sell()
        }),
      query: none,
      call: none,
      operations: {},
      ...given,
    }
  }

  async #sell(): Promise<Delivery> {
    const answer = await this.answer
    if (answer instanceof Error) throw answer
    return { sold: [], rejected: [], sentAt: this.clock.now(), ...answer }
  }

  /** Buys addresses that live so long, one per entry (ms). */
  async buy(livesMs: readonly number[], more: Partial<ProxyRecord> = {}): Promise<readonly Upstream[]> {
    const before = new Set(this.pool.members())
    const first = this.pool.size + this.provider.counts.bought
    const sold = livesMs.map((ms, i) => ({ ...address(first + i), life: { kind: 'for', ms } as const, ...more }))
    this.answer = { sold }
    await this.order(livesMs.length)
    return [...this.pool.members()].filter((member) => !before.has(member))
  }

  async order(count: number): Promise<void> {
    const demand = { isUrgent: true, isWanted: () => true, ceilings: [] }
    await this.provider.order(count, 0, new AbortController().signal, demand)
  }

  /** A client's connection, opened after so many milliseconds. */
  open(tookMs = 100): Upstream {
    const ask = { strategy: 'round-robin', filter: anyUpstream, host: 'example.com', lifeMs: 0, tried: [] } as const
    const upstream = this.pool.lease(ask, this.clock.now())
    if (typeof upstream === 'string') throw new Error(`the pool lends nothing: ${upstream}`)
    this.pool.opened(upstream, 'example.com', true, tookMs, this.clock.now())
    if (upstream.opened === 1) this.provider.addressOutcomes.firstUse(upstream, true, undefined)
    return upstream
  }

  /** Time passes, and the pool hears of it. */
  pass(ms: number): void {
    this.clock.advance(ms)
    this.pool.advance(this.clock.now())
  }
}

function address(number: number): Pick<ProxyRecord, 'host' | 'port' | 'protocol' | 'username' | 'password'> {
  const { username, password } = login
  return { host: `203.0.113.${number + 1}`, port: 8_000, protocol: 'http', username, password: new Secret(password) }
}

function providerSettings(given: Partial<ProviderSettings> = {}): ProviderSettings {
  return {
    name: 'acme-a',
    priority: 1,
    weight: 1,
    ceiling: undefined,
    budget: {},
    lowStock: undefined,
    price: undefined,
    whitelist: 'off',
    isRemembered: false,
    arrival: {
      provider: 'acme-a',
      ttlMs: undefined,
      marginMs: 0,
      username: undefined,
      password: undefined,
      tls: undefined,
    },
    backoffMs: 1_000,
    maxBackoffMs: 1_000,
    reprobeMs: 600_000,
    whitelistReprobeMs: 60_000,
    ...given,
  }
}

/** The provider as the admin port shows it. */
export function report(supply: TestSupply, tunnels = 0): ProviderReport {
  const parts = { clock: supply.clock, members: supply.pool.members(), tunnelsOf: () => tunnels }
  const [first, ...others] = providerReports([supply.provider], parts)
  if (first === undefined || others.length > 0) throw new Error('one provider, one report')
  return first
}
