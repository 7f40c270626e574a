/**
 * A reload replaces a provider by one with another source while an order of the former is under way. What its reply brings, or
 * what the loss of its reply leaves open, is the successor's to ask for: the former asks its vendor nothing more.
 */
import { expect, it } from 'vitest'
import type { Operation } from '../../../src/vendors/contract/operation.ts'
import { account, SimulatedVendor, type VendorRules, World } from './supply-world.ts'

const recorded = account('a', { isRemembered: true })
const rules = {
  floor: 0,
  ceiling: 50,
  targetLoad: 8,
  idleAfter: 60_000,
  minLife: 5_000,
  uses: 0,
  waitTimeout: 10_000,
}

/** A client waits, its order has left, and a reload gives the provider another source of the same account. */
async function reloadDuringOrder(vendor: Partial<VendorRules>, trouble?: 'lost'): Promise<World> {
  const world = new World({ a: { settings: recorded, vendor } }, { floor: 0 })
  const simulated = world.vendor('a')
  if (trouble !== undefined) simulated.trouble.push(trouble)
  world.connect(60_000)
  await world.clock.run(100)
  expect(simulated.calls).toHaveLength(1)
  world.supply.configure(rules, [{ settings: recorded, source: simulated.source(world.accounts) }])
  return world
}

it('asks for the lines that the order of the former brings', async () => {
  const world = await reloadDuringOrder({ dialMs: 4_000 })
  await world.clock.run(9_000)
  expect([world.lent.size, world.denials]).toEqual([1, []])
  expect(world.vendor('a').calls).toHaveLength(1)
})

it('asks the vendor what an order of the former bought whose reply was lost', async () => {
  const world = await reloadDuringOrder({ canList: true }, 'lost')
  await world.clock.run(9_000)
  expect(world.vendor('a').listings).not.toEqual([])
  expect(world.vendor('a').sold).toBe(1)
  expect([world.lent.size, world.denials]).toEqual([1, []])
})

it('knows how short the addresses of the former lived when it settles what an order of the former lost', async () => {
  const settings = { ...recorded, budget: { total: 9 } }
  let latencyMs = 100
  const vendor = { canList: true, lifeMs: 8_000, latencyMs: () => latencyMs, way: () => 0.1 }
  const world = new World({ a: { settings, vendor } }, { floor: 0 })
  const simulated = world.vendor('a')
  world.connect(1_000)
  await world.clock.run(20_000)
  expect(simulated.sold).toBe(1)
  // What it bought has ended when the reply is given up, and the vendor does not list it.
  latencyMs = 12_000
  simulated.trouble.push('lost')
  world.connect(500)
  await world.clock.run(100)
  world.supply.configure(rules, [{ settings, source: simulated.source(world.accounts) }])
  await world.clock.run(11_500)
  latencyMs = 100
  world.connect(10_000)
  await world.clock.run(10_000)
  expect(simulated.listings).toHaveLength(1)
  expect(9 - world.provider('a').capacity.budgetLeft).toBe(simulated.sold)
})

it.each([
  ['was lost', 600],
  ['is lost afterwards', 100],
])(
  'an order whose reply %s stays booked when the reload brings the key of another account',
  async (_, reloadAfterMs) => {
    const settings = { ...recorded, budget: { total: 9 } }
    const world = new World({ a: { settings, vendor: { canList: true } } }, { floor: 0 })
    const [former, next] = [world.vendor('a'), new SimulatedVendor('another key', world.clock, { canList: true })]
    former.trouble.push('lost')
    const leave = world.connect()
    await world.clock.run(reloadAfterMs)
    leave()
    world.supply.configure(rules, [{ settings, source: next.source(world.accounts) }])
    await world.clock.run(1_000)
    world.connect(60_000)
    await world.clock.run(20_000)
    expect([former.sold, next.sold]).toEqual([1, 1])
    expect(9 - world.provider('a').capacity.budgetLeft).toBe(2)
  },
)

it.each([
  [1_000, 2],
  [120_000, 3],
])('an order whose reply was lost %i ms before a reload holds no other channels than its own', async (agoMs, free) => {
  const settings = { ...recorded }
  const world = new World({ a: { settings, vendor: { channels: 3, lifeMs: 20_000 } } }, { floor: 0 })
  world.vendor('a').trouble.push('lost')
  const leave = world.connect()
  await world.clock.run(600)
  leave()
  await world.clock.run(agoMs)
  world.supply.configure(rules, [{ settings, source: world.vendor('a').source(world.accounts) }])
  expect(world.provider('a').capacity.freeChannels).toBe(free)
})

it('the limit of a provider that is removed does not bind the others of its account', async () => {
  const world = new World({ a: {}, b: { sharesWith: 'a' } }, { floor: 0 })
  const { source } = world.provider('b')
  const [slow, fast] = [
    { calls: 1, perMs: 60_000 },
    { calls: 60, perMs: 60_000 },
  ]
  const stating = (name: string, limit: typeof slow) => {
    const window = { key: 'a', statedBy: `${name} extract`, ...limit }
    return { ...source, operations: source.operations, limitOf: () => window, window }
  }
  const operations = { extract: {} as Operation }
  const [former, kept] = [
    { ...stating('a', slow), operations },
    { ...stating('b', fast), operations },
  ]
  const settings = (name: string) => account(name)
  const both = [
    { settings: settings('a'), source: former },
    { settings: settings('b'), source: kept },
  ]
  world.supply.configure(rules, both)
  world.connectTo('a')
  world.connectTo('b')
  await world.clock.run(2_000)
  expect(world.provider('b').capacity.window.allowed).toBe(1)
  world.supply.configure(rules, both.slice(1))
  await world.clock.run(2_000)
  expect(world.provider('b').capacity.window.allowed).toBe(60)
})
