/** The client connections that speak plain HTTP, over all listeners: shared state, and what a stop means for them. */
import type { Clock } from '../clock.ts'
import type { GatewayError } from '../errors.ts'
import type { HttpHandler, HttpRequest } from '../proxy/http-contract.ts'
import { LinkedList } from '../structures/linked-list.ts'
import { TimeoutQueue } from '../structures/timeout-queue.ts'
import type { Connection } from './connection.ts'
import { HttpConnection, type HttpConnectionHost } from './http-connection.ts'
import type { Listener } from './listener.ts'

/** Idle time of a client connection between two requests, ms: browsers keep them for minutes. */
const KEEP_ALIVE_MS = 75_000

export interface HttpConnectionsHandler extends Pick<HttpConnectionHost, 'request' | 'refused'> {
  /** The connection is closed, or continues as a tunnel. */
  leftHttp(connection: Connection): void
}

export class HttpConnections implements HttpConnectionHost {
  readonly keepAlives: TimeoutQueue
  readonly keepAliveLines = `Connection: keep-alive\r\nKeep-Alive: timeout=${KEEP_ALIVE_MS / 1_000}\r\n`
  unread: TimeoutQueue
  readonly open = { count: 0 }
  readonly #handler: HttpConnectionsHandler
  readonly #connections = new LinkedList<HttpConnection>()

  /** @param idleMs how long the end of an answer may wait for a client that does not read it */
  constructor(clock: Clock, idleMs: number, handler: HttpConnectionsHandler) {
    this.keepAlives = new TimeoutQueue(clock, KEEP_ALIVE_MS)
    this.unread = new TimeoutQueue(clock, idleMs)
    this.#handler = handler
  }

  /** As for the constructor; waiting connections keep the former time. */
  configure(idleMs: number): void {
    this.unread = this.unread.withDuration(idleMs)
  }

  /** @param first the octets that the listener has read; none when a CONNECT was refused before */
  take(connection: Connection, first: Buffer, listener: Listener): void {
    const http = new HttpConnection(connection, listener, this)
    this.#connections.add(http)
    connection.readWith(http)
    if (first.length > 0) http.data(first)
    else http.awaitRequest()
  }

  request(request: HttpRequest, connection: Connection, listener: Listener): HttpHandler {
    return this.#handler.request(request, connection, listener)
  }

  refused(error: GatewayError): void {
    this.#handler.refused(error)
  }

  left(http: HttpConnection): void {
    this.#connections.remove(http)
    this.#handler.leftHttp(http.connection)
  }

  /** New connections are told to close; connections without a request are closed. */
  stopAccepting(): void {
    for (const connection of this.#connections.snapshot()) connection.closeIfIdle()
  }

  close(): void {
    this.keepAlives.close()
    this.unread.close()
  }
}
