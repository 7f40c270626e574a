/**
 * HTTP/1.x framing for the tests, written strictly and apart from both Node's parser and the gateway's: what this refuses,
 * some server out there reads differently (request smuggling, RFC 9112 section 11.2).
 */
import { PassThrough } from 'node:stream'
import { ConnectionLost, SocketReader } from './socket-io.ts'

export type Header = readonly [name: string, value: string]

export interface RequestHead {
  readonly method: string
  readonly target: string
  readonly version: '1.0' | '1.1'
  readonly headers: readonly Header[]
  /** The very bytes, as latin1. */
  readonly raw: string
}

export interface ResponseHead {
  readonly status: number
  readonly reason: string
  readonly version: '1.0' | '1.1'
  readonly headers: readonly Header[]
  readonly raw: string
}

/** How the end of a body is known (RFC 9112 section 6.3). */
export type Framing = { kind: 'none' } | { kind: 'length'; bytes: number } | { kind: 'chunked' } | { kind: 'close' }

/** The peer does not speak HTTP as RFC 9112 wants it. */
export class WireError extends Error {
  override readonly name = 'WireError'
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const REQUEST_LINE = new RegExp(`^(${TOKEN}) ([!-~\\x80-\\xff]+) HTTP/(1\\.[01])$`)
const STATUS_LINE = /^HTTP\/(1\.[01]) ([1-9]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/
const HEADER_LINE = new RegExp(`^(${TOKEN}):[ \\t]*([\\t\\x20-\\x7e\\x80-\\xff]*)$`)

/** `null` when the peer ended before the first byte of a request. @throws {WireError | ConnectionLost} */
export async function readRequestHead(reader: SocketReader): Promise<RequestHead | null> {
  const lines = await readHeadLines(reader)
  if (lines === null) return null
  const match = REQUEST_LINE.exec(lines[0] ?? '')
  if (match === null) throw new WireError(`not a request line: ${JSON.stringify(lines[0])}`)
  const [, method = '', target = '', version] = match
  const headers = lines.slice(1).map(parseHeader)
  return { method, target, version: version as '1.0' | '1.1', headers, raw: joinLines(lines) }
}

/** @throws {WireError | ConnectionLost} */
export async function readResponseHead(reader: SocketReader): Promise<ResponseHead> {
  const lines = await readHeadLines(reader)
  if (lines === null) throw new ConnectionLost('END', 'the peer ended before any reply')
  const match = STATUS_LINE.exec(lines[0] ?? '')
  if (match === null) throw new WireError(`not a status line: ${JSON.stringify(lines[0])}`)
  const [, version, status, reason = ''] = match
  const headers = lines.slice(1).map(parseHeader)
  return { status: Number(status), reason, version: version as '1.0' | '1.1', headers, raw: joinLines(lines) }
}

/** Values of a header, in order; names compare without case. */
export function headerValues(headers: readonly Header[], name: string): string[] {
  return headers.filter(([key]) => key.toLowerCase() === name.toLowerCase()).map(([, value]) => value)
}

/** The value of a header that may come once. @throws {WireError} when it comes twice */
export function header(headers: readonly Header[], name: string): string | undefined {
  const values = headerValues(headers, name)
  if (values.length > 1) throw new WireError(`${values.length} ${name} headers`)
  return values[0]
}

/** Whether a comma-separated header holds a member, as `Connection: close` does. */
export function hasMember(headers: readonly Header[], name: string, member: string): boolean {
  return headerValues(headers, name).some((value) =>
    value.split(',').some((part) => part.trim().toLowerCase() === member.toLowerCase()),
  )
}

/** Whether the connection can carry another message after this one (RFC 9112 section 9.3). */
export function staysOpen(head: Pick<RequestHead, 'version' | 'headers'>): boolean {
  if (hasMember(head.headers, 'connection', 'close')) return false
  return head.version === '1.1' || hasMember(head.headers, 'connection', 'keep-alive')
}

/** @throws {WireError} for every framing that two servers could read differently */
export function requestFraming(head: RequestHead): Framing {
  if (head.version === '1.1' && headerValues(head.headers, 'host').length !== 1)
    throw new WireError('not exactly one Host')
  const coded = header(head.headers, 'transfer-encoding')
  const length = header(head.headers, 'content-length')
  if (coded !== undefined && length !== undefined) throw new WireError('both Transfer-Encoding and Content-Length')
  if (coded !== undefined && head.version === '1.0') throw new WireError('Transfer-Encoding in HTTP/1.0')
  return framingOf(coded, length) ?? { kind: 'none' }
}

/** A whole request. */
export interface WireRequest {
  readonly method: string
  readonly target: string
  /** Decoded, latin1. */
  readonly body: string
}

/** Every whole request in these octets. `fault`: why what comes behind them is no beginning of another one. */
export async function readRequests(
  bytes: Buffer,
): Promise<{ requests: readonly WireRequest[]; fault: string | undefined }> {
  const stream = new PassThrough()
  stream.end(bytes)
  const reader = new SocketReader(stream)
  const requests: WireRequest[] = []
  try {
    for (let head = await readRequestHead(reader); head !== null; head = await readRequestHead(reader)) {
      const body = Buffer.concat(await Array.fromAsync(readBody(reader, requestFraming(head))))
      requests.push({ method: head.method, target: head.target, body: body.toString('latin1') })
    }
    return { requests, fault: undefined }
  } catch (error) {
    if (error instanceof WireError) return { requests, fault: error.message }
    if (error instanceof ConnectionLost) return { requests, fault: undefined }
    throw error
  }
}

/** @param method of the request that this answers: it decides whether a body follows */
export function responseFraming(head: ResponseHead, method: string): Framing {
  const bodiless = method === 'HEAD' || head.status < 200 || head.status === 204 || head.status === 304
  if (bodiless || (method === 'CONNECT' && head.status < 300)) return { kind: 'none' }
  const framing = framingOf(header(head.headers, 'transfer-encoding'), header(head.headers, 'content-length'))
  return framing ?? { kind: 'close' }
}

/**
 * The body piece by piece, decoded.
 * @param trailers filled with the trailer section of a chunked body
 * @throws {WireError | ConnectionLost} END when the peer stops before the body is complete
 */
export async function* readBody(
  reader: SocketReader,
  framing: Framing,
  trailers: Header[] = [],
): AsyncGenerator<Buffer> {
  if (framing.kind === 'length') yield* readCounted(reader, framing.bytes)
  if (framing.kind === 'chunked') yield* readChunked(reader, trailers)
  if (framing.kind !== 'close') return
  for (let piece = await reader.read(); piece !== null; piece = await reader.read()) yield piece
}

/** Copies a body, in the same framing, with back-pressure. */
export async function copyBody(
  reader: SocketReader,
  framing: Framing,
  write: (bytes: Buffer) => Promise<void>,
): Promise<void> {
  const trailers: Header[] = []
  for await (const piece of readBody(reader, framing, trailers))
    await write(framing.kind === 'chunked' ? chunk(piece) : piece)
  if (framing.kind === 'chunked') await write(lastChunk(trailers))
}

export function chunk(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])
}

export function lastChunk(trailers: readonly Header[] = []): Buffer {
  return Buffer.from(formatHead('0', trailers), 'latin1')
}

export function formatHead(startLine: string, headers: readonly Header[]): string {
  return joinLines([startLine, ...headers.map(([name, value]) => `${name}: ${value}`)])
}

/** `host:port`, `[v6]:port`. @throws {WireError} */
export function parseAuthority(authority: string, defaultPort?: number): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/@]+))(?::(\d{1,5}))?$/.exec(authority)
  const port = match?.[3] === undefined ? defaultPort : Number(match[3])
  if (match === null || port === undefined) throw new WireError(`not host:port: ${JSON.stringify(authority)}`)
  return { host: match[1] ?? match[2] ?? '', port }
}

function framingOf(coded: string | undefined, length: string | undefined): Framing | undefined {
  if (coded !== undefined) {
    if (coded.toLowerCase() !== 'chunked') throw new WireError(`Transfer-Encoding: ${coded}`)
    return { kind: 'chunked' }
  }
  if (length === undefined) return undefined
  if (!/^\d{1,15}$/.test(length)) throw new WireError(`Content-Length: ${length}`)
  return { kind: 'length', bytes: Number(length) }
}

async function* readCounted(reader: SocketReader, bytes: number): AsyncGenerator<Buffer> {
  for (let left = bytes; left > 0; ) {
    const piece = await reader.read(left)
    if (piece === null) throw new ConnectionLost('END', `the body ended ${left} bytes early`)
    left -= piece.length
    yield piece
  }
}

async function* readChunked(reader: SocketReader, trailers: Header[]): AsyncGenerator<Buffer> {
  for (;;) {
    const line = await readLine(reader)
    if (!/^[0-9a-fA-F]{1,8}$/.test(line)) throw new WireError(`not a chunk size: ${JSON.stringify(line)}`)
    const size = Number.parseInt(line, 16)
    if (size === 0) break
    yield* readCounted(reader, size)
    if ((await readLine(reader)) !== '') throw new WireError('a chunk is longer than it says')
  }
  for (let line = await readLine(reader); line !== ''; line = await readLine(reader)) trailers.push(parseHeader(line))
}

async function readHeadLines(reader: SocketReader): Promise<string[] | null> {
  const first = await reader.read(1)
  if (first === null) return null
  reader.putBack(first)
  const lines: string[] = []
  for (let line = await readLine(reader); line !== ''; line = await readLine(reader)) lines.push(line)
  return lines
}

/** A line without its CRLF. A bare LF is an error, as servers disagree about it; so is a bare CR, which no pattern here allows. */
async function readLine(reader: SocketReader): Promise<string> {
  const line = (await reader.readUntil('\n')).toString('latin1')
  if (!line.endsWith('\r\n')) throw new WireError(`a line that ends in a bare LF: ${JSON.stringify(line)}`)
  return line.slice(0, -2)
}

function parseHeader(line: string): Header {
  const match = HEADER_LINE.exec(line)
  if (match === null) throw new WireError(`not a header line: ${JSON.stringify(line)}`)
  return [match[1] ?? '', (match[2] ?? '').trimEnd()]
}

function joinLines(lines: readonly string[]): string {
  return `${lines.join('\r\n')}\r\n\r\n`
}
