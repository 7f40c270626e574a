/** Node's own strict HTTP parser as the second opinion: through a server or a client on a pair of streams, without sockets. */
import { createServer, type IncomingMessage, request } from 'node:http'
import type { Socket } from 'node:net'
import { type Duplex, duplexPair } from 'node:stream'
import { GatewayError } from '../../src/errors.ts'
import { BodyReader } from '../../src/http1/body.ts'
import { headEnd } from '../../src/http1/head.ts'
import { isPersistent, parseRequestHead, parseRequestHeader } from '../../src/http1/request-head.ts'
import { RequestHeadReader } from '../../src/http1/request-head-reader.ts'
import { parseResponseHead } from '../../src/http1/response-head.ts'

interface ReadMessage {
  /** `METHOD target minor` or `status`. */
  readonly start: string
  readonly body: string
}

/** What a parser made of some octets: whole messages, then how it ended. */
export interface Reading {
  readonly messages: readonly ReadMessage[]
  /** `open`: between two messages; `partial`: inside one; `refused`: not HTTP, or not strictly. */
  readonly end: 'open' | 'partial' | 'refused'
}

const LIMIT = 16_384
const LIMITS = { maxTrailerBytes: LIMIT, isLenient: false }

/** Requests as the gateway's codec reads them from pieces. */
export function readRequests(pieces: readonly Buffer[]): Reading {
  const messages: ReadMessage[] = []
  const heads = new RequestHeadReader(LIMIT)
  const body = new BodyReader(LIMITS)
  let start: string | undefined
  let isLast = false
  let decoded: Buffer[] = []
  let unread = Buffer.alloc(0)
  try {
    for (const piece of pieces) {
      unread = Buffer.concat([unread, piece])
      for (;;) {
        if (start === undefined) {
          if (isLast && unread.length > 0) return { messages, end: 'refused' }
          const head = heads.read(unread)
          if (head === undefined) break
          const { line, text, size } = head
          const request = parseRequestHead(line, parseRequestHeader(text, line.size))
          const { header } = request
          isLast = !isPersistent(request)
          start = `${line.method} ${line.target} ${line.minorVersion}`
          body.start(header.body, header.named)
          unread = unread.subarray(size)
        }
        const used = body.read(unread, decoded)
        if (used === -1) return { messages, end: 'refused' }
        unread = unread.subarray(used)
        if (!body.isWhole) break
        messages.push({ start, body: Buffer.concat(decoded).toString('latin1') })
        start = undefined
        decoded = []
        if (unread.length === 0) break
      }
    }
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    return { messages, end: 'refused' }
  }
  return { messages, end: start === undefined && unread.length === 0 ? 'open' : 'partial' }
}

/** An answer to GET as the gateway's codec reads it; `open` when more must come. */
export function readResponse(bytes: Buffer, isLenient = true): Reading {
  const end = headEnd(bytes)
  if (end === -1) return { messages: [], end: 'partial' }
  const head = parseResponseHead(bytes.toString('latin1', 0, end), 'GET')
  if (head === undefined) return { messages: [], end: 'refused' }
  const body = new BodyReader({ ...LIMITS, isLenient })
  body.start(head.body, head.named)
  const out: Buffer[] = []
  if (body.read(bytes.subarray(end), out) === -1) return { messages: [], end: 'refused' }
  if (!body.isWhole && !body.endsWithConnection) return { messages: [], end: 'partial' }
  return { messages: [{ start: `${head.status}`, body: Buffer.concat(out).toString('latin1') }], end: 'open' }
}

/** Node's parser takes a tab behind the last transfer coding for a part of its name. RFC 9110 section 5.5: it is no part of the value. */
export function hasTabBehindCoding(bytes: Buffer): boolean {
  return /^transfer-encoding:[^\r\n]*\t[ \t]*\r?$/im.test(bytes.toString('latin1'))
}

/** In an answer it is removed, as RFC 9112 section 5.1 has a proxy do; Node's parser refuses it. */
export function hasSpaceBeforeColon(bytes: Buffer): boolean {
  return /^[!-9;-~]+[ \t]+:/m.test(bytes.toString('latin1'))
}

/** Requests as Node's server reads them. */
export async function nodeReadsRequests(bytes: Buffer): Promise<Reading> {
  const messages: ReadMessage[] = []
  let isRefused = false
  const server = createServer({ requireHostHeader: false, maxHeaderSize: LIMIT, joinDuplicateHeaders: false })
  const take = (message: IncomingMessage) => {
    const pieces: Buffer[] = []
    message.on('data', (piece) => pieces.push(piece))
    message.on('end', () => {
      const start = `${message.method} ${message.url} ${message.httpVersionMinor}`
      messages.push({ start, body: Buffer.concat(pieces).toString('latin1') })
    })
    message.on('error', () => {})
  }
  server.on('request', take)
  server.on('checkContinue', take)
  server.on('checkExpectation', take)
  // Not destroyed at once: whole messages in front of what is refused are still to be heard of.
  server.on('clientError', () => {
    isRefused = true
  })
  const [client, own] = duplexPair()
  server.emit('connection', own as unknown as Socket)
  await said(client, bytes)
  client.destroy()
  own.destroy()
  server.close()
  return { messages, end: isRefused ? 'refused' : 'open' }
}

/** An answer to GET as Node's client reads it. */
export async function nodeReadsResponse(bytes: Buffer): Promise<Reading> {
  const messages: ReadMessage[] = []
  let isRefused = false
  const [server, own] = duplexPair()
  const asked = request({ method: 'GET', path: '/', createConnection: () => own, maxHeaderSize: LIMIT })
  asked.on('error', () => (isRefused = true))
  asked.on('response', (message) => {
    const pieces: Buffer[] = []
    message.on('data', (piece) => pieces.push(piece))
    message.on('end', () =>
      messages.push({ start: `${message.statusCode}`, body: Buffer.concat(pieces).toString('latin1') }),
    )
    message.on('error', () => {})
  })
  asked.end()
  server.resume()
  await said(server, bytes)
  const wasRefused = isRefused
  server.end()
  await turns()
  server.destroy()
  own.destroy()
  return { messages, end: wasRefused ? 'refused' : 'open' }
}

async function said(stream: Duplex, bytes: Buffer): Promise<void> {
  stream.on('error', () => {})
  stream.write(bytes)
  await turns()
}

async function turns(): Promise<void> {
  for (let n = 0; n < 4; n++) await new Promise(setImmediate)
}
