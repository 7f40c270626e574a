/** Exclusive sessions: whatever happens, no two of them, nor one and anybody else, have an address at the same time. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { anyUpstream, type Filter } from '../../../src/pool/filter.ts'
import { Pool } from '../../../src/pool/pool.ts'
import type { Upstream } from '../../../src/pool/upstream.ts'
import type { LeaseRequest, WaitingDemand } from '../../../src/proxy/lease-contract.ts'
import { LeaseQueue } from '../../../src/proxy/lease-queue.ts'
import { SessionTable } from '../../../src/proxy/session-table.ts'
import { forgetfulStore } from '../../../src/store/memory.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { plainClient } from '../../support/plain-client.ts'
import { facts } from '../pool/pool-fixture.ts'

const alone: Filter = {
  ...anyUpstream,
  key: 'alone',
  limits: { exclusive: true, connections: 0, uses: 0, minLifeMs: 0 },
}
const SESSION_IDLE_MS = 60_000

/** Who has which address: a session's name, or a number for each client without one. */
class World {
  readonly clock = new FakeClock()
  readonly held = new Map<Upstream, (string | number)[]>()
  readonly open: { readonly upstream: Upstream; readonly who: string | number }[] = []
  demand: readonly WaitingDemand[] = []
  #strangers = 0
  readonly pool = new Pool(
    { minLife: 0, perUpstream: { connections: 0, uses: 0, hostRest: 0 } },
    {
      lendable: (upstream) => this.queue.serve(upstream),
      rescheduled: () => {},
      gone: (upstream) => this.queue.upstreamGone(upstream),
    },
  )
  readonly sessions = new SessionTable(this.pool, { idle: SESSION_IDLE_MS, max: 2_000 }, this.clock, forgetfulStore())
  readonly queue: LeaseQueue = new LeaseQueue(
    this.pool,
    this.sessions,
    { asked: () => {}, queueChanged: (demand) => this.#asked(demand), outlook: () => undefined },
    { timeoutMs: 10_000, queue: 2_000 },
    this.clock,
  )

  #asked(demand: readonly WaitingDemand[]): void {
    this.demand = demand
  }

  add(id: string): void {
    this.pool.add(facts(id, { deadline: Number.POSITIVE_INFINITY }), this.clock.now())
  }

  apply(session: string | undefined, use: LeaseRequest['sessionUse'] = 'own'): void {
    const known = session === undefined ? undefined : this.sessions.find(session)
    const who = session ?? ++this.#strangers
    this.queue.apply({
      ...{ ...plainClient, sessionKey: session, sessionUse: use },
      filter: session === undefined ? anyUpstream : alone,
      tried: use === 'own' || known === undefined ? [] : [known.upstream],
      granted: (upstream) => this.#granted(upstream, who),
      denied: () => {},
      failInternally: () => expect.unreachable(),
    })
  }

  #granted(upstream: Upstream, who: string | number): void {
    for (const other of this.open) {
      if (other.upstream !== upstream) continue
      // Strangers may share with strangers, a session only with itself.
      if (typeof who === 'string' || typeof other.who === 'string') expect(other.who).toBe(who)
    }
    this.open.push({ upstream, who })
  }

  /** Ends the connection that was opened first. */
  end(): void {
    const [first] = this.open.splice(0, 1)
    if (first !== undefined) this.pool.release(first.upstream, false, this.clock.now())
  }
}

it('1,000 sessions have 1,000 addresses, and wait for them rather than share', () => {
  const world = new World()
  for (let n = 0; n < 400; n++) world.add(`u${n}`)
  for (let n = 0; n < 1_000; n++) world.apply(`s${n}`)
  expect(world.open).toHaveLength(400)
  // Each that waits needs an address of its own.
  expect(world.demand).toEqual([{ providers: undefined, count: 600, limited: { count: 600, addresses: 600 } }])
  for (let n = 400; n < 1_000; n++) world.add(`u${n}`)
  expect(world.open).toHaveLength(1_000)
  for (let n = 0; n < 1_000; n++) world.apply(`s${n}`)
  expect(new Set(world.open.map(({ upstream }) => upstream)).size).toBe(1_000)
  world.queue.close(new Error('over') as never)
})

it('an address is free for others when its session has ended and its last connection too', () => {
  const world = new World()
  world.add('u')
  world.apply('a')
  world.apply(undefined)
  expect(world.open.map(({ who }) => who)).toEqual(['a'])
  world.clock.advance(SESSION_IDLE_MS + 1)
  world.sessions.sweep()
  world.apply(undefined)
  expect(world.open.map(({ who }) => who)).toEqual(['a'])
  world.end()
  expect(world.open.map(({ who }) => who)).toEqual([2])
})

it('holds whatever sessions and others do', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('apply' as const), name: fc.constantFrom('a', 'b', 'c', undefined) }),
    fc.record({ kind: fc.constantFrom('move' as const, 'borrow' as const), name: fc.constantFrom('a', 'b', 'c') }),
    fc.record({ kind: fc.constantFrom('end' as const, 'idle' as const), name: fc.constant(undefined) }),
    fc.record({ kind: fc.constant('remove' as const), name: fc.constant(undefined) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const world = new World()
      for (let n = 0; n < 4; n++) world.add(`u${n}`)
      for (const { kind, name } of steps) {
        if (kind === 'apply') world.apply(name)
        if (kind === 'move' || kind === 'borrow') world.apply(name, kind)
        if (kind === 'end') world.end()
        if (kind === 'remove')
          for (const upstream of [...world.pool.members()].slice(0, 1)) world.pool.remove(upstream, 'evicted')
        if (kind === 'idle') {
          world.clock.advance(SESSION_IDLE_MS + 1)
          world.sessions.sweep()
        }
      }
    }),
  )
})
