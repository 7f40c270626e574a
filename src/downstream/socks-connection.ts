/**
 * A client that speaks SOCKS, from its first octet to its request.
 *
 *   0x05 ──▶ greeting ──▶ (login) ──▶ socks5 ──┐
 *   0x04 ──▶ socks4 ───────────────────────────┴──▶ Connection.requestTunnel
 */
import { toTarget } from '../address.ts'
import { GatewayError } from '../errors.ts'
import { internalFailure } from '../internal-errors.ts'
import {
  NO_LOGIN,
  NO_METHOD,
  parseGreeting,
  parseLogin,
  parseSocks4,
  parseSocks5Request,
  USER_PASSWORD,
} from '../socks/server.ts'
import { Accumulator } from '../structures/accumulator.ts'
import { type ClientPort, handshakeTimeout } from './client-port.ts'
import type { ClientIdentity } from './client-request.ts'
import type { ClientReader, Connection } from './connection.ts'
import { socks4Failure, socks5Failure } from './error-reply.ts'
import { anonymous } from './proxy-auth.ts'

type State = 'greeting' | 'login' | 'socks5' | 'socks4' | 'over'

export class SocksConnection implements ClientReader {
  readonly #connection: Connection
  readonly #port: ClientPort
  readonly #protocol: 'socks5' | 'socks4'
  #state: State
  #received: Accumulator | undefined
  #identity: ClientIdentity = anonymous
  /** An option that cannot be served: reported in the answer to the request, after a correct login. */
  #deferred: GatewayError | undefined

  /** @param version the first octet */
  constructor(connection: Connection, port: ClientPort, version: 4 | 5) {
    this.#connection = connection
    this.#port = port
    this.#protocol = version === 5 ? 'socks5' : 'socks4'
    this.#state = version === 5 ? 'greeting' : 'socks4'
  }

  data(chunk: Buffer): void {
    let bytes = chunk
    if (this.#received !== undefined) {
      this.#received.push(chunk)
      bytes = this.#received.bytes
    }
    try {
      this.#keep(bytes, this.#advance(bytes))
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      this.#refuse(error)
    }
  }

  /** Keeps what no state has used yet for the next chunk. */
  #keep(bytes: Buffer, used: number): void {
    if (this.#state === 'over' || used === bytes.length) {
      this.#received = undefined
      return
    }
    const { maxHeaderBytes } = this.#port.settings
    if (bytes.length - used > maxHeaderBytes)
      throw new GatewayError('GW_HEADER_TOO_LARGE', `the request header is longer than ${maxHeaderBytes} octets`)
    if (this.#received !== undefined && used === 0) return
    this.#received = new Accumulator()
    this.#received.push(bytes.subarray(used))
  }

  /** Runs through as many states as the octets allow. @returns how many octets were used */
  #advance(bytes: Buffer): number {
    let used = 0
    for (;;) {
      const before = this.#state
      used += this.#step(used === 0 ? bytes : bytes.subarray(used))
      if (this.#state === before || this.#state === 'over') return used
    }
  }

  #step(bytes: Buffer): number {
    switch (this.#state) {
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

  #greeting(bytes: Buffer): number {
    const methods = parseGreeting(bytes)
    if (methods === undefined) return 0
    this.#port.admit(this.#connection)
    const { demandsLogin } = this.#port.access
    if (methods.value.includes(USER_PASSWORD)) this.#choose(CHOSE_LOGIN, 'login')
    else if (!demandsLogin && methods.value.includes(NO_LOGIN)) this.#choose(CHOSE_NO_LOGIN, 'socks5')
    else {
      const message = demandsLogin
        ? 'this listener demands a login'
        : 'the client offers no SOCKS login method that is spoken here'
      throw new GatewayError('GW_LOGIN_REQUIRED', message)
    }
    return methods.size
  }

  #choose(answer: Buffer, next: State): void {
    this.#connection.socket.write(answer)
    this.#state = next
  }

  #login(bytes: Buffer): number {
    const login = parseLogin(bytes)
    if (login === undefined) return 0
    try {
      this.#identity = this.#port.access.login(login.value.userName, login.value.password, this.#connection)
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code === 'GW_LOGIN_REQUIRED') throw error
      this.#deferred = error
    }
    this.#choose(LOGIN_ACCEPTED, 'socks5')
    return login.size
  }

  #socks5(bytes: Buffer): number {
    const request = parseSocks5Request(bytes)
    if (request === undefined) return 0
    if (this.#deferred !== undefined) throw this.#deferred
    return this.#request(request, this.#identity, bytes)
  }

  #socks4(bytes: Buffer): number {
    const request = parseSocks4(bytes)
    if (request === undefined) return 0
    this.#port.admit(this.#connection)
    return this.#request(request, this.#port.access.userId(request.value.userId), bytes)
  }

  #request(
    { value, size }: { readonly value: { readonly host: string; readonly port: number }; readonly size: number },
    identity: ClientIdentity,
    bytes: Buffer,
  ): number {
    this.#state = 'over'
    const early = size === bytes.length ? undefined : bytes.subarray(size)
    this.#connection.requestTunnel(this.#protocol, toTarget(value), identity, early)
    return size
  }

  #refuse(error: GatewayError): void {
    this.#port.handler.observer.handshakeRefused(error, this.#protocol, this.#connection)
    const answer = this.#failureReply(error)
    this.#state = 'over'
    this.#connection.rejectWith(answer, error)
  }

  /** The error in the client's protocol, at this point of the handshake. */
  #failureReply(error: GatewayError): Buffer {
    if (this.#protocol === 'socks4') return socks4Failure()
    if (this.#state === 'greeting') return CHOSE_NONE
    return this.#state === 'login' ? LOGIN_REFUSED : socks5Failure(error)
  }

  ended(): void {
    this.#connection.destroy()
  }

  drained(): void {}

  closed(): void {}

  get isIdle(): boolean {
    return false
  }

  timedOut(): void {
    this.#refuse(handshakeTimeout())
  }

  failInternally(): void {
    this.#refuse(internalFailure())
  }
}

/** RFC 1928 section 3 and RFC 1929 section 2: the answers before the request, made once. */
const CHOSE_NO_LOGIN = Buffer.from([0x05, NO_LOGIN])
const CHOSE_LOGIN = Buffer.from([0x05, USER_PASSWORD])
const CHOSE_NONE = Buffer.from([0x05, NO_METHOD])
const LOGIN_ACCEPTED = Buffer.from([0x01, 0x00])
const LOGIN_REFUSED = Buffer.from([0x01, 0x01])
