/**
 * The client's side of SOCKS5 (RFC 1928) with user name and password (RFC 1929), without sockets: octets in, octets out.
 *
 *   greeting() ──▶ method ──▶ (login) ──▶ ready ──request()──▶ reply ──▶ opened
 *                     └──────────┴───────────────────────────────┴──▶ login, refused, garbage
 *
 * It keeps incomplete messages: the result does not depend on how the octets were split.
 */
import { isIPv4, isIPv6 } from 'node:net'
import type { Address } from '../address.ts'
import type { Secret } from '../secret.ts'
import { NO_LOGIN, NO_METHOD, USER_PASSWORD } from './server.ts'

const VERSION = 0x05
const LOGIN_VERSION = 0x01
const COMMAND_CONNECT = 0x01
const SUCCEEDED = 0x00
const IPV4 = 0x01
const DOMAIN = 0x03
const IPV6 = 0x04
/** One octet contains the length of a name, a user name and a password. */
const MAX_COUNTED = 255
/** VER, REP, RSV, ATYP before the address, two octets of port after it. */
const REPLY_START = 4
const PORT_SIZE = 2

interface SocksLogin {
  readonly username: string
  readonly password: Secret | undefined
}

/** The meaning of the next complete message of the upstream. */
export type SocksStep =
  /** These octets are to be sent. */
  | { readonly kind: 'send'; readonly octets: Buffer }
  /** The upstream is ready for the request. */
  | { readonly kind: 'ready' }
  /** @property early the octets after the reply: the target's first octets, a view */
  | { readonly kind: 'opened'; readonly early: Buffer | undefined }
  /** @property reply REP (RFC 1928 section 6) */
  | { readonly kind: 'refused'; readonly reply: number }
  /** The login is refused, missing, or too long for the protocol. */
  | { readonly kind: 'login' }
  | { readonly kind: 'garbage' }

const GARBAGE: SocksStep = { kind: 'garbage' }
const LOGIN: SocksStep = { kind: 'login' }
const READY: SocksStep = { kind: 'ready' }

export class SocksClient {
  readonly #login: SocksLogin | undefined
  #awaits: 'method' | 'login' | 'request' | 'reply' | 'nothing' = 'method'
  #unread: Buffer = Buffer.alloc(0)

  constructor(login: SocksLogin | undefined) {
    this.#login = login
  }

  /** RFC 1928 section 3: the first message. "No authentication" is always offered, as curl does: many upstreams identify us by address. */
  greeting(): Buffer {
    return this.#login === undefined
      ? Buffer.from([VERSION, 1, NO_LOGIN])
      : Buffer.from([VERSION, 2, NO_LOGIN, USER_PASSWORD])
  }

  /** RFC 1928 section 4: sent when the upstream is ready. */
  request(target: Address): Buffer {
    this.#awaits = 'reply'
    return Buffer.concat([
      Buffer.from([VERSION, COMMAND_CONNECT, 0]),
      addressOctets(target.host),
      portOctets(target.port),
    ])
  }

  /** Whether octets have arrived without a request for them. */
  get hasUnread(): boolean {
    return this.#unread.length > 0
  }

  /** Adds octets, to be read with `next`. @param piece may be overwritten afterwards: unread octets are copied */
  receive(piece: Buffer): void {
    this.#unread = this.#unread.length === 0 ? piece : Buffer.concat([this.#unread, piece])
  }

  /** @returns undefined while the next message is incomplete, or none is expected */
  next(): SocksStep | undefined {
    const step = this.#read(this.#unread)
    if (step === undefined) this.#unread = Buffer.from(this.#unread)
    return step
  }

  #read(octets: Buffer): SocksStep | undefined {
    switch (this.#awaits) {
      case 'method':
        return this.#readMethod(octets)
      case 'login':
        return this.#readLogin(octets)
      case 'reply':
        return this.#readReply(octets)
      default:
        return undefined
    }
  }

  #readMethod([version, method]: Buffer): SocksStep | undefined {
    if (version !== undefined && version !== VERSION) return this.#end(GARBAGE)
    if (method === undefined) return undefined
    this.#take(2)
    if (method === NO_LOGIN) return this.#ready()
    // Any other choice means that it requires a login that was not offered: NO_METHOD.
    const message = method === NO_METHOD || method !== USER_PASSWORD ? undefined : loginMessage(this.#login)
    if (message === undefined) return this.#end(LOGIN)
    this.#awaits = 'login'
    return { kind: 'send', octets: message }
  }

  /** RFC 1929 section 2. Some servers send the version of SOCKS in place of the login's version. */
  #readLogin([version, status]: Buffer): SocksStep | undefined {
    if (version !== undefined && version !== LOGIN_VERSION && version !== VERSION) return this.#end(GARBAGE)
    if (status === undefined) return undefined
    this.#take(2)
    return status === SUCCEEDED ? this.#ready() : this.#end(LOGIN)
  }

  #ready(): SocksStep {
    this.#awaits = 'request'
    return READY
  }

  /** RFC 1928 section 6. A refusal is recognised by its first octets: some servers send no address after it. */
  #readReply(octets: Buffer): SocksStep | undefined {
    const [version, reply, , type] = octets
    if (version !== undefined && version !== VERSION) return this.#end(GARBAGE)
    if (reply !== undefined && reply !== SUCCEEDED) return this.#end({ kind: 'refused', reply })
    if (type === undefined) return undefined
    if (type !== IPV4 && type !== DOMAIN && type !== IPV6) return this.#end(GARBAGE)
    const first = octets[REPLY_START]
    if (first === undefined) return undefined
    const addressSize = type === IPV4 ? 4 : type === IPV6 ? 16 : 1 + first
    const size = REPLY_START + addressSize + PORT_SIZE
    if (octets.length < size) return undefined
    this.#take(size)
    const early = this.#unread.length === 0 ? undefined : this.#unread
    return this.#end({ kind: 'opened', early })
  }

  #take(size: number): void {
    this.#unread = this.#unread.subarray(size)
  }

  #end(step: SocksStep): SocksStep {
    this.#awaits = 'nothing'
    this.#unread = Buffer.alloc(0)
    return step
  }
}

/** @returns undefined for a login that is too long for RFC 1929 */
function loginMessage(login: SocksLogin | undefined): Buffer | undefined {
  if (login === undefined) return undefined
  const username = Buffer.from(login.username)
  const password = Buffer.from(login.password?.reveal() ?? '')
  if (username.length > MAX_COUNTED || password.length > MAX_COUNTED) return undefined
  return Buffer.concat([
    Buffer.from([LOGIN_VERSION, username.length]),
    username,
    Buffer.from([password.length]),
    password,
  ])
}

/** ATYP and DST.ADDR. @param host at most 255 octets (`isHostName`), resolved by the upstream when it is a name */
function addressOctets(host: string): Buffer {
  if (isIPv4(host)) return Buffer.from([IPV4, ...host.split('.').map(Number)])
  if (isIPv6(host)) return Buffer.concat([Buffer.from([IPV6]), ipv6Octets(host)])
  const name = Buffer.from(host)
  return Buffer.concat([Buffer.from([DOMAIN, name.length]), name])
}

/** The WHATWG URL parser accepts every form of an IPv6 address and writes one: groups in hex, at most one `::`. */
function ipv6Octets(address: string): Buffer {
  const [before = '', after] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const groupsOf = (text: string) => text.split(':').filter((group) => group !== '')
  const [head, tail] = [groupsOf(before), groupsOf(after ?? '')]
  const zeros = Array<string>(8 - head.length - tail.length).fill('0')
  return Buffer.from([...head, ...zeros, ...tail].map((group) => group.padStart(4, '0')).join(''), 'hex')
}

function portOctets(port: number): Buffer {
  return Buffer.from([port >> 8, port & 0xff])
}
