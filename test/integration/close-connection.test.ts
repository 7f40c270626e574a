/** An operator closes a client's connection through the admin API: nothing is blamed, and nothing stays behind. */
import { expect, it } from 'vitest'
import { connectVia, plain } from '../support/client.ts'
import { eventually, type Gateway, startGateway } from '../support/gateway.ts'
import { expectEcho } from '../support/socket-io.ts'

const TOKEN = 'a-token-of-the-operator'
const config = { admin: { port: 0, token: TOKEN } }
const headers = { connection: 'close', authorization: `Bearer ${TOKEN}` }

async function order({ app }: Gateway, id: number | string): Promise<object> {
  const url = `http://127.0.0.1:${app.admin?.port}/v1/connections/${id}/close`
  return (await fetch(url, { headers, method: 'POST' })).json() as Promise<object>
}

/** Closes the only connection that is open, or waits. */
async function close(gateway: Gateway, isOpen: boolean): Promise<void> {
  const { connections } = gateway.app.traffic
  const chosen = () => connections.open.filter(({ trace }) => trace.openedAt > 0 === isOpen)
  await eventually(() => chosen().length).toBe(1)
  const id = chosen()[0]?.trace.id ?? 0
  expect(await order(gateway, id)).toEqual({ id })
  await eventually(() => [...connections.closed()][0]).toMatchObject({ id, end: 'closed', code: undefined })
}

const blame = (gateway: Gateway) =>
  [...gateway.app.pool.members()].map(({ consecutiveFailures }) => consecutiveFailures)

it('a tunnel: both sides end, and the lease goes back', async () => {
  const gateway = await startGateway({ upstreams: 1, config })
  const client = await connectVia(gateway.port, 'echo.test:7')
  await expectEcho(client, 'before')
  await close(gateway, true)
  await eventually(() => client.socket.destroyed || client.socket.readableEnded).toBe(true)
  await eventually(() => gateway.leases()).toBe(0)
  expect([blame(gateway), gateway.app.traffic.endedCounts.closed]).toEqual([[0], 1])
})

it('a plain answer that is being passed on: the client sees that it is cut off', async () => {
  const gateway = await startGateway({ upstreams: 1, config })
  const answer = plain(gateway.port, 'http://site.test/slow?pieces=100&gap=500')
  await close(gateway, true)
  expect(await answer).toMatchObject({ status: 200, complete: false })
  await eventually(() => gateway.leases()).toBe(0)
  expect(blame(gateway)).toEqual([0])
})

it('a client that waits, and one whose upstream is being dialled', async () => {
  const gateway = await startGateway({ upstreams: 1, config: { ...config, pool: { perUpstream: { connections: 1 } } } })
  await gateway.world.upstreams[0]?.behave('silent')
  const dialled = connectVia(gateway.port, 'echo.test:7').catch((error: Error) => error)
  await eventually(() => gateway.leases()).toBe(1)
  await close(gateway, false)
  expect(await dialled).toBeInstanceOf(Error)
  await eventually(() => gateway.leases()).toBe(0)

  await gateway.world.upstreams[0]?.behave('ok')
  await connectVia(gateway.port, 'echo.test:7')
  const waiting = connectVia(gateway.port, 'echo.test:7').catch((error: Error) => error)
  await close(gateway, false)
  expect(await waiting).toBeInstanceOf(Error)
  expect(blame(gateway)).toEqual([0])
})

it('says when there is no such connection', async () => {
  const gateway = await startGateway({ config })
  for (const id of ['7', 'x']) expect(await order(gateway, id)).toMatchObject({ code: 'ADMIN_UNKNOWN_CONNECTION' })
})
