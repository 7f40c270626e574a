import fc from 'fast-check'
import { expect, it } from 'vitest'
import { VendorError } from '../../../../src/vendors/contract/error.ts'
import { sniff } from '../../../../src/vendors/links/sniff.ts'

const ip = fc.ipV4().filter((address) => !address.startsWith('0'))
const port = fc.integer({ min: 1, max: 65_535 })
const endpoint = fc.tuple(ip, port).map(([host, number]) => ({ host, port: number }))
const written = ({ host, port: number }: { host: string; port: number }) => `${host}:${number}`

/** Pieces that replies are made of, in any order: nearer to the parsers' corners than random text. */
const scraps = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '{',
        '}',
        '[',
        ']',
        '"',
        ':',
        ',',
        '<',
        '>',
        '</',
        '<br>',
        '<r>',
        '</r>',
        '<!doctype html>',
        '\ufeff',
        '|',
        '\r\n',
        '\t',
        ' ',
        '@',
        '\\r\\n',
        'ip',
        'port',
        'code',
        'msg',
        '"data":',
        'ERROR(',
        '白名单',
        '&amp;',
        'null',
        '//',
      ),
      ip,
      port.map(String),
      fc.string({ maxLength: 8 }),
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(''))

it('any body is addresses that could be dialled, or a reason in words', () => {
  const body = fc.oneof(fc.string({ unit: 'binary' }), fc.json(), scraps)
  fc.assert(
    fc.property(body, (text) => {
      const reading = sniff(text)
      if (reading.kind === 'refusal') {
        expect(reading.error).toBeInstanceOf(VendorError)
        expect(reading.error.message).not.toBe('')
        return
      }
      expect(reading.found.length).toBeGreaterThan(0)
      for (const { host, port: number } of reading.found) {
        expect(host).toMatch(/^[\w.:-]+$/)
        expect(number).toBeGreaterThan(0)
        expect(number).toBeLessThan(65_536)
      }
    }),
    { numRuns: 2_000 },
  )
})

it('finds every address of a list, whatever separates it and whatever wraps it', () => {
  const wraps: readonly ((items: readonly { host: string; port: number }[]) => string)[] = [
    ...['\r\n', '\n', ' ', '|', '\t', ';', ',', '<br>', '<br/>\n', '\\r\\n'].map(
      (separator) => (items: readonly { host: string; port: number }[]) => items.map(written).join(separator),
    ),
    (items) => JSON.stringify(items.map(written)),
    (items) => JSON.stringify({ code: 0, data: { list: items } }),
    (items) =>
      JSON.stringify({
        a: { b: { c: { d: items.map(({ host, port: number }) => ({ IP: host, Port: String(number) })) } } },
      }),
    (items) => `<r><l>${items.map((item) => `<p>${written(item)}</p>`).join('')}</l></r>`,
  ]
  fc.assert(
    fc.property(fc.array(endpoint, { minLength: 1, maxLength: 20 }), fc.constantFrom(...wraps), (items, wrap) => {
      const reading = sniff(wrap(items))
      if (reading.kind === 'refusal') throw reading.error
      expect(reading.found.map(written)).toEqual(items.map(written))
      expect(reading.rejected).toEqual([])
    }),
  )
})

it('is not held up by a large body', () => {
  const bodies = [
    'a:'.repeat(500_000),
    '@'.repeat(1_000_000),
    '1.2.3.4:80 '.repeat(90_000),
    '['.repeat(1_000_000),
    '<a>'.repeat(300_000),
    '1.2.3.4:80,'.repeat(90_000),
    '{"a":'.repeat(150_000),
    ' '.repeat(1_000_000),
    '<'.repeat(1_000_000),
  ]
  for (const body of bodies) expect(sniff(body)).toBeDefined()
})
