import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formattedTime, parseZone, readTime } from '../../../../src/vendors/parse/time.ts'
// Written on the platform's own calendar, for the simulated vendors: a second opinion on ours.
import { chinaTime } from '../../../support/vendors/simulated-api.ts'

const read = (text: string, zone = '+08:00') => readTime(text, parseZone(zone) ?? expect.fail(`${zone} is no zone`))
const WALL = 1_677_310_716_000

describe('a time', () => {
  it.each([
    '2023-02-25 15:38:36',
    '2023/02/25 15:38:36',
    '2023.2.25 15:38:36',
    '2023-02-25T15:38:36',
    '2023-02-25T15:38:36.999',
    '2023-02-25T15:38:36+08:00',
    '2023-02-25 07:38:36Z',
    '2023-02-25 07:38:36 UTC',
    '2023-02-25T01:38:36-0600',
    '20230225153836',
    '2023年2月25日 15:38:36',
    '25.02.2023 15:38:36',
    '2023年02月25日15:38:36',
    'Sat, 25 Feb 2023 07:38:36 GMT',
    '1677310716',
    '1677310716000',
    '1677310716000123',
    '1677310716000123456',
  ])('%s', (text) => expect(read(text)).toBe(WALL))

  it('without seconds, and of a second with fractions', () => {
    expect(read('2023-02-25 15:38')).toBe(WALL - 36_000)
    expect(read('1677310716.25')).toBe(WALL + 250)
  })

  it.each([
    '',
    'soon',
    '0',
    '60',
    '2023-02-30 15:38:36',
    '2023-02-25',
    '2023-02-25 25:00:00',
    '2023-02-25 15:38:36 CST',
    '9'.repeat(15),
  ])('%j is none', (text) => expect(read(text)).toBeUndefined())
})

describe('a format', () => {
  it.each([
    ['yyyyMMddHHmmss', '20230225153836'],
    ['yyMMddHHmmss', '230225153836'],
    ['dd/MM/yyyy HH:mm:ss', '25/02/2023 15:38:36'],
    ['M/d/yyyy h:mm:ss a', '2/25/2023 3:38:36 PM'],
    ['d MMM yyyy HH:mm:ss', '25 Feb 2023 15:38:36'],
    ['EEE, dd MMM yyyy HH:mm:ss', 'Sat, 25 Feb 2023 08:38:36 +0100'],
    ["yyyy-MM-dd'T'HH:mm:ss.SSS", '2023-02-25T07:38:36.999Z'],
  ])('%s reads %s', (format, text) => {
    const readIt = formattedTime(format) ?? expect.fail('no format')
    expect(readIt(text, parseZone('+08:00') ?? expect.fail())).toBe(WALL)
  })

  it('reads nothing else', () => {
    const readIt = formattedTime('dd/MM/yyyy HH:mm') ?? expect.fail('no format')
    const zone = parseZone('UTC') ?? expect.fail()
    for (const text of ['', '31/02/2023 00:00', '25-02-2023 15:38', '25/02/2023 15:38 ', '25/02/2023', 'x'.repeat(99)])
      expect(readIt(text, zone)).toBeUndefined()
    expect(readIt('01/01/2023 12:30 UTC', zone)).toBe(Date.UTC(2023, 0, 1, 12, 30))
  })

  it.each(['', 'HH:mm', 'yyyy-MM', 'yyyy-MM-dd x', 'yyyy-MM-DD'])('%j is none', (format) =>
    expect(formattedTime(format)).toBeUndefined(),
  )
})

describe('a zone', () => {
  it.each([
    ['+08:00', '2023-02-25 15:38:36'],
    ['+0800', '2023-02-25 15:38:36'],
    ['UTC', '2023-02-25 07:38:36'],
    ['z', '2023-02-25 07:38:36'],
    ['-05:30', '2023-02-25 02:08:36'],
    ['Asia/Shanghai', '2023-02-25 15:38:36'],
    ['America/New_York', '2023-02-25 02:38:36'],
    ['Europe/London', '2023-02-25 07:38:36'],
  ])('%s', (zone, text) => expect(read(text, zone)).toBe(WALL))

  it('with a summer time', () => {
    expect(read('2023-07-01 12:00:00', 'America/New_York')).toBe(read('2023-07-01 16:00:00', 'UTC'))
    // Clocks went from 02:00 to 03:00 that night.
    expect(read('2023-03-12 01:59:59', 'America/New_York')).toBe(read('2023-03-12 06:59:59', 'UTC'))
    expect(read('2023-03-12 03:00:00', 'America/New_York')).toBe(read('2023-03-12 07:00:00', 'UTC'))
  })

  it.each(['', 'Beijing', '+8', '+15:00', '+08:60', 'Asia/Nowhere', '../etc', 'CST8CDT x'])('%j is none', (text) =>
    expect(parseZone(text)).toBeUndefined(),
  )
})

it('agrees with the platform’s calendar, by offset and by name', () => {
  // From 1992 on: before, China had a summer time.
  const wall = fc.integer({ min: 694_224_000, max: 4_102_444_800 }).map((seconds) => seconds * 1_000)
  fc.assert(
    fc.property(wall, fc.constantFrom('+08:00', 'Asia/Shanghai'), (ms, zone) => {
      expect(read(chinaTime(ms), zone)).toBe(ms)
    }),
    { numRuns: 500 },
  )
})
