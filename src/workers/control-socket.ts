/** The control process's socket: workers connect to it, again when the control process has ended and another one has come. */
import { rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { LineChannel } from '../takeover/line-channel.ts'
import type { Hello, ToControl, ToWorker } from './messages.ts'

interface SocketHandler {
  /** The first message of a connection. */
  joined(hello: Hello): void
  message(worker: number, message: Exclude<ToControl, Hello>): void
  /** All that the worker has sent has been read. */
  disconnected(worker: number): void
}

export class ControlSocket {
  readonly #handler: SocketHandler
  readonly #server: Server
  readonly #channels = new Map<number, LineChannel>()

  constructor(handler: SocketHandler) {
    this.#handler = handler
    this.#server = createServer((socket) => {
      let worker: number | undefined
      const channel: LineChannel = new LineChannel(socket, {
        message: (value) => {
          const message = value as ToControl
          if (message.kind === 'hello') {
            worker = message.worker
            this.#channels.set(worker, channel)
            this.#handler.joined(message)
          } else if (worker !== undefined) this.#handler.message(worker, message)
        },
        closed: () => {
          if (worker === undefined || this.#channels.get(worker) !== channel) return
          this.#channels.delete(worker)
          this.#handler.disconnected(worker)
        },
      })
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

  get workers(): readonly number[] {
    return [...this.#channels.keys()]
  }

  /** Lost when the worker is not there: it gets everything when it comes. */
  send(worker: number, message: ToWorker): void {
    this.#channels.get(worker)?.send(message)
  }

  /** @param but a worker that knows it already */
  sendAll(message: ToWorker, but?: number): void {
    for (const [worker, channel] of this.#channels) if (worker !== but) channel.send(message)
  }

  close(): void {
    this.#server.close()
    for (const channel of this.#channels.values()) channel.close()
  }
}
