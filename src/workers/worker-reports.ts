/** What workers report, added up where the gateway keeps its own: counters, connections, loads of upstreams, demand. */
import type { Clock } from '../clock.ts'
import type { Pool } from '../pool/pool.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { StreamCounters } from '../proxy/stream-counters.ts'
import { GenerationalCache } from '../structures/generational-cache.ts'
import type { DemandReport } from '../supply/planner-role.ts'
import type { Supply } from '../supply/supply.ts'
import { ConnectionSums } from './connections.ts'
import { addChanges } from './counters.ts'
import { LoadSums } from './loads.ts'
import type { Load, PlainWaiting, Report } from './messages.ts'

interface ReportParts {
  readonly clock: Clock
  readonly pool: Pool
  readonly supply: Supply
  readonly traffic: StreamCounters
  /** Ends a connection of a worker, by its number there. */
  readonly closeConnection: (worker: number, id: number) => void
  /** Whether idle upstreams that other workers own, or that have just come, are enough for the clients that wait in a worker. */
  readonly mayBeServed: (worker: number, waiting: readonly PlainWaiting[]) => boolean
}

/** The last report of one worker. */
interface LatestReport {
  gauges: Report['gauges']
  asked: DemandReport['groups']
  waiting: readonly PlainWaiting[]
  /** Since when idle upstreams are enough for those who wait, clock ms; undefined: they are not. */
  servableSince: number | undefined
  /** Those who wait are not reported to the planner. */
  isHeldBack: boolean
}

const NONE: Report['gauges'] = { connections: 0, tunnels: 0, waiting: 0 }
/** An idle upstream reaches a client that waits in another worker within this time, ms: nothing is bought before. */
const MOVING_MS = 150
/** Upstreams that have left the pool and may be named in reports of connections. */
const MAX_GONE = 5_000

export class WorkerReports {
  readonly #parts: ReportParts
  readonly #loads: LoadSums
  readonly #connections: ConnectionSums
  readonly #gone = new GenerationalCache<Upstream>(MAX_GONE)
  readonly #latest = new Map<number, LatestReport>()

  constructor(parts: ReportParts) {
    const { pool, traffic, closeConnection } = parts
    this.#parts = parts
    this.#loads = new LoadSums(pool)
    const upstreamOf = (id: string) => pool.get(id) ?? this.#gone.get(id)
    this.#connections = new ConnectionSums(traffic.connections, upstreamOf, closeConnection)
  }

  #of(worker: number): LatestReport {
    let latest = this.#latest.get(worker)
    if (latest === undefined) {
      latest = { gauges: NONE, asked: [], waiting: [], servableSince: undefined, isHeldBack: false }
      this.#latest.set(worker, latest)
    }
    return latest
  }

  /** @param owns whether the uses of an upstream are this worker's to count */
  add(worker: number, { gauges, counters, asked, loads, connections }: Report, owns: (id: string) => boolean): void {
    const latest = this.#of(worker)
    latest.gauges = gauges
    addChanges(this.#parts.traffic, counters)
    this.#connections.add(worker, connections, this.#parts.clock.now())
    this.addLoads(worker, loads, owns)
    if (asked === undefined) return
    latest.asked = asked
    this.#reportDemand(worker, latest)
  }

  addLoads(worker: number, loads: readonly Load[], owns: (id: string) => boolean): void {
    for (const load of loads) this.#loads.add(worker, load, owns(load.id), this.#parts.clock.now())
  }

  /** Leases that run in a worker. */
  leasesOf(worker: number): number {
    return this.#loads.leasesOf(worker)
  }

  /** Clients of a worker that wait. */
  waits(worker: number, waiting: readonly PlainWaiting[]): void {
    const latest = this.#of(worker)
    latest.waiting = waiting
    this.#holdBack(worker, latest)
    this.#reportDemand(worker, latest)
  }

  /** Upstreams have come, or time has passed: the planner may have to know of those who wait. */
  review(): void {
    for (const [worker, latest] of this.#latest)
      if (latest.waiting.length > 0 && this.#holdBack(worker, latest)) this.#reportDemand(worker, latest)
  }

  /** @returns whether what the planner is to know has changed */
  #holdBack(worker: number, latest: LatestReport): boolean {
    const { clock, mayBeServed } = this.#parts
    const now = clock.now()
    const before = latest.isHeldBack
    latest.servableSince = mayBeServed(worker, latest.waiting) ? (latest.servableSince ?? now) : undefined
    latest.isHeldBack = latest.servableSince !== undefined && now < latest.servableSince + MOVING_MS
    return latest.isHeldBack !== before
  }

  /** Leases are in the pool of record already. */
  #reportDemand(worker: number, { asked, waiting, isHeldBack }: LatestReport): void {
    const report = { groups: asked, waiting: isHeldBack ? [] : waiting, load: {} }
    this.#parts.supply.planner.reported(nameOf(worker), report)
  }

  /** An upstream has come into the pool. */
  appeared(upstream: Upstream): void {
    this.#loads.appeared(upstream, this.#parts.clock.now())
  }

  gone(upstream: Upstream): void {
    this.#gone.set(upstream.id, upstream)
  }

  get gauges(): Report['gauges'] {
    const all = [...this.#latest.values()].map(({ gauges }) => gauges)
    const sum = (name: keyof Report['gauges']) => all.reduce((total, gauges) => total + gauges[name], 0)
    return { connections: sum('connections'), tunnels: sum('tunnels'), waiting: sum('waiting') }
  }

  /** A worker reports again what runs in it. */
  forget(worker: number): void {
    this.#loads.forget(worker, this.#parts.clock.now())
  }

  /** Its process has ended, and what was open in it. */
  left(worker: number): void {
    this.forget(worker)
    this.#connections.ended(worker, this.#parts.clock.now())
    this.#latest.delete(worker)
    this.#parts.supply.planner.reported(nameOf(worker), undefined)
  }
}

const nameOf = (worker: number) => `worker ${worker}`
