import { expect, it } from 'vitest'
import { percentile, SETUP_BUCKETS, setupBucket } from '../../../src/proxy/setup-times.ts'

function counted(times: readonly number[]): Uint32Array {
  const counts = new Uint32Array(SETUP_BUCKETS)
  for (const ms of times) counts[setupBucket(ms)] = (counts[setupBucket(ms)] ?? 0) + 1
  return counts
}
const nothing = new Uint32Array(SETUP_BUCKETS)

it('puts longer times into later buckets, and every time into one', () => {
  let before = 0
  for (let ms = 0.001; ms < 1e9; ms *= 1.1) {
    const bucket = setupBucket(ms)
    expect(bucket).toBeGreaterThanOrEqual(before)
    expect(bucket).toBeLessThan(SETUP_BUCKETS)
    before = bucket
  }
  expect(before).toBe(SETUP_BUCKETS - 1)
})

it.each([0.1, 1, 7, 30, 250, 3_000, 20_000])('is right to within 19 %% for %s ms', (ms) => {
  const seconds = percentile(counted([ms]), nothing, 0.5) ?? 0
  expect(seconds / (ms / 1_000)).toBeGreaterThan(0.81)
  expect(seconds / (ms / 1_000)).toBeLessThan(1.19)
})

it('tells the slow ones from the usual', () => {
  const counts = counted([...Array<number>(98).fill(10), 1_000, 1_000])
  expect(percentile(counts, nothing, 0.5)).toBeCloseTo(0.01, 2)
  expect(percentile(counts, nothing, 0.99)).toBeGreaterThan(0.8)
})

it('counts only what came between two readings', () => {
  const before = counted([1_000, 1_000])
  const now = before.map((count, i) => count + (counted([10])[i] ?? 0))
  expect(percentile(now, before, 0.99)).toBeCloseTo(0.01, 2)
  expect(percentile(before, before, 0.5)).toBeNull()
})
