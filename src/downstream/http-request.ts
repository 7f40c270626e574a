/** One plain request, and its answer in the framing for this client: in chunks, with a length, or until the close. */

import type { Socket } from 'node:net'
import type { GatewayError } from '../errors.ts'
import { NO_FIELDS } from '../http1/fields.ts'
import { MessageWriter } from '../http1/message-writer.ts'
import { asksForWebSocket, awaitsContinue, isPersistent, type RequestHead } from '../http1/request-head.ts'
import type { ResponseHead } from '../http1/response-head.ts'
import { resetOrDestroy } from '../network/reset.ts'
import type { BodySink, HttpRequest } from '../proxy/http-contract.ts'
import type { Relay } from '../proxy/relay.ts'
import { type ClientPort, KEEP_ALIVE_MS } from './client-port.ts'
import type { ClientIdentity } from './client-request.ts'
import type { Connection } from './connection.ts'
import { reasonPhrase } from './error-reply.ts'
import type { RequestBody } from './request-body.ts'

/** The connection that the request came on. */
export interface RequestConnection {
  readonly connection: Connection
  readonly port: ClientPort
  readonly body: RequestBody
  /** Hands the body to the sink from here on. */
  readBody(sink: BodySink): void
  /** The complete answer was written. */
  answered(): void
  /** The last answer on this connection. @param withBody false for HEAD */
  reject(error: GatewayError, withBody: boolean): void
  /** The connection has changed its protocol. @returns the octets that the client has sent after the request */
  leaveHttp(): Buffer | undefined
}

const KEEP_ALIVE_LINES = `Connection: keep-alive\r\nKeep-Alive: timeout=${KEEP_ALIVE_MS / 1_000}\r\n`

type AnswerFraming = 'none' | 'length' | 'chunked' | 'until-close'

/** RFC 9112 section 6.1: an HTTP/1.0 client does not know chunks. */
function framingFor({ minorVersion }: RequestHead, { mayHaveBody, hasLength }: ResponseHead): AnswerFraming {
  if (!mayHaveBody) return 'none'
  if (hasLength) return 'length'
  return minorVersion === 0 ? 'until-close' : 'chunked'
}

export class ClientHttpRequest implements HttpRequest {
  readonly head: RequestHead
  readonly identity: ClientIdentity
  /** Another request may follow on the connection; known when the answer begins. */
  mayPersist = false
  readonly #owner: RequestConnection
  #framing: AnswerFraming | undefined
  readonly #out: MessageWriter

  constructor(head: RequestHead, identity: ClientIdentity, owner: RequestConnection) {
    this.head = head
    this.identity = identity
    this.#owner = owner
    this.#out = new MessageWriter(owner.connection.socket, true)
  }

  get clientAddress(): string {
    return this.#owner.connection.clientAddress
  }

  get socket(): Socket {
    return this.#owner.connection.socket
  }

  get namesUpstream(): boolean {
    return this.#owner.port.settings.upstreamHeader
  }

  get hasBegunBody(): boolean {
    return this.#owner.body.hasBegun
  }

  octets(): readonly [up: number, down: number] {
    return this.#owner.connection.octets()
  }

  countOctets(): readonly [up: number, down: number] {
    return this.#owner.connection.countOctets()
  }

  readBody(sink: BodySink): void {
    this.#owner.readBody(sink)
  }

  resumeBody(): void {
    if (this.#owner.body.isFlowing) this.socket.resume()
  }

  leaveBody(sink: BodySink): void {
    this.#owner.body.leave(sink)
  }

  /**
   * RFC 9110 section 15.2: passed on, but not to an HTTP/1.0 client. A `100 Continue` that was not requested has no effect. A client
   * that does not read gets none: their number is not limited.
   */
  interim(head: ResponseHead): void {
    const isWanted = head.status === 100 ? awaitsContinue(this.head) : this.head.minorVersion === 1
    if (!isWanted || this.socket.writableNeedDrain) return
    this.socket.write(`HTTP/1.1 ${head.status} ${reasonOf(head)}\r\n${head.lines}\r\n`, 'latin1')
  }

  begin(head: ResponseHead, extra: string): void {
    const framing = framingFor(this.head, head)
    this.#framing = framing
    const coding = framing === 'chunked' ? 'Transfer-Encoding: chunked\r\n' : ''
    this.mayPersist = this.#owner.port.keepsConnections && this.#isPersistent
    const connection = this.mayPersist ? KEEP_ALIVE_LINES : 'Connection: close\r\n'
    // RFC 9110 section 6.6.1: a recipient that passes on an answer without Date adds it.
    const date = head.hasDate ? '' : this.#owner.port.date.line
    this.#out.head(
      `HTTP/1.1 ${head.status} ${reasonOf(head)}\r\n${date}${head.lines}${coding}${extra}${connection}\r\n`,
    )
  }

  /**
   * After an answer that came before `100 Continue`, the body may follow or not: it cannot be distinguished from a request
   * (RFC 9110 section 10.1.1). The same holds after an upgrade that was not made.
   */
  get #isPersistent(): boolean {
    const { head } = this
    if (asksForWebSocket(head)) return false
    return isPersistent(head) && (this.hasBegunBody || !awaitsContinue(head))
  }

  answer(status: number, reason: string, lines: string, body: Buffer): void {
    const mayHaveBody = this.head.method !== 'HEAD'
    const framed = {
      lines: `${lines}Content-Length: ${body.length}\r\n`,
      body: body.length,
      hasLength: true,
      mayHaveBody,
      named: NO_FIELDS,
    }
    this.begin({ status, reason, ...framed, hasDate: false, upgrade: undefined, isLast: false }, '')
    if (mayHaveBody) this.push([body])
    this.end('')
    this.close()
  }

  push(data: readonly Buffer[]): void {
    this.#out.data(data, this.#framing === 'chunked')
  }

  end(trailers: string): void {
    if (this.#framing === 'chunked') this.#out.lastChunk(trailers)
    this.#out.flush()
  }

  close(): void {
    this.#owner.answered()
  }

  flush(): boolean {
    return this.#out.flush()
  }

  switchTo(relay: Relay, head: ResponseHead): void {
    const upgrade = `Connection: Upgrade\r\nUpgrade: ${head.upgrade ?? ''}\r\n`
    this.socket.write(`HTTP/1.1 ${head.status} ${reasonOf(head)}\r\n${head.lines}${upgrade}\r\n`, 'latin1')
    this.#owner.connection.join(relay, this.#owner.leaveHttp())
  }

  refuse(error: GatewayError): void {
    if (this.#framing !== undefined) this.cut()
    else this.#owner.reject(error, this.head.method !== 'HEAD')
  }

  /** When the end of the connection is the end of the answer, only a reset shows that it is incomplete. */
  cut(): void {
    if (this.#framing === 'until-close') resetOrDestroy(this.socket)
    else this.socket.destroy()
  }
}

function reasonOf({ status, reason }: ResponseHead): string {
  return reason === '' ? reasonPhrase(status) : reason
}
