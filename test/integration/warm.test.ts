/** Connections opened ahead of need (`dial.warm`): used, replaced, and nobody's fault when the upstream has closed them. */
import type { Socket } from 'node:net'
import { expect, it } from 'vitest'
import { connectVia } from '../support/client.ts'
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
const closesWhenAsked: Manner = async (socket, reader) => {
  await reader.readUntil('\r\n\r\n')
  socket.end()
}
const saysYesUnasked: Manner = async (socket) => send(socket, yes)

/** An upstream that treats its connections, in the order of their arrival, in these manners; the last one goes on. */
async function startWith(...manners: Manner[]): Promise<{ gateway: Gateway; upstream: LoopbackServer }> {
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
    config: { dial: { warm: 2, tries: 1, deadline: '3s' } },
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

it('one that the upstream closes as it is used is nobody’s fault: a new one is made', async () => {
  const { gateway, upstream } = await startWith(opens, closesWhenAsked, closesWhenAsked, opens)
  await connectVia(gateway.port, 'echo.test:7')
  await eventually(() => upstream.connections).toBe(3)
  await expectEcho(await connectVia(gateway.port, 'echo.test:7'), 'over a new one')
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
