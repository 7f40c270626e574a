/**
 * Limits the connections of an HTTP server that must always be reachable: beyond the limit, the connection that has been idle
 * the longest is closed, so that idle connections cannot keep others out.
 */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'

export function limitConnections(server: Server, most: number): void {
  const open = new Set<Socket>()
  /** Those without a request, the oldest first. */
  const idle = new Set<Socket>()
  const forget = (socket: Socket) => {
    open.delete(socket)
    idle.delete(socket)
  }
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    idle.add(socket)
    socket.once('close', () => forget(socket))
    if (open.size <= most) return
    const [oldest = socket] = idle
    forget(oldest)
    oldest.destroy()
  })
  server.on('request', ({ socket }, response) => {
    idle.delete(socket)
    response.once('close', () => {
      if (open.has(socket)) idle.add(socket)
    })
  })
}
