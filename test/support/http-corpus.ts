/** Requests and answers of HTTP/1.x, mostly right and sometimes odd, for comparisons of two readers. All of them are latin1. */
import fc from 'fast-check'

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
export const requests: fc.Arbitrary<Buffer> = fc
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
export const perhapsChanged = (whole: fc.Arbitrary<Buffer>) =>
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
export const response: fc.Arbitrary<Buffer> = fc
  .tuple(statusLine, ending, lines, body)
  .map(([line, end, fields, [framing = '', content = '']]) =>
    Buffer.from(`${line}${end}${fields}${framing}\r\n${content}`, 'latin1'),
  )
