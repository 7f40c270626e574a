import { expect, it } from 'vitest'
import { Pool } from '../../../src/pool/pool.ts'
import { Reaper } from '../../../src/supply/reaper.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { facts } from '../pool/pool-fixture.ts'

function setUp() {
  const clock = new FakeClock({ now: 0 })
  const gone: [string, number][] = []
  const observer = {
    lendable: () => {},
    rescheduled: () => reaper.arm(),
    gone: ({ id }: { id: string }) => void gone.push([id, clock.now()]),
  }
  const perUpstream = { connections: 0, uses: 0, hostRest: 0 }
  const pool = new Pool({ minLife: 5_000, perUpstream }, observer)
  const reaper: Reaper = new Reaper(pool, clock)
  const add = (id: string, deadline: number) => pool.add(facts(id, { deadline }), clock.now())
  return { clock, pool, reaper, gone, add }
}

it('evicts each upstream at its deadline, with one timer for all', () => {
  const { clock, gone, add } = setUp()
  add('late', 90_000)
  add('early', 60_000)
  add('endless', Number.POSITIVE_INFINITY)
  expect(clock.pendingTimers).toBe(1)
  clock.advance(200_000)
  expect([gone, clock.pendingTimers]).toEqual([
    [
      ['early', 60_000],
      ['late', 90_000],
    ],
    0,
  ])
})

it('is woken earlier when something nearer comes, and wakes what rests', () => {
  const { clock, pool, add } = setUp()
  add('a', 600_000)
  clock.advance(1_000)
  const upstream = pool.get('a')
  if (upstream !== undefined) pool.rest(upstream, 3_000)
  clock.advance(1_999)
  expect(upstream?.state).toBe('resting')
  clock.advance(1)
  expect(upstream?.state).toBe('ready')
})

it('works at once when the machine wakes: its timers are late by as long as it slept', () => {
  const { clock, gone, add, pool } = setUp()
  add('a', 60_000)
  add('b', 200_000)
  clock.suspend(100_000)
  expect([gone, pool.size]).toEqual([[['a', 100_000]], 1])
  clock.advance(100_000)
  expect(gone[1]).toEqual(['b', 200_000])
})

it('sleeps when it is closed, whatever the pool does then', () => {
  const { clock, reaper, add, gone } = setUp()
  add('a', 60_000)
  reaper.close()
  add('b', 30_000)
  clock.suspend(100_000)
  expect([clock.pendingTimers, gone]).toEqual([0, []])
})
