/** Opens tunnels through upstreams: HTTP CONNECT, the same over TLS, and SOCKS5; or directly to the target. */
import { isIP, Socket, type TcpNetConnectOpts } from 'node:net'
import type { SecureContext } from 'node:tls'
import type { Target } from '../address.ts'
import type { Clock } from '../clock.ts'
import { listenerOf, setOwner } from '../internal-errors.ts'
import { type ConnectGuard, type ConnectRule, forbiddenAddress } from '../network/connect-guard.ts'
import type { RequestFields, Upstream } from '../pool/upstream.ts'
import { TimeoutQueue } from '../structures/timeout-queue.ts'
import { type DialHandler, UpstreamConnection, type UpstreamHandshake } from './connection.ts'
import { DIRECT, isDirect } from './direct.ts'
import { ConnectHandshake, NoHandshake, SocksHandshake } from './handshake.ts'
import { fieldLines, loginHeader } from './login-header.ts'
import { Preconnect } from './preconnect.ts'
import { ReadBuffers } from './read-buffers.ts'
import { TlsSessions } from './tls-session-cache.ts'

export interface ConnectorSettings {
  /** Covers TCP, TLS, login and CONNECT together, ms. */
  readonly timeoutMs: number
  /** Longest head of an upstream's answer. */
  readonly maxReplyBytes: number
  /** Connections kept open in advance to each upstream in use; 0: none. */
  readonly warm: number
  /** Of those, over all upstreams. */
  readonly maxWarm: number
  /** Providers whose upstreams may have loopback and private addresses. */
  readonly allowPrivate: ReadonlySet<string>
  /** By provider. */
  readonly requestFields: ReadonlyMap<string, RequestFields | undefined>
}

/** Each has its own limit of name look-ups. */
const DIRECT_GROUPS = 4

export class Connector {
  maxReplyBytes: number
  readonly buffers = new ReadBuffers()
  timeoutMs: number
  #timeouts: TimeoutQueue
  readonly #clock: Clock
  readonly #guard: ConnectGuard
  #allowPrivate: ReadonlySet<string>
  #requestFields: ConnectorSettings['requestFields']
  /** By trusted certificates, which cost more to read than the rest of a dial. Each provider has its own. */
  readonly #trust = new Map<string | undefined, SecureContext>()
  readonly #sessions: TlsSessions
  readonly #preconnect: Preconnect

  constructor(clock: Clock, settings: ConnectorSettings, guard: ConnectGuard) {
    this.maxReplyBytes = settings.maxReplyBytes
    this.timeoutMs = settings.timeoutMs
    this.#timeouts = new TimeoutQueue(clock, settings.timeoutMs)
    this.#clock = clock
    this.#guard = guard
    this.#allowPrivate = settings.allowPrivate
    this.#requestFields = settings.requestFields
    this.#sessions = new TlsSessions(clock)
    this.#preconnect = new Preconnect(clock, settings.warm, settings.maxWarm, (upstream, owner, now) =>
      this.#connectAhead(upstream, owner, now),
    )
  }

  /** For later dials; those in progress keep their time. */
  configure(settings: ConnectorSettings): void {
    this.maxReplyBytes = settings.maxReplyBytes
    this.timeoutMs = settings.timeoutMs
    this.#timeouts = this.#timeouts.withDuration(settings.timeoutMs)
    this.#allowPrivate = settings.allowPrivate
    this.#requestFields = settings.requestFields
    this.#preconnect.configure(settings.warm, settings.maxWarm)
  }

  /**
   * Starts a tunnel through the upstream; a relay is attached later. The owner is called once, never before this returns.
   * @param places how many more clients the upstream may serve: no more connections are open in advance
   */
  dial(upstream: Upstream, target: Target, owner: DialHandler, now: number, places: number): UpstreamConnection {
    if (isDirect(upstream)) return this.dialPlain(upstream, owner, now, places)
    const connection = this.#preconnect.take(upstream, owner, now) ?? this.#connectAhead(upstream, owner, now)
    this.#timeouts.add(connection, now)
    connection.handshake?.ask(target)
    this.#preconnect.refill(upstream, now, places)
    return connection
  }

  /** What a request to an HTTP proxy carries beside the client's own fields: our login, and the fields of its provider. */
  linesFor(upstream: Upstream): string {
    const fields = this.#requestFields.get(upstream.facts.provider)?.(upstream.facts, this.#clock.wall())
    return fields === undefined ? loginHeader(upstream) : `${loginHeader(upstream)}${fieldLines(fields)}`
  }

  /** A program connects to the upstream itself. @param places as for `dial` */
  trim(upstream: Upstream, places: number): void {
    this.#preconnect.trim(upstream, places)
  }

  #connectAhead(upstream: Upstream, owner: DialHandler, now: number): UpstreamConnection {
    const connection = new UpstreamConnection(this, upstream, owner, now)
    connection.handshake = handshakeOf(connection)
    this.#connect(connection)
    return connection
  }

  /**
   * Opens a connection to an HTTP proxy for plain requests, or to a target; `connection.relay` receives its data.
   * @param places as for `dial`
   */
  dialPlain(upstream: Upstream, owner: DialHandler, now: number, places: number): UpstreamConnection {
    this.#preconnect.trim(upstream, places)
    const connection = new UpstreamConnection(this, upstream, owner, now)
    connection.handshake = new NoHandshake(connection)
    this.#connect(connection)
    this.#timeouts.add(connection, now)
    return connection
  }

  #connect(connection: UpstreamConnection): Socket {
    const { host, port, protocol } = connection.upstream.facts
    const rule = this.#ruleFor(connection.upstream)
    const onread = { buffer: connection.readInto, callback: connection.received }
    const options: TcpNetConnectOpts = { host, port, allowHalfOpen: true, noDelay: true, onread }
    if (isIP(host) !== 0) {
      if (this.#guard.forbids(host, rule)) return adopt(new Socket().destroy(forbiddenAddress()), connection)
    } else {
      options.lookup = this.#guard.lookup(rule, (cancel) => {
        connection.cancelLookup = cancel
      })
    }
    const isTls = protocol === 'https'
    const socket = isTls ? this.#connectTls(connection.upstream, options) : new PlainSocket(options).connect(options)
    return adopt(socket, connection)
  }

  #ruleFor(upstream: Upstream): ConnectRule {
    const { host, port, provider } = upstream.facts
    if (isDirect(upstream)) return { port, allowPrivate: upstream.allowPrivate, group: directGroup(host) }
    return { port, allowPrivate: this.#allowPrivate.has(provider), group: provider }
  }

  #connectTls(upstream: Upstream, options: object): Socket {
    const { host, tls } = upstream.facts
    // Loaded here: most gateways have no upstream with TLS, and save 1 MB.
    const { connect, createSecureContext } = process.getBuiltinModule('node:tls')
    const serverName = tls?.serverName ?? (isIP(host) === 0 ? host : undefined)
    const ca = tls?.ca
    const secureContext = this.#trust.get(ca) ?? createSecureContext(ca === undefined ? {} : { ca })
    this.#trust.set(ca, secureContext)
    const session = this.#sessions.of(upstream)
    const socket = connect({
      ...options,
      ...(session === undefined ? {} : { session: session.state }),
      ...(serverName === undefined ? {} : { servername: serverName }),
      secureContext,
      rejectUnauthorized: tls?.verify ?? true,
      ALPNProtocols: ['http/1.1'],
    })
    this.#sessions.watch(socket, upstream, session)
    return socket.setNoDelay(true)
  }

  /** The upstream is not used any more: closes the connections that were opened in advance. */
  forget(upstream: Upstream): void {
    this.#preconnect.drop(upstream)
  }

  close(): void {
    this.#preconnect.close()
    this.#timeouts.close()
  }
}

/** When a write fails, Node closes the socket without having read what the upstream sent before its reset. */
class PlainSocket extends Socket {
  declare owner: UpstreamConnection
  declare _handle: { readonly fd: number } | null

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (error !== null && this._handle !== null) this.owner.readRest(this._handle.fd)
    super._destroy(error, callback)
  }
}

/** Clients use many names, and an unanswered one should delay few others: they are divided into several groups. */
function directGroup(host: string): string {
  return `${DIRECT} ${(host.length + host.charCodeAt(0)) % DIRECT_GROUPS}`
}

function handshakeOf(connection: UpstreamConnection): UpstreamHandshake {
  return connection.upstream.facts.protocol === 'socks5'
    ? new SocksHandshake(connection)
    : new ConnectHandshake(connection)
}

function adopt(socket: Socket, connection: UpstreamConnection): Socket {
  connection.socket = socket
  setOwner(socket, connection)
  socket.on(connection.upstream.facts.protocol === 'https' ? 'secureConnect' : 'connect', onConnected)
  socket.on('error', onError)
  socket.on('end', onEnd)
  socket.on('close', onClose)
  socket.on('drain', onDrain)
  return socket
}

const onConnected = listenerOf((connection: UpstreamConnection) => connection.handshake?.connected())
const onError = listenerOf((connection: UpstreamConnection, error: NodeJS.ErrnoException) => connection.errored(error))
const onEnd = listenerOf((connection: UpstreamConnection) => connection.ended())
const onClose = listenerOf((connection: UpstreamConnection) => connection.closed())
const onDrain = listenerOf((connection: UpstreamConnection) => connection.drained())
