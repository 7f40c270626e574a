/** How the raw-socket clients connect and write. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { ConnectionLost, SocketReader, send, turn } from './socket-io.ts'
import type { Login } from './upstream-behaviour.ts'

/** A port of 127.0.0.1, or a place. @param from address of this machine that the client has there, as in 127.0.0.2 */
export type Place = number | { readonly host: string; readonly port: number; readonly from?: string }

export interface ClientOptions {
  /** Hang guard of every read, milliseconds. */
  readonly timeoutMs?: number
  /** Sends the request in pieces of these sizes (the last one repeats) instead of at once. */
  readonly split?: number | readonly number[]
  /** Sent in the same write as the request, before any answer. */
  readonly earlyBytes?: Buffer | string
  readonly login?: Login
}

export interface Connected {
  readonly socket: Socket
  /** Holds whatever came after the part that was parsed. */
  readonly reader: SocketReader
}

const openClients = new Set<Socket>()

/** A TCP connection with half-close. @throws {ConnectionLost} */
export async function dial(place: Place, timeoutMs = 5_000): Promise<Connected> {
  const { host, port, from } = typeof place === 'number' ? { host: '127.0.0.1', port: place, from: undefined } : place
  const local = from === undefined ? {} : { localAddress: from }
  const socket = connect({ host, port, allowHalfOpen: true, noDelay: true, ...local })
  openClients.add(socket)
  socket.on('close', () => openClients.delete(socket))
  socket.on('error', () => {})
  try {
    await once(socket, 'connect')
  } catch (error) {
    throw new ConnectionLost((error as NodeJS.ErrnoException).code ?? 'ERROR', 'cannot connect', error)
  }
  return { socket, reader: new SocketReader(socket, { timeoutMs }) }
}

/** Destroys every client socket that is still open: for `afterEach`. */
export async function closeClients(): Promise<void> {
  const closing = [...openClients].map((socket) => once(socket, 'close'))
  for (const socket of openClients) socket.destroy()
  await Promise.all(closing)
}

/**
 * Writes `bytes` in pieces, with a turn of the event loop after each, so that a server in this process reads them apart.
 * @param sizes of the pieces; the last size repeats
 */
export async function sendSplit(socket: Socket, bytes: Buffer, sizes: number | readonly number[]): Promise<void> {
  const list = typeof sizes === 'number' ? [sizes] : sizes
  for (let at = 0, piece = 0; at < bytes.length; piece++) {
    const size = Math.max(1, list[Math.min(piece, list.length - 1)] ?? 1)
    await send(socket, bytes.subarray(at, at + size))
    await turn()
    at += size
  }
}

/** Writes a request as the options want it: split or not, with early bytes or without. */
export async function sendRequest(socket: Socket, request: Buffer | string, options: ClientOptions): Promise<void> {
  const bytes = Buffer.concat([toBytes(request), toBytes(options.earlyBytes ?? '')])
  if (options.split === undefined) await send(socket, bytes)
  else await sendSplit(socket, bytes, options.split)
}

function toBytes(value: Buffer | string): Buffer {
  return typeof value === 'string' ? Buffer.from(value, 'latin1') : value
}
