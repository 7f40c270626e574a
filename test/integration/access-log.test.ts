/** The access log: one line for each connection, with host and port, and never a path. */
import { expect, it } from 'vitest'
import { connectVia, dial, plain, socks5 } from '../support/client.ts'
import { eventually, startGateway } from '../support/gateway.ts'
import { expectEcho, send } from '../support/socket-io.ts'

it('tells who, how, where, through which upstream, how much, and how it ended', async () => {
  const gateway = await startGateway({ upstreams: 1 })
  const { port, world, log } = gateway
  const login = { username: 'crawler-session-a', password: 'x' }
  const tunnel = await connectVia(port, 'echo.test:7', { login })
  await expectEcho(tunnel, 'twelve bytes')
  tunnel.socket.destroy()
  const socks = await socks5(port, 'echo.test:7', { login })
  socks.socket.end()
  await plain(port, 'http://site.test/secret/path?and=query', { login, headers: [['Connection', 'close']] })
  await world.upstreams[0]?.behave({ kind: 'status', status: 403 })
  await connectVia(port, 'refused.test:7', { login })
  await world.upstreams[0]?.behave('silent')
  const gone = await dial(port)
  await send(gone.socket, Buffer.from('\x04\x01\x00\x07\x00\x00\x00\x01crawler\x00gone.test\x00', 'latin1'))
  await eventually(() => gateway.leases()).toBeGreaterThan(0)
  gone.socket.destroy()
  const lines = () => log.records().filter(({ mod, target }) => mod === 'traffic' && target !== undefined)
  const ended = () => lines().filter(({ end }) => end !== undefined)
  await eventually(() => ended().length).toBe(5)
  const upstream = world.upstreams[0] && gateway.record(world.upstreams[0]).id
  const served = { client: '127.0.0.1', account: 'crawler', upstream, provider: 'own' }
  expect(ended()).toEqual([
    expect.objectContaining({ ...served, protocol: 'connect', target: 'echo.test:7', end: expect.any(String) }),
    expect.objectContaining({ ...served, protocol: 'socks5', target: 'echo.test:7', end: 'done' }),
    expect.objectContaining({ ...served, protocol: 'http', target: 'site.test:80', status: 404, end: 'done' }),
    expect.objectContaining({
      client: '127.0.0.1',
      account: 'crawler',
      target: 'refused.test:7',
      status: 502,
      code: 'GW_UPSTREAM_REFUSED',
      end: 'GW_UPSTREAM_REFUSED',
    }),
    expect.objectContaining({
      client: '127.0.0.1',
      account: 'crawler',
      protocol: 'socks4',
      target: 'gone.test:7',
      end: 'client-gone',
    }),
  ])
  expect(ended()[0]).toMatchObject({ upBytes: expect.any(Number), downBytes: expect.any(Number) })
  for (const { durationMs } of ended()) expect(durationMs).toSatisfy(Number.isSafeInteger)
  expect(log.text).not.toMatch(/secret|query/)
})

it('tells of each request on a kept connection, and counts every octet of it once', async () => {
  const gateway = await startGateway({ upstreams: 1 })
  const over = await dial(gateway.port)
  for (const method of ['GET', 'GET', 'POST', 'GET'])
    await plain(gateway.port, 'http://site.test/echo', { method, over })
  const { traffic } = gateway.app
  await eventually(() => traffic.endedCounts.done).toBe(4)
  expect([traffic.requests.http, traffic.openedCount]).toEqual([4, 4])
  expect([traffic.upBytes, traffic.downBytes]).toEqual([over.socket.bytesWritten, over.socket.bytesRead])
  const upstream = gateway.world.upstreams[0] && gateway.record(gateway.world.upstreams[0]).id
  const lines = gateway.log.records().filter(({ mod, end }) => mod === 'traffic' && end !== undefined)
  expect(lines.map((line) => line['upstream'])).toEqual([upstream, upstream, upstream, upstream])
})

it('tells an answer that was cut off from a client that left before there was one', async () => {
  const { app, port, world } = await startGateway({ upstreams: 1 })
  const { traffic } = app
  for (const [n, method] of ['GET', 'POST'].entries()) {
    expect((await plain(port, 'http://site.test/close-early', { method })).complete).toBe(false)
    await eventually(() => traffic.endedCounts['upstream-reset']).toBe(n + 1)
    const { socket, reader } = await dial(port)
    await send(socket, `${method} http://site.test/bytes/9000000 HTTP/1.1\r\nHost: site.test\r\n\r\n`)
    await reader.readUntil('\r\n\r\n')
    socket.destroy()
    await eventually(() => traffic.endedCounts['client-reset']).toBe(n + 1)
  }
  expect(world.site.requests).toHaveLength(4)
  expect([traffic.requests.http, traffic.openedCount, traffic.clientsGone]).toEqual([4, 4, 0])
})

it('says at info why SOCKS was refused, which carries one octet, and of HTTP nothing', async () => {
  const { port, log } = await startGateway({ upstreams: 1, config: { log: { level: 'info' } } })
  const login = (username: string) => ({ login: { username, password: 'x' } })
  await socks5(port, 'echo.test:7', login('a-country-jp'))
  await socks5(port, 'echo.test:7', login('a-strict-perhaps'))
  await connectVia(port, 'echo.test:7', login('a-country-jp'))
  const refused = () => log.records().filter(({ msg }) => msg === 'SOCKS refused')
  await eventually(() => refused().length).toBe(2)
  expect(refused()).toEqual([
    expect.objectContaining({ protocol: 'socks5', code: 'GW_NO_MATCH', reason: expect.stringContaining('country') }),
    expect.objectContaining({ protocol: 'socks5', code: 'GW_BAD_OPTION', reason: expect.stringContaining('strict') }),
  ])
})

it('tells of requests that are refused before they are served, in the log and among the connections', async () => {
  const { app, port, log } = await startGateway({
    upstreams: 1,
    config: {
      listen: [{ port: 0, users: [{ name: 'crawler', password: 'x', limits: { newPerSecond: 3 } }] }],
      routes: [{ host: 'ads.test', to: 'block' }],
    },
  })
  const login = { username: 'crawler-session-a', password: 'x' }
  await connectVia(port, 'ads.test:443', { login })
  await plain(port, 'http://ads.test/path', { login })
  await socks5(port, 'ads.test:443', { login })
  await connectVia(port, 'echo.test:7', { login })
  await connectVia(port, 'echo.test:7', { login: { ...login, password: 'wrong' } })
  const known = { client: '127.0.0.1', account: 'crawler' }
  const blocked = { ...known, code: 'GW_TARGET_BLOCKED', end: 'GW_TARGET_BLOCKED' }
  const lines = log.records().filter(({ msg }) => msg === 'connection')
  expect(lines).toMatchObject([
    { ...blocked, protocol: 'connect', target: 'ads.test:443' },
    { ...blocked, protocol: 'http', target: 'ads.test:80' },
    { ...blocked, protocol: 'socks5', target: 'ads.test:443' },
    { ...known, protocol: 'connect', target: 'echo.test:7', code: 'GW_USER_LIMIT' },
    { client: '127.0.0.1', code: 'GW_LOGIN_REQUIRED' },
  ])
  const recorded = [...app.traffic.connections.closed()].toReversed()
  expect(recorded).toMatchObject(
    ['GW_TARGET_BLOCKED', 'GW_TARGET_BLOCKED', 'GW_TARGET_BLOCKED', 'GW_USER_LIMIT'].map((code) => ({
      ...{ code, end: 'refused', account: 'crawler', sessionName: 'a' },
    })),
  )
  expect([...app.traffic.errors]).toEqual([
    ['GW_TARGET_BLOCKED', 3],
    ['GW_USER_LIMIT', 1],
    ['GW_LOGIN_REQUIRED', 1],
  ])
})
