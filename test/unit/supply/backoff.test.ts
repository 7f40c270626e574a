import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Backoff } from '../../../src/supply/backoff.ts'
import { stagger } from '../../../src/supply/stagger.ts'

it('pauses grow to the maximum, with full jitter, and begin anew after a success', () => {
  const longest = new Backoff({ backoffMs: 1_000, maxBackoffMs: 30_000 }, () => 1)
  expect(Array.from({ length: 7 }, () => longest.next())).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
  longest.reset()
  expect(longest.next()).toBe(1_000)
  const shortest = new Backoff({ backoffMs: 1_000, maxBackoffMs: 30_000 }, () => 0)
  expect(Array.from({ length: 7 }, () => shortest.next())).toEqual(Array(7).fill(500))
})

it('a pause is never nothing, never more than the maximum, and never no number', () => {
  const sizes = fc.integer({ min: 1, max: 1_000_000 })
  fc.assert(
    fc.property(sizes, sizes, fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), (a, b, random) => {
      const [base, max] = [Math.min(a, b), Math.max(a, b)]
      const backoff = new Backoff({ backoffMs: base, maxBackoffMs: max }, () => random)
      for (let i = 0; i < 2_000; i += i < 20 ? 1 : 400) {
        const pause = backoff.next()
        expect(pause >= base / 2 && pause <= max).toBe(true)
      }
    }),
  )
})

it('orders that were due together are set apart by moving them forward, the last one never', () => {
  const orderAts = [100_000, 100_000, 100_000, 100_000]
  stagger(orderAts, 60_000)
  expect(orderAts).toEqual([88_750, 92_500, 96_250, 100_000])
})

it('orders that are apart already stay where they are, and none is moved back or by more than a quarter of a life', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 200_000 }), { minLength: 1, maxLength: 30 }), (instants) => {
      const moved = [...instants]
      stagger(moved, 60_000)
      const before = instants.toSorted((a, b) => a - b)
      const apart = 15_000 / instants.length
      for (const [i, at] of moved.entries()) {
        expect(at).toBeLessThanOrEqual(before[i] as number)
        expect((before[i] as number) - at).toBeLessThanOrEqual(15_000)
        if (i > 0) expect(at - (moved[i - 1] as number)).toBeGreaterThanOrEqual(apart - 0.001)
      }
      expect(moved.at(-1)).toBe(before.at(-1))
      if (before.every((at, i) => i === 0 || at - (before[i - 1] as number) >= apart)) expect(moved).toEqual(before)
    }),
  )
})
