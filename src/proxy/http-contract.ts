/**
 * The contract between the client's side of a plain HTTP request (downstream/http-request.ts), the upstream's side
 * (upstream/http-connection.ts) and the exchange that joins them (http-exchange.ts).
 *
 *   client ──HttpRequest──▶ exchange ──send──▶ upstream           the request
 *   client ──BodySink─────────────────────────▶ upstream          its body, once the upstream takes it
 *   client ◀──HttpRequest◀── exchange ◀──ResponseHandler── upstream    the answer
 */

import type { Socket } from 'node:net'
import type { ClientIdentity } from '../downstream/client-request.ts'
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

/** One request of a client, and the way to answer it. */
export interface HttpRequest {
  readonly head: RequestHead
  readonly identity: ClientIdentity
  readonly clientAddress: string
  readonly socket: Socket
  /** Whether answers name their upstream. */
  readonly namesUpstream: boolean
  /** Octets of the body were handed out: the request cannot be sent a second time. */
  readonly hasBegunBody: boolean
  readonly isBodyWhole: boolean
  /** Octets of this request so far. */
  octets(): readonly [up: number, down: number]
  /** Octets of the client's connection, from it and to it, that no earlier call has counted. */
  countOctets(): readonly [up: number, down: number]
  /** Hands out the body from here on: at once what has come of it, then the rest. */
  readBody(sink: BodySink): void
  resumeBody(): void
  /** The sink takes no more. The body waits for another one, or is dropped when it had begun. */
  leaveBody(sink: BodySink): void
  /** Passes an interim answer on, where the client may get one. */
  interim(head: ResponseHead): void
  /** Begins the answer. What it is made of leaves with `flush`. @param extra field lines of ours, each with its CRLF */
  begin(head: ResponseHead, extra: string): void
  /**
   * The whole answer, made by the gateway.
   * @param lines fields, each with its CRLF; without Date, framing and Connection
   */
  answer(status: number, reason: string, lines: string, body: Buffer): void
  /** The next octets of the answer's body. */
  push(data: readonly Buffer[]): void
  /** The answer is whole, and leaves. */
  end(trailers: string): void
  /** Everything about the request is over: the next one may be taken up. */
  close(): void
  /** @returns false while the client does not read: `HttpHandler.clientDrained` says when it does */
  flush(): boolean
  /** The connection leaves HTTP. @param head of the 101 answer */
  switchTo(relay: Relay, head: ResponseHead): void
  /** Answers with an error of ours and ends the connection; an answer that has begun is cut off. */
  refuse(error: GatewayError): void
  /** Cuts the answer off: the client must see that it is not whole. */
  cut(): void
}

/** What happens on the client's side while a request is under way. */
export interface HttpHandler extends ExceptionOwner {
  /** The connection is closed. */
  clientGone(): void
  /** The client has closed its sending side behind a whole request: it may still want the answer. */
  clientEnded(): void
  clientDrained(): void
  /** The body is not framed as it should be. */
  bodyBroken(error: GatewayError): void
}

/** What happens on the upstream's side while a request is under way. */
export interface ResponseHandler extends ExceptionOwner {
  /** @returns why the answer is not for the client; undefined: it is passed on */
  judge(head: ResponseHead): Outcome | undefined
  /** The answer begins: the point of no return. */
  beginAnswer(head: ResponseHead): void
  /** The whole answer was passed on. */
  completed(): void
  /** The answer is held up by a client that does not read it, or no longer. */
  stalled(isStalled: boolean): void
  /**
   * No answer that could be passed on. Nothing was said to the client, and the connection is closed.
   * @param isReused the connection has brought an answer before: that it was closed may be nobody's fault
   */
  noAnswer(failure: Outcome, isReused: boolean): void
  /** The answer broke off in the middle. */
  cutOff(): void
  /** The target leaves HTTP. @param early octets behind the head; empty when there are none */
  upgraded(head: ResponseHead, early: Buffer): void
  /** The next octets of the request's body are the client's to send. */
  awaitsClient(): void
  /** The upstream has what there is of the request's body to take, or the end of it. */
  awaitsUpstream(): void
}
