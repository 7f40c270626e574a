/** Upstreams given by name, resolved by a name server of the test: where they may lead, and names that hang. */
import { expect, it } from 'vitest'
import { SystemClock } from '../../src/clock.ts'
import { connectVia } from '../support/client.ts'
import { freePort } from '../support/free-port.ts'
import { eventually, type GatewayOptions, refusalOf, startGateway } from '../support/gateway.ts'
import { LoopbackServer } from '../support/loopback-server.ts'
import { guardOver, NameServer, SILENT, type Zone } from '../support/name-server.ts'
import { expectEcho, SocketReader, send } from '../support/socket-io.ts'
import { FakeUpstream } from '../support/upstream.ts'

/** A gateway whose names come from `zone`; the name server ends with it. */
async function startWith(zone: Zone, options: GatewayOptions) {
  const clock = new SystemClock()
  const names = await new NameServer(zone).listen()
  const closing = async () => {
    await names.close()
    clock.close()
  }
  return { names, ...(await startGateway({ ...options, clock, guard: guardOver(names, clock), closing })) }
}

/** A web server that answers each request with this text: a list of addresses. */
async function serveList(text: () => string): Promise<LoopbackServer> {
  return new LoopbackServer(async (socket) => {
    await new SocketReader(socket).readUntil('\r\n\r\n')
    const body = text()
    await send(socket, `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`)
    socket.end()
  }).listen()
}

/** An address that a stranger's list names: it resolves to 127.0.0.1, where a real upstream listens. */
async function startNamed(allowPrivate: boolean) {
  let port = 0
  const list = await serveList(() => `http://user-1:secret-of-upstream-1@sold.example:${port}\n`)
  const gateway = await startWith(
    { 'sold.example': ['127.0.0.2', '::1'] },
    {
      upstreams: 1,
      filled: 1,
      config: { dial: { tries: 1 } },
      providers: ({ upstreams }) => {
        port = upstreams[0]?.port ?? 0
        return [{ name: 'own', vendor: 'static', url: `http://${list.authority}/`, allowPrivate }]
      },
    },
  )
  await gateway.world.serve('list.test', list)
  return gateway
}

it('an upstream whose name leads to loopback is not connected to', async () => {
  const { port, world } = await startNamed(false)
  expect(refusalOf(await connectVia(port, 'echo.test:7'))).toEqual({ status: 502, code: 'GW_UPSTREAM_FORBIDDEN' })
  expect(world.upstreams[0]?.connections).toBe(0)
})

it('unless the provider allows private addresses', async () => {
  const { port } = await startNamed(true)
  await expectEcho(await connectVia(port, 'echo.test:7'), 'by name')
})

it('an upstream that is the gateway itself is not connected to, by name or by address, whatever the provider allows', async () => {
  const own = await freePort()
  const { port, app } = await startWith(
    { 'loop.example': ['127.0.0.1'] },
    {
      upstreams: 0,
      filled: 2,
      config: { listen: [{ port: own }], dial: { tries: 2 }, health: { rest: '1ms', maxRest: '1ms' } },
      provider: { list: [`http://loop.example:${own}`, `http://127.0.0.1:${own}`] },
    },
  )
  for (let n = 0; n < 2; n++)
    expect(refusalOf(await connectVia(port, 'echo.test:7')).code).toBe('GW_UPSTREAM_FORBIDDEN')
  await eventually(() => app.data.connections).toBe(0)
})

it('an upstream at another address of this machine may have the number of the gateway’s port', async () => {
  const own = await freePort()
  const upstream = await new FakeUpstream().listen('127.0.0.2', own)
  const { port, world } = await startGateway({
    upstreams: 0,
    filled: 1,
    config: { listen: [{ port: own }] },
    provider: { list: [upstream.url()] },
    closing: () => upstream.close(),
  })
  upstream.names['echo.test'] = [world.echo.host, world.echo.port]
  await expectEcho(await connectVia(port, 'echo.test:7'), 'beside the gateway')
})

it('24 clients on names that hang do not make a healthy provider fail', async () => {
  const hanging = Array.from({ length: 24 }, (_, n) => `hangs-${n}.example`)
  const zone: Zone = { ...Object.fromEntries(hanging.map((name) => [name, SILENT])), 'good.example': ['127.0.0.2'] }
  const { port, names, log } = await startWith(zone, {
    upstreams: 1,
    filled: 25,
    config: { dial: { timeout: '3s', tries: 1 } },
    providers: ({ upstreams }) => [
      { name: 'bad', vendor: 'static', list: hanging.map((name) => `http://${name}:3128`) },
      {
        name: 'good',
        vendor: 'static',
        list: [`http://user-1:secret-of-upstream-1@good.example:${upstreams[0]?.port}`],
      },
    ],
  })
  const via = (provider: string) => connectVia(port, 'echo.test:7', { headers: [['X-Turnpike-Provider', provider]] })
  const lost = hanging.map(() => via('bad'))
  await eventually(() => names.asked.length).toBeGreaterThanOrEqual(4)
  expect((await via('good')).status).toBe(200)
  // None of them has ended before that: they were waiting all the time.
  expect(log.lines.filter((line) => line.includes('GW_UPSTREAM_UNREACHABLE'))).toEqual([])
  for (const reply of await Promise.all(lost)) expect(refusalOf(reply).code).toBe('GW_UPSTREAM_UNREACHABLE')
  expect((await via('good')).status).toBe(200)
})
