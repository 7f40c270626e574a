/** Orders that run on at the vendor, or got no verdict: ipipv's static instances, bought through the whole supply. */
import { expect, it } from 'vitest'
import type { SourceMemory } from '../../../src/vendors/client/contract.ts'
import type { VendorHttp } from '../../../src/vendors/client/http.ts'
import { VendorError } from '../../../src/vendors/contract/error.ts'
import { openSource } from '../../../src/vendors/registry.ts'
import type { FakeClock } from '../../support/fake-clock.ts'
import { SimulatedIpipv } from '../../support/vendors/ipipv.ts'
import { settingsOf } from '../vendors/scripted-http.ts'
import { World } from './supply-world.ts'

const credentials = { appKey: 'INVENTED-APP', appSecret: 'qwertyuiop123456asdfghjk' }
const purchase = { productNo: 'mb_1', maxPrice: 10 }

/** What becomes of a call: it arrives or not, and so does its reply. */
type Luck = () => 'served' | 'missed' | 'lost'

const always: Luck = () => 'served'

function gateway(
  count = 3,
  share = 1,
  written?: unknown,
  { luck = always, lifeMs = 86_400_000, perDay = 10, more = {} } = {},
) {
  const made: { sim?: SimulatedIpipv } = {}
  const world = new World(
    {
      ipipv: {
        settings: { budget: { perDay } },
        open: (clock: FakeClock, accounts) => {
          let sold = 0
          const supplyAddress = () => ({ host: `198.51.100.${++sold}`, port: 4_000 + sold })
          made.sim = new SimulatedIpipv({ clock, ...credentials, supplyAddress, lifeMs })
          const http: VendorHttp = {
            call: async ({ url, body = '' }, signal) => {
              const sentAt = clock.now()
              await clock.sleep(100, signal)
              const fate = luck()
              if (fate === 'missed') throw new VendorError('server', 'timeout', 'no answer')
              const { status, body: text } = made.sim?.handle(url.pathname, body) ?? expect.fail('no vendor')
              if (fate === 'lost') throw new VendorError('server', 'network', 'the reply broke off')
              return { status, headers: {}, text, sentAt, vendorWallMs: undefined }
            },
            close: () => Promise.resolve(),
          }
          let saved = written
          const memory: SourceMemory = {
            load: () => Promise.resolve(saved),
            save: async (value) => {
              saved = structuredClone(value)
            },
          }
          const settings = settingsOf({
            vendor: 'ipipv',
            product: 'static',
            credentials,
            limit: { share },
            own: { purchase: { ...purchase, count }, ...more },
          })
          return openSource(settings, { clock, http, memory, gate: accounts.gate, learnedOf: accounts.learnedOf })
        },
      },
    },
    { floor: 1 },
  )
  const sim = made.sim ?? expect.fail('no vendor')
  const provider = world.supply.provider('ipipv') ?? expect.fail('no provider')
  const calls = (path: string) => sim.calls.filter((call) => call.path.includes(`/${path}/v2`)).length
  /** A client a second, for so many seconds. */
  const clients = async (seconds: number) => {
    const before = world.denials.length
    for (let second = 0; second < seconds; second++) {
      void world.connect(500)
      await world.clock.run(1_000)
    }
    return world.denials.length - before
  }
  return { world, sim, provider, calls, clients }
}

it('an order that runs is booked until it ends, then paid once, and the waiting client is served', async () => {
  const { world, sim, provider, clients } = gateway()
  await clients(3)
  expect([world.pool.size, provider.capacity.budgetLeft, provider.capacity.onTheWay]).toEqual([0, 9, 1])
  expect(await clients(20)).toBe(0)
  expect([world.pool.size, provider.capacity.budgetLeft, provider.capacity.onTheWay]).toEqual([1, 9, 0])
  expect(sim.orders).toHaveLength(1)
})

it('an order without a reply that took the whole budget is asked about when clients come back', async () => {
  let isDown = true
  let calls = 0
  const luck: Luck = () => (!isDown || ++calls === 1 ? 'served' : calls === 2 ? 'lost' : 'missed')
  const { world, sim, clients } = gateway(1, 1, undefined, { luck, perDay: 1 })
  await clients(3)
  await world.clock.run(600_000)
  isDown = false
  await clients(20)
  expect(await clients(10)).toBe(0)
  expect(sim.orders).toHaveLength(1)
})

it('an order of several calls is completed where one call a second is allowed', async () => {
  // It held the only slot of the window until its end, so that its own second call waited for ever.
  const { sim, clients } = gateway(1, 0.5)
  await clients(20)
  expect(await clients(10)).toBe(0)
  expect(sim.orders).toHaveLength(1)
})

it('orders that are due at once do not wait for each other', async () => {
  // Both slots of the window were held by orders, and the first one's second call waited for ever.
  const { world, sim, clients } = gateway(2)
  for (let client = 0; client < 20; client++) {
    void world.connect(500)
    await world.clock.run(1)
  }
  await clients(20)
  expect(await clients(10)).toBe(0)
  expect(sim.orders).toHaveLength(1)
})

it('an order that fails gives its budget back, and says so', async () => {
  const { sim, provider, clients } = gateway(1)
  sim.orderStatus = 4
  await clients(60)
  expect(provider.lastError?.words).toMatch(/failed at ipipv/)
  sim.orderStatus = 3
  await clients(60)
  expect(await clients(10)).toBe(0)
  expect(provider.capacity.budgetLeft).toBe(9)
})

it('a lost reply stops buying until the vendor has been asked for the order by its own number', async () => {
  const { world, sim, provider, clients } = gateway(1)
  sim.losesNextOrder = true
  await clients(2)
  sim.badDay = undefined
  expect(provider.capacity.budgetLeft).toBe(9)
  await clients(40)
  expect(await clients(10)).toBe(0)
  expect([sim.orders.length, world.pool.size, provider.capacity.budgetLeft]).toEqual([1, 1, 9])
})

it('clients that wait for the first instance are served although the reply to its order was lost', async () => {
  const { world, sim, clients } = gateway(1)
  sim.losesNextOrder = true
  await clients(1)
  sim.badDay = undefined
  await clients(20)
  expect([world.denials, sim.orders.length]).toEqual([[], 1])
})

it('an instance counts in the budget once, also when it works later than its order has ended, or stands still for a while', async () => {
  const { world, sim, provider, clients } = gateway(1)
  sim.newStatus = 2
  await clients(30)
  const [instance] = sim.orders.flatMap(({ instances }) => instances)
  if (instance === undefined) expect.fail('nothing was ordered')
  expect([world.pool.size, provider.capacity.budgetLeft]).toEqual([0, 9])
  instance.status = 3
  await clients(30)
  expect([world.pool.size, provider.capacity.budgetLeft]).toEqual([1, 9])
  instance.status = 6
  await clients(700)
  expect(world.pool.size).toBe(0)
  instance.status = 3
  await clients(60)
  expect([world.pool.size, provider.capacity.budgetLeft, sim.orders.length]).toEqual([1, 9, 1])
}, 60_000)

it('an order stays paid when the call that follows its end fails', async () => {
  let isArmed = true
  const luck: Luck = () => {
    const { path = '', at = 0 } = sim.calls.at(-1) ?? {}
    const hasToldEnd = path.includes('/order/') && sim.orders.some(({ endsAt }) => at >= endsAt)
    if (!isArmed || !hasToldEnd) return 'served'
    isArmed = false
    return 'missed'
  }
  const { world, sim, provider, clients } = gateway(1, 1, undefined, { luck })
  await clients(60)
  expect([isArmed, world.pool.size, sim.orders.length, provider.capacity.budgetLeft]).toEqual([false, 1, 1, 9])
})

it('a callback has held instances asked about at once, without a client', async () => {
  const { world, calls, clients } = gateway()
  await clients(20)
  await world.clock.run(300_000)
  const before = calls('instance')
  world.supply.hint()
  await world.clock.run(1_000)
  expect(calls('instance')).toBe(before + 1)
})

it('what was written down and cannot be read costs neither a call nor budget', async () => {
  const { sim, provider, clients } = gateway(1, 1, { version: 2 })
  expect(await clients(10)).toBe(10)
  expect([sim.orders.length, provider.capacity.budgetLeft, provider.state.kind]).toEqual([0, 10, 'stopped'])
  expect(provider.lastError?.words).toMatch(/cannot be read/)
})

it('serves nearly all clients while every tenth reply is lost, and buys nothing twice', async () => {
  let calls = 0
  // Every twentieth call does not arrive, and the reply to every twentieth is lost.
  const luck: Luck = () => (++calls % 20 === 7 ? 'missed' : calls % 20 === 17 ? 'lost' : 'served')
  const { sim, provider, clients } = gateway(4, 1, undefined, { luck, lifeMs: 90_000, perDay: 1_000 })
  await clients(60)
  const denied = await clients(1_800)
  expect(denied).toBeLessThan(1_800 * 0.05)
  const made = sim.orders.flatMap(({ instances }) => instances).length
  expect(provider.capacity.budgetLeft).toBe(1_000 - made)
  expect(sim.orders.length).toBeGreaterThan(15)
}, 60_000)

it('renews what ends soon while clients come, within the budget, and keeps the address', async () => {
  const renew = { before: 600_000, maxPrice: 10, cycleTimes: 1 }
  const { world, sim, provider, clients, calls } = gateway(1, 1, undefined, { lifeMs: 1_200_000, more: { renew } })
  await clients(20)
  const [first] = [...world.pool.members()]
  expect(await clients(1_400)).toBe(0)
  expect(sim.orders.map(({ orderNo }) => orderNo)).toEqual(['C1', 'R2'])
  expect([...world.pool.members()]).toEqual([first])
  expect(provider.capacity.budgetLeft).toBe(8)
  // Nobody comes: it ends. The last client was 600 s before the end at the latest.
  await world.clock.run(3_600_000)
  expect(calls('instance/renew')).toBe(1)
}, 60_000)

it('a renewal that costs too much is not made, and another instance is bought at the end', async () => {
  const renew = { before: 600_000, maxPrice: 9, cycleTimes: 1 }
  const { sim, provider, clients, calls } = gateway(1, 1, undefined, { lifeMs: 1_200_000, more: { renew } })
  expect(await clients(1_300)).toBeLessThan(20)
  expect(calls('instance/renew')).toBe(0)
  expect(sim.orders.map(({ orderNo }) => orderNo)).toEqual(['C1', 'C2'])
  expect(provider.state.kind).not.toBe('stopped')
}, 60_000)
