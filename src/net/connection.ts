/**
 * One client connection, from its first octet: tells the protocols apart, speaks the handshake, and becomes a tunnel.
 *
 *   sniff ──'CONNECT '──▶ connect ──────────────────┐
 *     │ ──0x05──▶ greeting ──▶ (login) ──▶ socks5 ──┤──▶ pending ──▶ relay ──▶ closed
 *     │ ──0x04──▶ socks4 ───────────────────────────┘      │
 *     └──else──▶ plain ──▶ Node's HTTP server              └──▶ lingering (the error is on its way) ──▶ closed
 *
 * The handshake has one deadline. Octets that come while the tunnel is pending are kept for the target.
 */
import type { Socket } from 'node:net'
import { GatewayError } from '../errors.ts'
import { type Access, anonymous } from './access.ts'
import { type Target, toTarget, unmapIPv4 } from './address.ts'
import { headerOptions } from './client-options.ts'
import type { ClientIdentity, PendingTunnel, TunnelRequest } from './client-request.ts'
import { beginsWithConnect, type ConnectHead, parseConnect } from './connect-parser.ts'
import { type DeadlineList, Expiring } from './deadlines.ts'
import { Accumulator, type Field, headEnd } from './http-head.ts'
import type { Linked } from './linked-list.ts'
import type { Recent } from './recent.ts'
import type { Relay } from './relay.ts'
import {
  connectSuccess,
  httpErrorBytes,
  SOCKS4_SUCCESS,
  SOCKS5_SUCCESS,
  socks4Failure,
  socks5Failure,
} from './reply.ts'
import {
  NO_LOGIN,
  NO_METHOD,
  parseGreeting,
  parseLogin,
  parseSocks4,
  parseSocks5Request,
  USER_PASSWORD,
} from './socks-parser.ts'

/** What a connection needs of the listener that accepted it. */
export interface ConnectionHost {
  readonly access: Access
  /** CONNECT heads that were read and found good lately, as text. */
  readonly connects: Recent<{ readonly head: ConnectHead; readonly identity: ClientIdentity }>
  readonly maxHeaderBytes: number
  /** Most octets kept of a client that sends before its tunnel is open. */
  readonly maxEarlyBytes: number
  readonly handshakes: DeadlineList
  /** For connections that only wait for the client to read our answer. */
  readonly lingers: DeadlineList
  /** Set while the listener refuses newcomers: they hear it in their own protocol. */
  readonly refusal: GatewayError | undefined
  tunnel(request: TunnelRequest): PendingTunnel
  /** A connection that speaks plain HTTP; `first` are the octets read so far. */
  http(connection: Connection, first: Buffer): void
  /** The socket is closed, whoever read from it last. */
  closed(connection: Connection): void
  /** A request that was refused before it became a tunnel. */
  refused(error: GatewayError): void
}

/** Who reads a connection that speaks plain HTTP. */
export interface PlainReader {
  data(chunk: Buffer): void
  drained(): void
  closed(): void
}

type State =
  | 'sniff'
  | 'connect'
  | 'greeting'
  | 'login'
  | 'socks5'
  | 'socks4'
  | 'pending'
  | 'relay'
  | 'lingering'
  | 'plain'
  | 'http'

interface ClientSocket extends Socket {
  connection: Connection
}

export class Connection extends Expiring implements TunnelRequest, Linked<Connection> {
  /** Owned by the listener's list. */
  next: Connection | undefined = undefined
  previous: Connection | undefined = undefined
  readonly socket: Socket
  protocol: 'connect' | 'socks5' | 'socks4' = 'connect'
  identity: ClientIdentity
  target: Target = NOWHERE
  readonly #server: ConnectionHost
  readonly #refusal: GatewayError | undefined
  #state: State = 'sniff'
  #received: Accumulator | undefined
  /** An option that cannot be served: told in answer to the request, after a right login. */
  #deferred: GatewayError | undefined
  #early: Accumulator | undefined
  #pending: PendingTunnel | undefined
  #relay: Relay | undefined
  #plain: PlainReader | undefined

  /** @param refusal what this client hears instead of being served */
  constructor(socket: Socket, server: ConnectionHost, refusal?: GatewayError) {
    super()
    this.socket = socket
    this.#refusal = refusal
    this.#server = server
    this.identity = anonymous
    server.handshakes.add(this)
    const own = socket as ClientSocket
    own.connection = this
    socket.on('error', onError)
    socket.on('close', onClose)
    this.#attach()
  }

  /** Asked of the system only when somebody wants it: most connections never do. */
  get clientAddress(): string {
    return unmapIPv4(this.socket.remoteAddress ?? '')
  }

  /**
   * Continues a connection on which Node's HTTP server has read a whole CONNECT head behind other requests.
   * @param head that head again, latin1, as `parseConnect` takes it
   */
  resumeAsTunnel(head: string, early: Buffer): void {
    this.#attach()
    this.#state = 'connect'
    this.socket.resume()
    this.data(Buffer.concat([Buffer.from(head, 'latin1'), early]))
  }

  /**
   * Continues a connection that Node's HTTP server has let go of because the client wants to leave HTTP.
   * @param head what came behind the request
   * @param ask hands the request on; undefined when it was refused
   */
  resumeAsUpgrade(head: Buffer, ask: () => PendingTunnel | undefined): void {
    this.#attach()
    this.#state = 'pending'
    if (head.length > 0) this.#keepEarly(head)
    this.socket.resume()
    const pending = ask()
    if (this.#state === 'pending') this.#pending = pending
  }

  /**
   * The last answer on a connection that Node's HTTP server reads from, or has let go of. That server would close it at
   * once; here the client can read the answer while it is still sending.
   */
  turnAway(error: GatewayError, withBody = true): void {
    if (this.#state === 'lingering') return
    if (this.#state === 'http') {
      this.socket.removeAllListeners('data')
      this.#attach()
    }
    this.#sayLast(httpErrorBytes(error, withBody))
  }

  data(chunk: Buffer): void {
    if (this.#relay !== undefined) this.#relay.upload(chunk)
    else if (this.#state === 'plain') this.#plain?.data(chunk)
    else if (this.#state === 'pending') this.#keepEarly(chunk)
    else if (this.#state !== 'lingering') this.#handshake(chunk)
  }

  /** Feeds the handshake; whatever is wrong with it is answered in the client's own protocol. */
  #handshake(chunk: Buffer): void {
    let bytes = chunk
    if (this.#received !== undefined) {
      this.#received.push(chunk)
      bytes = this.#received.bytes
    }
    try {
      const used = this.#read(bytes)
      this.#keep(bytes, used)
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      this.#server.refused(error)
      this.refuse(error)
    }
  }

  /** Keeps what no state has used yet for the next chunk. */
  #keep(bytes: Buffer, used: number): void {
    if (this.#isPastHandshake || used === bytes.length) {
      this.#received = undefined
      return
    }
    if (bytes.length - used > this.#server.maxHeaderBytes) {
      throw new GatewayError(
        'GW_HEADER_TOO_LARGE',
        `the request header is longer than ${this.#server.maxHeaderBytes} octets`,
      )
    }
    if (this.#received !== undefined && used === 0) return
    const rest = new Accumulator()
    rest.push(bytes.subarray(used))
    this.#received = rest
  }

  /** Runs through as many states as the octets allow. @returns how many octets were used */
  #read(bytes: Buffer): number {
    let used = 0
    for (;;) {
      const before = this.#state
      used += this.#step(behind(bytes, used))
      if (this.#state === before || this.#isPastHandshake) return used
    }
  }

  /** The octets are for somebody else, or for nobody. */
  get #isPastHandshake(): boolean {
    const state = this.#state
    return state === 'pending' || state === 'lingering' || state === 'plain' || state === 'http'
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
    else if (isConnect === false) this.#handOver(bytes)
    return 0
  }

  #handOver(bytes: Buffer): void {
    this.#admit()
    this.#server.handshakes.remove(this)
    this.#state = 'plain'
    this.#server.http(this, bytes)
  }

  /** From now on its octets go there. */
  readWith(reader: PlainReader): void {
    this.#plain = reader
  }

  /**
   * Lets Node's HTTP server read on. 'error' and 'close' stay: whoever reads, an error must not go unheard, and the end
   * must be counted.
   */
  lend(): Socket {
    this.#state = 'http'
    this.#plain = undefined
    this.socket.off('data', onData)
    this.socket.off('end', onEnd)
    this.socket.off('drain', onDrain)
    return this.socket
  }

  /** Refuses clients that may not be here before anything is done for them. @throws {GatewayError} */
  #admit(): void {
    const refusal = this.#refusal ?? this.#server.refusal
    if (refusal !== undefined) throw refusal
    if (this.#server.access.checksAddress) this.#server.access.checkAddress(this.clientAddress)
  }

  #connect(bytes: Buffer): number {
    const end = headEnd(bytes)
    if (end === -1) return 0
    if (end > this.#server.maxHeaderBytes) {
      throw new GatewayError(
        'GW_HEADER_TOO_LARGE',
        `the request header is longer than ${this.#server.maxHeaderBytes} octets`,
      )
    }
    const text = bytes.toString('latin1', 0, end)
    const known = this.#server.connects.get(text)
    const head = known?.head ?? parseConnect(text)
    this.#admit()
    const identity = known?.identity ?? this.#identify(head.fields)
    if (known === undefined) this.#server.connects.set(text, { head, identity })
    this.#request(head, identity, behind(bytes, end))
    return end
  }

  /** @throws {GatewayError} as Access.identify, and for options that cannot be */
  #identify(fields: readonly Field[]): ClientIdentity {
    return withHeaderOptions(this.#server.access.identify(authorizationOf(fields)), fields)
  }

  #greeting(bytes: Buffer): number {
    const methods = parseGreeting(bytes)
    if (methods === undefined) return 0
    this.#admit()
    const { demandsLogin } = this.#server.access
    if (methods.value.includes(USER_PASSWORD)) this.#choose(CHOSE_LOGIN, 'login')
    else if (!demandsLogin && methods.value.includes(NO_LOGIN)) this.#choose(CHOSE_NO_LOGIN, 'socks5')
    else {
      const message = demandsLogin
        ? 'this listener demands a login'
        : 'the client offers no SOCKS login method that is spoken here'
      this.#server.refused(new GatewayError('GW_LOGIN_REQUIRED', message))
      this.#sayLast(CHOSE_NONE)
    }
    return methods.size
  }

  #choose(answer: Buffer, next: State): void {
    this.socket.write(answer)
    this.#state = next
  }

  #login(bytes: Buffer): number {
    const login = parseLogin(bytes)
    if (login === undefined) return 0
    try {
      this.identity = this.#server.access.login(login.value.userName, login.value.password)
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      if (error.code === 'GW_LOGIN_REQUIRED') {
        this.#server.refused(error)
        this.#sayLast(LOGIN_REFUSED)
        return login.size
      }
      this.#deferred = error
    }
    this.socket.write(LOGIN_ACCEPTED)
    this.#state = 'socks5'
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
    const identity = this.#server.access.userId(request.value.userId)
    this.#request(toTarget(request.value), identity, behind(bytes, request.size))
    return request.size
  }

  #request(target: Target, identity: ClientIdentity, early: Buffer): void {
    this.target = target
    this.identity = identity
    this.#state = 'pending'
    this.#server.handshakes.remove(this)
    if (early.length > 0) this.#keepEarly(early)
    const pending = this.#server.tunnel(this)
    // It may have been refused before the call came back.
    if (this.#state === 'pending') this.#pending = pending
  }

  #keepEarly(chunk: Buffer): void {
    this.#early ??= new Accumulator()
    this.#early.push(chunk)
    if (this.#early.length >= this.#server.maxEarlyBytes) this.socket.pause()
  }

  accept(upstreamId: string, lifeMs: number | undefined): void {
    if (this.protocol === 'connect') this.socket.write(connectSuccess(upstreamId, lifeMs), 'latin1')
    else this.socket.write(this.protocol === 'socks5' ? SOCKS5_SUCCESS : SOCKS4_SUCCESS)
  }

  join(relay: Relay): void {
    this.#state = 'relay'
    this.#pending = undefined
    this.#relay = relay
    const early = this.#early
    this.#early = undefined
    if (early === undefined) return
    this.socket.resume()
    relay.upload(early.bytes)
  }

  refuse(error: GatewayError): void {
    if (this.#state === 'lingering') return
    if (this.protocol === 'connect') this.#sayLast(httpErrorBytes(error))
    else if (this.protocol === 'socks4') this.#sayLast(socks4Failure())
    else if (this.#state === 'greeting') this.#sayLast(CHOSE_NONE)
    else if (this.#state === 'login') this.#sayLast(LOGIN_REFUSED)
    else this.#sayLast(socks5Failure(error))
  }

  #sayLast(bytes: Buffer): void {
    this.socket.write(bytes)
    this.linger()
  }

  /**
   * The last answer is written. What the client still sends is read and dropped until it closes: a socket closed with
   * unread octets sends a reset, which would take the answer with it.
   */
  linger(): void {
    this.#state = 'lingering'
    this.#pending = undefined
    this.#early = undefined
    this.socket.resume()
    this.socket.end()
    this.#server.lingers.add(this)
  }

  /** The handshake took too long, or the client does not read an answer to its end. */
  override onDeadline(): void {
    const said = this.#state === 'lingering' || this.#state === 'plain' || this.#state === 'http'
    const mute = this.#state === 'sniff' && this.#received === undefined
    if (said || mute) return void this.socket.destroy()
    const error = new GatewayError('GW_HANDSHAKE_TIMEOUT', 'the request did not arrive in time')
    this.#server.refused(error)
    this.refuse(error)
  }

  /** The client has closed its sending side. Before the tunnel is open that means that it has gone. */
  ended(): void {
    if (this.#relay !== undefined) this.#relay.clientEnded()
    else if (this.#state === 'lingering') this.socket.destroySoon()
    else this.socket.destroy()
  }

  errored(): void {
    this.#relay?.clientErrored()
  }

  drained(): void {
    this.#relay?.clientDrained()
    this.#plain?.drained()
  }

  closed(): void {
    this.deadlineList?.remove(this)
    const pending = this.#pending
    this.#pending = undefined
    if (this.#relay !== undefined) this.#relay.clientClosed()
    else pending?.clientGone()
    this.#plain?.closed()
    this.#server.closed(this)
  }

  /** Ends the connection, whatever it is doing. */
  destroy(): void {
    this.socket.destroy()
  }

  #attach(): void {
    this.socket.on('data', onData)
    this.socket.on('end', onEnd)
    this.socket.on('drain', onDrain)
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
export function withHeaderOptions(identity: ClientIdentity, fields: readonly Field[]): ClientIdentity {
  const options = headerOptions(fields, identity.options)
  return options === identity.options ? identity : { ...identity, options }
}

function onData(this: Socket, chunk: Buffer): void {
  ;(this as ClientSocket).connection.data(chunk)
}

function onEnd(this: Socket): void {
  ;(this as ClientSocket).connection.ended()
}

function onError(this: Socket): void {
  ;(this as ClientSocket).connection.errored()
}

function onClose(this: Socket): void {
  ;(this as ClientSocket).connection.closed()
}

function onDrain(this: Socket): void {
  ;(this as ClientSocket).connection.drained()
}
