/**
 * Sends one plain request to an upstream and its response to the client, both bodies streaming (undici underneath).
 */
import { createRequire } from 'node:module'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Client, Dispatcher } from 'undici'
import { reasonPhrase } from '../downstream/error-reply.ts'
import { NodeRequest } from '../downstream/http-server.ts'
import { GatewayError } from '../errors.ts'
import type { Breakage } from '../pool/upstream.ts'
import {
  type Conversation,
  type ExchangeOwner,
  HOP_BY_HOP,
  OPTION_PREFIX,
  type PlainRequest,
  type RequestForm,
  type Sending,
} from '../proxy/http-contract.ts'
import { InterimFilter } from './interim.ts'
import { BodyCutOff, LazyBody } from './lazy-body.ts'

const require = createRequire(import.meta.url)

/** Loaded for the first request that goes this way: most gateways tunnel only, and save 10 MB. */
function undici(): typeof import('undici') {
  return require('undici') as typeof import('undici')
}

/**
 * undici takes the connection and the Host field from us, so this names nothing. A target's name would not do: hosts exist
 * that are no host to the URL parser (xn--a.test).
 */
const ORIGIN = 'http://peer.invalid'

/** The connection of a conversation was closed before the request could be sent on it. */
class ConversationOver extends Error {}

export class UndiciConversation implements Conversation {
  readonly isQuick = false
  readonly #client: Client
  readonly #socket: Socket
  readonly #interim: InterimFilter

  /**
   * @param socket open, paused, nothing read
   * @param limits longest pause inside a response body, and longest head of a response
   */
  constructor(socket: Socket, limits: { bodyIdleMs: number; maxReplyBytes: number }) {
    this.#socket = socket
    this.#interim = new InterimFilter(socket, limits.maxReplyBytes)
    let isTaken = false
    this.#client = new (undici().Client)(ORIGIN, {
      connect: (_options, callback) => {
        const isOver = isTaken || socket.destroyed
        isTaken = true
        // Not in this turn: undici ignores what happens while it is being asked to go on.
        queueMicrotask(() => (isOver ? callback(new ConversationOver(), null) : callback(null, socket)))
      },
      pipelining: 1,
      headersTimeout: 0,
      bodyTimeout: limits.bodyIdleMs,
      maxHeaderSize: limits.maxReplyBytes,
      allowH2: false,
    })
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed
  }

  ask(request: PlainRequest, form: RequestForm, login: string, owner: ExchangeOwner): Sending {
    if (!(request instanceof NodeRequest)) throw new GatewayError('GW_INTERNAL', 'a request for another way')
    const forward = new Forward(request, owner, this.#socket)
    this.#interim.expect()
    this.#client.dispatch(dispatchOptions(request, form, login, forward.body), forward)
    return forward
  }

  close(): void {
    // Rejects only when it was destroyed before.
    this.#client.destroy().catch(() => {})
  }
}

/** One try of one request. The client hears nothing before the upstream's final status. */
class Forward implements Dispatcher.DispatchHandler, Sending {
  /** It belongs to one try: undici destroys it with the request. */
  readonly body: LazyBody | undefined
  readonly #request: NodeRequest
  readonly #owner: ExchangeOwner
  readonly #socket: Socket
  #controller: Dispatcher.DispatchController | undefined
  #dropped = false
  /** The answer has no other end than that of the connection. */
  #endsWithConnection = false
  #cancelled = false
  readonly #onDrain = () => {
    this.#owner.stalled(false)
    this.#controller?.resume()
  }

  constructor(request: NodeRequest, owner: ExchangeOwner, socket: Socket) {
    this.#request = request
    this.#owner = owner
    this.#socket = socket
    this.body = request.hasBody ? new LazyBody(request.message, request.response, owner) : undefined
  }

  get hasBegunBody(): boolean {
    return this.body?.started === true
  }

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
    const fields = decode(controller.rawHeaders)
    if (isOddlyCoded(fields)) throw new (undici().errors.HTTPParserError)('an answer in a coding that is not chunked')
    if (!this.#owner.answered(status)) {
      this.#dropped = true
      return void controller.abort(new Error('the answer is not for the client'))
    }
    this.#endsWithConnection = !isFramed(fields)
    const { response } = this.#request
    response.on('drain', this.#onDrain)
    // Set while the gateway stops.
    if (this.#request.listener.refusal !== undefined) response.shouldKeepAlive = false
    response.writeHead(status, octetsOf(statusMessage) || reasonPhrase(status), [
      ...passedOn(fields),
      ...this.#owner.extraHeaders,
    ])
    response.flushHeaders()
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#request.response.write(chunk)) return
    controller.pause()
    this.#owner.stalled(true)
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    const { response } = this.#request
    response.off('drain', this.#onDrain)
    // undici takes a reset for the end of such an answer.
    if (this.#endsWithConnection && this.#socket.errored !== null) {
      if (!this.#cancelled) this.#owner.broke(undefined)
      return
    }
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
    this.#owner.upgraded(`HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n${lines.join('')}\r\n`)
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const { response } = this.#request
    response.off('drain', this.#onDrain)
    if (this.#cancelled || this.#dropped) return
    if (error instanceof BodyCutOff) this.#owner.clientGone()
    else if (error instanceof ConversationOver) this.#owner.unsent()
    else if (isRequestFault(error)) this.#owner.unsendable()
    else this.#owner.broke(response.headersSent ? undefined : breakageOf(error))
  }
}

/** The request as undici takes it. @param login a header line with its CRLF, or empty */
function dispatchOptions(
  request: NodeRequest,
  form: RequestForm,
  login: string,
  body: LazyBody | undefined,
): Dispatcher.DispatchOptions {
  const { message, target, path } = request
  const authority = target.authority.replace(/:80$/, '')
  const headers = ['Host', authority, ...passedOn(message.rawHeaders, 'host', 'expect')]
  if (login !== '') headers.push('Proxy-Authorization', login.slice(login.indexOf(' ') + 1, -2))
  return {
    method: request.method as Dispatcher.HttpMethod,
    path: form === 'origin' ? path : `http://${authority}${path}`,
    headers,
    body: body ?? null,
    ...(request.isUpgrade ? { upgrade: 'websocket' } : {}),
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
    if (HOP_BY_HOP.has(key) || dropped.has(key) || key.startsWith(OPTION_PREFIX)) continue
    kept.push(name, value)
  }
  return kept
}

function pairs(flat: readonly string[]): [string, string][] {
  const result: [string, string][] = []
  for (let i = 0; i + 1 < flat.length; i += 2) result.push([flat[i] ?? '', flat[i + 1] ?? ''])
  return result
}

/** Whether the end of a body is told by its header (RFC 9112 section 6.3). */
function isFramed(raw: readonly string[]): boolean {
  return pairs(raw).some(([name]) => /^(content-length|transfer-encoding)$/i.test(name))
}

/** Transfer-Encoding ends at the next hop, and we can undo no other than `chunked` (RFC 9112 section 6.1). */
function isOddlyCoded(raw: readonly string[]): boolean {
  let isChunked = false
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (raw[i]?.length !== TRANSFER_ENCODING.length || raw[i]?.toLowerCase() !== TRANSFER_ENCODING) continue
    if (isChunked || raw[i + 1]?.toLowerCase() !== 'chunked') return true
    isChunked = true
  }
  return false
}

const TRANSFER_ENCODING = 'transfer-encoding'

/** undici reads the reason as UTF-8; Node writes it as latin1, and throws at characters beyond. */
function octetsOf(reason = ''): string {
  return Buffer.from(reason).toString('latin1')
}

/** undici hands field lines over as octets. */
function decode(raw: Dispatcher.DispatchController['rawHeaders']): string[] {
  return Array.isArray(raw) ? raw.map((part) => (typeof part === 'string' ? part : part.toString('latin1'))) : []
}

/** @param error before the head of an answer was whole: a length that does not fit is then one that was told twice */
function breakageOf(error: Error): Breakage {
  const { HTTPParserError, HeadersOverflowError, ResponseContentLengthMismatchError } = undici().errors
  const kinds = [HTTPParserError, HeadersOverflowError, ResponseContentLengthMismatchError]
  return kinds.some((kind) => error instanceof kind) ? 'garbage' : 'closed'
}

function isRequestFault(error: Error): boolean {
  const { errors } = undici()
  return error instanceof errors.InvalidArgumentError || error instanceof errors.RequestContentLengthMismatchError
}
