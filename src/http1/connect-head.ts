/** CONNECT requests (RFC 9110 section 9.3.6, RFC 9112 section 3.2.3). */

import { parseAuthority, type Target, toTarget } from '../address.ts'
import { GatewayError } from '../errors.ts'
import { listMembers } from './fields.ts'
import { type Field, parseFields } from './head.ts'
import { checkHost } from './request-head.ts'
import type { RequestLine } from './request-line.ts'

export interface ConnectHead extends Target {
  /** Whether the client continues to use the connection when it is refused (RFC 9112 section 9.3). */
  readonly isPersistent: boolean
  readonly fields: readonly Field[]
}

/**
 * @param line the request line, whose method is CONNECT
 * @param head latin1, up to and including the empty line
 * @throws {GatewayError} GW_BAD_REQUEST
 */
export function parseConnect(line: RequestLine, head: string): ConnectHead {
  const target = parseAuthority(line.target)
  if (target === undefined) throw bad('the CONNECT target is not host:port with a port from 1 to 65535')
  const fields = parseFields(head, line.size)
  if (typeof fields === 'string') throw bad(`the header has ${fields}`)
  refuseContradictions(fields)
  return { ...toTarget(target), fields, isPersistent: line.minorVersion === 1 && !fields.some(asksToClose) }
}

/**
 * A CONNECT has no content (RFC 9110 section 9.3.6): with content, its body would be read as the tunnel's first octets. Host
 * repeats the target and may be missing, as it is in what many clients send; but no request may have two (RFC 9112 section 3.2), nor
 * two logins (RFC 9110 section 5.3).
 */
function refuseContradictions(fields: readonly Field[]): void {
  let hosts = 0
  let logins = 0
  for (const { name, value } of fields) {
    if (name === 'transfer-encoding') throw bad('a CONNECT request with Transfer-Encoding is not accepted')
    if (name === 'content-length' && value !== '0') throw bad('a CONNECT request with content is not accepted')
    if (name === 'proxy-authorization' && ++logins > 1)
      throw bad('a request with more than one Proxy-Authorization is not accepted')
    if (name !== 'host') continue
    if (++hosts > 1) throw bad('a request with more than one Host is not accepted')
    checkHost(value)
  }
}

/** Proxy-Connection is not an HTTP field, but clients send it in place of Connection (RFC 9112 appendix C.2.2). */
function asksToClose({ name, value }: Field): boolean {
  return (name === 'connection' || name === 'proxy-connection') && listMembers(value).includes('close')
}

function bad(message: string): GatewayError {
  return new GatewayError('GW_BAD_REQUEST', message)
}
