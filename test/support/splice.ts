import type { Duplex } from 'node:stream'
import { reset } from './tls.ts'

export interface SpliceOptions {
  /** Sees the size of everything that passes, either way. */
  readonly onBytes?: (count: number) => void
}

/**
 * Joins two sockets until both directions have ended: back-pressure, half-close and resets are passed on.
 * Resolves when both are closed.
 */
export async function splice(a: Duplex, b: Duplex, options: SpliceOptions = {}): Promise<void> {
  const closed = Promise.all([closing(a), closing(b)])
  copy(a, b, options)
  copy(b, a, options)
  a.resume()
  b.resume()
  await closed
}

function copy(from: Duplex, to: Duplex, { onBytes }: SpliceOptions): void {
  from.on('data', (bytes: Buffer) => {
    onBytes?.(bytes.length)
    if (to.writable && !to.write(bytes)) from.pause()
  })
  to.on('drain', () => from.resume())
  if (from.readableEnded) to.end()
  from.on('end', () => to.end())
  from.on('error', () => reset(to))
  from.on('close', () => {
    if (!from.readableEnded) to.destroy()
  })
}

function closing(socket: Duplex): Promise<void> {
  return new Promise((resolve) => (socket.closed ? resolve() : socket.once('close', () => resolve())))
}
