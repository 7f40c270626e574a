import { expect, it } from 'vitest'
import { nothingRestored } from '../../../src/store/contract.ts'
import { VendorError } from '../../../src/vendors/contract/error.ts'
import { World } from './supply-world.ts'

it('buys nothing for clients who left before a call could be sent for them', async () => {
  const vendor = { maxPerCall: 1, limit: { calls: 1, perMs: 1_000 }, latencyMs: () => 50 }
  const world = new World({ a: { vendor } }, { uses: 1, floor: 0 })
  const clients = Array.from({ length: 40 }, () => world.connect(60_000))
  await world.clock.run(3_000)
  for (const leave of clients) leave()
  const before = world.vendor('a').sold
  await world.clock.run(60_000)
  expect(before).toBeLessThanOrEqual(4)
  // The call that was under way, and what the traffic of the last seconds lets expect.
  expect(world.vendor('a').sold - before).toBeLessThanOrEqual(4)
})

it.each(['FAILED_OPERATION', 'INTERNAL_ERROR', '-104', '500'])(
  'gives everything back when the vendor answers %s in its own form',
  async (code) => {
    const world = new World({ a: { vendor: { channels: 3 }, settings: { budget: { perHour: 20 } } } })
    world.vendor('a').trouble.push(...Array(2).fill(new VendorError('server', code, '提取失败')))
    world.connect()
    await world.clock.run(9_000)
    const provider = world.provider('a')
    expect([world.vendor('a').sold, provider.capacity.budgetLeft, provider.capacity.freeChannels]).toEqual([1, 19, 2])
  },
)

it('keeps the channels of an order without an answer until what it may have bought has ended', async () => {
  const world = new World({ a: { vendor: { channels: 2, lifeMs: 20_000 } } }, { floor: 0 })
  world.vendor('a').trouble.push('lost')
  world.connect()
  await world.clock.run(3_000)
  expect(world.provider('a').capacity.freeChannels).toBe(0)
  await world.clock.run(70_000)
  expect([world.vendor('a').violations, world.provider('a').capacity.freeChannels]).toEqual([[], 2])
})

it('lets a client wait for the channel of an order without an answer, as for that of an address', async () => {
  const world = new World({ a: { vendor: { channels: 1 } } }, { floor: 0 })
  world.vendor('a').trouble.push('lost')
  world.connect()
  await world.clock.run(3_000)
  const { capacity } = world.provider('a')
  expect([capacity.freeChannels, world.waits]).toEqual([0, []])
  const freeAt = capacity.nextAttemptAt(world.clock.now()) ?? 0
  expect(Number.isFinite(freeAt)).toBe(true)
  await world.clock.run(freeAt - world.clock.now() - 5_000)
  world.denials.length = 0
  world.connect()
  await world.clock.run(8_000)
  expect([world.denials, world.waits.length]).toEqual([[], 1])
})

it('buys on when a look-up after a lost reply fails, and leaves that order booked', async () => {
  const world = new World({ a: { vendor: { canList: true }, settings: { budget: { total: 5 } } } })
  world.vendor('a').trouble.push('lost')
  world.vendor('a').lookupTrouble.push(new VendorError('auth', '404', 'no such call'))
  world.connect()
  await world.clock.run(9_000)
  expect([world.waits.length, world.denials, world.vendor('a').sold]).toEqual([1, [], 2])
  expect(world.provider('a').capacity.budgetLeft).toBe(3)
})

it.each([
  ['channels', { vendor: { canList: true, channels: 2 } }],
  ['the budget', { vendor: { canList: true }, settings: { budget: { perHour: 2 } } }],
])('asks again what lost replies brought when unknown orders book all of %s, and buys on', async (_, part) => {
  const world = new World({ a: part }, { floor: 0 })
  const silence = new VendorError('server', 'timeout', 'the vendor did not answer', { sale: 'unknown' })
  world.vendor('a').trouble.push(silence, silence)
  world.vendor('a').lookupTrouble.push(silence, silence)
  for (let second = 0; second < 30; second++) {
    world.connect(1_000)
    await world.clock.run(1_000)
  }
  expect([world.vendor('a').listings.length, world.vendor('a').sold > 0]).toEqual([3, true])
  expect(world.waits.length).toBeGreaterThan(15)
})

it('leaves a lost order booked when what it bought had ended before the vendor could list it', async () => {
  // The address of the lost order lives shorter than all others, and has ended when the vendor lists what is held.
  const lives = { usual: 20_000, next: 20_000 }
  const vendor = { canList: true, lifeMs: () => lives.next }
  const world = new World({ a: { vendor, settings: { budget: { total: 50 } } } }, { floor: 0 })
  await world.traffic(1_000, 30_000)
  const silence = new VendorError('server', 'timeout', 'the vendor did not answer')
  world.vendor('a').trouble.push('lost')
  lives.next = 8_000
  world.vendor('a').lookupTrouble.push(silence)
  while (world.vendor('a').trouble.length > 0) await world.traffic(1_000, 1_000)
  lives.next = lives.usual
  await world.traffic(1_000, 90_000)
  expect([world.vendor('a').lookupTrouble, world.vendor('a').listings.length]).toEqual([[], 2])
  expect(50 - world.provider('a').capacity.budgetLeft).toBe(world.vendor('a').sold)
})

it('stops after two replies in a row of which nothing can be used, and says why', async () => {
  const world = new World({ a: {} })
  const unusable = new VendorError('server', 'unusable', 'none of the 3 addresses can be used', { sale: 'sold' })
  world.vendor('a').trouble.push(...Array(9).fill(unusable))
  world.connect()
  await world.clock.run(9_000)
  expect(world.vendor('a').calls).toHaveLength(2)
  expect(world.provider('a').state).toMatchObject({ kind: 'stopped', words: 'none of the 3 addresses can be used' })
})

it.each([
  ['past', -60_000, 'the deadlines of all addresses in the reply (1) are past: a wrong zone or clock?'],
  ['shorter than pool.minLife', 3_000, 'all addresses in the reply (1) have less life left than pool.minLife'],
])('buys rarely when every life is %s, however long clients ask, and says why', async (_, lifeMs, words) => {
  const world = new World({ a: { vendor: { lifeMs, skewMs: 0 } } }, { minLife: 5_000 })
  for (let second = 0; second < 300; second++) {
    world.connect(1_000)
    await world.clock.run(1_000)
  }
  const { state } = world.provider('a')
  expect(state).toMatchObject({ kind: 'stopped', code: 'GW_NO_SUPPLY', words: expect.stringContaining(words) })
  expect(world.vendor('a').calls.length).toBeLessThan(25)
  // Each further order is a trial.
  expect(
    world
      .vendor('a')
      .calls.slice(2)
      .every(({ count }) => count === 1),
  ).toBe(true)
  expect(world.provider('a').counts.tooShort).toBe(world.vendor('a').sold)
})

it('waits ten minutes at most for a number of the vendor’s, and not at all for the operator', async () => {
  const world = new World({ a: {} })
  world.vendor('a').trouble.push(new VendorError('rate_limited', 'http', 'too many calls', { wait: 999_999_000 }))
  world.connect()
  await world.clock.run(1_000)
  expect(world.provider('a').state.until).toBeLessThanOrEqual(601_000)
  expect(world.supply.orderNow('a')).toBe('ordered')
  await world.clock.run(1_000)
  expect([world.provider('a').state.kind, world.vendor('a').sold]).toEqual(['ready', 5])
})

it('waits for midnight by the clock of the reply that says so, also when no other reply has told it', async () => {
  const world = new World({ a: {} })
  // By the vendor's clock midnight in China is 100 s away, by ours it is not.
  const untilMidnight = (wallMs: number) => 86_400_000 - ((wallMs + 28_800_000) % 86_400_000)
  const vendorWallMs = world.clock.wall() + untilMidnight(world.clock.wall()) - 100_000
  const used = { wait: 'day+08:00', vendorWallMs } as const
  world.vendor('a').trouble.push(new VendorError('quota_exhausted', 'EXTRACT_LIMIT_EXCEEDED', 'used up', used))
  world.connect()
  await world.clock.run(1_000)
  const { until } = world.provider('a').state
  expect(until).toBeGreaterThan(99_000)
  expect(until).toBeLessThan(103_000)
})

it('lets clients try a stopped provider every ten seconds, one call each', async () => {
  const world = new World({ a: {} })
  world.vendor('a').trouble.push(...Array(9).fill(new VendorError('auth', '401', 'the key is wrong')))
  for (let second = 0; second < 35; second++) {
    world.connect()
    await world.clock.run(1_000)
  }
  expect(world.vendor('a').calls).toHaveLength(4)
  expect(world.denials).toHaveLength(35)
})

it('buys again at once when it is told to, and nothing while it is paused', async () => {
  const world = new World({ a: {} })
  world.vendor('a').trouble.push(new VendorError('auth', '401', 'the key is wrong'))
  world.connect()
  await world.clock.run(1_000)
  world.provider('a').retry()
  world.provider('a').pause()
  world.connect()
  await world.clock.run(1_000)
  expect([world.provider('a').state.kind, world.vendor('a').calls.length]).toEqual(['paused', 1])
  world.provider('a').resume()
  world.connect()
  await world.clock.run(1_000)
  expect([world.provider('a').state.kind, world.waits.length]).toEqual(['ready', 1])
})

it.each([
  ['one call', 'a'],
  ['several calls', 'a order'],
])(
  'an unknown order of %s of an earlier process holds its channels until the vendor has listed what it holds',
  async (_, limiterKey) => {
    const unknown = [{ id: 1, provider: 'a', limiterKey, agoMs: 5_000, count: 2 }]
    const restored = { ...nothingRestored, unknown }
    const world = new World(
      { a: { vendor: { channels: 3, canList: true }, settings: { isRemembered: true } } },
      {},
      restored,
    )
    world.supply.restore(restored)
    expect(world.provider('a').capacity.freeChannels).toBe(1)
    world.connect()
    await world.clock.run(5_000)
    expect([world.vendor('a').listings.length, world.provider('a').capacity.freeChannels]).toEqual([
      1,
      3 - world.vendor('a').held,
    ])
  },
)

it.each([
  ['5 s', 5_000, 1],
  ['an hour', 3_600_000, 3],
])('an unknown order from %s before a restart holds its channels until its addresses have ended', (_, agoMs, free) => {
  const unknown = [{ id: 1, provider: 'a', limiterKey: 'a', agoMs, count: 2 }]
  const restored = { ...nothingRestored, unknown }
  const world = new World({ a: { vendor: { channels: 3 }, settings: { isRemembered: true } } }, {}, restored)
  world.supply.restore(restored)
  expect(world.provider('a').capacity.freeChannels).toBe(free)
})

it('an unknown order of an earlier process stays booked when the key has changed: the list is of another account', async () => {
  const order = { provider: 'a', agoMs: 5_000, count: 2 }
  const restored = {
    ...nothingRestored,
    unknown: [{ ...order, id: 1, limiterKey: 'former key' }],
    purchases: [order],
    totals: [{ provider: 'a', total: 2 }],
  }
  const settings = { isRemembered: true, budget: { total: 9 } }
  const world = new World({ a: { vendor: { channels: 3, canList: true }, settings } }, { floor: 0 }, restored)
  world.supply.restore(restored)
  world.connect()
  await world.clock.run(5_000)
  expect([world.vendor('a').sold, world.provider('a').capacity.budgetLeft]).toEqual([1, 9 - 2 - 1])
})

// The number of channels is not on the record: one is assumed until the vendor has told it, and what an earlier process bought occupies it.
it('asks for the channels after a restart, though what an earlier process bought occupies the one that is assumed', async () => {
  const unknown = [{ id: 1, provider: 'a', limiterKey: 'a', agoMs: 5_000, count: 2 }]
  const restored = { ...nothingRestored, unknown }
  const world = new World({ a: { vendor: { plan: () => 8 }, settings: { isRemembered: true } } }, {}, restored)
  world.supply.restore(restored)
  expect(world.provider('a').capacity.freeChannels).toBe(0)
  world.connect()
  await world.clock.run(5_000)
  expect([world.denials, world.waits.length, world.provider('a').capacity.channels]).toEqual([[], 1, 8])
})

it('waits as long as the table says when that is beyond the window of the calls: it is a penalty', async () => {
  const vendor = { maxPerCall: 1, limit: { calls: 3, perMs: 5_000 }, latencyMs: () => 50 }
  const world = new World({ a: { vendor } }, { uses: 1, floor: 0 })
  const refused = async (wait: number) => {
    for (let client = 0; client < 2; client++) world.connect(60_000)
    await world.clock.run(500)
    world.vendor('a').trouble.push(new VendorError('rate_limited', '429', 'too many calls', { wait }))
    world.connect(60_000)
    await world.clock.run(500)
    expect(world.vendor('a').trouble).toEqual([])
    return world.provider('a').state.until - world.clock.now()
  }
  expect(await refused(180_000)).toBeGreaterThan(178_000)
  await world.clock.run(400_000)
  expect(await refused(3_000)).toBeLessThan(5_001)
})
