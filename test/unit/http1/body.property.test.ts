/** Chunked bodies: whole, cut anywhere, and broken. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BodyReader, pushChunk, pushLastChunk } from '../../../src/http1/body.ts'

const MAX_TRAILER = 200

/** Feeds the text in pieces. @returns what was read, and what was left over; undefined when it was refused */
function read(
  text: string,
  cuts: readonly number[] = [],
  isLenient = false,
  named: readonly string[] = [],
): { body: string; rest: string; trailers: string } | undefined {
  const bytes = Buffer.from(text, 'latin1')
  const reader = new BodyReader({ maxTrailerBytes: MAX_TRAILER, isLenient })
  reader.start('chunked', new Set(named))
  const out: Buffer[] = []
  const bounds = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]
  for (let i = 0; i + 1 < bounds.length; i++) {
    const start = bounds[i] ?? 0
    const used = reader.read(bytes.subarray(start, bounds[i + 1]), out)
    if (used === -1) return undefined
    if (reader.isWhole) {
      const rest = bytes.toString('latin1', start + used)
      return { body: Buffer.concat(out).toString('latin1'), rest, trailers: reader.trailers }
    }
  }
  return { body: Buffer.concat(out).toString('latin1'), rest: 'not done', trailers: '' }
}

describe('a chunked body', () => {
  it('reads the same however it is cut, and what we write is read back', () => {
    const pieces = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 8 })
    fc.assert(
      fc.property(pieces, fc.array(fc.nat(), { maxLength: 6 }), (parts, cuts) => {
        const out: Buffer[] = []
        for (const part of parts) pushChunk([Buffer.from(part)], out)
        pushLastChunk('X-Sum: 1\r\n', out)
        const text = `${Buffer.concat(out).toString('latin1')}HTTP`
        const body = parts.map((part) => Buffer.from(part).toString('latin1')).join('')
        expect(read(text, cuts)).toEqual({ body, rest: 'HTTP', trailers: 'X-Sum: 1\r\n' })
      }),
    )
  })

  it('may have extensions and zeros in front', () => {
    expect(read('0004;name="a b"\r\ntest\r\n000\r\n\r\n')).toEqual({ body: 'test', rest: '', trailers: '' })
  })

  it('of a server may pad its sizes, and of a client not', () => {
    for (const size of ['a ', 'a\t ', 'a ; x', 'a;x y', 'a;']) {
      const text = `${size}\r\n0123456789\r\n0\r\n\r\n`
      expect([size, read(text, [], true)?.body, read(text)]).toEqual([size, '0123456789', undefined])
    }
  })

  it('of a client does not frame in its trailer; what a server writes there is dropped', () => {
    for (const line of ['Content-Length: 4', 'Transfer-Encoding: x']) {
      const text = `0\r\nX-A: 1\r\n${line}\r\n\r\n`
      expect([read(text), read(text, [], true)]).toEqual([undefined, { body: '', rest: '', trailers: '' }])
    }
  })

  it('does not pass on what Connection names in the header (RFC 9110 section 7.6.1)', () => {
    const { trailers } = read('0\r\nX-A: 1\r\nx-B: 2\r\nX-C: 3\r\n\r\n', [], false, ['x-b', 'x-d']) ?? {}
    expect(trailers).toBe('X-A: 1\r\nX-C: 3\r\n')
  })

  it('of a server may have space before the colon of a trailer, which is not forwarded (RFC 9112 section 5.1)', () => {
    const text = '0\r\nX-A : 1\r\nX-B\t:2\r\n\r\n'
    expect(read(text)).toBeUndefined()
    expect(read(text, [], true)).toEqual({ body: '', rest: '', trailers: 'X-A: 1\r\nX-B:2\r\n' })
    expect(read('0\r\nX-A: 1\r\nConnection : x-a\r\n\r\n', [], true)).toEqual({ body: '', rest: '', trailers: '' })
  })

  it('passes no trailer on beside one that has no business there', () => {
    for (const line of ['Connection: X-A', 'Host: hidden.test', 'Proxy-Authorization: x', 'X-Turnpike-City: a'])
      expect(read(`0\r\nX-A: 1\r\n${line}\r\n\r\n`)).toEqual({ body: '', rest: '', trailers: '' })
  })

  it.each([
    'zz\r\n',
    '0x4\r\ntest\r\n',
    '-4\r\ntest\r\n',
    '+4\r\ntest\r\n',
    ' 4\r\ntest\r\n',
    '\r\ntest\r\n',
    '4\ntest\r\n',
    '4\r\ntest\n0\r\n\r\n',
    '4\r\ntestx\r\n',
    '4;a\x01\r\ntest\r\n',
    '4;a\rb\r\ntest\r\n',
    'ffffffffffffff\r\n',
    `${'1'.repeat(5_000)}`,
    `4;${'x'.repeat(5_000)}\r\ntest\r\n`,
    '0\r\nX: y\n\r\n',
    '0\r\n folded\r\n\r\n',
    '0\r\nno colon\r\n\r\n',
    `0\r\nX: ${'y'.repeat(300)}\r\n\r\n`,
  ])('is refused: %j', (text) => {
    expect(read(text)).toBeUndefined()
  })
})

describe('a body', () => {
  const framings = [
    ['of a length', 5, 'helloHTTP', 'hello'],
    ['up to the end of the connection', 'until-close', 'helloHTTP', 'helloHTTP'],
    ['in chunks', 'chunked', '5\r\nhello\r\n0\r\n\r\nHTTP', 'hello'],
  ] as const
  it.each(framings)('%s is read alike octet by octet, and by the same reader again', (_what, framing, text, body) => {
    const reader = new BodyReader({ maxTrailerBytes: MAX_TRAILER, isLenient: false })
    for (let round = 0; round < 2; round++) {
      reader.start(framing, new Set())
      const out: Buffer[] = []
      let used = 0
      while (used < text.length && !reader.isWhole) used += reader.read(Buffer.from(text.slice(used, used + 1)), out)
      expect(Buffer.concat(out).toString()).toBe(body)
      expect([reader.isWhole, reader.endsWithConnection]).toEqual([
        framing !== 'until-close',
        framing === 'until-close',
      ])
      expect(text.slice(used)).toBe(framing === 'until-close' ? '' : 'HTTP')
    }
  })
})
