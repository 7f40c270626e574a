import fc from 'fast-check'
import { expect, it, vi } from 'vitest'
import { deadlineText, Stock } from '../../../src/demo/stock.ts'
import { chinaTime } from '../../../src/vendors/parse/time.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const log = { info: () => {}, warn: () => {} }

/** The demo vendor's stock. Upstreams are opened for real, on loopback: what is tested is what happens while they open. */
function stockOf(nextHost: () => string) {
  const clock = new FakeClock()
  const warnings: string[] = []
  const warn = (_facts: object, message: string) => warnings.push(message)
  const stock = new Stock(
    { channels: 4, life: [60_000, 60_000], reach: undefined, nextHost },
    { clock, log: { ...log, warn } },
  )
  return { stock, clock, warnings }
}

it('also stops what was still being opened when it closed', async () => {
  const { stock, clock } = stockOf(() => '127.0.0.1')
  const sale = stock.sell(4, {})
  await stock.close()
  await sale
  expect(stock.held).toEqual([])
  expect(clock.pendingTimers).toBe(0)
  expect(await stock.sell(1, {})).toBe('INTERNAL_ERROR')
})

it('counts what is being opened against the channels', async () => {
  const { stock } = stockOf(() => '127.0.0.1')
  const sales = await Promise.all([stock.sell(3, {}), stock.sell(3, {}), stock.sell(3, {})])
  expect(sales.map((sold) => (typeof sold === 'string' ? sold : sold.length))).toEqual([3, 1, 'NO_AVAILABLE_CHANNEL'])
  await stock.close()
})

it('sets its timers again after the machine slept', async () => {
  const { stock, clock } = stockOf(() => '127.0.0.1')
  await stock.sell(2, {})
  clock.suspend(10_000)
  expect(clock.pendingTimers).toBe(2)
  clock.advance(49_999)
  expect(stock.held).toHaveLength(2)
  clock.advance(1)
  expect(stock.held).toHaveLength(0)
  await stock.close()
})

it('sells what could be opened, logs what could not, and keeps no channel for it', async () => {
  const hosts = ['127.0.0.1', '203.0.113.1', '127.0.0.1', '203.0.113.1'] // 203.0.113.0/24 belongs to no machine
  const { stock, warnings } = stockOf(() => hosts.shift() ?? '127.0.0.1')
  expect(await stock.sell(4, {})).toHaveLength(2)
  expect(warnings).toEqual(Array(2).fill('a demo upstream could not be started'))
  expect(await stock.sell(4, {})).toHaveLength(2)
  expect(await stock.sell(1, {})).toBe('NO_AVAILABLE_CHANNEL')
  await stock.close()
})

it('lets go of the clock when it closes', async () => {
  const forget = vi.fn()
  const clock = Object.assign(new FakeClock(), { onWake: () => forget })
  const stock = new Stock(
    { channels: 1, life: [60_000, 60_000], reach: undefined, nextHost: () => '127.0.0.1' },
    { clock, log },
  )
  await stock.close()
  expect(forget).toHaveBeenCalledOnce()
})

it('says so when nothing could be opened', async () => {
  const { stock } = stockOf(() => '203.0.113.1')
  expect(await stock.sell(2, {})).toBe('INTERNAL_ERROR')
  await stock.close()
})

it('sells from the place that it has least of, the one that the documents name first', async () => {
  const { stock, clock } = stockOf(() => '127.0.0.1')
  const countries = () => stock.held.map(({ place }) => place.country)
  await stock.sell(1, {})
  await stock.sell(2, {})
  expect(countries()).toEqual(['JP', 'CN', 'CN'])
  clock.advance(50_000)
  await stock.sell(1, {})
  // The first one has no more than 15 s left: its successor is sold.
  expect(countries()).toEqual(['JP', 'CN', 'CN', 'JP'])
  await stock.close()
})

it('lets every address live for at least the shortest and at most the longest life', async () => {
  const clock = new FakeClock({ wall: 1_766_000_000_999 })
  const options = { channels: 50, life: [60_000, 62_500] as const, reach: undefined, nextHost: () => '127.0.0.1' }
  const stock = new Stock(options, { clock, log })
  await stock.sell(50, {})
  const lives = stock.held.map((address) => address.expiresAt - clock.now())
  expect(new Set(lives)).toEqual(new Set([60_001, 61_001, 62_001]))
  await stock.close()
})

it('writes deadlines in +08:00, as the vendors’ documents do', () => {
  expect(deadlineText(1_677_310_716_999)).toBe('2023-02-25 15:38:36')
  expect(deadlineText(1_677_254_400_000)).toBe('2023-02-25 00:00:00')
  const instants = fc.integer({ min: 0, max: 4_102_444_799_999 }) // 1970 to 2099
  fc.assert(
    fc.property(instants, (wallMs) => {
      expect(chinaTime(deadlineText(wallMs))).toBe(Math.floor(wallMs / 1000) * 1000)
    }),
    { numRuns: 300 },
  )
})
