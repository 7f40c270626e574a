/**
 * Sends one plain request to an upstream and its response to the client, both bodies streaming (undici underneath).
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { type Duplex, Readable } from 'node:stream'
import { Client, type Dispatcher, errors } from 'undici'
import type { Breakage } from '../pool/upstream.ts'
import { formatAuthority } from './address.ts'
import { hasBody, type PlainRequest } from './http-server.ts'
import { reasonPhrase } from './reply.ts'

/** RFC 9110 section 7.6.1, and what only concerns the way to us. */
const HOP_BY_HOP = new Set([
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

/** Sets a connection to the upstream up when the client's first one is gone; `callback` hears once. */
export type Reconnect = (callback: (error: Error | null, socket: Socket | null) => void) => void

/** One HTTP/1.1 conversation with an upstream, or with a target through it. */
export class UpstreamConversation {
  readonly #client: Client

  /**
   * @param origin `http://host:port` of the peer: names the connection, is not resolved
   * @param first an open socket for the first request
   * @param bodyIdleMs longest pause inside a response body
   */
  constructor(origin: string, first: Socket, reconnect: Reconnect, bodyIdleMs: number) {
    let ready: Socket | undefined = first
    this.#client = new Client(origin, {
      connect: (_options, callback) => {
        const socket = ready
        ready = undefined
        // Not in this turn: undici ignores what happens while it is being asked to go on.
        if (socket !== undefined && !socket.destroyed) queueMicrotask(() => callback(null, socket))
        else reconnect(callback as Parameters<Reconnect>[0])
      },
      pipelining: 1,
      headersTimeout: 0,
      bodyTimeout: bodyIdleMs,
      allowH2: false,
    })
  }

  send(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.#client.dispatch(options, handler)
  }

  close(): void {
    // Rejects only when it was destroyed before.
    this.#client.destroy().catch(() => {})
  }
}

export interface ExchangeOwner {
  /**
   * The upstream has answered; nothing was said to the client yet.
   * @returns false to drop the answer: it is not for the client
   */
  answered(status: number): boolean
  /** Headers to add to the response. */
  readonly extraHeaders: readonly string[]
  /** The whole response has been passed on. */
  completed(): void
  /** @param how what broke before an answer came; undefined when the response was cut off in the middle */
  broke(how: Breakage | undefined): void
  /** The request itself cannot be sent; its header or body is not what it says. */
  unsendable(): void
  /** The two sides of an upgraded connection, to be joined. */
  upgraded(upstream: Duplex): void
}

/** One try of one request. The client hears nothing before the upstream's final status. */
export class Forward implements Dispatcher.DispatchHandler {
  readonly #request: PlainRequest
  readonly #owner: ExchangeOwner
  #controller: Dispatcher.DispatchController | undefined
  #dropped = false
  #cancelled = false
  readonly #onDrain = () => this.#controller?.resume()

  constructor(request: PlainRequest, owner: ExchangeOwner) {
    this.#request = request
    this.#owner = owner
  }

  /** Gives up: the client has left, or time is up. Nothing is reported afterwards. */
  cancel(): void {
    this.#cancelled = true
    this.#controller?.abort(new Error('the exchange was cancelled'))
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#cancelled) controller.abort(new Error('the exchange was cancelled'))
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    statusMessage?: string,
  ): void {
    // Interim responses (1xx) are for the next hop; the client got its 100 from us.
    if (this.#cancelled || status < 200) return
    if (!this.#owner.answered(status)) {
      this.#dropped = true
      return void controller.abort(new Error('the answer is not for the client'))
    }
    const { response } = this.#request
    response.on('drain', this.#onDrain)
    response.writeHead(status, statusMessage || reasonPhrase(status), [
      ...passedOn(decode(controller.rawHeaders)),
      ...this.#owner.extraHeaders,
    ])
    response.flushHeaders()
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#request.response.write(chunk)) controller.pause()
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    const { response } = this.#request
    response.off('drain', this.#onDrain)
    const trailers = decode(controller.rawTrailers)
    if (trailers.length > 0 && response.chunkedEncoding) response.addTrailers(pairs(passedOn(trailers)))
    response.end()
    if (!this.#cancelled) this.#owner.completed()
  }

  onRequestUpgrade(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    upstream: Duplex,
  ): void {
    if (this.#cancelled) return void upstream.destroy()
    const lines = pairs(decode(controller.rawHeaders)).map(([name, value]) => `${name}: ${value}\r\n`)
    const head = `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n${lines.join('')}\r\n`
    this.#request.upgrade?.socket.write(head, 'latin1')
    this.#owner.upgraded(upstream)
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const { response } = this.#request
    response.off('drain', this.#onDrain)
    if (this.#cancelled || this.#dropped) return
    if (isRequestFault(error)) this.#owner.unsendable()
    else this.#owner.broke(response.headersSent ? undefined : breakageOf(error))
  }
}

/**
 * The request as undici takes it.
 * @param form `absolute` for an upstream that is an HTTP proxy, `origin` through a tunnel
 * @param login value of Proxy-Authorization, or empty
 */
export function dispatchOptions(
  request: PlainRequest,
  form: 'absolute' | 'origin',
  login: string,
  body: LazyBody | undefined,
): Dispatcher.DispatchOptions {
  const { message, target, path } = request
  const authority = formatAuthority(target.host, target.port).replace(/:80$/, '')
  const headers = ['Host', authority, ...passedOn(message.rawHeaders, 'host', 'expect')]
  if (login !== '') headers.push('Proxy-Authorization', login)
  return {
    method: (message.method ?? 'GET') as Dispatcher.HttpMethod,
    path: form === 'origin' ? path : `http://${authority}${path}`,
    headers,
    body: body ?? null,
    ...(request.upgrade === undefined ? {} : { upgrade: 'websocket' }),
  }
}

/** Field lines for the next hop: without hop-by-hop ones, those that Connection names, and our own options. */
function passedOn(raw: readonly string[], ...unwanted: string[]): string[] {
  const dropped = new Set(unwanted)
  for (const [name, value] of pairs(raw)) {
    if (name.toLowerCase() === 'connection')
      for (const token of value.split(',')) dropped.add(token.trim().toLowerCase())
  }
  const kept: string[] = []
  for (const [name, value] of pairs(raw)) {
    const key = name.toLowerCase()
    if (HOP_BY_HOP.has(key) || dropped.has(key) || key.startsWith('x-turnpike-')) continue
    kept.push(name, value)
  }
  return kept
}

function pairs(flat: readonly string[]): [string, string][] {
  const result: [string, string][] = []
  for (let i = 0; i + 1 < flat.length; i += 2) result.push([flat[i] ?? '', flat[i + 1] ?? ''])
  return result
}

/** undici hands field lines over as octets. */
function decode(raw: Dispatcher.DispatchController['rawHeaders']): string[] {
  return Array.isArray(raw) ? raw.map((part) => (typeof part === 'string' ? part : part.toString('latin1'))) : []
}

function breakageOf(error: Error): Breakage {
  return error instanceof errors.HTTPParserError ? 'garbage' : 'closed'
}

function isRequestFault(error: Error): boolean {
  return (
    error instanceof errors.InvalidArgumentError ||
    error instanceof errors.RequestContentLengthMismatchError ||
    error instanceof BodyCutOff
  )
}

/** The client closed its connection, or its request, in the middle of a body. */
class BodyCutOff extends Error {}

/**
 * The client's body, untouched until undici asks for it: as long as it was not, the request may go elsewhere. undici
 * destroys a body when a request fails; this one leaves the client's connection alone.
 */
export class LazyBody extends Readable {
  readonly #message: IncomingMessage
  started = false

  constructor(message: IncomingMessage) {
    super()
    this.#message = message
  }

  static of(request: PlainRequest): LazyBody | undefined {
    return hasBody(request.message) ? new LazyBody(request.message) : undefined
  }

  override _read(): void {
    if (this.started) return void this.#message.resume()
    this.started = true
    this.#message.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) this.#message.pause()
    })
    this.#message.on('end', () => this.push(null))
    this.#message.on('close', () => {
      if (!this.#message.complete) this.destroy(new BodyCutOff())
    })
  }
}
