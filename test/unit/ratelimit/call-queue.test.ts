import { expect, it } from 'vitest'
import { CallQueue } from '../../../src/ratelimit/call-queue.ts'
import { LocalAccountStore } from '../../../src/store/local-account-store.ts'
import { forgetfulStore } from '../../../src/store/memory.ts'
import { VendorError } from '../../../src/vendors/contract/error.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const never = new AbortController().signal

/** A queue whose calls take `latencyMs()` and are noted by name when they are sent. */
function setUp(limit: { calls: number; perMs: number }, latencyMs: () => number = () => 10) {
  const clock = new FakeClock({ now: 0 })
  const store = new LocalAccountStore(clock, forgetfulStore())
  const window = { key: 'a', ...limit }
  const queue = new CallQueue(clock, store, window)
  const sent: { name: string; at: number }[] = []
  const call = (name: string, priority = 0, signal = never) =>
    queue.run(
      window,
      async () => {
        sent.push({ name, at: clock.now() })
        await clock.sleep(latencyMs(), signal)
        return name
      },
      priority,
      signal,
    )
  return { clock, queue, window, store, sent, call, view: () => store.view.window(window) }
}

/** Calls in each whole minute while there is always another one to send. */
async function callsPerMinute(limit: { calls: number; perMs: number }, latencyMs: () => number, minutes: number) {
  const { clock, sent, call } = setUp(limit, latencyMs)
  for (let i = 0; i < limit.calls * ((minutes * 60_000) / limit.perMs + 1); i++) void call(String(i))
  await clock.run(minutes * 60_000)
  return Array.from(
    { length: minutes },
    (_, minute) => sent.filter(({ at }) => Math.floor(at / 60_000) === minute).length,
  )
}

/** A fixed sequence that looks random: the figures below do not change from run to run. */
function sequence(): () => number {
  let state = 1
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

const latencies: Record<string, () => () => number> = {
  '100 ms': () => () => 100,
  '3 s': () => () => 3_000,
  '100 ms to 3 s': () => {
    const random = sequence()
    return () => 100 + 2_900 * random()
  },
}

it.each(Object.keys(latencies))('uses at least 95 percent of 60 calls a minute when replies take %s', async (name) => {
  const latency = latencies[name]?.() ?? (() => 0)
  for (const calls of await callsPerMinute({ calls: 60, perMs: 60_000 }, latency, 5)) {
    expect(calls).toBeGreaterThanOrEqual(57)
    expect(calls).toBeLessThanOrEqual(60)
  }
})

it.each([10, 100, 500])('uses W / (W + rtt) of 10 calls a second when replies take %s ms', async (rtt) => {
  const [calls = 0] = await callsPerMinute({ calls: 10, perMs: 1_000 }, () => rtt, 1)
  expect(calls / 600).toBeGreaterThan((0.98 * 1_000) / (1_000 + rtt))
  expect(calls / 600).toBeLessThanOrEqual(1)
})

it('sends one call at a time where one is allowed, even when all are asked for at once', async () => {
  const { clock, sent, call } = setUp({ calls: 1, perMs: 1_000 })
  for (const name of ['a', 'b', 'c']) void call(name)
  await clock.run(0)
  expect(sent.map(({ name }) => name)).toEqual(['a'])
  await clock.run(10_000)
  expect(sent).toEqual([
    { name: 'a', at: 0 },
    { name: 'b', at: 1_015 },
    { name: 'c', at: 2_030 },
  ])
})

it('sends the more important first, whenever it came, and equals in their order', async () => {
  const { clock, sent, call } = setUp({ calls: 1, perMs: 1_000 }, () => 0)
  void call('first')
  await clock.run(0)
  for (const name of ['stock 1', 'stock 2', 'stock 3']) void call(name, 0)
  await clock.run(900)
  for (const name of ['waiting 1', 'waiting 2']) void call(name, 10)
  await clock.run(20_000)
  expect(sent.map(({ name }) => name)).toEqual(['first', 'waiting 1', 'waiting 2', 'stock 1', 'stock 2', 'stock 3'])
})

it('forgets a call that is aborted while it waits: it is never sent and takes no slot', async () => {
  const { clock, sent, call, view } = setUp({ calls: 1, perMs: 1_000 })
  const abort = new AbortController()
  void call('a')
  const aborted = call('b', 10, abort.signal)
  const next = call('c')
  await clock.run(500)
  abort.abort(new Error('enough'))
  await expect(aborted).rejects.toThrow('enough')
  await clock.run(5_000)
  expect(await next).toBe('c')
  expect(sent.map(({ name }) => name)).toEqual(['a', 'c'])
  expect(view().sent).toBe(2)
  await expect(call('d', 0, abort.signal)).rejects.toThrow('enough')
})

it('holds the slot of a call without an answer for longer: it may be under way still', async () => {
  const { clock, queue, window, view } = setUp({ calls: 1, perMs: 1_000 })
  const fail = (error: Error) => queue.run(window, () => Promise.reject(error), 0, never).catch(() => {})
  for (const [error, freeAfter] of [
    [new VendorError('quota_exhausted', '7', ''), 1_005],
    [new VendorError('server', 'http', ''), 1_005],
    [new VendorError('server', 'timeout', ''), 2_005],
    [new VendorError('server', 'network', ''), 2_005],
    [new Error('aborted'), 2_005],
  ] as const) {
    await fail(error)
    expect(view().nextAt).toBe(clock.now() + freeAfter)
    await clock.run(freeAfter)
  }
})

it('tells what could be sent now, and when the next call may be', async () => {
  const { clock, view, call } = setUp({ calls: 2, perMs: 1_000 }, () => 100)
  expect([view().room, view().nextAt]).toEqual([2, 0])
  void call('a')
  void call('b')
  await clock.run(50)
  // Only a reply can tell.
  expect([view().room, view().nextAt]).toEqual([0, undefined])
  await clock.run(50)
  expect([view().room, view().nextAt]).toEqual([0, 1_105])
  await clock.run(1_005)
  expect([view().room, view().nextAt]).toEqual([2, 1_105])
})

it('takes the calls in the order of their priority also when the first one finds no room', async () => {
  const { clock, store, window, sent, call } = setUp({ calls: 1, perMs: 1_000 })
  const free = { provider: '', count: 0, budget: {}, channels: undefined, ceilings: [], isDurable: true }
  const order = await store.reserve({ window, ...free })
  if (order.kind === 'reserved') store.settle(order.id, { kind: 'sold', count: 0 })
  void call('low', 0)
  await clock.run(500)
  void call('high', 1)
  await clock.run(3_000)
  expect(sent.map(({ name }) => name)).toEqual(['high', 'low'])
})

it('does not sleep on after the machine has slept', async () => {
  const { clock, sent, call } = setUp({ calls: 1, perMs: 60_000 })
  void call('a')
  void call('b')
  await clock.run(1_000)
  clock.suspend(120_000)
  await clock.run(0)
  expect(sent.map(({ name }) => name)).toEqual(['a', 'b'])
})

it('rejects what waits when it is closed, and leaves no timer', async () => {
  const { clock, queue, call } = setUp({ calls: 1, perMs: 1_000 })
  void call('a')
  const waiting = call('b')
  await clock.run(500)
  expect(clock.pendingTimers).toBe(1)
  queue.close()
  await expect(waiting).rejects.toThrow()
  expect(clock.pendingTimers).toBe(0)
})

it('tells the distance of calls at which the window is never used up', async () => {
  const { clock, view, call } = setUp({ calls: 4, perMs: 60_000 }, () => 0)
  expect([view().isTight, view().paceMs]).toEqual([false, 15_000])
  for (const name of ['a', 'b']) void call(name)
  await clock.run(10_000)
  // Two are left for the 50 s until the first slot falls free.
  expect([view().isTight, view().paceMs]).toEqual([true, 25_002.5])
  void call('c')
  await clock.run(0)
  expect(view().paceMs).toBe(50_005)
  await clock.run(50_005)
  expect([view().isTight, view().paceMs]).toEqual([false, 15_000])
})
