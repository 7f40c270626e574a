/**
 * A client connection that speaks HTTP. Its requests are served one at a time, however they were cut on the way and however
 * many of them are sent ahead (RFC 9112 section 9.3.2).
 *
 *   idle ──first octets──▶ head ──whole──▶ request ──answered, body read──▶ idle, or the next head
 *     ▲                      │               ├── CONNECT, 101 ──▶ tunnel
 *     └──────────────────────┼───────────────┘
 *                            └── refused, Connection: close ──▶ lingering
 *
 * The body of a request waits until an upstream takes it. When the answer is complete before the body is, the rest is dropped.
 * Longer than other files: each of these states decides what becomes of the octets that are not read yet.
 */
import { GatewayError } from '../errors.ts'
import { parseConnect } from '../http1/connect-head.ts'
import { asksForWebSocket, forwardsLeft, parseRequestHead, parseRequestHeader } from '../http1/request-head.ts'
import { type HeadText, RequestHeadReader } from '../http1/request-head-reader.ts'
import { containException, internalFailure } from '../internal-errors.ts'
import { awaitTurn, MAX_PARSED_BYTES } from '../network/turns.ts'
import type { BodySink, HttpHandler } from '../proxy/http-contract.ts'
import { Accumulator } from '../structures/accumulator.ts'
import { type ClientPort, handshakeTimeout } from './client-port.ts'
import type { ClientReader, Connection } from './connection.ts'
import { httpError, httpErrorBytes, isChallenge } from './error-reply.ts'
import { ClientHttpRequest, type RequestConnection } from './http-request.ts'
import { answerAsRecipient } from './max-forwards.ts'
import { anonymous } from './proxy-auth.ts'
import { RepeatedHeader } from './repeated-header.ts'
import { RequestBody } from './request-body.ts'

/** Octets of further requests that are kept while one is answered; with more the client is no longer read from. */
const MAX_AHEAD_BYTES = 65_536
const NOTHING = Buffer.alloc(0)

export class HttpConnection implements ClientReader, RequestConnection {
  readonly connection: Connection
  readonly port: ClientPort
  readonly #heads: RequestHeadReader
  /** Made with the first plain request. */
  #body: RequestBody | undefined
  #request: ClientHttpRequest | undefined
  /** Serves the request until its answer is complete. */
  #handler: HttpHandler | undefined
  /** What was received and not read yet: part of a head, a body that waits, or further requests. */
  #unread: Accumulator | undefined
  #isAdmitted = false
  #isReadingHeads = false
  /** While heads are read: the latest request is over. */
  #isOver = false
  /** Further heads are read when its turn has come. */
  #awaitsTurn = false
  /** The client has closed its sending side. */
  #hasEnded = false
  /** Set with the first plain request. */
  #headers: RepeatedHeader | undefined

  constructor(connection: Connection, port: ClientPort) {
    this.connection = connection
    this.port = port
    this.#heads = new RequestHeadReader(port.settings.maxHeaderBytes)
  }

  get body(): RequestBody {
    this.#body ??= new RequestBody(this.port.settings.maxHeaderBytes)
    return this.#body
  }

  data(chunk: Buffer): void {
    if (this.#body?.takesOctets === true && this.#unread === undefined) return void this.#readBody(chunk)
    if (this.#request !== undefined || this.#awaitsTurn) return void this.#keep(chunk)
    if (this.#unread === undefined) return void this.#readHeads(chunk)
    this.#keep(chunk)
    this.#readHeads(this.#unread.bytes)
  }

  /**
   * One head, and those after it that are answered immediately. In a loop: the calls of a thousand requests that were sent ahead
   * would not fit on the stack.
   * @param bytes everything received since the previous request
   */
  #readHeads(bytes: Buffer): void {
    let next: Buffer | undefined = bytes
    let parsed = 0
    this.#isReadingHeads = true
    try {
      while (next !== undefined && parsed <= MAX_PARSED_BYTES) {
        this.#isOver = false
        const { length } = next
        this.#readHead(next)
        next = this.#isOver ? this.#unread?.bytes : undefined
        parsed += length - (next?.length ?? 0)
      }
    } finally {
      this.#isReadingHeads = false
    }
    if (next !== undefined) this.#awaitTurn()
    else if (this.#isOver) this.#goOn()
  }

  /** Other connections are served before the next head is read. */
  #awaitTurn(): void {
    const { socket } = this.connection
    this.#awaitsTurn = true
    socket.pause()
    awaitTurn(() => {
      this.#awaitsTurn = false
      try {
        if (!socket.destroyed && this.#unread !== undefined) this.#readOn(this.#unread)
      } catch (error) {
        containException(error, this)
      }
    })
  }

  #readOn(unread: Accumulator): void {
    if (unread.length < MAX_AHEAD_BYTES) this.connection.socket.resume()
    this.#readHeads(unread.bytes)
  }

  #readHead(bytes: Buffer): void {
    let head: HeadText | undefined
    try {
      if (!this.#isAdmitted) this.#admit()
      head = this.#heads.read(bytes)
      if (head === undefined) return void this.#awaitHead(bytes)
      this.#keepRest(bytes, head.size)
      this.#serve(head)
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      if (head !== undefined && isChallenge(error)) this.#challenge(head, error)
      else this.#refuse(error, !isHead(head?.text ?? bytes.toString('latin1')))
    }
  }

  #admit(): void {
    this.port.admit(this.connection)
    this.#isAdmitted = true
  }

  /** The whole head has the time of a handshake: from the accept, or from its first octets. */
  #awaitHead(beginning: Buffer): void {
    const { connection } = this
    if (this.#hasEnded) return void connection.destroy()
    if (this.#heads.forgetEmptyLines(beginning)) return void this.#skipped()
    const { timeoutQueue } = connection
    const isBegun = timeoutQueue !== undefined && timeoutQueue !== this.port.keepAlives
    if (!isBegun) this.port.handshakes.add(connection)
    if (this.#unread === undefined) this.#keep(beginning)
    connection.socket.resume()
  }

  /** Some clients send an empty line after a body (RFC 9112 section 2.2): no request begins with it. */
  #skipped(): void {
    const { connection } = this
    this.#unread = undefined
    const hasServed = this.#headers !== undefined
    if (hasServed && connection.timeoutQueue !== this.port.keepAlives) this.port.keepAlives.add(connection)
    connection.socket.resume()
  }

  #keep(octets: Buffer): void {
    this.#unread ??= new Accumulator()
    this.#unread.push(octets)
    if (this.#unread.length >= MAX_AHEAD_BYTES) this.connection.socket.pause()
  }

  /** @param bytes what is kept as unread, or what has just come */
  #keepRest(bytes: Buffer, used: number): void {
    if (used === bytes.length) this.#unread = undefined
    else if (this.#unread === undefined) this.#keep(bytes.subarray(used))
    else this.#unread.dropFirst(used)
  }

  #serve(head: HeadText): void {
    if (this.port.refusal !== undefined) throw this.port.refusal
    if (head.text.startsWith('CONNECT ')) return void this.#connect(head)
    this.connection.timeoutQueue?.remove(this.connection)
    this.#headers ??= new RepeatedHeader(this.connection, this.port)
    const request = new ClientHttpRequest(this.#headers.read(head), this.#headers.identity, this)
    if (this.#hasEnded && asksForWebSocket(request.head)) return void this.connection.destroy()
    this.#begin(request)
    // The client has left in the middle of this body, while an earlier request was served.
    if (this.#hasEnded && this.#restOfBody === 'partial') return void this.connection.destroy()
    if (forwardsLeft(request.head) === 0) return void answerAsRecipient(request, head.text)
    this.#handler = this.port.handler.request(request, this.connection, this.port)
    this.#handler.begin()
  }

  /** The connection becomes a tunnel. */
  #connect(text: HeadText): void {
    if (this.#hasEnded) return void this.connection.destroy()
    const { head, identity } = this.port.acceptConnect(text, this.connection)
    this.connection.requestTunnel('connect', head, identity, this.leaveHttp())
  }

  #begin(request: ClientHttpRequest): void {
    this.#request = request
    this.body.start(request.head.header)
    this.port.openRequests++
    if (this.#unread === undefined) this.connection.socket.resume()
  }

  /** The request has no login: the next one may have it. */
  #challenge({ line, text }: HeadText, error: GatewayError): void {
    if (line.method === 'CONNECT') return void this.#challengeConnect(parseConnect(line, text).isPersistent, error)
    const head = parseRequestHead(line, parseRequestHeader(text, line.size))
    const { body } = head.header
    // The body would have to be read first, and it is long or has no known end.
    if (body === 'chunked' || body > MAX_AHEAD_BYTES) return void this.#refuse(error, line.method !== 'HEAD')
    this.port.handler.observer.handshakeRefused(error)
    const request = new ClientHttpRequest(head, anonymous, this)
    this.#begin(request)
    const answer = httpError(error)
    request.answer(answer.status, answer.reason, answer.lines, answer.body)
  }

  /** What comes after the head may be the first octets for the target, sent early: such a connection ends with its refusal. */
  #challengeConnect(isPersistent: boolean, error: GatewayError): void {
    if (!isPersistent || this.#unread !== undefined) return void this.#refuse(error, true)
    this.port.handler.observer.handshakeRefused(error)
    this.connection.socket.write(httpErrorBytes(error, this.port.date.line, { isKept: true }))
    this.#goOn()
  }

  leaveHttp(): Buffer | undefined {
    const early = this.#unread?.bytes
    this.#unread = undefined
    this.#finishRequest()
    if (this.#headers !== undefined) this.port.handler.leftHttp(this.connection)
    return early
  }

  /** A request that was not handed over. */
  #refuse(error: GatewayError, withBody: boolean): void {
    this.port.handler.observer.handshakeRefused(error, undefined, this.connection)
    this.reject(error, withBody)
  }

  reject(error: GatewayError, withBody: boolean): void {
    this.#finishRequest()
    this.connection.rejectWith(httpErrorBytes(error, this.port.date.line, { withBody }), error)
  }

  readBody(sink: BodySink): void {
    if (this.body.open(sink)) this.#readUnreadBody()
  }

  #readUnreadBody(): void {
    const unread = this.#unread
    this.#unread = undefined
    this.connection.socket.resume()
    if (unread !== undefined) this.#readBody(unread.bytes, unread)
  }

  /** @param kept where the octets are kept, if they are */
  #readBody(bytes: Buffer, kept?: Accumulator): void {
    const { body } = this
    const used = body.read(bytes)
    if (used === -1) return void this.#bodyBroke()
    if (body.isWhole) {
      this.#unread = kept
      this.#keepRest(bytes, used)
      if (this.#request === undefined) this.#goOn()
      else body.end()
    } else if (body.isHeldUp) this.connection.socket.pause()
    else this.#awaitMoreBody()
  }

  #awaitMoreBody(): void {
    const { body } = this
    const { socket } = this.connection
    if (this.#request === undefined) this.port.keepAlives.add(this.connection)
    if (body.parsedBytes <= MAX_PARSED_BYTES) return
    socket.pause()
    awaitTurn(() => {
      if (!socket.destroyed && !body.isHeldUp) socket.resume()
    })
  }

  #bodyBroke(): void {
    this.body.abandon()
    const error = new GatewayError('GW_BAD_REQUEST', 'the body of the request is not well-formed')
    if (this.#handler !== undefined) return void this.#handler.bodyBroken(error)
    // The answer is complete, and may be on its way: it is the last.
    this.#unread = undefined
    if (this.#request === undefined) this.connection.linger()
    else this.#request.mayPersist = false
  }

  /** The next request is served when the answer was sent. */
  answered(): void {
    const { socket } = this.connection
    if (socket.destroyed) return
    this.#handler = undefined
    if (socket.writableLength === 0) return void this.#answerLeft()
    this.port.unread.add(this.connection)
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
    const request = this.#request
    if (request === undefined) return
    this.#finishRequest()
    if (!request.mayPersist) return void this.connection.linger()
    if (this.body.isWhole) return void this.#goOn()
    this.body.drop()
    this.port.keepAlives.add(this.connection)
    this.#readUnreadBody()
  }

  #finishRequest(): void {
    if (this.#request === undefined) return
    this.#request = undefined
    this.#handler = undefined
    this.port.openRequests--
  }

  /** The request and its answer are over. */
  #goOn(): void {
    this.connection.timeoutQueue?.remove(this.connection)
    this.#isOver = this.#isReadingHeads
    if (this.#isReadingHeads) return
    if (this.#unread !== undefined) return void this.#readHeads(this.#unread.bytes)
    if (this.#hasEnded) return void this.connection.linger()
    this.port.keepAlives.add(this.connection)
    this.connection.socket.resume()
  }

  drained(): void {
    this.#handler?.clientDrained()
  }

  /** RFC 9112 section 9.6: after a complete request a client may close its sending side and read on. */
  ended(): void {
    this.#hasEnded = true
    // Also a paused socket reports the end, when nothing is left to read from it.
    if (this.#awaitsTurn) return
    const request = this.#request
    if (request === undefined || asksForWebSocket(request.head)) return void this.connection.destroy()
    const rest = this.#restOfBody
    if (rest === 'broken') this.#bodyBroke()
    else if (rest === 'whole') this.#handler?.clientEnded()
    else if (this.#handler === undefined) request.mayPersist = false
    else this.connection.destroy()
  }

  get #restOfBody(): ReturnType<RequestBody['restIn']> {
    return this.body.restIn(this.#unread?.bytes ?? NOTHING)
  }

  closed(): void {
    const handler = this.#handler
    this.leaveHttp()
    handler?.clientGone()
  }

  get isIdle(): boolean {
    return this.#request === undefined && this.#unread === undefined
  }

  /** No further request has come in time, or not all of it; or the client does not read the end of an answer. */
  timedOut(): void {
    if (this.#request !== undefined || this.#unread === undefined) return void this.connection.destroy()
    this.#refuse(handshakeTimeout(), !isHead(this.#unread.bytes.toString('latin1')))
  }

  /** A handler of this connection threw an exception. */
  failInternally(): void {
    if (this.#handler !== undefined) return void this.#handler.failInternally()
    const error = internalFailure()
    this.port.handler.observer.handshakeRefused(error)
    if (this.#request === undefined) this.reject(error, true)
    else this.#request.refuse(error)
  }
}

/** An answer to HEAD has no body (RFC 9110 section 9.3.2). @param text a request or its beginning, latin1 */
function isHead(text: string): boolean {
  return /^(?:\r\n)*HEAD /.test(text)
}
