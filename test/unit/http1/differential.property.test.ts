/**
 * The codec beside Node's own strict parser. What the codec accepts Node accepts, with the same framing; what Node refuses
 * the codec refuses. The exceptions, each with its reason:
 *
 * - Methods that Node does not know: RFC 9110 section 9.1 has any token, and a proxy passes on what it does not know.
 * - Answers whose chunk sizes are padded with spaces, or have extensions that are not well-formed: some servers write them,
 *   the gateway drops both and writes the chunks anew.
 */
import { METHODS } from 'node:http'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  nodeReadsRequests,
  nodeReadsResponse,
  type Reading,
  readRequests,
  readResponse,
} from '../../support/http-differential.ts'
import { cutAt, cuts } from '../../support/splits.ts'

/** DIFFERENTIAL_RUNS: more of them, by hand. */
const RUNS = Number(process.env['DIFFERENTIAL_RUNS'] ?? 1_000)
/** Node's parser takes a second for all of them, on a machine that does nothing else. */
const PATIENCE_MS = 60 * RUNS

const one = (...texts: string[]) => fc.constantFrom(...texts)
/** Mostly right, sometimes odd. */
const mostly = (right: fc.Arbitrary<string>, odd: fc.Arbitrary<string>) =>
  fc.oneof({ weight: 6, arbitrary: right }, { weight: 1, arbitrary: odd })

const fieldLine = mostly(
  one('X: y', 'Accept: */*', 'x-a:', 'X:\t a \t', 'Cookie: a=b; c="d"', 'X: \xe9\xff', "!#$%&'*+.^_`|~-: x"),
  one(
    'X : y',
    ' X: y',
    'X: a\x00b',
    'X: a\x7f',
    'X',
    ': y',
    'X: a\rb',
    'X: a\nb',
    'X\t: y',
    'X(: y',
    'X: a\r\n folded',
    'X:\x0b',
  ),
)
const lengthLine = (length: number) =>
  mostly(
    one(`Content-Length: ${length}`, `content-length:${length}`, `CONTENT-LENGTH:  00${length}  `),
    one(
      `Content-Length: +${length}`,
      `Content-Length: ${length}, ${length}`,
      `Content-Length: ${length}\r\nContent-Length: ${length}`,
      `Content-Length: ${length} ${length}`,
      `Content-Length: 0x${length}`,
      'Content-Length: -1',
      'Content-Length:',
      'Content-Length: 99999999999999999999999',
      `Content-Length: ${length}\r\nTransfer-Encoding: chunked`,
      `Content-Length : ${length}`,
    ),
  )
const codingLine = mostly(
  one('Transfer-Encoding: chunked', 'transfer-encoding:CHUNKED'),
  one(
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
    'Transfer-Encoding: gzip',
    'Transfer-Encoding: chunked, gzip',
    'Transfer-Encoding: chunked;x',
    'Transfer-Encoding: xchunked',
    'Transfer-Encoding:\x0bchunked',
    'Transfer-Encoding : chunked',
  ),
)
const sizeLine = (size: number) => {
  const hex = size.toString(16)
  return mostly(
    one(hex, hex.toUpperCase(), `000${hex}`, `${hex};a=b`, `${hex};a`, `${hex};a="b;\\"c"`, `${hex};a;b=c`),
    one(
      `0x${hex}`,
      ` ${hex}`,
      `${hex} `,
      `+${hex}`,
      `${hex};`,
      `${hex}; a`,
      `${hex};a=`,
      `${hex};\x01`,
      `${hex};a"b`,
      '',
      'g',
      `${hex}\n`,
    ),
  )
}
const ending = mostly(one('\r\n'), one('\n', '', '\r', 'x\r\n'))
const chunk = fc
  .string({ minLength: 1, maxLength: 40 })
  .chain((data) => fc.tuple(sizeLine(data.length), ending, fc.constant(data), ending))
  .map((parts) => parts.join(''))
const trailer = mostly(one('', 'X-Sum: 1\r\n'), one('X\r\n', 'X: y\n', ' X: y\r\n', 'X : y\r\n'))
const chunks = fc
  .tuple(fc.array(chunk, { maxLength: 3 }), sizeLine(0), ending, trailer, ending)
  .map(([data, ...rest]) => data.join('') + rest.join(''))

const body = fc.oneof(
  fc.constant(['', '']),
  fc.string({ maxLength: 60 }).chain((text) =>
    fc.tuple(
      lengthLine(text.length).map((line) => `${line}\r\n`),
      fc.constant(text),
    ),
  ),
  fc.tuple(
    codingLine.map((line) => `${line}\r\n`),
    chunks,
  ),
)
const lines = fc
  .array(
    fieldLine.map((line) => `${line}\r\n`),
    { maxLength: 3 },
  )
  .map((all) => all.join(''))

const requestLine = mostly(
  one(
    'GET http://a.test/ HTTP/1.1',
    'POST http://a.test/x?y=%20 HTTP/1.1',
    'PUT http://a.test:81/ HTTP/1.1',
    'OPTIONS http://a.test HTTP/1.1',
  ),
  one(
    'GET  http://a.test/ HTTP/1.1',
    'GET http://a.test/ HTTP/1.1 ',
    'GET\thttp://a.test/ HTTP/1.1',
    'GET http://a.test/ HTTP/1.2',
    'GET http://a.test/ HTTP/01.1',
    'GET http://a.test/ http/1.1',
    'GET http://a.test/ HTTP/1',
    'GET http://a.test/',
    'GET http://a.test/\xe9 HTTP/1.1',
    'GET http://a.test/\x01 HTTP/1.1',
    'G@T http://a.test/ HTTP/1.1',
    'FOO http://a.test/ HTTP/1.1',
  ),
)
const request = fc
  .tuple(one('', '', '', '\r\n', '\r\n\r\n'), requestLine, ending, lines, body)
  .map(
    ([front, line, end, fields, [framing = '', content = '']]) =>
      `${front}${line}${end}Host: a.test\r\n${fields}${framing}\r\n${content}`,
  )

/** An innocent one behind, which shows where the one before ends. */
const BEHIND = 'GET http://behind.test/ HTTP/1.1\r\nHost: a\r\n\r\n'
const requests = fc
  .tuple(fc.array(request, { minLength: 1, maxLength: 2 }), fc.boolean())
  .map(([all, isFollowed]) => Buffer.from(all.join('') + (isFollowed ? BEHIND : ''), 'latin1'))

/** What readers stumble over. */
const ODD = [...'\0\t\n\v\f\r !"#,/:;=@\x7f\x80\xa0\xff0A', '\r\n', '\r\n\r\n', '\r\n ']
const change = fc.record({
  at: fc.nat(),
  remove: fc.nat({ max: 2 }),
  insert: fc.oneof(one('', ...ODD), fc.string({ maxLength: 2, unit: 'binary-ascii' })),
})
/** Whole messages, half of them with a few octets changed anywhere. */
const perhapsChanged = (whole: fc.Arbitrary<Buffer>) =>
  fc
    .tuple(whole, fc.oneof(fc.constant([]), fc.array(change, { minLength: 1, maxLength: 3 })))
    .map(([bytes, changes]) => {
      let text = bytes.toString('latin1')
      for (const { at, remove, insert } of changes) {
        const start = at % (text.length + 1)
        text = text.slice(0, start) + insert + text.slice(start + remove)
      }
      return Buffer.from(text, 'latin1')
    })

const known = new Set(METHODS)
const isOfUnknownMethod = ({ messages }: Reading) => messages.some(({ start }) => !known.has(start.split(' ')[0] ?? ''))

describe('requests', () => {
  it(
    'are read as Node’s strict parser reads them, or refused',
    async () => {
      let accepted = 0
      let refused = 0
      await fc.assert(
        fc.asyncProperty(perhapsChanged(requests), async (bytes) => {
          const own = readRequests([bytes])
          const node = await nodeReadsRequests(bytes)
          if (isOfUnknownMethod(own)) return
          if (own.end === 'open') {
            accepted++
            expect(node).toEqual(own)
          }
          if (node.end !== 'refused') return
          refused++
          expect(own.end).not.toBe('open')
        }),
        { numRuns: RUNS },
      )
      // Both kinds are tested, not one alone.
      expect([accepted > 100, refused > 100]).toEqual([true, true])
    },
    PATIENCE_MS,
  )

  it(
    'are read the same however they are split',
    () => {
      fc.assert(
        fc.property(perhapsChanged(requests), cuts, (bytes, at) => {
          const whole = readRequests([bytes])
          expect(readRequests(cutAt(bytes, at))).toEqual(whole)
          expect(readRequests(Array.from(bytes, (octet) => Buffer.from([octet])))).toEqual(whole)
        }),
        { numRuns: RUNS },
      )
    },
    PATIENCE_MS,
  )
})

const statusLine = mostly(
  one(
    'HTTP/1.1 200 OK',
    'HTTP/1.1 404 Not Found',
    'HTTP/1.0 200 OK',
    'HTTP/1.1 200',
    'HTTP/1.1 200 ',
    'HTTP/1.1 599 \xe9',
    'HTTP/1.1 304 Not',
  ),
  one(
    'HTTP/1.1  200 OK',
    'HTTP/1.2 200 OK',
    'HTTP/1.1 20 OK',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1200 OK',
    'ICY 200 OK',
    'HTTP/1.1 200\tOK',
    'http/1.1 200 OK',
  ),
)
const response = fc
  .tuple(statusLine, ending, lines, body)
  .map(([line, end, fields, [framing = '', content = '']]) =>
    Buffer.from(`${line}${end}${fields}${framing}\r\n${content}`, 'latin1'),
  )

describe('answers', () => {
  it(
    'are read as Node’s strict parser reads them, or refused',
    async () => {
      await fc.assert(
        fc.asyncProperty(perhapsChanged(response), async (bytes) => {
          const own = readResponse(bytes, false)
          const node = await nodeReadsResponse(bytes)
          if (own.end === 'open' && own.messages.length > 0) expect(node).toMatchObject({ messages: own.messages })
          if (node.end === 'refused' && node.messages.length === 0) expect(own.end).not.toBe('open')
          // What is lenient differs in the chunks' padding alone, never in the body.
          const lenient = readResponse(bytes)
          if (own.end === 'open') expect(lenient).toEqual(own)
        }),
        { numRuns: RUNS },
      )
    },
    PATIENCE_MS,
  )
})
