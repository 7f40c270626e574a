/**
 * A short-lived process that sends listening sockets through its IPC channel. Its descriptors: 3 the channel (NODE_CHANNEL_FD), 4 and
 * up the sockets. The other end of the channel is the process that takes over, or the process that started this one and needs
 * copies for itself. Node sends handles only between parent and child and cannot duplicate one: this process does both.
 */
import { Socket } from 'node:net'
import type { Delivery } from './messages.ts'

const FIRST_SOCKET = 4

const count = Number(process.argv[2])

/** A `Socket` that reads nothing gives access to the handle of a descriptor: a `Server` would accept clients on it. */
function handleOf(descriptor: number): Socket {
  const { _handle } = new Socket({ fd: descriptor, readable: false, writable: false }) as unknown as { _handle: Socket }
  return _handle
}

async function sendPort(index: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const sent = (error: Error | null) => (error === null ? resolve() : reject(error))
    process.send?.({ kind: 'port', index } satisfies Delivery, handleOf(FIRST_SOCKET + index), {}, sent)
  })
}

// Each socket is sent when the previous one was received; nothing else keeps this process running.
process.channel?.ref()
for (let index = 0; index < count; index++) await sendPort(index)
process.disconnect()
