import { expect, it } from 'vitest'
import { SlidingWindow } from '../../../src/ratelimit/sliding-window.ts'

/** Sends calls one by one, each answered at once. @returns how many the vendor, who allows `enforced` in a minute, refused */
function use(window: SlidingWindow, now: number, accepted: number[], enforced: number): number {
  let refused = 0
  while (window.room(now) > 0) {
    window.begin()
    if (accepted.filter((at) => at > now - 60_000).length < enforced) {
      accepted.push(now)
      window.end(now, true)
    } else {
      refused++
      window.refused(now)
    }
  }
  return refused
}

it('counts the calls of an earlier process until each of them is over', () => {
  const window = new SlidingWindow({ calls: 3, perMs: 1_000 })
  window.restore(600, true, 5_000)
  window.restore(0, false, 5_000)
  expect([window.room(5_000), window.room(5_404), window.room(5_405)]).toEqual([1, 1, 2])
  expect([window.room(7_004), window.room(7_005)]).toEqual([2, 3])
})

it('keeps the smallest limit that is stated, and follows each statement up as well as down', () => {
  const window = new SlidingWindow({ calls: 15, perMs: 60_000 }, 'get of a')
  window.state('query of a', { calls: 60, perMs: 60_000 })
  expect(window.room(0)).toBe(15)
  window.state('get of a', { calls: 110, perMs: 60_000 })
  expect(window.free(0)).toBe(60)
  window.state('get of b', { calls: 20, perMs: 60_000 })
  expect(window.free(0)).toBe(20)
})

it('takes as many calls as were accepted for the limit when the vendor refuses one more', () => {
  const window = new SlidingWindow({ calls: 60, perMs: 60_000 })
  const accepted: number[] = []
  expect(use(window, 0, accepted, 20)).toBe(1)
  expect([window.allowed(0), window.free(0)]).toEqual([20, 0])
  // The refused call counts too: one more than the limit must leave the window.
  expect([window.waitMs(0), window.free(60_005)]).toEqual([60_005, 20])
})

it('learns nothing from a refusal when none of its own calls was accepted', () => {
  const window = new SlidingWindow({ calls: 60, perMs: 60_000 })
  window.begin()
  expect([window.refused(0), window.allowed(0)]).toEqual([false, 60])
})

it('tries a larger limit slowly, later after each try that was refused, and at last uses the whole one again', () => {
  const window = new SlidingWindow({ calls: 60, perMs: 60_000 })
  const accepted: number[] = []
  let refused = 0
  for (let minute = 0; minute < 120; minute++) refused += use(window, minute * 60_010, accepted, 20)
  expect(refused).toBeLessThanOrEqual(7)
  expect(accepted.length).toBeGreaterThanOrEqual(120 * 20 - 2 * refused)
  // The vendor has changed its mind.
  for (let minute = 120; minute < 500; minute++) use(window, minute * 60_010, accepted, 1_000)
  expect(window.allowed(500 * 60_010)).toBe(60)
})

it('gives the slot of a call that has not left back', () => {
  const window = new SlidingWindow({ calls: 1, perMs: 1_000 })
  window.begin()
  window.undo()
  expect([window.room(0), window.sent]).toEqual([1, 0])
})
