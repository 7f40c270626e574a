import fc from 'fast-check'
import { expect, it } from 'vitest'
import { headEnd, parseFields, statusOf } from '../../../src/http1/head.ts'

const fieldsOf = (lines: string) => parseFields(`GET / HTTP/1.1\r\n${lines}\r\n\r\n`, 16)

it('finds the end of a head, wherever the search starts before it', () => {
  const head = Buffer.from('A: b\r\n\r\nbody\r\n\r\n')
  for (const from of [-3, 0, 4]) expect(headEnd(head, from)).toBe(8)
  expect(headEnd(Buffer.from('A: b\r\n\r'))).toBe(-1)
  expect(headEnd(Buffer.from('A: b\n\n'))).toBe(-1)
})

it('finds the same end as a plain search', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', '\r', '\n', '\r\n\r\n'), maxLength: 40 }),
      fc.nat(12),
      (text, from) => {
        const at = text.indexOf('\r\n\r\n', from)
        expect(headEnd(Buffer.from(text), from)).toBe(at === -1 ? -1 : at + 4)
      },
    ),
  )
})

it('reads a status as RFC 9112 writes it, and nothing else', () => {
  const part = (...texts: string[]) => fc.constantFrom(...texts)
  const almost = fc
    .tuple(
      part('HTTP', 'http', 'ICY'),
      part('/1.'),
      part('1', '0', '2', '/'),
      part(' ', '\t'),
      part('200', '407', '099', '000', '20', '2 0', '20:'),
      part(' OK', '\r\n', '1 OK', ''),
    )
    .map((parts) => parts.join(''))
  fc.assert(
    fc.property(fc.oneof(almost, fc.string()), (text) => {
      const status = /^HTTP\/1\.[01] ([1-9]\d\d)[ \r]/.exec(text)?.[1]
      expect(statusOf(Buffer.from(text, 'latin1'))).toBe(Number(status ?? 0))
    }),
    { numRuns: 2_000 },
  )
})

it('reads names in lower case and values without the white space around them', () => {
  expect(fieldsOf('Host: a.com\r\nX-Empty:\r\nX-Tab:\t a\tb \t')).toEqual([
    { name: 'host', value: 'a.com' },
    { name: 'x-empty', value: '' },
    { name: 'x-tab', value: 'a\tb' },
  ])
  expect(parseFields('GET / HTTP/1.1\r\n\r\n', 16)).toEqual([])
})

it('keeps the octets of other character sets as they are', () => {
  expect(fieldsOf('X: \u00a0\u00e9\u00a0')).toEqual([{ name: 'x', value: '\u00a0\u00e9\u00a0' }])
})

it.each([
  ['a bare LF in a value', 'X: a\nEvil: b'],
  ['a bare LF before a value', 'X: \nEvil: b'],
  ['a bare LF behind a value', 'X: a\n'],
  ['a bare CR', 'X: a\rb'],
  ['a bare CR behind a value', 'X: a\r'],
  ['a folded line', 'X: a\r\n b'],
  ['a space before the colon', 'X : a'],
  ['a line without a colon', 'X'],
  ['a line without a name', ': a'],
  ['NUL', 'X: a\0b'],
  ['a vertical tab before a value', 'X: \va'],
  ['a form feed behind a value', 'X: a\f'],
  ['DEL', 'X: a\x7f'],
  ['a name with a space', 'X Y: a'],
])('refuses %s', (_, line) => {
  expect(fieldsOf(line)).toBeTypeOf('string')
})
