import { expect, it } from 'vitest'
import { readinessOf } from '../../../src/admin/reports.ts'
import type { Upstream } from '../../../src/pool/upstream.ts'
import { VendorError } from '../../../src/vendors/contract/error.ts'
import { report, type SupplyOptions, TestSupply } from './supply.ts'

const providerOf = async (options: SupplyOptions, prepare: (supply: TestSupply) => unknown) => {
  const supply = new TestSupply(options)
  await prepare(supply)
  return report(supply)
}
const idle = () => providerOf({}, () => {})
const stopped = () =>
  providerOf({}, (supply) => {
    supply.answer = new VendorError('auth', '401', 'the key is wrong')
    return supply.order(1)
  })

it('does not need a filled pool', async () => {
  expect(readinessOf(true, [await idle()])).toEqual({ ready: true, reasons: [] })
})

it('needs one provider that is able, not all', async () => {
  expect(readinessOf(true, [await stopped(), await idle()]).ready).toBe(true)
})

it('is kept by addresses that a stopped provider still has', async () => {
  const keepsAddresses = await providerOf({}, async (supply) => {
    await supply.buy([60_000])
    supply.answer = new VendorError('expired_plan', '1', 'the plan is over')
    await supply.order(1)
  })
  expect(keepsAddresses.state).toBe('stopped')
  expect(readinessOf(true, [keepsAddresses])).toEqual({ ready: true, reasons: [] })
})

it('ends with the last provider that could buy', async () => {
  const reason = 'provider "acme-a" has no address and can buy none: the key is wrong; next attempt in 600 s'
  expect(readinessOf(true, [await stopped()])).toEqual({ ready: false, reasons: [reason] })
})

it('comes back when the pause is over: else nobody would ever try', async () => {
  const tried = await providerOf({}, async (supply) => {
    supply.answer = new VendorError('auth', '401', 'the key is wrong')
    await supply.order(1)
    supply.clock.advance(600_000)
  })
  expect(tried.state).toBe('stopped')
  expect(readinessOf(true, [tried]).ready).toBe(true)
})

it('is not there while addresses do not work, however many are held', async () => {
  const unusable = await providerOf({}, async (supply) => {
    await supply.buy([60_000, 60_000])
    supply.provider.addressOutcomes.lineDown(2)
  })
  expect(unusable).toMatchObject({ state: 'unusable', alive: 2 })
  const { ready, reasons } = readinessOf(true, [unusable])
  expect([ready, reasons[0]]).toEqual([false, expect.stringContaining('"acme-a" sells addresses that do not work: 2')])
  expect(readinessOf(true, [unusable, await idle()]).ready).toBe(true)
})

it('names the budget, or the channels, that stop the buying', async () => {
  const spent = await providerOf({ provider: { budget: { total: 1 } } }, async (supply) => {
    await supply.buy([10_000])
    supply.pass(10_000)
  })
  const full = await providerOf({ source: { byChannel: true, channels: 1 } }, async (supply) => {
    const [upstream] = await supply.buy([20_000])
    supply.pool.remove(upstream as Upstream, 'blamed')
  })
  expect(readinessOf(true, [spent, full]).reasons).toEqual([
    'provider "acme-a" has no address and can buy none: the budget total of 1 is used up',
    'provider "acme-a" has no address and can buy none: all of its channels are in use; next attempt in 21 s',
  ])
})

it('names the calls, where the vendor allows none now', async () => {
  const called = await providerOf(
    { source: { limitOf: () => ({ calls: 1, perMs: 60_000, key: 'a digest', statedBy: 'get' }) } },
    async (supply) => {
      await supply.buy([10_000])
      supply.pass(10_000)
    },
  )
  expect(readinessOf(true, [called]).reasons).toEqual([
    'provider "acme-a" has no address and can buy none: as many calls as the vendor allows have been made; next attempt in 51 s',
  ])
})

it('ends when the gateway stops listening', async () => {
  const reasons = ['the gateway accepts no connections']
  expect(readinessOf(false, [await idle()])).toEqual({ ready: false, reasons })
})
