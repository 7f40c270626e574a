import fc from 'fast-check'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { type Clock, httpTime, SystemClock, type TimeSource } from '../../src/clock.ts'
import { internalErrors } from '../../src/internal-errors.ts'
import { FakeClock } from '../support/fake-clock.ts'

/** A machine that can be put to sleep. */
class Machine implements TimeSource {
  awakeMs = 50
  bootMs = 1_000_000.25
  wallMs = 1_766_000_000_000
  /** What reading the time since boot takes. */
  readingMs = 0

  monotonic(): number {
    return this.awakeMs
  }

  sinceBoot(): number {
    this.run(this.readingMs / 2)
    const shown = Math.floor(this.bootMs / 10) * 10
    this.run(this.readingMs / 2)
    return shown
  }

  wall(): number {
    return this.wallMs
  }

  run(ms: number): void {
    this.awakeMs += ms
    this.bootMs += ms
    this.wallMs += ms
  }

  sleep(ms: number): void {
    this.bootMs += ms
    this.wallMs += ms
  }
}

function setUp() {
  const machine = new Machine()
  const clock = new SystemClock(machine)
  clocks.push(clock)
  return { machine, clock }
}

const clocks: SystemClock[] = []
beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  for (const clock of clocks.splice(0)) clock.close()
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

it('counts the time that the machine slept, from the first resync on', () => {
  const { machine, clock } = setUp()
  const start = clock.now()
  machine.run(1_000)
  machine.sleep(3_600_000)
  vi.advanceTimersByTime(1_000)
  expect(Math.abs(clock.now() - start - 3_601_000)).toBeLessThan(20)
})

it('tells its listeners of a sleep once, and nobody who has left', () => {
  const { machine, clock } = setUp()
  const heard: string[] = []
  clock.onWake(() => heard.push('stays'))
  const leave = clock.onWake(() => heard.push('leaves'))
  machine.sleep(60_000)
  clock.resync()
  clock.resync()
  leave()
  machine.sleep(60_000)
  clock.resync()
  expect(heard).toEqual(['stays', 'leaves', 'stays'])
})

it('does not take the noise between two clocks for sleep', () => {
  const { machine, clock } = setUp()
  const heard: string[] = []
  clock.onWake(() => heard.push('woke'))
  for (let i = 0; i < 1_000; i++) {
    machine.run(1_003.7)
    clock.resync()
  }
  expect(heard).toEqual([])
})

it('does not take a pause between its two readings for sleep', () => {
  const { machine, clock } = setUp()
  const start = clock.now()
  machine.readingMs = 900
  clock.resync()
  expect(clock.now() - start).toBe(900)
})

it('does not take a pause at its start for sleep', () => {
  const machine = new Machine()
  machine.readingMs = 900
  const clock = new SystemClock(machine)
  clocks.push(clock)
  machine.readingMs = 0
  const start = clock.now()
  machine.run(1_000)
  clock.resync()
  expect(clock.now() - start).toBe(1_000)
})

it('adds up short sleeps until they can be told from noise', () => {
  const { machine, clock } = setUp()
  const start = clock.now()
  for (let i = 0; i < 10; i++) {
    machine.run(10)
    machine.sleep(100)
    clock.resync()
  }
  expect(Math.abs(clock.now() - start - 1_100)).toBeLessThan(260)
})

it('does not care who sets the time of day, and tells it as it is', () => {
  const { machine, clock } = setUp()
  const start = clock.now()
  for (const step of [-86_400_000, 7_200_000]) {
    machine.wallMs += step
    clock.resync()
    expect(clock.now()).toBe(start)
    expect(clock.wall()).toBe(machine.wallMs)
  }
})

it('never runs backwards and is never far from the truth, whatever the machine does', () => {
  const step = fc.record({
    run: fc.integer({ min: 0, max: 5_000 }),
    sleep: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 10_000_000 })),
    wall: fc.integer({ min: -1_000_000, max: 1_000_000 }),
    readingMs: fc.constantFrom(0, 0, 0, 700),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { machine, clock } = setUp()
      const offset = machine.bootMs - clock.now()
      let last = clock.now()
      for (const { run, sleep, wall, readingMs } of steps) {
        machine.run(run)
        machine.sleep(sleep)
        machine.wallMs += wall
        machine.readingMs = readingMs
        clock.resync()
        expect(clock.now()).toBeGreaterThanOrEqual(last)
        last = clock.now()
        if (readingMs > 0) continue
        expect(Math.abs(machine.bootMs - offset - clock.now())).toBeLessThan(270)
      }
    }),
  )
})

it('calls back after the time that was asked for, never for a cleared timer', () => {
  const { clock } = setUp()
  const calls: string[] = []
  clock.after(100, () => calls.push('a'))
  const cleared = clock.after(50, () => calls.push('b'))
  clock.after(-5, () => calls.push('c'))
  cleared.clear()
  cleared.clear()
  vi.advanceTimersByTime(99)
  expect(calls).toEqual(['c'])
  vi.advanceTimersByTime(1)
  expect(calls).toEqual(['c', 'a'])
})

it('waits longer than setTimeout can', () => {
  const { clock } = setUp()
  clock.close() // a month of resyncs would take seconds
  const calls: string[] = []
  const month = 31 * 86_400_000
  clock.after(month, () => calls.push('a'))
  clock.after(Number.POSITIVE_INFINITY, () => calls.push('never')).clear()
  const cleared = clock.after(month, () => calls.push('b'))
  vi.advanceTimersByTime(month - 1)
  expect(calls).toEqual([])
  cleared.clear()
  vi.advanceTimersByTime(1)
  expect(calls).toEqual(['a'])
})

const kinds: [string, () => { clock: Clock; run: (ms: number) => Promise<void>; timers: () => number }][] = [
  [
    'SystemClock',
    () => ({
      clock: setUp().clock,
      run: async (ms) => void (await vi.advanceTimersByTimeAsync(ms)),
      timers: () => vi.getTimerCount() - 1,
    }),
  ],
  [
    'FakeClock',
    () => {
      const clock = new FakeClock()
      return { clock, run: (ms) => clock.run(ms), timers: () => clock.pendingTimers }
    },
  ],
]

for (const [name, open] of kinds) {
  it(`${name} sleeps, and wakes at once with the signal's reason`, async () => {
    const { clock, run, timers } = open()
    const events: unknown[] = []
    const abort = new AbortController()
    clock.sleep(100).then(() => events.push('slept'))
    clock.sleep(200, abort.signal).catch((reason) => events.push(reason))
    await run(100)
    expect(events).toEqual(['slept'])
    abort.abort('enough')
    await run(0)
    expect(events).toEqual(['slept', 'enough'])
    expect(timers()).toBe(0)
    await expect(clock.sleep(1, abort.signal)).rejects.toBe('enough')
    expect(timers()).toBe(0)
  })

  it(`${name} leaves no listener on a signal behind`, async () => {
    const { clock, run } = open()
    const { signal } = new AbortController()
    const add = vi.spyOn(signal, 'addEventListener')
    const remove = vi.spyOn(signal, 'removeEventListener')
    const slept = clock.sleep(10, signal)
    await run(10)
    await slept
    expect(remove).toHaveBeenCalledTimes(add.mock.calls.length)
  })
}

it('an exception in a timer, or in a listener of waking up, is reported and stops no other', () => {
  const { machine, clock } = setUp()
  const before = internalErrors.count
  const calls: string[] = []
  const bug = () => {
    throw new TypeError('a bug of this test')
  }
  clock.onWake(bug)
  clock.onWake(() => calls.push('awake'))
  clock.after(5, bug)
  clock.after(5, () => calls.push('timer'))
  vi.advanceTimersByTime(5)
  machine.sleep(60_000)
  clock.resync()
  expect([calls, internalErrors.count - before]).toEqual([['timer', 'awake'], 2])
})

it('writes the Date header as RFC 9110 section 5.6.7 does', () => {
  expect(httpTime(784_111_777_999)).toBe('Sun, 06 Nov 1994 08:49:37 GMT')
})
