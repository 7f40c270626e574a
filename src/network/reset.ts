/** Ends a connection so that the other side sees that what it received is incomplete. */
import type { Socket } from 'node:net'

/**
 * Sends a reset if possible. TLS sockets cannot: they end without close_notify (RFC 8446 section 6.1), which shows the same. While
 * a FIN is on its way Node answers `resetAndDestroy` with EINVAL, emits no 'close' and keeps the handle (seen with Node 24.21).
 */
export function resetOrDestroy(socket: Socket): void {
  if ('encrypted' in socket || socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}
