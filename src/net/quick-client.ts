/**
 * The client's side of the short way: one connection that speaks plain HTTP, for as long as it asks one usual request after
 * the other (quick-request.ts) and waits for the answers. At the first octet of anything else the connection is lent to
 * Node's server, and stays there.
 */
import { GatewayError } from '../errors.ts'
import type { ClientIdentity, PendingTunnel } from './client-request.ts'
import type { Connection } from './connection.ts'
import { type DeadlineList, Expiring } from './deadlines.ts'
import { Accumulator } from './http-head.ts'
import type { Linked } from './linked-list.ts'
import type { Listener } from './listener.ts'
import type { PlainOwner } from './plain-request.ts'
import {
  type QuickHeader,
  type QuickReader,
  QuickRequest,
  readRequestHeader,
  readRequestLine,
  targetOf,
} from './quick-request.ts'

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
    const request = this.listener.refusal === undefined ? this.#read(chunk) : undefined
    if (request === undefined) return void this.#lend(chunk)
    this.#current = request
    this.#host.open.count++
    this.#hand(request)
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
  #read(chunk: Buffer): QuickRequest | undefined {
    if (chunk.length > this.listener.maxHeaderBytes) return undefined
    const text = chunk.toString('latin1')
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
      this.#identity = this.listener.access.identify(header.login)
    } catch (error) {
      if (error instanceof GatewayError) return false
      throw error
    }
    this.#text = text
    this.#header = header
    return true
  }

  #keep(chunk: Buffer): void {
    this.#ahead ??= new Accumulator()
    this.#ahead.push(chunk)
    if (this.#ahead.length >= MAX_AHEAD_BYTES) this.connection.socket.pause()
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
    this.#host.unread.remove(this.connection)
    if (!this.connection.socket.destroyed) this.#over()
  }

  #over(): void {
    if (this.#current === undefined) return
    this.#current = undefined
    this.#pending = undefined
    this.#host.open.count--
    if (!this.#mayGoOn) this.connection.linger()
    else if (this.#ahead !== undefined) this.#lend(this.#ahead.bytes)
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

  /** Closes the connection if no request is under way. */
  closeIfIdle(): void {
    if (this.#current === undefined) this.connection.destroy()
  }

  /** No further request has come for long. */
  override onDeadline(): void {
    this.closeIfIdle()
  }
}
