/** Client connections that carry several plain requests, or something else behind one. */
import { describe, expect, it } from 'vitest'
import { connectVia, dial, plain, readReply } from '../support/client.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { eventually, type Gateway, refusalOf, startGateway } from '../support/gateway.ts'
import { header, readResponseHead } from '../support/http-wire.ts'
import { LoopbackServer } from '../support/loopback-server.ts'
import { expectEcho, SocketReader, send } from '../support/socket-io.ts'

const GET = (path: string) => `GET http://site.test${path} HTTP/1.1\r\nHost: site.test\r\n\r\n`
const CONNECT = 'CONNECT echo.test:7 HTTP/1.1\r\nHost: echo.test:7\r\n\r\n'

/** Which upstreams carried the site's requests, in order. */
const carriers = ({ world }: Gateway) => world.site.requests.map(({ peer }) => peer)

it('a connection is closed 75 s after its last answer, as clients are told, and not while it waits for one', async () => {
  const clock = new FakeClock()
  const { app, port, world } = await startGateway({ upstreams: 1, clock })
  const over = await dial(port)
  const get = () => plain(port, 'http://site.test/', { over })
  expect(header((await get()).headers, 'keep-alive')).toBe('timeout=75')
  // The time runs from the latest answer on.
  for (let n = 0; n < 2; n++) {
    clock.advance(74_000)
    expect((await get()).status).toBe(200)
  }
  clock.advance(75_001)
  await eventually(() => [over.socket.readyState, app.data.connections]).toEqual(['writeOnly', 0])
  await eventually(() => world.upstreams.map(({ openSockets }) => openSockets)).toEqual([0])
})

it('after a sleep of the machine a request takes a new connection to its upstream, which may have closed the former one', async () => {
  const clock = new FakeClock()
  const { port, world } = await startGateway({ upstreams: 1, clock })
  const over = await dial(port)
  const dials: (number | undefined)[] = []
  for (const asleepMs of [0, 60_000, 3_600_000]) {
    clock.suspend(asleepMs)
    expect((await plain(port, 'http://site.test/', { over })).status).toBe(200)
    dials.push(world.upstreams[0]?.connections)
  }
  expect(dials).toEqual([1, 1, 2])
})

describe.each(['http', 'socks5'] as const)('through %s upstreams', (scheme) => {
  it('one connection keeps one upstream, another takes the next; the way there is kept open', async () => {
    const gateway = await startGateway({ scheme, upstreams: 2 })
    const connections = () => gateway.world.upstreams.map(({ connections }) => connections)
    for (let client = 0; client < 2; client++) {
      const over = await dial(gateway.port)
      for (let n = 0; n < 4; n++) expect((await plain(gateway.port, 'http://site.test/', { over })).status).toBe(200)
    }
    const peers = carriers(gateway)
    expect(new Set(peers.slice(0, 4)).size).toBe(1)
    expect(new Set(peers.slice(4)).size).toBe(1)
    expect(peers[0]).not.toBe(peers[4])
    expect(connections()).toEqual([1, 1])
    // Both leases run on between requests, and neither is demand for more addresses.
    const members = [...gateway.app.pool.members()]
    expect(members.map(({ leases, quietLeases }) => [leases, quietLeases])).toEqual([
      [1, 1],
      [1, 1],
    ])
  })

  it('an upstream that a connection keeps rests for each host that it was used for', async () => {
    const config = { pool: { perUpstream: { hostRest: '1h' } } }
    const gateway = await startGateway({ scheme, upstreams: 2, config })
    gateway.world.names['other.test'] = [gateway.world.site.host, gateway.world.site.port]
    const over = await dial(gateway.port)
    for (const host of ['site.test', 'other.test', 'other.test'])
      expect((await plain(gateway.port, `http://${host}/`, { over })).status).toBe(200)
    const [a, b] = gateway.world.upstreams.map(({ host }) => host)
    expect(carriers(gateway)).toEqual([a, a, b])
    const rests = [...gateway.app.pool.members()].map(({ hostRests }) => [...(hostRests?.keys() ?? [])])
    expect(rests).toEqual([['site.test', 'other.test'], ['other.test']])
  })

  it('per: request takes another upstream each time, and holds none in between', async () => {
    const gateway = await startGateway({ scheme, upstreams: 2, config: { rotation: { per: 'request' } } })
    const over = await dial(gateway.port)
    for (let n = 0; n < 4; n++) {
      expect((await plain(gateway.port, 'http://site.test/', { over })).status).toBe(200)
      await eventually(() => gateway.leases()).toBe(0)
    }
    const [a, b] = gateway.world.upstreams.map(({ host }) => host)
    expect(carriers(gateway)).toEqual([a, b, a, b])
  })

  it('a way that the upstream has closed is opened anew, and nobody is blamed', async () => {
    const gateway = await startGateway({ scheme, upstreams: 2 })
    const over = await dial(gateway.port)
    for (const method of ['GET', 'POST', 'GET']) {
      const reply = await plain(gateway.port, 'http://site.test/echo', {
        over,
        method,
        body: method === 'POST' ? 'x' : '',
      })
      expect(reply.status).toBe(200)
      for (const upstream of gateway.world.upstreams) upstream.resetConnections()
      await eventually(() => gateway.world.upstreams.map(({ openSockets }) => openSockets)).toEqual([0, 0])
    }
    expect(new Set(carriers(gateway)).size).toBe(1)
    for (const member of gateway.app.pool.members())
      expect([member.state, member.consecutiveFailures]).toEqual(['ready', 0])
  })

  it('requests to different targets on one connection go through the same upstream', async () => {
    const gateway = await startGateway({ scheme, upstreams: 2 })
    const over = await dial(gateway.port)
    gateway.world.names['other.test'] = [gateway.world.site.host, gateway.world.site.port]
    for (const host of ['site.test', 'other.test', 'site.test']) {
      expect((await plain(gateway.port, `http://${host}/`, { over })).status).toBe(200)
    }
    expect(new Set(carriers(gateway)).size).toBe(1)
  })
})

describe('requests sent ahead', () => {
  it('are answered in order, one at a time, over one upstream', async () => {
    const gateway = await startGateway({ upstreams: 2 })
    const { socket, reader } = await dial(gateway.port)
    const post = 'POST http://site.test/echo HTTP/1.1\r\nHost: site.test\r\nContent-Length: 5\r\n\r\nhello'
    await send(socket, GET('/slow?before=50') + post + GET('/status/204') + GET('/bytes/100000') + GET('/'))
    const replies = []
    for (let n = 0; n < 5; n++) replies.push(await readReply({ socket, reader }))
    expect(replies.map(({ status, body }) => [status, body.length])).toEqual([
      [200, 8],
      [200, 5],
      [204, 0],
      [200, 100_000],
      [200, 15],
    ])
    expect(new Set(carriers(gateway)).size).toBe(1)
    expect(gateway.world.site.connections.length).toBeGreaterThan(0)
    expect(gateway.leases()).toBe(1)
  })

  it('by the hundred are read no further than they are answered', async () => {
    const { port, app } = await startGateway({ upstreams: 1 })
    const { socket, reader } = await dial(port)
    const count = 300
    socket.write(GET('/status/204').repeat(count))
    for (let n = 0; n < count; n++) expect((await readReply({ socket, reader })).status).toBe(204)
    expect(app.traffic.requests.http).toBe(count)
  })

  it('end with a bad one: what came before is answered, then the error, then nothing', async () => {
    const { port, world } = await startGateway({ upstreams: 1 })
    const { socket, reader } = await dial(port)
    await send(socket, `${GET('/')}GET /origin-form HTTP/1.1\r\nHost: site.test\r\n\r\n${GET('/never')}`)
    expect((await readReply({ socket, reader })).status).toBe(200)
    expect(refusalOf(await readReply({ socket, reader }))).toEqual({ status: 400, code: 'GW_NOT_A_PROXY_REQUEST' })
    expect(await reader.readAll()).toHaveLength(0)
    expect(world.site.requests.map(({ target }) => target)).toEqual(['/'])
  })
})

describe('CONNECT', () => {
  it('behind plain requests becomes a tunnel and lets go of the upstream before', async () => {
    const gateway = await startGateway({ upstreams: 2 })
    const over = await dial(gateway.port)
    expect((await plain(gateway.port, 'http://site.test/', { over })).status).toBe(200)
    await send(over.socket, `${CONNECT}early`)
    expect((await readResponseHead(over.reader)).status).toBe(200)
    expect((await over.reader.readExactly(5)).toString()).toBe('early')
    await expectEcho(over, 'and late')
    expect([gateway.leases(), gateway.app.data.tunnels]).toEqual([1, 1])
  })

  it('sent ahead waits until the requests before it are answered', async () => {
    const { port } = await startGateway({ upstreams: 1 })
    const over = await dial(port)
    await send(over.socket, `${GET('/slow?before=50')}${CONNECT}`)
    expect((await readReply(over)).body.toString()).toBe('piece 1\n')
    const head = await readResponseHead(over.reader)
    expect([head.status, header(head.headers, 'x-turnpike-upstream')]).toEqual([200, expect.any(String)])
    await expectEcho(over, 'tunnel')
  })

  it('behind CONNECT is the tunnel’s data', async () => {
    const { port } = await startGateway({ upstreams: 1 })
    const { reader, status } = await connectVia(port, 'echo.test:7', { earlyBytes: CONNECT })
    expect([status, (await reader.readExactly(CONNECT.length)).toString()]).toEqual([200, CONNECT])
  })

  it('that is refused behind a plain request ends the connection', async () => {
    const { port } = await startGateway({ upstreams: 1 })
    const over = await dial(port)
    expect((await plain(port, 'http://site.test/', { over })).status).toBe(200)
    await send(over.socket, 'CONNECT echo.test HTTP/1.1\r\nHost: echo.test\r\n\r\n')
    expect(refusalOf(await readReply(over))).toEqual({ status: 400, code: 'GW_BAD_REQUEST' })
    expect(await over.reader.readAll()).toHaveLength(0)
  })
})

it('`dial.deadline` covers a request that goes over a kept connection and then over a new one', async () => {
  const clock = new FakeClock()
  const asked = Promise.withResolvers<void>()
  const leave = Promise.withResolvers<void>()
  // The first connection answers one request and closes upon the second; the next connection takes it and is silent.
  const upstream = await new LoopbackServer(async (socket) => {
    const reader = new SocketReader(socket, { timeoutMs: null })
    await reader.readUntil('\r\n\r\n')
    if (upstream.connections > 1) return
    await send(socket, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    await reader.readUntil('\r\n\r\n')
    asked.resolve()
    await leave.promise
    socket.end()
  }).listen()
  const gateway = await startGateway({
    upstreams: 0,
    filled: 1,
    clock,
    provider: { list: [`http://${upstream.authority}`] },
    config: { dial: { timeout: '9s', deadline: '2s' } },
  })
  await gateway.world.serve('kept.test', upstream)
  const over = await dial(gateway.port)
  expect((await plain(gateway.port, 'http://site.test/', { over })).status).toBe(200)
  const second = plain(gateway.port, 'http://site.test/', { over })
  await asked.promise
  clock.advance(1_300)
  leave.resolve()
  await eventually(() => upstream.connections).toBe(2)
  clock.advance(700)
  const reply = await second
  expect(refusalOf(reply)).toEqual({ status: 504, code: 'GW_DEADLINE' })
  expect(reply.body.toString()).toContain('(2 tried)')
})
