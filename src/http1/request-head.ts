/**
 * Heads of requests (RFC 9112 sections 2 to 6), read strictly: a request that two servers could read differently is refused.
 * The rules are those for a server that is a proxy.
 */
import { parseDecimal } from '../decimal.ts'
import { GatewayError } from '../errors.ts'
import {
  hasConnectionOption,
  listMembers,
  parseContentLength,
  parseFieldSection,
  TWO_LOGINS,
  withoutFields,
} from './fields.ts'
import { BARE_LF, type Field, fieldLineProblem } from './head.ts'
import { type AbsoluteForm, parseAbsoluteForm, type RequestLine } from './request-line.ts'

/** The header of a request. Clients send the same one again and again, so it knows nothing of method, URL and version. */
export interface RequestHeader {
  /** Field lines for the next hop, each with its CRLF; without Host, Expect and framing. */
  readonly lines: string
  readonly host: string | undefined
  /** Value of Proxy-Authorization. */
  readonly login: string | undefined
  readonly body: number | 'chunked'
  /** The header has a Content-Length, also one of 0. */
  readonly hasLength: boolean
  /** The client closes its connection after the answer. */
  readonly closes: boolean
  /** `Expect: 100-continue` (RFC 9110 section 10.1.1). */
  readonly expectsContinue: boolean
  /** Value of Upgrade, where Connection names it (RFC 9110 section 7.8). */
  readonly upgrade: string | undefined
  readonly maxForwards: string | undefined
  /** Names of fields that are for this hop alone: they are not forwarded from the trailer either. */
  readonly named: ReadonlySet<string>
  /** `X-Turnpike-*` and what vendors' tunnel proxies know; names in lower case. */
  readonly options: readonly Field[]
}

export interface RequestHead extends AbsoluteForm {
  readonly method: string
  readonly minorVersion: 0 | 1
  readonly header: RequestHeader
}

/**
 * @param text a whole head, latin1 @param start offset of its first field line
 * @throws {GatewayError} GW_BAD_REQUEST
 */
export function parseRequestHeader(text: string, start: number): RequestHeader {
  const section = parseFieldSection(text, start)
  if (section === undefined) throw malformedLine(text, start)
  const { lines, own, options, named } = section
  const upgrade = own.get('upgrade')
  const hasLength = own.has('content-length')
  return {
    // Generated again, as a plain number.
    lines: hasLength ? withoutFields(lines, CONTENT_LENGTH) : lines,
    host: hostOf(own),
    login: loginOf(own),
    body: bodyOf(own),
    hasLength,
    // Not an HTTP field, but clients send it to proxies in place of Connection (RFC 9112 appendix C.2.2).
    closes: hasConnectionOption(own, 'close') || listMembers(own.get('proxy-connection') ?? '').includes('close'),
    expectsContinue: own.get('expect')?.toLowerCase() === '100-continue',
    upgrade: upgrade !== undefined && hasConnectionOption(own, 'upgrade') ? upgrade : undefined,
    maxForwards: own.get('max-forwards'),
    named,
    options,
  }
}

/**
 * What depends on version and header together.
 * @param earlier a request before, of the same client
 * @throws {GatewayError} GW_BAD_REQUEST, GW_NOT_A_PROXY_REQUEST
 */
export function parseRequestHead(line: RequestLine, header: RequestHeader, earlier?: RequestHead): RequestHead {
  const { method, minorVersion } = line
  // RFC 9112 section 3.2: an HTTP/1.1 request has a Host.
  if (minorVersion === 1 && header.host === undefined) throw refused('an HTTP/1.1 request without Host')
  // RFC 9112 section 6.1: a server before HTTP/1.1 may not know about chunks.
  if (minorVersion === 0 && header.body === 'chunked') throw refused('an HTTP/1.0 request with Transfer-Encoding')
  const { origin, target, path } = parseAbsoluteForm(line.target, earlier)
  return { method, minorVersion, origin, target, path, header }
}

/** Whether a body follows the head. */
export function hasBody({ body }: RequestHeader): boolean {
  return body !== 0
}

/**
 * Whether the client's connection can carry another request (RFC 9112 section 9.3). A proxy keeps no connection with an
 * HTTP/1.0 client: such a client may sit behind a proxy that passes `keep-alive` on without knowing it.
 */
export function isPersistent({ minorVersion, header }: RequestHead): boolean {
  return minorVersion === 1 && !header.closes
}

/** Only a WebSocket handshake may leave HTTP (RFC 6455 section 4.1); what else asks to is served without the upgrade. */
export function asksForWebSocket({ method, minorVersion, header }: RequestHead): boolean {
  if (header.upgrade === undefined || minorVersion === 0 || method !== 'GET' || hasBody(header)) return false
  return listMembers(header.upgrade).includes('websocket')
}

export type RequestForm = 'absolute' | 'origin'

/**
 * The head for the next hop, latin1.
 * @param form `absolute` for a proxy, `origin` for the target itself (RFC 9112 section 3.2)
 * @param login the line of our login at that proxy, with its CRLF, or empty
 */
export function serializeRequestHead(head: RequestHead, form: RequestForm, login: string): string {
  const { method, target, path, header } = head
  const authority = target.port === 80 ? target.authority.slice(0, -':80'.length) : target.authority
  // RFC 9112 section 3.2.4: without a path, OPTIONS asks about the server as a whole.
  const ownPath = path !== '' ? path : method === 'OPTIONS' ? '*' : '/'
  const url = form === 'origin' ? ownPath : `http://${authority}${ownPath === '*' ? '' : ownPath}`
  const connection = asksForWebSocket(head) ? `Upgrade\r\nUpgrade: ${header.upgrade}` : 'keep-alive'
  const lines = `${forwardedLines(head)}${framingLine(header)}${expectLine(head)}${login}`
  return `${method} ${url} HTTP/1.1\r\nHost: ${authority}\r\nConnection: ${connection}\r\n${lines}\r\n`
}

function framingLine({ body, hasLength }: RequestHeader): string {
  if (body === 'chunked') return 'Transfer-Encoding: chunked\r\n'
  return hasLength ? `Content-Length: ${body}\r\n` : ''
}

/** RFC 9110 section 10.1.1: passed on, unless it came in an HTTP/1.0 request; and without content nothing is to be awaited. */
function expectLine(head: RequestHead): string {
  return awaitsContinue(head) ? 'Expect: 100-continue\r\n' : ''
}

/** Whether the client may wait for an interim answer before it sends the body. */
export function awaitsContinue({ minorVersion, header }: RequestHead): boolean {
  return minorVersion === 1 && header.expectsContinue && hasBody(header)
}

/** Max-Forwards counts for OPTIONS and TRACE alone (RFC 9110 section 7.6.2). */
export function forwardsLeft({ method, header: { maxForwards } }: RequestHead): number | undefined {
  if (maxForwards === undefined || (method !== 'OPTIONS' && method !== 'TRACE')) return undefined
  return parseDecimal(maxForwards, 15)
}

function forwardedLines(head: RequestHead): string {
  const left = forwardsLeft(head)
  if (left === undefined) return head.header.lines
  return `${withoutFields(head.header.lines, MAX_FORWARDS)}Max-Forwards: ${left - 1}\r\n`
}

const MAX_FORWARDS: ReadonlySet<string> = new Set(['max-forwards'])
const CONTENT_LENGTH: ReadonlySet<string> = new Set(['content-length'])

/** RFC 9112 section 6.3 for requests. */
function bodyOf(own: ReadonlyMap<string, string>): number | 'chunked' {
  const coding = own.get('transfer-encoding')
  const length = own.get('content-length')
  if (coding !== undefined) {
    if (coding.toLowerCase() !== 'chunked') throw refused('a Transfer-Encoding other than "chunked"')
    if (length !== undefined) throw refused('a request with both Transfer-Encoding and Content-Length')
    return 'chunked'
  }
  const octets = parseContentLength(length ?? '0')
  if (octets === undefined) throw refused('a Content-Length that is not one decimal number')
  return octets
}

/** uri-host [":" port] of RFC 9110 section 7.2; without commas, which a name may hold and which join two Host lines. */
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+;=-]|%[0-9A-Fa-f]{2})+)(?::\d{0,5})?$/

/**
 * RFC 9112 section 3.2: a Host that is no host is refused, also where the URL of the request line replaces it.
 * @throws {GatewayError} GW_BAD_REQUEST
 */
export function checkHost(host: string): void {
  if (host.includes(', ')) throw refused('a request with more than one Host')
  if (!HOST.test(host)) throw refused('a Host that is not a host name or address with an optional port')
}

function hostOf(own: ReadonlyMap<string, string>): string | undefined {
  const host = own.get('host')
  if (host !== undefined) checkHost(host)
  return host
}

function loginOf(own: ReadonlyMap<string, string>): string | undefined {
  const login = own.get('proxy-authorization')
  if (login?.includes(TWO_LOGINS)) throw refused('a request with more than one Proxy-Authorization')
  return login
}

function malformedLine(text: string, start: number): GatewayError {
  let at = start
  for (let lf = text.indexOf('\n', at); lf !== -1 && lf < text.length - 1; lf = text.indexOf('\n', at)) {
    checkFieldLine(text.slice(at, lf + 1))
    at = lf + 1
  }
  return new GatewayError('GW_INTERNAL', 'a header without a fault was refused')
}

/** @param line with its LF @throws {GatewayError} GW_BAD_REQUEST */
export function checkFieldLine(line: string): void {
  const problem = line.endsWith('\r\n') ? fieldLineProblem(line.slice(0, -2)) : BARE_LF
  if (problem !== undefined) throw new GatewayError('GW_BAD_REQUEST', `the header has ${problem}`)
}

function refused(what: string): GatewayError {
  return new GatewayError('GW_BAD_REQUEST', `${what} is not accepted`)
}
