/** Request lines (RFC 9112 section 3), and the target of a request to a forward proxy. */
import { parseAuthority, type Target, toTarget } from '../address.ts'
import { GatewayError } from '../errors.ts'
import { isToken } from './head.ts'

export interface RequestLine {
  readonly method: string
  /** As written; see RFC 9112 section 3.2 for its four forms. */
  readonly target: string
  /** HTTP/1.1 or HTTP/1.0. */
  readonly minorVersion: 0 | 1
  /** Length of the line with its CRLF. */
  readonly size: number
}

export interface AbsoluteForm {
  /** Scheme and authority as written. */
  readonly origin: string
  readonly target: Target
  /** Path and query as written; empty where the URL has neither. */
  readonly path: string
}

const LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e]+) HTTP\/1\.([01])\r\n/
/** RFC 3986 section 3.1: a scheme has no case. */
const HTTP_SCHEME = /^http:\/\//i
const SCHEME_LENGTH = 'http://'.length

/**
 * @param head latin1, from the request line on
 * @throws {GatewayError} GW_BAD_REQUEST, GW_HTTP_VERSION
 */
export function parseRequestLine(head: string): RequestLine {
  const parts = LINE.exec(head)
  if (parts === null) throw explain(head.slice(0, head.indexOf('\n')))
  const [line, method = '', target = '', minor] = parts
  return { method, target, minorVersion: minor === '0' ? 0 : 1, size: line.length }
}

/** @param line up to its LF, which is not in it */
function explain(line: string): GatewayError {
  const endsInCr = line.endsWith('\r')
  const text = endsInCr ? line.slice(0, -1) : line
  // First, as `checkBeginning` finds it in a part of the line.
  if (NOT_VISIBLE.test(text)) return badRequest(FORBIDDEN_OCTETS)
  if (!endsInCr) return badRequest('the request line ends in a bare LF')
  const [method = '', target, version, ...more] = text.split(' ')
  if (!isToken(method) || target === undefined || target === '' || version === undefined || more.length > 0) {
    return badRequest('the request line is not "METHOD target HTTP/1.1"')
  }
  return versionProblem(version)
}

/** Neither VCHAR nor SP. URLs are ASCII (RFC 3986 section 2): other octets are percent-encoded. */
const NOT_VISIBLE = /[^\x20-\x7e]/
const FORBIDDEN_OCTETS = 'the request line holds octets that are not allowed'

/** @param version known to be neither HTTP/1.1 nor HTTP/1.0 */
function versionProblem(version: string): GatewayError {
  // RFC 9112 section 2.3: one digit on each side. Other text is not a version, so 505 would be wrong.
  if (!/^HTTP\/\d\.\d$/.test(version)) return badRequest('the request line does not end with an HTTP version')
  return new GatewayError('GW_HTTP_VERSION', 'only HTTP/1.1 and HTTP/1.0 are spoken here')
}

/**
 * Refuses an incomplete request line that cannot become valid, so that a client of another protocol gets an answer at once.
 * @param beginning the octets of the line so far, without a LF
 * @throws {GatewayError} GW_BAD_REQUEST, the same as for the complete line
 */
export function checkBeginning(beginning: string): void {
  const text = beginning.endsWith('\r') ? beginning.slice(0, -1) : beginning
  if (NOT_VISIBLE.test(text)) throw badRequest(FORBIDDEN_OCTETS)
}

/**
 * The target of a request to a proxy (RFC 9112 section 3.2.2).
 * @param earlier of a request before: the same origin is not parsed again
 * @throws {GatewayError} GW_BAD_REQUEST, GW_NOT_A_PROXY_REQUEST
 */
export function parseAbsoluteForm(url: string, earlier?: AbsoluteForm): AbsoluteForm {
  if (url.includes('#')) throw notAbsolute(url)
  if (earlier !== undefined && url.startsWith(earlier.origin) && url[earlier.origin.length] === '/')
    return { origin: earlier.origin, target: earlier.target, path: url.slice(earlier.origin.length) }
  if (!HTTP_SCHEME.test(url)) throw notAbsolute(url)
  const end = url.slice(SCHEME_LENGTH).search(/[/?]/)
  const pathAt = end === -1 ? url.length : SCHEME_LENGTH + end
  const authority = url.slice(SCHEME_LENGTH, pathAt)
  const path = url.slice(pathAt)
  if (authority.includes('@')) throw badRequest('a user name in the URL is not accepted')
  const address = parseAuthority(authority, 80)
  if (address === undefined) throw badRequest('a URL without a valid host and port is not accepted')
  const origin = url.slice(0, pathAt)
  return { origin, target: toTarget(address), path: path.startsWith('?') ? `/${path}` : path }
}

function notAbsolute(url: string): GatewayError {
  if (/^http:/i.test(url) && url.includes('#'))
    return badRequest('a URL with a fragment (#...) is not accepted: a client keeps it for itself')
  if (/^https:/i.test(url)) return badRequest('https:// goes through CONNECT, not as a plain request')
  if (/^[a-z][a-z0-9+.-]*:/i.test(url)) return badRequest('only http:// URLs can be forwarded')
  // RFC 9112 sections 3.2.1 and 3.2.4: the form for an origin server.
  if (!url.startsWith('/') && url !== '*') return badRequest('the request target is not a URL')
  return new GatewayError(
    'GW_NOT_A_PROXY_REQUEST',
    'this is a forward proxy: set it as the proxy of your program instead of opening it as a site',
  )
}

function badRequest(message: string): GatewayError {
  return new GatewayError('GW_BAD_REQUEST', message)
}
