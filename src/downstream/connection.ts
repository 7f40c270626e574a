/**
 * One client connection. Its first octet decides who reads on; a request for a tunnel ends that, and the relay takes over.
 *
 *   new ──0x04, 0x05──▶ SocksConnection ──┐
 *     └──else──▶ HttpConnection ─────────┴─ CONNECT, SOCKS ─▶ pending ──▶ relay ──▶ closed
 *                  │   └── 101 ─▶ relay       │
 *                  └───────────── refused ────┴──▶ lingering (the last answer was written) ──▶ closed
 *
 * A request has one deadline until it is whole. Octets that come while the tunnel is pending are kept for the target.
 */
import type { Socket } from 'node:net'
import { type Target, unmapIPv4 } from '../address.ts'
import type { Timer } from '../clock.ts'
import type { GatewayError } from '../errors.ts'
import {
  containException,
  type ExceptionOwner,
  internalErrors,
  internalFailure,
  listenerOf,
  setOwner,
} from '../internal-errors.ts'
import { awaitTurn } from '../network/turns.ts'
import type { Relay } from '../proxy/relay.ts'
import { Accumulator } from '../structures/accumulator.ts'
import type { Linked } from '../structures/linked-list.ts'
import { TimeoutEntry } from '../structures/timeout-queue.ts'
import type { AdmittedConnection } from './admission.ts'
import type { ClientPort } from './client-port.ts'
import type { ClientConnection, ClientIdentity, RequestHandler } from './client-request.ts'
import {
  connectSuccess,
  httpErrorBytes,
  SOCKS4_SUCCESS,
  SOCKS5_SUCCESS,
  socks4Failure,
  socks5Failure,
} from './error-reply.ts'
import { anonymous } from './proxy-auth.ts'

/** Reads a connection up to its request, or from request to request. */
export interface ClientReader extends ExceptionOwner {
  data(chunk: Buffer): void
  /** The client has closed its sending side. */
  ended(): void
  /** The client has read what it was sent. */
  drained(): void
  closed(): void
  /** The time of the queue that the connection waits in is over. */
  timedOut(): void
  /** Between two requests. */
  readonly isIdle: boolean
}

/** Makes the reader for a connection with this first octet. */
type OpenReader = (connection: Connection, first: number) => ClientReader

type State = 'new' | 'reading' | 'pending' | 'relay' | 'lingering'

const NOWHERE: Target = { host: '', port: 0, authority: '' }

export class Connection extends TimeoutEntry implements ClientConnection, Linked<Connection> {
  /** Owned by the listener's list. */
  next: Connection | undefined = undefined
  previous: Connection | undefined = undefined
  /** Managed by the Admission. */
  admission: AdmittedConnection['admission'] = undefined
  readonly socket: Socket
  protocol: ClientConnection['protocol'] = 'connect'
  identity: ClientIdentity = anonymous
  target: Target = NOWHERE
  readonly #port: ClientPort
  readonly #openReader: OpenReader
  #state: State = 'new'
  #reader: ClientReader | undefined
  #early: Accumulator | undefined
  #pending: RequestHandler | undefined
  #relay: Relay | undefined
  /** Until a wrong login is answered. */
  #answerTimer: Timer | undefined
  #countedUp = 0
  #countedDown = 0

  constructor(socket: Socket, port: ClientPort, openReader: OpenReader) {
    super()
    this.socket = socket
    this.#port = port
    this.#openReader = openReader
    setOwner(socket, this)
    port.handshakes.add(this)
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

  octets(): readonly [up: number, down: number] {
    return [this.socket.bytesRead - this.#countedUp, this.socket.bytesWritten - this.#countedDown]
  }

  countOctets(): readonly [up: number, down: number] {
    const counts = this.octets()
    this.#countedUp += counts[0]
    this.#countedDown += counts[1]
    return counts
  }

  data(chunk: Buffer): void {
    if (this.#relay !== undefined) this.#relay.toUpstream(chunk)
    else if (this.#state === 'reading') this.#reader?.data(chunk)
    else if (this.#state === 'pending') this.#keepEarly(chunk)
    else if (this.#state === 'new') this.#begin(chunk)
    else this.#discardSlowly()
  }

  /** Lingering: further octets are read in turns (network/turns.ts), and dropped. */
  #discardSlowly(): void {
    this.socket.pause()
    awaitTurn(() => this.socket.resume())
  }

  #begin(chunk: Buffer): void {
    this.#state = 'reading'
    this.#reader = this.#openReader(this, chunk[0] ?? 0)
    this.#reader.data(chunk)
  }

  /** The client's request for a tunnel is whole: its reader is done. @param early octets after the request */
  requestTunnel(
    protocol: ClientConnection['protocol'],
    target: Target,
    identity: ClientIdentity,
    early: Buffer | undefined,
  ): void {
    this.timeoutQueue?.remove(this)
    this.protocol = protocol
    this.target = target
    this.identity = identity
    this.#reader = undefined
    this.#state = 'pending'
    if (this.socket.isPaused()) this.socket.resume()
    if (early !== undefined) this.#keepEarly(early)
    this.#pending = this.#port.handler.tunnel(this, this.#port)
    this.#pending?.begin()
  }

  #keepEarly(chunk: Buffer): void {
    this.#early ??= new Accumulator()
    this.#early.push(chunk)
    if (this.#early.length >= this.#port.settings.maxEarlyBytes) this.socket.pause()
  }

  accept(upstreamId: string, lifeMs: number | undefined): void {
    this.#state = 'relay'
    if (this.protocol === 'connect')
      this.socket.write(connectSuccess(this.#port.date.line, upstreamId, lifeMs), 'latin1')
    else this.socket.write(this.protocol === 'socks5' ? SOCKS5_SUCCESS : SOCKS4_SUCCESS)
  }

  /** @param early what the client has sent before; by default what was kept while the tunnel was pending */
  join(relay: Relay, early = this.#early?.bytes): void {
    this.#state = 'relay'
    this.#pending = undefined
    this.#reader = undefined
    this.#relay = relay
    this.#early = undefined
    if (early === undefined) return
    this.socket.resume()
    relay.toUpstream(early)
  }

  refuse(error: GatewayError): void {
    // After a success no error can be written.
    if (this.#state === 'relay') this.socket.destroy()
    else this.rejectWith(this.#failureReply(error), error)
  }

  /** The error in the client's protocol. */
  #failureReply(error: GatewayError): Buffer {
    if (this.protocol === 'connect') return httpErrorBytes(error, this.#port.date.line)
    return this.protocol === 'socks4' ? socks4Failure() : socks5Failure(error)
  }

  /** Sends the last answer. A wrong login is answered with a delay (login-throttle.ts); nothing is read meanwhile. */
  rejectWith(answer: Buffer, { detail: { answerAfterMs } }: GatewayError): void {
    if (this.#state === 'lingering') return
    if (typeof answerAfterMs !== 'number') return void this.#writeFinal(answer)
    this.timeoutQueue?.remove(this)
    this.#state = 'lingering'
    this.socket.pause()
    this.#answerTimer = this.#port.clock.after(answerAfterMs, () => this.#writeFinal(answer))
  }

  #writeFinal(answer: Buffer): void {
    this.socket.write(answer)
    this.linger()
  }

  /**
   * The last answer is written. Further octets of the client are read and dropped until it closes: a socket closed with unread
   * octets sends a reset, and the client would lose the answer.
   */
  linger(): void {
    this.timeoutQueue?.remove(this)
    this.#state = 'lingering'
    this.#pending = undefined
    this.#early = undefined
    this.socket.resume()
    this.socket.end()
    if (this.socket.readableEnded) this.socket.destroySoon()
    else this.#port.lingers.add(this)
  }

  /** The request is not whole in time, or the client does not read an answer to its end. */
  override onDeadline(): void {
    if (this.#state === 'reading') this.#reader?.timedOut()
    else this.socket.destroy()
  }

  /** The client has closed its sending side. Before the tunnel is open, it counts as gone. */
  ended(): void {
    if (this.#relay !== undefined) this.#relay.clientEnded()
    else if (this.#state === 'lingering') this.socket.destroySoon()
    else if (this.#state === 'reading') this.#reader?.ended()
    else this.socket.destroy()
  }

  errored(): void {
    this.#relay?.clientErrored()
  }

  drained(): void {
    this.#relay?.clientDrained()
    this.#reader?.drained()
  }

  closed(): void {
    this.timeoutQueue?.remove(this)
    this.#answerTimer?.clear()
    const pending = this.#pending
    this.#pending = undefined
    if (this.#relay !== undefined) this.#relay.clientClosed()
    else pending?.clientGone()
    this.#reader?.closed()
    const upstream = this.#relay?.connection.socket
    if (upstream === undefined || upstream.destroyed) this.#port.closed(this)
    // Octets of the client that are still queued are sent: the connection counts until then.
    else upstream.once('close', () => this.#left())
  }

  #left(): void {
    try {
      this.#port.closed(this)
    } catch (error) {
      containException(error, this)
    }
  }

  /** Ends the connection of a client that has sent nothing so far. */
  closeIfMute(): void {
    if (this.#state === 'new') this.socket.destroy()
  }

  /** Ends the connection of a client that is between two requests. */
  closeIfIdle(): void {
    if (this.#state === 'reading' && this.#reader?.isIdle === true) this.socket.destroy()
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
    const party = this.#relay ?? this.#pending ?? this.#reader
    if (this.#state === 'lingering') return void this.socket.destroy()
    if (party !== undefined) return void party.failInternally()
    const error = internalFailure()
    this.#port.handler.observer.handshakeRefused(error, this.protocol)
    this.refuse(error)
  }
}

const onData = listenerOf((connection: Connection, chunk: Buffer) => connection.data(chunk))
const onEnd = listenerOf((connection: Connection) => connection.ended())
const onError = listenerOf((connection: Connection) => connection.errored())
const onClose = listenerOf((connection: Connection) => connection.closed())
const onDrain = listenerOf((connection: Connection) => connection.drained())
