/** Opens tunnels through upstreams: HTTP CONNECT, the same inside TLS, and SOCKS5. */
import { connect, isIP, Socket, type TcpNetConnectOpts } from 'node:net'
import type { SecureContext } from 'node:tls'
import type { Target } from '../address.ts'
import type { Clock } from '../clock.ts'
import { containListeners } from '../internal-errors.ts'
import { type ConnectGuard, forbiddenAddress } from '../network/connect-guard.ts'
import type { Upstream } from '../pool/upstream.ts'
import { Secret } from '../secret.ts'
import { dialSocks } from '../socks/client.ts'
import { DeadlineList } from '../structures/timeout-queue.ts'
import { Leg, type LegOwner } from './connection.ts'
import { WarmLegs } from './preconnect.ts'
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
  readonly #warm: WarmLegs | undefined

  constructor(clock: Clock, settings: DiallerSettings, guard: ConnectGuard) {
    this.clock = clock
    this.maxReplyBytes = settings.maxReplyBytes
    this.timeoutMs = settings.timeoutMs
    this.#timeouts = new DeadlineList(clock, settings.timeoutMs)
    this.#guard = guard
    this.#allowPrivate = settings.allowPrivate
    this.#sessions = new TlsSessions(clock)
    if (settings.warm > 0)
      this.#warm = new WarmLegs(clock, settings.warm, settings.maxWarm, (upstream, owner) =>
        this.#connectAhead(upstream, owner),
      )
  }

  /** Starts a tunnel through the upstream, to be joined to a relay. The owner hears once, never before this returns. */
  dial(upstream: Upstream, target: Target, owner: LegOwner): Leg {
    if (upstream.facts.protocol !== 'socks5') return this.#tunnel(upstream, target.authority, owner)
    const leg = new Leg(this, upstream, owner)
    // The octets that came with the reply are the first 'data'; it must have a listener in that very turn.
    const socket = this.#connect(leg, false)
    this.#timeouts.add(leg)
    dialSocks(socket, leg, target, this.timeoutMs, () => socket.on('data', (chunk) => leg.relay?.received(chunk)))
    return leg
  }

  #tunnel(upstream: Upstream, authority: string, owner: LegOwner): Leg {
    const leg = this.#warm?.take(upstream, owner) ?? this.#connectAhead(upstream, owner)
    this.#timeouts.add(leg)
    askConnect(leg, authority)
    this.#warm?.refill(upstream)
    return leg
  }

  #connectAhead(upstream: Upstream, owner: LegOwner): Leg {
    const leg = new Leg(this, upstream, owner)
    this.#connect(leg, true)
    return leg
  }

  /** Opens a connection to an upstream that is an HTTP proxy, for plain requests; `leg.relay` gets what it receives. */
  dialPlain(upstream: Upstream, owner: LegOwner): Leg {
    const leg = this.#connectAhead(upstream, owner)
    this.#timeouts.add(leg)
    whenConnected(leg)
    return leg
  }

  #connect(leg: Leg, intoBuffer: boolean): Socket {
    const { host, port, protocol, provider } = leg.upstream.facts
    const rule = { port, allowPrivate: this.#allowPrivate.has(provider), group: provider }
    const options: TcpNetConnectOpts = { host, port, allowHalfOpen: true, noDelay: true }
    if (intoBuffer) options.onread = { buffer: leg.readInto, callback: leg.received }
    if (isIP(host) !== 0) {
      if (this.#guard.forbids(host, rule)) return adopt(new Socket().destroy(forbiddenAddress()), leg)
    } else {
      options.lookup = this.#guard.lookup(rule, (cancel) => {
        leg.cancelLookup = cancel
      })
    }
    return adopt(protocol === 'https' ? this.#connectTls(leg.upstream, options) : connect(options), leg)
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
    this.#warm?.drop(upstream)
  }

  close(): void {
    this.#warm?.close()
    this.#timeouts.close()
  }
}

function whenConnected(leg: Leg): void {
  leg.socket.once(connectEvent(leg), () => leg.open(undefined))
}

function connectEvent({ upstream }: Leg): 'connect' | 'secureConnect' {
  return upstream.facts.protocol === 'https' ? 'secureConnect' : 'connect'
}

/** RFC 9110 section 9.3.6. Node would keep what is written too early as well, with two listeners more for each socket. */
function askConnect(leg: Leg, authority: string): void {
  leg.request = `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${loginHeader(leg.upstream)}\r\n`
  if (leg.wasWarm) leg.ask()
  else leg.socket.on(connectEvent(leg), onConnected)
}

function adopt(socket: Socket, leg: Leg): Socket {
  const own = socket as LegSocket
  own.leg = leg
  leg.socket = socket
  containListeners(socket, leg)
  socket.on('error', onError)
  socket.on('end', onEnd)
  socket.on('close', onClose)
  socket.on('drain', onDrain)
  return socket
}

function onConnected(this: Socket): void {
  ;(this as LegSocket).leg.ask()
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

/** The header line of our login (RFC 7617, UTF-8). Made once for each upstream; empty for one without a login. */
export function loginHeader(upstream: Upstream): string {
  upstream.login ??= new Secret(basicLogin(upstream))
  return upstream.login.reveal()
}

function basicLogin({ facts }: Upstream): string {
  if (facts.username === undefined) return ''
  const login = Buffer.from(`${facts.username}:${facts.password?.reveal() ?? ''}`).toString('base64')
  return `Proxy-Authorization: Basic ${login}\r\n`
}
