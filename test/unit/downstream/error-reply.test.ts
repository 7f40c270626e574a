import { expect, it } from 'vitest'
import {
  connectSuccess,
  httpError,
  httpErrorBytes,
  proxyStatus,
  reasonPhrase,
  SOCKS4_SUCCESS,
  SOCKS5_SUCCESS,
  socks4Failure,
  socks5Failure,
} from '../../../src/downstream/error-reply.ts'
import { catalogue, type ErrorCode, GatewayError } from '../../../src/errors.ts'

const codes = Object.keys(catalogue) as ErrorCode[]
const DATE = 'Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n'
const headersOf = (error: GatewayError): Record<string, string> =>
  Object.fromEntries(
    httpError(error)
      .lines.split('\r\n')
      .map((line) => line.split(': ')),
  )

it.each(codes)('says %s in each protocol', (code) => {
  const error = new GatewayError(code, 'what happened')
  const { http, socks, proxyStatus: type } = catalogue[code]
  expect([...socks5Failure(error)]).toEqual([5, socks, 0, 1, 0, 0, 0, 0, 0, 0])
  expect(proxyStatus(error)).toBe(`turnpike; error=${type}; details="${code}"`)
  expect(httpError(error)).toMatchObject({ status: http, body: Buffer.from(`${code}: what happened\n`) })
  expect(headersOf(error)['Proxy-Status']).toBe(proxyStatus(error))
  expect('Retry-After' in headersOf(error)).toBe(http === 503 || http === 429)
  expect('Proxy-Authenticate' in headersOf(error)).toBe(http === 407)
})

it('frames the answer exactly, in octets and not in characters', () => {
  const error = new GatewayError('GW_NO_SUPPLY', '余额不足')
  const bytes = httpErrorBytes(error, DATE)
  const end = bytes.indexOf('\r\n\r\n') + 4
  const head = bytes.subarray(0, end).toString('latin1')
  expect(head.split('\r\n')).toEqual([
    'HTTP/1.1 503 GW_NO_SUPPLY ...',
    'Date: Sun, 06 Nov 1994 08:49:37 GMT',
    'Content-Type: text/plain; charset=utf-8',
    'Proxy-Status: turnpike; error=proxy_configuration_error; details="GW_NO_SUPPLY"',
    'Retry-After: 1',
    `Content-Length: ${bytes.length - end}`,
    'Connection: close',
    '',
    '',
  ])
  expect(bytes.subarray(end).toString()).toBe('GW_NO_SUPPLY: 余额不足\n')
  expect(httpErrorBytes(error, DATE, { withBody: false }).toString('latin1')).toBe(head)
  expect(httpErrorBytes(error, DATE, { isKept: true }).toString('latin1')).toContain('\r\nConnection: keep-alive\r\n')
})

it('puts code and words into the reason phrase, in ASCII and not too long', () => {
  const line = (message: string) =>
    httpErrorBytes(new GatewayError('GW_POOL_EMPTY', message), DATE).toString('latin1').split('\r\n')[0]
  expect(line('no address became free within 10 s')).toBe(
    'HTTP/1.1 503 GW_POOL_EMPTY no address became free within 10 s',
  )
  expect(line('a\r\nSet-Cookie: b\t\x7f')).toBe('HTTP/1.1 503 GW_POOL_EMPTY a...Set-Cookie: b...')
  expect(line('long'.repeat(100))).toHaveLength('HTTP/1.1 503 '.length + 160)
})

it.each([
  [undefined, '1'],
  [0, '1'],
  [1, '1'],
  [1_000, '1'],
  [1_001, '2'],
  [90_000, '90'],
  [Number.POSITIVE_INFINITY, '1'],
  [Number.NaN, '1'],
])('tells a client to come again after %s ms', (retryAfterMs, seconds) => {
  expect(headersOf(new GatewayError('GW_NO_SUPPLY', '', { detail: { retryAfterMs } }))['Retry-After']).toBe(seconds)
})

it('says what a success is', () => {
  expect(connectSuccess(DATE, 'abc')).toBe(
    `HTTP/1.1 200 Connection established\r\n${DATE}X-Turnpike-Upstream: abc\r\n\r\n`,
  )
  expect(connectSuccess(DATE, 'abc', 89_999)).toMatch(/\r\nX-Turnpike-Life: 89s\r\n\r\n$/)
  expect(connectSuccess(DATE, 'abc', Number.POSITIVE_INFINITY)).toMatch(/\r\nX-Turnpike-Life: unlimited\r\n\r\n$/)
  expect([...SOCKS5_SUCCESS]).toEqual([5, 0, 0, 1, 0, 0, 0, 0, 0, 0])
  expect([...SOCKS4_SUCCESS]).toEqual([0, 0x5a, 0, 0, 0, 0, 0, 0])
  expect([...socks4Failure()]).toEqual([0, 0x5b, 0, 0, 0, 0, 0, 0])
})

it('has a phrase for every status of the catalogue and of upstreams', () => {
  for (const code of codes) expect(reasonPhrase(catalogue[code].http)).not.toBe('')
  // proxy-chain names 590 to 599 for the whole process, where a test file before this one has loaded it.
  expect([reasonPhrase(502), reasonPhrase(570)]).toEqual(['Bad Gateway', 'Error'])
})
