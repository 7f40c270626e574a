/** What each bad day is called, and how it is to be mended. */
import { expect, it } from 'vitest'
import { readinessOf } from '../../../src/admin/reports.ts'
import { verdictOf } from '../../../src/admin/verdict.ts'
import type { ProviderReport } from '../../../src/admin/view.ts'
import { VendorError } from '../../../src/vendors/contract/error.ts'
import { report, TestSupply } from './supply.ts'

const idle = { connections: 0, tunnels: 0, waiting: 0, sessions: 0 }

function verdict(providers: readonly ProviderReport[], gauges = idle, lendable = 0) {
  const { ready } = readinessOf(true, providers)
  return verdictOf({ isListening: true, isReady: ready, providers, gauges, lendable })
}

async function failing(error: Error, alive = 0): Promise<ProviderReport> {
  const supply = new TestSupply()
  if (alive > 0) await supply.buy(Array<number>(alive).fill(60_000))
  supply.answer = error
  await supply.order(1)
  return report(supply)
}

it.each([
  [new VendorError('auth', '401', 'the key is wrong'), 'key-wrong', 'retry'],
  [new VendorError('whitelist', '9', 'the address is not listed'), 'whitelist-missing', 'retry'],
  [new VendorError('expired_plan', '1', 'the plan is over'), 'plan-expired', 'retry'],
  [new VendorError('bad_request', '2', 'num is too large'), 'request-wrong', null],
  [new VendorError('quota_exhausted', '3', 'nothing is left today'), 'quota-used-up', 'retry'],
  [new VendorError('no_resource', '4', 'no address is free'), 'sold-out', 'retry'],
  [new VendorError('server', '500', 'the vendor is down'), 'vendor-down', 'retry'],
  [new VendorError('rate_limited', '5', 'too many calls'), 'calls-used-up', null],
])('%s', async (error, code, action) => {
  const { level, findings } = verdict([await failing(error)])
  expect(level).toBe('critical')
  expect(findings).toMatchObject([{ level, code, provider: 'acme-a', action }])
  expect(findings[0]?.sentence).toContain(error.message)
  expect(`${findings[0]?.sentence}${findings[0]?.remedy}`).not.toMatch(/[{}]/)
})

it('is only a warning while addresses are left', async () => {
  expect(verdict([await failing(new VendorError('auth', '401', 'wrong'), 2)], idle, 2).level).toBe('warning')
})

it('names the budget that is used up, and when it is not any more', async () => {
  const supply = new TestSupply({ provider: { budget: { perHour: 2 } } })
  await supply.buy([60_000, 60_000])
  expect(report(supply)).toMatchObject({ state: 'budget-reached', reasonCode: 'GW_BUDGET_REACHED' })
  expect(verdict([report(supply)]).findings[0]).toMatchObject({
    ...{ level: 'warning', code: 'budget-reached' },
    params: { provider: 'acme-a', which: 'perHour', limit: 2, seconds: 3_600 },
    sentence: expect.stringContaining('the next address may be bought in 1 h 00 min.'),
  })
})

it('names a budget that is smaller than what the vendor sells at once: no time helps', async () => {
  const supply = new TestSupply({ provider: { budget: { perHour: 0 } } })
  const { findings } = verdict([report(supply)])
  expect(findings).toMatchObject([{ code: 'budget-too-small', params: { which: 'perHour', limit: 0 } }])
  expect(`${findings[0]?.sentence}${findings[0]?.remedy}`).not.toMatch(/[{}]/)
})

it('tells the budget that does not come back from one that does', async () => {
  const supply = new TestSupply({ provider: { budget: { total: 1 } } })
  await supply.buy([60_000])
  expect(verdict([report(supply)]).findings[0]?.code).toBe('budget-total-reached')
})

it('names what failed last of a provider whose addresses do not work: the addresses, or its vendor', async () => {
  const supply = new TestSupply()
  const [first] = await supply.buy([60_000])
  supply.provider.addressOutcomes.lineDown(5)
  expect(verdict([report(supply)]).findings[0]?.code).toBe('addresses-unusable')
  if (first !== undefined) supply.pool.remove(first, 'evicted')
  supply.answer = new VendorError('server', 'network', 'the API cannot be reached')
  supply.pass(60_000)
  await supply.order(1)
  expect(report(supply).state).toBe('unusable')
  expect(verdict([report(supply)]).findings[0]).toMatchObject({
    code: 'vendor-down',
    sentence: 'acme-a: the vendor cannot be reached or fails: the API cannot be reached.',
  })
})

it('warns of a provider that has stopped because no address of its replies can be used, while others serve', () => {
  const supply = new TestSupply()
  const stopped = { ...report(supply), state: 'stopped', reasonCode: 'GW_NO_SUPPLY', reason: 'no address' } as const
  expect(verdict([report(supply), { ...stopped, name: 'other' }]).findings).toMatchObject([
    { level: 'warning', code: 'replies-unusable' },
  ])
})

it('warns of a plan that ends within expiresSoon, and not before', async () => {
  const day = 86_400_000
  const supply: TestSupply = new TestSupply({
    provider: { expiresSoonMs: 3 * day },
    source: { accountNow: async () => ({ endsAt: supply.clock.wall() + 3 * day + 60_000 }) },
  })
  // The first question comes a minute after the first client.
  supply.provider.wanted(supply.clock.now(), supply.clock.now() + 120_000)
  await supply.clock.run(59_000)
  expect(report(supply).planEndsAt).toBeNull()
  await supply.clock.run(1_000)
  supply.provider.wanted(supply.clock.now(), supply.clock.now() + 120_000)
  await supply.clock.run(0)
  expect(verdict([report(supply)]).findings.map(({ code }) => code)).toEqual(['no-demand'])
  await supply.clock.run(60_001)
  const at = new Date(supply.clock.wall() + 3 * day - 1).toISOString()
  expect(verdict([report(supply)]).findings).toMatchObject([
    {
      ...{ level: 'warning', code: 'plan-ends-soon', provider: 'acme-a', params: { provider: 'acme-a', at } },
      sentence: `acme-a: the plan at the vendor ends at ${at}.`,
    },
  ])
})

it('puts the worst first', async () => {
  const supply = new TestSupply({ provider: { lowStock: 100 } })
  supply.answer = { sold: [], balance: 5 }
  await supply.order(1)
  const waiting = { ...idle, waiting: 3 }
  const { findings } = verdict([report(supply), await failing(new VendorError('auth', '401', 'wrong'))], waiting)
  expect(findings.map(({ code }) => code)).toEqual(['key-wrong', 'sold-out', 'balance-low', 'clients-wait'])
})

it('is well with nothing to do, and while it works', async () => {
  const supply = new TestSupply()
  expect(verdict([report(supply)]).findings).toMatchObject([{ level: 'ok', code: 'no-demand' }])
  const busy = verdict([report(supply)], { ...idle, connections: 4, tunnels: 3 }, 2)
  expect(busy.findings).toMatchObject([{ level: 'ok', code: 'all-well', params: { ready: 2, tunnels: 3 } }])
})

it('is not well while clients would get no address, although nothing is wrong', async () => {
  const supply = new TestSupply({
    source: { limitOf: () => ({ calls: 1, perMs: 60_000, key: 'a digest', statedBy: 'get' }) },
  })
  await supply.buy([10_000])
  supply.pass(10_000)
  expect(verdict([report(supply)])).toMatchObject({
    level: 'notice',
    findings: [
      {
        code: 'provider-waiting',
        sentence: 'acme-a waits: as many calls as the vendor allows have been made.',
        action: null,
      },
    ],
  })
})

it('blames no provider for a store that does not answer', () => {
  const parts = { isListening: true, isReady: false, providers: [report(new TestSupply())], gauges: idle, lendable: 0 }
  const { findings } = verdictOf({ ...parts, isStoreDown: true })
  expect(findings.map(({ level, code }) => [level, code])).toEqual([['critical', 'cluster-store-down']])
})

it('says that nobody can connect, before anything else', () => {
  const parts = { isReady: false, providers: [report(new TestSupply())], gauges: idle, lendable: 0 }
  expect(verdictOf({ ...parts, isListening: false }).findings[0]?.code).toBe('not-listening')
})
