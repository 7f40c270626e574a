/**
 * SOCKS5 (RFC 1928, RFC 1929) and SOCKS4/4a requests.
 *
 * Each function examines everything received since its message began and returns `undefined` while the message is
 * incomplete: the result does not depend on how the octets were split.
 */
import { isIPv6 } from 'node:net'
import { isHostName } from '../address.ts'
import { textOf } from '../client-text.ts'
import { GatewayError } from '../errors.ts'

interface Parsed<T> {
  readonly value: T
  /** Length of the message; the following octets belong to the next message. */
  readonly size: number
}

export const NO_LOGIN = 0x00
export const USER_PASSWORD = 0x02
export const NO_METHOD = 0xff

const COMMAND_CONNECT = 0x01
const IPV4 = 0x01
const DOMAIN = 0x03
const IPV6 = 0x04
/** A longer SOCKS4 user id or 4a name is refused as an attack. */
const MAX_SOCKS4_STRING = 512

/** RFC 1928 section 3: the methods that the client offers, a view. */
export function parseGreeting(bytes: Buffer): Parsed<Uint8Array> | undefined {
  const count = bytes[1]
  if (count === undefined || bytes.length < 2 + count) return undefined
  return { value: bytes.subarray(2, 2 + count), size: 2 + count }
}

/** RFC 1929 section 2. @throws {GatewayError} GW_BAD_REQUEST on another sub-negotiation version */
export function parseLogin(bytes: Buffer): Parsed<{ userName: string; password: string }> | undefined {
  if (bytes[0] !== undefined && bytes[0] !== 0x01) throw bad('the SOCKS login has an unknown version')
  const userLength = bytes[1]
  if (userLength === undefined) return undefined
  const passwordLength = bytes[2 + userLength]
  if (passwordLength === undefined) return undefined
  const size = 3 + userLength + passwordLength
  if (bytes.length < size) return undefined
  const userName = textOf(bytes.subarray(2, 2 + userLength))
  return { value: { userName, password: textOf(bytes.subarray(3 + userLength, size)) }, size }
}

/**
 * RFC 1928 section 4.
 * @throws {GatewayError} GW_COMMAND_NOT_SUPPORTED, GW_ADDRESS_TYPE_NOT_SUPPORTED, GW_BAD_REQUEST
 */
export function parseSocks5Request(bytes: Buffer): Parsed<{ host: string; port: number }> | undefined {
  if (bytes[0] !== undefined && bytes[0] !== 0x05) throw bad('the SOCKS request has an unknown version')
  const type = bytes[3]
  if (type === undefined) return undefined
  if (type !== IPV4 && type !== DOMAIN && type !== IPV6) {
    throw new GatewayError('GW_ADDRESS_TYPE_NOT_SUPPORTED', 'the SOCKS request has an unknown address type')
  }
  const start = type === DOMAIN ? 5 : 4
  const length = type === IPV4 ? 4 : type === IPV6 ? 16 : bytes[4]
  if (length === undefined || bytes.length < start + length + 2) return undefined
  if (bytes[1] !== COMMAND_CONNECT) throw unsupportedCommand()
  const end = start + length
  const host = type === DOMAIN ? bytes.toString('latin1', start, end) : formatIP(bytes.subarray(start, end))
  return { value: checkTarget(host, bytes.readUInt16BE(end), type === DOMAIN), size: end + 2 }
}

/**
 * SOCKS4 with the 4a extension: 0.0.0.x (x > 0) announces a name after the user id.
 * @throws {GatewayError} GW_COMMAND_NOT_SUPPORTED, GW_BAD_REQUEST
 */
export function parseSocks4(bytes: Buffer): Parsed<{ host: string; port: number; userId: string }> | undefined {
  if (bytes.length < 9) return undefined
  const userEnd = stringEnd(bytes, 8)
  if (userEnd === undefined) return undefined
  if (bytes[1] !== COMMAND_CONNECT) throw unsupportedCommand()
  const userId = textOf(bytes.subarray(8, userEnd))
  const port = bytes.readUInt16BE(2)
  const named = bytes[4] === 0 && bytes[5] === 0 && bytes[6] === 0 && bytes[7] !== 0
  if (!named)
    return { value: { ...checkTarget(bytes.subarray(4, 8).join('.'), port, false), userId }, size: userEnd + 1 }
  const nameEnd = stringEnd(bytes, userEnd + 1)
  if (nameEnd === undefined) return undefined
  const host = bytes.toString('latin1', userEnd + 1, nameEnd)
  return { value: { ...checkTarget(host, port, true), userId }, size: nameEnd + 1 }
}

/** Offset of the NUL that ends the string at `start`. */
function stringEnd(bytes: Buffer, start: number): number | undefined {
  const end = bytes.indexOf(0, start)
  const length = (end === -1 ? bytes.length : end) - start
  if (length > MAX_SOCKS4_STRING) throw bad('the SOCKS4 request holds an overlong string')
  return end === -1 ? undefined : end
}

function checkTarget(host: string, port: number, isName: boolean): { host: string; port: number } {
  // Clients send IPv6 literals as names too, with or without brackets.
  if (isName && !isHostName(host) && (!isIPv6(host) || host.includes('%'))) throw bad('the target name is no host name')
  if (port === 0) throw bad('port 0 cannot be connected to')
  return { host, port }
}

/** IPv6 as eight groups without compression: one form for later comparison. */
function formatIP(raw: Buffer): string {
  if (raw.length === 4) return raw.join('.')
  const groups: string[] = []
  for (let i = 0; i < 16; i += 2) groups.push(raw.readUInt16BE(i).toString(16))
  return groups.join(':')
}

function unsupportedCommand(): GatewayError {
  return new GatewayError('GW_COMMAND_NOT_SUPPORTED', 'only the SOCKS command CONNECT is offered')
}

function bad(message: string): GatewayError {
  return new GatewayError('GW_BAD_REQUEST', message)
}
