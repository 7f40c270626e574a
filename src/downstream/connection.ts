/**
 * One client connection: what becomes of it when the handshake (handshake.ts) has found out what the client wants.
 *
 *   handshake ──▶ pending ──▶ relay ──▶ closed
 *       │  └─────────┴──▶ lingering (the error is on its way) ──▶ closed
 *       └──▶ plain ──▶ http (lent to Node's HTTP server) ──▶ closed; or, with CONNECT or Upgrade, back again
 *
 * The handshake has one deadline. Octets that come while the tunnel is pending are kept for the target.
 */
import { Socket } from 'node:net'
import { unmapIPv4 } from '../address.ts'
import type { Clock, Timer } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import { Accumulator } from '../http1/head.ts'
import { containListeners, type ExceptionOwner, internalErrors, internalFailure } from '../internal-errors.ts'
import type { Relay } from '../proxy/relay.ts'
import type { Linked } from '../structures/linked-list.ts'
import type { DeadlineList } from '../structures/timeout-queue.ts'
import type { AdmittedConnection } from './admission.ts'
import type { PendingTunnel, TunnelRequest } from './client-request.ts'
import { connectSuccess, httpErrorBytes, SOCKS4_SUCCESS, SOCKS5_SUCCESS } from './error-reply.ts'
import { Handshake, type HandshakeHost } from './handshake.ts'

/** What a connection needs of the listener that accepted it. */
export interface ConnectionHost extends HandshakeHost {
  /** Most octets kept of a client that sends before its tunnel is open. */
  readonly maxEarlyBytes: number
  /** For connections that only wait for the client to read our answer. */
  readonly lingers: DeadlineList
  readonly clock: Clock
  tunnel(connection: Connection): PendingTunnel
  /** A connection that speaks plain HTTP; `first` are the octets read so far. */
  http(connection: Connection, first: Buffer): void
  /** The socket is closed, whoever read from it last. */
  closed(connection: Connection): void
}

/** Who reads a connection that speaks plain HTTP. */
export interface PlainReader extends ExceptionOwner {
  data(chunk: Buffer): void
  drained(): void
  closed(): void
}

type State = 'handshake' | 'pending' | 'relay' | 'lingering' | 'plain' | 'http'

interface ClientSocket extends Socket {
  connection: Connection
}

export class Connection extends Handshake implements TunnelRequest, AdmittedConnection, Linked<Connection> {
  /** Owned by the listener's list. */
  next: Connection | undefined = undefined
  previous: Connection | undefined = undefined
  readonly socket: Socket
  readonly #server: ConnectionHost
  #state: State = 'handshake'
  #early: Accumulator | undefined
  #pending: PendingTunnel | undefined
  #relay: Relay | undefined
  #plain: PlainReader | undefined
  /** Until a wrong login is answered. */
  #answerTimer: Timer | undefined
  /** Owned by the Admission. */
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
    this.#attach()
  }

  /** Asked of the system only when somebody wants it: most connections never do. */
  get clientAddress(): string {
    return unmapIPv4(this.socket.remoteAddress ?? '')
  }

  /**
   * Continues a connection on which Node's HTTP server has read a whole CONNECT head behind other requests.
   * @param head that head again, latin1, as `parseConnect` takes it
   */
  resumeAsTunnel(head: string, early: Buffer): void {
    this.#takeBack()
    this.#state = 'handshake'
    this.readConnect()
    this.socket.resume()
    this.data(Buffer.concat([Buffer.from(head, 'latin1'), early]))
  }

  /**
   * Continues a connection that Node's HTTP server has let go of because the client wants to leave HTTP.
   * @param head what came behind the request
   * @param ask hands the request on; undefined when it was refused
   */
  resumeAsUpgrade(head: Buffer, ask: () => PendingTunnel | undefined): void {
    this.#takeBack()
    this.#state = 'pending'
    if (head.length > 0) this.#keepEarly(head)
    this.socket.resume()
    const pending = ask()
    if (this.#state === 'pending') this.#pending = pending
  }

  /**
   * The last answer on a connection that Node's HTTP server reads from, or has let go of. That server would close it at
   * once; here the client can read the answer while it is still sending.
   */
  turnAway(error: GatewayError, withBody = true): void {
    if (this.#state === 'lingering') return
    if (this.#state === 'http') this.#takeBack()
    this.#refuse(httpErrorBytes(error, withBody), error)
  }

  data(chunk: Buffer): void {
    if (this.#relay !== undefined) this.#relay.upload(chunk)
    else if (this.#state === 'handshake') this.read(chunk)
    else if (this.#state === 'plain') this.#plain?.data(chunk)
    else if (this.#state === 'pending') this.#keepEarly(chunk)
  }

  protected override handOver(first: Buffer): void {
    this.#state = 'plain'
    this.#server.http(this, first)
  }

  /** From now on its octets go there. */
  readWith(reader: PlainReader): void {
    this.#plain = reader
  }

  /**
   * Lets Node's HTTP server read on. 'error' and 'close' stay: whoever reads, an error must not go unheard, and the end
   * must be counted.
   */
  lend(): Socket {
    this.#state = 'http'
    this.#plain = undefined
    this.socket.off('data', onData)
    this.socket.off('end', onEnd)
    this.socket.off('drain', onDrain)
    this.socket.destroySoon = lingerInstead
    return this.socket
  }

  /** Node's HTTP server has let go of the socket, and its turn has not come: only that the client leaves must be noticed. */
  awaitTurn(): void {
    this.socket.on('end', onEnd)
  }

  /** Node's HTTP server has written its last answer. */
  answeredLast(): void {
    this.#takeBack()
    this.linger()
  }

  /** What the client sends comes here again. */
  #takeBack(): void {
    this.socket.destroySoon = destroySoon
    this.socket.removeAllListeners('data')
    this.socket.off('end', onEnd)
    this.#attach()
  }

  protected override requested(early: Buffer): void {
    this.#state = 'pending'
    if (early.length > 0) this.#keepEarly(early)
    const pending = this.#server.tunnel(this)
    // It may have been refused before the call came back.
    if (this.#state === 'pending') this.#pending = pending
  }

  #keepEarly(chunk: Buffer): void {
    this.#early ??= new Accumulator()
    this.#early.push(chunk)
    if (this.#early.length >= this.#server.maxEarlyBytes) this.socket.pause()
  }

  accept(upstreamId: string, lifeMs: number | undefined): void {
    this.#state = 'relay'
    if (this.protocol === 'connect') this.socket.write(connectSuccess(upstreamId, lifeMs), 'latin1')
    else this.socket.write(this.protocol === 'socks5' ? SOCKS5_SUCCESS : SOCKS4_SUCCESS)
  }

  join(relay: Relay): void {
    this.#state = 'relay'
    this.#pending = undefined
    this.#relay = relay
    const early = this.#early
    this.#early = undefined
    if (early === undefined) return
    this.socket.resume()
    relay.upload(early.bytes)
  }

  refuse(error: GatewayError): void {
    // Behind a success no error can be written.
    if (this.#state === 'relay') this.socket.destroy()
    else if (this.#state !== 'lingering') this.#refuse(this.inItsWords(error), error)
  }

  /** A wrong login is answered late (login-throttle.ts); nothing is read meanwhile. */
  #refuse(answer: Buffer, { detail: { answerAfterMs } }: GatewayError): void {
    if (typeof answerAfterMs !== 'number') return void this.sayLast(answer)
    this.endHandshake()
    this.#state = 'lingering'
    this.socket.pause()
    this.#answerTimer = this.#server.clock.after(answerAfterMs, () => this.sayLast(answer))
  }

  protected override say(answer: Buffer): void {
    this.socket.write(answer)
  }

  protected override sayLast(answer: Buffer): void {
    this.socket.write(answer)
    this.linger()
  }

  /**
   * The last answer is written. What the client still sends is read and dropped until it closes: a socket closed with
   * unread octets sends a reset, which would take the answer with it.
   */
  linger(): void {
    this.endHandshake()
    this.#state = 'lingering'
    this.#pending = undefined
    this.#early = undefined
    this.socket.resume()
    this.socket.end()
    this.#server.lingers.add(this)
  }

  /** The handshake took too long, or the client does not read an answer to its end. */
  override onDeadline(): void {
    const said = this.#state === 'lingering' || this.#state === 'plain' || this.#state === 'http'
    if (said || this.isMute) return void this.socket.destroy()
    const error = new GatewayError('GW_HANDSHAKE_TIMEOUT', 'the request did not arrive in time')
    this.#server.refused(error)
    this.refuse(error)
  }

  /** The client has closed its sending side. Before the tunnel is open that means that it has gone. */
  ended(): void {
    if (this.#relay !== undefined) this.#relay.clientEnded()
    else if (this.#state === 'lingering') this.socket.destroySoon()
    else this.socket.destroy()
  }

  errored(): void {
    this.#relay?.clientErrored()
  }

  drained(): void {
    this.#relay?.clientDrained()
    this.#plain?.drained()
  }

  closed(): void {
    this.deadlineList?.remove(this)
    this.#answerTimer?.clear()
    const pending = this.#pending
    this.#pending = undefined
    if (this.#relay !== undefined) this.#relay.clientClosed()
    else pending?.clientGone()
    this.#plain?.closed()
    this.#server.closed(this)
  }

  /** Ends the connection, whatever it is doing. */
  destroy(): void {
    this.socket.destroy()
  }

  /** A handler of the client's socket has thrown. */
  override failInternally(): void {
    try {
      this.#failInternally()
    } catch (second) {
      internalErrors.report(second)
      this.socket.destroy()
    }
  }

  #failInternally(): void {
    const party = this.#relay ?? this.#pending ?? this.#plain
    if (party !== undefined) return void party.failInternally()
    // Node's server may be in the middle of an answer.
    if (this.#state === 'http' || this.#state === 'lingering') return void this.socket.destroy()
    const error = internalFailure()
    this.#server.refused(error)
    this.refuse(error)
  }

  #attach(): void {
    this.socket.on('data', onData)
    this.socket.on('end', onEnd)
    this.socket.on('drain', onDrain)
  }
}

const { destroySoon } = Socket.prototype

/** Node's HTTP server closes with it behind its last answer, whatever the client still sends. */
function lingerInstead(this: Socket): void {
  ;(this as ClientSocket).connection.answeredLast()
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
