import { createHash } from 'node:crypto'
import type { HttpExchange } from './exchange.ts'
import { chunk, header, lastChunk } from './http-wire.ts'
import { pattern } from './pattern.ts'
import { delay } from './socket-io.ts'
import { acceptFor, echoFrames } from './websocket.ts'

type Route = (exchange: HttpExchange) => Promise<void>

const PIECE_BYTES = 64 * 1024
export const PAGE_RESOURCES = 40

/** Every page of the site. A path belongs to the longest entry that it equals or lies under. */
const routes: Record<string, Route> = {
  '/': (exchange) => exchange.reply(200, `peer ${exchange.request.peer}\n`, [['Content-Type', 'text/plain']]),
  /** The body back, with its SHA-256 in a header. */
  '/echo': async (exchange) => {
    const body = await exchange.wholeBody()
    await exchange.reply(200, body, [['X-Body-SHA256', sha256(body)]])
  },
  /** Reads a body of any length and tells its size and SHA-256. */
  '/digest': digest,
  /** `/bytes/N`: N bytes of the pattern. */
  '/bytes': bytes,
  /** `?before=ms`, then a chunked body of `?pieces=n` with `?gap=ms` between them. */
  '/slow': slow,
  /** A chunked body with a trailer section. */
  '/chunked': chunked,
  /** `/status/N`: 204 and 304 without a body, 304 with the Content-Length of the body it does not send. */
  '/status': (exchange) => exchange.reply(Number(exchange.url.pathname.split('/')[2] ?? 200), 'a status page\n'),
  /** 103 Early Hints before the reply. */
  '/interim': async (exchange) => {
    await exchange.write('HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n')
    await exchange.reply(200, 'after the hints\n')
  },
  /** The request's headers as a JSON list of pairs, as they came. */
  '/headers': (exchange) =>
    exchange.reply(200, JSON.stringify(exchange.head.headers), [['Content-Type', 'application/json']]),
  /** A body that ends with the connection. */
  '/until-close': async (exchange) => {
    exchange.closeAfterwards()
    await exchange.replyHead(200, [])
    await exchange.replyPiece('the end tells\n')
  },
  /** 1000 bytes promised, 100 sent, then FIN; `?reset`: RST. */
  '/close-early': closeEarly,
  /** No reply at all. */
  '/close-at-once': async (exchange) => exchange.closeAfterwards(),
  /** Echoes, but with `?refuse` answers 417 without reading the body. */
  '/expect': expect,
  /** A page that loads 40 scripts; its <body data-loaded> counts those that ran. */
  '/page': (exchange) => exchange.reply(200, page(), [['Content-Type', 'text/html']]),
  '/resource': (exchange) =>
    exchange.reply(200, 'document.body.dataset.loaded = Number(document.body.dataset.loaded) + 1\n', [
      ['Content-Type', 'text/javascript'],
    ]),
  /** A WebSocket that echoes. */
  '/ws': webSocket,
}

export function routeFor(path: string): Route {
  return routes[path] ?? routes[`/${path.split('/')[1]}`] ?? ((exchange) => exchange.reply(404, 'no such page\n'))
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

async function digest(exchange: HttpExchange): Promise<void> {
  const hash = createHash('sha256')
  for await (const piece of exchange.body()) hash.update(piece)
  const { bodyBytes, trailers } = exchange.request
  await exchange.reply(200, JSON.stringify({ bytes: bodyBytes, sha256: hash.digest('hex'), trailers }))
}

async function bytes(exchange: HttpExchange): Promise<void> {
  const count = Number(exchange.url.pathname.split('/')[2])
  await exchange.replyHead(200, [['Content-Length', `${count}`]])
  for (let at = 0; at < count; at += PIECE_BYTES)
    await exchange.replyPiece(pattern(Math.min(PIECE_BYTES, count - at), at))
}

async function slow(exchange: HttpExchange): Promise<void> {
  await delay(exchange.number('before', 50), exchange.reader.socket)
  await exchange.replyHead(200, [['Transfer-Encoding', 'chunked']])
  for (let n = 1; n <= exchange.number('pieces', 1); n++) {
    if (n > 1) await delay(exchange.number('gap', 50), exchange.reader.socket)
    await exchange.replyPiece(chunk(Buffer.from(`piece ${n}\n`)))
  }
  await exchange.replyPiece(lastChunk())
}

async function chunked(exchange: HttpExchange): Promise<void> {
  const pieces = ['one\n', 'two\n', 'three\n'].map((text) => Buffer.from(text))
  await exchange.replyHead(200, [
    ['Transfer-Encoding', 'chunked'],
    ['Trailer', 'X-Body-SHA256'],
  ])
  for (const piece of pieces) await exchange.replyPiece(chunk(piece))
  await exchange.replyPiece(lastChunk([['X-Body-SHA256', sha256(Buffer.concat(pieces))]]))
}

async function closeEarly(exchange: HttpExchange): Promise<void> {
  exchange.closeAfterwards()
  await exchange.replyHead(200, [['Content-Length', '1000']])
  await exchange.replyPiece(pattern(100))
  if (exchange.url.searchParams.has('reset')) exchange.reset()
}

async function expect(exchange: HttpExchange): Promise<void> {
  if (!exchange.url.searchParams.has('refuse')) return exchange.reply(200, await exchange.wholeBody())
  exchange.closeAfterwards()
  await exchange.reply(417, 'no body wanted\n')
}

function page(): string {
  const scripts = Array.from({ length: PAGE_RESOURCES }, (_, n) => `<script src="/resource/${n + 1}.js"></script>`)
  return `<!doctype html><title>page</title><body data-loaded="0">\n${scripts.join('\n')}\n</body>\n`
}

async function webSocket(exchange: HttpExchange): Promise<void> {
  const key = header(exchange.head.headers, 'sec-websocket-key')
  const upgrade = header(exchange.head.headers, 'upgrade')?.toLowerCase()
  if (upgrade !== 'websocket' || key === undefined)
    return exchange.reply(426, 'a WebSocket lives here\n', [['Upgrade', 'websocket']])
  await exchange.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${acceptFor(key)}\r\n\r\n`,
  )
  exchange.closeAfterwards()
  await echoFrames(exchange.reader)
}
