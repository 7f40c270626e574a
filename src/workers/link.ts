/**
 * A worker's connection to the control process: opened again whenever it has ended, with `hello` as its first message.
 *
 * Each direction has a socket of its own. Node destroys a socket that it cannot write to, with all that has come in and is not read:
 * over one socket, a message to a worker that was killed a moment ago would lose the last messages of that worker.
 */
import { connect } from 'node:net'
import type { Clock } from '../clock.ts'
import { LineChannel } from '../takeover/line-channel.ts'
import type { Connected, Hello, Listens, ToControl, ToWorker } from './messages.ts'

interface LinkHandler {
  hello(): Hello
  message(message: ToWorker): void
  disconnected(): void
}

/** Between two tries to connect, ms. */
const RETRY_MS = 50

export class ControlLink {
  readonly #place: string
  readonly #worker: number
  readonly #clock: Clock
  readonly #handler: LinkHandler
  #down: LineChannel | undefined
  /** Undefined until the control process is connected. */
  #up: LineChannel | undefined
  #isClosed = false

  /** @param place of the control process's socket */
  constructor(place: string, worker: number, clock: Clock, handler: LinkHandler) {
    this.#place = place
    this.#worker = worker
    this.#clock = clock
    this.#handler = handler
  }

  get isConnected(): boolean {
    return this.#up !== undefined
  }

  open(): void {
    if (this.#isClosed) return
    const down: LineChannel = new LineChannel(connect(this.#place), {
      message: (value) => {
        const message = value as Connected | ToWorker
        if (message.kind === 'connected') this.#openUp(down)
        else this.#handler.message(message)
      },
      closed: () => {
        this.#disconnected()
        this.#clock.after(RETRY_MS, () => this.open())
      },
    })
    this.#down = down
    down.send({ kind: 'listens', worker: this.#worker } satisfies Listens)
  }

  #openUp(down: LineChannel): void {
    const socket = connect(this.#place)
    const up = new LineChannel(socket, { message: () => {}, closed: () => down.close() })
    socket.once('connect', () => {
      // It may be another control process that answers here.
      if (this.#down !== down) return up.close()
      this.#up = up
      up.send(this.#handler.hello())
    })
  }

  #disconnected(): void {
    const up = this.#up
    this.#up = undefined
    this.#down = undefined
    if (up === undefined) return
    up.close()
    this.#handler.disconnected()
  }

  /** @returns false while there is no control process */
  send(message: ToControl): boolean {
    this.#up?.send(message)
    return this.#up !== undefined
  }

  close(): void {
    this.#isClosed = true
    this.#up?.close()
    this.#down?.close()
  }
}
