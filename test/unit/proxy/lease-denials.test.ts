import { describe, expect, it } from 'vitest'
import type { Facet } from '../../../src/pool/filter.ts'
import { noMatch } from '../../../src/proxy/lease-denials.ts'
import { facts, inArea, watchedPool } from '../pool/pool-fixture.ts'

describe('a client whose wishes no address fits hears', () => {
  const message = (live: Parameters<typeof facts>[1][], wishes: readonly Facet[]) => {
    const { pool } = watchedPool()
    for (const [number, rest] of live.entries()) pool.add(facts(`a${number}`, rest), 0)
    return noMatch({ ...inArea('north'), wishes }, pool).message
  }

  it('which values are live', () => {
    const live = [{ area: 'south', isp: 'mobile' }, { area: 'east' }]
    expect(message(live, ['area', 'isp'])).toBe(
      'no live address fits; area of live addresses: east, south; isp of live addresses: mobile',
    )
  })

  it('the first twelve values, and how many more there are', () => {
    const live = Array.from({ length: 14 }, (_, n) => ({ city: `c${n + 10}` }))
    expect(message(live, ['city'])).toBe(
      'no live address fits; city of live addresses: c10, c11, c12, c13, c14, c15, c16, c17, c18, c19, c20, c21 and 2 more',
    )
  })

  it('the longest life, in seconds and not in the order of letters', () => {
    const lives = [88_000, 103_000, 59_000].map((deadline) => ({ deadline }))
    expect(message(lives, ['minlife'])).toBe('no live address fits; longest life at purchase: 103s')
    expect(message([{ deadline: Number.POSITIVE_INFINITY }, ...lives], ['minlife'])).toMatch(/: endless$/)
  })

  it('that no address says where it is', () => {
    expect(message([{}], ['area', 'isp'])).toBe('no live address says its area or isp')
  })

  it('what is unknown and what is live', () => {
    expect(message([{ isp: 'mobile' }], ['area', 'isp'])).toBe(
      'no live address says its area; isp of live addresses: mobile',
    )
  })
})
