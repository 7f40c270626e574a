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
    expect(message(live, ['area', 'isp'])).toBe('no live address fits; live are area: east, south; isp: mobile')
  })

  it('that no address says where it is', () => {
    expect(message([{}], ['area', 'isp'])).toBe('no live address says its area or isp')
  })

  it('what is unknown and what is live', () => {
    expect(message([{ isp: 'mobile' }], ['area', 'isp'])).toBe('no live address says its area; live are isp: mobile')
  })
})
