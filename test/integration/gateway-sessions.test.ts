/** Worked examples of `gateway` against simulations of their vendors: each session is an upstream of its own, with its life. */
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { environment, exampleOf, gateways, names } from '../fixtures/vendors/gateway.ts'
import { connectVia } from '../support/client.ts'
import { eventually, startGateway } from '../support/gateway.ts'
import { expectEcho } from '../support/socket-io.ts'
import { echoServer } from '../support/tcp.ts'
import { SessionGateway, type SessionGrammar } from '../support/vendors/session-gateway.ts'

async function start(name: string, more: object = {}, pool: object = {}) {
  const target = await echoServer().listen()
  const grammar = gateways[name] as SessionGrammar
  const vendor = await new SessionGateway(grammar, () => performance.now(), target).listen()
  const { providers } = parse(exampleOf(name)) as { providers: readonly object[] }
  const gateway = await startGateway({
    upstreams: 1,
    login: false,
    environment,
    config: { pool: { floor: 4, ceiling: 8, ...pool }, rotation: { strategy: 'round-robin' } },
    providers: () =>
      providers.map((one) => ({ ...one, host: '127.0.0.1', port: vendor.port, allowPrivate: true, ...more })),
    secrets: ['INVENTED-password'],
    closing: async () => {
      await vendor.close()
      await target.close()
      expect(vendor.refused).toEqual([])
    },
  })
  return { vendor, ...gateway }
}

describe.each(names)('%s', (name) => {
  it('connections go out by sessions that differ, each with its exit', async () => {
    const { vendor, port } = await start(name, {}, { perUpstream: { connections: 1 } })
    const clients = await Promise.all([1, 2, 3, 4].map(() => connectVia(port, 'echo.test:7')))
    for (const client of clients) await expectEcho(client, 'through a session of its own')
    expect(new Set(vendor.uses.map(({ session }) => session)).size).toBe(4)
    expect(new Set(vendor.uses.map(({ exit }) => exit)).size).toBe(4)
  })
})

it('a session is replaced when its life ends, and never used after', async () => {
  const { vendor, port, app } = await start('brightdata', { life: '1s' }, { ceiling: 4 })
  await expectEcho(await connectVia(port, 'echo.test:7'), 'first')
  const before = new Set([...app.pool.members()].map(({ facts: { id } }) => id))
  await eventually(() => [...app.pool.members()].some(({ facts: { id } }) => before.has(id))).toBe(false)
  await expectEcho(await connectVia(port, 'echo.test:7'), 'second')
  expect(new Set(vendor.uses.map(({ session }) => session)).size).toBe(vendor.uses.length)
})

it('a rotating gateway: a connection that one exit refuses goes out by the next', async () => {
  const { vendor, port } = await start('abuyun')
  vendor.dead.add(1).add(3).add(5)
  for (const word of ['first', 'second', 'third']) await expectEcho(await connectVia(port, 'echo.test:7'), word)
  expect(vendor.uses.map(({ exit }) => exit)).toEqual([1, 2, 3, 4, 5, 6])
})
