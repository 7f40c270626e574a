/** Hosts of one cluster in one process: the very scripts, a pool and a queue of clients each, and no vendor. */
import pino from 'pino'
import { expect } from 'vitest'
import { memberParts, type Parts } from '../../../src/app/parts.ts'
import { Cluster } from '../../../src/cluster/open.ts'
import { parseConfig } from '../../../src/config/load.ts'
import { poolSettings } from '../../../src/config/pool-limits.ts'
import type { Config } from '../../../src/config/schema.ts'
import { anyUpstream } from '../../../src/pool/filter.ts'
import { Pool } from '../../../src/pool/pool.ts'
import type { Upstream } from '../../../src/pool/upstream.ts'
import { LeaseQueue } from '../../../src/proxy/lease-queue.ts'
import { SessionTable } from '../../../src/proxy/session-table.ts'
import { Secret } from '../../../src/secret.ts'
import type { RestoredUpstream } from '../../../src/store/contract.ts'
import { StoreError } from '../../../src/store/errors.ts'
import type { Script } from '../../../src/store/redis/script.ts'
import { facts } from '../../unit/pool/pool-fixture.ts'
import { FakeClock } from '../fake-clock.ts'
import { plainClient } from '../plain-client.ts'
import { LuaRedis } from '../redis/lua-redis.ts'

export class ClusterWorld {
  serverAheadMs = 1_700_000_000_000
  readonly clock = new FakeClock({ now: 1_000_000 })
  /** Its clock is another one than the hosts'. */
  readonly redis = new LuaRedis(() => this.clock.now() + this.serverAheadMs)
  readonly config: ConstructorParameters<typeof Cluster>[0] & Config

  /** @param more lines of gateway.yaml */
  constructor(more = '') {
    const file = `
cluster: { url: "redis://r", name: test, secret: "a secret of sixteen" }
providers: [{ name: p, vendor: static, list: ["192.0.2.1:80"] }]
state: off
${more}`
    this.config = parseConfig(file, 'gateway.yaml', {}) as ClusterWorld['config']
    this.redis.settleIn()
  }

  /** @param secret another one than the cluster's */
  async host(secret?: string): Promise<Host> {
    const { cluster } = this.config
    const config =
      secret === undefined ? this.config : { ...this.config, cluster: { ...cluster, secret: new Secret(secret) } }
    const host = new Host({ clock: this.clock, redis: this.redis, config })
    await host.cluster.member.join(host.parts)
    return host
  }
}

class Host {
  readonly cluster: Cluster
  readonly pool: Pool
  readonly parts: ReturnType<typeof memberParts>
  /** Names of the scripts that it has run. */
  readonly asked: string[] = []
  isCutOff = false
  /** What it asks for is done, and it does not hear so. */
  losesAnswers = false
  /** Its requests are never answered. */
  isSilent = false
  readonly waitTimeoutMs = 20_000
  /** Their addresses may arrive at any moment. */
  providers: readonly { readonly name: string }[] = []
  /** Answers that are on their way arrive in one piece. */
  #answersCome: Promise<void> | undefined
  readonly #queue: LeaseQueue
  readonly #sessionTable: SessionTable
  readonly #clock: FakeClock

  constructor({ clock, redis, config }: Pick<ClusterWorld, 'clock' | 'redis' | 'config'>) {
    const connection = {
      run: async (script: Script, ask: object) => {
        this.asked.push(script.name)
        if (this.isSilent) await new Promise(() => {})
        if (this.isCutOff) throw new StoreError('failed', 'cut off')
        const answer = await redis.run(script, ask)
        if (this.losesAnswers) throw new StoreError('failed', 'no answer')
        await this.#answersCome
        return answer
      },
      close: () => {},
    }
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
    this.#sessionTable = new SessionTable(this.pool, { idle: 600_000, max: 100 }, clock, store)
    const supplyView = {
      asked: () => {},
      queueChanged: () => this.cluster.member.demandChanged(this.#queue.waitingCount > 0),
      outlook: () => undefined,
    }
    const settings = { timeoutMs: this.waitTimeoutMs, queue: 100 }
    this.#queue = new LeaseQueue(this.pool, this.#sessionTable, supplyView, settings, clock, sessions)
    const data = {
      leaseQueue: this.#queue,
      sessionTable: this.#sessionTable,
      handedOver: () => {},
      endLeases: () => {},
    }
    this.parts = memberParts({ pool: this.pool, supply: this.#supply(), data } as unknown as Parts)
  }

  /** Takes up what the cluster holds; nothing is bought. */
  #supply(): object {
    const providers = () => this.providers
    return {
      get providers() {
        return providers()
      },
      ...{ lendable: [], takeOver: () => {} },
      adopt: (upstreams: readonly RestoredUpstream[]) => {
        for (const one of upstreams) this.pool.add(one.facts, this.#clock.now())
      },
      planner: {
        report: { groups: [], waiting: [], load: {} },
        ...{ heard: () => {}, forgetReports: () => {}, outlook: () => undefined },
      },
    }
  }

  async buy(id: string, lifeMs = 3_600_000): Promise<void> {
    const bought = facts(id, { deadline: this.#clock.now() + lifeMs, boughtAt: this.#clock.now() })
    await this.cluster.store.bought([{ facts: bought, vendorDeadline: bought.deadline }])
    this.pool.add(bought, this.#clock.now())
  }

  /** A client of the session, as soon as it is served. */
  serve(sessionKey: string, filter = anyUpstream): Promise<Upstream> {
    return new Promise((granted, denied) =>
      this.#queue.apply({
        ...{ ...plainClient, sessionKey, filter, granted, denied, failInternally: () => expect.unreachable() },
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

  /** As `visit`, where no address need be moved: within a few milliseconds. */
  async visitNow(sessionKey: string): Promise<string> {
    const served = this.serve(sessionKey)
    await this.#clock.run(10)
    const upstream = await served
    this.end(upstream)
    return upstream.id
  }

  /** What it asks for is done, and the answers arrive together when the function that is returned is called. */
  holdAnswers(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#answersCome = promise
    return () => {
      this.#answersCome = undefined
      resolve()
    }
  }

  /** A client's connection has moved the session. */
  move(sessionKey: string, id: string): void {
    const upstream = this.pool.get(id)
    if (upstream !== undefined) this.#sessionTable.bind(sessionKey, upstream)
  }
}
