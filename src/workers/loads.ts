/** What runs through each upstream: counted in a worker, added up in the pool of record. */
import type { Pool } from '../pool/pool.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { Load } from './messages.ts'

interface Sent {
  readonly upstream: Upstream
  leases: number
  quietLeases: number
  opened: number
  uses: number
  isExclusive: boolean
}

export class LoadReporter {
  readonly #pool: Pool
  readonly #sent = new Map<string, Sent>()

  constructor(pool: Pool) {
    this.#pool = pool
  }

  /** Those that have changed since the last call. O(members). */
  take(): Load[] {
    for (const upstream of this.#pool.members()) if (!this.#sent.has(upstream.id)) this.#watch(upstream)
    const loads: Load[] = []
    for (const sent of this.#sent.values()) {
      const load = this.#changeOf(sent)
      if (load !== undefined) loads.push(load)
      // Tunnels outlive entries.
      if (sent.upstream.state === 'gone' && sent.leases === 0) this.#sent.delete(sent.upstream.id)
    }
    return loads
  }

  /** Of one upstream, changed or not. */
  of(upstream: Upstream): Load {
    const sent = this.#sent.get(upstream.id) ?? this.#watch(upstream)
    return this.#changeOf(sent) ?? loadOf(sent, 0)
  }

  #watch(upstream: Upstream): Sent {
    const sent = { upstream, leases: 0, quietLeases: 0, opened: upstream.opened, uses: 0, isExclusive: false }
    this.#sent.set(upstream.id, sent)
    return sent
  }

  #changeOf(sent: Sent): Load | undefined {
    const { upstream } = sent
    const leases = upstream.leases - upstream.leasesElsewhere
    const quietLeases = upstream.quietLeases - upstream.leasesElsewhere
    const uses = usesOf(upstream)
    const opened = upstream.opened - sent.opened
    const isExclusive = upstream.isExclusive && !upstream.isElsewhere
    const isSame = leases === sent.leases && quietLeases === sent.quietLeases && uses === sent.uses
    if (isSame && opened === 0 && isExclusive === sent.isExclusive) return undefined
    Object.assign(sent, { leases, quietLeases, opened: upstream.opened, uses, isExclusive })
    return loadOf(sent, opened)
  }

  /** Another control process has come: it knows nothing. */
  forget(): void {
    for (const sent of this.#sent.values())
      Object.assign(sent, { leases: 0, quietLeases: 0, uses: 0, isExclusive: false })
  }
}

const usesOf = ({ uses, usesReserved }: Upstream) => uses + usesReserved

function loadOf({ upstream, leases, quietLeases, uses, isExclusive }: Sent, opened: number): Load {
  const { id, latencyMs, isElsewhere } = upstream
  const owned = isElsewhere ? {} : { uses, ...(isExclusive ? { isExclusive } : {}) }
  return { id, leases, quietLeases, opened, latencyMs, ...owned }
}

interface Known {
  /** Undefined: it is not in the pool yet, which another control process has filled. */
  upstream: Upstream | undefined
  leases: number
  quietLeases: number
}

export class LoadSums {
  readonly #pool: Pool
  /** Worker -> upstream id -> what runs there. */
  readonly #byWorker = new Map<number, Map<string, Known>>()

  constructor(pool: Pool) {
    this.#pool = pool
  }

  /** @param ownsIt whether its uses are this worker's to count */
  add(worker: number, load: Load, ownsIt: boolean, now: number): void {
    const { id, leases, quietLeases, opened, latencyMs, uses, isExclusive = false } = load
    let known = this.#byWorker.get(worker)
    if (known === undefined) {
      known = new Map()
      this.#byWorker.set(worker, known)
    }
    const before = known.get(id)
    const upstream = before?.upstream ?? this.#pool.get(id)
    if (leases === 0) known.delete(id)
    else known.set(id, { upstream, leases, quietLeases })
    if (upstream === undefined) return
    if (latencyMs > 0) upstream.latencyMs = latencyMs
    if (ownsIt && uses !== undefined) Object.assign(upstream, { uses, isExclusive })
    const counted = before?.upstream === undefined ? undefined : before
    const change = { leases: leases - (counted?.leases ?? 0), quietLeases: quietLeases - (counted?.quietLeases ?? 0) }
    this.#pool.ownership.countElsewhere(upstream, { ...change, opened }, now)
  }

  /** It has come into the pool. */
  appeared(upstream: Upstream, now: number): void {
    for (const known of this.#byWorker.values()) {
      const one = known.get(upstream.id)
      if (one === undefined || one.upstream !== undefined) continue
      one.upstream = upstream
      this.#pool.ownership.countElsewhere(
        upstream,
        { leases: one.leases, quietLeases: one.quietLeases, opened: 0 },
        now,
      )
    }
  }

  /** Leases that run in a worker. */
  leasesOf(worker: number): number {
    let sum = 0
    for (const { leases } of this.#byWorker.get(worker)?.values() ?? []) sum += leases
    return sum
  }

  /** The worker has ended, or reports everything again. */
  forget(worker: number, now: number): void {
    const known = [...(this.#byWorker.get(worker)?.values() ?? [])]
    this.#byWorker.delete(worker)
    for (const { upstream, leases, quietLeases } of known)
      if (upstream !== undefined)
        this.#pool.ownership.countElsewhere(upstream, { leases: -leases, quietLeases: -quietLeases, opened: 0 }, now)
  }
}
