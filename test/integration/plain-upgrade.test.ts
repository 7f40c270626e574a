/** ws:// through a plain request: the connection leaves HTTP, or stays refused. */
import { describe, expect, it } from 'vitest'
import { dial, plain, readReply } from '../support/client.ts'
import { eventually, refusalOf, startGateway } from '../support/gateway.ts'
import { header, readResponseHead } from '../support/http-wire.ts'
import { LoopbackServer } from '../support/loopback-server.ts'
import { pattern } from '../support/pattern.ts'
import { SocketReader, send } from '../support/socket-io.ts'
import { openWebSocket } from '../support/websocket.ts'

const upgrade = (url: string, more = '') =>
  `GET ${url} HTTP/1.1\r\nHost: site.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
  `Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n${more}\r\n`

describe.each(['http', 'https', 'socks5'] as const)('through %s upstreams', (scheme) => {
  it('a WebSocket opens, echoes and closes', async () => {
    const gateway = await startGateway({ scheme, upstreams: 2 })
    const { reader } = await dial(gateway.port)
    const socket = await openWebSocket(reader, 'http://site.test/ws', 'site.test')
    for (const text of ['hello', 'x'.repeat(100_000), 'bye']) {
      await socket.say(text)
      expect(await socket.hear()).toBe(text)
    }
    expect([gateway.leases(), gateway.app.data.tunnels]).toEqual([1, 1])
    await socket.close()
    await eventually(() => [gateway.leases(), gateway.app.data.tunnels, gateway.app.data.connections]).toEqual([
      0, 0, 0,
    ])
    expect(gateway.app.traffic.endedCounts.done).toBe(1)
  })

  it('also behind a plain request on the same connection, and behind one that is not answered yet', async () => {
    const { port } = await startGateway({ scheme, upstreams: 1 })
    const over = await dial(port)
    expect((await plain(port, 'http://site.test/', { over })).status).toBe(200)
    await send(over.socket, 'GET http://site.test/slow HTTP/1.1\r\nHost: site.test\r\n\r\n')
    const opening = openWebSocket(over.reader, 'http://site.test/ws', 'site.test').catch((error) => error)
    expect((await opening).message).toBe('answered with 200')
    expect((await over.reader.readUntil('0\r\n\r\n')).toString()).toContain('piece 1')
    expect((await readResponseHead(over.reader)).status).toBe(101)
  })

  it('a refused upgrade passes the answer on, and nothing that came behind the request', async () => {
    const { port, world, app } = await startGateway({ scheme, upstreams: 1 })
    const over = await dial(port)
    const smuggled = 'GET http://site.test/smuggled HTTP/1.1\r\nHost: site.test\r\n\r\n'
    await send(over.socket, upgrade('http://site.test/bytes/700000') + smuggled)
    const reply = await readReply(over)
    expect([reply.status, reply.body.length, header(reply.headers, 'connection')]).toEqual([200, 700_000, 'close'])
    await send(over.socket, smuggled)
    expect(await over.reader.readAll()).toHaveLength(0)
    expect(world.site.requests.map(({ target }) => target)).toEqual(['/bytes/700000'])
    over.socket.end()
    await eventually(() => app.data.connections).toBe(0)
  })
})

it('octets sent ahead of the answer, and with it, arrive', async () => {
  const early = new LoopbackServer(async (socket) => {
    const reader = new SocketReader(socket, { timeoutMs: null })
    await reader.readUntil('\r\n\r\n')
    await send(socket, 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nwelcome')
    await send(socket, await reader.readExactly(11))
    socket.end()
  })
  const { port, world } = await startGateway({ upstreams: 1 })
  await world.serve('early.test', early)
  const { socket, reader } = await dial(port)
  await send(socket, `${upgrade('http://early.test/')}hello ahead`)
  expect((await readResponseHead(reader)).status).toBe(101)
  expect((await reader.readAll()).toString()).toBe('welcomehello ahead')
})

it('an upgraded connection in which nothing moves ends, a reset is passed on, a stop ends it', async () => {
  const { port, app, world } = await startGateway({ upstreams: 1, config: { relay: { idle: '200ms' } } })
  const quiet = await dial(port)
  await openWebSocket(quiet.reader, 'http://site.test/ws', 'site.test')
  expect((await quiet.reader.readToClose()).bytes).toHaveLength(0)
  expect(app.traffic.endedCounts.idle).toBe(1)
  const cut = await dial(port)
  await openWebSocket(cut.reader, 'http://site.test/ws', 'site.test')
  world.upstreams[0]?.resetConnections()
  expect((await cut.reader.readToClose()).how).toBe('ECONNRESET')
  const last = await dial(port)
  await openWebSocket(last.reader, 'http://site.test/ws', 'site.test')
  await app.abort()
  await last.reader.readToClose()
})

it('what asks to leave HTTP for anything else is served without', async () => {
  const { port, world } = await startGateway({ upstreams: 1 })
  const h2c = [
    ['Connection', 'Upgrade, HTTP2-Settings'],
    ['Upgrade', 'h2c'],
    ['HTTP2-Settings', 'AAMAAABkAAQAoAAAAAIAAAAA'],
  ] as const
  expect((await plain(port, 'http://site.test/', { headers: h2c })).status).toBe(200)
  const posted = await plain(port, 'http://site.test/echo', {
    method: 'POST',
    body: pattern(1000),
    headers: [
      ['Connection', 'Upgrade'],
      ['Upgrade', 'websocket'],
    ],
  })
  expect([posted.status, posted.body.length]).toEqual([200, 1000])
  expect(world.site.requests.flatMap(({ headers }) => headers.map(([name]) => name))).not.toContain('Upgrade')
})

it('an HTTP/1.0 request that asks to leave HTTP is served without (RFC 9110 section 7.8)', async () => {
  const { port, world } = await startGateway({ upstreams: 1 })
  const { socket, reader } = await dial(port)
  await send(socket, upgrade('http://site.test/ws').replace('HTTP/1.1', 'HTTP/1.0'))
  expect((await readReply({ socket, reader })).status).toBe(426)
  expect(world.upstreams[0]?.tunnelsOpened).toBe(0)
})

it('refusals of our own reach a client that wants to leave HTTP', async () => {
  const { port, world } = await startGateway({ upstreams: 2 })
  for (const upstream of world.upstreams) await upstream.behave({ kind: 'status', status: 403 })
  const { socket, reader } = await dial(port)
  await send(socket, upgrade('http://site.test/ws'))
  expect(refusalOf(await readReply({ socket, reader }))).toEqual({ status: 502, code: 'GW_TARGET_REFUSED' })
  expect(await reader.readAll()).toHaveLength(0)
  const other = await dial(port)
  await send(other.socket, upgrade('/ws'))
  expect(refusalOf(await readReply(other))).toEqual({ status: 400, code: 'GW_NOT_A_PROXY_REQUEST' })
})

it.each([
  ['without Upgrade', 'Connection: Upgrade\r\n'],
  ['to another protocol', 'Connection: Upgrade\r\nUpgrade: h2c\r\n'],
])('a 101 %s is no answer to the request (RFC 9110 section 7.8)', async (_what, lines) => {
  const wrong = new LoopbackServer(async (socket) => {
    await new SocketReader(socket, { timeoutMs: null }).readUntil('\r\n\r\n')
    await send(socket, `HTTP/1.1 101 Switching Protocols\r\n${lines}\r\n`)
  })
  const { port, world } = await startGateway({ upstreams: 1 })
  await world.serve('wrong.test', wrong)
  const over = await dial(port)
  await send(over.socket, upgrade('http://wrong.test/'))
  expect(refusalOf(await readReply(over)).status).toBe(502)
})
