import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Budget } from '../../../src/store/budget.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** How many may be bought then. */
const leftOf = (budget: Budget, now: number): number => budget.tightest(now)?.left ?? Number.POSITIVE_INFINITY

it('allows everything without a budget', () => {
  const budget = new Budget({})
  budget.book(0, 1_000_000)
  expect([leftOf(budget, 0), budget.reached(0)]).toEqual([Number.POSITIVE_INFINITY, undefined])
})

it('allows as much as the tightest of its limits', () => {
  const budget = new Budget({ perHour: 10, perDay: 25, total: 40 })
  const lefts: number[] = []
  for (const now of [0, HOUR, 2 * HOUR, 3 * HOUR, DAY, DAY + HOUR]) {
    lefts.push(leftOf(budget, now))
    budget.book(now, leftOf(budget, now))
  }
  expect(lefts).toEqual([10, 10, 5, 0, 10, 5])
  expect(budget.total).toBe(40)
})

it('names the tightest of its limits, which is not always the smallest', () => {
  const budget = new Budget({ perHour: 10, perDay: 25, total: 40 })
  for (let hour = 0; hour < 3; hour++) budget.book(hour * HOUR, 8)
  expect(budget.tightest(3 * HOUR)).toEqual({ which: 'perDay', limit: 25, left: 1 })
  expect(budget.tightest(DAY + 3 * HOUR)).toEqual({ which: 'perHour', limit: 10, left: 10 })
  expect(new Budget({}).tightest(0)).toBeUndefined()
})

it('tells which limit is reached, and when something may be bought again', () => {
  const budget = new Budget({ perHour: 2, perDay: 3, total: 4 })
  budget.book(1_000, 1)
  expect(budget.reached(1_000)).toBeUndefined()
  budget.book(600_000, 1)
  expect(budget.reached(600_000)).toEqual({ which: 'perHour', limit: 2, until: 1_000 + HOUR })
  expect(budget.reached(1_000 + HOUR)).toBeUndefined()
  budget.book(1_000 + HOUR, 1)
  expect(budget.reached(1_000 + HOUR)).toEqual({ which: 'perDay', limit: 3, until: 1_000 + DAY })
  budget.book(1_000 + DAY, 1)
  expect(budget.reached(1_000 + DAY)).toEqual({ which: 'total', limit: 4, until: undefined })
})

it('has no room for a lot while fewer are left, until enough of it has fallen free', () => {
  const budget = new Budget({ perHour: 10 })
  budget.book(0, 4)
  budget.book(60_000, 4)
  expect([budget.reached(60_000), budget.reached(60_000, 2)]).toEqual([undefined, undefined])
  expect(budget.reached(60_000, 3)).toEqual({ which: 'perHour', limit: 10, until: HOUR })
  expect(budget.reached(60_000, 7)).toEqual({ which: 'perHour', limit: 10, until: HOUR + 60_000 })
  expect(budget.reached(60_000, 11)).toEqual({ which: 'perHour', limit: 10, until: undefined })
  expect(new Budget({ total: 5 }).reached(0, 6)).toEqual({ which: 'total', limit: 5, until: undefined })
})

it('of nothing allows nothing', () => {
  expect(leftOf(new Budget({ perHour: 0 }), 5)).toBe(0)
  expect(new Budget({ perHour: 0 }).reached(5)).toMatchObject({ which: 'perHour' })
  expect(new Budget({ total: 0 }).reached(5)).toMatchObject({ which: 'total' })
})

it('takes back what was not sold from the order that it was booked for', () => {
  const budget = new Budget({ perHour: 10 })
  const early = budget.book(0, 5)
  budget.book(30 * 60_000, 5)
  budget.refund(early, 5)
  // The later order still counts an hour after it was made.
  expect([leftOf(budget, 30 * 60_000), leftOf(budget, HOUR + 60_000), budget.total]).toEqual([5, 5, 5])
  expect(leftOf(budget, 90 * 60_000)).toBe(10)
})

it('does not let a purchase out of its hour before the hour is over, also when another one was made just before it', () => {
  const budget = new Budget({ perHour: 10 })
  budget.book(0, 1)
  budget.book(900, 9)
  expect([leftOf(budget, HOUR), leftOf(budget, HOUR + 899), leftOf(budget, HOUR + 900)]).toEqual([0, 0, 10])
  expect(budget.reached(1_000)?.until).toBe(HOUR + 900)
})

it('waits for what was bought, not for what was taken back', () => {
  const budget = new Budget({ perHour: 5 })
  budget.refund(budget.book(0, 5), 5)
  budget.book(600_000, 5)
  expect(budget.reached(600_000)?.until).toBe(600_000 + HOUR)
})

it('counts what an earlier process bought', () => {
  const budget = new Budget({ perHour: 10, total: 100 })
  budget.restore(
    [
      { at: -HOUR, count: 3 },
      { at: -60_000, count: 4 },
    ],
    90,
  )
  expect([leftOf(budget, 0), budget.total]).toEqual([6, 90])
  budget.book(0, 6)
  expect(budget.reached(0)).toEqual({ which: 'perHour', limit: 10, until: HOUR - 60_000 })
  expect(leftOf(budget, HOUR)).toBe(4)
})

it('is never exceeded in any window, however orders, refunds and time mix', () => {
  const step = fc.record({
    waitMs: fc.oneof(fc.integer({ min: 0, max: 1_500 }), fc.integer({ min: 0, max: HOUR })),
    wish: fc.integer({ min: 1, max: 12 }),
    sold: fc.double({ min: 0, max: 1, noNaN: true }),
    /** How many orders later the reply comes. */
    later: fc.nat(3),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
      const limits = { perHour: 10, perDay: 60, total: 150 }
      const budget = new Budget(limits)
      const bought: { at: number; count: number }[] = []
      const open: { due: number; settle: () => void }[] = []
      let now = 0
      for (const [index, { waitMs, wish, sold, later }] of steps.entries()) {
        now += waitMs
        for (const order of open.filter(({ due }) => due === index)) order.settle()
        const count = Math.min(wish, leftOf(budget, now))
        if (count < 1) continue
        const booking = budget.book(now, count)
        const kept = Math.round(count * sold)
        const purchase = { at: now, count }
        bought.push(purchase)
        const settle = () => {
          purchase.count = kept
          budget.refund(booking, count - kept)
        }
        open.push({ due: index + later + 1, settle })
      }
      for (const order of open.filter(({ due }) => due > steps.length - 1)) order.settle()
      const within = (from: number, span: number) =>
        bought.reduce((sum, { at, count }) => sum + (at >= from && at < from + span ? count : 0), 0)
      for (const { at } of bought) {
        expect(within(at, HOUR)).toBeLessThanOrEqual(limits.perHour)
        expect(within(at, DAY)).toBeLessThanOrEqual(limits.perDay)
      }
      expect(within(0, Number.POSITIVE_INFINITY)).toBeLessThanOrEqual(limits.total)
      expect(budget.total).toBe(within(0, Number.POSITIVE_INFINITY))
    }),
  )
})

it('counts the purchases of the last day, however many were made before', () => {
  const budget = new Budget({ perDay: 1e9 })
  for (let i = 0; i < 10_000; i++) budget.book(i * 30_000, 1)
  expect(leftOf(budget, 10_000 * 30_000)).toBe(1e9 - 2_879)
})
