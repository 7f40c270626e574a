import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  chooseProviders,
  findCycle,
  type GroupMember,
  type RouteGroup,
  resolveGroups,
} from '../../../src/routes/groups.ts'

const provider = (name: string, rest: Partial<GroupMember> = {}): GroupMember => ({
  kind: 'provider',
  name,
  priority: 1,
  weight: 1,
  ...rest,
})
const tiers = (groups: readonly RouteGroup[], name: string) =>
  resolveGroups(groups)
    .get(name)
    ?.map((tier) => Object.fromEntries(tier.map((member) => [member.provider, member.weight])))

describe('the tiers of a group', () => {
  it('are its priorities, then its fallback; each provider once', () => {
    const group: RouteGroup = {
      name: 'g',
      members: [provider('late', { priority: 2 }), provider('a', { weight: 3 }), provider('b')],
      fallback: { kind: 'provider', name: 'last' },
    }
    expect(tiers([group], 'g')).toEqual([{ a: 3, b: 1 }, { late: 1 }, { last: 1 }])
    const again: RouteGroup = { ...group, fallback: { kind: 'provider', name: 'a' } }
    expect(tiers([again], 'g')).toEqual([{ a: 3, b: 1 }, { late: 1 }])
  })

  it('hold the tiers of groups inside, which share the weight of the group', () => {
    const inner: RouteGroup = {
      name: 'inner',
      members: [provider('x', { weight: 1 }), provider('y', { weight: 3 }), provider('z', { priority: 2 })],
    }
    const outer: RouteGroup = {
      name: 'outer',
      members: [provider('a', { weight: 4 }), { kind: 'group', name: 'inner', priority: 1, weight: 4 }],
    }
    expect(tiers([outer, inner], 'outer')).toEqual([{ a: 4, x: 1, y: 3 }, { z: 4 }])
  })
})

describe('of the tiers', () => {
  const two = [
    [
      { provider: 'a', weight: 1 },
      { provider: 'b', weight: 3 },
    ],
    [{ provider: 'c', weight: 1 }],
  ]
  const able =
    (...names: string[]) =>
    (name: string) =>
      names.includes(name)

  it('the first that can serve does', () => {
    expect(chooseProviders(two, able('b', 'c'), 0)).toEqual(['b'])
    expect(chooseProviders(two, able('c'), 0.9)).toEqual(['c'])
  })

  it('the first is waited for when none can', () => {
    expect(chooseProviders(two, able(), 0.5)).toEqual(['a', 'b'])
  })

  it('weights share out the connections; equal weights leave the choice to the strategy', () => {
    const all = able('a', 'b', 'c')
    const shares = Array.from({ length: 400 }, (_, n) => chooseProviders(two, all, n / 400).join())
    expect(shares.filter((names) => names === 'a')).toHaveLength(100)
    expect(shares.filter((names) => names === 'b')).toHaveLength(300)
    const equal = [
      [
        { provider: 'a', weight: 2 },
        { provider: 'b', weight: 2 },
      ],
    ]
    expect(chooseProviders(equal, all, 0.7)).toEqual(['a', 'b'])
  })
})

describe('a cycle of groups', () => {
  const graph = (edges: Readonly<Record<string, readonly string[]>>) => (name: string) => edges[name] ?? []

  it('is found with its names, also of one group alone', () => {
    expect(findCycle('a', graph({ a: ['b', 'c'], c: ['a'] }))).toEqual(['a', 'c', 'a'])
    expect(findCycle('a', graph({ a: ['a'] }))).toEqual(['a', 'a'])
    expect(findCycle('a', graph({ a: ['b'], b: ['c'], c: ['b'] }))).toBeUndefined()
  })

  it('is looked for in few steps, however the groups are joined', () => {
    const layers = fc.integer({ min: 1, max: 60 })
    const run = (depth: number) => {
      let steps = 0
      const members = (name: string) => {
        steps++
        const level = Number(name.slice(1))
        return level < depth ? [`x${level + 1}`, `y${level + 1}`] : []
      }
      expect(findCycle('x0', members)).toBeUndefined()
      expect(steps).toBeLessThanOrEqual(2 * depth + 1)
    }
    fc.assert(fc.property(layers, run))
  })
})
