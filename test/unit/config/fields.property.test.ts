import fc from 'fast-check'
import { expect, it } from 'vitest'
import { duration, formatDuration, parseBytes, parseDuration } from '../../../src/config/fields.ts'

it('any duration survives writing and reading', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 366 * 86_400_000 }), (ms) => {
      const written = formatDuration(ms)
      expect(parseDuration(written)).toBe(ms)
      expect(duration().parse(written)).toBe(ms)
    }),
  )
})

it('a number with a unit is that many of the unit', () => {
  const units = fc.constantFrom(['ms', 1], ['s', 1_000], ['m', 60_000], ['h', 3_600_000], ['d', 86_400_000])
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 9_999 }), units, (count, [unit, length]) => {
      expect(parseDuration(`${count}${unit}`)).toBe(count * Number(length))
    }),
  )
})

it('no text makes a duration or a size that is not a whole number of at least 0', () => {
  const nearly = fc.stringMatching(/^[-+ 0-9.eE]{0,6}(ms|s|m|h|d|KiB|MB|x)?$/)
  fc.assert(
    fc.property(fc.oneof(fc.string(), nearly), (written) => {
      for (const value of [parseDuration(written), parseBytes(written)]) {
        if (value !== undefined) expect(Number.isInteger(value) && value >= 0).toBe(true)
      }
    }),
  )
})
