/**
 * An upstream proxy that reads HTTP as the careless servers of this world do, to see what two of them could disagree about
 * (request smuggling, RFC 9112 section 11.2). It keeps every octet; the tests then read those octets in each careless way.
 */
import { LoopbackServer } from './loopback-server.ts'
import { SocketReader, send } from './socket-io.ts'

export interface LaxRequest {
  readonly method: string
  readonly target: string
  readonly body: string
}

/** Which of two framings that contradict each other wins. */
export type Precedence = 'transfer-encoding' | 'content-length'

/** Every message in `bytes` that is complete, as a careless server understands them. */
function readLaxly(bytes: Buffer, precedence: Precedence): LaxRequest[] {
  const text = bytes.toString('latin1')
  const requests: LaxRequest[] = []
  for (let at = 0; at < text.length; ) {
    const message = readOne(text, at, precedence)
    if (message === undefined) break
    requests.push(message.request)
    at = message.end
  }
  return requests
}

/** Any line end, empty lines in front, spaces anywhere, folded lines, whatever parseInt makes of a length. */
function readOne(text: string, from: number, precedence: Precedence): { request: LaxRequest; end: number } | undefined {
  const start = from + (/^[\r\n]*/.exec(text.slice(from))?.[0].length ?? 0)
  const blank = /\r?\n\r?\n/.exec(text.slice(start))
  if (blank === null) return undefined
  const [line = '', ...lines] = text.slice(start, start + blank.index).split(/\r?\n|\r/)
  const [method = '', target = ''] = line.trim().split(/\s+/)
  const bodyAt = start + blank.index + blank[0].length
  const header = (name: string) =>
    lines.findLast((l) => l.split(':')[0]?.trim().toLowerCase() === name)?.split(':')[1] ?? ''
  const isChunked = /chunked/i.test(header('transfer-encoding'))
  const length = Number.parseInt(header('content-length').trim(), 10)
  const byLength = !Number.isNaN(length) && (precedence === 'content-length' || !isChunked)
  const end = byLength ? bodyAt + Math.max(0, length) : isChunked ? chunksEnd(text, bodyAt) : bodyAt
  if (end === undefined || end > text.length) return undefined
  return { request: { method, target, body: text.slice(bodyAt, end) }, end }
}

function chunksEnd(text: string, from: number): number | undefined {
  for (let at = from; ; ) {
    const line = /^[^\n]*\n/.exec(text.slice(at))?.[0]
    if (line === undefined) return undefined
    const size = Number.parseInt(line, 16) || 0
    at += line.length + size
    if (size === 0) {
      const trailer = /^(?:[^\r\n]+\r?\n)*\r?\n/.exec(text.slice(at))
      return trailer === null ? undefined : at + trailer[0].length
    }
    at += /^\r?\n?/.exec(text.slice(at))?.[0].length ?? 0
  }
}

/** Answers every request with 200 `ok`, as soon as it takes it for complete. */
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
        const complete = readLaxly(record.bytes, 'transfer-encoding').length
        for (; answered < complete; answered++) await send(socket, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
      }
      socket.end()
    })
  }

  /** All requests, as one kind of careless server understands them. */
  requests(precedence: Precedence): LaxRequest[] {
    return this.received.flatMap(({ bytes }) => readLaxly(bytes, precedence))
  }
}
