/** The web site `http://whoami.demo/`, which exists only inside the demo's upstreams and reports which one carried the request. */
import type { IncomingMessage, Server } from 'node:http'
import { http } from '../node/http.ts'
import type { Place } from './places.ts'

export const WHOAMI_HOST = 'whoami.demo'
export const WHOAMI_PORT = 80

/** The upstream that answers. */
export interface Identity {
  readonly host: string
  readonly port: number
  readonly place: Place
  /** Whole seconds until it ends, at the time of the request. */
  readonly secondsLeft: () => number
}

/** A complete answer, in the form that proxy-chain expects from a custom response function. */
interface Answer {
  readonly statusCode: number
  readonly headers: Record<string, string>
  readonly body: string
}

/** Answers any method. A body is read to its end and only its size is reported; nothing of it is kept. */
export async function answerWhoami(request: IncomingMessage, who: Identity): Promise<Answer> {
  return describe(request, who, await sizeOfBody(request))
}

/** The same site for the inside of a tunnel: an HTTP server that never listens and is handed its sockets. */
export function whoamiServer(who: Identity): Server {
  const server = http.createServer(async (request, response) => {
    const { statusCode, headers, body } = await answerWhoami(request, who)
    response.writeHead(statusCode, headers).end(body)
  })
  server.keepAliveTimeout = 0 // the upstream's deadline ends every connection; before that, idle ones stay open
  return server
}

function describe(request: IncomingMessage, who: Identity, bodyBytes: number): Answer {
  const asked = {
    method: request.method ?? 'GET',
    path: pathOf(request.url ?? '/'),
    headers: countHeaders(request),
    bodyBytes,
  }
  const wantsJson = request.headers.accept?.includes('application/json') ?? false
  return {
    statusCode: 200,
    headers: {
      'content-type': `${wantsJson ? 'application/json' : 'text/plain'}; charset=utf-8`,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff', // the path is echoed: never let a browser take it for HTML
    },
    body: wantsJson ? asJson(who, asked) : asText(who, asked),
  }
}

interface Asked {
  readonly method: string
  readonly path: string
  readonly headers: number
  readonly bodyBytes: number
}

function asText({ host, port, place, secondsLeft }: Identity, { method, path, headers, bodyBytes }: Asked): string {
  const body = bodyBytes > 0 ? `, a body of ${bodyBytes} bytes` : ''
  return (
    `upstream ${host}:${port}, ${place.city}, ${place.area}, ${place.country}, ${place.isp}, ${secondsLeft()} s left\n` +
    `request  ${method} ${path}, ${headers} headers${body}\n`
  )
}

function asJson({ host, port, place, secondsLeft }: Identity, request: Asked): string {
  return `${JSON.stringify({ upstream: { address: `${host}:${port}`, ...place, secondsLeft: secondsLeft() }, request })}\n`
}

/** Absolute-form carries the whole URL, a tunnel only the path. */
function pathOf(target: string): string {
  const origin = /^http:\/\/[^/?#]*/i.exec(target)?.[0]
  if (origin === undefined) return target
  const rest = target.slice(origin.length)
  return rest.startsWith('/') ? rest : `/${rest}`
}

/** The headers that a web site would receive: without those for the proxy. */
function countHeaders({ rawHeaders }: IncomingMessage): number {
  const names = rawHeaders.filter((_, index) => index % 2 === 0)
  return names.filter((name) => !/^proxy-(authorization|connection)$/i.test(name)).length
}

/** Resolves when the body ends, or with the octets so far when the client leaves. */
function sizeOfBody(request: IncomingMessage): Promise<number> {
  return new Promise((resolve) => {
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    request.on('error', () => resolve(bytes))
    request.on('close', () => resolve(bytes))
    request.on('end', () => resolve(bytes))
  })
}
