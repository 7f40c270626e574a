import fc from 'fast-check'
import { expect, it } from 'vitest'
import { GatewayError } from '../../../src/errors.ts'
import { parseConnect } from '../../../src/http1/connect-head.ts'
import { parseRequestHeader } from '../../../src/http1/request-head.ts'
import { RequestHeadReader } from '../../../src/http1/request-head-reader.ts'
import { parseRequestLine } from '../../../src/http1/request-line.ts'
import { cutAt, cuts, damaged, expectAlike, feed, junk } from '../../support/splits.ts'

/** As a connection reads it. */
const parse = (bytes: Buffer) => {
  const head = new RequestHeadReader(16_384).read(bytes)
  if (head === undefined) return undefined
  if (head.line.method !== 'CONNECT') {
    // A malformed field is refused before the end of a head, whatever the method.
    parseRequestHeader(head.text, head.line.size)
    throw new GatewayError('GW_INTERNAL', 'not CONNECT')
  }
  return { value: parseConnect(head.line, head.text), size: head.size }
}

const host = fc.oneof(
  fc.stringMatching(/^(?:[a-z0-9_][a-z0-9.-]{0,60}\.)?[a-z_](?:[a-z0-9-]{0,10}[a-z0-9])?$/),
  fc.ipV4(),
  fc.ipV6().map((ip) => `[${ip}]`),
)
const fieldLine = fc
  .tuple(fc.stringMatching(/^X-[A-Za-z]{0,8}$/), fc.stringMatching(/^[!-~]([ -~]{0,30}[!-~])?$/))
  .map(([name, value]) => `${name}: ${value}\r\n`)
const connect = fc
  .tuple(
    host,
    fc.integer({ min: 1, max: 65_535 }),
    fc.constantFrom('1.0', '1.1'),
    fc.array(fieldLine, { maxLength: 5 }),
  )
  .map(([name, port, version, lines]) =>
    Buffer.from(`CONNECT ${name}:${port} HTTP/${version}\r\n${lines.join('')}\r\n`),
  )

const codeOf = (run: () => unknown) => {
  try {
    return run()
  } catch (error) {
    return (error as GatewayError).code
  }
}
const read = (head: string) => codeOf(() => parseConnect(parseRequestLine(`${head}\r\n`), `${head}\r\n\r\n`))

it('a CONNECT head is read alike however it is split, and what follows is left alone', () => {
  fc.assert(fc.property(connect, junk, cuts, (head, following, at) => expectAlike(parse, head, following, at)))
})

it('a damaged head or junk gives one result for every split, and no error but ours', () => {
  fc.assert(
    fc.property(fc.oneof(damaged(connect), junk), cuts, (bytes, at) => {
      const [split, whole] = [cutAt(bytes, at), [bytes]].map((pieces) => feed(parse, pieces))
      // Of several mistakes the first that has arrived is named.
      const words = expect.any(String)
      expect(split).toEqual(typeof whole === 'object' && 'words' in whole ? { ...whole, words } : whole)
    }),
    { numRuns: 500 },
  )
})

it.each([
  ['HTTP/1.1\r\nProxy-Connection: Keep-Alive', true],
  ['HTTP/1.0', false],
  ['HTTP/1.1\r\nConnection: keep-alive, Close', false],
  ['HTTP/1.1\r\nProxy-Connection: close', false],
])('a client that sends %j goes on behind a refusal: %s', (rest, isPersistent) => {
  expect(read(`CONNECT a.com:80 ${rest}`)).toMatchObject({ isPersistent })
})

it('reads target and fields', () => {
  expect(read('CONNECT [::1]:443 HTTP/1.1\r\nHost: ignored\r\nProxy-Authorization: Basic eA==')).toEqual({
    host: '::1',
    port: 443,
    authority: '[::1]:443',
    fields: [
      { name: 'host', value: 'ignored' },
      { name: 'proxy-authorization', value: 'Basic eA==' },
    ],
    isPersistent: true,
  })
  expect(read('CONNECT a.com:80 HTTP/1.0')).toMatchObject({
    host: 'a.com',
    port: 80,
    authority: 'a.com:80',
    fields: [],
  })
})

it.each([
  'a.com',
  'a.com:',
  'a.com:0',
  'a.com:65536',
  'a.com:080x',
  ':80',
  '::1:80',
  '[::1]',
  '[a]:80',
  'http://a:80',
  'u@a:80',
  '-a:80',
])('refuses the target %s', (target) => {
  expect(read(`CONNECT ${target} HTTP/1.1`)).toBe('GW_BAD_REQUEST')
})

it.each([
  'CONNECT a:80',
  'CONNECT a:80 HTTP',
  'CONNECT a:80  HTTP/1.1',
  'CONNECT a:80 HTTP/1.1 ',
  'CONNECT a:80\tHTTP/1.1',
  'CONNECT a:80 FTP/1.1',
])('refuses the request line "%s"', (line) => {
  expect(read(line)).toBe('GW_BAD_REQUEST')
})

it('speaks HTTP/1.0 and 1.1 only', () => {
  for (const version of ['0.9', '1.2', '2.0']) expect(read(`CONNECT a:80 HTTP/${version}`)).toBe('GW_HTTP_VERSION')
  for (const version of ['1', '2', '01.01', '1.10', ''])
    expect(read(`CONNECT a:80 HTTP/${version}`)).toBe('GW_BAD_REQUEST')
})

it('refuses a Host that is none (RFC 9112 section 3.2), and may go without', () => {
  for (const host of ['', 'u@a', 'a/', 'a, b', 'a b', '[::1'])
    expect([host, read(`CONNECT a:80 HTTP/1.1\r\nHost: ${host}`)]).toEqual([host, 'GW_BAD_REQUEST'])
})

it('refuses two logins (RFC 9110 section 5.3)', () => {
  const login = 'Proxy-Authorization: Basic YTpi'
  expect(read(`CONNECT a:80 HTTP/1.1\r\n${login}`)).toMatchObject({ port: 80 })
  expect(read(`CONNECT a:80 HTTP/1.1\r\n${login}\r\n${login}`)).toBe('GW_BAD_REQUEST')
})

it('refuses content, which would be taken for the tunnel’s first octets', () => {
  const withField = (field: string) => read(`CONNECT a:80 HTTP/1.1\r\n${field}`)
  expect(withField('Content-Length: 0')).toMatchObject({ port: 80 })
  expect(withField('Content-Length: 5')).toBe('GW_BAD_REQUEST')
  expect(withField('Content-Length: 0\r\nContent-Length: 5')).toBe('GW_BAD_REQUEST')
  expect(withField('Transfer-Encoding: chunked')).toBe('GW_BAD_REQUEST')
  expect(withField(' folded: 1')).toBe('GW_BAD_REQUEST')
})
