/**
 * Message bodies (RFC 9112 sections 6 and 7), parsed strictly in pieces of any size. Chunked bodies are encoded again:
 * extensions are dropped, and every receiver reads the chunks exactly as they were read here.
 */

import { parseFieldSection, withoutFields, withoutSpacedNames } from './fields.ts'
import { isToken } from './head.ts'

/** How the end of a body is determined (RFC 9112 section 6.3): by its length in octets, its last chunk, or the end of the connection. */
export type BodyFraming = number | 'chunked' | 'until-close'

/** 2^52 octets: a larger number is not exact, and no body is that long. */
const MAX_SIZE_DIGITS = 13
/** A chunk's size with its extensions. RFC 9112 section 7.1.1 has no limit for extensions; they are rare and short. */
const MAX_LINE_BYTES = 4_096
/** Sizes with more digits are rare. */
const MAX_PLAIN_DIGITS = 8
const CRLF = Buffer.from('\r\n')
const SIZE_LINE = /^([0-9A-Fa-f]+)((?:;[\t\x20-\x7e\x80-\xff]*)?)$/
/** Some servers pad the size with spaces (RFC 9112 section 7.1.1 has them as "bad white space"). */
const PADDED_SIZE_LINE = /^([0-9A-Fa-f]+)[ \t]*((?:;[\t\x20-\x7e\x80-\xff]*)?)$/
/** `;name`, `;name=token` and `;name="quoted"`: a quoted string may contain a semicolon. */
const EXTENSION = /;([^;="]+)(?:=(?:([^;="]+)|"(?:[^"\\]|\\.)*"))?/y

type ChunkState = 'size' | 'data' | 'data-end' | 'trailer' | 'done' | 'broken'

interface BodyLimits {
  /** Octets of the trailer section. */
  readonly maxTrailerBytes: number
  /** Accepts spaces after a chunk's size or a trailer's name, any text as extension, framing fields in a trailer: only for servers. */
  readonly isLenient: boolean
}

/** Reads the bodies of a connection, one after the other. */
export class BodyReader {
  readonly #limits: BodyLimits
  #framing: BodyFraming = 0
  #chunks: ChunkedReader | undefined
  /** Octets that are still to come, if the length is known. */
  #left = 0

  constructor(limits: BodyLimits) {
    this.#limits = limits
  }

  /**
   * Starts a body with this framing at the next octet.
   * @param named fields that are not for the next hop, in a trailer either (`FieldSection.named`)
   */
  start(framing: BodyFraming, named: ReadonlySet<string>): void {
    this.#framing = framing
    this.#left = typeof framing === 'number' ? framing : 0
    this.#chunks = framing === 'chunked' ? new ChunkedReader(this.#limits, named) : undefined
  }

  /**
   * @param out receives the decoded data: views of `bytes`
   * @returns how many octets belong to the body, or -1 when its framing is invalid
   */
  read(bytes: Buffer, out: Buffer[]): number {
    if (this.#chunks !== undefined) return this.#chunks.read(bytes, out)
    const used = this.#framing === 'until-close' ? bytes.length : Math.min(this.#left, bytes.length)
    this.#left -= used
    if (used > 0) out.push(used === bytes.length ? bytes : bytes.subarray(0, used))
    return used
  }

  /** A reader that stands at the same octet of the same body. */
  copy(): BodyReader {
    const copy = new BodyReader(this.#limits)
    copy.#framing = this.#framing
    copy.#left = this.#left
    copy.#chunks = this.#chunks?.copy()
    return copy
  }

  get isWhole(): boolean {
    if (this.#chunks !== undefined) return this.#chunks.isDone
    return this.#framing !== 'until-close' && this.#left === 0
  }

  /** Whether the end of the connection is the end of the body. */
  get endsWithConnection(): boolean {
    return this.#framing === 'until-close'
  }

  /** Field lines after the last chunk, for the next hop. */
  get trailers(): string {
    return this.#chunks?.trailers ?? ''
  }
}

class ChunkedReader {
  #state: ChunkState = 'size'
  /** Octets of the chunk that are still to come. */
  #left = 0
  /** An incomplete line. */
  #line = ''
  #trailer = ''
  readonly #limits: BodyLimits
  readonly #named: ReadonlySet<string>

  constructor(limits: BodyLimits, named: ReadonlySet<string>) {
    this.#limits = limits
    this.#named = named
  }

  copy(): ChunkedReader {
    const copy = new ChunkedReader(this.#limits, this.#named)
    copy.#state = this.#state
    copy.#left = this.#left
    copy.#line = this.#line
    copy.#trailer = this.#trailer
    return copy
  }

  get isDone(): boolean {
    return this.#state === 'done'
  }

  /**
   * Fields about framing, routing or connections must not be in a trailer (RFC 9110 section 6.5.1): then none is forwarded. Nor
   * where it has an option for this gateway.
   */
  get trailers(): string {
    const section = parseFieldSection(this.#trailer, 0)
    const isPlain = section?.own.size === 0 && section.options.length === 0
    return isPlain ? withoutFields(section.lines, this.#named) : ''
  }

  read(bytes: Buffer, out: Buffer[]): number {
    let at = 0
    while (at < bytes.length && this.#state !== 'done') {
      at = this.#state === 'data' ? this.#readData(bytes, at, out) : this.#readLine(bytes, at)
      if (this.#state === 'broken') return -1
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

  /** The usual lines, without text: a server may send a chunk for each octet. @returns `at` for any other line */
  #readPlainLine(bytes: Buffer, at: number): number {
    if (this.#line !== '' || this.#state === 'trailer') return at
    const isSize = this.#state === 'size'
    let size = 0
    let end = at
    for (let digit = hexDigit(bytes[end]); isSize && digit !== -1; digit = hexDigit(bytes[end])) {
      if (++end - at > MAX_PLAIN_DIGITS) return at
      size = size * 16 + digit
    }
    if ((isSize && end === at) || bytes[end] !== 0x0d || bytes[end + 1] !== 0x0a) return at
    if (isSize) this.#beginChunk(size)
    else this.#state = 'size'
    return end + 2
  }

  #readLine(bytes: Buffer, at: number): number {
    const plain = this.#readPlainLine(bytes, at)
    if (plain > at) return plain
    const lf = bytes.indexOf(10, at)
    const end = lf === -1 ? bytes.length : lf + 1
    this.#line += bytes.toString('latin1', at, end)
    const isLong = this.#line.length > this.#maxLineBytes
    if (isLong || !mayStand(this.#line, this.#state)) this.#state = 'broken'
    else if (lf !== -1) this.#lineCame()
    return end
  }

  get #maxLineBytes(): number {
    return this.#state === 'trailer' ? this.#limits.maxTrailerBytes - this.#trailer.length : MAX_LINE_BYTES
  }

  #lineCame(): void {
    const line = this.#line
    this.#line = ''
    if (!line.endsWith('\r\n')) this.#state = 'broken'
    else if (this.#state === 'size') this.#sizeCame(line.slice(0, -2))
    else if (this.#state === 'data-end') this.#state = 'size'
    else this.#trailerCame(line)
  }

  #sizeCame(line: string): void {
    const { isLenient } = this.#limits
    const [, size = '', extension = ''] = (isLenient ? PADDED_SIZE_LINE : SIZE_LINE).exec(line) ?? []
    const digits = size.replace(/^0+(?=.)/, '')
    if (digits === '' || digits.length > MAX_SIZE_DIGITS || !(isLenient || isExtension(extension))) {
      this.#state = 'broken'
      return
    }
    this.#beginChunk(Number.parseInt(digits, 16))
  }

  #beginChunk(size: number): void {
    this.#left = size
    this.#state = size === 0 ? 'trailer' : 'data'
  }

  #trailerCame(line: string): void {
    this.#trailer += this.#limits.isLenient ? withoutSpacedNames(line) : line
    if (line.length === 2) this.#state = this.#isTrailerGood ? 'done' : 'broken'
  }

  /** A framing field in a client's trailer is an attempt to mislead another server. */
  get #isTrailerGood(): boolean {
    const own = parseFieldSection(this.#trailer, 0)?.own
    if (own === undefined || this.#limits.isLenient) return own !== undefined
    return !own.has('content-length') && !own.has('transfer-encoding')
  }
}

/** @returns -1 for what is no hexadecimal digit */
function hexDigit(octet = 0): number {
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30
  const lower = octet | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

/** A line that cannot become valid is refused before it ends: after a chunk's data, only CRLF is valid. */
function mayStand(line: string, state: ChunkState): boolean {
  return state !== 'data-end' || '\r\n'.startsWith(line)
}

/** chunk-ext of RFC 9112 section 7.1.1, without white space. */
function isExtension(text: string): boolean {
  for (EXTENSION.lastIndex = 0; EXTENSION.lastIndex < text.length; ) {
    const parts = EXTENSION.exec(text)
    const [, name = '', value] = parts ?? []
    if (parts === null || !isToken(name) || (value !== undefined && !isToken(value))) return false
  }
  return true
}

/** How many of these octets were not data. @param data what `BodyReader.read` has made of them */
export function framingBytes(bytes: Buffer, data: readonly Buffer[]): number {
  return data.reduce((left, { length }) => left - length, bytes.length)
}

/** Adds one chunk with these octets; nothing for zero octets, because a chunk of size 0 is the last. */
export function pushChunk(data: readonly Buffer[], out: Buffer[]): void {
  const size = data.reduce((sum, piece) => sum + piece.length, 0)
  if (size === 0) return
  out.push(Buffer.from(`${size.toString(16)}\r\n`, 'latin1'))
  // Not spread: a read may contain more chunks than a call may have arguments.
  for (const piece of data) out.push(piece)
  out.push(CRLF)
}

/** Adds the last chunk. @param trailers field lines, each with its CRLF */
export function pushLastChunk(trailers: string, out: Buffer[]): void {
  out.push(Buffer.from(`0\r\n${trailers}\r\n`, 'latin1'))
}
