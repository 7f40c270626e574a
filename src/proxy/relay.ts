/**
 * The only two-way copy: joins a client's socket and an open connection until both directions are done.
 *
 * Half-close is passed on in both directions; a slow receiver pauses its sender; a reset on one side resets the other, so that
 * an interrupted transfer never looks complete. A tunnel without a transfer for the idle time is closed. The octets are not
 * inspected.
 *
 *   client ──data──▶ toUpstream ──▶ upstream        upstream ──onread──▶ received ──▶ client
 */

import type { Socket } from 'node:net'
import { resetOrDestroy } from '../network/reset.ts'
import type { Linked } from '../structures/linked-list.ts'
import { TimeoutEntry, type TimeoutQueue } from '../structures/timeout-queue.ts'
import type { UpstreamConnection, UpstreamHandler } from '../upstream/connection.ts'

export type RelayEnd = 'done' | 'client-reset' | 'upstream-reset' | 'idle' | 'closed'

export interface RelayHandler {
  /** Both sockets are closed or being torn down; called once. */
  relayEnded(relay: Relay, end: RelayEnd): void
  /** Nothing was transferred for a step of the idle time, or a transfer has resumed. */
  relayQuiet(relay: Relay, isQuiet: boolean): void
}

/**
 * The idle time is counted in steps: a transfer sets a flag and no timer, and the flag is checked once per step. A tunnel is
 * idle after `steps` steps in a row without a transfer.
 */
export interface IdleSteps {
  /** A list whose duration is one step. */
  readonly list: TimeoutQueue
  readonly steps: number
}

/** Steps are a quarter of the idle time, but short enough to distinguish demand from tunnels that are merely open. */
const LONGEST_STEP_MS = 10_000

export function idleStepMs(idleMs: number): number {
  return Math.min(idleMs / 4, LONGEST_STEP_MS)
}

/** After this time without an octet the kernel probes the peer; a vanished peer is noticed 10 s later. */
const TCP_KEEP_ALIVE_MS = 60_000

const NOTHING = Buffer.alloc(0)

export class Relay extends TimeoutEntry implements UpstreamHandler, Linked<Relay> {
  /** Managed by the list of all relays. */
  next: Relay | undefined = undefined
  previous: Relay | undefined = undefined
  readonly client: Socket
  readonly connection: UpstreamConnection
  readonly #handler: RelayHandler
  readonly #idle: IdleSteps
  #moved = false
  #quietSteps = 0
  #ended = false
  #isKeptAlive = false

  /**
   * Starts copying. The caller passes the client's events to `toUpstream`, `clientEnded`, `clientErrored`, `clientClosed` and
   * `clientDrained`; the upstream's come through the connection.
   */
  constructor(client: Socket, connection: UpstreamConnection, idle: IdleSteps, handler: RelayHandler, now?: number) {
    super()
    this.client = client
    this.connection = connection
    this.#idle = idle
    this.#handler = handler
    connection.relay = this
    idle.list.add(this, now)
  }

  /** Octets from the client. */
  toUpstream(chunk: Buffer): void {
    this.#moved = true
    if (!this.connection.socket.write(chunk)) this.client.pause()
  }

  /** Octets from the upstream, in memory that is reused after this call. */
  received(bytes: Buffer): void {
    this.#moved = true
    if (!this.client.write(Buffer.from(bytes))) this.connection.socket.pause()
  }

  /**
   * Octets from the upstream in the connection's own read buffer.
   * @returns false while the client has not taken them all: the buffer must not be reused before that
   */
  receivedInBuffer(bytes: Buffer): boolean {
    this.#moved = true
    const { client } = this
    const flowing = client.write(bytes)
    if (client.writableLength === 0) return true
    // Without back-pressure there is no 'drain' event: an empty write reports when the octets before it are flushed.
    if (flowing) client.write(NOTHING, () => this.clientDrained())
    return false
  }

  clientDrained(): void {
    if (!this.#ended) this.connection.socket.resume()
  }

  upstreamDrained(): void {
    if (!this.#ended) this.client.resume()
  }

  clientEnded(): void {
    finish(this.connection.socket)
  }

  upstreamEnded(): void {
    finish(this.client)
  }

  clientErrored(): void {
    this.#reset('client-reset')
  }

  upstreamErrored(): void {
    this.#reset('upstream-reset')
  }

  /** A socket closes by itself only when both its directions are done; otherwise it was destroyed. */
  clientClosed(): void {
    if (this.connection.socket.destroyed) this.#end('done')
    else if (!this.client.readableEnded) this.#reset('client-reset')
    else this.#endWhenSent(this.connection.socket)
  }

  upstreamClosed(): void {
    if (this.client.destroyed) this.#end('done')
    else if (!this.connection.socket.readableEnded) this.#reset('upstream-reset')
    else this.#endWhenSent(this.client)
  }

  /** One side is closed normally: the other side still receives the queued octets and the end, within the idle time. */
  #endWhenSent(other: Socket): void {
    other.end()
    other.destroySoon()
    this.#end('done')
    if (!other.destroyed) this.#idle.list.add(this)
  }

  #reset(end: RelayEnd): void {
    if (this.#ended) return
    this.#end(end)
    if (!this.client.destroyed) resetOrDestroy(this.client)
    if (!this.connection.socket.destroyed) resetOrDestroy(this.connection.socket)
  }

  /** Ends both sides at once. */
  close(end: RelayEnd = 'closed'): void {
    this.#end(end)
    this.client.destroy()
    this.connection.socket.destroy()
  }

  /** A handler of one side threw an exception. The client may have received anything: both sides end. */
  override failInternally(): void {
    try {
      this.close()
    } finally {
      this.client.destroy()
      this.connection.socket.destroy()
    }
  }

  /** Whether nothing was transferred for a step. */
  get isQuiet(): boolean {
    return this.#quietSteps > 0
  }

  override onDeadline(): void {
    const wasQuiet = this.isQuiet
    this.#quietSteps = this.#moved ? 0 : this.#quietSteps + 1
    this.#moved = false
    if (this.#quietSteps >= this.#idle.steps) return void this.close('idle')
    if (this.#ended) return void this.#idle.list.add(this)
    if (this.isQuiet && this.client.writableLength === 0) this.connection.retireBuffer()
    if (this.isQuiet !== wasQuiet) this.#handler.relayQuiet(this, this.isQuiet)
    if (this.isQuiet && !this.#isKeptAlive) this.#keepAlive()
    this.#idle.list.add(this)
  }

  /** Only for tunnels that live long enough to be idle: it takes eight system calls. */
  #keepAlive(): void {
    this.#isKeptAlive = true
    this.client.setKeepAlive(true, TCP_KEEP_ALIVE_MS)
    this.connection.socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS)
  }

  #end(end: RelayEnd): void {
    this.#idle.list.remove(this)
    if (this.#ended) return
    this.#ended = true
    this.connection.releaseBuffer(false)
    this.#handler.relayEnded(this, end)
  }
}

/**
 * Announces the end of sending. When the other side has ended too and nothing is queued, closing has the same effect and saves a
 * system call; TLS needs its own message.
 */
function finish(socket: Socket): void {
  if (socket.readableEnded && socket.writableLength === 0 && !('encrypted' in socket)) socket.destroy()
  else socket.end()
}
