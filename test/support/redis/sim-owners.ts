/**
 * A simulated cluster (sim-world.ts) whose hosts share out addresses with limits; a referee sees what is open through each
 * address.
 */
import pino from 'pino'
import { ClusterEvents } from '../../../src/cluster/cluster-events.ts'
import { ClusterStore } from '../../../src/cluster/cluster-store.ts'
import type { MemberParts } from '../../../src/cluster/contract.ts'
import { Ownership } from '../../../src/cluster/ownership.ts'
import type { OthersWants } from '../../../src/cluster/ownership-contract.ts'
import { anyUpstream } from '../../../src/pool/filter.ts'
import { Pool } from '../../../src/pool/pool.ts'
import type { Upstream } from '../../../src/pool/upstream.ts'
import type { RestoredUpstream } from '../../../src/store/contract.ts'
import { syncScript } from '../../../src/store/redis/membership-scripts.ts'
import { publishScript } from '../../../src/store/redis/pool-scripts.ts'
import { ServerTime } from '../../../src/store/redis/server-time.ts'
import { HostClock, SimLink } from './sim-network.ts'
import { type SimHost, SimWorld } from './sim-world.ts'

const ALIVE_MS = 3_000
const BEAT_MS = 250
/** After a failover a host may be out of reach for the longest fault, and then for two messages that are lost. */
const TIMES = { lendMs: 8_000, quietMs: 8_000 }
const HOLD_MS = 3_000
const LONGEST_LEASE_MS = 2_500
const LIFE_MS = 25_000
/** Shorter than the time for which an address stays with a host that is not heard: what is open there cannot be closed meanwhile. */
const LONGEST_PAUSE_MS = 9_000
/** Longer than that: the host itself sees to it. */
const LONGEST_CUT_MS = 20_000
/** With a failover: a host says what it owns before another may claim it. */
const LONGEST_FAULT_WITH_FAILOVER_MS = 1_500
const RECOVERY_MS = 5_000
const CLIENT_WAITS_MS = 3_000

interface SyncAnswer {
  readonly now: number
  readonly since: number
  readonly last: number
  readonly isBehind: boolean
  readonly events: string[]
  readonly others: OthersWants
}

type SimLimits = { readonly uses: number; readonly connections: number }

class OwnerHost implements SimHost {
  readonly name: string
  readonly clock: HostClock
  readonly link: SimLink
  readonly pool: Pool
  readonly owners: Ownership
  readonly #world: SimOwners
  readonly #events: ClusterEvents
  readonly #parts: MemberParts
  readonly #time = new ServerTime()
  readonly #open = new Set<() => void>()
  #waiting: { readonly until: number }[] = []
  #since: number | undefined
  #asked = 0
  readonly #store: ClusterStore

  constructor(name: string, world: SimOwners) {
    this.name = name
    this.#world = world
    this.clock = new HostClock(world.clock)
    this.link = new SimLink(world, this.clock)
    const { uses, connections } = world.limits
    const common = { clock: this.clock, runner: this.link, host: name }
    this.#store = new ClusterStore({ ...common, sessionIdleMs: () => 0 } as unknown as ConstructorParameters<
      typeof ClusterStore
    >[0])
    this.owners = new Ownership({
      ...{ ...common, store: this.#store, time: this.#time, times: TIMES },
      settings: () => ({ perAddress: 1, holdMs: HOLD_MS, countsUses: uses > 0 }),
    })
    this.pool = new Pool(
      { minLife: 500, perUpstream: { uses, connections, hostRest: 0 }, startsElsewhere: true },
      {
        lendable: () => this.#serve(),
        rescheduled: () => {},
        added: (upstream) => this.owners.added(upstream),
        wanted: () => this.owners.needed(),
        endedHere: (upstream) => this.owners.leaseEnded(upstream),
        gone: (upstream, reason) => {
          this.owners.gone(upstream)
          this.#store.left(upstream.id, reason)
        },
      },
      world.random,
    )
    this.#parts = this.#memberParts()
    this.#events = this.#clusterEvents()
    this.owners.join({ ...this.#parts, asked: () => this.#asked })
    void this.#events.readAll(this.#parts, false).catch(() => {})
    void this.#beat()
    this.#comeClients()
  }

  /** Only what events and owners use. */
  #memberParts(): MemberParts {
    const supply = {
      adopt: (upstreams: readonly RestoredUpstream[]) => {
        for (const { facts, state } of upstreams) if (state === 'alive') this.pool.add(facts, this.clock.now())
      },
    }
    return {
      ...{ pool: this.pool, review: () => this.#serve(), sessionMoved: () => {}, markSessionsUnconfirmed: () => {} },
      markSessionUnconfirmed: () => {},
      supply: supply as unknown as MemberParts['supply'],
      wants: () => ({ filters: this.#wantsOfClients, upstreams: [] }),
      ...{ handedOver: () => {}, aloneOn: () => undefined, leaveTo: () => false },
      endLeases: () => this.#endAll(),
    }
  }

  get #wantsOfClients() {
    return this.#waiting.length === 0 ? [] : [{ filter: anyUpstream, clients: this.#waiting.length }]
  }

  #clusterEvents(): ClusterEvents {
    const entries = {
      read: (id: string, entry: string, isDone: boolean): RestoredUpstream => {
        const deadline = this.#time.toHostEarly(Number(entry))
        const facts = { id, provider: 'p', protocol: 'http', host: id, port: 80, boughtAt: 0, deadline } as const
        return { facts, vendorDeadline: deadline, opened: false, state: isDone ? 'gone' : 'alive' }
      },
    }
    const deps = {
      clock: this.clock,
      log: pino({ level: 'silent' }),
      runner: this.link,
      host: this.name,
      owners: this.owners,
    }
    return new ClusterEvents({
      ...deps,
      store: this.#store,
      entries,
      accounts: { time: this.#time },
    } as unknown as ConstructorParameters<typeof ClusterEvents>[0])
  }

  async #beat(): Promise<void> {
    const sentAt = this.clock.now()
    const lease = { aliveMs: ALIVE_MS, report: '', leaseMs: 1, mayLead: false }
    try {
      const ask = { host: this.name, ...lease, ...this.owners.report, after: this.#events.after }
      const answer = (await this.link.run(syncScript, ask)) as SyncAnswer
      this.#time.note(sentAt, this.clock.now(), answer.now)
      const isFailover = this.#since !== undefined && this.#since !== answer.since
      this.#since = answer.since
      if (isFailover) this.owners.failedOver()
      if (isFailover) this.#store.publishAgain([])
      if (isFailover || answer.isBehind) await this.#events.readAll(this.#parts, isFailover)
      else this.#events.apply(this.#parts, Array.isArray(answer.events) ? answer.events : [])
      this.owners.beat(answer.others, this.#events.after >= answer.last, sentAt)
    } catch {
      // The next one tells.
    }
    this.clock.after(BEAT_MS, () => void this.#beat())
  }

  #comeClients(): void {
    const { random } = this.#world
    this.clock.after(random() * 600, () => {
      this.#comeClients()
      this.#waiting.push({ until: this.clock.now() + CLIENT_WAITS_MS })
      this.#serve()
      if (this.#waiting.length > 0) this.owners.needed()
    })
  }

  #serve(): void {
    const now = this.clock.now()
    this.pool.advance(now)
    this.#waiting = this.#waiting.filter(({ until }) => until > now)
    const [first] = this.#waiting
    if (first === undefined) return
    const ask = { strategy: 'round-robin', filter: anyUpstream, host: 't', lifeMs: 0, tried: [] } as const
    const upstream = this.pool.lease(ask, now)
    if (typeof upstream === 'string') return
    this.#waiting.shift()
    this.#asked++
    this.#lend(upstream)
    this.#serve()
  }

  /** The connection opens a little later, and ends when its client does. */
  #lend(upstream: Upstream): void {
    const { random, referee } = this.#world
    this.clock.after(random() * 30, () => {
      const close = referee.opened(upstream.id, this.name)
      this.pool.opened(upstream, 't', true, 1, this.clock.now())
      const end = () => {
        if (!this.#open.delete(end)) return
        close()
        this.pool.release(upstream, true, this.clock.now())
      }
      this.#open.add(end)
      this.clock.after(random() * LONGEST_LEASE_MS, end)
    })
  }

  #endAll(): void {
    for (const end of [...this.#open]) end()
  }

  /** The system closes what a dead process had open. */
  kill(): void {
    this.clock.kill()
    this.#world.referee.ended(this.name)
  }
}

class Referee {
  readonly breaches: string[] = []
  served = 0
  readonly #limits: SimLimits
  readonly #uses = new Map<string, number>()
  /** Address -> the hosts whose connections are open. */
  readonly #open = new Map<string, string[]>()

  constructor(limits: SimLimits) {
    this.#limits = limits
  }

  opened(id: string, host: string): () => void {
    this.served++
    const uses = (this.#uses.get(id) ?? 0) + 1
    this.#uses.set(id, uses)
    const open = [...(this.#open.get(id) ?? []), host]
    this.#open.set(id, open)
    const { uses: mostUses, connections } = this.#limits
    if (mostUses > 0 && uses > mostUses) this.breaches.push(`${id}: use ${uses}, by ${host}`)
    if (connections > 0 && open.length > connections) this.breaches.push(`${id}: open by ${open.join(' and ')}`)
    return () => {
      const now = this.#open.get(id) ?? []
      const at = now.indexOf(host)
      if (at >= 0) now.splice(at, 1)
    }
  }

  ended(host: string): void {
    for (const [id, open] of this.#open)
      this.#open.set(
        id,
        open.filter((one) => one !== host),
      )
  }
}

export class SimOwners extends SimWorld<OwnerHost> {
  readonly limits: SimLimits
  readonly referee: Referee
  #bought = 0

  constructor(seed: number, hosts: number) {
    super(seed, hosts)
    this.limits = seed % 4 < 2 ? { uses: 0, connections: 1 } : { uses: 2, connections: 0 }
    this.referee = new Referee(this.limits)
    this.start()
    this.#buy()
  }

  protected open(name: string): OwnerHost {
    return new OwnerHost(name, this)
  }

  /** One after the other: a host that is cut off first and stopped then is out of reach for longer than one fault lasts. */
  protected get faultsOfHosts() {
    const longest = this.withFailover ? LONGEST_FAULT_WITH_FAILOVER_MS : undefined
    const [longestPauseMs, longestCutMs] = [longest ?? LONGEST_PAUSE_MS, longest ?? LONGEST_CUT_MS]
    return { chance: 0.2, longestPauseMs, longestCutMs, recoveryMs: RECOVERY_MS }
  }

  #buy(): void {
    const id = `a${++this.#bought}`
    const endsAt = this.clock.now() + LIFE_MS
    const add = [{ id, entry: String(endsAt), endsAt }]
    this.redis.runNow(publishScript, { host: 'vendor', add, gone: [], tell: [] })
    this.clock.after(this.random() * 1_500, () => this.#buy())
  }

  check(): void {
    const [first] = this.referee.breaches
    if (first !== undefined) throw new Error(`at ${this.clock.now()}: ${first}`)
  }

  /** All are well again, and clients are served on each host; nothing that lives is lent by nobody. */
  async settle(): Promise<void> {
    this.mendAll()
    await this.clock.run(LIFE_MS + 20_000)
    this.check()
    const before = this.referee.served
    await this.clock.run(5_000)
    if (this.referee.served === before) throw new Error('nobody is served any more')
    // What is on its way has arrived a little later.
    const suspects = this.#unlent()
    await this.clock.run(3_000)
    const lost = this.#unlent().filter((one) => suspects.includes(one))
    if (lost.length > 0) throw new Error(`lent by nobody: ${lost.join(', ')}`)
  }

  /** Addresses that belong to a host which does not lend them. */
  #unlent(): string[] {
    return this.hosts.flatMap((host) =>
      [...host.pool.members()].flatMap((upstream) => {
        const { id, isElsewhere } = upstream
        const [, owner] = String(this.redis.command('HGET', 'turnpike:{test}:owners', id) ?? '').split(' ')
        return owner === host.name && isElsewhere && !host.owners.isGiving(upstream) ? [`${id} of ${owner}`] : []
      }),
    )
  }
}
