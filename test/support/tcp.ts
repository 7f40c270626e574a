import type { Socket } from 'node:net'
import { LoopbackServer } from './loopback-server.ts'
import { SocketReader, send } from './socket-io.ts'

/** Sends back what comes, and its FIN when the peer's FIN comes. */
export function echoServer(): LoopbackServer {
  return new LoopbackServer(async (socket) => {
    const reader = new SocketReader(socket, { timeoutMs: null })
    for (let piece = await reader.read(); piece !== null; piece = await reader.read()) await send(socket, piece)
    socket.end()
  })
}

/** Speaks only when the client has finished speaking: `got N bytes` after its FIN. Client-to-target half-close. */
export function answersAfterEnd(): LoopbackServer {
  return new LoopbackServer(async (socket) => {
    const all = await new SocketReader(socket, { timeoutMs: null }).readAll()
    await send(socket, `got ${all.length} bytes\n`)
    socket.end()
  })
}

export interface EndsFirst {
  readonly server: LoopbackServer
  /** What each client sent after the server's FIN, complete. */
  readonly received: Buffer[]
}

/** Says `banner` and FIN at once, then keeps listening. Target-to-client half-close. */
export function endsFirst(banner: Buffer | string): EndsFirst {
  const received: Buffer[] = []
  const server = new LoopbackServer(async (socket) => {
    const reader = new SocketReader(socket, { timeoutMs: null })
    socket.end(banner)
    received.push(await reader.readAll())
  })
  return { server, received }
}

/** Never reads: whoever sends to it must stop at some point. */
export function neverReads(): LoopbackServer {
  return new LoopbackServer((socket: Socket) => void socket.pause())
}
