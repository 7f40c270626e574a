/**
 * The contract between the client's side of a plain HTTP request (downstream/http-request.ts), the upstream's side
 * (upstream/http-connection.ts) and the exchange that joins them (http-exchange.ts).
 *
 *   client ──HttpRequest──▶ exchange ──send──▶ upstream           the request
 *   client ──BodySink─────────────────────────▶ upstream          its body, when the upstream is ready
 *   client ◀──HttpRequest◀── exchange ◀──ResponseHandler── upstream    the answer
 */

import type { Socket } from 'node:net'
import type { ClientIdentity, RequestHandler } from '../downstream/client-request.ts'
import type { GatewayError } from '../errors.ts'
import type { RequestHead } from '../http1/request-head.ts'
import type { ResponseHead } from '../http1/response-head.ts'
import type { ExceptionOwner } from '../internal-errors.ts'
import type { Outcome } from '../pool/upstream.ts'
import type { Relay } from './relay.ts'

/** Takes the body of a request. */
export interface BodySink {
  /** @returns false: no more until `HttpRequest.resumeBody` */
  bodyData(data: readonly Buffer[]): boolean
  /** @param trailers field lines, each with its CRLF */
  bodyEnd(trailers: string): void
}

/** One request of a client, and the methods that answer it. */
export interface HttpRequest {
  readonly head: RequestHead
  readonly identity: ClientIdentity
  readonly clientAddress: string
  readonly socket: Socket
  /** Whether answers name their upstream. */
  readonly namesUpstream: boolean
  /** Octets of the body were passed on: the request cannot be sent a second time. */
  readonly hasBegunBody: boolean
  /** Octets of this request so far. */
  octets(): readonly [up: number, down: number]
  /** Octets from and to the client's connection that no earlier call has returned. */
  countOctets(): readonly [up: number, down: number]
  /** Passes the body to a sink: first what has arrived, then the rest. */
  readBody(sink: BodySink): void
  resumeBody(): void
  /** Removes the sink. The body waits for another one, or is dropped when it had begun. */
  leaveBody(sink: BodySink): void
  /** Passes an interim answer on, if the client may receive one. */
  interim(head: ResponseHead): void
  /** Begins the answer, which is sent with `flush`. @param extra our own field lines, each with its CRLF */
  begin(head: ResponseHead, extra: string): void
  /**
   * The complete answer, made by the gateway.
   * @param lines fields, each with its CRLF; without Date, framing and Connection
   */
  answer(status: number, reason: string, lines: string, body: Buffer): void
  /** The next octets of the answer's body; `flush` or `end` follows before their memory is reused. */
  push(data: readonly Buffer[]): void
  /** The answer is complete, and is sent. */
  end(trailers: string): void
  /** The request has ended completely: the next one may begin. */
  close(): void
  /** @returns false while the client does not read: `HttpHandler.clientDrained` follows */
  flush(): boolean
  /** The connection changes its protocol. @param head of the 101 answer */
  switchTo(relay: Relay, head: ResponseHead): void
  /** Answers with an error of the gateway and ends the connection; an answer that has begun is cut off. */
  refuse(error: GatewayError): void
  /** Cuts the answer off, so that the client sees that it is incomplete. */
  cut(): void
}

/** Events on the client's side during a request. */
export interface HttpHandler extends RequestHandler {
  /** The client has closed its sending side after a complete request: it may still expect the answer. */
  clientEnded(): void
  clientDrained(): void
  /** The framing of the body is invalid. */
  bodyBroken(error: GatewayError): void
}

/** Events on the upstream's side during a request. */
export interface ResponseHandler extends ExceptionOwner {
  /** @returns why the answer is not passed to the client; undefined: it is */
  judge(head: ResponseHead): Outcome | undefined
  /** The answer begins: no other upstream may be tried after this. */
  beginAnswer(head: ResponseHead): void
  /** The complete answer was passed on. */
  completed(): void
  /** A client that does not read delays the answer, or no longer does. */
  stalled(isStalled: boolean): void
  /**
   * There is no answer to pass on. Nothing was sent to the client, and the connection is closed.
   * @param isReused the connection has carried an answer before: its close may be a normal idle time-out
   */
  noAnswer(failure: Outcome, isReused: boolean): void
  /** The answer ended before it was complete. */
  cutOff(): void
  /** The target changes the protocol. @param early octets after the head, or none; their memory is reused after this call */
  upgraded(head: ResponseHead, early: Buffer): void
  /** The upstream is ready for the request's body. */
  awaitsClient(): void
  /** The upstream has received the request's body so far, or its end. */
  awaitsUpstream(): void
}
