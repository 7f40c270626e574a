import { describe, expect, it } from 'vitest'
import { anyUpstream, type Filter, type LeaseLimits } from '../../../src/pool/filter.ts'
import { restForHost } from '../../../src/pool/host-rests.ts'
import type { Pool } from '../../../src/pool/pool.ts'
import type { Upstream } from '../../../src/pool/upstream.ts'
import { added, addedAndLeased, ask, facts, inArea, leased, ofProvider, watchedPool } from './pool-fixture.ts'

it('lends nothing with less than minLife left, however late the reaper is', () => {
  const { pool } = watchedPool({ minLife: 5_000 })
  const upstream = added(pool, 'a', { deadline: 60_000 })
  expect(leased(pool, {}, 55_000)).toBe(upstream)
  for (const now of [55_001, 60_000, 90_000]) {
    expect(pool.lease(ask(), now)).toBe('busy')
    expect(pool.leaseOwn(upstream, now)).toBe(false)
  }
})

it('throws nothing away that lives: a rest, a late reaper and an early wake-up cost no address', () => {
  const { pool, gone } = watchedPool({ minLife: 5_000 })
  const upstream = added(pool, 'a', { deadline: 60_000 })
  pool.rest(upstream, 30_000)
  for (const now of [0, 29_999, 54_000, 59_999]) pool.advance(now)
  expect([pool.size, gone]).toEqual([1, []])
  pool.advance(60_000)
  expect([pool.size, gone]).toEqual([0, [['a', 'expired']]])
})

it('drains, then goes, and says when it must be woken for that', () => {
  const { pool } = watchedPool({ minLife: 5_000 })
  const upstream = added(pool, 'a', { deadline: 60_000 })
  expect(pool.nextWakeAt).toBe(55_000)
  pool.advance(55_000)
  expect([upstream.state, pool.nextWakeAt]).toEqual(['draining', 60_000])
  pool.advance(60_000)
  expect([upstream.state, pool.nextWakeAt]).toEqual(['gone', undefined])
})

it('never needs to be woken for endless upstreams', () => {
  const { pool } = watchedPool()
  const upstream = added(pool, 'a', { deadline: Number.POSITIVE_INFINITY })
  expect(pool.nextWakeAt).toBeUndefined()
  pool.rest(upstream, 7_000)
  expect(pool.nextWakeAt).toBe(7_000)
  pool.advance(1e15)
  expect([pool.size, upstream.state, pool.nextWakeAt]).toEqual([1, 'ready', undefined])
})

it('takes in only what lives long enough, and moves a deadline forward alone', () => {
  const watched = watchedPool({ minLife: 5_000 })
  const { pool } = watched
  const add = (deadline: number, now = 0) => pool.add(facts('a', { deadline }), now)
  expect([add(4_999), add(5_000), add(5_000), add(3_000), add(9_000)]).toEqual([
    'too-short',
    'added',
    'known',
    'known',
    'extended',
  ])
  expect([pool.size, pool.get('a')?.deadline]).toEqual([1, 9_000])
})

it('tells waiting clients when an extension brings a draining upstream back', () => {
  const watched = watchedPool({ minLife: 5_000 })
  const { pool } = watched
  const upstream = added(pool, 'a', { deadline: 60_000 })
  pool.advance(56_000)
  const told = watched.lendable
  pool.add(facts('a', { deadline: 120_000 }), 56_000)
  expect([upstream.state, watched.lendable]).toEqual(['ready', told + 1])
  expect(leased(pool, {}, 56_000)).toBe(upstream)
})

it('lets an extended upstream finish its rest, and a spent one drain', () => {
  const resting = watchedPool({ minLife: 5_000 })
  const one = added(resting.pool, 'a', { deadline: 60_000 })
  resting.pool.rest(one, 58_000)
  resting.pool.advance(56_000)
  resting.pool.add(facts('a', { deadline: 120_000 }), 56_000)
  expect(one.state).toBe('resting')
  const spent = watchedPool({ uses: 1 })
  const other = addedAndLeased(spent.pool, 'b')
  spent.pool.opened(other, 'a.test', true, 5, 0)
  spent.pool.add(facts('b', { deadline: 120_000 }), 0)
  expect([other.state, spent.pool.lendableCount]).toEqual(['draining', 0])
})

it('tells why it lends nothing', () => {
  const { pool } = watchedPool({ connections: 1 })
  const inX = inArea('x')
  const miss = (filter = inX) => pool.lease(ask({ filter }), 0)
  expect([miss(), miss(ofProvider('p'))]).toEqual(['empty', 'empty'])
  added(pool, 'a', { area: 'y' })
  expect([miss(), miss(inArea('x', ofProvider('q'))), miss(ofProvider('q'))]).toEqual(['no-match', 'empty', 'empty'])
  const fitting = added(pool, 'b', { area: 'x' })
  pool.lease(ask({ filter: inX }), 0)
  expect(miss()).toBe('busy') // at its limit
  pool.release(fitting, false, 0)
  pool.rest(fitting, 9_000)
  expect(miss()).toBe('busy') // resting
  pool.advance(56_000)
  added(pool, 'c', { area: 'y', deadline: 200_000 }, 56_000)
  expect(miss()).toBe('no-match') // drains: it will not come back
})

it('leaves one that may be dead to whoever tries it first, while there are others', () => {
  const { pool } = watchedPool()
  const [a, b] = [added(pool, 'a'), added(pool, 'b')]
  b.worked = true
  const first = leased(pool, { strategy: 'soonest-expiry' })
  pool.release(first, false, 0)
  const strategies = ['round-robin', 'random', 'least-connections', 'longest-life', 'power-of-two'] as const
  expect(leased(pool, { tried: [b] })).toBe(a)
  for (const strategy of strategies) expect([strategy, leased(pool, { strategy })]).toEqual([strategy, b])
  expect(leased(pool, { tried: [b] })).toBe(a) // nobody waits for the result
  pool.opened(a, 'x.test', true, 5, 0)
  pool.release(a, false, 0)
  a.worked = true
  expect(new Set([leased(pool), leased(pool)])).toEqual(new Set([a, b]))
  // After a failure it has to show again that it works.
  a.consecutiveFailures = 1
  for (let n = 0; n < 3; n++) expect(leased(pool)).toBe(b)
})

it('leaves out what was tried, and what rests for the host', () => {
  const { pool } = watchedPool()
  const [a, b] = [added(pool, 'a'), added(pool, 'b')]
  expect(leased(pool, { tried: [a] })).toBe(b)
  expect(pool.lease(ask({ tried: [a, b] }), 0)).toBe('busy')
  restForHost(a, 'x.test', 1_000, 0)
  restForHost(a, 'x.test', 500, 0) // the longer one holds
  restForHost(b, 'x.test', 2_000, 0)
  expect(pool.lease(ask({ host: 'x.test' }), 999)).toBe('busy')
  expect(leased(pool, { host: 'x.test' }, 1_000)).toBe(a)
  expect(leased(pool, { host: 'y.test' })).toBeDefined()
})

it('keeps an upstream away from a host for hostRest after a tunnel there', () => {
  const { pool } = watchedPool({ hostRest: 10_000 })
  const upstream = addedAndLeased(pool, 'a', { host: 'x.test' })
  pool.opened(upstream, 'x.test', true, 5, 100)
  expect(pool.lease(ask({ host: 'x.test' }), 10_099)).toBe('busy')
  expect(leased(pool, { host: 'x.test' }, 10_100)).toBe(upstream)
})

it('forgets rests for hosts that are over, however many hosts there are', () => {
  const { pool } = watchedPool()
  const upstream = added(pool, 'a')
  for (let i = 0; i < 1_000; i++) restForHost(upstream, `h${i}.test`, i + 10, i)
  expect(upstream.hostRests?.size).toBeLessThanOrEqual(65)
  expect([upstream.restsFor('h999.test', 999), upstream.restsFor('h1.test', 999)]).toEqual([true, false])
})

it('remembers a bounded number of rests for hosts, the latest, with one look at each', () => {
  const { pool } = watchedPool()
  const upstream = added(pool, 'a')
  let looks = 0
  upstream.hostRests = new (class extends Map<string, number> {
    override delete(key: string): boolean {
      looks++
      return super.delete(key)
    }
  })()
  for (let i = 0; i < 20_000; i++) restForHost(upstream, `h${i}.test`, 1_000, 0)
  expect(upstream.hostRests.size).toBeLessThanOrEqual(4_096)
  expect([upstream.restsFor('h19999.test', 0), upstream.restsFor('h0.test', 0)]).toEqual([true, false])
  expect(looks).toBeLessThanOrEqual(20_000)
})

describe('views of filters', () => {
  /** Counts how often it is asked whether an upstream fits: once for each view that an added upstream is shown to. */
  function countingFilter(key: string): Filter & { asked: number } {
    const filter = {
      key,
      providers: undefined,
      base: anyUpstream,
      wishes: [],
      asked: 0,
      accepts: () => {
        filter.asked++
        return true
      },
    }
    return filter
  }

  it('are dropped when nobody has used the filter for 5 minutes', () => {
    const { pool } = watchedPool()
    const [used, unused] = [countingFilter('used'), countingFilter('unused')]
    for (const filter of [used, unused]) pool.lease(ask({ filter }), 0)
    pool.lease(ask({ filter: used }), 200_000)
    pool.sweepViews(300_001)
    added(pool, 'a', { deadline: 900_000 }, 300_001)
    expect([used.asked, unused.asked, pool.lendableCount]).toEqual([1, 0, 1])
  })

  it('are 256 at most: the one used least recently goes', () => {
    const { pool } = watchedPool()
    const filters = Array.from({ length: 256 }, (_, n) => countingFilter(`filter ${n}`))
    filters.forEach((filter, n) => void pool.lease(ask({ filter }), n))
    pool.lease(ask({ filter: filters[1] as Filter }), 1_000)
    pool.lease(ask({ filter: countingFilter('one more') }), 1_001)
    added(pool, 'a', { deadline: 900_000 }, 1_002)
    expect(filters.slice(0, 4).map(({ asked }) => asked)).toEqual([0, 1, 0, 1])
  })
})

it('puts who asks for a long life on an address that has it, else on the longest-lived', () => {
  const { pool } = watchedPool()
  const short = added(pool, 'short', { deadline: 20_000 })
  const long = added(pool, 'long', { deadline: 700_000 })
  for (let i = 0; i < 4; i++) expect(leased(pool, { lifeMs: 600_000 })).toBe(long)
  for (let i = 0; i < 4; i++) expect(leased(pool, { lifeMs: 900_000 })).toBe(long)
  expect(leased(pool, { lifeMs: 900_000, tried: [long] })).toBe(short)
  expect(leased(pool, { lifeMs: 10_000, strategy: 'soonest-expiry' })).toBe(short)
})

it('lends no more at once than connections allow, and tells when one is given back', () => {
  const watched = watchedPool({ connections: 2 })
  const { pool } = watched
  const upstream = added(pool, 'a')
  for (let i = 0; i < 2; i++) leased(pool)
  expect([pool.lease(ask(), 0), pool.leaseOwn(upstream, 0)]).toEqual(['empty', false])
  const told = watched.lendable
  pool.release(upstream, false, 0)
  expect(watched.lendable).toBe(told + 1)
  expect(leased(pool)).toBe(upstream)
})

it('gives a use back when the tunnel did not open, and counts it when it did', () => {
  const { pool, gone } = watchedPool({ uses: 1 })
  const upstream = addedAndLeased(pool, 'a')
  expect(pool.lease(ask(), 0)).toBe('empty')
  pool.release(upstream, false, 0)
  expect(leased(pool)).toBe(upstream)
  pool.opened(upstream, 'a.test', true, 5, 0)
  expect([upstream.state, gone]).toEqual(['draining', []])
  pool.release(upstream, true, 0)
  expect([upstream.state, gone]).toEqual(['gone', [['a', 'used-up']]])
})

it('keeps a used-up upstream for the session that lives on it', () => {
  const { pool, gone } = watchedPool({ uses: 1 })
  const upstream = addedAndLeased(pool, 'a')
  pool.bind(upstream)
  pool.opened(upstream, 'a.test', true, 5, 0)
  pool.release(upstream, true, 0)
  for (let i = 0; i < 3; i++) {
    expect([pool.lease(ask(), 0), pool.leaseOwn(upstream, 0)]).toEqual(['empty', true])
    pool.opened(upstream, 'a.test', false, 5, 0)
    pool.release(upstream, true, 0)
  }
  expect([upstream.uses, gone]).toEqual([1, []])
  pool.unbind(upstream)
  expect(gone).toEqual([['a', 'used-up']])
})

it('tells waiting clients when a session’s tunnel gives back the use that was kept for it', () => {
  const watched = watchedPool({ uses: 2 })
  const { pool } = watched
  const upstream = addedAndLeased(pool, 'a')
  pool.opened(upstream, 'a.test', true, 5, 0)
  pool.leaseOwn(upstream, 0)
  expect(pool.lendableCount).toBe(0)
  const told = watched.lendable
  pool.opened(upstream, 'a.test', false, 5, 0)
  expect([pool.lendableCount, watched.lendable]).toEqual([1, told + 1])
})

it('rests the longer of two rests, wakes in time or at a success, and tells both', () => {
  const watched = watchedPool()
  const { pool } = watched
  const upstream = added(pool, 'a')
  pool.rest(upstream, 9_000)
  pool.rest(upstream, 3_000)
  pool.advance(8_999)
  expect([upstream.state, pool.leaseOwn(upstream, 8_999)]).toEqual(['resting', true])
  let told = watched.lendable
  pool.advance(9_000)
  expect([upstream.state, watched.lendable]).toEqual(['ready', told + 1])
  pool.rest(upstream, 20_000)
  told = watched.lendable
  pool.wakeUp(upstream)
  expect([upstream.state, watched.lendable]).toEqual(['ready', told + 1])
  pool.rest(upstream, 15_000)
  expect(pool.nextWakeAt).toBe(15_000) // nothing is left of the rest that was broken off
})

it('counts leases beyond the end of an upstream, and sends it off once', () => {
  const { pool, gone } = watchedPool()
  const upstream = addedAndLeased(pool, 'a')
  pool.opened(upstream, 'a.test', true, 5, 0)
  pool.remove(upstream, 'blamed')
  pool.remove(upstream, 'released')
  pool.rest(upstream, 9_000)
  pool.wakeUp(upstream)
  expect([upstream.leases, pool.size, pool.nextWakeAt]).toEqual([1, 0, undefined])
  pool.release(upstream, true, 0)
  expect([upstream.leases, gone]).toEqual([0, [['a', 'blamed']]])
})

it('smooths the time that tunnels take', () => {
  const { pool } = watchedPool()
  const upstream = added(pool, 'a')
  for (const ms of [100, 200, 100]) {
    leased(pool)
    pool.opened(upstream, 'a.test', true, ms, 0)
  }
  expect(upstream.latencyMs).toBeCloseTo(116)
})

it('serves more filters than it keeps views for', () => {
  const { pool } = watchedPool()
  for (let i = 0; i < 400; i++) added(pool, `u${i}`, { area: `area ${i}` })
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 400; i++) expect(leased(pool, { filter: inArea(`area ${i}`) }).id).toBe(`u${i}`)
  }
  expect(leased(pool)).toBeDefined()
})

describe('limits of one kind of client', () => {
  const limited = (limits: Partial<LeaseLimits>): Filter => ({
    ...anyUpstream,
    key: JSON.stringify(limits),
    limits: { exclusive: false, connections: 0, uses: 0, minLifeMs: 0, ...limits },
  })

  it('minLifeMs: what has less left is not lent, nor to the session that lives on it', () => {
    const { pool } = watchedPool({ minLife: 0 })
    const upstream = added(pool, 'a', { deadline: 60_000 })
    const filter = limited({ minLifeMs: 20_000 })
    expect(pool.lease(ask({ filter }), 40_000)).toBe(upstream)
    expect(pool.lease(ask({ filter }), 40_001)).toBe('busy')
    expect([pool.canServeOwn(upstream, 40_000, 20_000), pool.canServeOwn(upstream, 40_001, 20_000)]).toEqual([
      true,
      false,
    ])
  })

  it('connections and uses count what all clients have, and waiting clients hear when there is room', () => {
    const watched = watchedPool({ minLife: 0 })
    const { pool } = watched
    added(pool, 'a', { deadline: 60_000 })
    const [one, fresh] = [limited({ connections: 1 }), limited({ uses: 1 })]
    const upstream = leased(pool)
    expect([pool.lease(ask({ filter: one }), 0), pool.lease(ask({ filter: fresh }), 0)]).toEqual(['busy', 'busy'])
    watched.lendable = 0
    pool.opened(upstream, 'a.test', true, 1, 0)
    pool.release(upstream, true, 0)
    expect(watched.lendable).toBe(1)
    expect(pool.lease(ask({ filter: fresh }), 0)).toBe('busy')
    expect(pool.lease(ask({ filter: one }), 0)).toBe(upstream)
  })
})

describe('for a client whose first upstream was out of order', () => {
  const retry = (pool: Pool, tried: readonly Upstream[]) => leased(pool, { tried, prefersProven: true }, 100)

  it('one that worked last comes before the strategy’s choice', () => {
    const { pool } = watchedPool()
    const [first, second, third] = [added(pool, 'a'), added(pool, 'b'), added(pool, 'c')]
    second.workedAt = 40
    third.workedAt = 50
    for (let n = 0; n < 9; n++) {
      const lent = retry(pool, [first])
      expect(lent).not.toBe(first)
      expect(lent.workedAt).toBeGreaterThan(0)
      pool.release(lent, false, 100)
    }
  })

  it('one whose latest try failed counts for nothing', () => {
    const { pool } = watchedPool()
    const [first, failed, proven] = [added(pool, 'a'), added(pool, 'b'), added(pool, 'c')]
    Object.assign(failed, { workedAt: 60, failedAt: 70 })
    Object.assign(proven, { workedAt: 20, failedAt: 10 })
    for (let n = 0; n < 9; n++) {
      const lent = retry(pool, [first])
      expect(lent).toBe(proven)
      pool.release(lent, false, 100)
    }
  })

  it('where none has worked, the strategy chooses', () => {
    const { pool } = watchedPool()
    const [first, second, third] = [added(pool, 'a'), added(pool, 'b'), added(pool, 'c')]
    expect(leased(pool)).toBe(first)
    expect(retry(pool, [first])).toBe(second)
    expect(retry(pool, [first, second])).toBe(third)
  })
})
