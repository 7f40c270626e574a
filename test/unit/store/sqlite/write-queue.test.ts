import { describe, expect, it } from 'vitest'
import type { Change } from '../../../../src/store/sqlite/messages.ts'
import { type Entry, Lane, type Waiter } from '../../../../src/store/sqlite/write-queue.ts'

const opened = (id: string): Change => ({ kind: 'opened', id })
const session = (key: string, upstreamId: string) => ({ kind: 'session', key, upstreamId }) as const
const ended = (key: string) => ({ kind: 'session-ended', key }) as const
const began = (id: number): Change => ({
  kind: 'call-began',
  id,
  limiterKey: 'k',
  windowMs: 1_000,
  provider: 'p',
  booked: 1,
  atMs: 0,
})
const waiter = (): Waiter => ({ resolve: () => {}, reject: () => {} })
const changesOf = (entries: readonly Entry[]) => entries.map(({ change }) => change)

describe('order', () => {
  it('hands out in order, at most as many as asked for', () => {
    const lane = new Lane()
    for (const id of ['a', 'b', 'c']) lane.add(opened(id))
    expect(changesOf(lane.take(2))).toEqual([opened('a'), opened('b')])
    expect(changesOf(lane.take(2))).toEqual([opened('c')])
    expect(lane.changes).toBe(0)
  })

  it('keeps the place of a session that changes again, with the newer content', () => {
    const lane = new Lane()
    lane.session(session('s', 'one'))
    lane.add(opened('a'))
    lane.session(session('s', 'two'))
    expect(changesOf(lane.take(9))).toEqual([session('s', 'two'), opened('a')])
  })

  it('forgets that a session was used when it ends or moves, and while it is new', () => {
    const lane = new Lane()
    lane.touch('s')
    lane.session(ended('s'))
    lane.touch('s')
    lane.touchesFallDue()
    expect(changesOf(lane.take(9))).toEqual([ended('s')])
    expect(lane.touches).toBe(0)
  })
})

describe('what is due', () => {
  it('is due at once for somebody who waits, and for what was there when its time came', () => {
    const lane = new Lane()
    lane.add(opened('a'))
    lane.touch('s')
    expect(lane.isDue).toBe(false)
    lane.changesFallDue()
    expect(lane.isDue).toBe(true)
    lane.take(9)
    lane.add(opened('b'))
    expect(lane.isDue).toBe(false)
    lane.addAwaited(began(1), waiter())
    expect(lane.isDue).toBe(true)
    expect(changesOf(lane.take(9))).toEqual([opened('b'), began(1)])
    expect(lane.isDue).toBe(false)
    lane.touchesFallDue()
    expect(changesOf(lane.take(9))).toEqual([{ kind: 'session-used', key: 's' }])
    expect(lane.isDue).toBe(false)
  })

  it('puts a mark behind everything, signs of use included', () => {
    const lane = new Lane()
    lane.touch('s')
    lane.add(opened('a'))
    const who = waiter()
    lane.mark(who)
    lane.touch('later')
    const order: (string | undefined)[] = []
    while (lane.isDue) order.push(...lane.take(1).map(({ change }) => change?.kind))
    expect(order).toEqual(['opened', 'session-used', undefined])
    expect(lane.touches).toBe(1)
  })

  it('is not due for ever when a due sign of use is overtaken', () => {
    const lane = new Lane()
    lane.touch('s')
    lane.touchesFallDue()
    lane.session(ended('s'))
    lane.take(9)
    expect(lane.isDue).toBe(false)
  })
})

describe('after a failure', () => {
  it('puts the rest of a failed batch before everything else', () => {
    const lane = new Lane()
    lane.add(opened('a'))
    lane.add(opened('b'))
    lane.session(session('s', 'one'))
    const failed = lane.take(9)
    lane.session(session('s', 'two'))
    lane.giveBack(failed)
    expect(lane.changes).toBe(4)
    expect(changesOf(lane.take(3))).toEqual([opened('a'), opened('b'), session('s', 'one')])
    expect(changesOf(lane.take(3))).toEqual([session('s', 'two')])
  })

  it('puts the rest before what an earlier one has left over, too', () => {
    const lane = new Lane()
    for (const id of ['a', 'b', 'c']) lane.add(opened(id))
    lane.giveBack(lane.take(3))
    lane.giveBack(lane.take(1))
    expect(changesOf(lane.take(9))).toEqual([opened('a'), opened('b'), opened('c')])
  })

  it('knows who waited, and keeps only purchases of what they waited for, in their place', () => {
    const lane = new Lane()
    const bought: Change = { kind: 'bought', upstreams: [] }
    const [one, two, three] = [waiter(), waiter(), waiter()]
    lane.add(opened('a'))
    lane.addAwaited(bought, one)
    lane.addAwaited(began(1), two)
    lane.add(opened('b'))
    lane.mark(three)
    expect(lane.postpone()).toEqual([one, two, three])
    expect(lane.isDue).toBe(false)
    expect(lane.postpone()).toEqual([])
    const kept = lane.take(9)
    expect(changesOf(kept)).toEqual([opened('a'), bought, opened('b')])
    expect(kept.every((entry) => entry.waiter === undefined)).toBe(true)
    expect(lane.touches).toBe(0)
  })
})

describe('room', () => {
  it('is bounded in sessions, not in what costs money', () => {
    const lane = new Lane(2)
    lane.session(session('a', 'one'))
    lane.session(session('b', 'one'))
    lane.session(session('c', 'one'))
    lane.session(session('a', 'two'))
    lane.add(opened('x'))
    expect(lane.takeDropped()).toBe(1)
    expect(lane.takeDropped()).toBe(0)
    expect(changesOf(lane.take(9))).toEqual([session('a', 'two'), session('b', 'one'), opened('x')])
    for (const key of ['a', 'b', 'c']) lane.touch(key)
    expect(lane.touches).toBe(2)
  })
})
