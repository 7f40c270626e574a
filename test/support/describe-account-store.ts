/** One suite for every account store: what is booked is what was reserved, sold and unknown, and never more than allowed. */
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import type { AccountStore, Outcome, Reservation, ReservationId } from '../../src/store/account-store.ts'
import { BOOT_STEP_MS } from '../../src/store/sqlite/time.ts'
import { FakeClock } from './fake-clock.ts'

export interface OpenedStore {
  readonly store: AccountStore
  /** The process is killed, and another one opens what it left. Absent where nothing is kept. */
  readonly restart?: () => Promise<AccountStore>
  /** Another process goes on with what is there. Absent where nothing is kept. */
  readonly successor?: () => Promise<AccountStore>
  /** What was said has reached the store. Absent where it does at once. */
  readonly flush?: () => Promise<void>
  close(): Promise<void>
}

const HOUR_MS = 3_600_000
/** Of the record, which is coarser than the books in memory. */
const GRAIN_MS = 10_000
const usual: Reservation = {
  window: { key: 'w', calls: 5, perMs: 1_000 },
  provider: 'p',
  count: 2,
  budget: { perHour: 10 },
  channels: { account: 'a', total: 6 },
  ceilings: [],
  isDurable: true,
}

/** @param open a store that holds nothing, on this clock */
export function describeAccountStore(name: string, open: (clock: FakeClock) => Promise<OpenedStore>): void {
  describe(`account store: ${name}`, () => {
    let opened: OpenedStore | undefined
    afterEach(async () => {
      await opened?.close()
      opened = undefined
    })
    const begin = async () => {
      const clock = new FakeClock({ now: 0 })
      const fresh = await open(clock)
      opened = fresh
      return { clock, store: fresh.store, opened: fresh, flush: async () => fresh.flush?.() }
    }

    it('books a call, its addresses and its channels together, and denies what does not fit, with the reason', async () => {
      const { store } = await begin()
      const full = { kind: 'denied' } as const
      expect(await store.reserve(usual)).toMatchObject({ kind: 'reserved' })
      expect([store.view.reservedBy('p'), store.view.channelsBooked('a'), leftOf(store)]).toEqual([2, 2, 8])
      expect(await store.reserve({ ...usual, count: 5 })).toEqual({ ...full, by: 'channels', until: undefined })
      expect(await store.reserve({ ...usual, count: 9, channels: undefined })).toMatchObject({ ...full, by: 'budget' })
      const ceilings = [{ scope: 'pool', limit: 9, held: 7 }]
      expect(await store.reserve({ ...usual, ceilings })).toMatchObject({ kind: 'reserved' })
      expect(await store.reserve({ ...usual, count: 1, ceilings })).toEqual({
        ...full,
        by: 'ceiling',
        until: undefined,
      })
      for (let call = 0; call < 3; call++) await store.reserve({ ...usual, count: 0 })
      expect(await store.reserve({ ...usual, count: 0 })).toEqual({ ...full, by: 'window', until: undefined })
      // What was denied has booked nothing.
      expect([store.view.reservedBy('p'), store.view.channelsBooked('a'), leftOf(store)]).toEqual([4, 4, 6])
    })

    it('keeps to the smallest limit of those that are configured', async () => {
      const { store, flush } = await begin()
      const by = (statedBy: string, calls: number) => ({
        ...usual,
        window: { key: 'w', calls, perMs: 1_000, statedBy },
      })
      const kept = { ...by('kept get', 3), count: 0 }
      const removed = await reserved(store, { ...by('removed get', 1), count: 0 })
      expect(await store.reserve(kept)).toMatchObject({ kind: 'denied', by: 'window' })
      store.forgetLimits([by('removed get', 1).window, { ...kept.window, key: 'another' }])
      await flush()
      // A call that was under way ends afterwards.
      store.settle(removed, { kind: 'sold', count: 0 })
      await flush()
      for (let call = 0; call < 2; call++) expect(await store.reserve(kept)).toMatchObject({ kind: 'reserved' })
      expect(await store.reserve(kept)).toMatchObject({ kind: 'denied', by: 'window' })
    })

    it('denies an order until the last of its budgets has room', async () => {
      const { clock, store, flush } = await begin()
      const order = { ...usual, channels: undefined, budget: { perHour: 2, perDay: 4 } }
      const buy = async () => store.settle(await reserved(store, order), { kind: 'sold', count: 2 })
      await buy()
      await flush()
      clock.advance(23.5 * HOUR_MS)
      await buy()
      await flush()
      const until = 24.5 * HOUR_MS
      expect(store.view.budget('p', order.budget).reached(1)).toEqual({ which: 'perHour', limit: 2, until })
      expect(await store.reserve(order)).toEqual({ kind: 'denied', by: 'budget', until })
    })

    it('denies two orders that are asked for at the same time what only one of them may have', async () => {
      const { store } = await begin()
      const both = await Promise.all([store.reserve({ ...usual, count: 4 }), store.reserve({ ...usual, count: 4 })])
      expect(both.map(({ kind }) => kind)).toEqual(['reserved', 'denied'])
    })

    it.each<[Outcome, number, number]>([
      [{ kind: 'sold', count: 1 }, 9, 0],
      [{ kind: 'sold', count: 3 }, 7, 0],
      [{ kind: 'refused', isTooMany: false }, 10, 0],
      [{ kind: 'not-sent' }, 10, 0],
      [{ kind: 'unknown', channelsUntil: 60_000 }, 8, 2],
    ])('settles %j once', async (outcome, left, channels) => {
      const { store, flush } = await begin()
      const id = await reserved(store)
      store.settle(id, outcome)
      store.settle(id, { kind: 'sold', count: 2 })
      await flush()
      expect([leftOf(store), store.view.channelsBooked('a'), store.view.reservedBy('p')]).toEqual([left, channels, 0])
      expect(store.view.window(usual.window).used).toBe(outcome.kind === 'not-sent' ? 0 : 1)
    })

    it('keeps an unknown order booked until the vendor’s list shows what it brought', async () => {
      const { clock, store, flush } = await begin()
      store.settle(await reserved(store, { ...usual, count: 3 }), { kind: 'unknown', channelsUntil: 60_000 })
      await flush()
      expect(store.view.channelFreeAt('a')).toBe(60_000)
      clock.advance(61_000)
      expect([leftOf(store), store.view.unknownOf('p'), store.view.channelsBooked('a')]).toEqual([7, 3, 0])
      expect(store.view.channelFreeAt('a')).toBeUndefined()
      store.resolve('p', 1, clock.now())
      await flush()
      expect([leftOf(store), store.view.unknownOf('p')]).toEqual([9, 0])
    })

    it('counts every holder of a channel until it ends or is freed', async () => {
      const { clock, store, flush } = await begin()
      store.hold('a', [
        { id: 'x', endsAt: 10_000 },
        { id: 'y', endsAt: 20_000 },
      ])
      expect(await store.reserve({ ...usual, count: 5 })).toEqual({ kind: 'denied', by: 'channels', until: 10_000 })
      clock.advance(10_000)
      store.free('a', ['y'])
      await flush()
      expect(store.view.channelsBooked('a')).toBe(0)
    })

    it('keeps lines without an address on record, for every process, until they have one or a day is over', async () => {
      const { clock, store, opened, flush } = await begin()
      const line = (id: string) => ({ id, endsAt: 86_400_000, pendingFor: 'p' })
      store.hold('a', [line('1'), line('2'), line('3'), { id: 'x', endsAt: 86_400_000 }])
      await flush()
      const shown = (from: AccountStore) => from.view.pendingLines('a').toSorted((a, b) => a.id.localeCompare(b.id))
      const pending = (...ids: string[]) => ids.map((id) => ({ id, provider: 'p' }))
      expect([shown(store), store.view.channelsBooked('a')]).toEqual([pending('1', '2', '3'), 4])
      store.free('a', ['2', 'x'])
      await flush()
      const next = (await opened.successor?.()) ?? store
      expect([shown(next), next.view.channelsBooked('a'), next.view.pendingLines('b')]).toEqual([
        pending('1', '3'),
        2,
        [],
      ])
      next.free('a', ['1'])
      await flush()
      expect(shown((await opened.successor?.()) ?? next)).toEqual(pending('3'))
      clock.advance(86_400_000)
      const last = (await opened.successor?.()) ?? next
      expect([shown(last), last.view.channelsBooked('a')]).toEqual([[], 0])
    })

    it('counts a call that may arrive late as long after a restart as before', async () => {
      const { clock, store, opened } = await begin()
      if (opened.restart === undefined) return
      store.settle(await reserved(store), { kind: 'unknown', channelsUntil: 60_000 })
      clock.advance(100)
      store.resolve('p', 1, clock.now())
      const next = await opened.restart()
      clock.advance(1_900)
      expect(next.view.window(usual.window).used).toBe(1)
    })

    it.each(PARTS)('is right after every step, whatever becomes of the orders (%i)', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), async (steps) => {
          const clock = new FakeClock({ now: 0 })
          const fresh = await open(clock)
          const model = new Model(clock, fresh)
          try {
            for (const one of steps) {
              await model.take(one)
              await fresh.flush?.()
              model.check()
            }
          } finally {
            await fresh.close()
          }
        }),
        { numRuns: RUNS[name] ?? 12, endOnFailure: true },
      )
    })
  })
}

/** Each has a hang guard of its own: on a busy machine many steps take long. */
const PARTS = [1, 2, 3, 4, 5, 6, 7, 8]
/**
 * Runs of at most 60 steps in each part, fewer where a step opens files, waits for a server or runs a script. A failing run is shown as
 * it is: the search for a smaller one may take any number of steps.
 */
const RUNS: Readonly<Record<string, number>> = { SQLite: 1, Redis: 1, 'Redis scripts': 4 }

async function reserved(store: AccountStore, reservation = usual): Promise<ReservationId> {
  const answer = await store.reserve(reservation)
  if (answer.kind !== 'reserved') throw new Error(`denied by ${answer.by}`)
  return answer.id
}

const leftOf = (store: AccountStore) => store.view.budget('p', usual.budget).tightest?.left

type Step =
  | { readonly kind: 'order'; readonly provider: 'p' | 'q'; readonly count: number }
  | { readonly kind: 'end'; readonly which: number; readonly how: Outcome['kind']; readonly sold: number }
  | { readonly kind: 'list'; readonly provider: 'p' | 'q'; readonly found: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'kill' }

const provider = fc.constantFrom('p' as const, 'q' as const)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('order' as const), provider, count: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('end' as const),
      which: fc.nat(9),
      how: fc.constantFrom('sold', 'refused', 'unknown', 'not-sent' as const),
      sold: fc.nat(4),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('list' as const), provider, found: fc.nat(3) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.oneof(fc.nat(2_000), fc.nat(HOUR_MS)) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('kill' as const) }) },
)

interface ModelOrder {
  readonly provider: string
  readonly at: number
  /** Undefined once it is unknown to this process. */
  id: ReservationId | undefined
  state: 'reserved' | 'sold' | 'unknown'
  booked: number
  channels: number
  channelsUntil: number
}

/** What should be booked, from the orders alone. Two providers share one credential: one window, six channels. */
class Model {
  readonly #clock: FakeClock
  readonly #opened: OpenedStore
  #store: AccountStore
  #orders: ModelOrder[] = []
  /** When each call stops to count in the window; Infinity while it is under way. */
  readonly #calls: { id: ReservationId | undefined; freeAt: number }[] = []

  constructor(clock: FakeClock, opened: OpenedStore) {
    this.#clock = clock
    this.#opened = opened
    this.#store = opened.store
  }

  async take(one: Step): Promise<void> {
    if (one.kind === 'order') await this.#order(one.provider, one.count)
    else if (one.kind === 'end') this.#end(one)
    else if (one.kind === 'list') this.#list(one.provider, one.found)
    else if (one.kind === 'pass') this.#clock.advance(one.ms)
    else await this.#kill()
  }

  async #order(name: string, count: number): Promise<void> {
    const answer = await this.#store.reserve({ ...usual, provider: name, count })
    if (answer.kind === 'denied') return
    const at = this.#clock.now()
    const channelsUntil = Number.POSITIVE_INFINITY
    const state = 'reserved'
    this.#orders.push({ provider: name, at, id: answer.id, state, booked: count, channels: count, channelsUntil })
    this.#calls.push({ id: answer.id, freeAt: Number.POSITIVE_INFINITY })
  }

  #end({ which, how, sold }: Extract<Step, { kind: 'end' }>): void {
    const open = this.#orders.filter(({ state, id }) => state === 'reserved' && id !== undefined)
    const order = open[which % Math.max(1, open.length)]
    if (order?.id === undefined) return
    const now = this.#clock.now()
    const count = Math.min(sold, order.booked)
    const call = this.#calls.find(({ id }) => id === order.id)
    if (call !== undefined) call.freeAt = how === 'not-sent' ? now : now + 1_005 + (how === 'unknown' ? 1_000 : 0)
    if (how === 'unknown') {
      this.#store.settle(order.id, { kind: how, channelsUntil: now + 60_000 })
      return void Object.assign(order, { state: 'unknown', channelsUntil: now + 60_000 })
    }
    this.#store.settle(
      order.id,
      how === 'sold' ? { kind: how, count } : how === 'refused' ? { kind: how, isTooMany: false } : { kind: how },
    )
    order.channels = 0
    order.state = 'sold'
    order.booked = how === 'sold' ? count : 0
  }

  #list(name: string, found: number): void {
    const now = this.#clock.now()
    this.#store.resolve(name, found, now)
    let left = found
    for (const order of this.#orders) {
      if (order.provider !== name || order.state !== 'unknown' || order.at >= now) continue
      const bought = Math.min(left, order.booked)
      left -= bought
      Object.assign(order, { state: 'sold', booked: bought, channels: 0 })
    }
  }

  async #kill(): Promise<void> {
    if (this.#opened.restart === undefined) return
    this.#store = await this.#opened.restart()
    const now = this.#clock.now()
    for (const order of this.#orders) {
      if (order.state === 'reserved') order.state = 'unknown'
      // Whose channels they were, the next process learns from the vendor.
      order.channels = 0
      order.id = undefined
    }
    for (const call of this.#calls) {
      call.id = undefined
      if (call.freeAt === Number.POSITIVE_INFINITY) call.freeAt = now + 2_005
    }
  }

  check(): void {
    const { view } = this.#store
    const now = this.#clock.now()
    const sum = (orders: readonly ModelOrder[], of: (order: ModelOrder) => number) =>
      orders.reduce((total, order) => total + of(order), 0)
    for (const name of ['p', 'q']) {
      const own = this.#orders.filter((order) => order.provider === name)
      const bookedSince = (at: number) =>
        sum(
          own.filter((order) => order.at > at),
          (order) => order.booked,
        )
      const booked = bookedSince(now - HOUR_MS)
      const left = view.budget(name, usual.budget).tightest?.left ?? expect.fail('no budget')
      // Orders closer together than the grain are one, dated as the latest of them.
      expect(left).toBeLessThanOrEqual(10 - booked)
      expect(left).toBeGreaterThanOrEqual(10 - bookedSince(now - HOUR_MS - GRAIN_MS))
      expect(booked).toBeLessThanOrEqual(10)
      expect(view.reservedBy(name)).toBe(
        sum(
          own.filter(({ state }) => state === 'reserved'),
          (order) => order.booked,
        ),
      )
    }
    const channels = sum(
      this.#orders.filter(({ channelsUntil }) => channelsUntil > now),
      (order) => order.channels,
    )
    expect(view.channelsBooked('a')).toBe(channels)
    expect(channels).toBeLessThanOrEqual(6)
    const usedAt = (at: number) => this.#calls.filter(({ freeAt }) => freeAt > at).length
    const { used } = view.window(usual.window)
    // The age of a call of an earlier process is known to one step of the boot clock.
    expect(used).toBeGreaterThanOrEqual(usedAt(now))
    expect(used).toBeLessThanOrEqual(usedAt(now - BOOT_STEP_MS))
    expect(used).toBeLessThanOrEqual(5)
  }
}
