/**
 * The client's side of the short way: one connection that speaks plain HTTP, for as long as it asks one usual request after
 * the other (request-head.ts). They are answered one at a time, however they were cut on the way and however many of them
 * are sent ahead. With the first request of any other kind the connection is lent to Node's server, and stays there.
 */
import { GatewayError } from '../errors.ts'
import { Accumulator, headEnd } from '../http1/head.ts'
import {
  mayBecomeUsual,
  type QuickHeader,
  type QuickReader,
  QuickRequest,
  readRequestHeader,
  readRequestLine,
  targetOf,
} from '../http1/request-head.ts'
import { containException, internalFailure } from '../internal-errors.ts'
import type { PlainOwner } from '../proxy/http-contract.ts'
import type { Linked } from '../structures/linked-list.ts'
import { type DeadlineList, Expiring } from '../structures/timeout-queue.ts'
import type { ClientIdentity, PendingTunnel } from './client-request.ts'
import type { Connection } from './connection.ts'
import type { Listener } from './listener.ts'

/** Octets of further requests that are kept while one is answered; with more the client is no longer read from. */
const MAX_AHEAD_BYTES = 65_536
const NOTHING = Buffer.alloc(0)

export interface QuickHost {
  readonly owner: PlainOwner
  /** Between two requests. */
  readonly keepAlives: DeadlineList
  /** What clients are told about that. */
  readonly keepAliveLines: string
  /** For connections to which the end of an answer was written, until it has left. */
  readonly unread: DeadlineList
  /** Requests under way. */
  readonly open: { count: number }
  /** Something unusual was sent: Node's server reads on from these octets. */
  lend(client: QuickClient, octets: Buffer): void
  left(client: QuickClient): void
}

export class QuickClient extends Expiring implements QuickReader, Linked<QuickClient> {
  /** Owned by the host's list. */
  next: QuickClient | undefined = undefined
  previous: QuickClient | undefined = undefined
  readonly connection: Connection
  readonly listener: Listener
  readonly #host: QuickHost
  #current: QuickRequest | undefined
  #pending: PendingTunnel | undefined
  /** The beginning of a head whose end has not come, or what was sent ahead of an answer. */
  #ahead: Accumulator | undefined
  #mayGoOn = true
  /** The header of the request before, as text and as read, and whose it is. */
  #text = ''
  #header: QuickHeader | undefined
  #identity: ClientIdentity | undefined

  constructor(connection: Connection, listener: Listener, host: QuickHost) {
    super()
    this.connection = connection
    this.listener = listener
    this.#host = host
  }

  data(chunk: Buffer): void {
    if (this.#current !== undefined) return void this.#keep(chunk)
    if (this.#ahead === undefined) return void this.#take(chunk, 0)
    const searchFrom = this.#ahead.length - 3
    this.#keep(chunk)
    this.#take(this.#ahead.bytes, searchFrom)
  }

  /** Takes up the request that begins here. @param searchFrom see headEnd */
  #take(bytes: Buffer, searchFrom: number): void {
    const end = headEnd(bytes, searchFrom)
    if (end === -1 && bytes.length <= this.listener.maxHeaderBytes && mayBecomeUsual(bytes, searchFrom)) {
      return void this.#await(bytes)
    }
    const request = end === -1 || this.listener.refusal !== undefined ? undefined : this.#read(bytes, end)
    if (request === undefined) return void this.#lend(bytes)
    this.deadlineList?.remove(this)
    if (this.#ahead !== undefined || end < bytes.length) this.#leave(bytes.subarray(end))
    this.#current = request
    this.#host.open.count++
    this.#hand(request)
  }

  /** The rest of a head has the time of a handshake, from here on and however many pieces it comes in. */
  #await(beginning: Buffer): void {
    if (this.deadlineList !== this.listener.handshakes) this.listener.handshakes.add(this)
    if (this.#ahead === undefined) this.#keep(beginning)
    this.connection.socket.resume()
  }

  #keep(octets: Buffer): void {
    this.#ahead ??= new Accumulator()
    this.#ahead.push(octets)
    if (this.#ahead.length >= MAX_AHEAD_BYTES) this.connection.socket.pause()
  }

  /** Keeps what was sent behind the request, and reads on if that is not too much. */
  #leave(rest: Buffer): void {
    this.#ahead = undefined
    this.connection.socket.resume()
    if (rest.length > 0) this.#keep(rest)
  }

  #hand(request: QuickRequest): void {
    try {
      const pending = this.#host.owner.plain(request)
      // It may have been answered before the call came back.
      if (this.#current === request) this.#pending = pending
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      this.#host.owner.refused(error)
      request.refuse(error)
    }
  }

  /** @returns undefined when Node's server is to look at it: also when it is to be refused */
  #read(bytes: Buffer, end: number): QuickRequest | undefined {
    if (end > this.listener.maxHeaderBytes) return undefined
    const text = bytes.toString('latin1', 0, end)
    const head = readRequestLine(text)
    if (head === undefined) return undefined
    const target = targetOf(head.authority)
    if (target === undefined || !this.#readHeader(text.slice(head.fieldsAt))) return undefined
    if (this.#header === undefined || this.#identity === undefined) return undefined
    return new QuickRequest(head, target, this.#header, this.#identity, this)
  }

  #readHeader(text: string): boolean {
    if (text === this.#text) return true
    const header = readRequestHeader(text)
    if (header === undefined) return false
    try {
      this.#identity = this.listener.access.identify(header.login, this.connection)
    } catch (error) {
      if (error instanceof GatewayError) return false
      throw error
    }
    this.#text = text
    this.#header = header
    return true
  }

  #lend(octets: Buffer): void {
    this.deadlineList?.remove(this)
    this.#ahead = undefined
    this.#host.left(this)
    this.#host.lend(this, octets)
  }

  /** A gateway that stops keeps no connections. */
  get connectionLines(): string {
    this.#mayGoOn = this.listener.refusal === undefined
    return this.#mayGoOn ? this.#host.keepAliveLines : 'Connection: close\r\n'
  }

  /** The next request is taken up when the answer has left. */
  answered(): void {
    const { socket } = this.connection
    if (socket.destroyed) return
    if (socket.writableLength === 0) return void this.#over()
    this.#host.unread.add(this.connection)
    socket.write(NOTHING, this.#flushed)
  }

  readonly #flushed = (): void => {
    try {
      this.#host.unread.remove(this.connection)
      if (!this.connection.socket.destroyed) this.#over()
    } catch (error) {
      containException(error, this)
    }
  }

  #over(): void {
    if (this.#current === undefined) return
    this.#current = undefined
    this.#pending = undefined
    this.#host.open.count--
    if (!this.#mayGoOn) this.connection.linger()
    else if (this.#ahead !== undefined) this.#take(this.#ahead.bytes, 0)
    else this.#host.keepAlives.add(this)
  }

  drained(): void {
    this.#current?.sending?.clientDrained()
  }

  closed(): void {
    this.deadlineList?.remove(this)
    this.#host.left(this)
    if (this.#current === undefined) return
    this.#current = undefined
    this.#host.open.count--
    this.#pending?.clientGone()
  }

  /** Closes the connection if no request is under way, nor the beginning of one. */
  closeIfIdle(): void {
    if (this.#current === undefined && this.#ahead === undefined) this.connection.destroy()
  }

  /** A handler of this connection has thrown. */
  override failInternally(): void {
    if (this.#pending !== undefined) return void this.#pending.failInternally()
    const error = internalFailure()
    this.#host.owner.refused(error)
    if (this.#current === undefined) this.connection.turnAway(error)
    else this.#current.refuse(error)
  }

  /** No further request has come for long, or not the whole of one. */
  override onDeadline(): void {
    if (this.#ahead === undefined) return void this.connection.destroy()
    const error = new GatewayError('GW_HANDSHAKE_TIMEOUT', 'the request did not arrive in time')
    this.#host.owner.refused(error)
    this.connection.turnAway(error)
  }
}
