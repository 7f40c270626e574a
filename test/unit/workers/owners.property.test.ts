/** Replicas of several workers and the control process between them, with messages that are late and processes that die. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { PoolSettings } from '../../../src/pool/members.ts'
import { Pool } from '../../../src/pool/pool.ts'
import type { Upstream } from '../../../src/pool/upstream.ts'
import { dispatch, type HandlersOf } from '../../../src/workers/dispatch.ts'
import { LoadSums } from '../../../src/workers/loads.ts'
import type { ToControl, ToWorker } from '../../../src/workers/messages.ts'
import { OwnersOfPool } from '../../../src/workers/owners-of-pool.ts'
import { writeUpstream } from '../../../src/workers/plain-upstream.ts'
import { Replica } from '../../../src/workers/replica.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { ask, facts } from '../pool/pool-fixture.ts'

const WORKERS = 3
const UPSTREAMS = 2
/** A worker without ports. */
const DESK = 2

interface Lease {
  readonly worker: number
  readonly upstream: Upstream
  isOpen: boolean
}

class Processes {
  readonly clock = new FakeClock()
  readonly limits: PoolSettings
  readonly leases: Lease[] = []
  /** Tunnels opened through each upstream, ever. */
  readonly uses = new Map<string, number>()
  readonly workers: { replica: Replica; readonly up: ToControl[]; readonly down: ToWorker[] }[] = []
  record!: Pool
  /** Used up: the store remembers them. */
  readonly #left = new Set<string>()
  #loads!: LoadSums
  #owners!: OwnersOfPool

  constructor(limits: PoolSettings['perUpstream']) {
    this.limits = { minLife: 0, perUpstream: limits }
    for (let worker = 0; worker < WORKERS; worker++) this.workers.push(this.#newWorker())
    this.startControl([])
    for (let worker = 0; worker < WORKERS; worker++) this.#join(worker)
    this.settle()
  }

  #newWorker() {
    const up: ToControl[] = []
    const replica = new Replica(this.limits, true, {
      clock: this.clock,
      send: (message) => up.push(message) > 0,
      lendable: () => {},
      rescheduled: () => {},
      gone: () => {},
      isAwaited: () => false,
      sessionsOn: () => [],
      sessionCame: () => {},
    })
    return { replica, up, down: [] as ToWorker[] }
  }

  /** @param running workers that were there before */
  startControl(running: readonly number[]): void {
    const observer = {
      lendable() {},
      rescheduled() {},
      gone: ({ id }: Upstream) => {
        this.#left.add(id)
        this.#owners.gone(id)
      },
    }
    this.record = new Pool(this.limits, observer)
    this.#loads = new LoadSums(this.record)
    const send = (worker: number, message: ToWorker) => void this.workers[worker]?.down.push(message)
    const parts = { clock: this.clock, pool: this.record, mayHaveLost: false, sessionsOn: () => [] }
    this.#owners = new OwnersOfPool({ ...parts, send, running })
    this.#owners.use(true, [])
    for (let n = 0; n < UPSTREAMS; n++)
      if (!this.#left.has(`u${n}`)) this.record.add(facts(`u${n}`, { deadline: 1e9 }), this.clock.now())
    for (const upstream of this.record.members()) this.#owners.added(upstream)
  }

  #join(worker: number): void {
    const one = this.workers[worker]
    if (one === undefined) return
    const upstreams = [...this.record.members()].map((upstream) => writeUpstream(upstream.facts, 1e9, this.clock.now()))
    one.down.push({ kind: 'upstreams', upstreams })
    one.replica.loads.forget()
    this.#loads.forget(worker, this.clock.now())
    this.#owners.joined(worker, one.replica.upstreams, worker !== DESK)
  }

  deliverUp(worker: number): void {
    const message = this.workers[worker]?.up.shift()
    if (message?.kind === 'disowned') {
      const upstream = this.record.get(message.upstream.id)
      if (upstream !== undefined) upstream.uses = message.upstream.uses
      this.#owners.disowned(worker, message.upstream)
    } else if (message?.kind === 'ended') this.#owners.ended(worker, message.id)
    else if (message?.kind === 'wanted') this.#owners.wanted(worker, message.id)
    else if (message?.kind === 'loads')
      for (const load of message.loads)
        this.#loads.add(worker, load, this.#owners.ownerOf(load.id) === worker, this.clock.now())
  }

  deliverDown(worker: number): void {
    const one = this.workers[worker]
    const message = one?.down.shift()
    if (one !== undefined && message !== undefined) dispatch(one.replica.handlers as HandlersOf<ToWorker>, message)
  }

  #replicaOf(worker: number): Replica {
    return (this.workers[worker] ?? this.#newWorker()).replica
  }

  lease(worker: number): void {
    const { pool } = this.#replicaOf(worker)
    const upstream = pool.lease(ask(), this.clock.now())
    if (typeof upstream !== 'string') this.leases.push({ worker, upstream, isOpen: false })
  }

  /** A session of a client of this worker lives on the upstream. */
  leaseOwn(worker: number, which: number): void {
    const { pool } = this.#replicaOf(worker)
    const upstream = pool.get(`u${which % UPSTREAMS}`)
    // Sessions may have what is used up: here only what is not.
    if (upstream === undefined || upstream.isElsewhere) {
      if (upstream !== undefined) pool.leaseOwn(upstream, this.clock.now())
      return
    }
    if (pool.isLendable(upstream) && pool.leaseOwn(upstream, this.clock.now()))
      this.leases.push({ worker, upstream, isOpen: false })
  }

  open(lease: Lease): void {
    if (lease.isOpen) return
    lease.isOpen = true
    const { id } = lease.upstream
    this.uses.set(id, (this.uses.get(id) ?? 0) + 1)
    this.workers[lease.worker]?.replica.pool.opened(lease.upstream, 'a.test', true, 1, this.clock.now())
  }

  end(lease: Lease): void {
    this.leases.splice(this.leases.indexOf(lease), 1)
    this.workers[lease.worker]?.replica.pool.release(lease.upstream, lease.isOpen, this.clock.now())
  }

  /** What it has written is read; what was on the way to it is lost. */
  kill(worker: number): void {
    const one = this.workers[worker]
    while (one !== undefined && one.up.length > 0) this.deliverUp(worker)
    for (const lease of this.leases.filter((each) => each.worker === worker))
      this.leases.splice(this.leases.indexOf(lease), 1)
    this.#loads.forget(worker, this.clock.now())
    this.#owners.left(worker)
    this.workers[worker] = this.#newWorker()
    this.#join(worker)
  }

  /** What it has written is read; what it has not read is lost, and workers say anew what they have. */
  killControl(): void {
    this.workers.forEach(({ up, down }, worker) => {
      while (down.length > 0) this.deliverDown(worker)
      up.length = 0
    })
    this.startControl([0, 1, 2])
    for (let worker = 0; worker < WORKERS; worker++) this.#join(worker)
  }

  tick(): void {
    this.clock.advance(60)
    this.#owners.tick()
  }

  check(): void {
    const { connections, uses } = this.limits.perUpstream
    for (let n = 0; n < UPSTREAMS; n++) {
      const id = `u${n}`
      const owners = this.workers.filter(({ replica }) => replica.pool.get(id)?.isElsewhere === false)
      expect(owners.length).toBeLessThanOrEqual(1)
      const open = this.leases.filter(({ upstream }) => upstream.id === id).length
      if (connections > 0) expect(open).toBeLessThanOrEqual(connections)
      if (uses > 0) expect(this.uses.get(id) ?? 0).toBeLessThanOrEqual(uses)
    }
  }

  /** Delivers everything, and ends all leases. */
  settle(): void {
    for (const lease of [...this.leases]) this.end(lease)
    for (let round = 0; round < 40; round++)
      for (let worker = 0; worker < WORKERS; worker++) {
        this.deliverUp(worker)
        this.deliverDown(worker)
      }
  }
}

const worker = fc.nat(WORKERS - 1)
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('up' as const), worker, which: fc.nat() }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('down' as const), worker, which: fc.nat() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('lease' as const), worker, which: fc.nat() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('own' as const), worker, which: fc.nat() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('open' as const), worker, which: fc.nat() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('end' as const), worker, which: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('tick' as const), worker, which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('kill' as const), worker, which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('killControl' as const), worker, which: fc.nat() }) },
)

it('no upstream has two owners, nor more tunnels or uses than its limits, whatever is late and whatever dies', () => {
  const limits = fc.record({ connections: fc.constantFrom(0, 1, 2), uses: fc.constantFrom(0, 1, 3) })
  fc.assert(
    fc.property(limits, fc.array(step, { minLength: 60, maxLength: 150, size: 'max' }), (perUpstream, steps) => {
      const processes = new Processes({ hostRest: 0, ...perUpstream })
      for (const { do: what, worker: which, which: index } of steps) {
        const lease = processes.leases[index % Math.max(1, processes.leases.length)]
        if (what === 'up') processes.deliverUp(which)
        else if (what === 'down') processes.deliverDown(which)
        else if (what === 'lease') processes.lease(which)
        else if (what === 'own') processes.leaseOwn(which, index)
        else if (what === 'tick') processes.tick()
        else if (what === 'kill') processes.kill(which)
        else if (what === 'killControl') processes.killControl()
        else if (lease !== undefined && what === 'open') processes.open(lease)
        else if (lease !== undefined && what === 'end') processes.end(lease)
        processes.check()
      }
      processes.settle()
      processes.check()
      // Each has an owner again, who knows of no lease any more.
      for (const upstream of processes.record.members()) {
        const owners = processes.workers
          .map(({ replica }) => replica.pool.get(upstream.id))
          .filter((one) => one?.isElsewhere === false)
        expect(owners.map((one) => one?.leases)).toEqual([0])
      }
    }),
    { numRuns: 150 },
  )
})
