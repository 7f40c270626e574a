import { expect, it } from 'vitest'
import type { CallWindow } from '../../../src/store/account-store.ts'
import { LocalAccountStore } from '../../../src/store/local-account-store.ts'
import { forgetfulStore } from '../../../src/store/memory.ts'
import { Accounts } from '../../../src/supply/account.ts'
import { VendorError } from '../../../src/vendors/contract/error.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { World } from './supply-world.ts'

it('never asks for more channels than one key has, over all providers that use it', async () => {
  const world = new World({ a: { vendor: { channels: 4 } }, b: { sharesWith: 'a' } }, { targetLoad: 1, ceiling: 20 })
  for (let i = 0; i < 12; i++) {
    world.connectTo('a', 20_000)
    world.connectTo('b', 20_000)
    await world.clock.run(500)
  }
  await world.clock.run(120_000)
  expect(world.vendor('a').violations).toEqual([])
  expect(world.provider('a').account).toBe(world.provider('b').account)
  expect(world.vendor('a').sold).toBeGreaterThan(4)
})

// qg: /pool lists what /get of the same key has sold.
it('takes nothing that another provider of the key holds from an order that lists what is held', async () => {
  const world = new World({ a: { vendor: { channels: 6, listsHeld: true } }, b: { sharesWith: 'a' } })
  world.connectTo('a', 20_000)
  await world.clock.run(2_000)
  world.connectTo('b', 20_000)
  await world.clock.run(2_000)
  expect(world.waits).toHaveLength(2)
  const held = world.provider('a').held + world.provider('b').held
  expect([held, world.provider('a').capacity.freeChannels]).toEqual([world.vendor('a').sold, 6 - held])
})

it('a list that shows what a lost order of another provider of the key has bought settles that one', async () => {
  const budget = { total: 20 }
  const vendor = { canList: true, channels: 12 }
  const accounts = { a: { vendor, settings: { budget } }, b: { sharesWith: 'a', settings: { budget } } }
  const world = new World(accounts, { floor: 0, targetLoad: 1 })
  const silence = new VendorError('server', 'timeout', 'the vendor did not answer', { sale: 'unknown' })
  // Two addresses of a, and none of b; the first look-up is that of b.
  for (let client = 0; client < 2; client++) world.connectTo('a', 20_000)
  world.vendor('a').trouble.push('lost', 'lost', silence)
  await world.clock.run(700)
  world.provider('a').pause()
  world.connectTo('b', 20_000)
  await world.clock.run(5_000)
  world.provider('a').resume()
  world.connectTo('a', 20_000)
  await world.clock.run(20_000)
  const left = world.provider('a').capacity.budgetLeft + world.provider('b').capacity.budgetLeft
  expect(40 - left).toBe(world.vendor('a').sold)
})

it('a list settles no order of another provider of the key that is older than the list is certain to reach', async () => {
  const budget = { total: 50 }
  const lives = { usual: 20_000, next: 20_000 }
  const vendor = { canList: true, lifeMs: () => lives.next }
  const accounts = { a: { vendor, settings: { budget } }, b: { sharesWith: 'a', settings: { budget } } }
  const world = new World(accounts, { floor: 0, targetLoad: 1 })
  const silence = new VendorError('server', 'timeout', 'the vendor did not answer')
  for (const name of ['a', 'b']) world.connectTo(name, 5_000)
  await world.clock.run(40_000)
  // The first address of two lost orders of a has ended when b asks for the list, the second is in it.
  world.vendor('a').lookupTrouble.push(...Array(9).fill(silence))
  for (const lifeMs of [8_000, 20_000]) {
    lives.next = lifeMs
    world.vendor('a').trouble.push('lost')
    world.connectTo('a', 1_000)
    await world.clock.run(lifeMs === 8_000 ? 11_000 : 2_000)
  }
  world.provider('a').pause()
  world.vendor('a').lookupTrouble.length = 0
  world.vendor('a').trouble.push('lost')
  world.connectTo('b', 20_000)
  await world.clock.run(20_000)
  expect(world.vendor('a').listings.length).toBeGreaterThan(0)
  const left = world.provider('a').capacity.budgetLeft + world.provider('b').capacity.budgetLeft
  expect(100 - left).toBe(world.vendor('a').sold)
})

it('a list settles no order of another provider of the key whose addresses live too short for it', async () => {
  const budget = { total: 50 }
  const lives = { next: 6_000 }
  const vendor = { canList: true, lifeMs: () => lives.next }
  const accounts = { a: { vendor, settings: { budget } }, b: { sharesWith: 'a', settings: { budget } } }
  const world = new World(accounts, { floor: 0, targetLoad: 1, minLife: 1_000 })
  const silence = new VendorError('server', 'timeout', 'the vendor did not answer')
  for (const [name, lifeMs] of [
    ['a', 6_000],
    ['b', 40_000],
  ] as const) {
    lives.next = lifeMs
    world.connectTo(name, 1_000)
    await world.clock.run(10_000)
  }
  await world.clock.run(40_000)
  // Two lost orders of a: the address of the first has ended when b asks for the list.
  world.vendor('a').lookupTrouble.push(...Array(9).fill(silence))
  lives.next = 6_000
  for (const pauseMs of [8_000, 1_000]) {
    world.vendor('a').trouble.push('lost')
    world.connectTo('a', 500)
    await world.clock.run(pauseMs)
  }
  world.provider('a').pause()
  world.vendor('a').lookupTrouble.length = 0
  lives.next = 40_000
  world.vendor('a').trouble.push('lost')
  world.connectTo('b', 20_000)
  await world.clock.run(20_000)
  const left = world.provider('a').capacity.budgetLeft + world.provider('b').capacity.budgetLeft
  expect(100 - left).toBe(world.vendor('a').sold)
})

it('uses a plan that was raised from 2 to 20 channels a minute later, and its calls', async () => {
  let plan = 2
  const world = new World({ a: { vendor: { plan: () => plan } } }, { floor: 15, ceiling: 20 })
  await world.traffic(500, 60_000)
  expect([world.provider('a').capacity.channels, world.provider('a').capacity.window.allowed]).toEqual([2, 20])
  plan = 20
  await world.traffic(500, 90_000)
  expect([world.provider('a').capacity.channels, world.provider('a').capacity.window.allowed]).toEqual([20, 110])
  expect(world.pool.size).toBeGreaterThanOrEqual(10)
  expect(world.vendor('a').violations).toEqual([])
  const gaps = world.vendor('a').channelQuestions.map((at, index, all) => at - (all[index - 1] ?? -60_000))
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(60_000)
})

it('asks for the channels again after a question that failed, a minute later', async () => {
  const world = new World({ a: { vendor: { plan: () => 8 } } }, { targetLoad: 1 })
  world.vendor('a').lookupTrouble.push(new VendorError('server', 'timeout', 'no answer'))
  await world.traffic(1_000, 70_000, 5_000)
  expect(world.vendor('a').channelQuestions).toHaveLength(2)
  expect(world.provider('a').capacity.channels).toBe(8)
})

it('lets a provider that had stopped try again when another one of the same key works', async () => {
  const world = new World({ a: {}, b: { sharesWith: 'a' } })
  world.vendor('a').trouble.push(new VendorError('auth', '401', 'the key is wrong'))
  world.connectTo('a')
  await world.clock.run(1_000)
  expect(world.provider('a').state.kind).toBe('stopped')
  world.connectTo('b')
  await world.clock.run(1_000)
  expect(world.provider('a').state.kind).toBe('ready')
})

it('lowers the limit of the call that was refused, and of no other', async () => {
  const clock = new FakeClock({ now: 0 })
  const accounts = new Accounts(clock, new LocalAccountStore(clock, forgetfulStore()))
  const windowOf = (key: string): CallWindow => ({ key, calls: 10, perMs: 60_000 })
  const [extract, query] = [windowOf('extract'), windowOf('query')]
  const order = { priority: 0, signal: new AbortController().signal }
  const tooMany = () => Promise.reject(new VendorError('rate_limited', '429', 'too many calls'))
  for (const window of [extract, query]) await accounts.gate(window, order, () => Promise.resolve())
  await expect(accounts.gate(query, order, tooMany)).rejects.toThrow('too many calls')
  expect([extract, query].map((window) => accounts.store.view.window(window).allowed)).toEqual([10, 1])
  accounts.close()
})

it.each([
  ['off', true],
  ['auto', false],
] as const)('advises whitelist: auto where it is %s: %s', async (whitelist, isAdvised) => {
  const world = new World({ a: { settings: { whitelist }, vendor: { whitelistIsFull: true } } })
  world.vendor('a').trouble.push(new VendorError('whitelist', '-13', 'your address is not listed'))
  world.connect()
  await world.clock.run(1_000)
  expect(world.denials[0]).toMatch(/your address is not listed/)
  expect(world.denials[0]?.includes('whitelist: auto')).toBe(isAdvised)
})
