/** A server that must answer at any time: clients that send ahead, do not read or occupy every connection. */
import { once } from 'node:events'
import type { RequestListener, ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, it, onTestFinished } from 'vitest'
import { createLimitedServer } from '../../src/admin/limited-server.ts'

const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
/** More than the buffers of both sockets hold. */
const LARGE = Buffer.alloc(64 * 2 ** 20)

async function listen(listener: RequestListener, { connections = 10, timeoutMs = 10_000 } = {}): Promise<() => Socket> {
  const server = createLimitedServer({ connections, timeoutMs }, listener)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const sockets: Socket[] = []
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  return () => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    socket.on('error', () => {})
    sockets.push(socket)
    return socket
  }
}

it('a client that sends many requests ahead is disconnected, and they are not handled', async () => {
  let handled = 0
  const open = await listen(() => void handled++)
  const socket = open().resume()
  socket.write(REQUEST.repeat(1_000))
  await once(socket, 'close')
  expect(handled).toBeLessThanOrEqual(2)
})

it('requests one after the other keep their connection', async () => {
  const open = await listen((_, response) => response.end('yes'))
  const socket = open()
  for (let round = 0; round < 5; round++) {
    socket.write(REQUEST)
    await once(socket, 'data')
  }
  socket.end('GET / HTTP/1.1\r\nConnection: close\r\n\r\n')
  expect(await text(socket)).toContain('yes')
})

it('an answer that is not read ends its connection after the time for a request', async () => {
  const { promise: answered, resolve } = Promise.withResolvers<ServerResponse>()
  const open = await listen((_, response) => resolve(response.end(LARGE)), { timeoutMs: 200 })
  open().pause().write(REQUEST)
  const response = await answered
  await once(response, 'close')
  expect(response.writableFinished).toBe(false)
})

it('an answer that takes longer than that because of its handler is sent', async () => {
  const open = await listen((_, response) => void setTimeout(() => response.end('late'), 500), { timeoutMs: 100 })
  const socket = open()
  socket.write('GET / HTTP/1.1\r\nConnection: close\r\n\r\n')
  expect(await text(socket)).toContain('late')
})

it('when every connection has a request, the oldest makes room', async () => {
  let handled = 0
  const open = await listen((_, response) => void (++handled > 3 && response.end('yes')), { connections: 3 })
  const busy: Socket[] = []
  for (let count = 1; count <= 3; count++) {
    const socket = open().resume()
    socket.write(REQUEST)
    while (handled < count) await new Promise(setImmediate)
    busy.push(socket)
  }
  const socket = open()
  socket.write('GET / HTTP/1.1\r\nConnection: close\r\n\r\n')
  expect(await text(socket)).toContain('yes')
  expect(busy.map(({ destroyed }) => destroyed)).toEqual([true, false, false])
})
