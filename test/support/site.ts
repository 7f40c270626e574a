import type { Socket } from 'node:net'
import { HttpExchange } from './exchange.ts'
import { type Header, readRequestHead, requestFraming, WireError } from './http-wire.ts'
import { LoopbackServer } from './loopback-server.ts'
import { routeFor } from './site-routes.ts'
import { SocketReader } from './socket-io.ts'
import { reset, startTls } from './tls.ts'

/** Bytes of a connection that are kept for the tests to read. */
const KEPT_BYTES = 1024 * 1024

export interface SiteOptions {
  readonly tls?: boolean
}

/** A request as the site's strict parser (http-wire.ts) understood it. */
export interface SiteRequest {
  readonly method: string
  /** The request line's target as it came: origin-form when the proxies did their work. */
  readonly target: string
  readonly version: '1.0' | '1.1'
  readonly headers: readonly Header[]
  /** The very bytes of the head, as latin1. */
  readonly raw: string
  /** Address of whoever connected: which upstream this came through. */
  readonly peer: string
  /** Decoded body bytes read so far. */
  bodyBytes: number
  trailers: Header[]
}

/** One connection: all that arrived, and what was understood of it. */
export interface SiteConnection {
  readonly peer: string
  readonly requests: SiteRequest[]
  /** What arrived, the first MiB of it. */
  readonly bytes: () => Buffer
  /** Why the strict parser gave up, if it did: a smuggling test asserts that this stays undefined. */
  violation?: string
}

/** A web site on loopback. Its pages are listed in site-routes.ts; what it was asked stays here for the tests. */
export class WebSite {
  readonly connections: SiteConnection[] = []
  readonly #tls: boolean
  readonly #server = new LoopbackServer((socket) => this.#serve(socket))

  constructor(options: SiteOptions = {}) {
    this.#tls = options.tls ?? false
  }

  get host(): string {
    return this.#server.host
  }

  get port(): number {
    return this.#server.port
  }

  get authority(): string {
    return this.#server.authority
  }

  get openSockets(): number {
    return this.#server.openSockets
  }

  get requests(): SiteRequest[] {
    return this.connections.flatMap((connection) => connection.requests)
  }

  get violations(): string[] {
    return this.connections.flatMap((connection) => connection.violation ?? [])
  }

  async listen(host?: string, port?: number): Promise<this> {
    await this.#server.listen(host, port)
    return this
  }

  close(): Promise<void> {
    return this.#server.close()
  }

  async #serve(raw: Socket): Promise<void> {
    const { connection, keep } = record(raw.remoteAddress ?? '')
    this.connections.push(connection)
    const socket = this.#tls ? await startTls(raw) : raw
    const reader = new SocketReader(socket, { timeoutMs: null, onBytes: keep })
    try {
      while (await answerNext(connection, reader, () => reset(raw)));
      socket.end()
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      connection.violation = error.message
      reader.discard()
      socket.end(`HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
    }
  }
}

/** False: this was the connection's last request. */
async function answerNext(connection: SiteConnection, reader: SocketReader, reset: () => void): Promise<boolean> {
  const head = await readRequestHead(reader)
  if (head === null) return false
  const framing = requestFraming(head)
  const request: SiteRequest = { ...head, peer: connection.peer, bodyBytes: 0, trailers: [] }
  connection.requests.push(request)
  const exchange = new HttpExchange(reader, head, framing, request, reset)
  await routeFor(exchange.url.pathname)(exchange)
  return exchange.finish()
}

function record(peer: string): { connection: SiteConnection; keep: (bytes: Buffer) => void } {
  const pieces: Buffer[] = []
  let kept = 0
  const keep = (bytes: Buffer) => {
    if (kept < KEPT_BYTES) pieces.push(bytes)
    kept += bytes.length
  }
  return { connection: { peer, requests: [], bytes: () => Buffer.concat(pieces) }, keep }
}
