import { expect, it } from 'vitest'
import { Hedging } from '../../../src/proxy/hedging.ts'
import { FakeClock } from '../../support/fake-clock.ts'

function observed(hedging: Hedging, ms: number, times: number): void {
  for (let time = 0; time < times; time++) hedging.observe('a', ms)
}

it('waits as long as 19 of 20 dials of the provider took, and 800 ms until 20 are known', () => {
  const hedging = new Hedging(new FakeClock(), 'auto', 10)
  observed(hedging, 200, 19)
  expect(hedging.queueFor('a').durationMs).toBe(800)
  observed(hedging, 2_000, 1)
  // The end of the bucket of 200 ms: there are four to an octave.
  expect(hedging.queueFor('a').durationMs).toBeCloseTo(2 ** 17.807 / 1_000, -1)
  observed(hedging, 2_000, 20)
  expect(hedging.queueFor('a').durationMs).toBe(2_097.152)
  expect(hedging.queueFor('b').durationMs).toBe(800)
})

it('is never sooner than after 20 ms, and with a fixed time always at that', () => {
  const auto = new Hedging(new FakeClock(), 'auto', 10)
  observed(auto, 1, 20)
  expect(auto.queueFor('a').durationMs).toBe(20)
  const fixed = new Hedging(new FakeClock(), 5, 10)
  observed(fixed, 200, 20)
  expect(fixed.queueFor('a').durationMs).toBe(5)
})

it('allows so many second dials at the same time', () => {
  const hedging = new Hedging(new FakeClock(), 'auto', 1)
  expect([hedging.begin(), hedging.begin()]).toEqual([true, false])
  hedging.ended()
  expect(hedging.begin()).toBe(true)
})
