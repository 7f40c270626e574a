/**
 * Finds the heads of a connection's requests among the received octets. Each octet is examined once; how the octets were split does
 * not change the result.
 */
import { GatewayError } from '../errors.ts'
import { headEnd } from './head.ts'
import { checkFieldLine } from './request-head.ts'
import { checkBeginning, parseRequestLine, type RequestLine } from './request-line.ts'

/** A complete head, whose header is not parsed yet. */
export class HeadText {
  /** Latin1, up to and including the empty line. */
  readonly text: string
  /** Octets up to the end of the head, with empty lines in front of it. */
  readonly size: number
  #line: RequestLine | undefined

  constructor(text: string, size: number) {
    this.text = text
    this.size = size
  }

  /** Parsed when it is needed: the text of a CONNECT is often known. @throws {GatewayError} GW_BAD_REQUEST, GW_HTTP_VERSION */
  get line(): RequestLine {
    this.#line ??= parseRequestLine(this.text)
    return this.#line
  }
}

const CR = 0x0d
const LF = 0x0a

export class RequestHeadReader {
  readonly #maxBytes: number
  /** Where the request line begins: RFC 9112 section 2.2 has empty lines in front of it ignored. */
  #start = 0
  /** Where the first line begins that is not checked yet. */
  #checked = 0
  /** Octets that were searched for the end of the head. */
  #seen = 0
  /** Octets of empty lines that `read` does not get any more. */
  #forgotten = 0

  /** @param maxBytes longest head, empty lines in front of it included */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /**
   * @param bytes everything received since the end of the previous message
   * @returns undefined while the head is incomplete
   * @throws {GatewayError} GW_BAD_REQUEST, GW_HTTP_VERSION, GW_HEADER_TOO_LARGE
   */
  read(bytes: Buffer): HeadText | undefined {
    while (bytes[this.#start] === CR && bytes[this.#start + 1] === LF) this.#start += 2
    const start = this.#start
    const end = headEnd(bytes, Math.max(start, this.#seen - 3))
    if (end === -1 || this.#forgotten + end > this.#maxBytes) return void this.#readBeginning(bytes)
    this.#reset()
    this.#forgotten = 0
    return new HeadText(bytes.toString('latin1', start, end), end)
  }

  /** @returns whether these, of which `read` found no head, are only empty lines: then `read` need not get them again */
  forgetEmptyLines(bytes: Buffer): boolean {
    if (this.#start < bytes.length) return false
    this.#forgotten += bytes.length
    this.#reset()
    return true
  }

  #reset(): void {
    this.#start = 0
    this.#checked = 0
    this.#seen = 0
  }

  /** What can only be refused is refused at once: the client may wait for an answer, not for the end of a head. */
  #readBeginning(bytes: Buffer): void {
    const maxBytes = this.#maxBytes - this.#forgotten
    const size = Math.min(bytes.length, maxBytes)
    let at = Math.max(this.#checked, this.#start)
    for (let lf = findLf(bytes, Math.max(at, this.#seen), size); lf !== -1; lf = findLf(bytes, at, size)) {
      const line = bytes.subarray(at, lf + 1).toString('latin1')
      if (at === this.#start) parseRequestLine(line)
      else if (line !== '\r\n') checkFieldLine(line)
      at = lf + 1
    }
    // Its last octet so far may have been a CR, which the next one shows to be right or wrong.
    if (at === this.#start) checkBeginning(bytes.subarray(Math.max(at, this.#seen - 1), size).toString('latin1'))
    this.#checked = at
    this.#seen = bytes.length
    if (bytes.length > maxBytes)
      throw new GatewayError('GW_HEADER_TOO_LARGE', `the request header is longer than ${this.#maxBytes} octets`)
  }
}

function findLf(bytes: Buffer, from: number, to: number): number {
  const at = bytes.subarray(from, to).indexOf(LF)
  return at === -1 ? -1 : from + at
}
