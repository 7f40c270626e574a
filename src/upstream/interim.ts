/**
 * Any number of interim answers may come before an answer, awaited or not (RFC 9110 section 15.2). undici breaks off where
 * one of them is `100 Continue`, so they are taken out of what it reads. They are for this hop: nobody misses them.
 */
import type { Socket } from 'node:net'
import { looksLikeStatusLine, PartialHead } from '../http1/head.ts'
import { readAnswer } from '../http1/response-head.ts'

/** `HTTP/1.1 ` comes before the status. */
const STATUS_AT = 9
const ONE = 0x31
const SWITCHING_PROTOCOLS = 101
const NOTHING = Buffer.alloc(0)

export class InterimFilter {
  readonly #maxHeadBytes: number
  #awaitsAnswer = false
  readonly #head = new PartialHead()

  /** @param socket paused; whoever reads from it gets what is left */
  constructor(socket: Socket, maxHeadBytes: number) {
    this.#maxHeadBytes = maxHeadBytes
    const read = socket.read.bind(socket)
    socket.read = (size?: number): Buffer | null => {
      const piece: Buffer | null = read(size)
      return piece === null || !this.#awaitsAnswer ? piece : this.#filter(piece)
    }
  }

  /** A request is about to be sent: what comes next is the beginning of its answer. */
  expect(): void {
    this.#awaitsAnswer = true
  }

  /** @returns what is not for this hop; it may be empty, and more may be there to read */
  #filter(piece: Buffer): Buffer {
    let bytes = this.#head.with(piece)
    while (mayBeInterim(bytes)) {
      const end = this.#head.endIn(bytes)
      if ((end === -1 ? bytes.length : end) > this.#maxHeadBytes) break
      if (end === -1) {
        this.#head.keep(bytes)
        return NOTHING
      }
      const status = readAnswer(bytes.toString('latin1', 0, end), '')?.status
      // Whoever reads is to see for himself what is no answer.
      if (status === undefined || status === SWITCHING_PROTOCOLS) break
      bytes = bytes.subarray(end)
      this.#head.clear()
    }
    this.#head.clear()
    this.#awaitsAnswer = bytes.length === 0
    return bytes
  }
}

function mayBeInterim(bytes: Buffer): boolean {
  return bytes.length > 0 && looksLikeStatusLine(bytes) && (bytes.length <= STATUS_AT || bytes[STATUS_AT] === ONE)
}
