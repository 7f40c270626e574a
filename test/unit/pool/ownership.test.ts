import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isLimited, shareOut } from '../../../src/pool/ownership.ts'
import { Pool } from '../../../src/pool/pool.ts'
import type { Upstream } from '../../../src/pool/upstream.ts'
import { added, ask, facts, leased, sequence, watchedPool } from './pool-fixture.ts'

it('demands an owner where anything of an address is limited', () => {
  expect([{}, { connections: 0, uses: 0, hostRest: 0 }].map(isLimited)).toEqual([false, false])
  expect([{ connections: 1 }, { uses: 2 }, { hostRest: 5 }].map(isLimited)).toEqual([true, true, true])
})

describe('shares', () => {
  const demand = (owner: string, demands: number, owned = 0) => ({ owner, demand: demands, owned })
  const shares = (...args: Parameters<typeof shareOut>) => Object.fromEntries(shareOut(...args))

  it('are equal without demand, and follow demand', () => {
    expect(shares(10, [demand('a', 0), demand('b', 0)])).toEqual({ a: 5, b: 5 })
    expect(shares(10, [demand('a', 30), demand('b', 10)])).toEqual({ a: 7, b: 3 })
    expect(shares(10, [demand('a', 30), demand('b', 0)])).toEqual({ a: 9, b: 1 })
  })

  it('leave an odd one where it is', () => {
    expect(shares(5, [demand('a', 1, 2), demand('b', 1, 3)])).toEqual({ a: 2, b: 3 })
    expect(shares(5, [demand('a', 1, 3), demand('b', 1, 2)])).toEqual({ a: 3, b: 2 })
  })

  it('go to those that need one and have none, where there are fewer than owners', () => {
    expect(shares(1, [demand('a', 5, 1), demand('b', 1, 0)])).toEqual({ a: 0, b: 1 })
    expect(shares(1, [demand('a', 0, 1), demand('b', 0, 0), demand('c', 2, 0)])).toEqual({ a: 0, b: 0, c: 1 })
    expect(shares(0, [demand('a', 1)])).toEqual({ a: 0 })
  })

  it('are all that there is, and one at least where there are enough', () => {
    const owner = fc.record({ demand: fc.nat(1_000), owned: fc.nat(50) })
    fc.assert(
      fc.property(fc.nat(200), fc.array(owner, { minLength: 1, maxLength: 9 }), (total, list) => {
        const counts = [
          ...shareOut(
            total,
            list.map((one, index) => ({ ...one, owner: `${index}` })),
          ).values(),
        ]
        expect(counts.reduce((sum, count) => sum + count, 0)).toBe(total)
        expect(Math.min(...counts)).toBeGreaterThanOrEqual(total >= list.length ? 1 : 0)
      }),
    )
  })
})

describe('an upstream of another process', () => {
  it('is not lent, not even to its session, whose need is reported; owned again it is', () => {
    const wanted: string[] = []
    const observer = { lendable() {}, rescheduled() {}, gone() {}, wanted: ({ id }: Upstream) => void wanted.push(id) }
    const pool = new Pool({ minLife: 0, perUpstream: { connections: 1, uses: 0, hostRest: 0 } }, observer)
    pool.add(facts('a'), 0, true)
    const upstream = pool.get('a') as Upstream
    expect([pool.lease(ask(), 0), pool.lendableCount, pool.leaseOwn(upstream, 0), wanted]).toEqual([
      'empty',
      0,
      false,
      ['a'],
    ])
    const carried = { leases: 1, uses: 0, worked: true, consecutiveFailures: 0, restMs: 0, latencyMs: 5 }
    pool.ownership.own(upstream, { id: 'a', ...carried, hostRests: [] }, 10)
    expect([pool.leaseOwn(upstream, 10), wanted.length, upstream.latencyMs]).toEqual([false, 1, 5])
    pool.ownership.endedElsewhere(upstream, 20)
    expect(pool.leaseOwn(upstream, 20)).toBe(true)
  })

  it('counts a lease that may still become a tunnel as a use', () => {
    const { pool } = watchedPool({ uses: 2 })
    const upstream = added(pool, 'a')
    leased(pool)
    expect(pool.ownership.disown(upstream, 0)).toMatchObject({ leases: 1, uses: 1 })
  })

  it('stays when its uses are spent and a session of another process may live on it', () => {
    const gone: string[] = []
    const observer = { lendable() {}, rescheduled() {}, gone: ({ id }: Upstream) => void gone.push(id) }
    const settings = { minLife: 0, perUpstream: { connections: 0, uses: 1, hostRest: 0 } }
    const pool = new Pool(settings, { ...observer, isKept: () => true })
    const upstream = added(pool, 'a')
    leased(pool)
    pool.opened(upstream, 'a.test', true, 1, 0)
    pool.release(upstream, true, 1)
    expect([upstream.state, gone]).toEqual(['draining', []])
  })
})

it('is never lent beyond its limits, whatever owners it moves between', () => {
  const settings = fc.record({ connections: fc.constantFrom(0, 1, 2), uses: fc.constantFrom(0, 1, 3) })
  const step = fc.record({ do: fc.constantFrom('move', 'lease', 'open', 'end'), pool: fc.nat(2), which: fc.nat() })
  fc.assert(
    fc.property(settings, fc.array(step, { maxLength: 60 }), fc.nat(), (limits, steps, seed) => {
      const leases: { pool: number; isOpen: boolean }[] = []
      const used = { count: 0 }
      let owner = 0
      const pools = [0, 1, 2].map((index) => {
        const endedHere = () => pools[owner]?.ownership.endedElsewhere(at(owner), 0)
        const observer = { lendable() {}, rescheduled() {}, gone() {}, endedHere, isKept: () => true }
        const pool = new Pool({ minLife: 0, perUpstream: { hostRest: 0, ...limits } }, observer, sequence(seed))
        pool.add(facts('a'), 0, index !== owner)
        return pool
      })
      const at = (index: number) => pools[index]?.get('a') as Upstream
      const others = (index: number) => leases.filter((lease) => lease.pool !== index).length
      for (const { do: what, pool: index, which } of steps) {
        const pool = pools[index] as Pool
        const lease = leases[which % Math.max(1, leases.length)]
        if (what === 'move') {
          const carried = (pools[owner] as Pool).ownership.disown(at(owner), 0)
          owner = index
          pool.ownership.own(at(index), { ...carried, leases: others(index) }, 0)
        } else if (what === 'lease') {
          const isLent = typeof pool.lease(ask(), 0) !== 'string'
          expect(isLent && index !== owner).toBe(false)
          if (isLent) leases.push({ pool: index, isOpen: false })
        } else if (what === 'open' && lease?.isOpen === false) {
          lease.isOpen = true
          used.count++
          pools[lease.pool]?.opened(at(lease.pool), 'a.test', true, 1, 0)
        } else if (what === 'end' && lease !== undefined) {
          leases.splice(leases.indexOf(lease), 1)
          pools[lease.pool]?.release(at(lease.pool), lease.isOpen, 0)
        }
        if (limits.connections > 0) expect(leases.length).toBeLessThanOrEqual(limits.connections)
        if (limits.uses > 0) expect(used.count).toBeLessThanOrEqual(limits.uses)
        expect(at(owner).leases).toBe(leases.length)
      }
      for (const { pool, isOpen } of leases.splice(0)) pools[pool]?.release(at(pool), isOpen, 0)
      for (let index = 0; index < 3; index++)
        expect([at(index).leases, at(index).quietLeases, at(index).carrying]).toEqual([0, 0, 0])
    }),
  )
})
