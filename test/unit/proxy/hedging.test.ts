import { expect, it } from 'vitest'
import { Hedging } from '../../../src/proxy/hedging.ts'
import { FakeClock } from '../../support/fake-clock.ts'

function observed(hedging: Hedging, ms: number, times: number): void {
  for (let time = 0; time < times; time++) hedging.observe('a', ms)
}

it('waits as long as 19 of 20 dials of the provider took, and 800 ms until 20 are known', () => {
  const hedging = new Hedging(new FakeClock(), 'auto', 10, () => false)
  observed(hedging, 200, 19)
  expect(hedging.queueFor('a').durationMs).toBe(800)
  observed(hedging, 2_000, 1)
  // The bound of the bucket of 200 ms: a bucket is a quarter wide.
  expect(hedging.queueFor('a').durationMs).toBeCloseTo(1.25 ** 24)
  observed(hedging, 2_000, 20)
  expect(hedging.queueFor('a').durationMs).toBeCloseTo(1.25 ** 35)
  expect(hedging.queueFor('b').durationMs).toBe(800)
})

it('is never sooner than after 20 ms, and with a fixed time always at that', () => {
  const auto = new Hedging(new FakeClock(), 'auto', 10, () => false)
  observed(auto, 1, 20)
  expect(auto.queueFor('a').durationMs).toBe(20)
  const fixed = new Hedging(new FakeClock(), 5, 10, () => false)
  observed(fixed, 200, 20)
  expect(fixed.queueFor('a').durationMs).toBe(5)
})

// What clients wait for is then this process: a second dial would add to its work, and cost an upstream a connection.
it('begins no second dial while the event loop is busy, unless the time is fixed', () => {
  let isBusy = true
  const auto = new Hedging(new FakeClock(), 'auto', 1, () => isBusy)
  expect(auto.begin()).toBe(false)
  expect(new Hedging(new FakeClock(), 5, 1, () => isBusy).begin()).toBe(true)
  isBusy = false
  expect(auto.begin()).toBe(true)
  expect(auto.begin()).toBe(false)
  auto.ended()
  expect(auto.begin()).toBe(true)
})
