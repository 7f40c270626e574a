import { afterEach, describe, expect, it } from 'vitest'
import type { Reservation } from '../../../../src/store/account-store.ts'
import { RedisAccountStore } from '../../../../src/store/redis/redis-account-store.ts'
import type { ScriptRunner } from '../../../../src/store/redis/script.ts'
import { FakeClock } from '../../../support/fake-clock.ts'
import { LuaRedis } from '../../../support/redis/lua-redis.ts'

const SETTLE_MS = 10_000
const order: Reservation = {
  window: { key: 'w', calls: 2, perMs: 1_000 },
  provider: 'p',
  count: 2,
  budget: { perHour: 10 },
  channels: { account: 'a', total: 6 },
  ceilings: [{ scope: 'pool', limit: 5, held: 0 }],
  isDurable: true,
  lifeMs: 30_000,
}

const stores: RedisAccountStore[] = []
afterEach(() => {
  for (const store of stores.splice(0)) store.close()
})

function world() {
  const clock = new FakeClock()
  const redis = new LuaRedis(() => clock.now())
  redis.settleIn()
  redis.lead('1 a')
  const open = (host: string, token = '1 a', runner: ScriptRunner = redis) => {
    const store = new RedisAccountStore({
      clock,
      runner,
      host,
      token: () => token,
      leaveMs: 1_000,
      settleMs: SETTLE_MS,
    })
    stores.push(store)
    return store
  }
  return { clock, redis, open }
}

const flushed = (store: RedisAccountStore) => store.flush(new AbortController().signal)

describe('orders of a cluster', () => {
  it('are refused from a host whose lease another one has taken, and calls that buy nothing are not', async () => {
    const { redis, open } = world()
    const [former, next] = [open('a'), open('b', '2 b')]
    expect(await former.reserve(order)).toMatchObject({ kind: 'reserved' })
    redis.lead('2 b')
    expect(await former.reserve(order)).toEqual({ kind: 'denied', by: 'planner', until: undefined })
    expect(await former.reserve({ ...order, count: 0 })).toMatchObject({ kind: 'reserved' })
    expect(await next.reserve(order)).toMatchObject({ by: 'window' })
  })

  it('become unknown when their host does not settle them, and what it says later still counts', async () => {
    const { clock, open } = world()
    const [dead, alive] = [open('a'), open('b')]
    const reserved = await dead.reserve(order)
    // What a host has asked about once is kept up to date.
    expect([alive.view.unknownOf('p'), alive.view.channelsBooked('a'), alive.view.window(order.window).used]).toEqual([
      0, 0, 0,
    ])
    clock.advance(SETTLE_MS)
    await alive.refresh()
    // The slot is held until a request that left at the last moment counts no more.
    expect(alive.view.window(order.window).used).toBe(1)
    expect([alive.view.unknownOf('p'), alive.view.reservedBy('p'), alive.view.channelsBooked('a')]).toEqual([2, 0, 2])
    expect(alive.view.budget('p', order.budget).tightest?.left).toBe(8)
    if (reserved.kind === 'reserved') dead.settle(reserved.id, { kind: 'sold', count: 1 })
    await flushed(dead)
    await alive.refresh()
    expect([alive.view.unknownOf('p'), alive.view.budget('p', order.budget).tightest?.left]).toEqual([0, 9])
  })

  it('may be planned with a server that has not heard of their window: what is asked for is what the limit is', async () => {
    const { redis, open } = world()
    const store = open('a')
    expect(store.view.window(order.window).room).toBe(2)
    redis.becomeMaster(new Map())
    await store.refresh()
    expect(store.view.window(order.window)).toMatchObject({ allowed: 2, perMs: 1_000, room: 2 })
  })

  it('that a failover has lost are booked anew, also one that was granted before the host knew of it', async () => {
    const { clock, redis, open } = world()
    let isHeld = true
    let release = () => {}
    const slow: ScriptRunner = {
      run: async (script, ask) => {
        if (script.name === 'refresh' && isHeld) await new Promise<void>((resolve) => (release = resolve))
        return redis.run(script, ask)
      },
    }
    const [store, other] = [open('a', '1 a', slow), open('b')]
    const bought = { ...order, budget: { total: 10 } }
    expect(await store.reserve(bought)).toMatchObject({ kind: 'reserved' })
    redis.becomeMaster(new Map())
    redis.lead('1 a')
    await other.refresh()
    clock.advance(2 * SETTLE_MS)
    expect(await store.reserve(bought)).toMatchObject({ kind: 'reserved' })
    expect(await store.reserve(bought)).toEqual({ kind: 'denied', by: 'failover', until: undefined })
    redis.becomeMaster(new Map())
    isHeld = false
    release()
    await flushed(store)
    await store.refresh()
    expect(store.view.budget('p', bought.budget).tightest?.left).toBe(6)
  })

  it('do not occupy a channel again that was freed while another order was open', async () => {
    const { open } = world()
    const store = open('a')
    const [first, second] = [await store.reserve(order), await store.reserve(order)]
    store.hold('a', [{ id: 'line', endsAt: Number.POSITIVE_INFINITY }])
    if (first.kind === 'reserved') store.settle(first.id, { kind: 'sold', count: 1 })
    store.free('a', ['line'])
    if (second.kind === 'reserved') store.settle(second.id, { kind: 'refused', isTooMany: false })
    await flushed(store)
    expect([first.kind, second.kind, store.view.channelsBooked('a')]).toEqual(['reserved', 'reserved', 0])
  })

  it('that were reserved without an answer are withdrawn', async () => {
    const { clock, redis, open } = world()
    let isDeaf = true
    const deaf: ScriptRunner = {
      run: async (script, ask) => {
        const answer = redis.runNow(script, ask)
        if (isDeaf) throw new Error('no answer')
        return answer
      },
    }
    const store = open('a', '1 a', deaf)
    await expect(store.reserve(order)).rejects.toThrow('no answer')
    isDeaf = false
    await clock.run(5_000)
    await flushed(store)
    await store.refresh()
    expect([store.view.budget('p', order.budget).tightest?.left, store.view.reservedBy('p')]).toEqual([10, 0])
    expect(store.view.window(order.window).used).toBe(0)
  })

  it('that were withdrawn stay so when their reservation arrives late', async () => {
    const { redis, open } = world()
    let deliver = () => {}
    const late: ScriptRunner = {
      run: async (script, ask) => {
        if (script.name !== 'reserve') return redis.runNow(script, ask)
        deliver = () => redis.runNow(script, ask)
        throw new Error('no answer')
      },
    }
    const store = open('a', '1 a', late)
    await expect(store.reserve(order)).rejects.toThrow('no answer')
    await flushed(store)
    deliver()
    const booked = () => [store.view.budget('p', order.budget).tightest?.left, store.view.channelsBooked('a')]
    booked()
    await store.refresh()
    expect(booked()).toEqual([10, 0])
  })
})

describe('after a failover', () => {
  it('no call is granted until those that may be lost count no more; what a host has booked is booked anew', async () => {
    const { clock, redis, open } = world()
    const store = open('a')
    const before = redis.snapshot()
    const reserved = await store.reserve(order)
    if (reserved.kind === 'reserved') store.settle(reserved.id, { kind: 'sold', count: 2 })
    await flushed(store)
    redis.becomeMaster(before)
    redis.lead('1 a')
    const at = clock.now() + order.window.perMs + 5 + 1_000 + SETTLE_MS
    expect(await store.reserve(order)).toEqual({ kind: 'denied', by: 'failover', until: at })
    // The planner knows when to ask again, and does not until then.
    expect(store.view.window(order.window)).toMatchObject({ room: 0, nextAt: at, isPaused: true })
    await flushed(store)
    expect(store.view.budget('p', order.budget).tightest?.left).toBe(8)
    clock.advance(at - clock.now())
    expect(await store.reserve(order)).toMatchObject({ kind: 'reserved' })
  })
})
