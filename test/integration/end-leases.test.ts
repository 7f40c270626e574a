/** Another host lends an address from now on: whatever holds a lease of it here ends. */
import { expect, it } from 'vitest'
import { connectVia, dial, plain } from '../support/client.ts'
import { eventually, startGateway } from '../support/gateway.ts'
import { expectEcho } from '../support/socket-io.ts'

it('ends tunnels, kept connections of plain HTTP, requests under way and leases of the API', async () => {
  const gateway = await startGateway({ upstreams: 1, config: { admin: { port: 0, token: 'a-token-of-the-operator' } } })
  const { app, port } = gateway
  const [upstream] = app.pool.members()
  if (upstream === undefined) return expect.fail('no upstream')
  await connectVia(port, 'echo.test:7')
  const kept = await dial(port)
  expect((await plain(port, 'http://site.test/', { over: kept })).status).toBe(200)
  const underWay = await dial(port)
  underWay.socket.write('POST http://site.test/echo HTTP/1.1\r\nHost: site.test\r\nContent-Length: 10\r\n\r\nhalf')
  const api = `http://127.0.0.1:${app.admin?.port}`
  const headers = { connection: 'close' }
  const taken = (await (await fetch(`${api}/v1/take`, { headers })).json()) as { addresses: { lease: string }[] }
  await eventually(() => upstream.leases).toBe(4)
  app.data.endLeases(upstream)
  await eventually(() => upstream.leases).toBe(0)
  // Of the three clients, the one that is in no request stays.
  await eventually(() => app.data.connections).toBe(1)
  const given = await fetch(`${api}/v1/leases/${taken.addresses[0]?.lease}/release`, { method: 'POST', headers })
  expect(given.status).toBe(404)
  expect((await plain(port, 'http://site.test/', { over: kept })).status).toBe(200)
})

it('keeps nothing connected to an address that is to move, and leaves what clients use', async () => {
  const { app, port } = await startGateway({ upstreams: 1 })
  const [upstream] = app.pool.members()
  if (upstream === undefined) return expect.fail('no upstream')
  const tunnel = await connectVia(port, 'echo.test:7')
  const kept = await dial(port)
  expect((await plain(port, 'http://site.test/', { over: kept })).status).toBe(200)
  expect(upstream.leases).toBe(2)
  app.data.handedOver(upstream)
  expect(upstream.leases).toBe(1)
  await expectEcho(tunnel, 'still here')
})

it('lends addresses to programs no longer than this host may lend them', async () => {
  const { app } = await startGateway({ config: { admin: { port: 0, token: 'a-token-of-the-operator' } } })
  app.pool.ownership.lendsUntil = app.clock.now() + 60_000
  const url = `http://127.0.0.1:${app.admin?.port}/v1/take`
  const response = await fetch(url, { headers: { connection: 'close' } })
  const { addresses } = (await response.json()) as { addresses: { lease: string; lentUntil: string }[] }
  expect(Date.parse(addresses[0]?.lentUntil ?? '') - app.clock.wall()).toBeLessThanOrEqual(60_000)
  await fetch(`http://127.0.0.1:${app.admin?.port}/v1/leases/${addresses[0]?.lease}/release`, { method: 'POST' })
})
