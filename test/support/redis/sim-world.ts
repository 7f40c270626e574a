/**
 * What every simulation of a cluster has: hosts, one store, a fake clock, and a seed that chooses what happens to them: crashes,
 * pauses, cuts, fail-overs with lost writes. Lost and late messages are the links' (sim-network.ts).
 */
import { FakeClock } from '../fake-clock.ts'
import type { Keyspace } from './keyspace.ts'
import { LuaRedis } from './lua-redis.ts'
import { type HostClock, randomFrom, type SimLink, type SimNetwork } from './sim-network.ts'

export interface SimHost {
  readonly clock: HostClock
  readonly link: SimLink
  kill(): void
}

interface Faults {
  /** Of a fault in each step of 250 ms. */
  readonly chance: number
  readonly longestPauseMs: number
  readonly longestCutMs: number
  /** After a fault a host is spared for so long, ms; absent: faults of one host may overlap. */
  readonly recoveryMs?: number
}

const STEP_MS = 250

export abstract class SimWorld<Host extends SimHost> implements SimNetwork {
  readonly clock = new FakeClock({ now: 1_000_000 })
  readonly redis = new LuaRedis(() => this.clock.now())
  readonly random: () => number
  /** A host that dies while the store loses what it wrote takes its knowledge along: a seed has the one or the other. */
  readonly withFailover: boolean
  faults = 0
  protected hosts: Host[] = []
  readonly #count: number
  /** What a replica holds that takes over next. */
  #replica: Keyspace = new Map()
  #started = 0
  /** When a fault, and what follows it, is over, clock ms. */
  readonly #wellAt = new Map<Host, number>()

  constructor(seed: number, hosts: number) {
    this.random = randomFrom(seed)
    this.withFailover = seed % 2 === 1
    this.#count = hosts
    this.redis.settleIn()
  }

  protected abstract open(name: string): Host
  protected abstract get faultsOfHosts(): Faults
  /** @throws {Error} at a breach */
  abstract check(): void

  protected start(): void {
    while (this.hosts.length < this.#count) this.hosts.push(this.open(`h${++this.#started}`))
  }

  /** Runs for so long, with a fault about every second. @throws {Error} at the first breach */
  async run(ms: number): Promise<void> {
    const end = this.clock.now() + ms
    while (this.clock.now() < end) {
      await this.clock.run(STEP_MS)
      if (this.withFailover && this.random() < 0.5) this.#replica = this.redis.snapshot()
      this.check()
      if (this.random() < this.faultsOfHosts.chance) this.#fault()
    }
  }

  #fault(): void {
    const { longestPauseMs, longestCutMs, recoveryMs } = this.faultsOfHosts
    const host = this.hosts[Math.floor(this.random() * this.hosts.length)]
    if (host === undefined || (this.#wellAt.get(host) ?? 0) > this.clock.now()) return
    this.faults++
    const kind = this.random()
    const isPause = kind < 0.35
    const forMs = this.random() * (isPause ? longestPauseMs : longestCutMs)
    if (kind >= 0.7) {
      if (this.withFailover) this.redis.becomeMaster(this.#replica)
      else this.#crash(host)
      return
    }
    if (recoveryMs !== undefined) this.#wellAt.set(host, this.clock.now() + forMs + recoveryMs)
    if (isPause) host.clock.pause()
    else host.link.isCut = true
    this.clock.after(forMs, () => mend(host, isPause))
  }

  #crash(host: Host): void {
    host.kill()
    this.hosts = this.hosts.filter((one) => one !== host)
    this.start()
  }

  protected mendAll(): void {
    for (const host of this.hosts) for (const isPause of [true, false]) mend(host, isPause)
  }
}

function mend({ clock, link }: SimHost, isPause: boolean): void {
  if (isPause) clock.resume()
  else link.isCut = false
}
