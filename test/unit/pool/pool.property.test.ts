/** Any use of the pool, compared step by step with the plain model beside it. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { anyUpstream, type LeaseAsk } from '../../../src/pool/filter.ts'
import { restForHost } from '../../../src/pool/host-rests.ts'
import type { Upstream } from '../../../src/pool/upstream.ts'
import { type Strategy, strategies } from '../../../src/strategy.ts'
import { ask, facts, inArea, ofProvider, type Watched, watchedPool } from './pool-fixture.ts'
import { type ModelLease, type ModelSettings, type ModelUpstream, PoolModel } from './pool-model.ts'

const filters = [anyUpstream, ofProvider('p0'), ofProvider('p1'), inArea('x'), inArea('y', ofProvider('p0'))]
const hosts = ['a.test', 'b.test']
const NAMES = 6

const name = fc.nat(NAMES - 1)
const host = fc.constantFrom(...hosts)
const seconds = (max: number) =>
  fc.oneof(fc.integer({ min: 0, max: max * 1_000 }), fc.constantFrom(0, 5_000, 10_000, 15_000))
const pause = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 2_000 }) },
  { weight: 1, arbitrary: seconds(30) },
)
const life = fc.oneof(seconds(20), seconds(100), fc.constant(Number.POSITIVE_INFINITY))
/** Mostly nothing. */
const wishes = {
  life: fc.oneof(fc.constant(0), fc.constant(0), life),
  tried: fc.oneof(fc.constant([]), fc.array(name, { maxLength: 2 })),
}
const kinds = {
  add: [4, fc.record({ do: fc.constant('add' as const), name, life })],
  lease: [
    6,
    fc.record({
      do: fc.constant('lease' as const),
      strategy: fc.constantFrom<Strategy>(...strategies),
      filter: fc.nat(filters.length - 1),
      host,
      ...wishes,
    }),
  ],
  leaseOwn: [3, fc.record({ do: fc.constant('leaseOwn' as const), name })],
  open: [4, fc.record({ do: fc.constant('open' as const), lease: fc.nat(), counts: fc.boolean(), host })],
  release: [4, fc.record({ do: fc.constant('release' as const), lease: fc.nat() })],
  bind: [2, fc.record({ do: fc.constant('bind' as const), name })],
  unbind: [2, fc.record({ do: fc.constant('unbind' as const), binding: fc.nat() })],
  rest: [2, fc.record({ do: fc.constant('rest' as const), name, life: pause })],
  wakeUp: [1, fc.record({ do: fc.constant('wakeUp' as const), name })],
  restForHost: [1, fc.record({ do: fc.constant('restForHost' as const), name, host, life: pause })],
  remove: [1, fc.record({ do: fc.constant('remove' as const), name })],
  wait: [3, fc.record({ do: fc.constant('wait' as const), life: pause, isLate: fc.boolean() })],
} as const
type Kinds = typeof kinds
const step: fc.Arbitrary<{ [K in keyof Kinds]: Kinds[K][1] extends fc.Arbitrary<infer T> ? T : never }[keyof Kinds]> =
  fc.oneof(...Object.values(kinds).map(([weight, arbitrary]) => ({ weight, arbitrary })))
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never
type StepOnOne = Exclude<Extract<Step, { name: number }>, { do: 'add' }>

const settings: fc.Arbitrary<ModelSettings> = fc.record({
  minLife: fc.constantFrom(0, 5_000),
  connections: fc.constantFrom(0, 0, 1, 3),
  uses: fc.constantFrom(0, 0, 1, 3),
  hostRest: fc.constantFrom(0, 0, 10_000),
})

/** The pool, the model, and what connects their entries. */
class Run {
  readonly model: PoolModel
  readonly watched: Watched
  readonly #twins = new Map<ModelUpstream, Upstream>()
  #leases: ModelLease[] = []
  #bindings: ModelUpstream[] = []
  /** Time has passed and nobody has told the pool. */
  #isLate = false

  constructor(given: ModelSettings) {
    this.model = new PoolModel(given)
    this.watched = watchedPool(given)
  }

  #twin(upstream: ModelUpstream): Upstream {
    return this.#twins.get(upstream) as Upstream
  }

  do(one: Step): void {
    // A late reaper is woken before anything but a lease: what it must still protect is leasing.
    if (one.do !== 'lease' && one.do !== 'leaseOwn') this.#advance()
    const before = new Set(this.model.lendable)
    const told = this.watched.lendable
    this.#play(one)
    this.check()
    const isNew = this.model.lendable.some((upstream) => !before.has(upstream))
    if (isNew && !this.#isLate && one.do !== 'wait') expect(this.watched.lendable).toBeGreaterThan(told)
  }

  #play(one: Step): void {
    if (one.do === 'add') this.#add(one.name, one.life)
    else if (one.do === 'lease') this.#lease(one)
    else if (one.do === 'open') this.#open(one)
    else if (one.do === 'release') this.#release(one.lease)
    else if (one.do === 'unbind') this.#unbind(one.binding)
    else if (one.do === 'wait') this.#wait(one.life, one.isLate)
    else {
      const upstream = this.model.find(String(one.name))
      if (upstream !== undefined) this.#change(one, upstream, this.#twin(upstream))
    }
  }

  #change(one: StepOnOne, upstream: ModelUpstream, twin: Upstream): void {
    const { pool } = this.watched
    const { now } = this.model
    if (one.do === 'leaseOwn') this.#leaseOwn(upstream)
    else if (one.do === 'bind') {
      pool.bind(twin)
      upstream.sessions++
      this.#bindings.push(upstream)
    } else if (one.do === 'rest') {
      pool.rest(twin, now + one.life)
      upstream.restUntil = Math.max(upstream.restUntil, now + one.life)
    } else if (one.do === 'wakeUp') {
      pool.wakeUp(twin)
      upstream.restUntil = 0
    } else if (one.do === 'restForHost') {
      restForHost(twin, one.host, now + one.life, now)
      this.model.restForHost(upstream, one.host, now + one.life)
    } else {
      pool.remove(twin, 'released')
      pool.remove(twin, 'blamed')
      this.model.remove(upstream, 'released')
    }
  }

  #add(index: number, life: number): void {
    const place = { provider: `p${index % 2}`, ...(index < 5 ? { area: index < 3 ? 'x' : 'y' } : {}) }
    const told = facts(String(index), { ...place, deadline: this.model.now + life })
    expect(this.watched.pool.add(told, this.model.now)).toBe(this.model.add(told))
    const upstream = this.model.find(told.id)
    const twin = this.watched.pool.get(told.id)
    if (upstream !== undefined && twin !== undefined) this.#twins.set(upstream, twin)
  }

  #tried(names: readonly number[]): Upstream[] {
    return names.flatMap((index) => this.watched.pool.get(String(index)) ?? [])
  }

  #lease({ strategy, filter, host: to, life, tried }: Extract<Step, { do: 'lease' }>): void {
    const { model } = this
    const rest = { strategy, host: to, lifeMs: life, tried: this.#tried(tried) }
    const wanted: LeaseAsk = ask({ ...rest, filter: filters[filter] ?? anyUpstream })
    const got = this.watched.pool.lease(wanted, model.now)
    const candidates = model.candidates(wanted)
    if (typeof got === 'string') {
      // With a late reaper, a rest that is over may not have been noticed.
      if (!this.#isLate)
        expect({ got, candidates: candidates.length }).toEqual({ got: model.miss(wanted.filter), candidates: 0 })
      return
    }
    const chosen = model.find(got.id)
    const leftMs = got.deadline - model.now
    // At the very instant of draining a late reaper makes the difference, and both are right.
    const isLendable = chosen !== undefined && (model.isLendable(chosen) || leftMs === model.settings.minLife)
    expect(isLendable && leftMs >= model.settings.minLife).toBe(true)
    if (!this.#isLate) {
      expect(candidates).toContain(chosen)
      expectBest(wanted.strategy, chosen as ModelUpstream, candidates)
    }
    this.#leases.push(model.lend(chosen as ModelUpstream))
  }

  #leaseOwn(upstream: ModelUpstream): void {
    const may = this.model.mayLendOwn(upstream)
    expect(this.watched.pool.leaseOwn(this.#twin(upstream), this.model.now)).toBe(may)
    if (may) this.#leases.push(this.model.lend(upstream))
  }

  #open({ lease: at, host: to, counts }: { lease: number; host: string; counts: boolean }): void {
    const waiting = this.#leases.filter((lease) => !lease.isOpen)
    const lease = waiting[at % waiting.length]
    if (lease === undefined) return
    this.watched.pool.opened(this.#twin(lease.of), to, counts, 10, this.model.now)
    this.#twin(lease.of).worked = true
    this.model.open(lease, to, counts)
  }

  #release(at: number): void {
    const lease = this.#leases[at % this.#leases.length]
    if (lease === undefined) return
    this.#leases = this.#leases.filter((other) => other !== lease)
    this.watched.pool.release(this.#twin(lease.of), lease.isOpen, this.model.now)
    this.model.release(lease)
  }

  #unbind(at: number): void {
    const [upstream] = this.#bindings.splice(at % Math.max(1, this.#bindings.length), 1)
    if (upstream === undefined) return
    this.watched.pool.unbind(this.#twin(upstream))
    upstream.sessions--
    if (!upstream.isGone) this.model.dropUsedUp(upstream)
  }

  #wait(life: number, isLate: boolean): void {
    this.model.now += life
    this.#isLate = true
    if (!isLate) this.#advance()
  }

  #advance(): void {
    this.watched.pool.advance(this.model.now)
    this.model.advance()
    this.#isLate = false
  }

  check(): void {
    const { pool, gone } = this.watched
    const { model } = this
    for (const upstream of [...model.members, ...this.#leases.map(({ of }) => of)]) {
      const { leases, uses, sessions } = this.#twin(upstream)
      same([leases, uses, sessions], [upstream.leases.size, upstream.uses, upstream.sessions], upstream.facts.id)
    }
    if (this.#isLate) return
    this.#advance()
    same([...pool.members()].map(({ id }) => id).sort(), model.members.map((u) => u.facts.id).sort(), 'members')
    // Order apart: those that expire at one instant leave in any order.
    same(gone.map(String).sort(), model.gone.map(String).sort(), 'gone')
    same(pool.lendableCount, model.lendable.length, 'lendable')
    const wakeAt = pool.nextWakeAt ?? Number.POSITIVE_INFINITY
    same([wakeAt > model.now, wakeAt <= model.nextChange], [true, true], 'next wake')
  }

  /** Everything is given back: nothing may be left counted. */
  end(): void {
    this.#advance()
    while (this.#leases.length > 0) this.#release(0)
    while (this.#bindings.length > 0) this.#unbind(0)
    this.model.now += 10_000_000
    this.#advance()
    this.check()
    for (const twin of this.#twins.values()) {
      expect(twin).toMatchObject({ leases: 0, usesReserved: 0, sessions: 0 })
      expect(twin.state === 'gone').toBe(
        twin.deadline !== Number.POSITIVE_INFINITY || this.watched.pool.get(twin.id) !== twin,
      )
    }
  }
}

/** As `expect(...).toEqual`, which is too slow to be asked a hundred thousand times. */
function same(actual: unknown, expected: unknown, what: string): void {
  if (String(actual) !== String(expected)) expect(actual, what).toEqual(expected)
}

function expectBest(strategy: Strategy, chosen: ModelUpstream, candidates: readonly ModelUpstream[]): void {
  const deadlines = candidates.map(({ deadline }) => deadline)
  if (strategy === 'longest-life') expect(chosen.deadline).toBe(Math.max(...deadlines))
  if (strategy === 'soonest-expiry') expect(chosen.deadline).toBe(Math.min(...deadlines))
  if (strategy === 'least-connections')
    expect(chosen.leases.size).toBe(Math.min(...candidates.map(({ leases }) => leases.size)))
}

it('the pool does what its plain model does', () => {
  fc.assert(
    fc.property(settings, fc.array(step, { maxLength: 60, size: 'max' }), (given, steps) => {
      const run = new Run(given)
      for (const first of [0, 1, 2, 5]) run.do({ do: 'add', name: first, life: 30_000 * (first + 1) })
      for (const one of steps) run.do(one)
      run.end()
    }),
    { numRuns: 1_000 },
  )
})
