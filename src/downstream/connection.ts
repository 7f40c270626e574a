/**
 * One client connection after the handshake (handshake.ts), which finds out the protocol and the request.
 *
 *   handshake ──▶ pending ──▶ relay ──▶ closed
 *       │  └─────────┴──▶ lingering (the error is on its way) ──▶ closed
 *       └──▶ http (http-connection.ts) ──▶ closed; or, with CONNECT, back again; with an upgrade, relay
 *
 * The handshake has one deadline. Octets that arrive while the tunnel is pending are kept for the target.
 */
import type { Socket } from 'node:net'
import { unmapIPv4 } from '../address.ts'
import type { Clock, Timer } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import { Accumulator } from '../http1/head.ts'
import { containListeners, type ExceptionOwner, internalErrors, internalFailure } from '../internal-errors.ts'
import type { Relay } from '../proxy/relay.ts'
import type { Linked } from '../structures/linked-list.ts'
import type { TimeoutQueue } from '../structures/timeout-queue.ts'
import type { AdmittedConnection } from './admission.ts'
import type { PendingTunnel, TunnelRequest } from './client-request.ts'
import { connectSuccess, httpErrorBytes, SOCKS4_SUCCESS, SOCKS5_SUCCESS } from './error-reply.ts'
import { ClientHandshake, type ClientHandshakeHost } from './handshake.ts'

/** What a connection needs from the listener that accepted it. */
export interface ConnectionHost extends ClientHandshakeHost {
  /** Largest number of octets kept from a client that sends before its tunnel is open. */
  readonly maxEarlyBytes: number
  /** For connections that only wait for the client to read our answer. */
  readonly lingers: TimeoutQueue
  readonly clock: Clock
  tunnel(connection: Connection): PendingTunnel
  /** A connection that speaks plain HTTP; `first` are the octets read so far: none after a CONNECT that was refused. */
  http(connection: Connection, first: Buffer): void
  /** The socket is closed, whichever object read from it last. */
  closed(connection: Connection): void
}

/** The reader of a connection that speaks plain HTTP. */
export interface PlainReader extends ExceptionOwner {
  data(chunk: Buffer): void
  ended(): void
  drained(): void
  closed(): void
}

const NOTHING = Buffer.alloc(0)

type State = 'handshake' | 'pending' | 'relay' | 'lingering' | 'http'

interface ClientSocket extends Socket {
  connection: Connection
}

export class Connection extends ClientHandshake implements TunnelRequest, AdmittedConnection, Linked<Connection> {
  /** Managed by the listener's list. */
  next: Connection | undefined = undefined
  previous: Connection | undefined = undefined
  readonly socket: Socket
  readonly #server: ConnectionHost
  #state: State = 'handshake'
  #early: Accumulator | undefined
  #pending: PendingTunnel | undefined
  #relay: Relay | undefined
  /** Set while the connection speaks plain HTTP. */
  #http: PlainReader | undefined
  /** Until a wrong login is answered. */
  #answerTimer: Timer | undefined
  /** Managed by the Admission. */
  admission: AdmittedConnection['admission'] = undefined

  constructor(socket: Socket, server: ConnectionHost) {
    super(server)
    this.socket = socket
    this.#server = server
    const own = socket as ClientSocket
    own.connection = this
    containListeners(socket, this)
    socket.on('error', onError)
    socket.on('close', onClose)
    socket.on('data', onData)
    socket.on('end', onEnd)
    socket.on('drain', onDrain)
  }

  /** Requested from the system only when needed: most connections never need it. */
  get clientAddress(): string {
    return unmapIPv4(this.socket.remoteAddress ?? '')
  }

  /**
   * Continues with a CONNECT that came after plain requests.
   * @param head as received, latin1 @param early the octets after it
   */
  resumeAsTunnel(head: string, early: Buffer): void {
    this.#http = undefined
    this.#state = 'handshake'
    this.readConnect()
    this.socket.resume()
    this.data(Buffer.concat([Buffer.from(head, 'latin1'), early]))
  }

  /** The last answer on a connection that speaks plain HTTP. @param withBody false in answer to HEAD */
  rejectWith(error: GatewayError, withBody = true): void {
    if (this.#state !== 'lingering') this.#refuse(httpErrorBytes(error, this.#server.date.line, { withBody }), error)
  }

  data(chunk: Buffer): void {
    if (this.#relay !== undefined) this.#relay.toUpstream(chunk)
    else if (this.#state === 'handshake') this.read(chunk)
    else if (this.#state === 'http') this.#http?.data(chunk)
    else if (this.#state === 'pending') this.#keepEarly(chunk)
  }

  protected override handOver(first: Buffer): void {
    this.#state = 'http'
    this.#server.http(this, first)
  }

  protected override challenge(error: GatewayError): void {
    this.socket.write(httpErrorBytes(error, this.#server.date.line, { isKept: true }))
    this.handOver(NOTHING)
  }

  /** From now on its octets go there. */
  readWith(reader: PlainReader): void {
    this.#http = reader
  }

  protected override requested(early: Buffer): void {
    this.#state = 'pending'
    if (early.length > 0) this.#keepEarly(early)
    const pending = this.#server.tunnel(this)
    // It may have been refused before the call returned.
    if (this.#state === 'pending') this.#pending = pending
  }

  #keepEarly(chunk: Buffer): void {
    this.#early ??= new Accumulator()
    this.#early.push(chunk)
    if (this.#early.length >= this.#server.maxEarlyBytes) this.socket.pause()
  }

  accept(upstreamId: string, lifeMs: number | undefined): void {
    this.#state = 'relay'
    if (this.protocol === 'connect')
      this.socket.write(connectSuccess(this.#server.date.line, upstreamId, lifeMs), 'latin1')
    else this.socket.write(this.protocol === 'socks5' ? SOCKS5_SUCCESS : SOCKS4_SUCCESS)
  }

  /** @param early what the client has sent before; by default what was kept while the tunnel was pending */
  join(relay: Relay, early = this.#early?.bytes): void {
    this.#state = 'relay'
    this.#pending = undefined
    this.#http = undefined
    this.#relay = relay
    this.#early = undefined
    if (early === undefined) return
    this.socket.resume()
    relay.toUpstream(early)
  }

  refuse(error: GatewayError): void {
    // After a success no error can be written.
    if (this.#state === 'relay') this.socket.destroy()
    else if (this.#state !== 'lingering') this.#refuse(this.inItsWords(error), error)
  }

  /** A wrong login is answered with a delay (login-throttle.ts); nothing is read meanwhile. */
  #refuse(answer: Buffer, { detail: { answerAfterMs } }: GatewayError): void {
    if (typeof answerAfterMs !== 'number') return void this.writeFinal(answer)
    this.endHandshake()
    this.#state = 'lingering'
    this.socket.pause()
    this.#answerTimer = this.#server.clock.after(answerAfterMs, () => this.writeFinal(answer))
  }

  protected override write(answer: Buffer): void {
    this.socket.write(answer)
  }

  protected override writeFinal(answer: Buffer): void {
    this.socket.write(answer)
    this.linger()
  }

  /**
   * The last answer is written. Further octets of the client are read and dropped until it closes: a socket closed with unread
   * octets sends a reset, and the client would lose the answer.
   */
  linger(): void {
    this.endHandshake()
    this.#state = 'lingering'
    this.#pending = undefined
    this.#early = undefined
    this.socket.resume()
    this.socket.end()
    if (this.socket.readableEnded) this.socket.destroySoon()
    else this.#server.lingers.add(this)
  }

  /** The handshake took too long, or the client does not read an answer to its end. */
  override onDeadline(): void {
    const hasHeard = this.#state === 'lingering' || this.#state === 'http'
    if (hasHeard || this.isMute) return void this.socket.destroy()
    const error = new GatewayError('GW_HANDSHAKE_TIMEOUT', 'the request did not arrive in time')
    this.#server.refused(error, this.protocol)
    this.refuse(error)
  }

  /** The client has closed its sending side. Before the tunnel is open, it counts as gone. */
  ended(): void {
    if (this.#relay !== undefined) this.#relay.clientEnded()
    else if (this.#state === 'lingering') this.socket.destroySoon()
    else if (this.#state === 'http') this.#http?.ended()
    else this.socket.destroy()
  }

  errored(): void {
    this.#relay?.clientErrored()
  }

  drained(): void {
    this.#relay?.clientDrained()
    this.#http?.drained()
  }

  closed(): void {
    this.timeoutQueue?.remove(this)
    this.#answerTimer?.clear()
    const pending = this.#pending
    this.#pending = undefined
    if (this.#relay !== undefined) this.#relay.clientClosed()
    else pending?.clientGone()
    this.#http?.closed()
    const upstream = this.#relay?.connection.socket
    if (upstream === undefined || upstream.destroyed) this.#server.closed(this)
    // Answers to remaining requests are still sent: the connection counts until it closes.
    else upstream.once('close', () => this.#server.closed(this))
  }

  /** Ends the connection of a client that has sent nothing so far. */
  closeIfMute(): void {
    if (this.#state === 'handshake' && this.isMute) this.socket.destroy()
  }

  /** Ends the connection in any state. */
  destroy(): void {
    this.socket.destroy()
  }

  /** A handler of the client's socket threw an exception. */
  override failInternally(): void {
    try {
      this.#failInternally()
    } catch (second) {
      internalErrors.report(second)
      this.socket.destroy()
    }
  }

  #failInternally(): void {
    const party = this.#relay ?? this.#pending ?? this.#http
    if (party !== undefined) return void party.failInternally()
    if (this.#state === 'lingering') return void this.socket.destroy()
    const error = internalFailure()
    this.#server.refused(error, this.protocol)
    this.refuse(error)
  }
}

function onData(this: Socket, chunk: Buffer): void {
  ;(this as ClientSocket).connection.data(chunk)
}

function onEnd(this: Socket): void {
  ;(this as ClientSocket).connection.ended()
}

function onError(this: Socket): void {
  ;(this as ClientSocket).connection.errored()
}

function onClose(this: Socket): void {
  ;(this as ClientSocket).connection.closed()
}

function onDrain(this: Socket): void {
  ;(this as ClientSocket).connection.drained()
}
