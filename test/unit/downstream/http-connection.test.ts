/** The short way: which requests and answers it takes for what, and which it leaves to others. */
import { describe, expect, it } from 'vitest'
import { readPassing } from '../../../src/http1/fields.ts'
import { mayBecomeUsual, readRequestHeader, readRequestLine } from '../../../src/http1/request-head.ts'
import { readAnswer } from '../../../src/http1/response-head.ts'

describe('the line of a usual request', () => {
  const HEAD = '\r\nHost: a.test\r\n\r\n'
  it('gives method, authority and path', () => {
    const urls = ['http://a.test', 'http://a.test:81?q', 'http://[::1]:80/x?y=/#'.slice(0, -1), 'http://a.test/a%20b;c']
    const read = urls.map((url) => readRequestLine(`GET ${url} HTTP/1.1${HEAD}`))
    expect(read.map((head) => [head?.authority, head?.path])).toEqual([
      ['a.test', '/'],
      ['a.test:81', '/?q'],
      ['[::1]:80', '/x?y=/'],
      ['a.test', '/a%20b;c'],
    ])
    expect(readRequestLine(`HEAD http://a.test/ HTTP/1.1${HEAD}`)?.method).toBe('HEAD')
  })

  it.each([
    'POST http://a.test/ HTTP/1.1',
    'get http://a.test/ HTTP/1.1',
    'GET http://a.test/ HTTP/1.0',
    'GET http://a.test/  HTTP/1.1',
    'GET  http://a.test/ HTTP/1.1',
    'GET\thttp://a.test/ HTTP/1.1',
    'GET http://a.test/ HTTP/1.1 ',
    'GET http://a.test/\x7f HTTP/1.1',
    'GET http://a.test/\xe9 HTTP/1.1',
    'GET http://a.test/#x HTTP/1.1',
    'GET http://u@a.test/ HTTP/1.1',
    'GET http://a.test\\x HTTP/1.1',
    'GET https://a.test/ HTTP/1.1',
    'GET / HTTP/1.1',
    '\r\nGET http://a.test/ HTTP/1.1',
  ])('is left to Node’s parser: %j', (line) => {
    expect(readRequestLine(line + HEAD)).toBeUndefined()
  })

  it('may be waited for as far as it is one', () => {
    const whole = Buffer.from(`HEAD http://a.test/ HTTP/1.1${HEAD}`)
    for (let length = 1; length < whole.length; length++) {
      for (const from of [-3, 0, length - 4]) expect(mayBecomeUsual(whole.subarray(0, length), from)).toBe(true)
    }
    for (const text of [
      'P',
      'GETS',
      'GET /',
      'GET https',
      'get',
      '\r\n',
      '\n',
      'GET http://a\n',
      'GET http://a\r\nX\nY',
    ])
      expect([text, mayBecomeUsual(Buffer.from(text), 0)]).toEqual([text, false])
  })
})

describe('the header of a usual request', () => {
  it('loses what is for us alone, and nothing else', () => {
    const header = readRequestHeader(
      'Host: a\r\nX-A:  1 \r\nProxy-Authorization: Basic eA==\r\naccept: b\r\nTE: trailers\r\nConnection: Keep-Alive\r\nX-a: 2\r\n\r\n',
    )
    expect(header).toEqual({ lines: 'X-A:  1 \r\naccept: b\r\nX-a: 2\r\n', login: 'Basic eA==' })
    expect(readRequestHeader('Host:\r\n\r\n')).toEqual({ lines: '', login: undefined })
  })

  it.each([
    'X: y',
    'Host: a\r\nHost: a',
    'Host: a\r\nContent-Length: 0',
    'Host: a\r\nTransfer-Encoding: chunked',
    'Host: a\r\nExpect: 100-continue',
    'Host: a\r\nUpgrade: h2c',
    'Host: a\r\nTrailer: x',
    'Host: a\r\nConnection: close',
    'Host: a\r\nConnection: keep-alive, X-A',
    'Host: a\r\nX-Turnpike-Session: s',
    'Host: a\r\nProxy-Authorization: Basic eA==\r\nProxy-Authorization: Basic eQ==',
    'Host : a',
    'Host: a\r\n folded',
    'Host: a\nX: y',
    'Host: a\rX: y',
    'Host: a\r\nX: \x00',
    'Host: a\r\nX:\x0by',
    'Host: a\r\nnothing',
    'Host: a\r\n: y',
    'Host: a\r\n\r\nX: y',
    'Host: a\r\n\r\nHost: a',
  ])('is left to Node’s parser: %j', (fields) => {
    expect(readRequestHeader(`${fields}\r\n\r\n`)).toBeUndefined()
  })
})

describe('an answer', () => {
  const read = (head: string, method = 'GET') => readAnswer(`HTTP/1.1 ${head}\r\n\r\n`, method)
  it('has a body of one length or in chunks, or up to the close', () => {
    expect(read('200 OK\r\nContent-Length: 5')).toMatchObject({ body: 5, framing: 'length', isLast: false })
    expect(read('200 OK\r\nTransfer-Encoding: Chunked')).toMatchObject({
      body: 'chunked',
      framing: 'chunked',
      lines: '',
    })
    expect(read('200 OK')).toMatchObject({ body: 'until-close', framing: 'chunked', isLast: true })
    expect(read('200 OK\r\nContent-Length: 5\r\nConnection: close')).toMatchObject({ isLast: true })
    expect(readAnswer('HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n', 'GET')).toMatchObject({ body: 5, isLast: true })
  })

  it('has none to HEAD, nor with 204 and 304, whatever its header says', () => {
    for (const fields of ['', '\r\nContent-Length: 5', '\r\nTransfer-Encoding: chunked']) {
      expect(read(`200 OK${fields}`, 'HEAD')).toMatchObject({ body: 0, framing: 'none', isLast: false })
      for (const status of [204, 304]) expect(read(`${status} X${fields}`)).toMatchObject({ body: 0, framing: 'none' })
    }
  })

  it('keeps its status, reason and lines, without those that Connection names', () => {
    const answer = read('299 \xfcber\r\nX-B: 1\r\nx-a: 2\r\nConnection: X-B, Content-Length\r\nContent-Length: 3')
    expect(answer).toEqual({
      status: 299,
      reason: '\xfcber',
      lines: 'x-a: 2\r\n',
      body: 3,
      framing: 'chunked',
      isLast: false,
    })
    expect(read('404')).toMatchObject({ status: 404, reason: 'Not Found' })
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
})

it('a header is read in linear time', () => {
  const fields = `${'X: y\r\n'.repeat(200_000)}\x01\r\n\r\n`
  const startedAt = process.cpuUsage()
  expect(readPassing(fields, 0, true)).toBeUndefined()
  // A matcher that goes back over what it has read would take hours.
  expect(process.cpuUsage(startedAt).user).toBeLessThan(10_000_000)
})
