import fc from 'fast-check'
import { expect, it } from 'vitest'
import { internalErrors } from '../../../src/internal-errors.ts'
import { TimeoutEntry, TimeoutQueue } from '../../../src/structures/timeout-queue.ts'
import { FakeClock } from '../../support/fake-clock.ts'

class Entry extends TimeoutEntry {
  firedAt: number[] = []
  failures = 0
  readonly #clock: FakeClock
  readonly #then: (entry: Entry) => void

  constructor(clock: FakeClock, then: (entry: Entry) => void = () => {}) {
    super()
    this.#clock = clock
    this.#then = then
  }

  override onDeadline(): void {
    this.firedAt.push(this.#clock.now())
    this.#then(this)
  }

  override failInternally(): void {
    this.failures++
  }
}

function setUp(durationMs = 100) {
  const clock = new FakeClock({ now: 0 })
  return { clock, list: new TimeoutQueue(clock, durationMs) }
}

it('calls each entry once, when its own time has come', () => {
  const { clock, list } = setUp()
  const first = new Entry(clock)
  const second = new Entry(clock)
  list.add(first)
  clock.advance(30)
  list.add(second)
  clock.advance(69)
  expect(first.firedAt).toEqual([])
  clock.advance(1_000)
  expect([first.firedAt, second.firedAt]).toEqual([[100], [130]])
  expect(list.size).toBe(0)
})

it('forgets what was removed, wherever it stood', () => {
  const { clock, list } = setUp()
  const entries = [0, 1, 2].map(() => new Entry(clock))
  for (const entry of entries) list.add(entry)
  for (const index of [1, 2]) list.remove(entries[index] as Entry)
  list.remove(entries[1] as Entry)
  expect(list.size).toBe(1)
  clock.advance(100)
  expect(entries.map((entry) => entry.firedAt.length)).toEqual([1, 0, 0])
})

it('starts an entry anew when it is added again, and takes it out of another list', () => {
  const { clock, list } = setUp()
  const longer = new TimeoutQueue(clock, 300)
  const entry = new Entry(clock)
  list.add(entry)
  clock.advance(50)
  list.add(entry)
  clock.advance(60)
  longer.add(entry)
  expect([list.size, longer.size]).toEqual([0, 1])
  clock.advance(1_000)
  expect(entry.firedAt).toEqual([410])
})

it('leaves an entry of another list alone when it is told to remove it', () => {
  const { clock, list } = setUp()
  const other = new TimeoutQueue(clock, 100)
  const entry = new Entry(clock)
  other.add(entry)
  list.remove(entry)
  expect(other.size).toBe(1)
})

// The dial that follows a dial that timed out joins the same list from inside its callback.
it('keeps the others punctual when a callback adds to the list', () => {
  const { clock, list } = setUp()
  const again = new Entry(clock)
  list.add(new Entry(clock, () => list.add(again)))
  clock.advance(10)
  const other = new Entry(clock)
  list.add(other)
  clock.advance(1_000)
  expect([other.firedAt, again.firedAt]).toEqual([[110], [200]])
})

it('copes with callbacks that remove others', () => {
  const { clock, list } = setUp()
  const victim = new Entry(clock)
  list.add(new Entry(clock, () => list.remove(victim)))
  list.add(victim)
  const last = new Entry(clock)
  list.add(last)
  clock.advance(1_000)
  expect([victim.firedAt, last.firedAt]).toEqual([[], [100]])
})

it('keeps one timer, and none after it was closed, even from inside a callback', () => {
  const { clock, list } = setUp()
  const unexpired = [new Entry(clock), new Entry(clock)]
  list.add(new Entry(clock, () => list.close()))
  list.add(unexpired[0] as Entry)
  clock.advance(1)
  list.add(unexpired[1] as Entry)
  expect(clock.pendingTimers).toBe(1)
  clock.advance(99)
  expect(clock.pendingTimers).toBe(0)
  expect(unexpired.map((entry) => entry.firedAt)).toEqual([[], []])
})

const step = fc.oneof(
  fc.record({ do: fc.constant('add'), entry: fc.nat(5) }),
  fc.record({ do: fc.constant('remove'), entry: fc.nat(5) }),
  fc.record({ do: fc.constant('wait'), entry: fc.integer({ min: 1, max: 150 }) }),
)

it('fires exactly what was added last and not removed, a duration later', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.array(fc.nat(5), { maxLength: 4 }), (steps, rejoining) => {
      const { clock, list } = setUp()
      const due = new Map<number, number>()
      const expected: string[] = []
      const seen: string[] = []
      let rejoins = 0
      const entries = Array.from(
        { length: 6 },
        (_, index) =>
          new Entry(clock, (entry) => {
            seen.push(`${index}@${clock.now()}`)
            const wanted = due.get(index)
            if (wanted !== undefined) expected.push(`${index}@${wanted}`)
            due.delete(index)
            if (!rejoining.includes(index) || rejoins++ >= 20) return
            list.add(entry)
            due.set(index, clock.now() + 100)
          }),
      )
      for (const { do: what, entry } of steps) {
        if (what === 'wait') clock.advance(entry)
        else if (what === 'add') {
          list.add(entries[entry] as Entry)
          due.set(entry, clock.now() + 100)
        } else {
          list.remove(entries[entry] as Entry)
          due.delete(entry)
        }
        expect(list.size).toBe(due.size)
      }
      clock.advance(10_000)
      expect(seen).toEqual(expected)
      expect(due.size).toBe(0)
    }),
  )
})

it('an exception in one entry is reported, ends that entry, and keeps no other from its time', () => {
  const { clock, list } = setUp()
  const fail = () => {
    throw new Error('a bug')
  }
  const entries = [new Entry(clock), new Entry(clock, fail), new Entry(clock)]
  for (const entry of entries) list.add(entry)
  const before = internalErrors.count
  clock.advance(100)
  expect(entries.map(({ firedAt, failures }) => [firedAt, failures])).toEqual([
    [[100], 0],
    [[100], 1],
    [[100], 0],
  ])
  expect(internalErrors.count - before).toBe(1)
  const later = new Entry(clock)
  list.add(later)
  clock.advance(100)
  expect(later.firedAt).toEqual([200])
})

it('adds the time in which the process stood still, once and at most the duration', () => {
  const { clock, list } = setUp(4_000)
  const short = new Entry(clock)
  list.add(short)
  clock.advance(1_000)
  clock.suspend(5_000)
  // Its timer comes at 9,000, 5,000 late; in the time that is added its answer may be read.
  clock.advance(3_000)
  const answered = new Entry(clock)
  list.add(answered)
  expect(short.firedAt).toEqual([])
  clock.advance(2_000)
  list.remove(answered)
  clock.suspend(60_000)
  clock.advance(2_000)
  expect([short.firedAt, answered.firedAt]).toEqual([[73_000], []])
  const later = new Entry(clock)
  list.add(later)
  clock.advance(4_000)
  expect(later.firedAt).toEqual([77_000])
})
