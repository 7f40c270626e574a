/**
 * Who has not logged in may send what he likes, in pieces of one octet: reading it takes a bounded number of steps for each
 * octet. Steps are counted (test/support/steps.ts), so the machine's speed does not matter.
 */
import fc from 'fast-check'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { parseAuthority } from '../../../src/address.ts'
import { type ClientHandler, ClientPort } from '../../../src/downstream/client-port.ts'
import type { Connection } from '../../../src/downstream/connection.ts'
import { HttpConnection } from '../../../src/downstream/http-connection.ts'
import { LoginThrottle } from '../../../src/downstream/login-throttle.ts'
import { Access } from '../../../src/downstream/proxy-auth.ts'
import { SocksConnection } from '../../../src/downstream/socks-connection.ts'
import { headerOptions, parseUserName } from '../../../src/downstream/username-options.ts'
import { GatewayError } from '../../../src/errors.ts'
import { BodyReader } from '../../../src/http1/body.ts'
import { parseConnect } from '../../../src/http1/connect-head.ts'
import { parseFields } from '../../../src/http1/head.ts'
import { parseRequestHeader } from '../../../src/http1/request-head.ts'
import { RequestHeadReader } from '../../../src/http1/request-head-reader.ts'
import { parseRequestLine } from '../../../src/http1/request-line.ts'
import { parseResponseHead } from '../../../src/http1/response-head.ts'
import { Secret } from '../../../src/secret.ts'
import { TimeoutEntry } from '../../../src/structures/timeout-queue.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { grown, hostileText } from '../../support/hostile-text.ts'
import { openStepCounter } from '../../support/steps.ts'

/** A guard against a hang, on a machine that has much else to do. */
vi.setConfig({ testTimeout: 120_000 })
const HEAD_OCTETS = 16 * 1024
const STEPS_PER_OCTET = 100
/** Each read takes some 100 steps of its own. */
const PIECE = 32

const users = Array.from({ length: 3 }, (_, n) => ({ name: `user-${n}`, password: new Secret('secret') }))
const access = new Access(users, undefined, new LoginThrottle(new FakeClock(), () => {}))
const client = { clientAddress: '203.0.113.9' }

const settings = {
  ...{ handshakeMs: 10_000, idleMs: 10_000, maxHeaderBytes: HEAD_OCTETS, maxEarlyBytes: HEAD_OCTETS },
  ...{ optionHeaders: true, upstreamHeader: true },
}
const refuse = () => {
  throw new GatewayError('GW_POOL_EMPTY', 'none')
}
const handler = {
  observer: { handshakeRefused: () => {} },
  leftHttp: () => {},
  request: refuse,
} as unknown as ClientHandler

/** A connection whose client is read until it has made a request, or is refused. */
class FakeConnection extends TimeoutEntry {
  readonly clientAddress = '203.0.113.9'
  readonly socket = { write: () => true, pause: () => {}, resume: () => {} }
  isOver = false

  onDeadline(): void {}

  failInternally(): void {}

  requestTunnel(): void {
    this.isOver = true
  }

  rejectWith(): void {
    this.isOver = true
  }
}

function handshake(text: string): void {
  const port = new ClientPort(settings, access, new FakeClock(), handler)
  const fake = new FakeConnection()
  const connection = fake as unknown as Connection
  const bytes = Buffer.from(text, 'latin1')
  const [first] = bytes
  const reader =
    first === 4 || first === 5 ? new SocksConnection(connection, port, first) : new HttpConnection(connection, port)
  for (let at = 0; at < bytes.length && !fake.isOver; at++) reader.data(bytes.subarray(at, at + 1))
}

function headInPieces(text: string): void {
  const reader = new RequestHeadReader(HEAD_OCTETS)
  const bytes = Buffer.from(`GET http://a/ HTTP/1.1\r\n${text}`, 'latin1')
  for (let size = 1; size <= bytes.length; size += PIECE) if (reader.read(bytes.subarray(0, size)) !== undefined) return
}

function chunks(text: string, isLenient: boolean): void {
  const reader = new BodyReader({ maxTrailerBytes: HEAD_OCTETS, isLenient })
  reader.start('chunked', new Set())
  const bytes = Buffer.from(text, 'latin1')
  for (let at = 0; at < bytes.length && !reader.isWhole; at++)
    if (reader.read(bytes.subarray(at, at + 1), []) < 0) return
}

const CONNECT_LINE = parseRequestLine('CONNECT a:1 HTTP/1.1\r\n')
const asField = (text: string) => [{ name: 'x-turnpike-session', value: text }]
const readers: readonly (readonly [string, (text: string) => unknown])[] = [
  ['a handshake', handshake],
  ['a CONNECT in pieces', (text) => handshake(`CONNECT ${text}`)],
  ['a SOCKS5 client', (text) => handshake(`\x05${text}`)],
  ['a SOCKS4 client', (text) => handshake(`\x04${text}`)],
  ['a CONNECT head', (text) => parseConnect(CONNECT_LINE, `CONNECT a:1 HTTP/1.1\r\n${text}\r\n\r\n`)],
  ['field lines', (text) => parseFields(`${text}\r\n\r\n`, 0)],
  ['a request head in pieces', headInPieces],
  ['a request line', (text) => parseRequestLine(`GET http://${text} HTTP/1.1\r\n\r\n`)],
  ['a header', (text) => parseRequestHeader(`${text}\r\n\r\n`, 0)],
  ['Connection', (text) => parseRequestHeader(`Host: a\r\nConnection: ${text}\r\n\r\n`, 0)],
  ['Host', (text) => parseRequestHeader(`Host: ${text}\r\n\r\n`, 0)],
  ['an answer', (text) => parseResponseHead(`HTTP/1.1 200 ${text}\r\n\r\n`, 'GET')],
  ['chunks of a client', (text) => chunks(text, false)],
  ['chunks of a server', (text) => chunks(text, true)],
  ['a chunk extension', (text) => chunks(`1;${text}\r\n`, false)],
  ['an authority', (text) => parseAuthority(text, 80)],
  ['Basic', (text) => access.identify(`Basic ${Buffer.from(text).toString('base64')}`, client)],
  ['another scheme', (text) => access.identify(text, client)],
  ['a user name', (text) => parseUserName(`user-1${text}`, ['user-1'])],
  ['an open user name', (text) => parseUserName(text)],
  ['options as fields', (text) => headerOptions(asField(text), {})],
]

const counter = openStepCounter()
afterAll(() => counter.close())

function mustBeLinear(read: (text: string) => unknown, text: string): void {
  const limit = STEPS_PER_OCTET * (text.length + 1_000)
  expect(counter.count(() => read(text), limit)).toBeLessThan(limit)
}

const known: readonly (readonly [front: string, pump: string, behind: string])[] = [
  ['http://a/', '#', ''],
  ['', 'a', ''],
  ['', '\r\n', ''],
  ['', 'a:b\r\n', ''],
  ['', ',close ', ''],
  ['', '-session-', ''],
  ['Basic ', ' ', ''],
  ['', ':', ''],
]

describe.each(readers)('%s', (_name, read) => {
  it.each(known)('is read in linear time: %j %j %j', (front, pump, behind) => {
    mustBeLinear(read, grown(front, pump, behind, HEAD_OCTETS))
  })

  it('is read in linear time, whatever it holds', () => {
    fc.assert(
      fc.property(hostileText(HEAD_OCTETS), (text) => mustBeLinear(read, text)),
      { numRuns: 20 },
    )
  })
})
