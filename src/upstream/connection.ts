/**
 * The outgoing connection of a tunnel: from nothing to an open tunnel through one upstream, under one deadline that covers
 * TCP, TLS, login and CONNECT together. The same object then feeds the relay with what the upstream sends.
 *
 *   connecting ──▶ (TLS) ──▶ (SOCKS login) ──▶ asked ──▶ open ──▶ relay
 *        │           │              │             └──▶ failed: unanswered (silent, closed), garbage, login, refused, local
 *        └───────────┴──────────────┴──▶ failed: forbidden, unreachable, silent, closed, garbage, login, local
 *
 * One of `opened` and `failed` is called once, unless the connection is destroyed before. `opened` must join the connection to a
 * relay, or destroy it, before it returns: the next octets of the upstream are the relay's.
 */
import type { Socket } from 'node:net'
import type { Target } from '../address.ts'
import type { Clock } from '../clock.ts'
import { containException, type ExceptionOwner } from '../internal-errors.ts'
import { FORBIDDEN_ADDRESS } from '../network/connect-guard.ts'
import type { Breakage, Outcome, Upstream } from '../pool/upstream.ts'
import { TimeoutEntry } from '../structures/timeout-queue.ts'
import { isDirect } from './direct.ts'
import type { ReadBuffers } from './read-buffers.ts'

/** Faults of this machine: nothing is learnt about the upstream. */
interface LocalFault {
  readonly kind: 'local'
  /** The system's error code, as EMFILE. */
  readonly code: string
}

export type DialFailure = Outcome | LocalFault

export interface DialHandler {
  /** @param early octets that came behind the upstream's answer; the owner's to keep */
  opened(connection: UpstreamConnection, early: Buffer | undefined): void
  failed(connection: UpstreamConnection, failure: DialFailure): void
  /** A handler of this connection, which is destroyed, has thrown; also after `opened` or `failed`. */
  failInternally(connection: UpstreamConnection): void
}

/**
 * What is said to an upstream until the way to the target is open. It calls `open`, `fail` or `broke` of its connection once. One
 * that is not asked for a target gets as far as it can without, and waits there.
 */
export interface UpstreamHandshake {
  /** The connection stands, with TLS where the upstream has it. Called once. */
  connected(): void
  /** A client wants the way to this target. Called once at most, before or after `connected`. */
  ask(target: Target): void
  /** Octets from the upstream; copied where they must outlive the call. */
  received(piece: Buffer): void
}

/** Where an open connection's octets and events go: the relay. */
export interface UpstreamHandler extends ExceptionOwner {
  /** @returns false while octets of the connection's own buffer are still needed */
  receivedInBuffer(bytes: Buffer): boolean
  /** Octets that nobody else will touch. */
  received(bytes: Buffer): void
  upstreamErrored(): void
  upstreamEnded(): void
  upstreamClosed(): void
  upstreamDrained(): void
}

/** What a connection needs of the connector that made it. */
export interface UpstreamConnectionDeps {
  readonly clock: Clock
  readonly buffers: ReadBuffers
  /** Longest head of an upstream's answer. */
  readonly maxReplyBytes: number
}

/**
 * This machine is out of something for every upstream alike. Others that look alike are about the one address: without IPv6
 * here ENETUNREACH and EADDRNOTAVAIL, behind a local firewall EACCES and EPERM. They count as unreachable.
 */
const LOCAL_CODES = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'])
const CLOSED_CODES = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED'])

export class UpstreamConnection extends TimeoutEntry {
  readonly upstream: Upstream
  /** When the dial began, clock ms. */
  startedAt: number
  readonly #connector: UpstreamConnectionDeps
  #owner: DialHandler
  /** It was connected ahead of need: an upstream may have closed it meanwhile, which is nobody's fault. */
  wasWarm = false
  /** Set by the connector as soon as there is one. */
  socket!: Socket
  /** Stops waiting for the address of an upstream that has a name; set by the connector. */
  cancelLookup: (() => void) | undefined
  /** The request for the target was sent: from here on a failure may be the target's. */
  isAsked = false
  /** Set by the connector with the connection. It has a part in everything that comes until the tunnel is open, and is let go then. */
  handshake: UpstreamHandshake | undefined
  /** Set when the tunnel is open and joined; from then on octets go there. */
  relay: UpstreamHandler | undefined
  /** Set while this connection reads into a buffer of its own. */
  #ownBuffer: Buffer | undefined
  /** The own buffer is to go: the next read is its last. */
  #retiring = false
  #settled = false

  constructor(connector: UpstreamConnectionDeps, upstream: Upstream, owner: DialHandler) {
    super()
    this.#connector = connector
    this.upstream = upstream
    this.startedAt = connector.clock.now()
    this.#owner = owner
  }

  get maxReplyBytes(): number {
    return this.#connector.maxReplyBytes
  }

  /** A connection that was connected ahead gets the owner that it was connected for. */
  adopt(owner: DialHandler): void {
    this.#owner = owner
    this.wasWarm = true
    this.startedAt = this.#connector.clock.now()
  }

  /** `onread.buffer` of the socket: where the next read goes. Called once after each read. */
  readonly readInto = (): Buffer => {
    if (this.#retiring) this.releaseBuffer(true)
    return this.#ownBuffer ?? this.#connector.buffers.shared
  }

  /** `onread.callback` of the socket. @returns false to pause reading */
  readonly received = (size: number, buffer: Uint8Array): boolean => {
    try {
      return this.#receive(size, buffer)
    } catch (error) {
      containException(error, this)
      return false
    }
  }

  #receive(size: number, buffer: Uint8Array): boolean {
    const bytes = (buffer as Buffer).subarray(0, size)
    const { relay } = this
    if (relay === undefined) this.handshake?.received(bytes)
    else if (buffer === this.#ownBuffer && !this.#retiring) return relay.receivedInBuffer(bytes)
    else relay.received(Buffer.from(bytes))
    // A full buffer is the sign of a busy connection.
    if (relay !== undefined && size === buffer.length) this.#ownBuffer ??= this.#connector.buffers.take()
    return true
  }

  /** The tunnel has become quiet: the connection reads into the shared buffer again as soon as it can. */
  retireBuffer(): void {
    this.#retiring = this.#ownBuffer !== undefined
  }

  /** @param clean no write from the buffer is pending */
  releaseBuffer(clean: boolean): void {
    if (this.#ownBuffer !== undefined) this.#connector.buffers.giveBack(this.#ownBuffer, clean)
    this.#ownBuffer = undefined
    this.#retiring = false
  }

  /** Sends the request for the target: the last word of the handshake. @param request latin1 where it is text */
  ask(request: string | Buffer): void {
    this.isAsked = true
    this.socket.write(request, 'latin1')
  }

  /** The handshake is done. `early` must be a copy. */
  open(early: Buffer | undefined): void {
    if (!this.#settle()) return
    this.handshake = undefined
    this.#owner.opened(this, early)
  }

  broke(how: Breakage): void {
    const isUnanswered = this.isAsked && (how === 'closed' || how === 'silent')
    this.fail(isUnanswered ? { kind: 'unanswered', how } : { kind: 'broken', how })
  }

  fail(failure: DialFailure): void {
    if (!this.#settle()) return
    this.destroy()
    this.#owner.failed(this, failure)
  }

  /** Translates a socket's error, once, where it enters. */
  errored(error: NodeJS.ErrnoException): void {
    if (this.relay !== undefined) return void this.relay.upstreamErrored()
    const code = error.code ?? ''
    if (LOCAL_CODES.has(code)) this.fail({ kind: 'local', code })
    else if (code === FORBIDDEN_ADDRESS) this.broke('forbidden')
    else if (CLOSED_CODES.has(code)) this.broke('closed')
    else if (isDirect(this.upstream)) this.fail({ kind: 'broken', how: 'unreachable', code })
    else this.broke(isProtocolError(code) ? 'garbage' : 'unreachable')
  }

  ended(): void {
    if (this.relay !== undefined) this.relay.upstreamEnded()
    else this.broke('closed')
  }

  closed(): void {
    this.cancelLookup?.()
    if (this.relay !== undefined) this.relay.upstreamClosed()
    else this.broke('closed')
  }

  drained(): void {
    this.relay?.upstreamDrained()
  }

  override onDeadline(): void {
    this.broke('silent')
  }

  /** A handler of the socket has thrown: the exception ends whatever uses this connection. */
  override failInternally(): void {
    this.destroy()
    if (this.relay === undefined) this.#owner.failInternally(this)
    else this.relay.failInternally()
  }

  /** Drops the connection without telling the owner. */
  destroy(): void {
    this.#settled = true
    this.timeoutQueue?.remove(this)
    this.socket.destroy()
  }

  #settle(): boolean {
    if (this.#settled) return false
    this.#settled = true
    this.timeoutQueue?.remove(this)
    return true
  }
}

/** OpenSSL and Node report what is not TLS, or not a certificate we accept, with codes of these shapes. */
function isProtocolError(code: string): boolean {
  return /^(ERR_SSL_|ERR_TLS_|EPROTO$|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/.test(code)
}
