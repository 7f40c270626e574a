import { expect, it } from 'vitest'
import { isoTime } from '../../../src/clock.ts'
import type { Upstream } from '../../../src/pool/upstream.ts'
import { VendorError } from '../../../src/vendors/contract/error.ts'
import { report, TestSupply } from './supply.ts'

it('has every member before anything happened', () => {
  const supply = new TestSupply()
  expect(report(supply)).toEqual({
    name: 'acme-a',
    vendor: 'acme',
    product: 'share',
    listsAreas: false,
    state: 'ready',
    reason: null,
    reasonCode: null,
    nextAttemptInSeconds: 0,
    nextAttemptAt: isoTime(supply.clock.wall()),
    lastError: null,
    lastErrorCode: null,
    lastErrorAgoSeconds: null,
    callsMade: 0,
    callsFailed: 0,
    callsLeft: 10,
    nextCallInSeconds: 0,
    windowCalls: 10,
    windowSeconds: 60,
    bought: 0,
    alive: 0,
    leased: 0,
    leases: 0,
    used: 0,
    wasted: 0,
    wastedExpired: 0,
    wastedTooShort: 0,
    evictedByBlame: 0,
    duplicates: 0,
    rejected: 0,
    secondsBought: 0,
    secondsUsed: 0,
    utilisation: null,
    budgetLeft: null,
    budgetTightest: null,
    budgetPerHour: null,
    budgetPerDay: null,
    budgetTotal: null,
    budgetReached: null,
    budgetReachedForSeconds: null,
    balance: null,
    runsLow: false,
    planEndsAt: null,
    planEndsSoon: false,
    held: 0,
    incoming: 0,
    channels: null,
    channelsFree: null,
    tunnels: 0,
    price: null,
    cost: null,
    costPer1000Tunnels: null,
  })
})

it('follows addresses from the purchase to their end', async () => {
  const supply = new TestSupply({ provider: { price: 0.02, lowStock: 100 } })
  await supply.buy([60_000, 60_000, 60_000])
  const lent = supply.open()
  supply.open()
  expect(report(supply, 8)).toMatchObject({
    ...{ bought: 3, alive: 3, leased: 2, leases: 2, used: 2, held: 3, secondsBought: 180, runsLow: false },
    ...{ callsMade: 1, callsLeft: 9, price: 0.02, cost: 0.06, tunnels: 8, costPer1000Tunnels: 7.5 },
  })
  supply.pass(15_000)
  supply.pool.release(lent, true, supply.clock.now())
  expect(report(supply)).toMatchObject({ secondsUsed: 30, utilisation: 0.167 })
  supply.pass(46_000)
  supply.answer = { sold: [], balance: 99 }
  await supply.order(1)
  expect(report(supply)).toMatchObject({
    ...{ bought: 3, alive: 0, leased: 0, leases: 0, used: 2, wasted: 1, wastedExpired: 1, held: 0 },
    ...{ secondsUsed: 15 + 60, utilisation: 0.417 },
    ...{ balance: 99, runsLow: true, tunnels: 0, cost: 0.06, costPer1000Tunnels: null },
  })
})

it('counts what arrives with too little life as wasted', async () => {
  const supply = new TestSupply()
  await supply.buy([4_000, 60_000])
  expect(report(supply)).toMatchObject({ bought: 2, alive: 1, wasted: 1, wastedTooShort: 1, wastedExpired: 0 })
})

it('counts what was given up after failures', async () => {
  const supply = new TestSupply()
  const [upstream] = await supply.buy([60_000])
  supply.pool.remove(upstream as Upstream, 'blamed')
  expect(report(supply)).toMatchObject({ alive: 0, evictedByBlame: 1, wasted: 0, held: 1 })
})

it('tells why it stopped, since when, and when it asks again', async () => {
  const supply = new TestSupply()
  supply.answer = new VendorError('auth', '401', 'the key is wrong', { hint: 'check credentials.key' })
  await supply.order(1)
  supply.clock.advance(90_000)
  const words = 'the key is wrong (check credentials.key)'
  expect(report(supply)).toMatchObject({
    ...{ state: 'stopped', reason: words, nextAttemptInSeconds: 510 },
    nextAttemptAt: isoTime(supply.clock.wall() + 510_000),
    ...{ lastError: words, lastErrorCode: 'GW_VENDOR_AUTH', lastErrorAgoSeconds: 90, callsFailed: 1 },
  })
})

it('keeps the last error when the state is good again', async () => {
  const supply = new TestSupply()
  supply.answer = new VendorError('server', '500', 'broken')
  await supply.order(1)
  supply.clock.advance(5_000)
  await supply.buy([60_000])
  expect(report(supply)).toMatchObject({ state: 'ready', reason: null, lastError: 'broken', lastErrorAgoSeconds: 5 })
})

it('tells what is left of the budget, which one is reached and for how long', async () => {
  const supply = new TestSupply({ provider: { budget: { perHour: 3, total: 50 } } })
  await supply.buy([60_000, 60_000])
  const limits = { budgetPerHour: 3, budgetPerDay: null, budgetTotal: 50 }
  expect(report(supply)).toMatchObject({ ...limits, budgetLeft: 1, budgetTightest: 'perHour', budgetReached: null })
  await supply.buy([60_000])
  supply.clock.advance(600_000)
  expect(report(supply)).toMatchObject({
    ...limits,
    ...{ budgetLeft: 0, budgetReached: 'perHour', budgetReachedForSeconds: 3_000 },
    ...{ state: 'budget-reached', reasonCode: 'GW_BUDGET_REACHED', nextAttemptInSeconds: 3_000 },
  })
})

it('has no time for a budget that does not come back', async () => {
  const supply = new TestSupply({ provider: { budget: { total: 1 } } })
  await supply.buy([60_000])
  const unknown = { budgetReachedForSeconds: null, nextAttemptInSeconds: null, nextAttemptAt: null }
  expect(report(supply)).toMatchObject({ budgetReached: 'total', ...unknown })
})

it('tells channels where they are sold', async () => {
  const supply = new TestSupply({ source: { byChannel: true, channels: 2 } })
  await supply.buy([60_000])
  expect(report(supply)).toMatchObject({ channels: 2, channelsFree: 1, held: 1 })
  await supply.buy([90_000])
  // A second more than was promised: the vendor cuts its times to seconds.
  expect(report(supply)).toMatchObject({ channelsFree: 0, nextAttemptInSeconds: 61 })
})

it('shows orders on their way, and that only their answer frees the window', async () => {
  const supply = new TestSupply()
  supply.answer = new Promise(() => {})
  for (let call = 0; call < 10; call++) void supply.order(2)
  await supply.clock.run(0)
  expect(report(supply)).toMatchObject({ incoming: 20, callsMade: 10, callsLeft: 0, nextCallInSeconds: null })
})
