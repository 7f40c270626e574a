/** No upstream to be had: clients wait in the order in which they came, and hear in time when nothing comes. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { closeClients, connectVia, plain, socks4a, socks5 } from '../support/client.ts'
import { eventually, type Gateway, type GatewayOptions, refusalOf, startGateway } from '../support/gateway.ts'
import { header } from '../support/http-wire.ts'
import { expectEcho } from '../support/socket-io.ts'

const FILE = 'list.txt'

/** A provider whose list is empty until `arrive` writes addresses into it. */
async function withoutStock(config: GatewayOptions['config'] = {}): Promise<Gateway & { arrive(count: number): void }> {
  const gateway = await startGateway({
    upstreams: 3,
    providers: () => [{ name: 'file', vendor: 'static', file: FILE }],
    files: { [FILE]: '' },
    config,
  })
  const arrive = (count: number) => {
    writeFileSync(join(gateway.folder, FILE), gateway.world.lines().slice(0, count).join('\n'))
  }
  return { ...gateway, arrive }
}

const waiting = ({ app }: Gateway) => eventually(() => app.data.leaseQueue.waitingCount)

describe('an empty pool', () => {
  it('lets clients of every kind wait, and serves them as soon as an address comes', async () => {
    const gateway = await withoutStock({ wait: { timeout: '10s' } })
    const { port } = gateway
    const clients = Promise.all([
      connectVia(port, 'echo.test:7', { earlyBytes: 'patience' }),
      socks5(port, 'echo.test:7'),
      socks4a(port, 'echo.test:7'),
      plain(port, 'http://site.test/'),
    ])
    await waiting(gateway).toBe(4)
    gateway.arrive(1)
    const [connected, five, four, page] = await clients
    expect([connected.status, five.rep, four.code, page.status]).toEqual([200, 0, 0x5a, 200])
    expect((await connected.reader.readExactly(8)).toString()).toBe('patience')
    await expectEcho(five, 'served')
  })

  it('is 503 with Retry-After when nothing comes in time', async () => {
    const { port, app } = await withoutStock({ wait: { timeout: '1200ms' } })
    const [connected, five, four, page] = await Promise.all([
      connectVia(port, 'echo.test:7'),
      socks5(port, 'echo.test:7'),
      socks4a(port, 'echo.test:7'),
      plain(port, 'http://site.test/'),
    ])
    expect(refusalOf(connected)).toEqual({ status: 503, code: 'GW_POOL_EMPTY', retryAfter: 2 })
    expect([five.rep, four.code]).toEqual([1, 0x5b])
    expect(refusalOf(page)).toEqual({ status: 503, code: 'GW_POOL_EMPTY', retryAfter: 2 })
    expect(header(page.headers, 'connection')).toBe('close')
    expect(app.data.leaseQueue.waitingCount).toBe(0)
  })

  it('turns away more clients than may wait, at once', async () => {
    const gateway = await withoutStock({ wait: { timeout: '10s', queue: 2 } })
    const first = [connectVia(gateway.port, 'echo.test:7'), connectVia(gateway.port, 'echo.test:7')]
    await waiting(gateway).toBe(2)
    const third = await connectVia(gateway.port, 'echo.test:7')
    expect(refusalOf(third)).toEqual({ status: 503, code: 'GW_QUEUE_FULL', retryAfter: 1 })
    expect((await socks5(gateway.port, 'echo.test:7')).rep).toBe(1)
    gateway.arrive(1)
    expect((await Promise.all(first)).map(({ status }) => status)).toEqual([200, 200])
  })
})

describe('an empty pool and impatience', () => {
  it('has no queue with `queue: 0`', async () => {
    const { port } = await withoutStock({ wait: { queue: 0 } })
    expect(refusalOf(await connectVia(port, 'echo.test:7')).code).toBe('GW_QUEUE_FULL')
  })

  it('gives nobody an upstream who has gone', async () => {
    const gateway = await withoutStock({ wait: { timeout: '10s' } })
    const opening = [1, 2, 3].map(() => connectVia(gateway.port, 'echo.test:7').catch((error: Error) => error.name))
    await waiting(gateway).toBe(3)
    await closeClients()
    expect(await Promise.all(opening)).toEqual(['ConnectionLost', 'ConnectionLost', 'ConnectionLost'])
    await waiting(gateway).toBe(0)
    gateway.arrive(1)
    expect((await connectVia(gateway.port, 'echo.test:7')).status).toBe(200)
    expect(gateway.world.upstreams[0]?.connections).toBe(1)
  })
})

const oneEach = { pool: { perUpstream: { connections: 1 } }, wait: { timeout: '10s' } }

describe('upstreams that are all busy', () => {
  const config = oneEach

  it('are handed on in the order in which clients came', async () => {
    const gateway = await startGateway({ upstreams: 1, config })
    const holder = await connectVia(gateway.port, 'echo.test:7')
    const served: number[] = []
    const opening = []
    for (let n = 0; n < 5; n++) {
      const opens = connectVia(gateway.port, 'echo.test:7')
      void opens.then(() => served.push(n))
      opening.push(opens)
      await waiting(gateway).toBe(n + 1)
    }
    holder.socket.destroy()
    for (let n = 0; n < 5; n++) {
      const tunnel = await opening[n]
      expect([served, tunnel?.status]).toEqual([Array.from({ length: n + 1 }, (_, i) => i), 200])
      expect(gateway.leases()).toBe(1)
      tunnel?.socket.destroy()
    }
  })

  it('never carry more than they may, however many want to', async () => {
    const gateway = await startGateway({ upstreams: 2, config })
    let most = 0
    const one = async (n: number) => {
      const tunnel = await connectVia(gateway.port, 'echo.test:7')
      most = Math.max(most, ...gateway.world.upstreams.map(({ tunnelsOpen }) => tunnelsOpen))
      await expectEcho(tunnel, `client ${n}`)
      tunnel.socket.destroy()
    }
    await Promise.all(Array.from({ length: 30 }, (_, n) => one(n)))
    expect(gateway.world.upstreams.map(({ tunnelsOpened }) => tunnelsOpened).reduce((a, b) => a + b)).toBe(30)
    for (const member of gateway.app.pool.members()) expect(member.leases).toBeLessThanOrEqual(1)
    expect(most).toBeLessThanOrEqual(2) // the upstream may hear of the end of one tunnel after the beginning of the next
  })

  it('with `uses: 1` are spent by one tunnel each, a failed dial does not count', async () => {
    const pool = { pool: { perUpstream: { uses: 1 } }, wait: { timeout: '300ms' } }
    const gateway = await startGateway({ upstreams: 3, config: pool })
    const refused = { kind: 'status', status: 403 } as const
    for (const upstream of gateway.world.upstreams) upstream.behaveFor('bad.test', refused)
    expect(refusalOf(await connectVia(gateway.port, 'bad.test:7')).code).toBe('GW_TARGET_REFUSED')
    for (let n = 0; n < 3; n++) expect((await connectVia(gateway.port, 'echo.test:7')).status).toBe(200)
    expect(gateway.world.upstreams.map(({ tunnelsOpened }) => tunnelsOpened)).toEqual([1, 1, 1])
    const fourth = await connectVia(gateway.port, 'echo.test:7')
    expect(fourth.status).toBe(503)
  })
})

describe('upstreams that are all busy with one user', () => {
  it('are lent to users in turn, however many connections that one waits with', async () => {
    const users = ['ada', 'bob'].map((name) => ({ name, password: `password-of-${name}` }))
    const listen = [{ port: 0, users }]
    const gateway = await startGateway({
      upstreams: 1,
      config: { ...oneEach, listen },
      secrets: users.map(({ password }) => password),
    })
    const served: string[] = []
    const open = async (name: string) => {
      const login = { username: name, password: `password-of-${name}` }
      const tunnel = await connectVia(gateway.port, 'echo.test:7', { login })
      served.push(name)
      tunnel.socket.destroy()
    }
    const holder = await connectVia(gateway.port, 'echo.test:7', {
      login: { username: 'ada', password: 'password-of-ada' },
    })
    const clients = [open('ada'), open('ada'), open('ada'), open('ada')]
    await waiting(gateway).toBe(4)
    clients.push(open('bob'))
    await waiting(gateway).toBe(5)
    holder.socket.destroy()
    await Promise.all(clients)
    expect(served).toEqual(['ada', 'bob', 'ada', 'ada', 'ada'])
  })
})
