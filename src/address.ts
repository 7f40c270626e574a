/** Host and port as clients write them, and the IP arithmetic the gateway needs. */
import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net'
import { parseDecimal } from './decimal.ts'

export interface Address {
  /** Host name (as written), IPv4, or IPv6 without brackets. */
  readonly host: string
  readonly port: number
}

/** What a client wants to reach. */
export interface Target extends Address {
  /** Both as in CONNECT: `host:port`, with brackets around IPv6. */
  readonly authority: string
}

/** RFC 3986 reg-name without percent-encoding, plus `_`, which real host names carry. */
const HOST_NAME = /^(?!-)[A-Za-z0-9_-](?:[A-Za-z0-9_.-]{0,253}[A-Za-z0-9_.-])?$/

/** The last label is a number, as resolvers and the WHATWG URL standard ("ends in a number") take it. */
const ENDS_IN_NUMBER = /(?:^|\.)(?:\d+|0x[\da-f]*)\.?$/i

/**
 * A name that may stand in a CONNECT target or a SOCKS domain: never resolved here, passed on as it is. One that ends in a
 * number is an IPv4 address in one of its spellings, or nothing: no top-level domain is a number (1.2.3.256, 08.1, a.b.1).
 */
export function isHostName(text: string): boolean {
  if (!HOST_NAME.test(text)) return false
  return !ENDS_IN_NUMBER.test(text) || isIPv4(text) || URL.canParse(`http://${text}/`)
}

/** Decimal port 1-65535 without sign, spaces or more than five digits; else undefined. */
export function parsePort(text: string): number | undefined {
  const port = parseDecimal(text, 5)
  return port !== undefined && port >= 1 && port <= 65_535 ? port : undefined
}

/**
 * Splits an authority (RFC 3986 section 3.2, without user info).
 * @param defaultPort used when the authority has none; without it a missing port is an error
 * @returns undefined when it is not `name:port`, `ipv4:port` or `[ipv6]:port`
 */
export function parseAuthority(authority: string, defaultPort?: number): Address | undefined {
  if (authority.startsWith('[')) return parseBracketed(authority, defaultPort)
  const colon = authority.lastIndexOf(':')
  const host = colon === -1 ? authority : authority.slice(0, colon)
  const port = colon === -1 ? defaultPort : portBehind(authority.slice(colon + 1), defaultPort)
  return port !== undefined && isHostName(host) ? { host, port } : undefined
}

function parseBracketed(authority: string, defaultPort: number | undefined): Address | undefined {
  const close = authority.indexOf(']')
  const host = authority.slice(1, close)
  if (close === -1 || !isIPv6(host) || host.includes('%')) return undefined
  const rest = authority.slice(close + 1)
  const port = rest === '' ? defaultPort : rest.startsWith(':') ? portBehind(rest.slice(1), defaultPort) : undefined
  return port === undefined ? undefined : { host, port }
}

/** RFC 3986 section 6.2.3: a colon without a port says the same as none. */
function portBehind(text: string, defaultPort: number | undefined): number | undefined {
  return text === '' ? defaultPort : parsePort(text)
}

/** The host of a target for comparison; a fully qualified name may have a final dot (RFC 1034 section 3.1). */
export function hostKey(host: string): string {
  const lower = host.toLowerCase()
  return lower.endsWith('.') ? lower.slice(0, -1) : lower
}

/** `host:port`, with brackets around IPv6. */
export function formatAuthority(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** The address as a target. */
export function toTarget({ host, port }: Address): Target {
  return { host, port, authority: formatAuthority(host, port) }
}

/** An IPv4 address hidden in IPv6 (`::ffff:1.2.3.4`) as plain IPv4; anything else unchanged. */
export function unmapIPv4(ip: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)
  return mapped?.[1] ?? ip
}

/**
 * What counts as one client address: an IPv4 address, or the /64 block of an IPv6 address, because one host may use any
 * address of its block (RFC 4291 section 2.5.4, RFC 8981).
 * @param ip an IP address without brackets, IPv4 unmapped
 */
export function clientNetwork(ip: string): string {
  if (!isIPv6(ip)) return ip
  const [text = ''] = ip.split('%')
  const [head = '', tail] = text.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  // An embedded IPv4 address stands for two groups, but never among the first four.
  const width = before.length + after.length + (text.includes('.') ? 1 : 0)
  const groups = tail === undefined ? before : [...before, ...Array<string>(8 - width).fill('0'), ...after]
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}

/**
 * An allow-list of CIDR blocks or single addresses. IPv4-mapped IPv6 clients match IPv4 entries.
 * @throws {RangeError} when an entry is not an IP address or block
 */
export function addressMatcher(entries: readonly string[]): (ip: string) => boolean {
  const list = new BlockList()
  for (const entry of entries) {
    const [ip = '', bits, ...rest] = entry.split('/')
    const family = isIPv4(ip) ? 'ipv4' : 'ipv6'
    // A width that is no number would count as 0, which lets everybody in.
    const isWidth = bits === undefined || /^\d{1,3}$/.test(bits)
    if (isIP(ip) === 0 || !isWidth || rest.length > 0)
      throw new RangeError(`${entry} is not an IP address or CIDR block`)
    if (bits === undefined) list.addAddress(ip, family)
    else list.addSubnet(ip, Number(bits), family)
  }
  return (ip) => {
    const plain = unmapIPv4(ip)
    return list.check(plain, isIPv4(plain) ? 'ipv4' : 'ipv6')
  }
}

const THIS_MACHINE = addressMatcher(['127.0.0.0/8', '0.0.0.0', '::1', '::'])

/** True for addresses and names that mean this machine without asking a resolver. */
export function isThisMachine(host: string): boolean {
  if (/^(.+\.)?localhost\.?$/i.test(host)) return true
  const ip = isIP(host) === 0 ? numericIPv4(host) : host
  return ip !== undefined && THIS_MACHINE(ip)
}

/** Whether a server that listens on this IP address listens on all addresses of the machine. */
export function isEveryAddress(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

/** Whether only this machine can reach a server that listens on `host`. */
export function isLoopback(host: string): boolean {
  const plain = unmapIPv4(host)
  return isThisMachine(plain) && !isEveryAddress(plain)
}

/** Where this machine connects to a server that listens on `host`: loopback if it listens on every address. */
export function reachableHost(host: string): string {
  if (!isEveryAddress(host)) return host
  return host === '::' ? '::1' : '127.0.0.1'
}

/** The address that resolvers see in `127.1`, `0x7f000001` or `127.0.0.1.`: the WHATWG URL parser knows the old forms. */
function numericIPv4(name: string): string | undefined {
  const host = URL.parse(`http://${name}/`)?.hostname ?? ''
  return isIPv4(host) ? host : undefined
}
