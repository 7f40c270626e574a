import { expect, it } from 'vitest'
import { Demand, type DemandGroup } from '../../../src/supply/demand.ts'

const groupOf = (demand: Demand): DemandGroup => {
  const [group] = demand.groups
  if (group === undefined) throw new Error('nobody has asked')
  return group
}

function traffic(floor: number, instants: readonly number[]) {
  const demand = new Demand(floor)
  for (const at of instants) demand.asked(undefined, at)
  return { demand, group: groupOf(demand) }
}

it('owes one address for each of the latest leases, and nothing for a single one', () => {
  const owed = (instants: number[], now: number) => {
    const { demand, group } = traffic(5, instants)
    return demand.owed(group, now, 60_000)
  }
  expect([owed([0], 0), owed([0, 1], 1), owed([0, 1, 2], 2), owed([0, 1, 2, 3, 4, 5, 6], 6)]).toEqual([0, 2, 3, 5])
  expect([owed([0, 30_000], 59_999), owed([0, 30_000], 60_000), owed([0, 1, 2], 3_600_000)]).toEqual([2, 0, 0])
})

it('tells a rate of traffic from a floor of none', () => {
  const { demand, group } = traffic(0, [0, 1_000])
  expect(demand.owed(group, 1_000, 60_000)).toBe(2)
})

it('measures a steady rate, and lets it fade', () => {
  const instants = Array.from({ length: 600 }, (_, i) => i * 100)
  const { demand, group } = traffic(5, instants)
  expect(demand.rate(group, 59_900)).toBeGreaterThan(9.5)
  expect(demand.rate(group, 59_900)).toBeLessThan(10.6)
  expect(demand.rate(group, 69_900)).toBeCloseTo(demand.rate(group, 59_900) / Math.E)
})

it('does not bring an old rate back when somebody waits an hour later', () => {
  const { demand, group } = traffic(
    5,
    Array.from({ length: 600 }, (_, i) => i * 10),
  )
  demand.queueChanged([{ providers: undefined, count: 1, limited: { count: 0, addresses: 0 } }], 3_600_000)
  expect(demand.rate(group, 3_600_000)).toBeLessThan(0.001)
  expect([group.waiting, group.lastAt]).toEqual([1, 3_600_000])
})

it('keeps clients of different providers apart, and counts who waits in each group', () => {
  const demand = new Demand(5)
  demand.asked(undefined, 0)
  demand.asked(['a'], 0)
  demand.asked(['a', 'b'], 0)
  demand.asked(['a'], 1)
  demand.queueChanged(
    [
      { providers: ['a'], count: 3, limited: { count: 0, addresses: 0 } },
      { providers: ['c'], count: 1, limited: { count: 0, addresses: 0 } },
    ],
    2,
  )
  expect([...demand.groups].map(({ providers, waiting }) => [providers, waiting])).toEqual([
    [undefined, 0],
    [['a'], 3],
    [['a', 'b'], 0],
    [['c'], 1],
  ])
  demand.queueChanged([], 3)
  expect([...demand.groups].map(({ waiting }) => waiting)).toEqual([0, 0, 0, 0])
})

it('who stops waiting is no demand', () => {
  const demand = new Demand(5)
  demand.queueChanged([{ providers: undefined, count: 2, limited: { count: 0, addresses: 0 } }], 1_000)
  demand.queueChanged([], 50_000)
  expect(groupOf(demand).lastAt).toBe(1_000)
})
