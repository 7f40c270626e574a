/** JSON values over a socket, one per line. */
import type { Socket } from 'node:net'
import { contained } from '../internal-errors.ts'

/** The list of 100,000 upstreams has 20 MiB. */
const MAX_LINE = 64 * 1_048_576

export interface LineHandler {
  message(value: unknown): void
  /** The other side has ended, or has sent a line that is not JSON. Called once, also after `close`. */
  closed(): void
}

export class LineChannel {
  readonly #socket: Socket
  /** The beginning of a line. */
  #received = ''

  constructor(socket: Socket, handler: LineHandler) {
    this.#socket = socket.setEncoding('utf8')
    socket.on('error', () => {})
    socket.on('data', (text: string) => this.#read(text, handler))
    socket.on('end', () => socket.destroy())
    socket.once('close', () => contained(() => handler.closed()))
  }

  send(value: object): void {
    this.#socket.write(`${JSON.stringify(value)}\n`)
  }

  close(): void {
    this.#socket.end()
  }

  /** Stops reading, so that another process can continue with the socket. */
  pause(): Socket {
    return this.#socket.pause()
  }

  #read(text: string, handler: LineHandler): void {
    const [end = '', ...further] = text.split('\n')
    const lines = [this.#received + end, ...further]
    this.#received = lines.pop() ?? ''
    if (this.#received.length > MAX_LINE) return void this.#socket.destroy()
    for (const line of lines) {
      let value: unknown
      try {
        value = JSON.parse(line)
      } catch {
        return void this.#socket.destroy()
      }
      contained(() => handler.message(value))
    }
  }
}
