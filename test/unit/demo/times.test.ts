import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dateHeader, deadlineText } from '../../../src/demo/times.ts'
import { chinaTime, httpDate } from '../../../src/vendors/parse/time.ts'

const instants = fc.integer({ min: 0, max: 4_102_444_799_999 }) // 1970 to 2099

describe('how the demo vendor writes times', () => {
  it('writes deadlines in +08:00, as the vendors’ documents do', () => {
    expect(deadlineText(1_677_310_716_999)).toBe('2023-02-25 15:38:36')
    expect(deadlineText(1_677_254_400_000)).toBe('2023-02-25 00:00:00')
  })

  it('writes the Date header as RFC 9110 section 5.6.7 does', () => {
    expect(dateHeader(784_111_777_000)).toBe('Sun, 06 Nov 1994 08:49:37 GMT')
    expect(dateHeader(1_694_044_800_000)).toBe('Thu, 07 Sep 2023 00:00:00 GMT')
  })

  it('loses nothing but the milliseconds', () => {
    fc.assert(
      fc.property(instants, (wallMs) => {
        const second = Math.floor(wallMs / 1000) * 1000
        expect(chinaTime(deadlineText(wallMs))).toBe(second)
        expect(httpDate(dateHeader(wallMs))).toBe(second)
      }),
      { numRuns: 300 },
    )
  })
})
