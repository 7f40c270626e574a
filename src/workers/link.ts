/** A worker's connection to the control process: opened again whenever it has ended, with `hello` as its first message. */
import { connect } from 'node:net'
import type { Clock } from '../clock.ts'
import { LineChannel } from '../takeover/line-channel.ts'
import type { Hello, ToControl, ToWorker } from './messages.ts'

interface LinkHandler {
  hello(): Hello
  message(message: ToWorker): void
  disconnected(): void
}

/** Between two tries to connect, ms. */
const RETRY_MS = 50

export class ControlLink {
  readonly #place: string
  readonly #clock: Clock
  readonly #handler: LinkHandler
  #channel: LineChannel | undefined
  #isClosed = false

  /** @param place of the control process's socket */
  constructor(place: string, clock: Clock, handler: LinkHandler) {
    this.#place = place
    this.#clock = clock
    this.#handler = handler
  }

  get isConnected(): boolean {
    return this.#channel !== undefined
  }

  open(): void {
    if (this.#isClosed) return
    const socket = connect(this.#place)
    let channel: LineChannel | undefined
    const opened = new LineChannel(socket, {
      message: (value) => this.#handler.message(value as ToWorker),
      closed: () => {
        if (channel !== undefined && this.#channel === channel) {
          this.#channel = undefined
          this.#handler.disconnected()
        }
        this.#clock.after(RETRY_MS, () => this.open())
      },
    })
    socket.once('connect', () => {
      channel = opened
      this.#channel = opened
      opened.send(this.#handler.hello())
    })
  }

  /** @returns false while there is no control process */
  send(message: ToControl): boolean {
    this.#channel?.send(message)
    return this.#channel !== undefined
  }

  close(): void {
    this.#isClosed = true
    this.#channel?.close()
  }
}
