import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatAuthority } from '../../../../src/address.ts'
import { VendorError } from '../../../../src/vendors/contract/error.ts'
import { parseEndpoint } from '../../../../src/vendors/parse/address.ts'
import { parseJson } from '../../../../src/vendors/parse/json.ts'
import { shapeOf } from '../../../../src/vendors/parse/reply.ts'
import { scanText } from '../../../../src/vendors/parse/scan.ts'
import { chinaTime, httpDate } from '../../../../src/vendors/parse/time.ts'
// Written on the platform's own calendar, for the simulated vendors: a second opinion on ours.
import { chinaTime as writeChinaTime, httpDate as writeHttpDate } from '../../../support/vendors/simulated-api.ts'

const ip = fc.oneof(fc.ipV4(), fc.ipV6())
const port = fc.integer({ min: 1, max: 65_535 })
const word = fc.string({ unit: fc.constantFrom(...'abcXYZ019_-.~!$&*+='), minLength: 1, maxLength: 20 })

describe('addresses', () => {
  it('whatever is written is read', () => {
    fc.assert(
      fc.property(ip, port, word, word, (host, number, username, password) => {
        const authority = formatAuthority(host, number)
        for (const text of [
          `${authority}:${username}:${password}`,
          `${username}:${password}@${authority}`,
          `socks5://${username}:${password}@${authority}`,
        ]) {
          const { password: read, protocol: _protocol, ...rest } = parseEndpoint(text) ?? {}
          expect({ ...rest, password: read?.reveal() }).toEqual({ host, port: number, username, password })
        }
      }),
    )
  })

  it('any separator gives the same list', () => {
    const separator = fc.constantFrom('\r\n', '\n', ' ', '\t', '|', ';', ',', '<br>')
    fc.assert(
      fc.property(fc.array(fc.tuple(ip, port), { maxLength: 20 }), separator, (addresses, between) => {
        const text = addresses.map(([host, number]) => formatAuthority(host, number)).join(between)
        expect(scanText(text, { isList: true }).found.map(({ host, port: number }) => [host, number])).toEqual(
          addresses,
        )
      }),
    )
  })

  it('no text breaks the reader, and no host or port is out of range', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), fc.boolean(), (text, bareNames) => {
        for (const endpoint of scanText(text, { isList: true, bareNames }).found) {
          expect(endpoint.port).toBeGreaterThan(0)
          expect(endpoint.port).toBeLessThan(65_536)
          expect(endpoint.host).toMatch(/^[\w.:-]+$/)
        }
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('times', () => {
  // From 1992 on: before, China had a summer time.
  const wall = fc.integer({ min: 694_224_000, max: 4_102_444_800 }).map((seconds) => seconds * 1_000)

  it('agree with the platform’s calendar', () => {
    fc.assert(
      fc.property(wall, (ms) => {
        expect(chinaTime(writeChinaTime(ms))).toBe(ms)
        expect(httpDate(writeHttpDate(ms))).toBe(ms)
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('JSON', () => {
  it('all JSON is read as it is; everything else is a VendorError', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseJson(text)).toEqual(JSON.parse(text))
      }),
    )
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        try {
          parseJson(text)
        } catch (error) {
          expect(error).toBeInstanceOf(VendorError)
        }
      }),
    )
  })

  it('a shape holds no word of the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'bcdXYZ2345678'), minLength: 3 }), (secret) => {
        expect(shapeOf(`key=${secret}`)).not.toContain(secret)
      }),
    )
  })
})
