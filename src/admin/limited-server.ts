/**
 * An HTTP server for few and short requests that answers at any time, whatever other clients do:
 *
 * - Over the limit of connections, the one closes that has been idle the longest; without an idle one, the oldest.
 * - A client has a time for its request, and the same time between two pieces of an answer that it reads.
 * - A client that sends further requests before it has its answer is disconnected: their answers would wait in memory.
 */

import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { given } from '../given.ts'
import { http } from '../node/http.ts'

interface ServerLimits {
  /** Open at the same time. */
  readonly connections: number
  /** For a whole request, and for a piece of an answer that the client does not read, ms. */
  readonly timeoutMs: number
  /** Node's own by default. */
  readonly headerBytes?: number
}

/** Precision of the time limits, ms; Node's default is 30 s. */
const CHECK_EVERY_MS = 1_000
/** The end of an answer may be noticed here after the client has sent its next request. */
const MAX_UNANSWERED = 2

/** @param listener also handles a request without a Host header */
export function createLimitedServer(
  { connections, timeoutMs, headerBytes }: ServerLimits,
  listener: RequestListener,
): Server {
  /** The number of requests that are not answered; the oldest connection comes first. */
  const open = new Map<Socket, number>()
  /** Those without a request, the oldest first. */
  const idle = new Set<Socket>()
  const forget = (socket: Socket) => {
    open.delete(socket)
    idle.delete(socket)
  }
  const begin = (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request
    const unanswered = (open.get(socket) ?? MAX_UNANSWERED) + 1
    if (unanswered > MAX_UNANSWERED) return void socket.destroy()
    open.set(socket, unanswered)
    idle.delete(socket)
    response.once('close', () => {
      const left = (open.get(socket) ?? 0) - 1
      if (left >= 0) open.set(socket, left)
      if (left === 0) idle.add(socket)
    })
    listener(request, response)
  }
  const server = http.createServer(
    {
      requestTimeout: timeoutMs,
      headersTimeout: timeoutMs,
      connectionsCheckingInterval: Math.min(CHECK_EVERY_MS, timeoutMs / 4),
      requireHostHeader: false,
      ...given({ maxHeaderSize: headerBytes }),
    },
    begin,
  )
  server.on('connection', (socket: Socket) => {
    const [oldest] = idle.size > 0 ? idle : open.keys()
    if (open.size >= connections && oldest !== undefined) {
      forget(oldest)
      oldest.destroy()
    }
    open.set(socket, 0)
    idle.add(socket)
    socket.once('close', () => forget(socket))
  })
  // Nothing was read or written for so long; a handler may still be at work.
  server.setTimeout(timeoutMs, (socket) => {
    if (idle.has(socket) || socket.writableLength > 0) socket.destroy()
  })
  return server
}
