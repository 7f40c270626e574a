/**
 * The handshake of a client connection: from the first octet to a request, in whatever protocol the client speaks.
 *
 *   sniff ──'CONNECT '──▶ connect ──────────────────┐
 *     │ ──0x05──▶ greeting ──▶ (login) ──▶ socks5 ──┤──▶ requested
 *     │ ──0x04──▶ socks4 ───────────────────────────┘
 *     └──else──▶ handOver: plain HTTP, somebody else reads on
 *
 * Whatever is wrong with it is answered in the client's own protocol.
 */

import { type Target, toTarget } from '../address.ts'
import { GatewayError } from '../errors.ts'
import { beginsWithConnect, type ConnectHead, parseConnect } from '../http1/connect-head.ts'
import { Accumulator, type Field, headEnd } from '../http1/head.ts'
import {
  NO_LOGIN,
  NO_METHOD,
  parseGreeting,
  parseLogin,
  parseSocks4,
  parseSocks5Request,
  USER_PASSWORD,
} from '../socks/server.ts'
import type { GenerationalCache } from '../structures/generational-cache.ts'
import { TimeoutEntry, type TimeoutQueue } from '../structures/timeout-queue.ts'
import type { ClientIdentity } from './client-request.ts'
import type { DateField } from './date-field.ts'
import { httpErrorBytes, isChallenge, socks4Failure, socks5Failure } from './error-reply.ts'
import { type Access, anonymous } from './proxy-auth.ts'
import { headerOptions } from './username-options.ts'

/** What a handshake needs of the listener. */
export interface ClientHandshakeHost {
  readonly access: Access
  /** CONNECT heads that were read and found good lately, as text. */
  readonly connects: GenerationalCache<{ readonly head: ConnectHead; readonly identity: ClientIdentity }>
  readonly maxHeaderBytes: number
  readonly date: DateField
  readonly handshakes: TimeoutQueue
  /** Set while the listener refuses newcomers: they hear it in their own protocol. */
  readonly refusal: GatewayError | undefined
  /** A request that was refused before it became a tunnel. */
  refused(error: GatewayError, protocol: ClientHandshake['protocol']): void
}

type State = 'sniff' | 'connect' | 'greeting' | 'login' | 'socks5' | 'socks4' | 'over'

export abstract class ClientHandshake extends TimeoutEntry {
  protocol: 'connect' | 'socks5' | 'socks4' = 'connect'
  identity: ClientIdentity = anonymous
  target: Target = NOWHERE
  readonly #host: ClientHandshakeHost
  #state: State = 'sniff'
  #received: Accumulator | undefined
  /** How many octets of the message that is coming hold no end of a head. */
  #searched = 0
  /** An option that cannot be served: told in answer to the request, after a right login. */
  #deferred: GatewayError | undefined

  constructor(host: ClientHandshakeHost) {
    super()
    this.#host = host
    host.handshakes.add(this)
  }

  abstract get clientAddress(): string
  /** `protocol`, `identity` and `target` are set. @param early octets that came behind the request */
  protected abstract requested(early: Buffer): void
  /** The client speaks plain HTTP. @param first all that it has said so far */
  protected abstract handOver(first: Buffer): void
  /** A CONNECT without a login was refused: the next request on this connection may bring one. */
  protected abstract challenge(error: GatewayError): void
  /** Something on the way to the request. */
  protected abstract write(answer: Buffer): void
  /** The last that this client hears. */
  protected abstract writeFinal(answer: Buffer): void
  /** Tells the client why not, once. */
  abstract refuse(error: GatewayError): void

  /** Octets from the client, as long as the handshake is not over. */
  protected read(chunk: Buffer): void {
    let bytes = chunk
    if (this.#received !== undefined) {
      this.#received.push(chunk)
      bytes = this.#received.bytes
    }
    try {
      const used = this.#advance(bytes)
      this.#keep(bytes, used)
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      this.#host.refused(error, this.protocol)
      this.refuse(error)
    }
  }

  /** The connection has been something else before; what comes now begins with a CONNECT. */
  protected readConnect(): void {
    this.#state = 'connect'
    this.#searched = 0
  }

  protected endHandshake(): void {
    this.#state = 'over'
    this.#received = undefined
    this.timeoutQueue?.remove(this)
  }

  /** Nothing has come from this client yet. */
  protected get isMute(): boolean {
    return this.#state === 'sniff' && this.#received === undefined
  }

  /** The error as the client's protocol says it at this point. */
  protected inItsWords(error: GatewayError): Buffer {
    if (this.protocol === 'connect') return httpErrorBytes(error, this.#host.date.line)
    if (this.protocol === 'socks4') return socks4Failure()
    if (this.#state === 'greeting') return CHOSE_NONE
    return this.#state === 'login' ? LOGIN_REFUSED : socks5Failure(error)
  }

  /** Keeps what no state has used yet for the next chunk. */
  #keep(bytes: Buffer, used: number): void {
    if (this.#state === 'over' || used === bytes.length) {
      this.#received = undefined
      return
    }
    this.#mustFit(bytes.length - used)
    if (this.#received !== undefined && used === 0) return
    const rest = new Accumulator()
    rest.push(bytes.subarray(used))
    this.#received = rest
  }

  #mustFit(size: number): void {
    const { maxHeaderBytes } = this.#host
    if (size <= maxHeaderBytes) return
    throw new GatewayError('GW_HEADER_TOO_LARGE', `the request header is longer than ${maxHeaderBytes} octets`)
  }

  /** Runs through as many states as the octets allow. @returns how many octets were used */
  #advance(bytes: Buffer): number {
    let used = 0
    for (;;) {
      const before = this.#state
      used += this.#step(behind(bytes, used))
      if (this.#state === before || this.#state === 'over') return used
    }
  }

  #step(bytes: Buffer): number {
    switch (this.#state) {
      case 'sniff':
        return this.#sniff(bytes)
      case 'connect':
        return this.#connect(bytes)
      case 'greeting':
        return this.#greeting(bytes)
      case 'login':
        return this.#login(bytes)
      case 'socks5':
        return this.#socks5(bytes)
      case 'socks4':
        return this.#socks4(bytes)
      default:
        return 0
    }
  }

  #sniff(bytes: Buffer): number {
    if (bytes.length === 0) return 0
    if (bytes[0] === 0x05) {
      this.protocol = 'socks5'
      this.#state = 'greeting'
      return 0
    }
    if (bytes[0] === 0x04) {
      this.protocol = 'socks4'
      this.#state = 'socks4'
      return 0
    }
    const isConnect = beginsWithConnect(bytes)
    if (isConnect === true) this.#state = 'connect'
    else if (isConnect === false) this.#isPlain(bytes)
    return 0
  }

  #isPlain(bytes: Buffer): void {
    this.#admit()
    this.endHandshake()
    this.handOver(bytes)
  }

  /** Refuses clients that may not be here before anything is done for them. @throws {GatewayError} */
  #admit(): void {
    const { refusal } = this.#host
    if (refusal !== undefined) throw refusal
    if (this.#host.access.checksAddress) this.#host.access.checkAddress(this.clientAddress)
  }

  #connect(bytes: Buffer): number {
    const end = headEnd(bytes, this.#searched - 3)
    if (end === -1) {
      this.#searched = bytes.length
      return 0
    }
    this.#mustFit(end)
    const text = bytes.toString('latin1', 0, end)
    const known = this.#host.connects.get(text)
    const head = known?.head ?? parseConnect(text)
    this.#admit()
    const identity = known?.identity ?? this.#identifyOrChallenge(head, bytes.length === end)
    if (identity === undefined) return end
    if (known === undefined) this.#host.connects.set(text, { head, identity })
    this.#request(head, identity, behind(bytes, end))
    return end
  }

  /**
   * @param isAlone nothing has come behind the head. What comes there may be the first octets for the target, sent early: such
   *   a connection ends with its refusal.
   * @returns undefined: the client was told to log in
   */
  #identifyOrChallenge(head: ConnectHead, isAlone: boolean): ClientIdentity | undefined {
    try {
      return this.#identify(head.fields)
    } catch (error) {
      if (!(error instanceof GatewayError && isChallenge(error)) || !isAlone || !head.isPersistent) throw error
      this.#host.refused(error, this.protocol)
      this.endHandshake()
      this.challenge(error)
      return undefined
    }
  }

  /** @throws {GatewayError} as Access.identify, and for options that cannot be */
  #identify(fields: readonly Field[]): ClientIdentity {
    return withHeaderOptions(this.#host.access.identify(authorizationOf(fields), this), fields)
  }

  #greeting(bytes: Buffer): number {
    const methods = parseGreeting(bytes)
    if (methods === undefined) return 0
    this.#admit()
    const { demandsLogin } = this.#host.access
    if (methods.value.includes(USER_PASSWORD)) this.#choose(CHOSE_LOGIN, 'login')
    else if (!demandsLogin && methods.value.includes(NO_LOGIN)) this.#choose(CHOSE_NO_LOGIN, 'socks5')
    else {
      const message = demandsLogin
        ? 'this listener demands a login'
        : 'the client offers no SOCKS login method that is spoken here'
      this.#host.refused(new GatewayError('GW_LOGIN_REQUIRED', message), this.protocol)
      this.writeFinal(CHOSE_NONE)
    }
    return methods.size
  }

  #choose(answer: Buffer, next: State): void {
    this.write(answer)
    this.#state = next
  }

  #login(bytes: Buffer): number {
    const login = parseLogin(bytes)
    if (login === undefined) return 0
    try {
      this.identity = this.#host.access.login(login.value.userName, login.value.password, this)
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      if (error.code === 'GW_LOGIN_REQUIRED') {
        this.#host.refused(error, this.protocol)
        this.refuse(error)
        return login.size
      }
      this.#deferred = error
    }
    this.#choose(LOGIN_ACCEPTED, 'socks5')
    return login.size
  }

  #socks5(bytes: Buffer): number {
    const request = parseSocks5Request(bytes)
    if (request === undefined) return 0
    if (this.#deferred !== undefined) throw this.#deferred
    this.#request(toTarget(request.value), this.identity, behind(bytes, request.size))
    return request.size
  }

  #socks4(bytes: Buffer): number {
    const request = parseSocks4(bytes)
    if (request === undefined) return 0
    this.#admit()
    const identity = this.#host.access.userId(request.value.userId)
    this.#request(toTarget(request.value), identity, behind(bytes, request.size))
    return request.size
  }

  #request(target: Target, identity: ClientIdentity, early: Buffer): void {
    this.target = target
    this.identity = identity
    this.endHandshake()
    this.requested(early)
  }
}

const NOWHERE: Target = { host: '', port: 0, authority: '' }
const NOTHING = Buffer.alloc(0)

/** RFC 1928 section 3 and RFC 1929 section 2: the answers before the request, made once. */
const CHOSE_NO_LOGIN = Buffer.from([0x05, NO_LOGIN])
const CHOSE_LOGIN = Buffer.from([0x05, USER_PASSWORD])
const CHOSE_NONE = Buffer.from([0x05, NO_METHOD])
const LOGIN_ACCEPTED = Buffer.from([0x01, 0x00])
const LOGIN_REFUSED = Buffer.from([0x01, 0x01])

/** What is left behind the first octets; most often nothing or all, for which no view is made. */
function behind(bytes: Buffer, used: number): Buffer {
  if (used === 0) return bytes
  return used === bytes.length ? NOTHING : bytes.subarray(used)
}

function authorizationOf(fields: readonly Field[]): string | undefined {
  return fields.find((field) => field.name === 'proxy-authorization')?.value
}

/** The identity is shared by all requests with one login: options of a single request make a new one. */
export function withHeaderOptions(
  identity: ClientIdentity,
  fields: readonly Field[],
  acceptsOwn = true,
): ClientIdentity {
  const options = headerOptions(fields, identity.options, acceptsOwn)
  return options === identity.options ? identity : { ...identity, options }
}
