/** Leases of programs that never return them: how many a user can have, and that none of the others suffers. */
import { expect, it } from 'vitest'
import { Pool } from '../../../src/pool/pool.ts'
import type { Upstream } from '../../../src/pool/upstream.ts'
import { AddressLeases } from '../../../src/proxy/address-leases.ts'
import type { TakeOrder } from '../../../src/proxy/lease-batch.ts'
import { LeaseQueue } from '../../../src/proxy/lease-queue.ts'
import { SessionTable } from '../../../src/proxy/session-table.ts'
import { forgetfulStore } from '../../../src/store/memory.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { plainRoute } from '../../support/plain-client.ts'
import { facts } from '../pool/pool-fixture.ts'

const ADDRESSES = 100
const MAX_PER_USER = 300
const { signal } = new AbortController()

function setUp(maxPerUser = MAX_PER_USER, places = 1_000, addresses = ADDRESSES) {
  const clock = new FakeClock()
  const perUpstream = { connections: 0, uses: 0, hostRest: 0 }
  const pool = new Pool(
    { minLife: 0, perUpstream },
    { lendable: (upstream) => leaseQueue.serve(upstream), rescheduled: () => {}, gone: () => {} },
  )
  const table = new SessionTable(pool, { idle: 600_000, max: 10 }, clock, forgetfulStore())
  const supply = { asked: () => {}, queueChanged: () => {}, outlook: () => undefined }
  const leaseQueue = new LeaseQueue(pool, table, supply, { timeoutMs: 1_000, queue: places }, clock)
  const upstreams = Array.from({ length: addresses }, (_, number) => {
    pool.add(facts(`u${number}`, { deadline: Number.POSITIVE_INFINITY }), clock.now())
    return [...pool.members()].at(-1)
  }).filter((upstream) => upstream !== undefined)
  const trims: number[] = []
  const connector = { trim: (_: Upstream, count: number) => void trims.push(count) }
  const leases = new AddressLeases({ clock, pool, leaseQueue, connector, maxPerUser })
  const take = (user: string, more: Partial<TakeOrder> = {}) =>
    leases.take(
      {
        ...{ route: plainRoute, user, host: '', count: ADDRESSES, holdMs: 3_600_000, waits: false, isMerged: false },
        begin: () => undefined,
        ...more,
      },
      signal,
    )
  const open = () => upstreams.reduce((sum, { leases: count }) => sum + count, 0)
  return { clock, pool, leases, upstreams, take, open, trims }
}

it('no more connections are open in advance than an address may serve clients beside its leases', async () => {
  const { clock, pool, take, trims } = setUp(MAX_PER_USER, 1_000, 1)
  pool.configure({ minLife: 0, perUpstream: { connections: 2, uses: 0, hostRest: 0 } }, clock.now())
  await take('one', { count: 1 })
  await take('two', { count: 1 })
  expect(trims).toEqual([1, 0])
})

it('a user that returns nothing has a bounded number, and loses the oldest', async () => {
  const { leases, take, open } = setUp()
  const [others] = await take('other', { count: 1 })
  const [first] = await take('one', { count: 1 })
  const [second] = await take('one', { count: 1 })
  for (let round = 2; round < MAX_PER_USER; round += ADDRESSES) await take('one')
  expect(open()).toBe(MAX_PER_USER + 1)
  expect(leases.release(first?.id ?? '', 'one')).toBe(false)
  expect(leases.release(second?.id ?? '', 'one')).toBe(false)
  expect(leases.release(others?.id ?? '', 'other')).toBe(true)
})

it('with room for one lease the next one takes its place', async () => {
  const { leases, take, open } = setUp(1)
  await take('one', { count: 1 })
  const [second] = await take('one', { count: 1 })
  expect(open()).toBe(1)
  if (second === undefined) throw new Error('no lease')
  leases.releaseAddress(second.upstream, 'one')
  expect(open()).toBe(0)
})

it('ends all leases of an address, of one user or of all', async () => {
  const { leases, upstreams, take, open } = setUp()
  for (const user of ['one', 'one', 'two']) await take(user)
  const [address] = upstreams
  if (address === undefined) throw new Error('no address')
  leases.releaseAddress(address, 'one')
  expect([address.leases, open()]).toEqual([1, 3 * ADDRESSES - 2])
  leases.endLeases(address)
  expect([address.leases, open()]).toEqual([0, 3 * ADDRESSES - 3])
})

it('a merged lease is the one that the user has of the address', async () => {
  const { take, open } = setUp()
  const before = await take('one', { isMerged: true })
  const after = await take('one', { isMerged: true })
  expect(new Set([...before, ...after].map(({ id }) => id)).size).toBe(ADDRESSES)
  expect(open()).toBe(ADDRESSES)
})

it('a merged lease is no lease that the user has asked for by itself, and leaves it its time', async () => {
  const { clock, leases, take, open } = setUp(MAX_PER_USER, 1_000, 1)
  const [own] = await take('one', { count: 1, holdMs: 3_600_000 })
  const [merged] = await take('one', { count: 1, holdMs: 600_000, isMerged: true })
  expect([open(), own?.endsAt]).toEqual([2, clock.now() + 3_600_000])
  expect(leases.release(own?.id ?? '', 'one')).toBe(true)
  expect(leases.release(merged?.id ?? '', 'one')).toBe(true)
})

it('ends when some of its requests are denied and the last that waits is granted later', async () => {
  const { clock, pool, take } = setUp(MAX_PER_USER, 1, 0)
  const taken = take('one', { count: 2, waits: true })
  pool.add(facts('late', { deadline: Number.POSITIVE_INFINITY }), clock.now())
  expect((await taken).map(({ upstream }) => upstream.id)).toEqual(['late'])
})

it('does not wait for a program that is gone', async () => {
  const { clock, leases } = setUp(MAX_PER_USER, 1_000, 0)
  const order = {
    route: plainRoute,
    user: 'one',
    host: '',
    count: 1,
    holdMs: 1,
    waits: true,
    isMerged: false,
    begin: () => undefined,
  }
  await expect(leases.take(order, AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone')
  expect(clock.pendingTimers).toBe(0)
})

it('a program that is gone while it waits for another address keeps what it had before', async () => {
  const { leases, take, open } = setUp(MAX_PER_USER, 1_000, 1)
  const order = { count: 2, waits: true, isMerged: true }
  const [first] = await take('one', { ...order, count: 1 })
  const program = new AbortController()
  const merged = { ...order, route: plainRoute, user: 'one', host: '', holdMs: 1, begin: () => undefined }
  const second = leases.take(merged, program.signal)
  program.abort(new Error('gone'))
  await expect(second).rejects.toThrow('gone')
  expect(open()).toBe(1)
  expect(leases.release(first?.id ?? '', 'one')).toBe(true)
})
