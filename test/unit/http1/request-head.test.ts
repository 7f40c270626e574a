/** Heads of requests: what they say, what is refused and with which words, and how they go on to the next hop. */
import { describe, expect, it } from 'vitest'
import { GatewayError } from '../../../src/errors.ts'
import {
  asksForWebSocket,
  awaitsContinue,
  forwardsLeft,
  isPersistent,
  parseRequestHead,
  parseRequestHeader,
  type RequestForm,
  type RequestHead,
  serializeRequestHead,
} from '../../../src/http1/request-head.ts'
import { RequestHeadReader } from '../../../src/http1/request-head-reader.ts'
import { parseAbsoluteForm } from '../../../src/http1/request-line.ts'

const LIMIT = 1_000

/** @throws {GatewayError} */
function parse(text: string, pieces = [text]): RequestHead {
  const reader = new RequestHeadReader(LIMIT)
  let received = ''
  for (const piece of pieces) {
    received += piece
    const head = reader.read(Buffer.from(received, 'latin1'))
    if (head !== undefined) return parseRequestHead(head.line, parseRequestHeader(head.text, head.line.size))
  }
  throw new Error('the head is not whole')
}

const get = (url: string, fields = '', line = `GET ${url} HTTP/1.1`) => `${line}\r\nHost: a.test\r\n${fields}\r\n`

/** Code and words, whole and octet by octet: they must not differ. */
function refusalOf(text: string): string {
  const [whole, cut] = [[text], [...text]].map((pieces) => {
    try {
      parse(text, pieces)
    } catch (error) {
      if (error instanceof GatewayError) return `${error.code}: ${error.message}`
      throw error
    }
    return 'accepted'
  })
  expect(cut).toBe(whole)
  return whole ?? ''
}

describe('a request line', () => {
  it('gives method, target, path and version', () => {
    const urls = ['http://a.test', 'http://a.test:81?q', 'http://[::1]:80/x?y=/', 'HTTP://A.test/a%20b;c']
    expect(urls.map((url) => parse(get(url))).map(({ target, path }) => [target.authority, path])).toEqual([
      ['a.test:80', ''],
      ['a.test:81', '/?q'],
      ['[::1]:80', '/x?y=/'],
      ['A.test:80', '/a%20b;c'],
    ])
    expect(parse(get('', '', 'M-SEARCH http://a.test/ HTTP/1.0'))).toMatchObject({
      method: 'M-SEARCH',
      minorVersion: 0,
    })
    expect(parse(`\r\n\r\n${get('http://a.test/')}`).method).toBe('GET')
  })

  it.each([
    ['GET http://a.test/', 'GW_BAD_REQUEST: the request line is not "METHOD target HTTP/1.1"'],
    ['GET  http://a.test/ HTTP/1.1', 'GW_BAD_REQUEST: the request line is not "METHOD target HTTP/1.1"'],
    ['G@T http://a.test/ HTTP/1.1', 'GW_BAD_REQUEST: the request line is not "METHOD target HTTP/1.1"'],
    ['GET http://a.test/ HTTP/1.1 ', 'GW_BAD_REQUEST: the request line is not "METHOD target HTTP/1.1"'],
    ['GET\thttp://a.test/ HTTP/1.1', 'GW_BAD_REQUEST: the request line holds octets that are not allowed'],
    ['GET http://a.test/\xe9 HTTP/1.1', 'GW_BAD_REQUEST: the request line holds octets that are not allowed'],
    ['\x16\x03\x01', 'GW_BAD_REQUEST: the request line holds octets that are not allowed'],
    ['GET http://a.test/ HTTP/1', 'GW_BAD_REQUEST: the request line does not end with an HTTP version'],
    ['GET http://a.test/ HTTP/01.01', 'GW_BAD_REQUEST: the request line does not end with an HTTP version'],
    ['GET http://a.test/ http/1.1', 'GW_BAD_REQUEST: the request line does not end with an HTTP version'],
    ['GET http://a.test/ HTTP/1.2', 'GW_HTTP_VERSION: only HTTP/1.1 and HTTP/1.0 are spoken here'],
    ['GET http://a.test/ HTTP/2.0', 'GW_HTTP_VERSION: only HTTP/1.1 and HTTP/1.0 are spoken here'],
    ['GET http://a.test/ HTTP/1.1\nX: y', 'GW_BAD_REQUEST: the request line ends in a bare LF'],
    [
      'GET http://a.test/#top HTTP/1.1',
      'GW_BAD_REQUEST: a URL with a fragment (#...) is not accepted: a client keeps it for itself',
    ],
    ['GET http://u@a.test/ HTTP/1.1', 'GW_BAD_REQUEST: a user name in the URL is not accepted'],
    ['GET http://a.test\\x HTTP/1.1', 'GW_BAD_REQUEST: a URL without a valid host and port is not accepted'],
    ['GET https://a.test/ HTTP/1.1', 'GW_BAD_REQUEST: https:// goes through CONNECT, not as a plain request'],
    ['GET a.test HTTP/1.1', 'GW_BAD_REQUEST: the request target is not a URL'],
  ])('%j is refused, however it is cut', (line, words) => {
    expect(refusalOf(`${line}\r\nHost: a.test\r\n\r\n`)).toBe(words)
  })

  it('is refused as soon as it cannot become one', () => {
    for (const beginning of [
      'SSH-2.0-OpenSSH_9.9\r\n',
      '\x16\x03\x01\x00',
      'EHLO a\r\n',
      '\r\n\x00',
      'GET http://a/ HTTP/1.1\n',
    ])
      expect(() => new RequestHeadReader(LIMIT).read(Buffer.from(beginning, 'latin1'))).toThrow(GatewayError)
    for (const beginning of ['', '\r', '\r\n', 'GET', 'GET http://a/ HTTP/1.1\r', 'GET http://a/ HTTP/1.1\r\nHost: a'])
      expect(new RequestHeadReader(LIMIT).read(Buffer.from(beginning, 'latin1'))).toBeUndefined()
  })
})

describe('a header', () => {
  it('loses what is for this hop alone, and nothing else', () => {
    const { header } = parse(
      get(
        'http://a.test/',
        'X-A:  1 \r\nProxy-Authorization: Basic eA==\r\naccept: b\r\nTE: trailers\r\nConnection: Keep-Alive, X-B\r\nX-B: 3\r\nX-a: 2\r\n',
      ),
    )
    expect(header).toMatchObject({ lines: 'X-A:  1 \r\naccept: b\r\nX-a: 2\r\n', login: 'Basic eA==', closes: false })
    expect(parse(get('http://a.test/', 'X-Turnpike-City: a\r\nX-TURNPIKE-City: b, c\r\n')).header).toMatchObject({
      lines: '',
      options: [
        { name: 'x-turnpike-city', value: 'a' },
        { name: 'x-turnpike-city', value: 'b, c' },
      ],
    })
  })

  it.each([
    ['X : y', 'the header has a header name with characters that are not allowed (folded lines are not accepted)'],
    [
      'X: a\r\n folded: b',
      'the header has a header name with characters that are not allowed (folded lines are not accepted)',
    ],
    ['X: y\nZ: a', 'the header has a line that ends in a bare LF'],
    ['X: y\rZ: a', 'the header has a header value with control characters'],
    ['nothing', 'the header has a header line without a name and a colon'],
    [': y', 'the header has a header line without a name and a colon'],
    ['X: \x00', 'the header has a header value with control characters'],
    ['Host: b.test', 'a request with more than one Host is not accepted'],
    ['Content-Length: 4, 4', 'a Content-Length that is not one decimal number is not accepted'],
    ['Content-Length: 4\r\nContent-Length: 4', 'a Content-Length that is not one decimal number is not accepted'],
    ['Content-Length: +4', 'a Content-Length that is not one decimal number is not accepted'],
    [
      'Content-Length: 4\r\nTransfer-Encoding: chunked',
      'a request with both Transfer-Encoding and Content-Length is not accepted',
    ],
    ['Transfer-Encoding: gzip', 'a Transfer-Encoding other than "chunked" is not accepted'],
    [
      'Proxy-Authorization: a\r\nProxy-Authorization: b',
      'a request with more than one Proxy-Authorization is not accepted',
    ],
  ])('with %j is refused, however it is cut', (line, words) => {
    expect(refusalOf(get('http://a.test/', `${line}\r\n`))).toBe(`GW_BAD_REQUEST: ${words}`)
  })

  it('needs a Host that is one (RFC 9112 section 3.2), in HTTP/1.1', () => {
    const withHost = (host: string, version = '1.1') => `GET http://a.test/ HTTP/${version}\r\n${host}\r\n`
    for (const host of ['', 'u@a.test', 'a.test/', 'a, b', 'a,b', 'a b', '[::1', 'a:b', 'a:123456', 'http://a'])
      expect([host, refusalOf(withHost(`Host: ${host}\r\n`))]).toEqual([host, expect.stringContaining('Host')])
    for (const host of ['a', 'a:', 'a_b.test:80', '[::1]:8080', '1.2.3.4', "a!$&'()*+;=~%2d"])
      expect([host, refusalOf(withHost(`Host: ${host}\r\n`))]).toEqual([host, 'accepted'])
    expect(refusalOf(withHost(''))).toBe('GW_BAD_REQUEST: an HTTP/1.1 request without Host is not accepted')
    expect(refusalOf(withHost('', '1.0'))).toBe('accepted')
    expect(refusalOf(withHost('Transfer-Encoding: chunked\r\n', '1.0'))).toContain('GW_BAD_REQUEST')
  })

  it('may be as long as the limit and no longer, however it is cut, and a fault in front of that is told first', () => {
    const fill = (size: number) =>
      get('http://a.test/', `X: ${'y'.repeat(size - get('http://a.test/').length - 5)}\r\n`)
    expect(refusalOf(fill(LIMIT))).toBe('accepted')
    const words = `GW_HEADER_TOO_LARGE: the request header is longer than ${LIMIT} octets`
    for (const size of [LIMIT + 1, 5 * LIMIT]) expect(refusalOf(fill(size))).toBe(words)
    expect(refusalOf(`GET http://a.test/${'x'.repeat(2 * LIMIT)}`)).toBe(words)
    expect(refusalOf(`\x01${fill(2 * LIMIT)}`)).toContain('GW_BAD_REQUEST')
    expect(refusalOf(`${get('http://a.test/', 'X\r\n').slice(0, -2)}${'y'.repeat(2 * LIMIT)}`)).toContain(
      'GW_BAD_REQUEST',
    )
    expect(refusalOf(fill(2 * LIMIT).replace(/y\r\n/, 'y\n'))).toBe(words)
  })

  it('is read in linear time', () => {
    const startedAt = process.cpuUsage()
    expect(() => parseRequestHeader(`${'X: y\r\n'.repeat(200_000)}\x01\r\n\r\n`, 0)).toThrow(GatewayError)
    const reader = new RequestHeadReader(300_000)
    const bytes = Buffer.from(get('http://a.test/', 'X: y\r\n'.repeat(40_000)))
    for (let size = 1; size < bytes.length; size++) reader.read(bytes.subarray(0, size))
    // What looks at each octet again for each that comes takes minutes.
    expect(process.cpuUsage(startedAt).user).toBeLessThan(10_000_000)
  })
})

it('a client’s connection goes on behind HTTP/1.1 without "close" (RFC 9112 section 9.3)', () => {
  const persists = (line: string, fields: string) => isPersistent(parse(get('', fields, line)))
  expect(persists('GET http://a/ HTTP/1.1', '')).toBe(true)
  expect(persists('GET http://a/ HTTP/1.1', 'Connection: X, Close\r\n')).toBe(false)
  expect(persists('GET http://a/ HTTP/1.1', 'Connection: keep-alive\r\nProxy-Connection: close\r\n')).toBe(false)
  expect(persists('GET http://a/ HTTP/1.1', 'Proxy-Connection: keep-alive\r\n')).toBe(true)
  expect(persists('GET http://a/ HTTP/1.0', 'Connection: keep-alive\r\n')).toBe(false)
})

it('only a WebSocket handshake may leave HTTP', () => {
  const asks = (line: string, fields: string) => asksForWebSocket(parse(get('', fields, line)))
  const upgrade = 'Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n'
  expect(asks('GET http://a/ HTTP/1.1', upgrade)).toBe(true)
  expect(asks('GET http://a/ HTTP/1.1', upgrade.replace('WebSocket', 'h2c, websocket'))).toBe(true)
  for (const [line, fields] of [
    ['GET http://a/ HTTP/1.0', upgrade],
    ['POST http://a/ HTTP/1.1', upgrade],
    ['GET http://a/ HTTP/1.1', `${upgrade}Content-Length: 1\r\n`],
    ['GET http://a/ HTTP/1.1', 'Upgrade: websocket\r\n'],
    ['GET http://a/ HTTP/1.1', upgrade.replace('WebSocket', 'h2c')],
  ] as const)
    expect([line, fields, asks(line, fields)]).toEqual([line, fields, false])
})

it('an expectation counts in HTTP/1.1 and with content', () => {
  const awaits = (version: string, fields: string) =>
    awaitsContinue(parse(get('', fields, `PUT http://a/ HTTP/${version}`)))
  expect(awaits('1.1', 'Expect: 100-Continue\r\nContent-Length: 1\r\n')).toBe(true)
  expect(awaits('1.0', 'Expect: 100-continue\r\nContent-Length: 1\r\n')).toBe(false)
  expect(awaits('1.1', 'Expect: 100-continue\r\n')).toBe(false)
  expect(awaits('1.1', 'Expect: more\r\nContent-Length: 1\r\n')).toBe(false)
})

describe('for the next hop', () => {
  const forward = (text: string, form: RequestForm, login = '') =>
    serializeRequestHead(parse(text), form, login).split('\r\n')
  it('a request has the form, the Host and the login that this hop needs', () => {
    const text = get('http://B.test:80?x', 'A: b\r\n')
    expect(forward(text, 'absolute', 'Proxy-Authorization: x\r\n')).toEqual([
      'GET http://B.test/?x HTTP/1.1',
      'Host: B.test',
      'Connection: keep-alive',
      'A: b',
      'Proxy-Authorization: x',
      '',
      '',
    ])
    expect(forward(text, 'origin').slice(0, 2)).toEqual(['GET /?x HTTP/1.1', 'Host: B.test'])
  })

  it('OPTIONS without a path asks about the whole server (RFC 9112 section 3.2.4)', () => {
    const text = get('', '', 'OPTIONS http://a.test:81 HTTP/1.1')
    expect(forward(text, 'absolute')[0]).toBe('OPTIONS http://a.test:81 HTTP/1.1')
    expect(forward(text, 'origin')[0]).toBe('OPTIONS * HTTP/1.1')
    expect(forward(get('http://a.test'), 'origin')[0]).toBe('GET / HTTP/1.1')
  })

  it('framing, expectation and upgrade are written anew', () => {
    expect(forward(get('http://a/', 'Content-Length: 004\r\nB: c\r\n'), 'origin').slice(3)).toEqual([
      'B: c',
      'Content-Length: 4',
      '',
      '',
    ])
    const chunked = get('http://a/', 'transfer-encoding: CHUNKED\r\nExpect: 100-Continue\r\n')
    expect(forward(chunked, 'origin').slice(3)).toEqual(['Transfer-Encoding: chunked', 'Expect: 100-continue', '', ''])
    const upgrade = get('http://a/', 'Connection: Upgrade\r\nUpgrade: websocket\r\n')
    expect(forward(upgrade, 'origin').slice(2)).toEqual(['Connection: Upgrade', 'Upgrade: websocket', '', ''])
  })

  it('Max-Forwards is counted for OPTIONS and TRACE, and for nothing else', () => {
    const of = (method: string, value = '3') => get('', `Max-Forwards: ${value}\r\n`, `${method} http://a/ HTTP/1.1`)
    expect(forward(of('TRACE'), 'origin')[3]).toBe('Max-Forwards: 2')
    expect(forward(of('GET'), 'origin')[3]).toBe('Max-Forwards: 3')
    expect([forwardsLeft(parse(of('OPTIONS', '0'))), forwardsLeft(parse(of('GET', '0')))]).toEqual([0, undefined])
    expect(forward(of('TRACE', 'many'), 'origin')[3]).toBe('Max-Forwards: many')
  })
})

it('a URL means the same, whatever the request before it was for', () => {
  const origins = [
    'http://a',
    'HTTP://a',
    'http://a.b',
    'http://a.',
    'http://ab',
    'http://a:80',
    'http://a:8',
    'http://a@b',
    'http://',
  ]
  const rests = ['', '/', '/x', '/x?y', '?y', '//b', '@b/', ':80/', '/#f', '#f', '.b/']
  const urls = origins.flatMap((origin) => rests.map((rest) => origin + rest))
  const read = (url: string, earlier?: ReturnType<typeof parseAbsoluteForm>) => {
    try {
      return parseAbsoluteForm(url, earlier)
    } catch (error) {
      if (error instanceof GatewayError) return error.message
      throw error
    }
  }
  for (const before of urls) {
    const earlier = read(before)
    if (typeof earlier === 'string') continue
    for (const url of urls) expect(read(url, earlier), `${url} after ${before}`).toEqual(read(url))
  }
})
