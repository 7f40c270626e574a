import { beforeEach, expect, it } from 'vitest'
import type { Pool } from '../../../src/pool/pool.ts'
import { SessionTable } from '../../../src/proxy/session-table.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { ask, facts, watchedPool } from '../pool/pool-fixture.ts'

const IDLE_MS = 600_000

let clock: FakeClock
let pool: Pool
let sessionTable: SessionTable
let ended: string[]

beforeEach(() => {
  clock = new FakeClock()
  pool = watchedPool().pool
  ended = []
  const store = { session() {}, sessionUsed() {}, sessionEnded: (key: string) => void ended.push(key) }
  sessionTable = new SessionTable(pool, { idle: IDLE_MS, max: 10 }, clock, store)
})

it('takes up a past session as soon as its upstream is there', () => {
  sessionTable.restore([{ key: 'basket', upstreamId: 'late', idleMs: 1_000 }])
  expect(sessionTable.find('basket')).toBeUndefined()
  pool.add(facts('late', { deadline: Number.POSITIVE_INFINITY }), clock.now())
  expect(sessionTable.find('basket')).toMatchObject({ upstream: { id: 'late' }, counted: true })
  sessionTable.sweep()
  expect([sessionTable.find('basket')?.upstream.id, pool.get('late')?.sessions, ended]).toEqual(['late', 1, []])
})

it('forgets a past session whose upstream has not come by the next sweep', () => {
  sessionTable.restore([{ key: 'basket', upstreamId: 'late', idleMs: 1_000 }])
  sessionTable.sweep()
  pool.add(facts('late', { deadline: Number.POSITIVE_INFINITY }), clock.now())
  expect([sessionTable.find('basket'), ended]).toEqual([undefined, ['basket']])
})

it('forgets a past session that was put on another upstream meanwhile', () => {
  sessionTable.restore([{ key: 'basket', upstreamId: 'late', idleMs: 1_000 }])
  pool.add(facts('other', { deadline: Number.POSITIVE_INFINITY }), clock.now())
  const other = pool.get('other')
  if (other !== undefined) sessionTable.bind('basket', other)
  pool.add(facts('late', { deadline: Number.POSITIVE_INFINITY }), clock.now())
  sessionTable.sweep()
  expect([sessionTable.find('basket')?.upstream.id, ended]).toEqual(['other', []])
})

it('does not take up a past session that nobody used for too long', () => {
  sessionTable.restore([{ key: 'basket', upstreamId: 'late', idleMs: IDLE_MS + 1 }])
  pool.add(facts('late', { deadline: Number.POSITIVE_INFINITY }), clock.now())
  expect([sessionTable.find('basket'), pool.get('late')?.sessions, ended]).toEqual([undefined, 0, ['basket']])
})

it.each([
  { end: 'left before its tunnel was open', counted: false },
  { end: 'still waits for its tunnel', counted: true },
  { end: 'has its tunnel', counted: true },
])('says to the process that lends its upstream next whether it counts there: its first client $end', (at) => {
  const add = (to: Pool) => to.add(facts('u'), 0)
  const other = watchedPool().pool
  add(pool)
  add(other)
  const upstream = pool.lease(ask(), 0)
  if (typeof upstream === 'string') throw new Error(upstream)
  const session = sessionTable.bind('basket', upstream)
  if (at.end.startsWith('left')) pool.release(upstream, false, 0)
  if (at.end.startsWith('has')) {
    session.counted = true
    pool.opened(upstream, 'a.test', true, 1, 0)
  }
  const carried = sessionTable.carried('basket', upstream)
  const store = { session() {}, sessionUsed() {}, sessionEnded() {} }
  const next = new SessionTable(other, { idle: IDLE_MS, max: 10 }, clock, store)
  if (carried !== undefined) next.takeOver(carried, 'u')
  expect(next.find('basket')?.counted).toBe(at.counted)
})
