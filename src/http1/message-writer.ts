/** The part of a message that is written at once: its head, with what has come of its body by then. */
import type { Writable } from 'node:stream'
import { pushChunk, pushLastChunk } from './body.ts'

export class MessageWriter {
  readonly #socket: Writable
  readonly #isReused: boolean
  #head = ''
  #body: Buffer[] = []

  /** @param isReused the memory of the body's pieces is reused once they are flushed: what is written is a copy */
  constructor(socket: Writable, isReused: boolean) {
    this.#socket = socket
    this.#isReused = isReused
  }

  /** @param text the head in latin1, with its empty line */
  head(text: string): void {
    this.#head += text
  }

  data(pieces: readonly Buffer[], isChunked: boolean): void {
    if (isChunked) pushChunk(pieces, this.#body)
    // Not spread: a read may contain more chunks than a call may have arguments.
    else for (const piece of pieces) this.#body.push(piece)
  }

  /** @param trailers field lines, each with its CRLF */
  lastChunk(trailers: string): void {
    pushLastChunk(trailers, this.#body)
  }

  /** Writes it: one call of the system, and one segment if it fits. @returns whether the socket takes more */
  flush(): boolean {
    const head = this.#head
    const body = this.#body
    const [first] = body
    if (first === undefined && head === '') return !this.#socket.writableNeedDrain
    this.clear()
    if (first === undefined) return this.#socket.write(head, 'latin1')
    const isOne = head === '' && body.length === 1
    return this.#socket.write(isOne && !this.#isReused ? first : joined(head, body))
  }

  /** Drops what was not written. */
  clear(): void {
    this.#head = ''
    this.#body = []
  }
}

function joined(head: string, body: readonly Buffer[]): Buffer {
  const octets = Buffer.allocUnsafe(body.reduce((sum, { length }) => sum + length, head.length))
  let end = octets.write(head, 'latin1')
  for (const piece of body) end += piece.copy(octets, end)
  return octets
}
