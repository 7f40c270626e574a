/**
 * A process of a moment: sends listening sockets to the process that takes over. Its descriptors: 3 the channel, whose other
 * end is that process (NODE_CHANNEL_FD), 4 and up the sockets. Node sends handles only from parent to child and back, and
 * the two gateways are neither; with this process in between they are.
 */
import { createServer, type Socket } from 'node:net'
import type { Delivery } from './messages.ts'

const FIRST_SOCKET = 4

const count = Number(process.argv[2])

/** What is accepted here between two lines goes the same way. */
function sendConnection(index: number, socket: Socket): void {
  process.send?.({ kind: 'connection', index } satisfies Delivery, socket, {}, () => {})
}

async function sendPort(index: number): Promise<void> {
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) =>
    sendConnection(index, socket),
  )
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ fd: FIRST_SOCKET + index }, resolve)
  })
  await new Promise<void>((resolve, reject) => {
    const sent = (error: Error | null) => (error === null ? resolve() : reject(error))
    process.send?.({ kind: 'port', index } satisfies Delivery, server, {}, sent)
  })
  server.close()
}

for (let index = 0; index < count; index++) await sendPort(index)
process.disconnect()
