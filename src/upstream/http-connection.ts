/**
 * HTTP/1.1 with an upstream, or with a target through it: sends requests over one connection, one after the other, and
 * passes the answers on. It decides nothing: the exchange judges each answer and is called at each step of it.
 *
 *   idle ──send──▶ asked ──head──▶ answering ──body is whole──▶ idle
 *     └─────────────┴────────────────┴── 101 ──▶ relay
 *     └─────────────┴────────────────┴──▶ closed
 */

import { BodyReader, framingBytes } from '../http1/body.ts'
import { listMembers } from '../http1/fields.ts'
import { looksLikeStatusLine, PartialHead } from '../http1/head.ts'
import { MessageWriter } from '../http1/message-writer.ts'
import {
  asksForWebSocket,
  awaitsContinue,
  hasBody,
  type RequestForm,
  serializeRequestHead,
} from '../http1/request-head.ts'
import { parseResponseHead, type ResponseHead } from '../http1/response-head.ts'
import type { Breakage, Outcome } from '../pool/upstream.ts'
import type { BodySink, HttpRequest, ResponseHandler } from '../proxy/http-contract.ts'
import { TimeoutEntry, type TimeoutQueue } from '../structures/timeout-queue.ts'
import type { UpstreamConnection, UpstreamHandler } from './connection.ts'

const CONTINUE = 100
const SWITCHING_PROTOCOLS = 101

export class UpstreamHttp extends TimeoutEntry implements UpstreamHandler, BodySink {
  readonly connection: UpstreamConnection
  readonly #pauses: TimeoutQueue
  /** Both are set while an answer is awaited or on its way. */
  #request: HttpRequest | undefined
  #handler: ResponseHandler | undefined
  /** The beginning of a head whose end has not come. */
  readonly #head = new PartialHead()
  /** Set from the end of the answer's head to the end of its body. */
  #answer: ResponseHead | undefined
  readonly #body: BodyReader
  readonly #out: MessageWriter
  #isSendingHead = false
  /** The whole request was written. */
  #isSent = true
  #isStalled = false
  /** Answers that this connection has brought. */
  #answers = 0

  /**
   * @param connection open; what it receives comes here from now on
   * @param pauses its duration is the longest pause inside an answer's body
   */
  constructor(connection: UpstreamConnection, pauses: TimeoutQueue) {
    super()
    this.connection = connection
    this.#pauses = pauses
    this.#body = new BodyReader({ maxTrailerBytes: connection.maxReplyBytes, isLenient: true })
    this.#out = new MessageWriter(connection.socket, false)
    connection.relay = this
  }

  /** Whether it can carry another request. */
  get isOpen(): boolean {
    return !this.connection.socket.destroyed
  }

  /**
   * Sends one request; the one before must have been answered.
   * @param form `absolute` for an upstream that is an HTTP proxy, `origin` through a tunnel
   * @param login the header line of our login at the upstream, with its CRLF, or empty
   */
  send(request: HttpRequest, form: RequestForm, login: string, handler: ResponseHandler): void {
    this.#request = request
    this.#handler = handler
    this.#out.head(serializeRequestHead(request.head, form, login))
    this.#isSent = !hasBody(request.head.header)
    if (!this.#isSent) this.#beginBody(request)
    this.#out.flush()
    const isClientsTurn = !this.#isSent && (request.hasBegunBody || !awaitsContinue(request.head))
    if (isClientsTurn) this.#handler?.awaitsClient()
  }

  /** What has come of the body leaves with the head. */
  #beginBody(request: HttpRequest): void {
    this.#isSendingHead = true
    request.readBody(this)
    this.#isSendingHead = false
  }

  bodyData(data: readonly Buffer[]): boolean {
    this.#out.data(data, this.#request?.head.header.body === 'chunked')
    if (this.#isSendingHead) return true
    const flows = this.#out.flush()
    if (this.#answer !== undefined && !this.#isStalled) this.#pauses.add(this)
    if (flows) this.#handler?.awaitsClient()
    else this.#handler?.awaitsUpstream()
    return flows
  }

  bodyEnd(trailers: string): void {
    if (this.#request?.head.header.body === 'chunked') this.#out.lastChunk(trailers)
    this.#isSent = true
    if (this.#isSendingHead) return
    this.#out.flush()
    this.#handler?.awaitsUpstream()
  }

  /** The upstream has taken what it was sent. */
  upstreamDrained(): void {
    if (this.#isSent) return
    this.#request?.resumeBody()
    this.#handler?.awaitsClient()
  }

  /** Octets from the upstream, in memory that is reused after this call. */
  received(bytes: Buffer): void {
    // Octets without a request belong to no answer.
    if (this.#handler === undefined) this.close()
    else if (this.#answer === undefined) this.#readHead(bytes)
    else this.#pass(bytes)
  }

  /** The same, in the connection's own buffer. */
  receivedInBuffer(bytes: Buffer): boolean {
    this.received(bytes)
    return true
  }

  #readHead(piece: Buffer): void {
    let bytes = this.#head.with(piece)
    for (let parsed = 0; ; ) {
      const end = this.#head.endIn(bytes)
      if (end === -1) return void this.#keepHead(bytes, parsed)
      const head = this.#parseHead(bytes, end)
      if (head === undefined) return void this.#broke('garbage')
      bytes = bytes.subarray(end)
      parsed += end
      this.#head.clear()
      if (head.status >= 200) return void this.#begin(head, bytes)
      if (head.status === SWITCHING_PROTOCOLS) return void this.#switch(head, bytes)
      this.#request?.interim(head)
      // Once its body has begun, the octets tell whose turn it is.
      const mayBegin = head.status === CONTINUE && !this.#isSent && this.#request?.hasBegunBody === false
      if (mayBegin) this.#handler?.awaitsClient()
    }
  }

  /** @param parsed octets of interim answers before it */
  #keepHead(bytes: Buffer, parsed: number): void {
    if (!looksLikeStatusLine(bytes) || bytes.length > this.connection.maxReplyBytes) return void this.#broke('garbage')
    this.#head.keep(bytes)
    this.#parsed(parsed)
  }

  /** @returns undefined for what is no answer, and for a 101 to what was not asked for (RFC 9110 section 7.8) */
  #parseHead(bytes: Buffer, end: number): ResponseHead | undefined {
    const request = this.#request
    if (end > this.connection.maxReplyBytes || request === undefined) return undefined
    const head = parseResponseHead(bytes.toString('latin1', 0, end), request.head.method)
    if (head?.status !== SWITCHING_PROTOCOLS) return head
    return asksForWebSocket(request.head) && listMembers(head.upgrade ?? '').includes('websocket') ? head : undefined
  }

  #begin(head: ResponseHead, rest: Buffer): void {
    const failure = this.#handler?.judge(head)
    if (failure !== undefined) return void this.#fail(failure)
    this.#answers++
    this.#answer = head
    this.#body.start(head.body, head.named)
    this.#handler?.beginAnswer(head)
    this.#pass(rest)
  }

  #switch(head: ResponseHead, rest: Buffer): void {
    const handler = this.#handler
    this.#forget()
    handler?.upgraded(head, rest)
  }

  #pass(bytes: Buffer): void {
    const data: Buffer[] = []
    const used = this.#body.read(bytes, data)
    if (data.length > 0) this.#request?.push(data)
    if (used !== -1 && this.#body.isWhole) return void this.#complete(used < bytes.length)
    const flows = this.#request?.flush() ?? true
    if (used === -1) return void this.#broke('garbage')
    if (!flows) return void this.#stall()
    this.#pauses.add(this)
    this.#parsed(framingBytes(bytes, data))
  }

  #parsed(octets: number): void {
    this.connection.parsed(octets, () => this.#isStalled)
  }

  /** @param isOver nothing more can be sent on this connection */
  #complete(isOver: boolean): void {
    const request = this.#request
    const handler = this.#handler
    const isLast = isOver || this.#answer?.isLast === true || !this.#isSent
    this.#forget()
    if (isLast) this.close()
    else this.connection.retireBuffer()
    request?.end(this.#body.trailers)
    handler?.completed()
    request?.close()
  }

  #stall(): void {
    this.#isStalled = true
    this.timeoutQueue?.remove(this)
    this.connection.socket.pause()
    this.#handler?.stalled(true)
  }

  /** The client has read what it was sent. */
  clientDrained(): void {
    if (!this.#isStalled) return
    this.#isStalled = false
    this.#handler?.stalled(false)
    this.#pauses.add(this)
    this.connection.socket.resume()
  }

  upstreamEnded(): void {
    if (this.#answer !== undefined && this.#body.endsWithConnection) this.#complete(true)
    else this.#broke('closed')
  }

  upstreamErrored(): void {
    this.#broke('closed')
  }

  upstreamClosed(): void {
    this.#broke('closed')
  }

  /** The upstream has paused for too long inside a body. */
  override onDeadline(): void {
    this.#broke('silent')
  }

  #broke(how: Breakage): void {
    this.#fail({ kind: 'broken', how })
  }

  #fail(failure: Outcome): void {
    const handler = this.#handler
    const isAnswering = this.#answer !== undefined
    this.cancel()
    if (isAnswering) handler?.cutOff()
    else handler?.noAnswer(failure, this.#answers > 0)
  }

  /** The exception ends the exchange that is under way. */
  override failInternally(): void {
    const handler = this.#handler
    this.cancel()
    handler?.failInternally()
  }

  /** Gives up the request under way: nothing is reported afterwards. */
  cancel(): void {
    this.#forget()
    this.close()
  }

  #forget(): void {
    this.timeoutQueue?.remove(this)
    this.#request?.leaveBody(this)
    this.#request = undefined
    this.#handler = undefined
    this.#head.clear()
    this.#answer = undefined
    this.#out.clear()
    this.#isStalled = false
  }

  close(): void {
    this.connection.destroy()
    this.connection.releaseBuffer(true)
  }
}
