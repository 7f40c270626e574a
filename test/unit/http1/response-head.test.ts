/** Heads of answers: what they say, and what is no answer. */
import { describe, expect, it } from 'vitest'
import { parseResponseHead } from '../../../src/http1/response-head.ts'

const read = (head: string, method = 'GET') => parseResponseHead(`HTTP/1.1 ${head}\r\n\r\n`, method)

describe('an answer', () => {
  it('has a body of one length or in chunks, or up to the close', () => {
    expect(read('200 OK\r\nContent-Length: 5')).toMatchObject({ body: 5, hasLength: true, isLast: false })
    expect(read('200 OK\r\nTransfer-Encoding: Chunked')).toMatchObject({ body: 'chunked', hasLength: false, lines: '' })
    expect(read('200 OK')).toMatchObject({ body: 'until-close', hasLength: false, isLast: true })
    expect(read('200 OK\r\nContent-Length: 5\r\nConnection: close')).toMatchObject({ isLast: true })
    expect(parseResponseHead('HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n', 'GET')).toMatchObject({
      body: 5,
      isLast: true,
    })
  })

  it('has none to HEAD, nor with 204 and 304, whatever its header says', () => {
    for (const fields of ['', '\r\nContent-Length: 5', '\r\nTransfer-Encoding: chunked']) {
      expect(read(`200 OK${fields}`, 'HEAD')).toMatchObject({ body: 0, mayHaveBody: false, isLast: false })
      for (const status of [204, 304])
        expect(read(`${status} X${fields}`)).toMatchObject({ body: 0, mayHaveBody: false })
    }
    // A length with 204 would be a length of nothing (RFC 9110 section 8.6).
    expect(read('204 X\r\nContent-Length: 5')?.lines).toBe('')
    expect(read('304 X\r\nContent-Length: 5')?.lines).toBe('Content-Length: 5\r\n')
  })

  it('is the last when a body is announced where none may follow: it may come all the same', () => {
    for (const field of ['Content-Length: 5', 'Transfer-Encoding: chunked'])
      expect(read(`204 X\r\n${field}`)).toMatchObject({ body: 0, isLast: true })
    for (const head of ['204 X', '204 X\r\nContent-Length: 0', '304 X\r\nContent-Length: 5'])
      expect(read(head)).toMatchObject({ body: 0, isLast: false })
  })

  it('keeps its status, reason and lines, without those that Connection names', () => {
    const answer = read('299 \xfcber\r\nX-B: 1\r\nx-a: 2\r\nConnection: X-B, Content-Length\r\nContent-Length: 3')
    expect(answer).toMatchObject({ status: 299, reason: '\xfcber', lines: 'x-a: 2\r\n', body: 3, hasLength: false })
    expect(read('404')).toMatchObject({ status: 404, reason: '' })
    expect(read('200 OK\r\nA: b\r\ncontent-LENGTH: 3\r\nC: d')?.lines).toBe('A: b\r\ncontent-LENGTH: 3\r\nC: d\r\n')
    expect(read('200 OK\r\nContent-Length: 003\r\nC: d')?.lines).toBe('C: d\r\nContent-Length: 3\r\n')
  })

  it('may have space before a colon, which is not forwarded (RFC 9112 section 5.1)', () => {
    const answer = read('200 OK : x\r\nX-A : b : c\r\nContent-Length \t: 3\r\nD: e')
    expect(answer).toMatchObject({ reason: 'OK : x', lines: 'X-A: b : c\r\nContent-Length: 3\r\nD: e\r\n', body: 3 })
    expect(read('200 OK\r\nContent-Length : 3\r\nTransfer-Encoding : chunked')).toBeUndefined()
    expect(read('200 OK\r\nX Y : b')).toBeUndefined()
  })

  it.each([
    '200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked',
    '200 OK\r\nContent-Length: 5\r\nContent-Length: 5',
    '200 OK\r\nContent-Length: 5, 5',
    '200 OK\r\nContent-Length: +5',
    '200 OK\r\nContent-Length: ',
    '200 OK\r\nContent-Length: 9999999999999999',
    '200 OK\r\nTransfer-Encoding: gzip, chunked',
    '200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
    '200 OK\r\nTransfer-Encoding: chunked\xa0',
    '200 OK\r\nTransfer-Encoding:\x0bchunked',
    '200 OK\r\nX: a\nY: b',
    '200 OK\r\n folded: x',
    '099 Low',
    '20 OK',
    '2000 OK',
    '200 \x01',
  ])('with two meanings is none: %j', (head) => {
    expect(read(head)).toBeUndefined()
  })

  it.each([
    '\r\nHTTP/1.1 200 OK',
    'RTSP/1.1 200 OK',
    'HTTP/0.9 200 OK',
    'HTTP/2.0 200 OK',
    'http/1.1 200 OK',
    'HTTP/1.1  200 OK',
  ])('is none in another protocol: %j', (line) => {
    expect(parseResponseHead(`${line}\r\n\r\n`, 'GET')).toBeUndefined()
  })
})
