/** Connections opened ahead of need (`dial.warm`): used, replaced, and nobody's fault when the upstream has closed them. */
import type { Socket } from 'node:net'
import { expect, it } from 'vitest'
import { connectVia, plain } from '../support/client.ts'
import { eventually, type Gateway, refusalOf, startGateway } from '../support/gateway.ts'
import { LoopbackServer } from '../support/loopback-server.ts'
import { ConnectionLost, expectEcho, SocketReader, send } from '../support/socket-io.ts'

type Manner = (socket: Socket, reader: SocketReader) => Promise<void>

const yes = 'HTTP/1.1 200 OK\r\n\r\n'

const opens: Manner = async (socket, reader) => {
  await reader.readUntil('\r\n\r\n')
  await send(socket, yes)
  for (let octets = await reader.read(); octets !== null; octets = await reader.read()) await send(socket, octets)
  socket.end()
}
/** A site without pages behind the tunnel. */
const opensToSite: Manner = async (socket, reader) => {
  await reader.readUntil('\r\n\r\n')
  await send(socket, yes)
  await reader.readUntil('\r\n\r\n')
  await send(socket, 'HTTP/1.1 204 No Content\r\n\r\n')
}
const closesWhenAsked: Manner = async (socket, reader) => {
  await reader.readUntil('\r\n\r\n')
  socket.end()
}
const saysYesUnasked: Manner = async (socket) => send(socket, yes)

/** An upstream that treats its connections, in the order of their arrival, in these manners; the last one goes on. */
function startWith(...manners: Manner[]): ReturnType<typeof startLimited> {
  return startLimited({}, ...manners)
}

/** The same, with limits for the upstream. */
async function startLimited(
  perUpstream: object,
  ...manners: Manner[]
): Promise<{ gateway: Gateway; upstream: LoopbackServer }> {
  const upstream = await new LoopbackServer(async (socket) => {
    const manner = manners[Math.min(upstream.connections, manners.length) - 1] ?? opens
    const reader = new SocketReader(socket, { timeoutMs: null })
    await manner(socket, reader).catch((error: unknown) => {
      if (!(error instanceof ConnectionLost)) throw error
    })
  }).listen()
  const gateway = await startGateway({
    upstreams: 0,
    filled: 1,
    provider: { list: [`http://${upstream.authority}`] },
    config: { dial: { warm: 2, tries: 1, deadline: '3s' }, pool: { perUpstream } },
  })
  await gateway.world.serve('warm.test', upstream)
  return { gateway, upstream }
}

const blames = ({ app }: Gateway) => [...app.pool.members()].map(({ consecutiveFailures }) => consecutiveFailures)

it('each tunnel goes over one and orders the next', async () => {
  const { gateway, upstream } = await startWith(opens)
  for (let n = 1; n <= 3; n++) {
    await expectEcho(await connectVia(gateway.port, 'echo.test:7'), `tunnel ${n}`)
    await eventually(() => upstream.connections).toBe(n + 2)
  }
  expect(blames(gateway)).toEqual([0])
})

it.each([
  [{ connections: 2 }, [2, 2]],
  [{ uses: 2 }, [2, 2]],
  [{ uses: 1 }, [1]],
])('they count in the limits of an address: %o', async (perUpstream, connections) => {
  const { gateway, upstream } = await startLimited(perUpstream, opens)
  for (const [n, count] of connections.entries()) {
    await expectEcho(await connectVia(gateway.port, 'echo.test:7'), `tunnel ${n}`)
    expect(upstream.connections).toBe(count)
  }
})

it('one that the upstream closes as it is used is nobody’s fault: a new one is made', async () => {
  const { gateway, upstream } = await startWith(opens, closesWhenAsked, closesWhenAsked, opens)
  await connectVia(gateway.port, 'echo.test:7')
  await eventually(() => upstream.connections).toBe(3)
  await expectEcho(await connectVia(gateway.port, 'echo.test:7'), 'over a new one')
  expect([blames(gateway), gateway.app.traffic.triesFailed.unanswered]).toEqual([[0], 0])
})

it('the same goes for a plain request that needs a tunnel', async () => {
  const { gateway, upstream } = await startWith(opensToSite, closesWhenAsked, closesWhenAsked, opensToSite)
  const trace = () => plain(gateway.port, 'http://site.test/', { method: 'TRACE' })
  expect((await trace()).status).toBe(204)
  await eventually(() => upstream.connections).toBe(3)
  expect((await trace()).status).toBe(204)
  expect([blames(gateway), gateway.app.traffic.triesFailed.unanswered]).toEqual([[0], 0])
})

it('an upstream that closes each of them is found out by the first new one', async () => {
  const { gateway, upstream } = await startWith(opens, closesWhenAsked)
  await connectVia(gateway.port, 'echo.test:7')
  await eventually(() => upstream.connections).toBe(3)
  const reply = await connectVia(gateway.port, 'echo.test:7')
  expect(refusalOf(reply)).toEqual({ status: 502, code: 'GW_UPSTREAM_CLOSED' })
  // It was asked for the target: the target may be the cause.
  expect([blames(gateway), gateway.app.traffic.triesFailed.unanswered]).toEqual([[0], 1])
  // The three above, what the use of one ordered, the new one, and what that ordered.
  expect(upstream.connections).toBeLessThanOrEqual(7)
})

it('one that says yes before it was asked is not used', async () => {
  const { gateway, upstream } = await startWith(opens, saysYesUnasked, saysYesUnasked, opens)
  await connectVia(gateway.port, 'echo.test:7')
  await eventually(() => upstream.connections).toBe(3)
  await expectEcho(await connectVia(gateway.port, 'echo.test:7'), 'over another one')
})

/** SOCKS5 with a login, as far as the answer to it; then an echo behind the request. Counts how far its connections are. */
async function startSocks(early = '') {
  const seen = { loggedIn: 0, requests: 0 }
  const upstream = await new LoopbackServer(async (socket) => {
    const reader = new SocketReader(socket, { timeoutMs: null })
    try {
      await reader.readExactly(4)
      await send(socket, Buffer.from([5, 2]))
      await reader.readExactly(11)
      await send(socket, Buffer.concat([Buffer.from([1, 0]), Buffer.from(early, 'hex')]))
      seen.loggedIn++
      await reader.readExactly(5 + 'echo.test'.length + 2)
      seen.requests++
      await send(socket, Buffer.from('05000001000000000000', 'hex'))
      for (let octets = await reader.read(); octets !== null; octets = await reader.read()) await send(socket, octets)
      socket.end()
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error
      socket.destroy()
    }
  }).listen()
  const gateway = await startGateway({
    upstreams: 0,
    filled: 1,
    provider: { list: [`socks5://user:pass@${upstream.authority}`] },
    config: { dial: { warm: 1, tries: 1, deadline: '3s' } },
  })
  await gateway.world.serve('warm.test', upstream)
  return { gateway, upstream, seen }
}

it('SOCKS5 upstreams are kept logged in: the next client waits for its request alone', async () => {
  const { gateway, upstream, seen } = await startSocks()
  for (let n = 1; n <= 3; n++) {
    await expectEcho(await connectVia(gateway.port, 'echo.test:7'), `tunnel ${n}`)
    await eventually(() => seen.loggedIn).toBe(n + 1)
    expect([upstream.connections, seen.requests]).toEqual([n + 1, n])
  }
})

it('a SOCKS5 upstream that replies before it was asked is not used in that state', async () => {
  const { gateway, upstream, seen } = await startSocks('05000001000000000000')
  // The first is asked at once, so nothing can be told; the one that was opened ahead is dropped.
  await connectVia(gateway.port, 'echo.test:7')
  await eventually(() => seen.loggedIn).toBe(2)
  await eventually(() => upstream.openSockets).toBe(1)
})

it('HTTPS upstreams are kept with TLS done', async () => {
  const gateway = await startGateway({
    scheme: 'https',
    upstreams: 1,
    config: { dial: { warm: 1, tries: 1 } },
  })
  const [upstream] = gateway.world.upstreams
  await expectEcho(await connectVia(gateway.port, 'echo.test:7'), 'the first')
  await eventually(() => upstream?.connections).toBe(2)
  await expectEcho(await connectVia(gateway.port, 'echo.test:7'), 'over the one that stood')
  await eventually(() => upstream?.connections).toBe(3)
})
