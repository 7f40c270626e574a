/** An address that a session has alone, where other sessions live on it on other hosts. */
import pino from 'pino'
import { expect, it } from 'vitest'
import { Cluster } from '../../../src/cluster/open.ts'
import { parseConfig } from '../../../src/config/load.ts'
import { poolSettings } from '../../../src/config/pool-limits.ts'
import type { Config } from '../../../src/config/schema.ts'
import { memberParts, type Parts } from '../../../src/parts.ts'
import { anyUpstream, type Filter } from '../../../src/pool/filter.ts'
import { Pool } from '../../../src/pool/pool.ts'
import type { Upstream } from '../../../src/pool/upstream.ts'
import { LeaseQueue } from '../../../src/proxy/lease-queue.ts'
import { SessionTable } from '../../../src/proxy/session-table.ts'
import type { RestoredUpstream } from '../../../src/store/contract.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { LuaRedis } from '../../support/redis/lua-redis.ts'
import { facts } from '../pool/pool-fixture.ts'

const FILE = `
cluster: { url: "redis://r", name: test, secret: "a secret of sixteen" }
providers: [{ name: p, vendor: static, list: ["192.0.2.1:80"] }]
pool: { perUpstream: { connections: 2 } }
state: off`
const limits = { exclusive: true, connections: 0, uses: 0, minLifeMs: 0 }
const alone: Filter = { ...anyUpstream, key: 'alone', limits }

class World {
  readonly clock = new FakeClock({ now: 1_000_000 })
  readonly redis = new LuaRedis(() => this.clock.now())
  readonly config = parseConfig(FILE, 'gateway.yaml', {}) as ConstructorParameters<typeof Cluster>[0] & Config

  constructor() {
    this.redis.settleIn()
  }

  async host(): Promise<Host> {
    const host = new Host(this)
    await host.cluster.member.join(host.parts)
    return host
  }
}

class Host {
  readonly cluster: Cluster
  readonly pool: Pool
  readonly parts: ReturnType<typeof memberParts>
  readonly #queue: LeaseQueue
  readonly #clock: FakeClock

  constructor({ clock, redis, config }: World) {
    const connection = { run: redis.run.bind(redis), close: () => {} }
    const log = pino({ level: 'silent' })
    this.#clock = clock
    this.cluster = new Cluster(config, { clock, log, former: undefined }, connection)
    const { owners, store, sessions } = this.cluster
    this.pool = new Pool(poolSettings(config), {
      lendable: (upstream) => this.#queue.serve(upstream),
      rescheduled: () => {},
      added: (upstream) => owners?.added(upstream),
      wanted: () => owners?.needed(),
      endedHere: (upstream) => owners?.leaseEnded(upstream),
      gone: (upstream) => owners?.gone(upstream),
    })
    const sessionTable = new SessionTable(this.pool, { idle: 600_000, max: 100 }, clock, store)
    const supplyView = {
      asked: () => {},
      queueChanged: () => this.cluster.member.demandChanged(this.#queue.waitingCount > 0),
      outlook: () => undefined,
    }
    const settings = { timeoutMs: 20_000, queue: 100 }
    this.#queue = new LeaseQueue(this.pool, sessionTable, supplyView, settings, clock, sessions)
    const data = { leaseQueue: this.#queue, sessionTable, handedOver: () => {}, endLeases: () => {} }
    this.parts = memberParts({ pool: this.pool, supply: this.#supply(), data } as unknown as Parts)
  }

  /** Takes up what the cluster holds; nothing is bought. */
  #supply(): object {
    return {
      ...{ lendable: [], providers: [], takeOver: () => {} },
      adopt: (upstreams: readonly RestoredUpstream[]) => {
        for (const one of upstreams) this.pool.add(one.facts, this.#clock.now())
      },
      planner: { report: { groups: [], waiting: [], load: {} }, heard: () => {}, forgetReports: () => {} },
    }
  }

  async buy(id: string): Promise<void> {
    const bought = facts(id, { deadline: this.#clock.now() + 3_600_000, boughtAt: this.#clock.now() })
    await this.cluster.store.bought([{ facts: bought, vendorDeadline: bought.deadline }])
    this.pool.add(bought, this.#clock.now())
  }

  /** A client of the session, as soon as it is served. */
  serve(sessionKey: string, filter = anyUpstream): Promise<Upstream> {
    return new Promise((granted, denied) =>
      this.#queue.apply({
        ...{ strategy: 'round-robin', host: 'a.test', lifeMs: 0, user: 'u', strict: false, lastError: undefined },
        ...{
          uses: 0,
          avoid: [],
          avoidLast: undefined,
          permitted: undefined,
          tried: [],
          sessionKey,
          sessionUse: 'own',
          filter,
        },
        ...{ granted, denied, failInternally: () => expect.unreachable() },
      }),
    )
  }

  end(upstream: Upstream): void {
    this.pool.release(upstream, false, this.#clock.now())
  }

  /** One client after the other. @returns the address that served it */
  async visit(sessionKey: string, filter = anyUpstream): Promise<string> {
    const served = this.serve(sessionKey, filter)
    await this.#clock.run(15_000)
    const upstream = await served
    this.end(upstream)
    return upstream.id
  }
}

it('goes to another host for that session alone: other sessions that live on it there leave it', async () => {
  const world = new World()
  const [first, second] = [await world.host(), await world.host()]
  await world.clock.run(15_000)
  await first.buy('x')
  // Both live on the only address there is.
  expect(await first.visit('basket')).toBe('x')
  expect(await first.visit('other')).toBe('x')
  expect(await second.visit('basket')).toBe('x')
  const held = second.serve('basket', alone)
  await world.clock.run(5_000)
  const x = await held
  expect([x.id, x.isExclusive]).toEqual(['x', true])
  second.end(x)
  await first.buy('y')
  // The session has it alone, although it is not in use at this moment.
  expect(await first.visit('other')).toBe('y')
  expect(await second.visit('basket', alone)).toBe('x')
  // It takes it along, and the other session stays away from it.
  expect(await first.visit('basket', alone)).toBe('x')
  expect(first.pool.get('x')?.isExclusive).toBe(true)
  expect(await first.visit('other')).toBe('y')
  expect(await first.visit('basket', alone)).toBe('x')
})
