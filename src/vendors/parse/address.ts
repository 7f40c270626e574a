/** Parses one address in every format that vendors and users write. */

import { isIP } from 'node:net'
import { parseAuthority } from '../../address.ts'
import { given } from '../../given.ts'
import { Secret } from '../../secret.ts'
import type { UpstreamProtocol } from '../contract/delivery.ts'
import { shapeOf } from './reply.ts'

/** Where to connect and how to log in, as far as the text has it. Members fit `ProxyRecord`. */
export interface Endpoint {
  /** Host name, IPv4, or IPv6 without brackets. */
  readonly host: string
  readonly port: number
  readonly protocol?: UpstreamProtocol
  readonly username?: string
  readonly password?: Secret
}

export interface EndpointOptions {
  /** Accept one-word host names (`proxy:3128`) too. Only for texts of the user: in a vendor's text, `error:404` looks the same. */
  readonly bareNames?: boolean
}

/** The names of protocols, as schemes and in words. */
export const PROTOCOLS: ReadonlyMap<string, UpstreamProtocol> = new Map([
  ['http', 'http'],
  ['https', 'https'],
  ['socks', 'socks5'],
  ['socks5', 'socks5'],
  ['socks5h', 'socks5'],
])

/** No address with login and scheme is longer. */
const MAX_CHARACTERS = 2_048

/**
 * Reads one address: `host:port`, `host:port:user:pass`, `user:pass@host:port`, `user:pass:host:port`, or one of them after
 * `http://`, `https://`, `socks5://`. IPv6 stands in brackets. User info after a scheme may be percent-encoded, elsewhere it
 * is taken literally. Where two forms fit, the first in this list counts, but an IP address in front beats an `@`, which may
 * be part of a password, and an `@` beats a name in front.
 * @returns undefined for everything else
 */
export function parseEndpoint(text: string, options: EndpointOptions = {}): Endpoint | undefined {
  const { front, behindAt, back } = formsOf(text, options)
  return front !== undefined && isIP(front.host) !== 0 ? front : (behindAt ?? front ?? back)
}

/** The address in a text, or why it has none; `shapeOf` shows none of its letters. */
export type Reading = { readonly endpoint: Endpoint } | { readonly reason: string }

/**
 * Parses an address in an undocumented format. An ambiguous text is not an address: a login that is sent to the wrong host is
 * revealed. An IP address has priority over a name, because user names may look like names.
 * @param beside a host that the reply contains beside the text: it has priority over every other, and `user:pass` alone belongs to it
 */
export function readEndpoint(text: string, beside?: Endpoint): Reading {
  const { front, behindAt, back } = formsOf(text, {})
  const rankOf = ({ host }: Endpoint) => (host === beside?.host ? BESIDE : isIP(host) === 0 ? NAME : LITERAL)
  const ranked: (readonly [Endpoint | undefined, number])[] = [
    ...[front, back].map((endpoint) => [endpoint, endpoint === undefined ? 0 : rankOf(endpoint)] as const),
    [behindAt, BEHIND_AT],
    [front !== undefined && isIP(front.host) !== 0 ? undefined : loginOf(text, beside), NAME],
  ]
  const found = ranked.filter(([endpoint]) => endpoint !== undefined)
  const best = Math.max(...found.map(([, rank]) => rank))
  const [first, ...others] = found.filter(([, rank]) => rank === best).map(([endpoint]) => endpoint)
  if (first === undefined) return { reason: notAnAddress(text) }
  if (others.length > 0) return { reason: `could be read as two different addresses: ${shapeOf(text)}` }
  const protocol = best === BESIDE ? beside?.protocol : undefined
  return { endpoint: { ...first, ...given({ protocol }) } }
}

const NAME = 1
const BEHIND_AT = 2
const LITERAL = 3
const BESIDE = 4

export const notAnAddress = (text: string): string => `not an address: ${shapeOf(text)}`

/** All possible meanings of a text by its form. */
interface Forms {
  /** `host:port`, `host:port:user:pass` */
  readonly front?: Endpoint | undefined
  /** `user:pass@host:port`, `user@host:port` */
  readonly behindAt?: Endpoint | undefined
  /** `user:pass:host:port` */
  readonly back?: Endpoint | undefined
}

function formsOf(text: string, options: EndpointOptions): Forms {
  if (text.length > MAX_CHARACTERS || /\s/.test(text)) return {}
  const end = text.indexOf('://')
  const scheme = end === -1 ? undefined : text.slice(0, end)
  if (scheme === undefined || !/^[a-z][a-z0-9]*$/i.test(scheme)) return bareForms(text, options, (login) => login)
  const protocol = PROTOCOLS.get(scheme.toLowerCase())
  const rest = text.slice(end + 3)
  const address = rest.endsWith('/') ? rest.slice(0, -1) : rest
  if (protocol === undefined || address.includes('/')) return {}
  const forms = Object.entries(bareForms(address, options, percentDecoded))
  return Object.fromEntries(forms.map(([name, endpoint]) => [name, endpoint && { ...endpoint, protocol }]))
}

function bareForms(text: string, options: EndpointOptions, decode: (login: string) => string): Forms {
  const isHost = (host: string) => options.bareNames === true || host.includes('.')
  const checked = (endpoint: Endpoint | undefined, isNameGood: (host: string) => boolean) =>
    endpoint !== undefined && (isIP(endpoint.host) !== 0 || isNameGood(endpoint.host)) ? endpoint : undefined
  return {
    front: checked(addressInFront(text), isHost),
    behindAt: checked(addressBehindAt(text, decode), isHost),
    // A word before a number is the end of a login, not a host.
    back: checked(addressAtEnd(text), (host) => host.includes('.')),
  }
}

/** Splits `host:port` and `host:port:rest`; the host may be in brackets. */
function cutAddress(text: string): { readonly authority: string; readonly rest: string | undefined } {
  const hostEnd = text.indexOf(':', text.startsWith('[') ? text.indexOf(']') : 0)
  const portEnd = hostEnd === -1 ? -1 : text.indexOf(':', hostEnd + 1)
  return portEnd === -1
    ? { authority: text, rest: undefined }
    : { authority: text.slice(0, portEnd), rest: text.slice(portEnd + 1) }
}

function addressInFront(text: string): Endpoint | undefined {
  const { authority, rest } = cutAddress(text)
  const address = parseAuthority(authority)
  if (rest === undefined || address === undefined) return address
  const colon = rest.indexOf(':')
  if (colon < 1 || colon === rest.length - 1) return undefined
  return { ...address, username: rest.slice(0, colon), password: new Secret(rest.slice(colon + 1)) }
}

/** The last @ counts: passwords may contain one, hosts may not. */
function addressBehindAt(text: string, decode: (login: string) => string): Endpoint | undefined {
  const at = text.lastIndexOf('@')
  const address = at < 1 ? undefined : parseAuthority(text.slice(at + 1))
  if (address === undefined) return undefined
  const login = text.slice(0, at)
  const colon = login.indexOf(':')
  if (colon === 0) return undefined
  if (colon === -1) return { ...address, username: decode(login) }
  return {
    ...address,
    username: decode(login.slice(0, colon)),
    password: new Secret(decode(login.slice(colon + 1))),
  }
}

function addressAtEnd(text: string): Endpoint | undefined {
  const { username, password, authority } = splitLoginInFront(text) ?? {}
  const address = authority === undefined ? undefined : parseAuthority(authority)
  if (address === undefined || username === undefined || password === undefined) return undefined
  // A fragment of JSON or of a page is not a login.
  return /["<>{}/]/.test(username) ? undefined : { ...address, username, password: new Secret(password) }
}

/**
 * Splits `user:pass:host:port` at its first colon and before its last two, except those within `[...]`: a password may contain
 * colons. Login and address are not checked.
 */
export function splitLoginInFront(
  text: string,
): { readonly username: string; readonly password: string; readonly authority: string } | undefined {
  const port = text.lastIndexOf(':')
  const bracket = text[port - 1] === ']' ? text.lastIndexOf('[', port) : port
  const host = text.lastIndexOf(':', bracket - 1)
  const colon = text.indexOf(':')
  if (colon < 1 || host <= colon + 1) return undefined
  return { username: text.slice(0, colon), password: text.slice(colon + 1, host), authority: text.slice(host + 1) }
}

function loginOf(text: string, beside: Endpoint | undefined): Endpoint | undefined {
  const colon = text.indexOf(':')
  if (beside === undefined || colon < 1 || colon === text.length - 1) return undefined
  if (text.includes(':', colon + 1) || /\s/.test(text)) return undefined
  return { ...beside, username: text.slice(0, colon), password: new Secret(text.slice(colon + 1)) }
}

/** Decodes the user info of a URL. */
export function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // a literal % that was not encoded
  }
}
