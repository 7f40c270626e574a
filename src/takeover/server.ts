/**
 * The running gateway's side of a takeover: another process requests ports and state, and receives them, or an error message.
 * One at a time. Until the other process serves, everything can be undone; when it ends before that, or does not serve in time,
 * this one continues.
 */
import { once } from 'node:events'
import { chmodSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import type { Clock, Timer } from '../clock.ts'
import { runInBackground } from '../internal-errors.ts'
import type { Log } from '../log/log.ts'
import { LineChannel } from './line-channel.ts'
import { PROTOCOL, type Released, type Reply, type Request, request } from './messages.ts'
import { type LentPorts, sendSockets } from './sockets.ts'

type LeasesLeft = Extract<Reply, { kind: 'leases' }>['left']

/** The gateway that is taken over. */
export interface TakeoverHandler {
  /** The listening sockets. @throws {Error} with a message when they cannot be handed over now */
  openPorts(): Promise<LentPorts>
  /**
   * Accepts no more clients, finishes the connections that are being set up, and releases the state folder.
   * @throws {Error} with a message when that is not possible; then nothing has changed
   */
  release(): Promise<Released>
  /**
   * The other process did not come to serve: restores the former state. While that process still holds the state folder, nothing
   * is bought.
   */
  resume(): Promise<void>
  /** The other process serves. @param report to be called whenever tunnels of an upstream have ended */
  taken(report: (left: LeasesLeft) => void): void
}

/** The deadline for the request of a process that is started with the channel. */
const CHANNEL_KEPT_MS = 120_000
/**
 * From the moment on at which this process accepts no client. Its launcher ends a process that hangs before that (launch.ts):
 * this is for the case that the launcher hangs too.
 */
const WAITS_FOR_SUCCESSOR_MS = 20_000

interface Deps {
  readonly clock: Clock
  readonly log: Log
}

export class TakeoverServer {
  readonly #place: string
  readonly #handler: TakeoverHandler
  readonly #deps: Deps
  #server: Server | undefined
  readonly #channels = new Map<string, { readonly socket: Socket; readonly timer: Timer }>()
  readonly #connections = new Set<LineChannel>()
  /** The process that takes over. */
  #successor: LineChannel | undefined
  #stage: 'idle' | 'asked' | 'releasing' | 'released' | 'granted' | 'taken' = 'idle'
  #deadline: Timer | undefined

  private constructor(place: string, handler: TakeoverHandler, deps: Deps) {
    this.#place = place
    this.#handler = handler
    this.#deps = deps
  }

  /**
   * @param place path of the socket. The caller holds the folder, so an existing file is left over from a killed process
   * @throws the system's error when the socket cannot be made
   */
  static async open(place: string, handler: TakeoverHandler, deps: Deps): Promise<TakeoverServer> {
    const server = new TakeoverServer(place, handler, { ...deps, log: deps.log.child({ mod: 'takeover' }) })
    await server.#listen()
    return server
  }

  async #listen(): Promise<void> {
    rmSync(this.#place, { force: true })
    const server = createServer((socket) => this.#accept(socket))
    server.listen(this.#place)
    await once(server, 'listening')
    chmodSync(this.#place, 0o600)
    server.on('error', (error) => this.#deps.log.error({ err: error }, 'a takeover could not be accepted'))
    this.#server = server
  }

  #accept(socket: Socket): void {
    const channel: LineChannel = new LineChannel(socket, {
      message: (value) => this.#received(channel, value),
      closed: () => this.#closed(channel),
    })
    this.#connections.add(channel)
  }

  #received(from: LineChannel, value: unknown): void {
    const message = request.safeParse(value).data
    if (message === undefined) from.close()
    else if (message.kind === 'channel') this.#keepChannel(message.id, from)
    else if (message.kind === 'hello') runInBackground(this.#greet(from, message))
    else if (from !== this.#successor) from.close()
    else if (message.kind === 'take' && this.#stage === 'asked') runInBackground(this.#release())
    else if (message.kind === 'prepared' && this.#stage === 'released') this.#grant(from)
    else if (message.kind === 'serving' && this.#stage === 'granted') this.#taken()
  }

  /** The launcher's end of it goes to the new process, this end to the process that sends the sockets. */
  #keepChannel(id: string, from: LineChannel): void {
    from.send({ kind: 'ready' } satisfies Reply)
    this.#connections.delete(from)
    const timer = this.#deps.clock.after(CHANNEL_KEPT_MS, () => this.#takeChannel(id)?.destroy())
    this.#channels.set(id, { socket: from.pause(), timer })
  }

  #takeChannel(id: string): Socket | undefined {
    const kept = this.#channels.get(id)
    kept?.timer.clear()
    this.#channels.delete(id)
    return kept?.socket
  }

  async #greet(from: LineChannel, { protocol, channel }: Extract<Request, { kind: 'hello' }>): Promise<void> {
    const socket = this.#takeChannel(channel)
    try {
      const accepted = this.#channelFor(protocol, socket)
      this.#stage = 'asked'
      this.#successor = from
      const { ports, close } = await this.#handler.openPorts()
      if (this.#successor !== from) throw new Error('it has ended')
      const named = ports.map(({ place, isShared = false }) => ({ ...place, isShared }))
      from.send({ kind: 'ports', ports: named } satisfies Reply)
      sendSockets(accepted, ports, this.#deps.log)
      close()
    } catch (error) {
      socket?.destroy()
      this.#refuse(from, error)
    }
  }

  /** @returns the channel that the ports are sent through @throws {Error} with the reason why they are not */
  #channelFor(protocol: number, channel: Socket | undefined): Socket {
    if (protocol !== PROTOCOL)
      throw new Error('the two versions of turnpike do not understand each other: stop the running one first')
    if (this.#stage !== 'idle') throw new Error('another process is taking over already')
    if (channel === undefined) throw new Error('the channel for the ports is gone')
    return channel
  }

  #refuse(from: LineChannel | undefined, error: unknown): void {
    const reason = error instanceof Error ? error.message : 'unexpected error'
    from?.send({ kind: 'refused', reason } satisfies Reply)
    if (from === this.#successor) {
      this.#stage = 'idle'
      this.#successor = undefined
    }
    from?.close()
  }

  async #release(): Promise<void> {
    const successor = this.#successor
    this.#stage = 'releasing'
    this.#deps.log.info('another process takes over: the ports are handed to it')
    try {
      const left = await this.#handler.release()
      this.#stopListening()
      this.#stage = 'released'
      successor?.send({ kind: 'released', ...left } satisfies Reply)
      this.#deadline = this.#deps.clock.after(WAITS_FOR_SUCCESSOR_MS, () => this.#giveUp())
      // It has ended meanwhile.
      if (this.#successor !== successor) await this.#resume('has ended')
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unexpected error'
      this.#deps.log.error({ reason }, 'not handed over')
      this.#stage = 'idle'
      this.#refuse(successor, error)
    }
  }

  /** Should it ask later, it does not serve: two processes must not. */
  #giveUp(): void {
    const successor = this.#successor
    this.#successor = undefined
    successor?.send({ kind: 'refused', reason: 'it has waited too long, and serves again' } satisfies Reply)
    successor?.close()
    runInBackground(this.#resume('does not serve'))
  }

  #grant(successor: LineChannel): void {
    this.#deadline?.clear()
    this.#stage = 'granted'
    successor.send({ kind: 'go' } satisfies Reply)
  }

  #taken(): void {
    this.#stage = 'taken'
    this.#handler.taken((left) => this.#successor?.send({ kind: 'leases', left } satisfies Reply))
  }

  #closed(channel: LineChannel): void {
    this.#connections.delete(channel)
    if (channel !== this.#successor) return
    this.#successor = undefined
    if (this.#stage === 'released' || this.#stage === 'granted') runInBackground(this.#resume('has ended'))
    else if (this.#stage === 'asked') this.#stage = 'idle'
  }

  async #resume(because: 'has ended' | 'does not serve'): Promise<void> {
    this.#deadline?.clear()
    this.#deps.log.error(`the process that was to take over ${because}: this one continues`)
    try {
      await this.#handler.resume()
    } finally {
      await this.#listen()
      this.#stage = 'idle'
    }
  }

  /** The file is removed when this returns: the next process makes its own. */
  #stopListening(): void {
    this.#server?.close()
    this.#server = undefined
    for (const id of [...this.#channels.keys()]) this.#takeChannel(id)?.destroy()
  }

  /** Ends everything: the other process treats the connections that are open here as ended. */
  close(): void {
    this.#stage = 'taken'
    this.#deadline?.clear()
    this.#stopListening()
    for (const channel of this.#connections) channel.close()
  }
}
