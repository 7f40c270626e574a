/**
 * A connection to one upstream: from the dial until it is open (a tunnel, or ready for plain requests), under one deadline that
 * covers TCP, TLS, login and CONNECT together. The same object then passes the upstream's data to its relay.
 *
 *   connecting ──▶ (TLS) ──▶ (SOCKS login) ──▶ asked ──▶ open ──▶ relay
 *        │           │              │             └──▶ failed: unanswered (silent, closed), garbage, login, refused, local
 *        └───────────┴──────────────┴──▶ failed: forbidden, unreachable, silent, closed, garbage, login, local
 *
 * One of `opened` and `failed` is called once, unless the connection is destroyed before. `opened` must attach a relay to the
 * connection, or destroy it, before it returns: the next octets of the upstream go to the relay.
 */
import { readSync } from 'node:fs'
import type { Socket } from 'node:net'
import type { Target } from '../address.ts'
import { containException, type ExceptionOwner } from '../internal-errors.ts'
import { FORBIDDEN_ADDRESS } from '../network/connect-guard.ts'
import { awaitTurn, MAX_PARSED_BYTES } from '../network/turns.ts'
import type { Breakage, Outcome, Upstream } from '../pool/upstream.ts'
import { TimeoutEntry } from '../structures/timeout-queue.ts'
import { isDirect } from './direct.ts'
import type { ReadBuffers } from './read-buffers.ts'

/** Failures of this machine: they say nothing about the upstream. */
interface LocalFault {
  readonly kind: 'local'
  /** The system's error code, such as EMFILE. */
  readonly code: string
}

export type DialFailure = Outcome | LocalFault

export interface DialHandler {
  /** @param early octets after the upstream's answer; the owner may keep them */
  opened(connection: UpstreamConnection, early: Buffer | undefined): void
  failed(connection: UpstreamConnection, failure: DialFailure): void
  /** A handler of this connection, which is destroyed, threw an exception; also after `opened` or `failed`. */
  failInternally(connection: UpstreamConnection): void
}

/**
 * The handshake with an upstream until the tunnel is open. It calls `open`, `fail` or `broke` of its connection once. Without a
 * target it proceeds as far as possible, and waits there.
 */
export interface UpstreamHandshake {
  /** The connection is established, with TLS if the upstream uses it. Called once. */
  connected(): void
  /** A client needs a tunnel to this target. Called once at most, before or after `connected`. */
  ask(target: Target): void
  /** Octets from the upstream; copied when they must outlive the call. */
  received(piece: Buffer): void
}

/** Receives the octets and events of an open connection: the relay. */
export interface UpstreamHandler extends ExceptionOwner {
  /** @returns false while octets in the connection's own buffer are still needed */
  receivedInBuffer(bytes: Buffer): boolean
  /** Octets in memory that the next read of any connection overwrites. */
  received(bytes: Buffer): void
  upstreamErrored(): void
  upstreamEnded(): void
  upstreamClosed(): void
  upstreamDrained(): void
}

/** What a connection needs of the connector that made it. */
interface UpstreamConnectionDeps {
  readonly buffers: ReadBuffers
  /** Longest head of an upstream's answer. */
  readonly maxReplyBytes: number
  /** Header lines of a request to an HTTP proxy: our login, and what else its vendor wants. */
  linesFor(upstream: Upstream): string
}

/**
 * This machine lacks a resource that every upstream needs. Similar errors concern a single address: without IPv6 ENETUNREACH and
 * EADDRNOTAVAIL, with a local firewall EACCES and EPERM. They count as unreachable.
 */
const LOCAL_CODES = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'])
const CLOSED_CODES = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED'])

export class UpstreamConnection extends TimeoutEntry {
  readonly upstream: Upstream
  /** When the dial began, clock ms. */
  startedAt: number
  readonly #connector: UpstreamConnectionDeps
  #owner: DialHandler
  /** It was opened in advance: the upstream may have closed it meanwhile, which does not count as a failure. */
  wasWarm = false
  /** Set by the connector when the socket exists. */
  socket!: Socket
  /** Cancels the look-up of the upstream's name; set by the connector. */
  cancelLookup: (() => void) | undefined
  /** The request for the target was sent: a failure from now on may be the target's. */
  isAsked = false
  /** Set by the connector. It handles everything received until the tunnel is open, and is released then. */
  handshake: UpstreamHandshake | undefined
  /** Set when the tunnel is open and the relay attached; the receiver of all further octets. */
  relay: UpstreamHandler | undefined
  /** Set while this connection reads into its own buffer. */
  #ownBuffer: Buffer | undefined
  /** The own buffer is to be released: the next read is its last. */
  #retiring = false
  /** Its octets take long to parse: it reads few at a time. */
  #takesTurns = false
  #settled = false

  constructor(connector: UpstreamConnectionDeps, upstream: Upstream, owner: DialHandler, now: number) {
    super()
    this.#connector = connector
    this.upstream = upstream
    this.startedAt = now
    this.#owner = owner
  }

  get maxReplyBytes(): number {
    return this.#connector.maxReplyBytes
  }

  /** @see UpstreamConnectionDeps.linesFor */
  get proxyLines(): string {
    return this.#connector.linesFor(this.upstream)
  }

  /** Gives a connection that was opened in advance to the owner that uses it. */
  adopt(owner: DialHandler, now: number): void {
    this.#owner = owner
    this.wasWarm = true
    this.startedAt = now
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
    if (relay === undefined) {
      this.handshake?.received(bytes)
      return true
    }
    if (buffer === this.#ownBuffer && !this.#retiring) return relay.receivedInBuffer(bytes)
    // A full buffer indicates a busy connection. Taken first: with these octets the connection may end, or become quiet.
    if (size === buffer.length && !this.#takesTurns) this.#ownBuffer ??= this.#connector.buffers.take()
    relay.received(bytes)
    return true
  }

  /**
   * The socket has failed and is about to be closed: reads what has come by then, such as the early answer to a request whose body
   * the upstream does not want. @param fd of the socket; on Windows it has none
   */
  readRest(fd: number): void {
    const { shared } = this.#connector.buffers
    try {
      for (let size = readSync(fd, shared); size > 0; size = readSync(fd, shared)) this.received(size, shared)
    } catch {
      // EAGAIN, or the failure once more: there is nothing else.
    }
  }

  /** The tunnel is quiet: the connection reads into the shared buffer again as soon as possible. */
  retireBuffer(): void {
    this.#retiring = this.#ownBuffer !== undefined
  }

  /** @param clean no write from the buffer is pending */
  releaseBuffer(clean: boolean): void {
    if (this.#ownBuffer !== undefined) this.#connector.buffers.giveBack(this.#ownBuffer, clean)
    this.#ownBuffer = undefined
    this.#retiring = false
  }

  /**
   * To be called after a read: with many octets that were parsed, other connections are read before this one is read again.
   * @param isHeldUp whether something else has paused the socket by then
   */
  parsed(octets: number, isHeldUp: () => boolean): void {
    if (octets <= MAX_PARSED_BYTES) return
    this.#takesTurns = true
    this.retireBuffer()
    this.socket.pause()
    awaitTurn(() => {
      if (!this.socket.destroyed && !isHeldUp()) this.socket.resume()
    })
  }

  /** Sends the request for the target, the last message of the handshake. @param request latin1 if it is text */
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

  /** Translates a socket's error, once, at the place where it arrives. */
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

  /** A handler of the socket threw an exception, which ends the user of this connection. */
  override failInternally(): void {
    this.destroy()
    if (this.relay === undefined) this.#owner.failInternally(this)
    else this.relay.failInternally()
  }

  /** Drops the connection without a call to the owner. */
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

/** OpenSSL and Node use codes of these forms for data that is not TLS and certificates that are not accepted. */
function isProtocolError(code: string): boolean {
  return /^(ERR_SSL_|ERR_TLS_|EPROTO$|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/.test(code)
}
