import { expect, it } from 'vitest'
import type { Reservation } from '../../../src/store/account-store.ts'
import { LocalAccountStore } from '../../../src/store/local-account-store.ts'
import { forgetfulStore } from '../../../src/store/memory.ts'
import { PausableAccountStore } from '../../../src/store/pausable-account-store.ts'
import { describeAccountStore } from '../../support/describe-account-store.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const call: Reservation = {
  ...{ window: { key: 'w', calls: 5, perMs: 1_000 }, provider: 'p', count: 1, budget: {} },
  ...{ channels: undefined, ceilings: [], isDurable: true },
}

describeAccountStore('pausable', async (clock) => ({
  store: new PausableAccountStore(clock, new LocalAccountStore(clock, forgetfulStore())),
  close: async () => {},
}))

function setUp() {
  const clock = new FakeClock({ now: 0 })
  return { clock, store: new PausableAccountStore(clock, new LocalAccountStore(clock, forgetfulStore())) }
}

async function reserve(store: PausableAccountStore): Promise<number> {
  const reserved = await store.reserve(call)
  return reserved.kind === 'reserved' ? reserved.id : expect.fail(reserved.by)
}

it('grants nothing while it is paused, and books nothing', async () => {
  const { store } = setUp()
  await store.pause(1_000)
  expect(await store.reserve(call)).toEqual({ kind: 'denied', by: 'window', until: undefined })
  expect([store.view.reservedBy('p'), store.view.window(call.window).used]).toEqual([0, 0])
  store.resume()
  expect(await store.reserve(call)).toMatchObject({ kind: 'reserved' })
})

it('shows no room while it is paused, and when to look again', async () => {
  const { clock, store } = setUp()
  const { room } = store.view.window(call.window)
  await store.pause(1_000)
  expect(store.view.window(call.window)).toMatchObject({ room: 0, nextAt: clock.now() + 100 })
  store.resume()
  expect(store.view.window(call.window)).toMatchObject({ room, nextAt: clock.now() })
})

it('waits for the calls that are under way, those that are being recorded too', async () => {
  const { clock, store } = setUp()
  const first = await reserve(store)
  const second = store.reserve(call)
  let isQuiet = false
  const paused = store.pause(1_000).then(() => {
    isQuiet = true
  })
  store.settle(first, { kind: 'sold', count: 1 })
  await clock.run(0)
  expect(isQuiet).toBe(false)
  const reserved = await second
  if (reserved.kind === 'reserved') store.settle(reserved.id, { kind: 'sold', count: 1 })
  await paused
  expect(clock.now()).toBe(0)
})

it('waits no longer than it is told', async () => {
  const { clock, store } = setUp()
  await reserve(store)
  const paused = store.pause(1_000)
  await clock.run(1_000)
  await paused
})
