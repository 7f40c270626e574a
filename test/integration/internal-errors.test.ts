/** A bug in the gateway, put in by each test: it ends the connection that met it, and neither another one nor the process. */
import { describe, expect, it, vi } from 'vitest'
import type { App } from '../../src/app/app.ts'
import { internalErrors } from '../../src/internal-errors.ts'
import { Dispatcher } from '../../src/proxy/dispatcher.ts'
import { closeClients, connectVia, dial, plain, readReply, socks4a, socks5 } from '../support/client.ts'
import { eventually, type Gateway, refusalOf, startGateway } from '../support/gateway.ts'
import { expectEcho, send } from '../support/socket-io.ts'
import { openWebSocket } from '../support/websocket.ts'

const bug = () => {
  throw new TypeError('a bug of this test')
}

/** @param spoil puts the bug in, for one call */
async function withBug(gateway: Gateway, spoil: (app: App) => unknown, run: () => Promise<void>): Promise<void> {
  const held = await connectVia(gateway.port, 'echo.test:7')
  await expectEcho(held, 'before')
  const before = internalErrors.count
  spoil(gateway.app)
  await run()
  await eventually(() => internalErrors.count - before).toBe(1)
  await expectEcho(held, 'undisturbed')
  await expectEcho(await connectVia(gateway.port, 'echo.test:7'), 'as ever')
  expect((await plain(gateway.port, 'http://site.test/')).status).toBe(200)
  const lines = gateway.log.records().filter(({ stack }) => String(stack).includes('a bug of this test'))
  expect(lines).toMatchObject([{ level: 50, times: expect.any(Number), msg: expect.stringMatching(/internal error/) }])
  expect(lines[0]?.['stack']).toMatch(/\n {4}at /)
  await closeClients()
  await eventually(() => [gateway.leases(), gateway.app.data.tunnels]).toEqual([0, 0])
  expect(gateway.app.data.isBusy).toBe(false)
}

const FAILED = { status: 500, code: 'GW_INTERNAL' }
/** Where in the life of a request the bug is, before the client has received anything. */
const PLACES: Record<string, (app: App) => unknown> = {
  'as the request begins': ({ traffic }) => vi.spyOn(traffic, 'began').mockImplementationOnce(bug),
  'in the lease': ({ pool }) => vi.spyOn(pool, 'lease').mockImplementationOnce(bug),
  'as the way opens': ({ traffic }) => vi.spyOn(traffic, 'opened').mockImplementationOnce(bug),
}

/** What the client hears, on each way in. */
const WAYS: Record<string, (port: number) => Promise<void>> = {
  CONNECT: async (port) => expect(refusalOf(await connectVia(port, 'echo.test:7'))).toEqual(FAILED),
  SOCKS5: async (port) => expect((await socks5(port, 'echo.test:7')).rep).toBe(0x01),
  SOCKS4a: async (port) => expect((await socks4a(port, 'echo.test:7')).code).toBe(0x5b),
  GET: async (port) => expect(refusalOf(await plain(port, 'http://site.test/'))).toEqual(FAILED),
  POST: async (port) => {
    const reply = await plain(port, 'http://site.test/', { method: 'POST', body: 'x' })
    expect(refusalOf(reply)).toEqual(FAILED)
  },
  upgrade: async (port) => {
    const { reader } = await dial(port)
    await expect(openWebSocket(reader, 'http://site.test/ws', 'site.test')).rejects.toThrow('answered with 500')
  },
}

describe.each(['http', 'https', 'socks5'] as const)('through %s upstreams', (scheme) => {
  const cases = Object.keys(PLACES).flatMap((place) => Object.keys(WAYS).map((way) => [place, way] as const))
  it.each(cases)('a bug %s is 500 GW_INTERNAL for a client of %s', async (place, way) => {
    const gateway = await startGateway({ scheme, upstreams: 2 })
    await withBug(gateway, PLACES[place] ?? bug, () => WAYS[way]?.(gateway.port) ?? bug())
  })
})

it('a bug on the way to the second upstream: the first has failed', async () => {
  const gateway = await startGateway({ upstreams: 2 })
  gateway.world.upstreams[0]?.behave('close-at-once')
  gateway.world.upstreams[1]?.behave('close-at-once')
  const before = internalErrors.count
  vi.spyOn(gateway.app.traffic, 'tryFailed').mockImplementationOnce(bug)
  expect(refusalOf(await connectVia(gateway.port, 'echo.test:7'))).toEqual(FAILED)
  expect(internalErrors.count - before).toBe(1)
  expect([gateway.leases(), gateway.app.data.isBusy]).toEqual([0, false])
})

it('a bug as a tunnel ends', async () => {
  const gateway = await startGateway({ upstreams: 1 })
  await withBug(
    gateway,
    () => {},
    async () => {
      const tunnel = await connectVia(gateway.port, 'echo.test:7')
      await expectEcho(tunnel, 'works')
      vi.spyOn(gateway.app.traffic, 'ended').mockImplementationOnce(bug)
      tunnel.socket.end()
      await tunnel.reader.readToClose()
    },
  )
})

it.each<[way: string, headers: [string, string][]]>([
  ['the usual kind', []],
  ['another kind', [['X-Turnpike-Strategy', 'random']]],
])('a bug as the answer to a request of %s ends', async (_, headers) => {
  const gateway = await startGateway({ upstreams: 1 })
  const spoil = ({ traffic }: App) => vi.spyOn(traffic, 'ended').mockImplementationOnce(bug)
  await withBug(gateway, spoil, async () => {
    expect((await plain(gateway.port, 'http://site.test/bytes/10', { headers })).body).toHaveLength(10)
  })
})

it('a bug in a timer: a client that waits in vain hears of it, and the others of their own time', async () => {
  const gateway = await startGateway({
    upstreams: 1,
    config: { pool: { perUpstream: { connections: 1 } }, wait: { timeout: '300ms' } },
  })
  const held = await connectVia(gateway.port, 'echo.test:7')
  const before = internalErrors.count
  vi.spyOn(gateway.app.traffic, 'refused').mockImplementationOnce(bug)
  const replies = await Promise.all([0, 1, 2].map(() => connectVia(gateway.port, 'echo.test:7')))
  expect(replies.map((reply) => refusalOf(reply).code)).toEqual(['GW_POOL_EMPTY', 'GW_POOL_EMPTY', 'GW_POOL_EMPTY'])
  expect(internalErrors.count - before).toBe(1)
  await expectEcho(held, 'undisturbed')
  expect(gateway.app.data.leaseQueue.waitingCount).toBe(0)
})

it('a bug while one waiting client is served does not keep the next one waiting', async () => {
  const gateway = await startGateway({
    upstreams: 1,
    config: { pool: { perUpstream: { connections: 1 } }, wait: { timeout: '10s' } },
  })
  const held = await connectVia(gateway.port, 'echo.test:7')
  const before = internalErrors.count
  const first = connectVia(gateway.port, 'echo.test:7')
  await eventually(() => gateway.app.data.leaseQueue.waitingCount).toBe(1)
  const second = connectVia(gateway.port, 'echo.test:7')
  await eventually(() => gateway.app.data.leaseQueue.waitingCount).toBe(2)
  vi.spyOn(gateway.app.pool, 'lease').mockImplementationOnce(bug)
  held.socket.destroy()
  expect(refusalOf(await first)).toEqual(FAILED)
  await expectEcho(await second, 'served')
  expect(internalErrors.count - before).toBe(1)
})

it('a bug in a handler of the client’s own socket', async () => {
  const gateway = await startGateway({ upstreams: 1 })
  await withBug(
    gateway,
    () => vi.spyOn(Dispatcher.prototype, 'tunnel').mockImplementationOnce(bug),
    async () => expect(refusalOf(await connectVia(gateway.port, 'echo.test:7'))).toEqual(FAILED),
  )
})

it('a bug behind an answer that is read slowly, with the next request waiting', async () => {
  const gateway = await startGateway({ upstreams: 1 })
  const over = await dial(gateway.port)
  const get = (path: string) => `GET http://site.test${path} HTTP/1.1\r\nHost: site.test\r\n\r\n`
  // More than the system takes of a client that does not read.
  over.socket.pause()
  await send(over.socket, get('/bytes/30000000') + get('/bytes/10'))
  await eventually(() => gateway.app.traffic.openedCount).toBe(1)
  const before = internalErrors.count
  vi.spyOn(gateway.app.traffic, 'began').mockImplementationOnce(bug)
  over.socket.resume()
  expect((await readReply(over)).body).toHaveLength(30_000_000)
  expect(refusalOf(await readReply(over))).toEqual(FAILED)
  expect(internalErrors.count - before).toBe(1)
})

it('a second bug while the first one is dealt with still ends the connection', async () => {
  const gateway = await startGateway({ upstreams: 1 })
  const before = internalErrors.count
  vi.spyOn(gateway.app.traffic, 'began').mockImplementationOnce(bug)
  vi.spyOn(gateway.app.traffic, 'refused').mockImplementationOnce(bug)
  expect(refusalOf(await connectVia(gateway.port, 'echo.test:7'))).toEqual(FAILED)
  expect(internalErrors.count - before).toBe(2)
  expect([gateway.leases(), gateway.app.data.isBusy]).toEqual([0, false])
})
