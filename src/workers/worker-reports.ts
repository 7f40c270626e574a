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
}

/** The last report of one worker. */
interface LatestReport {
  gauges: Report['gauges']
  asked: DemandReport['groups']
  waiting: readonly PlainWaiting[]
}

const NONE: Report['gauges'] = { connections: 0, tunnels: 0, waiting: 0 }
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
      latest = { gauges: NONE, asked: [], waiting: [] }
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
    this.#reportDemand(worker, latest)
  }

  /** Leases are in the pool of record already. */
  #reportDemand(worker: number, { asked, waiting }: LatestReport): void {
    this.#parts.supply.planner.reported(nameOf(worker), { groups: asked, waiting, load: {} })
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
