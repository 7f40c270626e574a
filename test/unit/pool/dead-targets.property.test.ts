/**
 * Clients that ask for dead targets beside clients whose targets live, over upstreams of which some are dead: a model of
 * the whole traffic on a clock of its own, with the pool and its health as they are.
 */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Health, type Verdict } from '../../../src/pool/health.ts'
import type { Outcome, Upstream } from '../../../src/pool/upstream.ts'
import { added, ask, type Watched, watchedPool } from './pool-fixture.ts'

const SETTINGS = { rest: 5_000, maxRest: 120_000, evictAfter: 3, evidence: 60_000 }
const TRIES = 3

class World {
  readonly watched: Watched = watchedPool({}, 7)
  readonly firstUses: [string, boolean][] = []
  readonly upstreams: readonly Upstream[]
  readonly linesDown: string[] = []
  dead: ReadonlySet<string>
  readonly #health: Health
  now = 0
  tries = 0

  constructor(count: number, dead: readonly number[]) {
    const observer = {
      firstUse: ({ id }: Upstream, worked: boolean) => void this.firstUses.push([id, worked]),
      lineDown: (provider: string) => void this.linesDown.push(provider),
      lineUp: () => {},
    }
    this.#health = new Health(this.watched.pool, SETTINGS, observer)
    this.upstreams = Array.from({ length: count }, (_, n) => added(this.watched.pool, `p${n}`, { deadline: 1e12 }))
    this.dead = new Set(dead.map((n) => `p${n}`))
  }

  get alive(): readonly Upstream[] {
    return this.upstreams.filter(({ id }) => !this.dead.has(id))
  }

  /** One client: tries as the gateway does. @returns whether it was served, and what the last failure was taken for */
  request(target: string, how: 'closed' | 'silent'): { isServed: boolean; verdict: Verdict } {
    const { pool } = this.watched
    const tried: Upstream[] = []
    let verdict: Verdict = 'another'
    while (tried.length < TRIES && verdict === 'another') {
      pool.advance(this.now)
      const upstream = pool.lease(ask({ tried, host: target }), this.now)
      if (typeof upstream === 'string') break
      this.tries++
      tried.push(upstream)
      if (this.#serves(upstream, target)) {
        pool.opened(upstream, target, true, 5, this.now)
        this.#health.opened(upstream, target, this.now)
        pool.release(upstream, true, this.now)
        return { isServed: true, verdict }
      }
      const outcome: Outcome = { kind: 'unanswered', how }
      verdict = this.#health.failed(upstream, target, outcome, this.now)
      pool.release(upstream, false, this.now)
    }
    return { isServed: false, verdict }
  }

  #serves({ id }: Upstream, target: string): boolean {
    return !this.dead.has(id) && !target.startsWith('dead')
  }
}

interface Step {
  readonly afterMs: number
  readonly target: string
  readonly how: 'closed' | 'silent'
}

const step: fc.Arbitrary<Step> = fc.record({
  afterMs: fc.integer({ min: 0, max: 3_000 }),
  target: fc.oneof(
    { weight: 3, arbitrary: fc.integer({ min: 0, max: 4 }).map((n) => `dead-${n}:9`) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 4 }).map((n) => `live-${n}:7`) },
  ),
  how: fc.constantFrom('closed' as const, 'silent' as const),
})

it('while other clients are served, no upstream that works rests, leaves, or is counted as a failure', () => {
  const steps = fc.array(step, { minLength: 50, maxLength: 300 })
  fc.assert(fc.property(fc.integer({ min: 3, max: 12 }), steps, keepsAllThatWork), { numRuns: 60 })
})

function keepsAllThatWork(count: number, steps: readonly Step[]): void {
  const world = new World(count, [])
  for (let n = 0; n < count; n++) world.request('live-0:7', 'closed')
  for (const { afterMs, target, how } of steps) {
    world.now += afterMs
    world.request(target, how)
    // The other clients.
    expect(world.request('live-0:7', 'closed').isServed).toBe(true)
    expect(world.upstreams.map(({ state, consecutiveFailures }) => [state, consecutiveFailures])).toEqual(
      Array(count).fill(['ready', 0]),
    )
  }
  expect([world.watched.gone, world.firstUses.filter(([, worked]) => !worked), world.linesDown]).toEqual([[], [], []])
}

it('a dead upstream among living ones is found, and the living ones are kept', () => {
  const dead = fc.array(fc.integer({ min: 0, max: 11 }), { maxLength: 2 })
  const steps = fc.array(step, { minLength: 100, maxLength: 300 })
  fc.assert(fc.property(fc.integer({ min: 4, max: 12 }), dead, steps, findsTheDead), { numRuns: 60 })
})

function findsTheDead(count: number, deadOnes: readonly number[], steps: readonly Step[]): void {
  const world = new World(
    count,
    deadOnes.map((n) => n % count),
  )
  // One that has never worked is not believed about two dead targets: first, each living one works.
  while (world.alive.some(({ worked }) => !worked)) world.request('live-0:7', 'closed')
  for (const { afterMs, target, how } of steps) {
    world.now += afterMs
    world.request(target, how)
    expect(world.request('live-0:7', 'closed').isServed).toBe(true)
    for (const { state, consecutiveFailures } of world.alive) expect([state, consecutiveFailures]).toEqual(['ready', 0])
  }
  // At the end it rests, or its rest has just ended, or it is evicted.
  for (const { id, consecutiveFailures } of world.upstreams)
    if (world.dead.has(id)) expect(consecutiveFailures).toBeGreaterThan(0)
}

it('a client in a loop on a dead port costs one try a request, and one more each 30 s', () => {
  const world = new World(10, [])
  for (let n = 0; n < 10; n++) world.request('live:7', 'closed')
  world.tries = 0
  for (let n = 0; n < 1_200; n++) {
    world.now += 50
    world.request('dead:9', 'closed')
    if (n % 20 === 0) world.request('live:7', 'closed')
  }
  // 60 s: 1,200 requests, 60 of the other client, and a second opinion at the beginning and after 30 s.
  expect(world.tries).toBeLessThanOrEqual(1_200 + 60 + 3)
})

it('when all upstreams die at once, the target is suspected no longer than 10 s', () => {
  const world = new World(10, [])
  for (let n = 0; n < 10; n++) world.request('live:7', 'closed')
  world.dead = new Set(world.upstreams.map(({ id }) => id))
  const verdicts = new Set<Verdict>()
  while (world.now < 30_000) {
    world.now += 500
    const { verdict } = world.request('live:7', 'closed')
    if (world.now > 10_000) verdicts.add(verdict)
  }
  expect([verdicts, world.linesDown, world.watched.gone]).toEqual([new Set(['another']), ['p'], []])
})
