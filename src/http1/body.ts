/**
 * Bodies in chunks (RFC 9112 section 7.1), read strictly and written anew: extensions are dropped, and no receiver can read
 * a chunk otherwise than it was read here.
 */
import { readPassing } from './fields.ts'

/** 2^52 octets: what is longer cannot be counted, and never comes. */
const MAX_SIZE_DIGITS = 13
/** RFC 9112 section 7.1.1 sets no bound to extensions; few have any. */
const MAX_LINE_BYTES = 4_096
const CRLF = Buffer.from('\r\n')
const SIZE_LINE = /^([0-9A-Fa-f]+)[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/

type State = 'size' | 'data' | 'data-end' | 'trailer' | 'done' | 'bad'

export class ChunkedReader {
  #state: State = 'size'
  /** Octets of the chunk that are still to come. */
  #left = 0
  /** The beginning of a line whose end has not come. */
  #line = ''
  #trailer = ''
  readonly #maxTrailerBytes: number

  constructor(maxTrailerBytes: number) {
    this.#maxTrailerBytes = maxTrailerBytes
  }

  get isDone(): boolean {
    return this.#state === 'done'
  }

  /** Field lines behind the last chunk. Those about framing or connections have no business there: then none is passed on. */
  get trailers(): string {
    const header = readPassing(this.#trailer, 0, false)
    return header === undefined || header.own.size > 0 ? '' : header.lines
  }

  /**
   * @param out takes the data: views of `bytes`
   * @returns how many octets belong to the body, or -1 when they are no chunks
   */
  read(bytes: Buffer, out: Buffer[]): number {
    let at = 0
    while (at < bytes.length && this.#state !== 'done') {
      at = this.#state === 'data' ? this.#readData(bytes, at, out) : this.#readLine(bytes, at)
      if (this.#state === 'bad') return -1
    }
    return at
  }

  #readData(bytes: Buffer, at: number, out: Buffer[]): number {
    const end = Math.min(bytes.length, at + this.#left)
    out.push(bytes.subarray(at, end))
    this.#left -= end - at
    if (this.#left === 0) this.#state = 'data-end'
    return end
  }

  #readLine(bytes: Buffer, at: number): number {
    const lf = bytes.indexOf(10, at)
    const end = lf === -1 ? bytes.length : lf + 1
    this.#line += bytes.toString('latin1', at, end)
    if (this.#line.length > MAX_LINE_BYTES + this.#maxTrailerBytes) this.#state = 'bad'
    else if (lf !== -1) this.#lineCame()
    return end
  }

  #lineCame(): void {
    const line = this.#line
    this.#line = ''
    if (!line.endsWith('\r\n')) this.#state = 'bad'
    else if (this.#state === 'size') this.#sizeCame(line.slice(0, -2))
    else if (this.#state === 'data-end') this.#state = line.length === 2 ? 'size' : 'bad'
    else this.#trailerCame(line)
  }

  #sizeCame(line: string): void {
    const digits = line.length > MAX_LINE_BYTES ? undefined : SIZE_LINE.exec(line)?.[1]?.replace(/^0+(?=.)/, '')
    if (digits === undefined || digits.length > MAX_SIZE_DIGITS) {
      this.#state = 'bad'
      return
    }
    this.#left = Number.parseInt(digits, 16)
    this.#state = this.#left === 0 ? 'trailer' : 'data'
  }

  #trailerCame(line: string): void {
    this.#trailer += line
    if (this.#trailer.length > this.#maxTrailerBytes) this.#state = 'bad'
    else if (line.length === 2) this.#state = readPassing(this.#trailer, 0, false) === undefined ? 'bad' : 'done'
  }
}

/** Adds one chunk that holds these octets. */
export function pushChunk(data: readonly Buffer[], out: Buffer[]): void {
  const size = data.reduce((sum, piece) => sum + piece.length, 0)
  if (size === 0) return
  out.push(Buffer.from(`${size.toString(16)}\r\n`, 'latin1'))
  // Not spread: a read may hold more chunks than a call may have arguments.
  for (const piece of data) out.push(piece)
  out.push(CRLF)
}

/** Adds the last chunk. @param trailers field lines, each with its CRLF */
export function pushLastChunk(trailers: string, out: Buffer[]): void {
  out.push(Buffer.from(`0\r\n${trailers}\r\n`, 'latin1'))
}
