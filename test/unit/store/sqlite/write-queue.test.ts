import { describe, expect, it } from 'vitest'
import type { Change } from '../../../../src/store/sqlite/messages.ts'
import { type Entry, type Waiter, WriteQueue } from '../../../../src/store/sqlite/write-queue.ts'

const opened = (id: string): Change => ({ kind: 'opened', id, uses: 1 })
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
    const queue = new WriteQueue()
    for (const id of ['a', 'b', 'c']) queue.add(opened(id))
    expect(changesOf(queue.take(2))).toEqual([opened('a'), opened('b')])
    expect(changesOf(queue.take(2))).toEqual([opened('c')])
    expect(queue.changes).toBe(0)
  })

  it('keeps the place of a session that changes again, with the newer content', () => {
    const queue = new WriteQueue()
    queue.session(session('s', 'one'))
    queue.add(opened('a'))
    queue.session(session('s', 'two'))
    expect(changesOf(queue.take(9))).toEqual([session('s', 'two'), opened('a')])
  })

  it('forgets that a session was used when it ends or moves, and while it is new', () => {
    const queue = new WriteQueue()
    queue.touch('s')
    queue.session(ended('s'))
    queue.touch('s')
    queue.touchesFallDue()
    expect(changesOf(queue.take(9))).toEqual([ended('s')])
    expect(queue.touches).toBe(0)
  })
})

describe('what is due', () => {
  it('is due at once for somebody who waits, and for what was there when its time came', () => {
    const queue = new WriteQueue()
    queue.add(opened('a'))
    queue.touch('s')
    expect(queue.isDue).toBe(false)
    queue.changesFallDue()
    expect(queue.isDue).toBe(true)
    queue.take(9)
    queue.add(opened('b'))
    expect(queue.isDue).toBe(false)
    queue.addAwaited(began(1), waiter())
    expect(queue.isDue).toBe(true)
    expect(changesOf(queue.take(9))).toEqual([opened('b'), began(1)])
    expect(queue.isDue).toBe(false)
    queue.touchesFallDue()
    expect(changesOf(queue.take(9))).toEqual([{ kind: 'session-used', key: 's' }])
    expect(queue.isDue).toBe(false)
  })

  it('puts a mark behind everything, signs of use included', () => {
    const queue = new WriteQueue()
    queue.touch('s')
    queue.add(opened('a'))
    const who = waiter()
    queue.mark(who)
    queue.touch('later')
    const order: (string | undefined)[] = []
    while (queue.isDue) order.push(...queue.take(1).map(({ change }) => change?.kind))
    expect(order).toEqual(['opened', 'session-used', undefined])
    expect(queue.touches).toBe(1)
  })

  it('is not due for ever when a due sign of use is overtaken', () => {
    const queue = new WriteQueue()
    queue.touch('s')
    queue.touchesFallDue()
    queue.session(ended('s'))
    queue.take(9)
    expect(queue.isDue).toBe(false)
  })
})

describe('after a failure', () => {
  it('puts the rest of a failed batch before everything else', () => {
    const queue = new WriteQueue()
    queue.add(opened('a'))
    queue.add(opened('b'))
    queue.session(session('s', 'one'))
    const failed = queue.take(9)
    queue.session(session('s', 'two'))
    queue.giveBack(failed)
    expect(queue.changes).toBe(4)
    expect(changesOf(queue.take(3))).toEqual([opened('a'), opened('b'), session('s', 'one')])
    expect(changesOf(queue.take(3))).toEqual([session('s', 'two')])
  })

  it('puts the rest before what an earlier one has left over, too', () => {
    const queue = new WriteQueue()
    for (const id of ['a', 'b', 'c']) queue.add(opened(id))
    queue.giveBack(queue.take(3))
    queue.giveBack(queue.take(1))
    expect(changesOf(queue.take(9))).toEqual([opened('a'), opened('b'), opened('c')])
  })

  it('knows who waited, and keeps only purchases of what they waited for, in their place', () => {
    const queue = new WriteQueue()
    const bought: Change = { kind: 'bought', upstreams: [] }
    const [one, two, three] = [waiter(), waiter(), waiter()]
    queue.add(opened('a'))
    queue.addAwaited(bought, one)
    queue.addAwaited(began(1), two)
    queue.add(opened('b'))
    queue.mark(three)
    expect(queue.postpone()).toEqual([one, two, three])
    expect(queue.isDue).toBe(false)
    expect(queue.postpone()).toEqual([])
    const kept = queue.take(9)
    expect(changesOf(kept)).toEqual([opened('a'), bought, opened('b')])
    expect(kept.every((entry) => entry.waiter === undefined)).toBe(true)
    expect(queue.touches).toBe(0)
  })
})

describe('room', () => {
  it('is bounded in sessions, not in what costs money', () => {
    const queue = new WriteQueue(2)
    queue.session(session('a', 'one'))
    queue.session(session('b', 'one'))
    queue.session(session('c', 'one'))
    queue.session(session('a', 'two'))
    queue.add(opened('x'))
    expect(queue.takeDropped()).toBe(1)
    expect(queue.takeDropped()).toBe(0)
    expect(changesOf(queue.take(9))).toEqual([session('a', 'two'), session('b', 'one'), opened('x')])
    for (const key of ['a', 'b', 'c']) queue.touch(key)
    expect(queue.touches).toBe(2)
  })
})
