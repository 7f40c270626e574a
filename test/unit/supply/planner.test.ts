import { expect, it } from 'vitest'
import { anyUpstream } from '../../../src/pool/filter.ts'
import { VendorError } from '../../../src/vendors/contract/error.ts'
import { ofProvider, sequence } from '../pool/pool-fixture.ts'
import { account, World } from './supply-world.ts'

const one = { a: {} }
const error = (errorClass: VendorError['class']) => new VendorError(errorClass, '7', 'the vendor’s words')

it('makes not one call while nobody asks, nor after the last client has been gone for idleAfter', async () => {
  const world = new World(one)
  world.supply.start()
  await world.clock.run(3_600_000)
  expect(world.vendor('a').calls).toEqual([])
  await world.traffic(500, 120_000)
  const stoppedAt = world.clock.now()
  await world.clock.run(3_600_000)
  const late = world.vendor('a').calls.filter(({ at }) => at > stoppedAt + 60_000)
  expect([late, world.pool.size, world.denials]).toEqual([[], 0, []])
})

it('buys for the first client at once what it needs, and no more', async () => {
  const world = new World(one)
  world.connect()
  await world.clock.run(0)
  expect(world.vendor('a').calls).toEqual([{ at: 0, count: 1 }])
  await world.clock.run(400)
  expect([world.waits, world.pool.size]).toEqual([[400], 1])
})

it('serves a crowd at a cold start by two calls: one for who came first, one for all the others', async () => {
  const world = new World(one, { targetLoad: 8 })
  for (let i = 0; i < 20; i++) world.connect(30_000)
  await world.clock.run(450)
  expect(world.waits).toEqual(Array(20).fill(400))
  expect(world.vendor('a').calls.slice(0, 2)).toEqual([
    { at: 0, count: 1 },
    { at: 50, count: 2 },
  ])
})

it.each([0, 1])('buys one address an hour for one request an hour, with uses: %s', async (uses) => {
  const world = new World(one, { uses })
  for (let hour = 0; hour < 5; hour++) {
    world.connect(1_000)
    await world.clock.run(3_600_000)
  }
  expect([world.vendor('a').sold, world.waits.length]).toEqual([5, 5])
})

it('holds the floor without a gap while traffic goes on: lives of a minute, calls of up to 2 s, few channels to spare', async () => {
  const random = sequence(3)
  const world = new World({ a: { vendor: { latencyMs: () => 300 + 1_700 * random(), way: random, channels: 12 } } })
  await world.traffic(500, 60_000)
  let fewest = Number.POSITIVE_INFINITY
  world.watch(() => {
    fewest = Math.min(fewest, world.pool.lendableCount)
  })
  await world.traffic(500, 1_800_000)
  expect(fewest).toBeGreaterThanOrEqual(5)
  expect([world.vendor('a').violations, world.denials]).toEqual([[], []])
})

it('grows by targetLoad to the ceiling, never beyond, and shrinks by not renewing', async () => {
  const world = new World(one, { targetLoad: 4, ceiling: 20 })
  let most = 0
  world.watch(() => {
    most = Math.max(most, world.pool.size)
  })
  for (let i = 0; i < 60; i++) {
    world.connect(120_000)
    await world.clock.run(100)
  }
  await world.clock.run(5_000)
  expect(world.pool.lendableCount).toBe(15)
  for (let i = 0; i < 60; i++) world.connect(20_000)
  await world.clock.run(5_000)
  expect([world.pool.lendableCount, most]).toEqual([20, 20])
  await world.traffic(1_000, 200_000, 500)
  expect(world.pool.lendableCount).toBeLessThanOrEqual(6)
})

it('has one fresh address ready for each connection to come, with uses: 1', async () => {
  const world = new World(one, { uses: 1 })
  await world.traffic(500, 30_000, 5_000)
  const before = world.waits.length
  await world.traffic(500, 120_000, 5_000)
  const late = world.waits.slice(before)
  expect([late.length, late.filter((ms) => ms > 0).length]).toEqual([240, 0])
  // No more than the connections, the stock, and what expires of it.
  expect(world.vendor('a').sold).toBeLessThan(300 + 40)
})

it('asks for more in each call when the vendor allows few calls, and keeps them for the whole window', async () => {
  const world = new World({ a: { vendor: { limit: { calls: 15, perMs: 60_000 } } } }, { uses: 1 })
  await world.traffic(500, 20_000, 5_000)
  const before = world.waits.length
  await world.traffic(500, 600_000, 5_000)
  const late = world.waits.slice(before)
  expect([late.length, late.filter((ms) => ms > 0).length, world.denials]).toEqual([1_200, 0, []])
  expect(world.vendor('a').calls.length).toBeLessThanOrEqual(165)
})

it.each([
  { calls: 60, perMs: 60_000 },
  { calls: 10, perMs: 1_000 },
])('uses what the vendor allows when clients ask for more: $calls calls in $perMs ms', async (limit) => {
  const world = new World({ a: { vendor: { limit, maxPerCall: 1, latencyMs: () => 50 } } }, { uses: 1, ceiling: 100 })
  await world.traffic(20, 60_000)
  const allowed = limit.calls * (60_000 / limit.perMs)
  // A window begins anew with the end of a call: of each, a round trip is lost.
  const share = limit.perMs / (limit.perMs + 50)
  expect(world.vendor('a').calls.length).toBeGreaterThanOrEqual(Math.floor(0.95 * share * allowed))
  expect(world.vendor('a').calls.length).toBeLessThanOrEqual(allowed + limit.calls)
})

it('tells clients when the vendor may not be called before they would have gone', async () => {
  const world = new World({ a: { vendor: { limit: { calls: 1, perMs: 60_000 } } } }, { uses: 1, floor: 0 })
  world.connect(100)
  await world.clock.run(5_000)
  expect(await outlookOf(world)).toMatchObject({
    message: 'provider "a" cannot bring addresses now: as many calls as the vendor allows have been made',
    retryAfterMs: 60_405 - 6_000,
  })
})

it('does not buy for clients of an hour ago when one waits now, with uses: 1', async () => {
  const world = new World(one, { uses: 1, ceiling: 200 })
  for (let i = 0; i < 100; i++) world.connect(500)
  await world.clock.run(3_600_000)
  const before = world.vendor('a').sold
  world.connect()
  await world.clock.run(30_000)
  expect(world.vendor('a').sold - before).toBe(1)
})

it('serves as many at once as connections per upstream ask for', async () => {
  const world = new World(one, { connections: 1, floor: 0 })
  for (let i = 0; i < 10; i++) world.connect(30_000)
  await world.clock.run(1_000)
  expect([world.waits.length, Math.max(...world.waits)]).toEqual([10, 450])
  expect(world.vendor('a').calls.map(({ count }) => count)).toEqual([1, 9])
})

it('buys one address for all the connections that one session opens at once, with uses: 1', async () => {
  const world = new World(one, { uses: 1, floor: 0 })
  for (let i = 0; i < 40; i++) world.connect(5_000, anyUpstream, 'page')
  await world.clock.run(9_000)
  expect([world.waits.length, world.lent.size, world.vendor('a').sold]).toEqual([40, 1, 1])
})

it('counts addresses that are at their limit of connections towards the ceiling', async () => {
  const world = new World(one, { connections: 1, ceiling: 4, floor: 0 })
  for (let i = 0; i < 10; i++) world.connect(9_000)
  await world.clock.run(5_000)
  expect([world.pool.size, world.waits.length]).toEqual([4, 4])
})

it('asks the first provider by priority, others only for what it cannot bring', async () => {
  const world = new World({ b: { settings: { priority: 2 } }, a: { settings: { priority: 1, ceiling: 2 } } })
  let most = 0
  const shares: number[] = []
  await world.traffic(500, 30_000)
  expect([world.lendableOf('a'), world.lendableOf('b')]).toEqual([2, 3])
  world.watch(() => {
    most = Math.max(most, world.lendableOf('a'))
    shares.push(world.lendableOf('a'))
  })
  await world.traffic(500, 600_000)
  expect(most).toBe(2)
  expect(shares.reduce((sum, share) => sum + share, 0) / shares.length).toBeGreaterThan(1)
})

it.each(['auth', 'expired_plan', 'no_resource', 'server'] as const)(
  'fails over at once when the first provider says %s, and comes back',
  async (errorClass) => {
    const world = new World({ a: { settings: { priority: 1, reprobeMs: 30_000 } }, b: { settings: { priority: 2 } } })
    world.vendor('a').trouble.push(...Array(3).fill(error(errorClass)))
    world.connect()
    await world.clock.run(1_000)
    expect([world.waits.length, world.vendor('b').calls.length]).toEqual([1, 1])
    await world.traffic(500, 200_000)
    expect(world.denials).toEqual([])
    expect(world.lendableOf('a')).toBeGreaterThan(world.lendableOf('b'))
  },
)

it('never asks a provider with a wrong key twice before its pause is over, then for one address', async () => {
  const world = new World({ a: { settings: { priority: 1, reprobeMs: 100_000 } }, b: { settings: { priority: 2 } } })
  world.vendor('a').trouble.push(...Array(30).fill(error('auth')))
  for (let i = 0; i < 30; i++) world.connect(20_000)
  await world.traffic(300, 250_000, 5_000)
  const { calls } = world.vendor('a')
  expect(calls.filter(({ at }) => at < 1_000).length).toBeLessThanOrEqual(2)
  const late = calls.filter(({ at }) => at >= 1_000)
  expect(late.map(({ count }) => count)).toEqual([1, 1])
  expect((late[1]?.at ?? 0) - (late[0]?.at ?? 0)).toBeGreaterThanOrEqual(100_000)
})

it('shares among equal providers by weight, also within one order', async () => {
  const world = new World({ a: { settings: { weight: 3 } }, b: { settings: { weight: 1 } } }, { floor: 8 })
  world.connect()
  await world.clock.run(1_000)
  for (let i = 0; i < 20; i++) world.connect()
  await world.clock.run(2_000)
  expect([world.lendableOf('a'), world.lendableOf('b')]).toEqual([6, 2])
  await world.traffic(300, 300_000)
  const { a, b } = { a: world.vendor('a').sold, b: world.vendor('b').sold }
  expect(a / b).toBeGreaterThan(2.4)
  expect(a / b).toBeLessThan(3.6)
})

it('buys for clients that are limited to a provider from that provider alone', async () => {
  const world = new World({ a: {}, b: {}, c: {} })
  await world.traffic(500, 30_000)
  const before = world.vendor('b').sold
  world.vendor('c').trouble.push(error('auth'))
  for (let i = 0; i < 5; i++) world.connectTo('b')
  await world.clock.run(2_000)
  expect(world.denials).toEqual([])
  expect(world.vendor('b').sold).toBeGreaterThanOrEqual(Math.max(before, 1))
  const lone = new World({ a: {}, b: {} })
  lone.connectTo('b')
  await lone.clock.run(2_000)
  expect([lone.vendor('a').sold, lone.vendor('b').sold, lone.waits]).toEqual([0, 1, [400]])
})

it('keeps the ceiling over all sets of providers together', async () => {
  const world = new World({ a: {}, b: {} }, { ceiling: 10, targetLoad: 1 })
  let most = 0
  world.watch(() => {
    most = Math.max(most, world.pool.size)
  })
  for (let i = 0; i < 12; i++) {
    world.connectTo('a', 40_000)
    world.connectTo('b', 40_000)
    world.connect(40_000)
    await world.clock.run(300)
  }
  await world.clock.run(20_000)
  expect(most).toBe(10)
})

it('does not plan without a pause while the order of a removed provider counts in the ceiling', async () => {
  const world = new World({ a: { vendor: { latencyMs: () => 5_000 } }, b: {} }, { ceiling: 1 })
  const { store } = world.accounts
  const reserve = store.reserve.bind(store)
  let orders = 0
  // Without an end the planner would have this thread for itself.
  store.reserve = (reservation) => (++orders > 200 ? new Promise(() => {}) : reserve(reservation))
  world.connect()
  await world.clock.run(0)
  expect(world.vendor('a').calls.length).toBe(1)
  const rules = { floor: 1, ceiling: 1, targetLoad: 8, idleAfter: 60_000, minLife: 5_000, uses: 0, waitTimeout: 10_000 }
  const source = world.vendor('b').source(world.accounts)
  world.supply.configure(rules, [{ settings: account('b'), source }])
  await world.clock.run(1_000)
  expect(orders).toBeLessThan(30)
  await world.clock.run(6_000)
  expect([world.vendor('a').sold, world.vendor('b').sold]).toEqual([1, 1])
})

it('leaves what it holds alone when a call fails', async () => {
  const world = new World(one)
  await world.traffic(500, 30_000)
  const held = [...world.pool.members()].map(({ id }) => id)
  world.vendor('a').trouble.push(...Array(30).fill(error('server')))
  world.vendor('a').trouble.push(error('auth'))
  await world.traffic(500, 10_000)
  expect([...world.pool.members()].map(({ id }) => id)).toEqual(expect.arrayContaining(held))
  expect(world.denials).toEqual([])
})

it.each([1, 2, 5])(
  'never leaves a client waiting for a life to end with %s channels, though the floor is 5',
  async (channels) => {
    const world = new World({ a: { vendor: { channels } } })
    await world.traffic(500, 120_000)
    const before = world.waits.length
    await world.traffic(500, 600_000)
    const waited = world.waits.slice(before).filter((ms) => ms > 0).length
    expect([world.vendor('a').violations, world.waits.length - before]).toEqual([
      [],
      channels === 1 ? expect.any(Number) : 1_200,
    ])
    // One channel alone has a gap in each life: nothing is lent between minLife and the moment when the channel is free.
    expect(waited / 1_200).toBeLessThan(channels === 1 ? 0.25 : 0.005)
  },
)

it.each([0, -90_000, 90_000])(
  'never asks for more channels than are free, whatever the way does, with a clock %s ms off',
  async (skewMs) => {
    for (let seed = 1; seed <= 8; seed++) {
      const random = sequence(seed * 7)
      const vendor = {
        channels: 6,
        lifeMs: 20_000,
        latencyMs: () => 3_000 * random() ** 2,
        way: random,
        skewMs,
        limit: { calls: 200, perMs: 60_000 },
      }
      const world = new World({ a: { vendor } }, { targetLoad: 2, minLife: 2_000, floor: 6 })
      for (let i = 0; i < 600; i++) {
        for (let n = Math.floor(3 * random()); n > 0; n--) world.connect(5_000 * random())
        await world.clock.run(1_000 * random())
      }
      expect(world.vendor('a').violations).toEqual([])
      expect(world.vendor('a').sold).toBeGreaterThan(30)
      world.close()
    }
  },
)

it('goes on after the machine has slept, at once', async () => {
  const world = new World(one)
  await world.traffic(500, 30_000)
  world.clock.suspend(3_600_000)
  await world.traffic(500, 3_000)
  expect(world.pool.lendableCount).toBeGreaterThanOrEqual(5)
  expect(world.denials).toEqual([])
})

const outlookOf = async (world: World) => {
  world.connect()
  await world.clock.run(1_000)
  const { planner } = world.supply
  const error = planner.outlook(undefined, [])
  return error && { code: error.code, message: error.message, retryAfterMs: error.detail['retryAfterMs'] }
}

it('tells clients why nothing will come: the vendor’s own words', async () => {
  const world = new World(one)
  world.vendor('a').trouble.push(new VendorError('auth', '401', 'the key is wrong', { hint: 'check credentials.key' }))
  const message = 'provider "a" cannot bring addresses now: the key is wrong (check credentials.key)'
  expect(await outlookOf(world)).toEqual({ code: 'GW_NO_SUPPLY', message, retryAfterMs: 599_200 })
  expect(world.denials).toEqual([`GW_NO_SUPPLY: ${message}`])
})

it('tells clients why nothing will come: the budget', async () => {
  const world = new World({ a: { settings: { budget: { perHour: 1 } } } }, { uses: 1 })
  world.connect(100)
  await world.clock.run(10_000)
  expect(await outlookOf(world)).toEqual({
    code: 'GW_BUDGET_REACHED',
    message: 'provider "a" has reached its budget perHour of 1',
    retryAfterMs: 3_600_000 - 11_000,
  })
})

it('tells clients why nothing will come: the channels', async () => {
  const world = new World({ a: { vendor: { channels: 1 } } }, { uses: 1 })
  world.connect(100)
  await world.clock.run(10_000)
  const outlook = await outlookOf(world)
  expect(outlook).toMatchObject({
    code: 'GW_NO_SUPPLY',
    message: 'provider "a" cannot bring addresses now: all of its channels are in use',
  })
  expect(outlook?.retryAfterMs).toBeGreaterThan(45_000)
})

it('tells nothing while something may come: an order on its way, a rest that ends in time, a pause that does', async () => {
  const world = new World(one)
  world.connect()
  expect(world.supply.planner.outlook(undefined, [])).toBeUndefined()
  await world.clock.run(1_000)
  const [upstream] = world.pool.members()
  if (upstream === undefined) throw new Error('nothing was bought')
  world.provider('a').addressOutcomes.firstUse(upstream, true, undefined)
  world.pool.rest(upstream, world.clock.now() + 9_000)
  expect(world.supply.planner.outlook(undefined, [])).toBeUndefined()
  const waiting = new World(one)
  waiting.vendor('a').trouble.push(error('server'))
  expect(await outlookOf(waiting)).toBeUndefined()
})

it('tells of the provider that will be back first', async () => {
  const world = new World({ a: { settings: { reprobeMs: 600_000 } }, b: { settings: { reprobeMs: 300_000 } } })
  for (const name of ['a', 'b']) world.vendor(name).trouble.push(error('auth'))
  expect((await outlookOf(world))?.message).toContain('provider "b"')
  expect(world.supply.planner.outlook(['a'], [])?.message).toContain('provider "a"')
  expect(world.supply.planner.outlook(['nobody'], [])?.code).toBe('GW_NO_SUPPLY')
})

it('buys at the operator’s word what is missing of the floor, within state, budget and ceiling', async () => {
  const world = new World({ a: { settings: { budget: { total: 7 } } } }, { ceiling: 6 })
  expect([world.supply.orderNow('a'), world.supply.orderNow('nobody')]).toEqual(['ordered', 'unknown'])
  await world.clock.run(1_000)
  expect(world.pool.lendableCount).toBe(5)
  expect(world.supply.orderNow('a')).toBe('ordered')
  expect(world.supply.orderNow('a')).toBe('not now') // the ceiling, with what is on its way
  await world.clock.run(1_000)
  expect(world.pool.lendableCount).toBe(6)
})

it('what comes after its order is waited for, and not ordered twice', async () => {
  const world = new World({ a: { vendor: { dialMs: 4_000, channels: 5 } } })
  world.connect(60_000)
  await world.clock.run(20_000)
  expect([world.denials, world.waits.length, world.vendor('a').calls.length]).toEqual([[], 1, 1])
})

it('who would wait in vain for what comes later hears so at once', async () => {
  const world = new World({ a: { vendor: { dialMs: 50_000, channels: 1 } } })
  world.connect()
  await world.clock.run(1_000)
  expect(world.denials).toEqual([expect.stringMatching(/^GW_NO_SUPPLY: .* is on its way/)])
  world.connect()
  await world.clock.run(0)
  expect(world.denials).toHaveLength(2)
  await world.clock.run(52_000)
  world.connect()
  expect([world.waits, world.vendor('a').calls.length]).toEqual([[0], 1])
})

it('reads a list again for those who wait, though the timer for it is early and time goes on meanwhile', async () => {
  const world = new World({ a: { vendor: { isList: true, brings: 1 } } })
  const { clock } = world
  const after = clock.after.bind(clock)
  // As the timers of Node, which count whole milliseconds, may be.
  clock.after = (ms, fn) => after(ms - 0.5, fn)
  world.vendor('a').trouble.push(error('no_resource'))
  world.connect()
  await clock.run(1_000)
  const { until } = world.provider('a').state
  clock.advance(until - clock.now())
  await clock.run(1_000)
  expect([world.lent.size, world.vendor('a').calls.length]).toEqual([1, 2])
})

it('leaves nothing behind when it is closed', async () => {
  const world = new World(one)
  await world.traffic(500, 20_000)
  world.connectTo('a', 1)
  world.close()
  await world.clock.run(0)
  world.supply.planner.plan()
  world.supply.planner.asked(undefined, world.clock.now())
  const calls = world.vendor('a').calls.length
  await world.clock.run(600_000)
  expect([world.vendor('a').calls.length, world.clock.pendingTimers]).toEqual([calls, 0])
})

it('serves filters that only one provider fulfils', async () => {
  const world = new World({ a: {}, b: {} })
  world.connect(1_000, ofProvider('b'))
  world.connect(1_000, ofProvider('a'))
  await world.clock.run(1_000)
  expect([world.vendor('a').sold, world.vendor('b').sold, world.waits]).toEqual([1, 1, [400, 450]])
})

it('raises an order to what the vendor sells at least, within budget and ceilings', async () => {
  const bought = async (minPerOrder: number, budget: object = {}) => {
    const world = new World({ a: { vendor: { minPerOrder }, settings: { budget } } })
    world.connect()
    await world.clock.run(500)
    return world.vendor('a').calls.map(({ count }) => count)
  }
  expect([await bought(1), await bought(4), await bought(4, { perHour: 3 })]).toEqual([[1], [4], [3]])
})
