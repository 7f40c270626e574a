/** What the connections of one port share: who may use it, its limits and timers, and what serves its clients. */
import type { Clock } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import { type ConnectHead, parseConnect } from '../http1/connect-head.ts'
import type { HeadText } from '../http1/request-head-reader.ts'
import type { HttpHandler, HttpRequest } from '../proxy/http-contract.ts'
import { GenerationalCache } from '../structures/generational-cache.ts'
import { TimeoutQueue } from '../structures/timeout-queue.ts'
import type { ClientConnection, ClientIdentity, RequestHandler } from './client-request.ts'
import { DateField } from './date-field.ts'
import { type Access, type Client, withHeaderOptions } from './proxy-auth.ts'

/** A CONNECT that was read. */
interface AcceptedConnect {
  readonly head: ConnectHead
  readonly identity: ClientIdentity
}

export interface ClientPortSettings {
  /** Time for a whole handshake, ms. */
  readonly handshakeMs: number
  /** How long the end of an answer may wait for a client that does not read it, ms. */
  readonly idleMs: number
  readonly maxHeaderBytes: number
  /** Most octets kept of a client that sends before its tunnel is open. */
  readonly maxEarlyBytes: number
  /** Whether plain requests may carry `X-Turnpike-*` options. */
  readonly optionHeaders: boolean
  /** Whether plain responses name their upstream. */
  readonly upstreamHeader: boolean
}

/** Events of ports and connections for counters and log. */
export interface PortObserver {
  /**
   * Refused before it was served.
   * @param protocol of the client, if it is known
   * @param client the connection that ends with the refusal, where nothing more is known of it
   */
  handshakeRefused(error: GatewayError, protocol?: ClientConnection['protocol'], client?: Client): void
  /** The system could not accept a connection: usually for lack of descriptors. */
  acceptFailed(error: NodeJS.ErrnoException): void
  /** New connections get a new certificate. */
  certificateChanged(file: string): void
  /** The files have changed, and cannot be used: the previous certificate stays. */
  certificateRefused(file: string, reason: string): void
}

/** Serves the clients of all ports: decides what is done with each client and each request. */
export interface ClientHandler {
  readonly observer: PortObserver
  /** A connection was accepted. It may be closed at once, or displace another one. */
  accepted(connection: ClientConnection): void
  /** The connection is closed. */
  left(connection: ClientConnection): void
  /** @returns undefined when it was refused */
  tunnel(connection: ClientConnection, port: ClientPort): RequestHandler | undefined
  /** A request of plain HTTP. */
  request(request: HttpRequest, connection: ClientConnection, port: ClientPort): HttpHandler
  /** A connection that has made plain requests is closed, or continues as a tunnel. */
  leftHttp(connection: ClientConnection): void
}

/** For connections that only wait for the client to read the last answer. */
const LINGER_MS = 2_000
/** A client connection may rest so long between two requests, ms: browsers keep them for minutes. */
export const KEEP_ALIVE_MS = 75_000
/** Accepted CONNECT heads that are kept: clients send the same ones repeatedly. */
const MAX_CONNECTS = 1_000

export class ClientPort {
  readonly clock: Clock
  readonly date: DateField
  readonly handler: ClientHandler
  access: Access
  /** Recent CONNECT heads that were accepted, by their text. */
  #connects = newConnects()
  settings: ClientPortSettings
  /** Clients whose request is not whole yet. */
  handshakes: TimeoutQueue
  /** Plain HTTP: between two requests. */
  readonly keepAlives: TimeoutQueue
  /** Plain HTTP: the end of an answer waits for the client. */
  unread: TimeoutQueue
  readonly lingers: TimeoutQueue
  /** Plain requests that are not over. */
  openRequests = 0
  /** Set while new connections and requests are refused. */
  refusal: GatewayError | undefined
  /** The port is closed: connections end with their request. */
  isClosing = false

  constructor(settings: ClientPortSettings, access: Access, clock: Clock, handler: ClientHandler) {
    this.clock = clock
    this.date = new DateField(clock)
    this.handler = handler
    this.access = access
    this.settings = settings
    this.handshakes = new TimeoutQueue(clock, settings.handshakeMs)
    this.keepAlives = new TimeoutQueue(clock, KEEP_ALIVE_MS)
    this.unread = new TimeoutQueue(clock, settings.idleMs)
    this.lingers = new TimeoutQueue(clock, LINGER_MS)
  }

  /** For connections from now on; what already waits keeps its time. @param access the same object when nothing of it has changed */
  protected apply(settings: ClientPortSettings, access: Access): void {
    this.settings = settings
    this.handshakes = this.handshakes.withDuration(settings.handshakeMs)
    this.unread = this.unread.withDuration(settings.idleMs)
    if (access === this.access) return
    this.access = access
    this.#connects = newConnects()
  }

  /** Whether connections of plain HTTP may be kept between two requests. */
  get keepsConnections(): boolean {
    return this.refusal === undefined && !this.isClosing
  }

  /** Refuses clients that may not be here before any work is done for them. @throws {GatewayError} */
  admit(client: { readonly clientAddress: string }): void {
    if (this.refusal !== undefined) throw this.refusal
    if (this.access.checksAddress) this.access.checkAddress(client.clientAddress)
  }

  /** @throws {GatewayError} for a head, a login or options that are refused */
  acceptConnect(text: HeadText, client: Client): AcceptedConnect {
    const known = this.#connects.get(text.text)
    if (known !== undefined) {
      this.access.confirm(known.identity, client)
      return known
    }
    const head = parseConnect(text.line, text.text)
    const login = head.fields.find(({ name }) => name === 'proxy-authorization')?.value
    const identity = withHeaderOptions(this.access.identify(login, client), head.fields)
    const accepted = { head, identity }
    this.#connects.set(text.text, accepted)
    return accepted
  }

  /** A connection is closed. */
  closed(connection: ClientConnection): void {
    this.handler.left(connection)
  }

  protected closeTimers(): void {
    for (const queue of [this.handshakes, this.keepAlives, this.unread, this.lingers]) queue.close()
  }
}

function newConnects() {
  return new GenerationalCache<AcceptedConnect>(MAX_CONNECTS)
}

export function handshakeTimeout(): GatewayError {
  return new GatewayError('GW_HANDSHAKE_TIMEOUT', 'the request did not arrive in time')
}
