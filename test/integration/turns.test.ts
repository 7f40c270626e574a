/**
 * Octets that take long to parse: of one connection, only some are read in each turn of the event loop. libuv reads up to 2 MiB of a
 * socket at once, which was 40,000 requests, or 300,000 chunks: everything else waited for them for seconds.
 */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { startGateway } from '../support/gateway.ts'

/** The greatest number of octets that Node reads at once. */
const READ = 65_536
const SMALL_CHUNKS = `Transfer-Encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(400_000)}0\r\n\r\n`

/** How far it rises in one turn of the event loop at most. */
async function largestStep(count: () => number, isOver: () => boolean): Promise<number> {
  let largest = 0
  for (let before = count(); !isOver(); ) {
    await turn()
    const now = count()
    largest = Math.max(largest, now - before)
    before = now
  }
  return largest
}

/** A client that reads whatever comes. */
function clientOf(port: number, text: string): { readonly socket: Socket; readonly end: () => string } {
  let end = ''
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  socket.on('data', (octets) => {
    end = (end + octets.toString('latin1')).slice(-100)
  })
  socket.write(text)
  return { socket, end: () => end }
}

/** A gateway before an upstream that answers with this, whatever it is sent. */
async function startBefore(answer: (beginning: string) => string) {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}))
    socket.once('data', (octets) => socket.write(answer(octets.toString('latin1')))).resume()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port: upstreamPort } = server.address() as { port: number }
  const list = [`127.0.0.1:${upstreamPort}`]
  const { port } = await startGateway({
    upstreams: 0,
    filled: 1,
    providers: () => [{ name: 'mine', vendor: 'static', list, allowPrivate: true, budget: { perHour: 9 } }],
    closing: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  })
  return { port, received: () => [...sockets].reduce((sum, { bytesRead }) => sum + bytesRead, 0) }
}

it('requests without a login that are sent ahead are refused in turns', async () => {
  const users = [{ name: 'crawler', password: 'long-enough-password' }]
  const { port, app } = await startGateway({ upstreams: 1, config: { listen: [{ port: 0, users }] } })
  const { socket } = clientOf(port, 'GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n'.repeat(5_000))
  const refused = () => app.traffic.refusedCount
  expect(await largestStep(refused, () => refused() === 5_000)).toBeLessThan(200)
  socket.resetAndDestroy()
})

it('requests that wait for their turn are answered to a client that has closed its sending side', async () => {
  const users = [{ name: 'crawler', password: 'long-enough-password' }]
  const { port, app } = await startGateway({ upstreams: 1, config: { listen: [{ port: 0, users }] } })
  const { socket } = clientOf(port, 'GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n'.repeat(500))
  socket.end()
  await once(socket, 'close')
  expect(app.traffic.refusedCount).toBe(500)
})

it('a body in small chunks is read in turns', async () => {
  const { port, received } = await startBefore(() => '')
  const { socket } = clientOf(port, `POST http://site.test/ HTTP/1.1\r\nHost: site.test\r\n${SMALL_CHUNKS}`)
  // One octet of six is data.
  expect(await largestStep(received, () => received() > 400_000)).toBeLessThan(READ)
  socket.resetAndDestroy()
})

it.each([
  // One octet of six is data.
  ['an answer in small chunks is', READ / 2, `HTTP/1.1 200 OK\r\n${SMALL_CHUNKS}`],
  [
    'interim answers are',
    4 * READ,
    `${'HTTP/1.1 102 A\r\n\r\n'.repeat(100_000)}HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n0\n\n`,
  ],
])('%s read in turns', async (_what, bound, text) => {
  const { port } = await startBefore(() => text)
  const { socket, end } = clientOf(port, 'GET http://site.test/ HTTP/1.1\r\nHost: site.test\r\n\r\n')
  const isOver = () => /0\r?\n\r?\n$/.test(end())
  expect(await largestStep(() => socket.bytesRead, isOver)).toBeLessThan(bound)
  socket.resetAndDestroy()
})
