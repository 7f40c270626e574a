import { expect, it } from 'vitest'
import { nothingRestored } from '../../../src/store/contract.ts'
import { VendorError } from '../../../src/vendors/contract/error.ts'
import { type VendorRules, World } from './supply-world.ts'

it('counts an order in its budget from the moment that it is decided', async () => {
  const world = new World({ a: { vendor: { maxPerCall: 1 }, settings: { budget: { perHour: 3 } } } }, { targetLoad: 1 })
  for (let client = 0; client < 10; client++) world.connect(60_000)
  await world.clock.run(9_000)
  expect([world.vendor('a').sold, world.provider('a').capacity.budgetLeft]).toEqual([3, 0])
})

it('gives the budget back what a refusal, or an order that never left, did not cost', async () => {
  const world = new World({ a: { settings: { budget: { total: 5 } } } })
  world
    .vendor('a')
    .trouble.push(
      new VendorError('no_resource', '1', 'nothing to sell'),
      new VendorError('server', 'connect', 'nobody listens'),
    )
  world.connect()
  await world.clock.run(9_000)
  expect([world.vendor('a').calls.length, world.vendor('a').sold, world.provider('a').capacity.budgetLeft]).toEqual([
    3, 1, 4,
  ])
})

it('takes what a lost reply may have sold for bought', async () => {
  const world = new World({ a: { settings: { budget: { total: 5 } } } })
  world.vendor('a').trouble.push('lost')
  world.connect()
  await world.clock.run(9_000)
  expect([world.vendor('a').sold, world.provider('a').capacity.budgetLeft]).toEqual([2, 3])
})

it('says that a lost order may occupy the channels when the vendor cannot tell, not that the vendor is silent', async () => {
  const world = new World({ a: { vendor: { channels: 1 } } })
  world.vendor('a').trouble.push('lost')
  world.connect()
  await world.clock.run(500)
  expect(world.provider('a').state.words).toBe('the vendor did not answer')
  await world.clock.run(5_000)
  const words = 'an order whose reply was lost may occupy its channels'
  expect(world.provider('a').state).toMatchObject({ kind: 'waiting', code: '', words })
  world.connect()
  await world.clock.run(1_000)
  expect(world.denials).toContain(`GW_NO_SUPPLY: provider "a" cannot bring addresses now: ${words}`)
  expect(world.provider('a').lastError?.words).toBe('the vendor did not answer')
})

it('asks the vendor for what a lost reply sold, where it can tell, and buys nothing then', async () => {
  const world = new World({ a: { vendor: { canList: true }, settings: { budget: { total: 5 } } } })
  world.vendor('a').trouble.push('lost')
  world.connect()
  await world.clock.run(9_000)
  const { sold, listings } = world.vendor('a')
  expect([sold, listings.length, world.waits.length, world.provider('a').capacity.budgetLeft]).toEqual([1, 1, 1, 4])
})

it.each([
  [1, 1, 1],
  [0, 0, 2],
])(
  'with %s addresses of orders that an earlier process saw no end of, asks %s times first',
  async (unsettled, ...then) => {
    const totals = [{ provider: 'a', total: 1 }]
    const unknown = unsettled === 0 ? [] : [{ id: 1, provider: 'a', limiterKey: 'a', agoMs: 5_000, count: 1 }]
    const restored = { ...nothingRestored, unknown, totals }
    const world = new World({ a: { vendor: { canList: true }, settings: { isRemembered: true } } }, {}, restored)
    world.vendor('a').ends.push(50_000)
    world.supply.restore(restored)
    world.connect()
    await world.clock.run(1_000)
    expect([world.vendor('a').listings.length, world.vendor('a').sold]).toEqual(then)
  },
)

it('asks the vendor what it holds when all channels are taken and it does not know by whom', async () => {
  const world = new World({ a: { vendor: { canList: true, channels: 4 } } })
  world.vendor('a').ends.push(...Array(4).fill(50_000))
  world.connect()
  await world.clock.run(3_000)
  const { calls, listings, sold } = world.vendor('a')
  expect([calls.length, listings.length, sold, world.waits.length, world.pool.size]).toEqual([1, 1, 4, 1, 4])
})

it('waits for the vendor’s edge when what it lists is not all that takes the channels', async () => {
  const world = new World({ a: { vendor: { canList: true, channels: 4 } } })
  const full = { wait: 'earliest-deadline' } as const
  world.vendor('a').trouble.push(...Array(9).fill(new VendorError('quota_exhausted', 'FULL', 'no channel', full)))
  world.connect()
  await world.clock.run(9_000)
  expect([world.vendor('a').calls.length, world.vendor('a').listings.length]).toEqual([2, 1])
})

it('tells how many seconds of the lives that were bought something was open', async () => {
  const world = new World({ a: {} }, { floor: 0 })
  world.connect(20_000)
  await world.clock.run(10_000)
  world.connect(20_000)
  await world.clock.run(100_000)
  const { bought, secondsBought, secondsUsed } = world.provider('a').counts
  // From 0.4 s until 30 s; the two lay over each other.
  expect([bought, Math.round(secondsBought), secondsUsed]).toEqual([1, 60, 29.6])
})

it('orders from a vendor that sells in batches whole ones, and none that does not fit its budget', async () => {
  const world = new World(
    { a: { vendor: { batchSize: 4 }, settings: { budget: { total: 6 } } } },
    { floor: 5, targetLoad: 1 },
  )
  for (let client = 0; client < 6; client++) world.connect(60_000)
  await world.clock.run(9_000)
  const { calls, sold } = world.vendor('a')
  expect([calls.map(({ count }) => count), sold, world.provider('a').capacity.budgetLeft]).toEqual([[4], 4, 2])
})

it('pays for what a vendor brought beyond the order', async () => {
  const world = new World({ a: { vendor: { brings: 3 }, settings: { budget: { total: 10 } } } })
  world.connect()
  await world.clock.run(9_000)
  expect([world.vendor('a').sold, world.provider('a').capacity.budgetLeft]).toEqual([3, 7])
})

it('lends nobody what a trial brought, also when the vendor tells of it again, and counts it', async () => {
  const world = new World({ a: { vendor: { channels: 3 }, settings: { budget: { total: 5 } } } })
  const provider = world.provider('a')
  const life = { kind: 'for', ms: 60_000 } as const
  const sold = [{ host: '192.0.2.9', port: 1_001, protocol: 'http', life } as const]
  const delivery = { sold, rejected: [], sentAt: world.clock.now() }
  await provider.operatorOrders.tryOut(1, async () => delivery)
  await provider.followed({ ...delivery, gone: [] })
  expect([world.pool.size, provider.held, provider.capacity.freeChannels, provider.capacity.budgetLeft]).toEqual([
    0, 1, 2, 4,
  ])
})

it('tries again at once what had stopped when the operator has made a call that worked', async () => {
  const world = new World({ a: {} })
  world.vendor('a').trouble.push(new VendorError('bad_request', 'purchase_unknown', 'nobody knows'))
  world.connect()
  await world.clock.run(1_000)
  expect(world.provider('a').state.kind).toBe('stopped')
  world.provider('a').account.works()
  world.connect()
  await world.clock.run(1_000)
  expect([world.provider('a').state.kind, world.vendor('a').calls.length, world.waits]).toEqual(['ready', 2, [450]])
})

it('says which budget is used up, once, also when a call by hand was the last that fitted', async () => {
  const world = new World({ a: { settings: { budget: { perHour: 2 } } } })
  const provider = world.provider('a')
  for (let call = 0; call < 2; call++)
    await provider.operatorOrders.spend(
      1,
      provider.source.limitOf('extract'),
      async () => 'the vendor’s reply',
      () => undefined,
    )
  world.connect()
  await world.clock.run(1_000)
  const told = world.log.records().filter(({ budget }) => budget !== undefined)
  expect(told).toEqual([expect.objectContaining({ budget: 'perHour', limit: 2, endsInMs: 3_600_000 })])
})

it('says at the start that an earlier process has used the budget up', () => {
  const totals = [{ provider: 'a', total: 2 }]
  const restored = { ...nothingRestored, totals }
  const world = new World({ a: { settings: { budget: { total: 2 }, isRemembered: true } } }, {}, restored)
  world.supply.restore(restored)
  const told = world.log.records().filter(({ budget }) => budget !== undefined)
  expect(told).toEqual([expect.objectContaining({ budget: 'total', limit: 2 })])
})

it('pays for what is new where a vendor lists what is held beside it', async () => {
  const vendor = { listsHeld: true, lifeMs: 300_000 }
  const world = new World({ a: { vendor, settings: { budget: { total: 50 } } } }, { targetLoad: 1 })
  for (let client = 0; client < 8; client++) {
    world.connect(60_000)
    await world.clock.run(2_000)
  }
  const { sold } = world.vendor('a')
  expect(sold).toBeGreaterThan(5)
  expect(world.provider('a').capacity.budgetLeft).toBe(50 - sold)
  expect(world.provider('a').counts.bought).toBe(sold)
})

it('finds lines that were on their way at a restart in the vendor’s list, and buys no others', async () => {
  const world = new World({ a: { vendor: { dialMs: 8_000, channels: 2, canList: true } } }, { floor: 0 })
  const before = world.vendor('a').source(world.accounts)
  await Promise.all([before.extract(2, { signal: new AbortController().signal }), world.clock.run(1_000)])
  world.provider('a').restore([], world.clock.now())
  world.connect()
  await world.clock.run(9_000)
  expect([world.vendor('a').listings.length, world.vendor('a').calls.length, world.waits.length]).toEqual([1, 1, 1])
  expect(world.pool.size).toBe(2)
})

/** A vendor of which an earlier process has ordered lines that are still on their way. */
async function withLinesOnTheWay(vendor: Partial<VendorRules>) {
  const holder = (ref: string) => ({ id: `pending ${ref}`, endsAt: 86_400_000, pendingFor: 'a' })
  const pending = ['line-0', 'line-1'].map((ref) => ({ account: 'a', holder: holder(ref) }))
  const restored = { ...nothingRestored, pending }
  const settings = { isRemembered: true, budget: { total: 10 } }
  const world = new World(
    { a: { vendor: { dialMs: 8_000, channels: 4, ...vendor }, settings } },
    { floor: 0 },
    restored,
  )
  const before = world.vendor('a').source(world.accounts)
  await Promise.all([before.extract(2, { signal: new AbortController().signal }), world.clock.run(1_000)])
  world.supply.restore(restored)
  return world
}

it.each([true, false])(
  'waits for lines that an earlier process has ordered and buys no others, whether the vendor lists them (%s) or not',
  async (canList) => {
    const world = await withLinesOnTheWay({ canList })
    expect([world.provider('a').capacity.freeChannels, world.provider('a').capacity.onTheWay]).toEqual([2, 2])
    world.connect()
    await world.clock.run(9_000)
    const { calls } = world.vendor('a')
    expect([calls.length, world.waits.length, world.pool.size, world.provider('a').capacity.onTheWay]).toEqual([
      1, 1, 2, 0,
    ])
    expect(world.provider('a').capacity.budgetLeft).toBe(10)
  },
)

it('counts lines that an order without a reply has brought, and that have no address yet', async () => {
  const settings = { budget: { total: 10 } }
  const vendor = { dialMs: 70_000, channels: 4, canList: true }
  const world = new World({ a: { vendor, settings } }, { floor: 0, targetLoad: 1 })
  world.vendor('a').trouble.push('lost')
  for (let client = 0; client < 2; client++) world.connect(120_000)
  await world.clock.run(5_000)
  world.connect()
  await world.clock.run(60_000)
  const ordered = world.vendor('a').calls.reduce((sum, { count }) => sum + count, 0)
  expect([world.vendor('a').listings.length, world.provider('a').capacity.budgetLeft]).toEqual([1, 10 - ordered])
})
