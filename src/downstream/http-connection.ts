/**
 * A client connection that speaks plain HTTP. Its requests are taken up one at a time, however they were cut on the way and
 * however many of them are sent ahead (RFC 9112 section 9.3.2).
 *
 *   idle ──first octets──▶ head ──whole──▶ request ──answered, body read──▶ idle, or the next head
 *     ▲                      │               ├── CONNECT, 101 ──▶ tunnel
 *     └──────────────────────┼───────────────┘
 *                            └── refused, Connection: close ──▶ lingering
 *
 * The body of a request waits until an upstream takes it. When the answer is whole before the body is, the rest is dropped.
 */
import { GatewayError } from '../errors.ts'
import { type BodyLimits, BodyReader } from '../http1/body.ts'
import { Accumulator } from '../http1/head.ts'
import {
  asksForWebSocket,
  forwardsLeft,
  type HeadText,
  hasBody,
  parseRequestHead,
  parseRequestHeader,
  type RequestHead,
  type RequestHeader,
  RequestHeadReader,
} from '../http1/request-head.ts'
import { containException, internalFailure } from '../internal-errors.ts'
import type { BodySink, HttpHandler, HttpRequest } from '../proxy/http-contract.ts'
import type { Linked } from '../structures/linked-list.ts'
import { TimeoutEntry, type TimeoutQueue } from '../structures/timeout-queue.ts'
import type { ClientIdentity } from './client-request.ts'
import type { Connection, PlainReader } from './connection.ts'
import { httpError, isChallenge } from './error-reply.ts'
import { withHeaderOptions } from './handshake.ts'
import { ClientHttpRequest, type RequestConnection } from './http-request.ts'
import type { Listener } from './listener.ts'
import { answerAsRecipient } from './max-forwards.ts'
import { anonymous } from './proxy-auth.ts'

/** Octets of further requests that are kept while one is answered; with more the client is no longer read from. */
const MAX_AHEAD_BYTES = 65_536
const NOTHING = Buffer.alloc(0)

/** What all HTTP connections share. */
export interface HttpConnectionHost {
  /** @returns who hears what happens on the client's side, until the answer is whole */
  request(request: HttpRequest, connection: Connection, listener: Listener): HttpHandler
  /** A request that was refused before it was handed over. */
  refused(error: GatewayError): void
  /** Between two requests. */
  readonly keepAlives: TimeoutQueue
  /** What clients are told about that. */
  readonly keepAliveLines: string
  /** For connections to which the end of an answer was written, until it has left. */
  readonly unread: TimeoutQueue
  /** Requests under way. */
  readonly open: { count: number }
  /** The connection is closed, or goes on as a tunnel. */
  left(connection: HttpConnection): void
}

/** `waiting`: not asked for; `flowing`: into the sink; `dropped`: nobody wants it; `whole`: its end was read. */
type BodyState = 'waiting' | 'flowing' | 'dropped' | 'whole'

export class HttpConnection extends TimeoutEntry implements PlainReader, RequestConnection, Linked<HttpConnection> {
  /** Owned by the host's list. */
  next: HttpConnection | undefined = undefined
  previous: HttpConnection | undefined = undefined
  readonly connection: Connection
  readonly listener: Listener
  readonly #host: HttpConnectionHost
  readonly #heads: RequestHeadReader
  readonly #body: BodyReader
  readonly #bodyLimits: BodyLimits
  #bodyState: BodyState = 'whole'
  #sink: BodySink | undefined
  #request: ClientHttpRequest | undefined
  #handler: HttpHandler | undefined
  /** What was received and not looked at: part of a head, a body that waits, or what was sent ahead. */
  #unread: Accumulator | undefined
  #mayPersist = true
  #isReadingHeads = false
  /** The request read last is over, while heads are read. */
  #isOver = false
  /** The client has closed its sending side. */
  #hasEnded = false
  /** The header of the request before, as text and as read, and whose it is. */
  #text = ''
  #header: RequestHeader | undefined
  #identity: ClientIdentity | undefined
  #countedUp = 0
  #countedDown = 0

  constructor(connection: Connection, listener: Listener, host: HttpConnectionHost) {
    super()
    this.connection = connection
    this.listener = listener
    this.#host = host
    this.#heads = new RequestHeadReader(listener.maxHeaderBytes)
    this.#bodyLimits = { maxTrailerBytes: listener.maxHeaderBytes, isLenient: false }
    this.#body = new BodyReader(this.#bodyLimits)
  }

  data(chunk: Buffer): void {
    const isBody = this.#bodyState === 'flowing' || this.#bodyState === 'dropped'
    if (isBody && this.#unread === undefined) return void this.#readBody(chunk)
    if (this.#request !== undefined) return void this.#keep(chunk)
    if (this.#unread === undefined) return void this.#readHeads(chunk)
    this.#keep(chunk)
    this.#readHeads(this.#unread.bytes)
  }

  /**
   * One head, and those behind it that are answered on the spot. One after the other: the calls of a thousand requests that
   * were sent ahead would not fit on the stack.
   * @param bytes everything received since the request before
   */
  #readHeads(bytes: Buffer): void {
    let next: Buffer | undefined = bytes
    this.#isReadingHeads = true
    try {
      while (next !== undefined) {
        this.#isOver = false
        this.#readHead(next)
        next = this.#isOver ? this.#unread?.bytes : undefined
      }
    } finally {
      this.#isReadingHeads = false
    }
    if (this.#isOver) this.#goOn()
  }

  #readHead(bytes: Buffer): void {
    let head: HeadText | undefined
    try {
      head = this.#heads.read(bytes)
      if (head === undefined) return void this.#awaitHead(bytes)
      this.timeoutQueue?.remove(this)
      this.#keepRest(bytes, head.size)
      this.#serve(head)
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      if (head !== undefined && isChallenge(error)) this.#challenge(head, error)
      else this.#refuse(error, head?.line.method !== 'HEAD')
    }
  }

  /** The rest of a head has the time of a handshake, from here on and however many pieces it comes in. */
  #awaitHead(beginning: Buffer): void {
    if (this.#hasEnded) return void this.connection.destroy()
    if (this.timeoutQueue !== this.listener.handshakes) this.listener.handshakes.add(this)
    if (this.#unread === undefined) this.#keep(beginning)
    this.connection.socket.resume()
  }

  #keep(octets: Buffer): void {
    this.#unread ??= new Accumulator()
    this.#unread.push(octets)
    if (this.#unread.length >= MAX_AHEAD_BYTES) this.connection.socket.pause()
  }

  #keepRest(bytes: Buffer, used: number): void {
    this.#unread = undefined
    if (used < bytes.length) this.#keep(bytes.subarray(used))
  }

  #serve(head: HeadText): void {
    if (this.listener.refusal !== undefined) throw this.listener.refusal
    if (head.line.method === 'CONNECT') return void this.#becomeTunnel(head)
    const request = this.#requestOf(head)
    if (this.#hasEnded && asksForWebSocket(request.head)) return void this.connection.destroy()
    this.#begin(request)
    if (forwardsLeft(request.head) === 0) return void answerAsRecipient(request, head.text)
    this.#hand(request)
  }

  #begin(request: ClientHttpRequest): void {
    this.#request = request
    this.#body.start(request.head.header.body)
    this.#bodyState = hasBody(request.head.header) ? 'waiting' : 'whole'
    this.#host.open.count++
    if (this.#unread === undefined) this.connection.socket.resume()
  }

  /** The next request may bring the login; unless a body would have to be read first that is long, or has no known end. */
  #challenge({ line, text }: HeadText, error: GatewayError): void {
    const head = parseRequestHead(line, parseRequestHeader(text, line.size))
    const { body } = head.header
    if (body === 'chunked' || body > MAX_AHEAD_BYTES) return void this.#refuse(error, line.method !== 'HEAD')
    this.#host.refused(error)
    const request = new ClientHttpRequest(head, anonymous, this)
    this.#begin(request)
    const answer = httpError(error)
    request.answer(answer.status, answer.reason, answer.lines, answer.body)
  }

  /** @throws {GatewayError} for a header or URL that is refused, and for a login or options that are */
  #requestOf({ line, text }: HeadText): ClientHttpRequest {
    const fields = text.slice(line.size)
    const isKnown = fields === this.#text
    const header = isKnown && this.#header !== undefined ? this.#header : parseRequestHeader(fields, 0)
    const head: RequestHead = parseRequestHead(line, header)
    const identity = isKnown && this.#identity !== undefined ? this.#identity : this.#identify(header)
    this.#text = fields
    this.#header = header
    this.#identity = identity
    return new ClientHttpRequest(head, identity, this)
  }

  #identify({ login, options }: RequestHeader): ClientIdentity {
    const identity = this.listener.access.identify(login, this.connection)
    return withHeaderOptions(identity, options, this.listener.optionHeaders)
  }

  #hand(request: ClientHttpRequest): void {
    const handler = this.#host.request(request, this.connection, this.listener)
    // It may have been answered before the call came back.
    if (this.#request === request) this.#handler = handler
  }

  #becomeTunnel({ text }: HeadText): void {
    if (this.#hasEnded) return void this.connection.destroy()
    const early = this.leaveHttp()
    this.connection.resumeAsTunnel(text, early ?? NOTHING)
  }

  leaveHttp(): Buffer | undefined {
    const early = this.#unread?.bytes
    this.#unread = undefined
    this.#finishRequest()
    this.#host.left(this)
    return early
  }

  /** A request that was not handed over. */
  #refuse(error: GatewayError, withBody = true): void {
    this.#host.refused(error)
    this.rejectWith(error, withBody)
  }

  rejectWith(error: GatewayError, withBody: boolean): void {
    this.timeoutQueue?.remove(this)
    this.#finishRequest()
    this.connection.rejectWith(error, withBody)
  }

  get isBodyWhole(): boolean {
    return this.#bodyState === 'whole'
  }

  readBody(sink: BodySink): void {
    this.#sink = sink
    if (this.#bodyState !== 'waiting') return
    this.#bodyState = 'flowing'
    const unread = this.#unread
    this.#unread = undefined
    this.connection.socket.resume()
    if (unread !== undefined) this.#readBody(unread.bytes)
  }

  resumeBody(): void {
    if (this.#bodyState === 'flowing') this.connection.socket.resume()
  }

  leaveBody(sink: BodySink): void {
    if (this.#sink !== sink) return
    this.#sink = undefined
    if (this.#bodyState === 'flowing') this.#bodyState = this.#request?.hasBegunBody === true ? 'dropped' : 'waiting'
  }

  #readBody(bytes: Buffer): void {
    const data: Buffer[] = []
    const used = this.#body.read(bytes, data)
    if (used === -1) return void this.#bodyBroke()
    let flows = true
    if (data.length > 0 && this.#sink !== undefined) {
      if (this.#request !== undefined) this.#request.hasBegunBody = true
      flows = this.#sink.bodyData(data)
    }
    if (this.#body.isWhole) this.#bodyEnded(bytes, used)
    else if (!flows) this.connection.socket.pause()
    else if (this.#request === undefined) this.#host.keepAlives.add(this)
  }

  #bodyEnded(bytes: Buffer, used: number): void {
    this.#bodyState = 'whole'
    this.#keepRest(bytes, used)
    const sink = this.#sink
    this.#sink = undefined
    if (this.#request === undefined) this.#goOn()
    else sink?.bodyEnd(this.#body.trailers)
  }

  #bodyBroke(): void {
    const handler = this.#handler
    const error = new GatewayError('GW_BAD_REQUEST', 'the body of the request is not well-formed')
    this.#bodyState = 'whole'
    if (handler === undefined) this.connection.destroy()
    else handler.bodyBroken(error)
  }

  /** A gateway that stops, or whose port is closed, keeps no connections. */
  connectionLines(mayPersist: boolean): string {
    this.#mayPersist = mayPersist && this.listener.refusal === undefined && !this.listener.isClosing
    return this.#mayPersist ? this.#host.keepAliveLines : 'Connection: close\r\n'
  }

  /** The next request is taken up when the answer has left. */
  answered(): void {
    const { socket } = this.connection
    if (socket.destroyed) return
    if (socket.writableLength === 0) return void this.#answerLeft()
    this.#host.unread.add(this.connection)
    socket.write(NOTHING, this.#flushed)
  }

  readonly #flushed = (): void => {
    try {
      this.connection.timeoutQueue?.remove(this.connection)
      if (!this.connection.socket.destroyed) this.#answerLeft()
    } catch (error) {
      containException(error, this)
    }
  }

  #answerLeft(): void {
    if (this.#request === undefined) return
    this.#finishRequest()
    if (!this.#mayPersist) return void this.connection.linger()
    if (this.#bodyState === 'whole') this.#goOn()
    else this.#dropBody()
  }

  #finishRequest(): void {
    if (this.#request === undefined) return
    this.#request = undefined
    this.#handler = undefined
    this.#host.open.count--
  }

  #dropBody(): void {
    this.#bodyState = 'dropped'
    this.#sink = undefined
    this.#host.keepAlives.add(this)
    const unread = this.#unread
    this.#unread = undefined
    this.connection.socket.resume()
    if (unread !== undefined) this.#readBody(unread.bytes)
  }

  /** The request and its answer are over. */
  #goOn(): void {
    this.timeoutQueue?.remove(this)
    this.#isOver = this.#isReadingHeads
    if (this.#isReadingHeads) return
    if (this.#unread !== undefined) return void this.#readHeads(this.#unread.bytes)
    if (this.#hasEnded) return void this.connection.linger()
    this.awaitRequest()
  }

  awaitRequest(): void {
    this.#host.keepAlives.add(this)
    this.connection.socket.resume()
  }

  drained(): void {
    this.#handler?.clientDrained()
  }

  /** RFC 9112 section 9.6: who has sent a whole request may close that side, and read on. */
  ended(): void {
    this.#hasEnded = true
    const request = this.#request?.head
    if (request === undefined || asksForWebSocket(request)) return void this.connection.destroy()
    const rest = this.#restOfBody(request)
    if (rest === 'broken') this.#bodyBroke()
    else if (rest === 'whole') this.#handler?.clientEnded()
    else this.connection.destroy()
  }

  /** What the client has sent of the body, where nothing more comes. */
  #restOfBody({ header }: RequestHead): 'whole' | 'partial' | 'broken' {
    if (this.#bodyState !== 'waiting') return this.isBodyWhole ? 'whole' : 'partial'
    const body = new BodyReader(this.#bodyLimits)
    body.start(header.body)
    if (body.read(this.#unread?.bytes ?? NOTHING, []) === -1) return 'broken'
    return body.isWhole ? 'whole' : 'partial'
  }

  closed(): void {
    this.timeoutQueue?.remove(this)
    this.#host.left(this)
    const handler = this.#handler
    this.#finishRequest()
    handler?.clientGone()
  }

  octets(): readonly [up: number, down: number] {
    const { bytesRead, bytesWritten } = this.connection.socket
    return [bytesRead - this.#countedUp, bytesWritten - this.#countedDown]
  }

  countOctets(): readonly [up: number, down: number] {
    const counts = this.octets()
    this.#countedUp += counts[0]
    this.#countedDown += counts[1]
    return counts
  }

  /** Closes the connection if no request is under way, nor the beginning of one. */
  closeIfIdle(): void {
    if (this.#request === undefined && this.#unread === undefined) this.connection.destroy()
  }

  /** A handler of this connection has thrown. */
  override failInternally(): void {
    if (this.#handler !== undefined) return void this.#handler.failInternally()
    const error = internalFailure()
    this.#host.refused(error)
    if (this.#request === undefined) this.rejectWith(error, true)
    else this.#request.refuse(error)
  }

  /** No further request has come for long, or not the whole of one. */
  override onDeadline(): void {
    if (this.#unread === undefined) return void this.connection.destroy()
    this.#refuse(new GatewayError('GW_HANDSHAKE_TIMEOUT', 'the request did not arrive in time'))
  }
}
