/** The gateway's own answers to clients: the only place where an error code becomes octets. */
import type { GatewayError } from '../errors.ts'
import { http } from '../node/http.ts'

/** Product token in Proxy-Status (RFC 9209 section 2). */
const PROXY_NAME = 'turnpike'

/** RFC 1928 section 6, bound address unspecified: clients do not use it, and it would reveal our network. */
const SOCKS5_TAIL = '\x00\x01\x00\x00\x00\x00\x00\x00'
export const SOCKS5_SUCCESS = Buffer.from(`\x05\x00${SOCKS5_TAIL}`, 'latin1')
export const SOCKS4_SUCCESS = Buffer.from('\x00\x5a\x00\x00\x00\x00\x00\x00', 'latin1')
const SOCKS4_FAILURE = Buffer.from('\x00\x5b\x00\x00\x00\x00\x00\x00', 'latin1')

export function socks5Failure(error: GatewayError): Buffer {
  return Buffer.from([0x05, error.spec.socks, 0x00, 0x01, 0, 0, 0, 0, 0, 0])
}

export function socks4Failure(): Buffer {
  return SOCKS4_FAILURE
}

/**
 * The answer to CONNECT when the upstream has opened the tunnel.
 * @param date field line, with its CRLF
 * @param upstreamId lets the client report a ban
 * @param lifeMs the remaining life of the upstream, for a client that asked for a life: it may be shorter
 */
export function connectSuccess(date: string, upstreamId: string, lifeMs?: number): string {
  const life = lifeMs === undefined ? '' : `X-Turnpike-Life: ${lifeText(lifeMs)}\r\n`
  return `HTTP/1.1 200 Connection established\r\n${date}X-Turnpike-Upstream: ${upstreamId}\r\n${life}\r\n`
}

/** In the form of the option; whole seconds, rounded down. */
function lifeText(ms: number): string {
  return ms === Number.POSITIVE_INFINITY ? 'unlimited' : `${Math.max(0, Math.floor(ms / 1_000))}s`
}

/** `Proxy-Status` of an answer from the gateway itself (RFC 9209 section 2.1). */
export function proxyStatus(error: GatewayError): string {
  return `${PROXY_NAME}; error=${error.spec.proxyStatus}; details="${error.code}"`
}

/** An error as an HTTP answer, without the fields that the connection adds. */
interface HttpErrorAnswer {
  readonly status: number
  readonly reason: string
  /** Field lines, each with its CRLF; without Date, framing and Connection. */
  readonly lines: string
  /** UTF-8, because of the message. */
  readonly body: Buffer
}

export function httpError(error: GatewayError): HttpErrorAnswer {
  const { http: status } = error.spec
  const challenge = status === 407 ? 'Proxy-Authenticate: Basic realm="Turnpike", charset="UTF-8"\r\n' : ''
  const retryAfter = status === 503 || status === 429 ? `Retry-After: ${retryAfterSeconds(error)}\r\n` : ''
  return {
    status,
    reason: refusalPhrase(error),
    lines: `Content-Type: text/plain; charset=utf-8\r\nProxy-Status: ${proxyStatus(error)}\r\n${challenge}${retryAfter}`,
    body: Buffer.from(`${error.code}: ${error.message}\n`),
  }
}

/** How an error answer ends: its field lines about the connection, and whether its body is sent. */
interface ErrorReplyOptions {
  /** False for HEAD. */
  readonly withBody?: boolean
  /** By default the connection is closed: octets that the client may have sent meanwhile must not be taken for a request. */
  readonly isKept?: boolean
}

/**
 * The same as octets.
 * @param date field line, with its CRLF
 */
export function httpErrorBytes(error: GatewayError, date: string, options: ErrorReplyOptions = {}): Buffer {
  const { withBody = true, isKept = false } = options
  const { status, reason, lines, body } = httpError(error)
  const connection = isKept ? 'keep-alive' : 'close'
  const framing = `Content-Length: ${body.length}\r\nConnection: ${connection}\r\n`
  const head = Buffer.from(`HTTP/1.1 ${status} ${reason}\r\n${date}${lines}${framing}\r\n`, 'latin1')
  return withBody ? Buffer.concat([head, body]) : head
}

/**
 * Whether the client has sent no login and may do so now. A wrong login is not challenged: its connection ends, so that each
 * guess costs a connection.
 */
export function isChallenge({ code, detail }: GatewayError): boolean {
  return code === 'GW_LOGIN_REQUIRED' && detail['answerAfterMs'] === undefined
}

/** Longer phrases are cut: some clients limit the status line. */
const MAX_PHRASE_CHARACTERS = 160

/**
 * Code and message as a reason phrase, which is free text (RFC 9112 section 4): many clients show nothing else of a refused
 * CONNECT. Only ASCII, because clients decode it as latin1, UTF-8 or not at all: other text, such as a vendor's message in
 * Chinese, is replaced by three dots; the body has the whole message.
 */
function refusalPhrase({ code, message }: GatewayError): string {
  return `${code} ${message}`.replace(/[^\x20-\x7e]+/g, '...').slice(0, MAX_PHRASE_CHARACTERS)
}

export function reasonPhrase(status: number): string {
  return http.STATUS_CODES[status] ?? 'Error'
}

/** RFC 9110 section 10.2.3: whole seconds, at least one. */
function retryAfterSeconds(error: GatewayError): string {
  const ms = error.detail['retryAfterMs']
  const isKnown = typeof ms === 'number' && Number.isFinite(ms)
  return String(Math.max(1, Math.ceil((isKnown ? ms : 1_000) / 1_000)))
}
