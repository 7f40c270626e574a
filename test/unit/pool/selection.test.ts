import { expect, it } from 'vitest'
import { View } from '../../../src/pool/selection.ts'
import { Upstream } from '../../../src/pool/upstream.ts'
import type { Strategy } from '../../../src/strategy.ts'
import { facts, sequence } from './pool-fixture.ts'

const all = () => true

function viewOf(count: number, seed = 1) {
  const view = new View(sequence(seed))
  const members = Array.from(
    { length: count },
    (_, i) => new Upstream(facts(String(i), { deadline: 10_000 * (i + 1) })),
  )
  for (const member of members) view.add(member)
  const pick = (strategy: Strategy, accepts: (upstream: Upstream) => boolean = all) => view.pick(strategy, accepts)
  /** How often each was picked. */
  const tally = (strategy: Strategy, times: number, accepts: (upstream: Upstream) => boolean = all) => {
    const counts = new Map(members.map(({ id }) => [id, 0]))
    for (let i = 0; i < times; i++) {
      const { id = 'none' } = pick(strategy, accepts) ?? {}
      counts.set(id, (counts.get(id) ?? 0) + 1)
    }
    return [...counts.values()]
  }
  return { view, members, pick, tally }
}

/** Two alike strategies never go astray far: five standard deviations. */
const isFair = (counts: readonly number[], times: number) => {
  const share = times / counts.length
  return counts.every((count) => Math.abs(count - share) < 5 * Math.sqrt(share))
}

it('round-robin gives every member its turn, exactly', () => {
  expect(viewOf(7).tally('round-robin', 7 * 13)).toEqual(Array(7).fill(13))
})

it('round-robin stays even when clients of other strategies are served in between', () => {
  const { tally, pick } = viewOf(5)
  const counts = Array(5).fill(0)
  for (let i = 0; i < 50; i++) {
    for (const [at, count] of tally('round-robin', 1).entries()) counts[at] += count
    pick('random')
    pick('power-of-two')
  }
  expect(counts).toEqual(Array(5).fill(10))
})

it('round-robin shares the turns of members that are not acceptable', () => {
  const { tally } = viewOf(4)
  expect(tally('round-robin', 30, ({ id }) => id !== '2')).toEqual([10, 10, 0, 10])
})

it('round-robin reaches everybody although members come and go', () => {
  const { view, members, pick } = viewOf(6)
  const picked = new Set<string>()
  for (let round = 0; round < 12; round++) {
    const moved = members[round % 6] as Upstream
    view.remove(moved)
    picked.add(pick('round-robin')?.id ?? 'none')
    view.add(moved)
    picked.add(pick('round-robin')?.id ?? 'none')
  }
  expect(picked.size).toBe(6)
})

it('random is fair, and does not follow a pattern', () => {
  const { tally, pick } = viewOf(10)
  expect(isFair(tally('random', 10_000), 10_000)).toBe(true)
  const order = Array.from({ length: 30 }, () => pick('random')?.id)
  expect(order.slice(0, 10)).not.toEqual(order.slice(10, 20))
})

it('least-connections picks who carries least, and knows of every change', () => {
  const { view, members, pick } = viewOf(5)
  for (let i = 0; i < 23; i++) {
    const chosen = pick('least-connections') as Upstream
    expect(chosen.leases).toBe(Math.min(...members.map(({ leases }) => leases)))
    chosen.leases++
    view.reorder(chosen)
  }
  expect(members.map(({ leases }) => leases).sort()).toEqual([4, 4, 5, 5, 5])
  const relieved = members[3] as Upstream
  relieved.leases = 0
  view.reorder(relieved)
  expect(pick('least-connections')).toBe(relieved)
  expect(pick('least-connections', (upstream) => upstream !== relieved)?.leases).toBe(4)
})

it('longest-life picks the one that expires last, soonest-expiry what would be lost first', () => {
  const { members, pick, view } = viewOf(5)
  expect([pick('longest-life'), pick('soonest-expiry')]).toEqual([members[4], members[0]])
  expect(pick('soonest-expiry', ({ deadline }) => deadline >= 25_000)).toBe(members[2])
  const extended = members[0] as Upstream
  extended.deadline = 90_000
  view.reorder(extended)
  expect([pick('longest-life'), pick('soonest-expiry')]).toEqual([extended, members[1]])
})

it('power-of-two picks the faster of two, and one that was never measured before both', () => {
  const { members, tally } = viewOf(2)
  const [slow, fast] = members as [Upstream, Upstream]
  slow.latencyMs = 200
  fast.latencyMs = 100
  expect(tally('power-of-two', 50)).toEqual([0, 50])
  // Three tunnels wait longer at the fast one than one at the slow one.
  fast.leases = 3
  slow.leases = 0
  expect(tally('power-of-two', 50)).toEqual([50, 0])
  fast.latencyMs = 0
  expect(tally('power-of-two', 50)).toEqual([0, 50])
})

it('power-of-two sends no herd to the single best one', () => {
  const { members, tally } = viewOf(10)
  for (const member of members) member.latencyMs = 200
  ;(members[4] as Upstream).latencyMs = 10
  const counts = tally('power-of-two', 10_000)
  // It is among two of ten in a fifth of all cases.
  expect(Math.abs((counts[4] as number) - 2_000)).toBeLessThan(200)
  expect(isFair(counts.toSpliced(4, 1), 8_000)).toBe(true)
})

it('power-of-two takes the only acceptable one', () => {
  const { tally } = viewOf(6)
  expect(tally('power-of-two', 20, ({ id }) => id === '3')).toEqual([0, 0, 0, 20, 0, 0])
})

it.each<Strategy>(['round-robin', 'random', 'least-connections', 'longest-life', 'soonest-expiry', 'power-of-two'])(
  '%s finds nobody where nobody is acceptable, and looks at few of ten thousand where everybody is',
  (strategy) => {
    expect(viewOf(0).pick(strategy)).toBeUndefined()
    expect(viewOf(3).pick(strategy, () => false)).toBeUndefined()
    const { pick } = viewOf(10_000)
    let looks = 0
    for (let i = 0; i < 10; i++) pick(strategy, () => looks++ >= 0)
    expect(looks).toBeLessThanOrEqual(20)
  },
)

it('adds and removes once, whoever asks twice', () => {
  const { view, members, pick } = viewOf(2)
  const [first, second] = members as [Upstream, Upstream]
  view.add(first)
  expect(view.size).toBe(2)
  view.remove(first)
  view.remove(first)
  expect([view.size, view.has(first), view.has(second)]).toEqual([1, false, true])
  for (const strategy of ['round-robin', 'random', 'longest-life'] as const) expect(pick(strategy)).toBe(second)
})

it('ranked strategies know who came and who left since they were first asked', () => {
  const { view, members, pick } = viewOf(3)
  expect(pick('longest-life')).toBe(members[2])
  view.remove(members[2] as Upstream)
  expect(pick('longest-life')).toBe(members[1])
  const late = new Upstream(facts('late', { deadline: 1e9 }))
  view.add(late)
  expect([pick('longest-life'), pick('soonest-expiry')]).toEqual([late, members[0]])
})

it('members are found whatever left before them', () => {
  const { view, members, pick } = viewOf(4)
  for (const leaver of [0, 3, 1]) {
    view.remove(members[leaver] as Upstream)
    expect(pick('random', (upstream) => upstream === members[leaver])).toBeUndefined()
  }
  expect([view.size, pick('random')]).toEqual([1, members[2]])
})
