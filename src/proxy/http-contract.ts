/**
 * What a plain HTTP request is to those who find it an upstream. Two ways of reading and forwarding one exist: Node's HTTP
 * server with undici (http-server.ts, forward.ts) for everything, and a short one (quick-*.ts) for what is asked most.
 */

import type { Target } from '../address.ts'
import type { ClientIdentity, PendingTunnel } from '../downstream/client-request.ts'
import type { Connection } from '../downstream/connection.ts'
import type { Listener } from '../downstream/listener.ts'
import type { GatewayError } from '../errors.ts'
import type { ExceptionOwner } from '../internal-errors.ts'
import type { Breakage } from '../pool/upstream.ts'

/** One request to be forwarded. */
export interface PlainRequest {
  readonly method: string
  readonly target: Target
  readonly identity: ClientIdentity
  readonly clientAddress: string
  readonly listener: Listener
  readonly connection: Connection
  /** The client wants to leave HTTP (`Upgrade: websocket`). */
  readonly isUpgrade: boolean
  /** It goes the short way: read without Node's server, sent and answered without undici. */
  readonly isQuick: boolean
  /** Answers with an error of ours and ends the connection; an answer that has begun is cut off. */
  refuse(error: GatewayError): void
  /** Cuts the answer off: the client must see that it is not whole. */
  cut(): void
}

export interface PlainOwner {
  /** @returns who is to know when the client hangs up before its answer is out */
  plain(request: PlainRequest): PendingTunnel
  refused(error: GatewayError): void
}

/** Who is told what becomes of a request that was sent to an upstream. */
export interface ExchangeOwner extends ExceptionOwner {
  /**
   * The upstream has answered; nothing was said to the client yet.
   * @returns false to drop the answer: it is not for the client
   */
  answered(status: number): boolean
  /** Headers to add to the response, names and values in turn. */
  readonly extraHeaders: readonly string[]
  /** The whole response has been passed on. */
  completed(): void
  /** The response is held up by a client that does not read it, or no longer. */
  stalled(isStalled: boolean): void
  /** @param how what broke before an answer came; undefined when the response was cut off in the middle */
  broke(how: Breakage | undefined): void
  /** The connection was closed before anything was sent on it. */
  unsent(): void
  /** The request itself cannot be sent; its header or body is not what it says. */
  unsendable(): void
  /** The client has left in the middle of its request. */
  clientGone(): void
  /** The target leaves HTTP. @param head of the answer that the client is to get, octets as latin1 */
  upgraded(head: string): void
  /** The next octets of the request's body are the client's to send. */
  awaitsClient(): void
  /** The upstream has what there is of the request's body to take, or the end of it. */
  awaitsUpstream(): void
}

/** One HTTP/1.1 conversation with an upstream, or with a target through it: as long as its one connection lives. */
export interface Conversation {
  readonly isOpen: boolean
  readonly isQuick: boolean
  /**
   * Sends one request; the one before must have been answered.
   * @param form `absolute` for an upstream that is an HTTP proxy, `origin` through a tunnel
   * @param login the header line of our login at the upstream, with its CRLF, or empty
   */
  ask(request: PlainRequest, form: RequestForm, login: string, owner: ExchangeOwner): Sending
  close(): void
}

export type RequestForm = 'absolute' | 'origin'

/** A request under way. */
export interface Sending {
  /** Octets of its body have been taken from the client: it cannot be sent a second time. */
  readonly hasBegunBody: boolean
  /** Gives up: the client has left, or time is up. Nothing is reported afterwards. */
  cancel(): void
}

/** RFC 9110 section 7.6.1, and what only concerns the way to us. */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Our own options: for nobody else. */
export const OPTION_PREFIX = 'x-turnpike-'
