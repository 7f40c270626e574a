/** Worked examples of `gateway` against simulations of their vendors: each session is an upstream of its own, with its life. */
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { environment, exampleOf, gateways, names } from '../fixtures/vendors/gateway.ts'
import { connectVia, plain } from '../support/client.ts'
import { eventually, startGateway } from '../support/gateway.ts'
import { type Header, headerValues } from '../support/http-wire.ts'
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
    secrets: ['INVENTED-password', 'INVENTED-secret'],
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

describe('header fields of an entry', () => {
  async function startWithFields(keys: object, clients: readonly string[]) {
    const gateway = await startGateway({
      upstreams: 1,
      login: false,
      config: { pool: { floor: 4, ceiling: 8, perUpstream: { uses: 1 } } },
      providers: ({ upstreams: [host] }) => [
        { name: 'g', vendor: 'gateway', host: host?.host, port: host?.port, allowPrivate: true, life: '1m', ...keys },
      ],
      secrets: ['INVENTED-secret'],
    })
    for (const username of clients) {
      const options = { login: { username, password: 'p' } }
      ;(await connectVia(gateway.port, 'echo.test:7', options)).socket.destroy()
      await eventually(gateway.leases).toBe(0)
      ;(await plain(gateway.port, 'http://site.test/', options)).socket.destroy()
      await eventually(gateway.leases).toBe(0)
    }
    return gateway.world.upstreams[0]?.requests ?? []
  }
  const valuesOf = (seen: readonly { readonly headers: readonly Header[] }[], name: string) =>
    seen.map(({ headers }) => headerValues(headers, name).join(' and '))

  it('a session of a client keeps its value, in CONNECT and in plain requests, and another one has another', async () => {
    const keys = { headers: { 'Proxy-Tunnel': '{session}', 'X-Place': '{city}' }, places: [{ city: '杭州' }] }
    const seen = await startWithFields(keys, ['u-session-a', 'u-session-b', 'u-session-a'])
    expect(seen.map(({ method }) => method)).toEqual(['CONNECT', 'GET', 'CONNECT', 'GET', 'CONNECT', 'GET'])
    const [a, , b] = valuesOf(seen, 'proxy-tunnel')
    expect(a).toMatch(/^[0-9a-z]{8}$/)
    expect(a).not.toBe(b)
    expect(valuesOf(seen, 'proxy-tunnel')).toEqual([a, a, b, b, a, a])
    expect(new Set(valuesOf(seen, 'x-place'))).toEqual(new Set([Buffer.from('杭州').toString('latin1')]))
    expect(new Set(valuesOf(seen, 'proxy-authorization'))).toEqual(new Set(['']))
  })

  it('a signature is made anew for each request', async () => {
    const keys = {
      credentials: { secret: 'INVENTED-secret' },
      sign: { of: '{secret}{uuid}', hash: 'md5', case: 'upper' },
      headers: { 'X-Proxy-Login': 'sign={sign}&nonce={uuid}' },
      rotates: true,
    }
    const seen = valuesOf(await startWithFields(keys, ['u', 'u']), 'x-proxy-login')
    expect(new Set(seen).size).toBe(4)
    for (const value of seen) {
      const { sign, nonce } = Object.fromEntries(new URLSearchParams(value))
      expect(sign).toBe(createHash('md5').update(`INVENTED-secret${nonce}`).digest('hex').toUpperCase())
    }
  })
})
