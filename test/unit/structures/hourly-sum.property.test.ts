import fc from 'fast-check'
import { expect, it } from 'vitest'
import { HourlySum } from '../../../src/structures/hourly-sum.ts'

const HOUR_MS = 3_600_000
const HOURS = 3

/** What was added, and how often the sum was made anew from its parts. */
const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('add' as const), afterMs: fc.nat(3 * HOUR_MS), amount: fc.nat(9) }),
    fc.record({ do: fc.constant('renew' as const), afterMs: fc.nat(HOUR_MS) }),
  ),
  { maxLength: 40 },
)

it('counts each amount for its hours and at most one more, also when it is made anew from its parts', () => {
  fc.assert(
    fc.property(steps, (all) => {
      let sum = new HourlySum(HOURS)
      let now = 0
      const added: { at: number; amount: number }[] = []
      for (const step of all) {
        now += step.afterMs
        if (step.do === 'add') {
          sum.add(step.amount, now)
          added.push({ at: now, amount: step.amount })
        } else {
          const parts = sum.parts(now)
          sum = new HourlySum(HOURS)
          for (const [ageMs, amount] of parts) sum.add(amount, now - ageMs)
        }
        const within = (ms: number) => added.reduce((all, { at, amount }) => (at > now - ms ? all + amount : all), 0)
        expect(sum.sum(now)).toBeGreaterThanOrEqual(within(HOURS * HOUR_MS))
        expect(sum.sum(now)).toBeLessThanOrEqual(within((HOURS + 1) * HOUR_MS))
      }
    }),
  )
})

it('says when it falls below a limit', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(2 * HOUR_MS), fc.integer({ min: 1, max: 9 })), { minLength: 1 }),
      fc.integer({ min: 1, max: 20 }),
      (all, limit) => {
        const sum = new HourlySum(HOURS)
        let now = 0
        for (const [afterMs, amount] of all) {
          now += afterMs
          sum.add(amount, now)
        }
        const at = sum.belowAt(limit, now)
        const isBelow = sum.sum(now) < limit
        expect(at === now).toBe(isBelow)
        if (isBelow) return
        expect(sum.sum(at - 1)).toBeGreaterThanOrEqual(limit)
        expect(sum.sum(at)).toBeLessThan(limit)
      },
    ),
  )
})
