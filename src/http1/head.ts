/**
 * HTTP/1.x message heads (RFC 9112 sections 2-5), parsed strictly: every deviation is an error.
 * Heads are decoded as latin1, so a character is an octet.
 */
import { Accumulator } from '../structures/accumulator.ts'

/** One field line; `name` in lower case, `value` without surrounding white space. */
export interface Field {
  readonly name: string
  readonly value: string
}

const CR = 0x0d
const LF = 0x0a

/**
 * Finds the end of a head. Heads are short: examining every fourth octet here costs less than a call of `indexOf`.
 * @param from where the search starts: three octets before the new data
 * @returns the offset after the empty line, or -1 while it has not arrived
 */
export function headEnd(bytes: Buffer, from = 0): number {
  for (let at = Math.max(0, from) + 3; at < bytes.length; ) {
    const octet = bytes[at]
    if (octet === LF && bytes[at - 1] === CR && bytes[at - 2] === LF && bytes[at - 3] === CR) return at + 1
    // Neither CR nor LF: no empty line ends within the next three octets.
    at += octet === LF || octet === CR ? 1 : 4
  }
  return -1
}

/** tchar of RFC 9110 section 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
/** Octets that are invalid in a field value or a start line: controls except HTAB, and DEL (RFC 9110 section 5.5). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is its purpose
const FORBIDDEN = /[\x00-\x08\x0a-\x1f\x7f]/

/**
 * Reads the field lines between a start line and the empty line.
 * @param head the whole head, latin1, ending with CRLF CRLF
 * @param start offset of the first field line
 * @returns a sentence instead of the fields when a line is malformed (bare LF or CR, obs-fold, space before the colon, controls)
 */
export function parseFields(head: string, start: number): Field[] | string {
  const fields: Field[] = []
  const end = head.length - 2
  for (let at = start; at < end; ) {
    const lf = head.indexOf('\n', at)
    const line = head.slice(at, lf - 1)
    const problem = head[lf - 1] === '\r' ? fieldLineProblem(line) : BARE_LF
    if (problem !== undefined) return problem
    at = lf + 1
    const colon = line.indexOf(':')
    fields.push({ name: line.slice(0, colon).toLowerCase(), value: trimSpace(line.slice(colon + 1)) })
  }
  return fields
}

/** What `fieldLineProblem` cannot see. */
export const BARE_LF = 'a line that ends in a bare LF'

/** What is wrong with a field line (RFC 9112 section 5), as the object of "the header has". @param line without its CRLF */
export function fieldLineProblem(line: string): string | undefined {
  const colon = line.indexOf(':')
  if (colon <= 0) return line === '' ? 'an empty line inside the header' : 'a header line without a name and a colon'
  if (!TOKEN.test(line.slice(0, colon)))
    return 'a header name with characters that are not allowed (folded lines are not accepted)'
  return FORBIDDEN.test(line) ? 'a header value with control characters' : undefined
}

/** A token (RFC 9110 section 5.6.2), as method names and field names are. */
export function isToken(text: string): boolean {
  return TOKEN.test(text)
}

/** OWS of RFC 9110 section 5.6.3 is only SP and HTAB: `trim` would also remove a bare CR or LF, and octets above 0x7f. */
export function trimSpace(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isSpace(text.charCodeAt(start))) start++
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

function isSpace(octet: number): boolean {
  return octet === 0x20 || octet === 0x09
}

/** Whether one of the first octets is an LF without its CR: some recipients take it for the end of a line (RFC 9112 section 2.2). */
export function hasBareLf(bytes: Buffer, end: number): boolean {
  for (let at = bytes.indexOf(LF); at !== -1 && at < end; at = bytes.indexOf(LF, at + 1))
    if (bytes[at - 1] !== CR) return true
  return false
}

const STATUS_START = Buffer.from('HTTP/1.1 ')
/** The offset of the minor version; two versions are supported. */
const MINOR_AT = 7
/** The end of a status, with the following octet. */
const STATUS_END = 'HTTP/1.1 200 '.length

/** The status (RFC 9112 section 4), 100 to 999; 0 when the octets do not begin with `HTTP/1.x nnn` and a space or CR. */
export function statusOf(bytes: Buffer): number {
  if (bytes.length < STATUS_END) return 0
  for (let at = 0; at < STATUS_START.length; at++) {
    if (bytes[at] !== STATUS_START[at] && !(at === MINOR_AT && bytes[at] === 0x30)) return 0
  }
  let status = 0
  for (let at = STATUS_START.length; at < STATUS_END - 1; at++) {
    const digit = (bytes[at] ?? 0) - 0x30
    if (digit < 0 || digit > 9) return 0
    status = status * 10 + digit
  }
  const behind = bytes[STATUS_END - 1]
  return status >= 100 && (behind === 0x20 || behind === CR) ? status : 0
}

/** `HTTP/1.x nnn`, as far as the octets are present. */
export function looksLikeStatusLine(bytes: Buffer): boolean {
  if (bytes.length >= STATUS_END) return statusOf(bytes) > 0
  return 'HTTP/1.'.startsWith(bytes.toString('latin1', 0, MINOR_AT))
}

/** A head that may arrive in pieces: each octet is examined and copied once. A head in one piece is not copied at all. */
export class PartialHead {
  #pieces: Accumulator | undefined
  #searchFrom = 0

  /** All octets of the head including this piece; a view, valid until the next call. */
  with(piece: Buffer): Buffer {
    if (this.#pieces === undefined) return piece
    this.#searchFrom = this.#pieces.length - 3
    this.#pieces.push(piece)
    return this.#pieces.bytes
  }

  /** `headEnd` of the result of `with`. */
  endIn(bytes: Buffer): number {
    return headEnd(bytes, this.#searchFrom)
  }

  /** The head is incomplete: keeps the result of `with`, or what follows the previous head. */
  keep(bytes: Buffer): void {
    if (this.#pieces !== undefined) return
    this.#pieces = new Accumulator()
    this.#pieces.push(bytes)
  }

  /** The head is complete: the octets after it are examined from their beginning. */
  clear(): void {
    this.#pieces = undefined
    this.#searchFrom = 0
  }
}
