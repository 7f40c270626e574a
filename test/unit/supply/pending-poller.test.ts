import { beforeEach, expect, it } from 'vitest'
import { PendingPoller } from '../../../src/supply/pending-poller.ts'
import type { Followed } from '../../../src/vendors/contract/delivery.ts'
import { FakeClock } from '../../support/fake-clock.ts'

let clock: FakeClock
/** When the vendor was asked, and for what. */
let asked: { at: number; refs: readonly string[] }[]
let answer: Partial<Followed> | Error
let handler: {
  heldRefs: string[]
  isWanted: boolean
  hasOpenOrders: boolean
  pausedUntil: number
  followed(news: Followed): Promise<void>
  followFailed(): void
}
let poller: PendingPoller

beforeEach(() => {
  clock = new FakeClock({ now: 0 })
  asked = []
  answer = {}
  handler = {
    heldRefs: [],
    isWanted: true,
    hasOpenOrders: false,
    pausedUntil: 0,
    followed: async () => {},
    followFailed: () => {},
  }
  const ask = async (refs: readonly string[]): Promise<Followed> => {
    asked.push({ at: clock.now(), refs })
    if (answer instanceof Error) throw answer
    return { sold: [], rejected: [], gone: [], sentAt: clock.now(), ...answer }
  }
  poller = new PendingPoller({ everyMs: 20_000, pendingEveryMs: 3_000, ask }, clock, {
    ...handler,
    heldRefs: () => handler.heldRefs,
    isWanted: () => handler.isWanted,
    hasOpenOrders: () => handler.hasOpenOrders,
    pausedUntil: () => handler.pausedUntil,
  })
})

const times = () => asked.map(({ at }) => at)

it('asks for what is held while somebody may be lent it, and again as soon as somebody may', async () => {
  handler.heldRefs = ['one']
  poller.resume()
  await clock.run(50_000)
  expect(times()).toEqual([20_000, 40_000])
  handler.isWanted = false
  await clock.run(3_600_000)
  // The timer that was armed then still ran.
  expect(times()).toEqual([20_000, 40_000, 60_000])
  handler.isWanted = true
  poller.resume()
  await clock.run(0)
  expect(times().at(-1)).toBe(3_650_000)
})

it('follows what was ordered to its end, whoever wants it', async () => {
  handler.isWanted = false
  poller.add([{ ref: 'new' }])
  await clock.run(7_000)
  expect(asked).toEqual([
    { at: 3_000, refs: ['new'] },
    { at: 6_000, refs: ['new'] },
  ])
  answer = { sold: [{ host: '192.0.2.1', port: 1, protocol: 'http', life: { kind: 'endless' }, ref: 'new' }] }
  await clock.run(60_000)
  expect(times()).toEqual([3_000, 6_000, 9_000])
})

it('does not let an order wait for the turn of what is held', async () => {
  handler.heldRefs = ['one']
  poller.resume()
  await clock.run(1_000)
  poller.add([{ ref: 'new' }])
  await clock.run(4_000)
  expect(asked).toEqual([{ at: 4_000, refs: ['new', 'one'] }])
})

it('goes on after a failure', async () => {
  handler.heldRefs = ['one']
  answer = new Error('the vendor is down')
  poller.resume()
  await clock.run(40_000)
  expect(times()).toEqual([20_000, 40_000])
})

it('leaves nothing behind when it is closed', async () => {
  poller.add([{ ref: 'new' }])
  poller.close()
  poller.resume()
  await clock.run(60_000)
  expect([asked, clock.pendingTimers]).toEqual([[], 0])
})

it('counts on what was ordered until it is long overdue', async () => {
  poller.add([
    { ref: 'soon', waitMs: 5_000 },
    { ref: 'late', waitMs: 30_000 },
  ])
  answer = { pending: [{ ref: 'soon' }, { ref: 'late', waitMs: 900_000 }] }
  expect([poller.expectedCount, poller.comesAt]).toEqual([2, 5_000])
  await clock.run(65_000)
  expect([poller.expectedCount, poller.comesAt]).toEqual([1, 30_000])
  await clock.run(25_000)
  expect([poller.expectedCount, poller.comesAt]).toEqual([0, undefined])
  // They are asked for all the same.
  expect(asked.at(-1)?.refs).toEqual(['soon', 'late'])
})

it('asks less often after failures, not while the provider is paused, and no longer than it may come when nobody wants it', async () => {
  handler.isWanted = false
  answer = new Error('the vendor is down')
  poller.add([{ ref: 'new', waitMs: 10_000 }])
  handler.pausedUntil = 20_000
  await clock.run(86_400_000)
  expect(times().slice(0, 2)).toEqual([3_000, 20_000])
  expect(asked.length).toBeLessThan(10)
  handler.isWanted = true
  const before = asked.length
  poller.resume()
  await clock.run(60_000)
  expect(asked.length).toBeGreaterThan(before)
})
