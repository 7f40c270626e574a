import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { derivedBootId, passage, type Reading, readClocks, systemBoot } from '../../../../src/store/sqlite/time.ts'
import { FakeClock } from '../../../support/fake-clock.ts'

const WALL = 1_766_000_000_000
const last: Reading = { bootId: 'first', bootMs: 500_000, wallMs: WALL }

describe('what vouches for the time between two readings', () => {
  it('is the boot clock within one boot, whatever the wall clock did', () => {
    for (const wallMs of [WALL + 1_000, WALL - 3_600_000, WALL + 86_400_000]) {
      expect(passage(last, { bootId: 'first', bootMs: 501_000, wallMs })).toEqual({ proof: 'boot', shiftMs: 0 })
    }
  })

  it('allows two readings of one boot to be out of order by the step of the clock, not by more', () => {
    const at = (bootMs: number) => passage(last, { bootId: 'first', bootMs, wallMs: WALL }).proof
    expect(at(499_990)).toBe('boot')
    expect(at(499_989)).not.toBe('boot')
  })

  it('is the wall clock across boots: an instant ten seconds before the end is forty seconds old after thirty', () => {
    const passed = passage(last, { bootId: 'second', bootMs: 20_000, wallMs: WALL + 30_000 })
    expect(passed.proof).toBe('wall')
    expect(20_000 - (490_000 + passed.shiftMs)).toBe(40_000)
  })

  it('takes a correction of the wall clock for no time at all', () => {
    const passed = passage(last, { bootId: 'second', bootMs: 20_000, wallMs: WALL - 2_000 })
    expect(passed).toEqual({ proof: 'wall', shiftMs: 20_000 - 500_000 })
  })

  it('is nothing when the wall clock ran back: no time counts as passed', () => {
    const passed = passage(last, { bootId: 'second', bootMs: 20_000, wallMs: WALL - 2_001 })
    expect(passed).toEqual({ proof: 'none', shiftMs: 20_000 - 500_000 })
  })

  it('is nothing of the boot clock when that ran back under the same name (a container that hides the uptime)', () => {
    expect(passage(last, { bootId: 'first', bootMs: 20_000, wallMs: WALL + 5_000 }).proof).toBe('wall')
  })

  it('never makes an age less than what it was at the last reading', () => {
    const ms = fc.integer({ min: 0, max: 10 ** 12 })
    fc.assert(
      fc.property(ms, ms, fc.integer({ min: -(10 ** 9), max: 10 ** 12 }), fc.boolean(), (ago, bootMs, wallMs, same) => {
        const now = { bootId: same ? 'first' : 'second', bootMs, wallMs: WALL + wallMs }
        const { proof, shiftMs } = passage(last, now)
        const age = now.bootMs - (last.bootMs - ago + shiftMs)
        expect(age).toBeGreaterThanOrEqual(proof === 'boot' ? ago - 10 : ago)
        if (proof === 'wall') expect(age).toBe(ago + Math.max(0, wallMs))
      }),
    )
  })
})

describe('the boot of this machine', () => {
  it('is named by the system where it has a name', async () => {
    const clock = new FakeClock()
    const [one, other] = [await systemBoot(clock), await systemBoot(clock)]
    expect(one.id).toBe(other.id)
    expect(one.id).toMatch(process.platform === 'linux' ? /^[0-9a-f-]{36}$/ : /^since-\d+$/)
    expect(readClocks(clock, one)).toEqual({ bootId: one.id, bootMs: expect.any(Number), wallMs: clock.wall() })
    expect(one.sinceBootMs()).toBeGreaterThan(0)
  })

  it('is named by its instant elsewhere', async () => {
    expect((await systemBoot(new FakeClock(), '/nowhere/boot_id')).id).toMatch(/^since-\d+$/)
  })

  it('keeps a derived name while time goes on, and loses it when somebody sets the time', () => {
    const name = derivedBootId(WALL, 500_000)
    expect(derivedBootId(WALL + 60_000, 560_000)).toBe(name)
    expect(derivedBootId(WALL + 60_000 + 3_600_000, 560_000)).not.toBe(name)
    expect(derivedBootId(WALL + 60_000, 20_000)).not.toBe(name)
  })

  it('has no name twice on a machine that begins every boot in 1970', () => {
    expect(derivedBootId(60_000, 60_000)).not.toBe(derivedBootId(60_000, 60_000))
  })
})
