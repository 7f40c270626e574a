/** Chunked bodies: whole, cut anywhere, and broken. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ChunkedReader, pushChunk, pushLastChunk } from '../../../src/http1/body.ts'

const MAX_TRAILER = 200

/** Feeds the text in pieces. @returns what was read, and what was left over; undefined when it was refused */
function read(
  text: string,
  cuts: readonly number[] = [],
): { body: string; rest: string; trailers: string } | undefined {
  const bytes = Buffer.from(text, 'latin1')
  const reader = new ChunkedReader(MAX_TRAILER)
  const out: Buffer[] = []
  const bounds = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]
  for (let i = 0; i + 1 < bounds.length; i++) {
    const start = bounds[i] ?? 0
    const used = reader.read(bytes.subarray(start, bounds[i + 1]), out)
    if (used === -1) return undefined
    if (reader.isDone) {
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
    expect(read('a \r\n0123456789\r\n0\r\n\r\n')?.body).toBe('0123456789')
  })

  it('passes no trailer on beside one that has no business there', () => {
    for (const line of ['Content-Length: 4', 'Transfer-Encoding: x', 'Connection: X-A', 'Host: hidden.test'])
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
