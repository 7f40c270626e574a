/** Opens tunnels through upstreams: HTTP CONNECT, the same inside TLS, and SOCKS5; or to the target itself. */
import { connect, isIP, Socket, type TcpNetConnectOpts } from 'node:net'
import type { SecureContext } from 'node:tls'
import type { Target } from '../address.ts'
import type { Clock } from '../clock.ts'
import { containListeners } from '../internal-errors.ts'
import { type ConnectGuard, type ConnectRule, forbiddenAddress } from '../network/connect-guard.ts'
import type { Upstream } from '../pool/upstream.ts'
import { DeadlineList } from '../structures/timeout-queue.ts'
import { type Handshake, Leg, type LegOwner } from './connection.ts'
import { DIRECT, isDirect } from './direct.ts'
import { ConnectHandshake, NoHandshake, SocksHandshake } from './handshake.ts'
import { Preconnect } from './preconnect.ts'
import { ReadBuffers } from './read-buffers.ts'
import { TlsSessions } from './tls-session-cache.ts'

export interface DiallerSettings {
  /** Covers TCP, TLS, login and CONNECT together, ms. */
  readonly timeoutMs: number
  /** Longest head of an upstream's answer. */
  readonly maxReplyBytes: number
  /** Connections kept open ahead of need to each upstream that is being used; 0: none. */
  readonly warm: number
  /** Of those, over all upstreams. */
  readonly maxWarm: number
  /** Providers whose upstreams may be at loopback and private addresses. */
  readonly allowPrivate: ReadonlySet<string>
}

/** Each has its own places among the look-ups of names. */
const DIRECT_GROUPS = 4

/** A socket that knows its leg: the listeners below are shared by all sockets. */
interface LegSocket extends Socket {
  leg: Leg
}

export class Dialler {
  readonly clock: Clock
  readonly maxReplyBytes: number
  readonly buffers = new ReadBuffers()
  readonly timeoutMs: number
  readonly #timeouts: DeadlineList
  readonly #guard: ConnectGuard
  readonly #allowPrivate: ReadonlySet<string>
  /** By the certificates that are trusted; reading those costs more than the rest of a dial. Providers have one each. */
  readonly #trust = new Map<string | undefined, SecureContext>()
  readonly #sessions: TlsSessions
  readonly #preconnect: Preconnect | undefined

  constructor(clock: Clock, settings: DiallerSettings, guard: ConnectGuard) {
    this.clock = clock
    this.maxReplyBytes = settings.maxReplyBytes
    this.timeoutMs = settings.timeoutMs
    this.#timeouts = new DeadlineList(clock, settings.timeoutMs)
    this.#guard = guard
    this.#allowPrivate = settings.allowPrivate
    this.#sessions = new TlsSessions(clock)
    if (settings.warm > 0)
      this.#preconnect = new Preconnect(clock, settings.warm, settings.maxWarm, (upstream, owner) =>
        this.#connectAhead(upstream, owner),
      )
  }

  /** Starts a tunnel through the upstream, to be joined to a relay. The owner hears once, never before this returns. */
  dial(upstream: Upstream, target: Target, owner: LegOwner): Leg {
    if (isDirect(upstream)) return this.dialPlain(upstream, owner)
    const leg = this.#preconnect?.take(upstream, owner) ?? this.#connectAhead(upstream, owner)
    this.#timeouts.add(leg)
    leg.handshake.ask(target)
    this.#preconnect?.refill(upstream)
    return leg
  }

  #connectAhead(upstream: Upstream, owner: LegOwner): Leg {
    const leg = new Leg(this, upstream, owner)
    leg.handshake = handshakeOf(leg)
    this.#connect(leg)
    return leg
  }

  /** Opens a connection to an HTTP proxy for plain requests, or to a target; `leg.relay` gets what it receives. */
  dialPlain(upstream: Upstream, owner: LegOwner): Leg {
    const leg = new Leg(this, upstream, owner)
    leg.handshake = new NoHandshake(leg)
    this.#connect(leg)
    this.#timeouts.add(leg)
    return leg
  }

  #connect(leg: Leg): Socket {
    const { host, port, protocol } = leg.upstream.facts
    const rule = this.#ruleFor(leg.upstream)
    const onread = { buffer: leg.readInto, callback: leg.received }
    const options: TcpNetConnectOpts = { host, port, allowHalfOpen: true, noDelay: true, onread }
    if (isIP(host) !== 0) {
      if (this.#guard.forbids(host, rule)) return adopt(new Socket().destroy(forbiddenAddress()), leg)
    } else {
      options.lookup = this.#guard.lookup(rule, (cancel) => {
        leg.cancelLookup = cancel
      })
    }
    return adopt(protocol === 'https' ? this.#connectTls(leg.upstream, options) : connect(options), leg)
  }

  #ruleFor(upstream: Upstream): ConnectRule {
    const { host, port, provider } = upstream.facts
    if (isDirect(upstream)) return { port, allowPrivate: upstream.allowPrivate, group: directGroup(host) }
    return { port, allowPrivate: this.#allowPrivate.has(provider), group: provider }
  }

  #connectTls(upstream: Upstream, options: object): Socket {
    const { host, tls } = upstream.facts
    // Looked up here: most gateways have no upstream with TLS, and save 1 MB.
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

  /** The upstream is no longer to be used: what was opened ahead is closed. */
  forget(upstream: Upstream): void {
    this.#preconnect?.drop(upstream)
  }

  close(): void {
    this.#preconnect?.close()
    this.#timeouts.close()
  }
}

/** Names that clients ask for are many, and one that hangs is to hold up few others: they are several groups. */
function directGroup(host: string): string {
  return `${DIRECT} ${(host.length + host.charCodeAt(0)) % DIRECT_GROUPS}`
}

function handshakeOf(leg: Leg): Handshake {
  return leg.upstream.facts.protocol === 'socks5' ? new SocksHandshake(leg) : new ConnectHandshake(leg)
}

function adopt(socket: Socket, leg: Leg): Socket {
  const own = socket as LegSocket
  own.leg = leg
  leg.socket = socket
  containListeners(socket, leg)
  socket.once(leg.upstream.facts.protocol === 'https' ? 'secureConnect' : 'connect', onConnected)
  socket.on('error', onError)
  socket.on('end', onEnd)
  socket.on('close', onClose)
  socket.on('drain', onDrain)
  return socket
}

function onConnected(this: Socket): void {
  ;(this as LegSocket).leg.handshake.connected()
}

function onError(this: Socket, error: NodeJS.ErrnoException): void {
  ;(this as LegSocket).leg.errored(error)
}

function onEnd(this: Socket): void {
  ;(this as LegSocket).leg.ended()
}

function onClose(this: Socket): void {
  ;(this as LegSocket).leg.closed()
}

function onDrain(this: Socket): void {
  ;(this as LegSocket).leg.drained()
}
