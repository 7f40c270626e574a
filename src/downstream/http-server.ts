/**
 * Plain HTTP from clients: absolute-form requests (RFC 9112 section 3.2.2). A connection begins on the short way
 * (http-connection.ts) and comes here with the first request that is not of the usual kind: Node's own parser reads it, this
 * file checks what that parser lets pass, and hands each request over as a PlainRequest.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { parseAuthority, type Target, toTarget, unmapIPv4 } from '../address.ts'
import type { Clock } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import type { Field } from '../http1/head.ts'
import { containException, containListeners, type ExceptionOwner, internalFailure } from '../internal-errors.ts'
import { http } from '../node-http.ts'
import type { PlainOwner, PlainRequest } from '../proxy/http-contract.ts'
import { LinkedList } from '../structures/linked-list.ts'
import { DeadlineList } from '../structures/timeout-queue.ts'
import type { ClientIdentity, PendingTunnel } from './client-request.ts'
import type { Connection } from './connection.ts'
import { withHeaderOptions } from './handshake.ts'
import { QuickClient, type QuickHost } from './http-connection.ts'
import type { Listener } from './listener.ts'

/** A plain request as Node's server has read it. */
export class NodeRequest implements PlainRequest {
  readonly isQuick = false
  readonly message: IncomingMessage
  readonly response: ServerResponse
  readonly target: Target
  /** Path and query, for origin-form. */
  readonly path: string
  readonly identity: ClientIdentity
  readonly clientAddress: string
  readonly listener: Listener
  readonly connection: Connection
  readonly isUpgrade: boolean

  constructor(
    { connection, listener }: Client,
    http: { message: IncomingMessage; response: ServerResponse; isUpgrade: boolean },
    wish: Pick<NodeRequest, 'target' | 'path' | 'identity' | 'clientAddress'>,
  ) {
    this.connection = connection
    this.listener = listener
    this.message = http.message
    this.response = http.response
    this.isUpgrade = http.isUpgrade
    this.target = wish.target
    this.path = wish.path
    this.identity = wish.identity
    this.clientAddress = wish.clientAddress
  }

  get method(): string {
    return this.message.method ?? 'GET'
  }

  get hasBody(): boolean {
    return hasBody(this.message)
  }

  refuse(error: GatewayError): void {
    if (this.response.headersSent) this.cut()
    else this.connection.turnAway(error, this.method !== 'HEAD')
  }

  /** An HTTP/1.0 client may take the end of the connection for the end of the answer: only a reset tells it otherwise. */
  cut(): void {
    if (this.message.httpVersion === '1.0') this.connection.socket.resetAndDestroy()
    else this.response.destroy()
  }
}

export interface HttpFrontOwner extends PlainOwner {
  /** The connection goes on as a tunnel. */
  leftHttp(socket: Socket): void
}

/** A client connection. Its requests are taken up one after the other, however many of them it sends ahead. */
interface Client {
  readonly connection: Connection
  readonly listener: Listener
  isBusy: boolean
  /** Nothing behind the latest request is listened to. */
  isLast: boolean
  /** The request that was read last; its body may still be coming. */
  latest: { readonly message: IncomingMessage; readonly response: ServerResponse } | undefined
  /** What came before the answer to an earlier request was out. */
  readonly ahead: ((client: Client) => void)[]
}

/** Requests that a client may send ahead before it is no longer read from. */
const MAX_AHEAD = 64

export interface HttpFrontSettings {
  readonly handshakeMs: number
  readonly maxHeaderBytes: number
  /** How long a client connection may stay open between two requests, ms. */
  readonly keepAliveMs: number
  /** How long the end of an answer may wait for a client that does not read it, ms. */
  readonly idleMs: number
}

export class HttpFront implements QuickHost {
  readonly owner: HttpFrontOwner
  readonly keepAlives: DeadlineList
  readonly keepAliveLines: string
  readonly unread: DeadlineList
  /** Requests whose answer is not out yet. */
  readonly open = { count: 0 }
  readonly #server: Server
  readonly #quick = new LinkedList<QuickClient>()
  /** Those that Node's server reads from. */
  readonly #clients = new WeakMap<Duplex, Client>()
  #stopping = false

  constructor(settings: HttpFrontSettings, clock: Clock, owner: HttpFrontOwner) {
    this.owner = owner
    this.keepAlives = new DeadlineList(clock, settings.keepAliveMs)
    this.keepAliveLines = `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(settings.keepAliveMs / 1_000)}\r\n`
    this.unread = new DeadlineList(clock, settings.idleMs)
    this.#server = http.createServer({
      maxHeaderSize: settings.maxHeaderBytes,
      headersTimeout: settings.handshakeMs,
      // Uploads may take hours; a stalled one ends by the idle time of the exchange.
      requestTimeout: 0,
      keepAliveTimeout: settings.keepAliveMs,
      connectionsCheckingInterval: Math.round(Math.min(1_000, Math.max(20, settings.handshakeMs / 4))),
      // HTTP/1.0 has none. We ask for it ourselves where it must be.
      requireHostHeader: false,
      noDelay: true,
      shouldUpgradeCallback: mayLeaveHttp,
    })
    const onRequest = (message: IncomingMessage, response: ServerResponse) => this.#arrived(message, response)
    this.#server.on('request', onRequest)
    // Nobody is asked to go on before an upstream wants the body (lazy-body.ts).
    this.#server.on('checkContinue', onRequest)
    this.#server.on('checkExpectation', onRequest)
    this.#server.on('connect', (message, socket, head) =>
      this.#leave(socket, (client) => this.#connect(client, message, head)),
    )
    this.#server.on('upgrade', (message, socket, head) =>
      this.#leave(socket, (client) => this.#upgrade(client, message, head)),
    )
    this.#server.on('clientError', (error, socket) => this.#clientError(error, socket))
    // A server that never listens arms its time limits on this event only.
    this.#server.emit('listening')
  }

  /** Takes a connection whose first octets were read by the listener. */
  take(connection: Connection, first: Buffer, listener: Listener): void {
    const client = new QuickClient(connection, listener, this)
    this.#quick.add(client)
    connection.readWith(client)
    client.data(first)
  }

  left(client: QuickClient): void {
    this.#quick.remove(client)
  }

  /** Node's server reads a connection from these octets on. */
  lend({ connection, listener }: QuickClient, octets: Buffer): void {
    const socket = connection.lend()
    this.#clients.set(socket, { connection, listener, isBusy: false, isLast: false, latest: undefined, ahead: [] })
    socket.pause()
    socket.unshift(octets)
    this.#server.emit('connection', socket)
    socket.resume()
  }

  #arrived(message: IncomingMessage, response: ServerResponse): void {
    const client = this.#clients.get(message.socket)
    if (client?.isLast === true) return void message.resume()
    if (client !== undefined) {
      const owner = this.#exceptionOwner(client)
      containListeners(message, owner)
      containListeners(response, owner)
    }
    if (client !== undefined) client.latest = { message, response }
    this.#inTurn(message.socket, (owner) => this.#request(owner, message, response))
    if (client !== undefined) client.isLast = wantsUpgrade(message)
  }

  /** What leaves HTTP: Node's server does not listen to the socket any more, and earlier requests may be under way. */
  #leave(socket: Duplex, task: (client: Client) => void): void {
    this.#clients.get(socket)?.connection.awaitTurn()
    this.#inTurn(socket, task)
  }

  #inTurn(socket: Duplex, task: (client: Client) => void): void {
    const client = this.#clients.get(socket)
    if (client === undefined) return void socket.destroy()
    if (client.isLast) return
    if (client.isBusy) {
      if (client.ahead.push(task) === MAX_AHEAD) socket.pause()
      return
    }
    client.isBusy = true
    this.#run(client, task)
  }

  /** An exception in a task ends the client's connection. */
  #run(client: Client, task: (client: Client) => void): void {
    try {
      task(client)
    } catch (error) {
      containException(error, this.#exceptionOwner(client))
    }
  }

  #exceptionOwner(client: Client): ExceptionOwner {
    return { failInternally: () => this.#turnAway(client, internalFailure()) }
  }

  #answered(client: Client): void {
    client.isBusy = false
    this.unread.remove(client.connection)
    const { socket } = client.connection
    if (client.ahead.length === MAX_AHEAD) socket.resume()
    const next = client.ahead.shift()
    // Behind the last answer nothing is taken up.
    if (next === undefined || !socket.writable) return
    client.isBusy = true
    this.#run(client, next)
  }

  #request(client: Client, message: IncomingMessage, response: ServerResponse): void {
    response.once('prefinish', () => this.unread.add(client.connection))
    response.once('close', () => this.#answered(client))
    response.sendDate = false
    if (this.#stopping || wantsUpgrade(message)) response.setHeader('Connection', 'close')
    this.#hand(client, message, response, false)
  }

  #hand(
    client: Client,
    message: IncomingMessage,
    response: ServerResponse,
    isUpgrade: boolean,
  ): PendingTunnel | undefined {
    try {
      const wish = this.#check(message, client)
      const pending = this.owner.plain(new NodeRequest(client, { message, response, isUpgrade }, wish))
      this.#watch(response, isUpgrade ? undefined : pending)
      return pending
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      this.owner.refused(error)
      client.connection.turnAway(error, message.method !== 'HEAD')
      return undefined
    }
  }

  /** @param pending who hears of it when the client leaves before the answer is out */
  #watch(response: ServerResponse, pending: PendingTunnel | undefined): void {
    this.open.count++
    response.once('close', () => {
      this.open.count--
      if (!response.writableFinished) pending?.clientGone()
    })
  }

  /** @throws {GatewayError} for everything that is not a well-formed absolute-form request of somebody allowed */
  #check(
    message: IncomingMessage,
    { connection, listener }: Client,
  ): Pick<NodeRequest, 'target' | 'path' | 'identity' | 'clientAddress'> {
    const clientAddress = unmapIPv4(message.socket.remoteAddress ?? '')
    if (listener.refusal !== undefined) throw listener.refusal
    const fields = fieldsOf(message)
    refuseBadFraming(message, fields)
    const { target, path } = parseAbsoluteForm(message)
    const login = fields.find((field) => field.name === 'proxy-authorization')?.value
    const identity = listener.access.identify(login, connection)
    const allowed = listener.optionHeaders ? withHeaderOptions(identity, fields) : identity
    return { target, path, identity: allowed, clientAddress }
  }

  /** CONNECT behind other requests on one connection: the same as if it had come first. */
  #connect({ connection }: Client, message: IncomingMessage, head: Buffer): void {
    this.owner.leftHttp(connection.socket)
    const lines: string[] = []
    for (let i = 0; i < message.rawHeaders.length; i += 2)
      lines.push(`${message.rawHeaders[i]}: ${message.rawHeaders[i + 1]}\r\n`)
    const text = `CONNECT ${message.url} HTTP/${message.httpVersion}\r\n${lines.join('')}\r\n`
    connection.resumeAsTunnel(text, head)
  }

  #upgrade(client: Client, message: IncomingMessage, head: Buffer): void {
    const response = upgradeResponse(message, client.connection)
    client.connection.resumeAsUpgrade(head, () => {
      if (mayLeaveHttp(message)) return this.#hand(client, message, response, true)
      const error = new GatewayError('GW_BAD_REQUEST', 'only WebSocket upgrades are forwarded')
      this.owner.refused(error)
      client.connection.turnAway(error)
      return undefined
    })
  }

  /** What the parser does not understand is answered in its turn: never in front of, or inside, an earlier answer. */
  #clientError(error: NodeJS.ErrnoException, socket: Duplex): void {
    const client = this.#clients.get(socket)
    const refusal = translate(error)
    if (client === undefined || refusal === undefined) return void socket.destroy()
    const isInBody = client.latest?.message.complete === false
    if (client.isLast && !isInBody) return
    if (!client.isBusy || (isInBody && client.ahead.length === 0)) return void this.#turnAway(client, refusal)
    // A request whose body is broken is not even begun.
    if (isInBody) client.ahead.pop()
    client.ahead.push(() => this.#turnAway(client, refusal))
  }

  #turnAway({ connection, latest }: Client, refusal: GatewayError): void {
    const isAnswering = latest?.message.complete === false && latest.response.headersSent
    if (isAnswering || !connection.socket.writable) return void connection.socket.destroy()
    this.owner.refused(refusal)
    connection.turnAway(refusal)
  }

  /** Newcomers hear `close`; connections without a request are closed. */
  stopAccepting(): void {
    this.#stopping = true
    for (const client of this.#quick.snapshot()) client.closeIfIdle()
    this.#server.closeIdleConnections()
  }

  close(): void {
    this.keepAlives.close()
    this.unread.close()
    this.#server.closeAllConnections()
    this.#server.close()
  }
}

/** Only a WebSocket handshake may leave HTTP (RFC 6455 section 4.1); what else asks to is served without the upgrade. */
function mayLeaveHttp(message: IncomingMessage): boolean {
  if (message.httpVersion !== '1.1') return false
  const isWebSocket = message.method === 'GET' && /(^|,)\s*websocket\s*(,|$)/i.test(message.headers.upgrade ?? '')
  return isWebSocket && !hasBody(message)
}

/**
 * A request that asks to leave HTTP, and is served without (Node 24.21): what came behind it in the same packet is dropped
 * by the parser, which then takes the next packet for the beginning of a request. So it is the last on its connection.
 */
function wantsUpgrade(message: IncomingMessage): boolean {
  return message.headers.upgrade !== undefined
}

/** A response object for a connection that Node has let go of after `upgrade`: the last one on it. */
function upgradeResponse(message: IncomingMessage, connection: Connection): ServerResponse {
  const response = new http.ServerResponse(message)
  response.shouldKeepAlive = false
  response.sendDate = false
  response.assignSocket(connection.socket)
  // Node's server would pass these on.
  connection.socket.on('drain', () => response.emit('drain'))
  response.on('finish', () => connection.linger())
  return response
}

/** Octets that a parser may accept and the next one read otherwise. */
function refuseBadFraming(message: IncomingMessage, fields: readonly Field[]): void {
  // The parser takes a request line without a version for HTTP/0.9.
  if (message.httpVersion !== '1.1' && message.httpVersion !== '1.0') throw badVersion()
  const hosts = fields.filter((field) => field.name === 'host')
  if (hosts.length > 1) throw bad('a request with more than one Host')
  if (hosts.length === 0 && message.httpVersion === '1.1') throw bad('an HTTP/1.1 request without Host')
  const codings = fields.filter((field) => field.name === 'transfer-encoding')
  if (codings.length > 1 || (codings[0] !== undefined && !/^chunked$/i.test(codings[0].value))) {
    throw bad('a Transfer-Encoding other than "chunked"')
  }
  if (codings.length > 0 && message.httpVersion === '1.0') throw bad('an HTTP/1.0 request with Transfer-Encoding')
}

const SCHEME = 'http://'

function parseAbsoluteForm(message: IncomingMessage): { target: Target; path: string } {
  const url = message.url ?? ''
  if (url.slice(0, SCHEME.length).toLowerCase() !== SCHEME || url.includes('#')) throw notAProxyRequest(url)
  const [authority = ''] = url.slice(SCHEME.length).split(/[/?]/, 1)
  const rest = url.slice(SCHEME.length + authority.length)
  if (authority.includes('@')) throw bad('a user name in the URL')
  const target = parseAuthority(authority, 80)
  if (target === undefined) throw bad('a URL without a valid host and port')
  return { target: toTarget(target), path: rest.startsWith('/') ? rest : `/${rest}` }
}

function notAProxyRequest(url: string): GatewayError {
  if (/^https:/i.test(url))
    return new GatewayError('GW_BAD_REQUEST', 'https:// goes through CONNECT, not as a plain request')
  if (/^[a-z][a-z0-9+.-]*:/i.test(url)) return new GatewayError('GW_BAD_REQUEST', 'only http:// URLs can be forwarded')
  return new GatewayError(
    'GW_NOT_A_PROXY_REQUEST',
    'this is a forward proxy: set it as the proxy of your program instead of opening it as a site',
  )
}

function badVersion(): GatewayError {
  return new GatewayError('GW_HTTP_VERSION', 'only HTTP/1.1 and HTTP/1.0 are spoken here')
}

function bad(what: string): GatewayError {
  return new GatewayError('GW_BAD_REQUEST', `${what} is not accepted`)
}

/** What Node's parser found wrong, in our words; undefined when there is nobody left to tell. */
function translate(error: NodeJS.ErrnoException): GatewayError | undefined {
  const { code = '' } = error
  if (code === 'HPE_HEADER_OVERFLOW') return new GatewayError('GW_HEADER_TOO_LARGE', 'the request header is too long')
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new GatewayError('GW_HANDSHAKE_TIMEOUT', 'the request did not arrive in time')
  if (code === 'HPE_INVALID_VERSION') return badVersion()
  // It has left in the middle of a request.
  if (code === 'HPE_INVALID_EOF_STATE') return undefined
  return code.startsWith('HPE_') ? new GatewayError('GW_BAD_REQUEST', 'the request is not well-formed HTTP') : undefined
}

function hasBody(message: IncomingMessage): boolean {
  const length = message.headers['content-length']
  return message.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
}

/** Field lines as they came, names in lower case. */
function fieldsOf(message: IncomingMessage): Field[] {
  const fields: Field[] = []
  for (let i = 0; i < message.rawHeaders.length; i += 2) {
    fields.push({ name: (message.rawHeaders[i] ?? '').toLowerCase(), value: message.rawHeaders[i + 1] ?? '' })
  }
  return fields
}
