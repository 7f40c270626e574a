/**
 * Four gateways, one Redis, one vendor that counts: killed, stopped, cut off; Redis restarted with nothing in it, or replaced by a
 * replica that lacks what it has acknowledged last.
 */
import { afterEach, expect, it } from 'vitest'
import { ClusterHost } from '../support/cluster/host.ts'
import { Referee, type RefereeLimits, visit } from '../support/cluster/referee.ts'
import { TcpRelay } from '../support/cluster/tcp-relay.ts'
import { type RedisServer, startBehind, startRedis } from '../support/redis/redis-server.ts'
import { SimCluster } from '../support/redis/sim-cluster.ts'
import { randomFrom } from '../support/redis/sim-network.ts'
import { SimOwners } from '../support/redis/sim-owners.ts'

const HOSTS = 4
const FAULTS = Number(process.env['TURNPIKE_FAULTS'] ?? 200)
/** Of the faults, and the first one of the simulations: a long run may be done in parts. */
const SEED = Number(process.env['TURNPIKE_SEED'] ?? 1)
const SEEDS = Number(process.env['TURNPIKE_SEEDS'] ?? 3_000)
/** Between two faults, ms: less than most of them last. */
const FAULT_EVERY_MS = 3_000
const LONGEST_FAULT_MS = 20_000

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms))

class World {
  readonly referee: Referee
  readonly #random: () => number
  readonly #relays: TcpRelay[] = []
  readonly #hosts: ClusterHost[] = []
  /** Hosts, or Redis, to which something happens already. */
  readonly #under = new Set<number | 'redis'>()
  #redis: RedisServer
  isOver = false
  served = 0

  constructor(redis: RedisServer, referee: Referee, seed: number) {
    this.#redis = redis
    this.referee = referee
    this.#random = randomFrom(seed)
  }

  async start(): Promise<void> {
    for (let at = 0; at < HOSTS; at++) {
      this.#relays[at] = await new TcpRelay(this.#redis.port).open()
      await this.#startHost(at)
    }
  }

  async #startHost(at: number): Promise<void> {
    // A host that finds no Redis does not start: as under a supervisor, it is started again.
    while (!this.isOver) {
      const host = new ClusterHost(this.#relays[at]?.url ?? '', this.referee)
      this.#hosts[at] = host
      try {
        await host.ready()
        return
      } catch {
        await host.kill()
      }
    }
  }

  /** Clients that come for the whole time, to whichever gateway. */
  async load(): Promise<void> {
    while (!this.isOver) {
      const host = this.#hosts[Math.floor(this.#random() * HOSTS)]
      const port = host === undefined ? undefined : await visit(host.port, this.referee.targetPort)
      if (port !== undefined) this.served++
      await sleep(20)
    }
  }

  /** @param ofRedis also of Redis */
  async fault(ofRedis: boolean): Promise<void> {
    const at = Math.floor(this.#random() * HOSTS)
    const lastsMs = this.#random() * LONGEST_FAULT_MS
    const kind = this.#random() * (ofRedis ? 1 : 0.8)
    const what = kind < 0.8 ? at : 'redis'
    // What Redis loses together with a host, no other host need know: no host is hurt while Redis is.
    if (this.#under.has(what) || this.#under.has('redis')) return
    this.#under.add(what)
    if (what !== 'redis') await this.#hurtHost(at, kind, lastsMs)
    else if (kind < 0.9) await this.#restartRedis(lastsMs / 10)
    else await this.#failOver(lastsMs / 10)
    this.#under.delete(what)
  }

  async #hurtHost(at: number, kind: number, lastsMs: number): Promise<void> {
    const [host, relay] = [this.#hosts[at], this.#relays[at]]
    if (kind < 0.3) {
      await host?.kill()
      await this.#startHost(at)
    } else if (kind < 0.55) {
      host?.signal('SIGSTOP')
      await sleep(lastsMs)
      host?.signal('SIGCONT')
    } else {
      relay?.cut()
      await sleep(lastsMs)
      relay?.mend()
    }
  }

  /** It has lost everything. */
  async #restartRedis(goneMs: number): Promise<void> {
    const { port } = this.#redis
    await this.#redis.close()
    await sleep(goneMs)
    this.#redis = await startRedis({ port })
  }

  /** @param lostMs what Redis acknowledges meanwhile is lost */
  async #failOver(lostMs: number): Promise<void> {
    const replica = await startBehind(this.#redis)
    await sleep(lostMs)
    await this.#redis.close()
    this.#redis = replica
    for (const relay of this.#relays) relay.port = replica.port
  }

  async close(): Promise<void> {
    this.isOver = true
    for (const host of this.#hosts) await host.kill()
    for (const relay of this.#relays) await relay.close()
    await this.referee.close()
    await this.#redis.close()
  }
}

/** @returns the vendor, when the faults are over and clients are served again */
async function torture(limits: RefereeLimits, ofRedis: boolean): Promise<Referee> {
  const referee = await new Referee(limits).open()
  const world = new World(await startRedis(), referee, SEED)
  closers.push(() => world.close())
  await world.start()
  const load = Array.from({ length: 4 }, () => world.load())
  const under: Promise<void>[] = []
  for (let fault = 0; fault < FAULTS; fault++) {
    under.push(world.fault(ofRedis))
    await sleep(FAULT_EVERY_MS)
    expect(referee.breaches, `after ${fault + 1} faults`).toEqual([])
  }
  await Promise.all(under)
  // Everybody is well again. With a budget that is used up nothing more can be bought.
  const before = world.served
  if (referee.sold < (limits.budget ?? Number.POSITIVE_INFINITY))
    await expect.poll(() => world.served, { timeout: 120_000 }).toBeGreaterThan(before + 20)
  world.isOver = true
  await Promise.all(load)
  expect(referee.breaches).toEqual([])
  return referee
}

it(`keeps the vendor’s window and the limits of addresses over ${FAULTS} faults, and serves`, async () => {
  const limits = { calls: 3, perMs: 1_000, lifeSeconds: 15, uses: 4, connections: 1 }
  const referee = await torture(limits, true)
  expect(referee.arrivals.length).toBeGreaterThan(FAULTS / 10)
})

// What a host has bought is unknown when it dies and Redis loses everything (ADR 0015).
it(`keeps channels and budget over ${FAULTS} faults of hosts`, async () => {
  const limits = { calls: 3, perMs: 1_000, lifeSeconds: 10, uses: 4, channels: 5, budget: 2 * FAULTS }
  const referee = await torture(limits, false)
  expect(referee.sold).toBeGreaterThan(FAULTS / 5)
})

it(`breaks no limit in ${SEEDS} simulated clusters`, async () => {
  for (let seed = SEED; seed < SEED + SEEDS; seed++) {
    const cluster = new SimCluster(seed, 4)
    try {
      await cluster.run(30_000)
      await cluster.settle()
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error })
    }
  }
})

it(`lends no address beyond its limits in ${SEEDS} simulated clusters`, async () => {
  for (let seed = SEED; seed < SEED + SEEDS; seed++) {
    const world = new SimOwners(seed, 4)
    try {
      await world.run(20_000)
      await world.settle()
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error })
    }
  }
})
