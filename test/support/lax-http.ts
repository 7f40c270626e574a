/**
 * HTTP as the careless servers of this world read it, to see what two of them could disagree about (request smuggling, RFC 9112
 * section 11.2), and an upstream proxy of that kind.
 */
import { isDeepStrictEqual } from 'node:util'
import { readRequests, type WireRequest } from './http-wire.ts'
import { LoopbackServer } from './loopback-server.ts'
import { SocketReader, send } from './socket-io.ts'

/** Careless servers differ in what they make of odd lines. All of them take a bare LF for the end of a line, and spaces in front of a colon. */
export interface Carelessness {
  /** Which of two framings that contradict each other wins. */
  readonly framing: 'transfer-encoding' | 'content-length'
  /** Which of several lines of one name counts. */
  readonly counts: 'first' | 'last'
  /** A line that begins with white space is part of the one before (obs-fold), or one of its own. */
  readonly folds: boolean
  /** A bare CR ends a line too. */
  readonly bareCr: boolean
}

const both = [true, false]
/** All of them. */
export const CARELESS: readonly Carelessness[] = both.flatMap((isCoding) =>
  both.flatMap((isFirst) =>
    both.flatMap((folds) =>
      both.map((bareCr): Carelessness => {
        const framing = isCoding ? 'transfer-encoding' : 'content-length'
        return { framing, counts: isFirst ? 'first' : 'last', folds, bareCr }
      }),
    ),
  ),
)

/** Every message in `bytes` that is whole, as such a server understands them. */
function readLaxly(bytes: Buffer, how: Carelessness): WireRequest[] {
  const text = bytes.toString('latin1')
  const requests: WireRequest[] = []
  for (let at = 0; at < text.length; ) {
    const message = readOne(text, at, how)
    if (message === undefined) break
    requests.push(message.request)
    at = message.end
  }
  return requests
}

/** Any line end, empty lines in front, spaces anywhere, whatever parseInt makes of a length. */
function readOne(text: string, from: number, how: Carelessness): { request: WireRequest; end: number } | undefined {
  const start = from + (/^[\r\n]*/.exec(text.slice(from))?.[0].length ?? 0)
  const blank = /\r?\n\r?\n/.exec(text.slice(start))
  if (blank === null) return undefined
  const head = text.slice(start, start + blank.index)
  const unfolded = how.folds ? head.replace(/\r?\n[ \t]+/g, ' ') : head
  const [line = '', ...lines] = unfolded.split(how.bareCr ? /\r?\n|\r/ : /\r?\n/)
  const [method = '', target = ''] = line.trim().split(/\s+/)
  const bodyAt = start + blank.index + blank[0].length
  const fieldOf = (name: string) => valueIn(lines, name, how)
  const isChunked = /chunked/i.test(fieldOf('transfer-encoding'))
  const length = Number.parseInt(fieldOf('content-length').trim(), 10)
  if (!Number.isNaN(length) && (how.framing === 'content-length' || !isChunked)) {
    const end = bodyAt + Math.max(0, length)
    return end > text.length ? undefined : { request: { method, target, body: text.slice(bodyAt, end) }, end }
  }
  const body = isChunked ? readChunks(text, bodyAt) : { data: '', end: bodyAt }
  return body && { request: { method, target, body: body.data }, end: body.end }
}

function valueIn(lines: readonly string[], name: string, { counts }: Carelessness): string {
  const isOfName = (line: string) => line.split(':')[0]?.trim().toLowerCase() === name
  const line = counts === 'first' ? lines.find(isOfName) : lines.findLast(isOfName)
  return line?.slice(line.indexOf(':') + 1) ?? ''
}

function readChunks(text: string, from: number): { data: string; end: number } | undefined {
  let data = ''
  for (let at = from; ; ) {
    const line = /^[^\n]*\n/.exec(text.slice(at))?.[0]
    if (line === undefined) return undefined
    const size = Number.parseInt(line, 16) || 0
    at += line.length
    if (size === 0) {
      const trailer = /^(?:[^\r\n]+\r?\n)*\r?\n/.exec(text.slice(at))
      return trailer === null ? undefined : { data, end: at + trailer[0].length }
    }
    if (at + size > text.length) return undefined
    data += text.slice(at, at + size)
    at += size
    at += /^\r?\n?/.exec(text.slice(at))?.[0].length ?? 0
  }
}

/** @returns what a careless server reads otherwise than a strict one, or what is not strict; undefined: nothing */
export async function misreadingOf(bytes: Buffer): Promise<string | undefined> {
  const { requests: strict, fault } = await readRequests(bytes)
  if (fault !== undefined) return fault
  for (const how of CARELESS) {
    const lax = readLaxly(bytes, how)
    if (!isDeepStrictEqual(lax, strict)) return JSON.stringify({ how, lax, strict })
  }
  return undefined
}

/** Answers every request with 200 `ok`, as soon as it takes it for whole. */
export class LaxUpstream {
  /** What came on each connection. */
  received: { bytes: Buffer }[] = []
  readonly server: LoopbackServer

  constructor() {
    this.server = new LoopbackServer(async (socket) => {
      const record = { bytes: Buffer.alloc(0) }
      this.received.push(record)
      let answered = 0
      const reader = new SocketReader(socket, { timeoutMs: null })
      for (let piece = await reader.read(); piece !== null; piece = await reader.read()) {
        record.bytes = Buffer.concat([record.bytes, piece])
        const whole = Math.max(...CARELESS.map((how) => readLaxly(record.bytes, how).length))
        for (; answered < whole; answered++) await send(socket, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
      }
      socket.end()
    })
  }

  /** All requests, as one kind of careless server understands them. */
  requests(how: Carelessness): WireRequest[] {
    return this.received.flatMap(({ bytes }) => readLaxly(bytes, how))
  }
}
