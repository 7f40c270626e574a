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
    expect.objectContaining({ ...served, protocol: 'http', target: 'site.test:80', end: 'done' }),
    expect.objectContaining({
      client: '127.0.0.1',
      account: 'crawler',
      target: 'refused.test:7',
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
  expect(log.text).not.toMatch(/secret|query/)
})
