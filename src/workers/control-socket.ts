/**
 * The control process's socket: workers connect to it, again when the control process has ended and another one has come. Each
 * opens two connections, one for each direction (link.ts).
 */
import { rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { LineChannel } from '../takeover/line-channel.ts'
import type { Connected, Hello, Listens, ToControl, ToWorker } from './messages.ts'

interface SocketHandler {
  /** Its first message. */
  joined(hello: Hello): void
  message(worker: number, message: Exclude<ToControl, Hello>): void
  /** All that the worker has sent has been read. */
  disconnected(worker: number): void
}

export class ControlSocket {
  readonly #handler: SocketHandler
  readonly #server: Server
  /** To each worker. */
  readonly #down = new Map<number, LineChannel>()
  /** From each worker that has said hello. */
  readonly #up = new Map<number, LineChannel>()

  constructor(handler: SocketHandler) {
    this.#handler = handler
    this.#server = createServer((socket) => this.#accept(socket))
  }

  #accept(socket: Socket): void {
    let listening: number | undefined
    let worker: number | undefined
    const channel: LineChannel = new LineChannel(socket, {
      message: (value) => {
        const message = value as Listens | ToControl
        if (message.kind === 'listens') {
          listening = message.worker
          this.#down.set(listening, channel)
          channel.send({ kind: 'connected' } satisfies Connected)
        } else if (message.kind === 'hello') {
          // What it listens to may still belong to the control process before this one.
          if (!this.#down.has(message.worker)) return channel.close()
          worker = message.worker
          this.#up.set(worker, channel)
          this.#handler.joined(message)
        } else if (worker !== undefined) this.#handler.message(worker, message)
      },
      closed: () => {
        if (listening !== undefined && this.#down.get(listening) === channel) this.#down.delete(listening)
        if (worker === undefined || this.#up.get(worker) !== channel) return
        this.#up.delete(worker)
        this.#down.get(worker)?.close()
        this.#handler.disconnected(worker)
      },
    })
  }

  /** @param place a path in a folder that only this user may enter @throws the system's error */
  async open(place: string): Promise<void> {
    // Of a control process before this one.
    await rm(place, { force: true })
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(place, resolve)
    })
  }

  /** Lost when the worker is not there: it gets everything when it comes. */
  send(worker: number, message: ToWorker): void {
    if (this.#up.has(worker)) this.#down.get(worker)?.send(message)
  }

  /** @param but a worker that knows it already */
  sendAll(message: ToWorker, but?: number): void {
    for (const worker of this.#up.keys()) if (worker !== but) this.send(worker, message)
  }

  close(): void {
    this.#server.close()
    for (const channel of this.#down.values()) channel.close()
  }
}
