import { expect, it } from 'vitest'
import type { CarriedUpstream } from '../../../src/pool/former-process.ts'
import { added, ask, facts, leased, watchedPool } from './pool-fixture.ts'

const carried = (id: string, rest: Partial<CarriedUpstream> = {}): CarriedUpstream => ({
  ...{ id, leases: 0, uses: 0, worked: true, consecutiveFailures: 0, restMs: 0, latencyMs: 0, hostRests: [] },
  ...rest,
})

it('counts what is open in the process before in the limit of connections, until it ends there', () => {
  const watched = watchedPool({ connections: 2 })
  const { pool } = watched
  pool.ownership.succeed([carried('a', { leases: 2 })], 0)
  const upstream = added(pool, 'a')
  expect([pool.lease(ask(), 0), upstream.leases, upstream.quietLeases]).toEqual(['empty', 2, 2])
  const told = watched.lendable
  pool.ownership.leasesLeftThere('a', 1, 10)
  expect([upstream.leases, upstream.quietLeases, watched.lendable]).toEqual([1, 1, told + 1])
  expect(leased(pool, {}, 10)).toBe(upstream)
  pool.ownership.formerEnded(20)
  expect([upstream.leases, upstream.quietLeases]).toEqual([1, 0])
  pool.release(upstream, false, 30)
  expect([upstream.leases, upstream.carrying]).toEqual([0, 0])
})

it('counts less when tunnels have ended before the address was here', () => {
  const { pool } = watchedPool({ connections: 1 })
  pool.ownership.succeed([carried('a', { leases: 1 })], 0)
  pool.ownership.leasesLeftThere('a', 0, 5)
  expect(added(pool, 'a').leases).toBe(0)
  expect(leased(pool).id).toBe('a')
})

it('lends no use twice: one that was used there drains here, and goes when the last tunnel has ended', () => {
  const { pool, gone } = watchedPool({ uses: 1 })
  pool.ownership.succeed([carried('a', { leases: 1, uses: 1 })], 0)
  const upstream = added(pool, 'a')
  expect([upstream.state, pool.lease(ask(), 0)]).toEqual(['draining', 'empty'])
  pool.ownership.leasesLeftThere('a', 0, 10)
  expect(gone).toEqual([['a', 'used-up']])
})

it('keeps rests: of the whole address and for one host', () => {
  const { pool } = watchedPool()
  pool.ownership.succeed([carried('a', { restMs: 100 }), carried('b', { hostRests: [['a.test', 100]] })], 1_000)
  const a = added(pool, 'a', {}, 1_000)
  added(pool, 'b', {}, 1_000)
  expect([a.state, pool.lease(ask(), 1_050), leased(pool, { host: 'b.test' }, 1_050).id]).toEqual([
    'resting',
    'busy',
    'b',
  ])
  pool.advance(1_100)
  expect(leased(pool, { tried: [] }, 1_100).id).toBe('a')
})

it('knows nothing of others, and hears of what it does not know without harm', () => {
  const { pool } = watchedPool({ connections: 1 })
  pool.ownership.leasesLeftThere('a', 0, 0)
  pool.ownership.formerEnded(0)
  pool.ownership.succeed([carried('a')], 0)
  pool.ownership.leasesLeftThere('z', 0, 0)
  expect(pool.add(facts('b'), 0)).toBe('added')
  expect(leased(pool).id).toBe('b')
})
