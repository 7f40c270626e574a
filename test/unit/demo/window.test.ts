import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SlidingWindow } from '../../../src/demo/window.ts'

describe('the demo vendor’s sliding window', () => {
  it('frees a place when the oldest accepted call is a whole window old, and says when', () => {
    const window = new SlidingWindow(2, 1_000)
    expect([window.take(0), window.take(400)]).toEqual([0, 0])
    expect(window.take(999)).toBe(1)
    expect(window.take(1_000)).toBe(0)
    expect(window.take(1_001)).toBe(399)
  })

  it('does not count refused calls', () => {
    const window = new SlidingWindow(1, 1_000)
    window.take(0)
    for (let now = 1; now < 1_000; now++) expect(window.take(now)).toBeGreaterThan(0)
    expect(window.take(1_000)).toBe(0)
  })

  it('never accepts more than its calls in any window, and never refuses without need', () => {
    const pauses = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 200 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), pauses, (calls, gaps) => {
        const window = new SlidingWindow(calls, 100)
        const accepted: number[] = []
        let now = 0
        for (const gap of gaps) {
          now += gap
          const recent = accepted.filter((at) => at > now - 100)
          const wait = window.take(now)
          expect(wait === 0).toBe(recent.length < calls)
          if (wait === 0) accepted.push(now)
          else expect(wait).toBe((recent[0] ?? Number.NaN) + 100 - now)
        }
      }),
    )
  })
})
