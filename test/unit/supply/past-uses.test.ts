/** `perUpstream.uses` counts the connections in the whole life of an address: also those before a restart or a reload. */
import { expect, it } from 'vitest'
import { nothingRestored } from '../../../src/store/contract.ts'
import { forgetfulStore } from '../../../src/store/memory.ts'
import { account, World } from './supply-world.ts'

const recorded = account('a', { isRemembered: true })
const oneUse = { floor: 0, uses: 1 }

it('an address that an earlier process has used is not lent again', async () => {
  const used = { id: 'used', provider: 'a', protocol: 'http', host: '192.0.2.200', port: 1 } as const
  const restored = {
    ...nothingRestored,
    upstreams: [
      {
        facts: { ...used, boughtAt: 0, deadline: 60_000 },
        vendorDeadline: 61_000,
        opened: true,
        state: 'alive' as const,
      },
    ],
  }
  const world = new World({ a: { settings: recorded } }, oneUse, restored)
  world.supply.restore(restored)
  world.connect()
  await world.clock.run(2_000)
  expect(world.lent.size).toBe(1)
  expect(world.lent).not.toContain('used')
})

it('an address whose provider is removed and configured again is not lent a second time', async () => {
  const world = new World({ a: { settings: recorded } }, oneUse)
  const { source } = world.provider('a')
  const settings = { ...oneUse, ceiling: 50, targetLoad: 8, idleAfter: 60_000, minLife: 5_000, waitTimeout: 10_000 }
  world.connect(50_000)
  await world.clock.run(2_000)
  world.supply.configure(settings, [])
  world.supply.configure(settings, [{ settings: recorded, source }])
  world.connect()
  await world.clock.run(2_000)
  expect(world.lent.size).toBe(2)
})

it('connections that are open when a provider is removed count when it is configured again', async () => {
  const limits = { floor: 0, connections: 2, ceiling: 1 }
  const world = new World({ a: { settings: recorded } }, limits)
  const { source } = world.provider('a')
  const settings = {
    ...oneUse,
    ...limits,
    uses: 0,
    targetLoad: 8,
    idleAfter: 60_000,
    minLife: 5_000,
    waitTimeout: 10_000,
  }
  world.connect(20_000)
  await world.clock.run(2_000)
  world.supply.configure(settings, [])
  expect(world.supply.isDrained).toBe(false)
  world.supply.configure(settings, [{ settings: recorded, source }])
  for (let n = 0; n < 2; n++) world.connect(30_000)
  await world.clock.run(2_000)
  const [upstream] = [...world.pool.members()]
  expect([world.lent.size, upstream?.leases]).toEqual([1, 2])
  await world.clock.run(18_000)
  expect([world.waits.length, world.denials.length, upstream?.leases]).toEqual([2, 1, 1])
  expect(world.supply.isDrained).toBe(true)
})

it('uses are recorded at a stop also where the message that the address works was lost', async () => {
  const said: (number | undefined)[] = []
  const store = { ...forgetfulStore(), opened: (_id: string, uses?: number) => void said.push(uses) }
  const world = new World({ a: { settings: recorded } }, { floor: 0, uses: 4 }, undefined, { store })
  world.connect(50_000)
  await world.clock.run(2_000)
  for (const upstream of world.pool.members()) Object.assign(upstream, { worked: false, uses: 3, usesReserved: 0 })
  said.length = 0
  world.supply.recordUses()
  expect(said).toEqual([3])
})

it('an address that the vendor lists once more after its deadline here has the uses of before', async () => {
  const rules = { floor: 0, uses: 3, minLife: 100 }
  const world = new World({ a: { settings: recorded, vendor: { canList: true } } }, rules)
  world.connect()
  await world.clock.run(2_000)
  const [used = ''] = world.lent
  await world.clock.run(53_000)
  expect(world.pool.get(used)).toBeUndefined()
  world.vendor('a').trouble.push('lost')
  world.connect()
  await world.clock.run(2_000)
  const { uses = 0, opened = 0 } = world.pool.get(used) ?? {}
  expect([world.vendor('a').listings.length, uses - opened]).toEqual([1, 1])
})

it.each(['alive', 'doubtful'] as const)(
  'an address of an earlier process has the uses of before when the vendor lists it and it was not lent until then (%s)',
  async (state) => {
    const vendor = { lifeMs: 31_000, canList: true }
    const before = new World({ a: { settings: recorded, vendor } }, oneUse)
    before.connect(50_000)
    await before.clock.run(2_000)
    const upstreams = [...before.pool.members()].map(({ facts }) => ({
      ...{ facts: { ...facts, boughtAt: -27_000, deadline: 900 }, vendorDeadline: 5_000 },
      ...{ opened: true, uses: 2, state },
    }))
    const unknown = [{ id: 1, provider: 'a', limiterKey: 'a', agoMs: 1_000, count: 1 }]
    const restored = { ...nothingRestored, upstreams, unknown }
    const world = new World({ a: { settings: recorded, vendor } }, { floor: 0, uses: 4, minLife: 1_000 }, restored)
    world.vendor('a').ends.push(4_000)
    world.supply.restore(restored)
    const { id = '' } = upstreams[0]?.facts ?? {}
    expect(world.pool.get(id)).toBeUndefined()
    world.connect()
    await world.clock.run(1_000)
    const { uses = 0, opened = 0 } = world.pool.get(id) ?? {}
    expect([world.vendor('a').listings.length, uses - opened]).toEqual([1, 2])
  },
)
