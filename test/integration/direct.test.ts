/** Rules to `direct`: the target itself, through no upstream; where it may lead, and where nothing else may. */
import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { connectionsReport } from '../../src/admin/api/schemas/connections.ts'
import { SystemClock } from '../../src/clock.ts'
import { connectVia, dial, plain, socks4a, socks5 } from '../support/client.ts'
import { eventually, type Gateway, refusalOf, startGateway } from '../support/gateway.ts'
import { header } from '../support/http-wire.ts'
import { guardOver, NameServer, type Zone } from '../support/name-server.ts'
import { WebSite } from '../support/site.ts'
import { expectEcho } from '../support/socket-io.ts'
import { endsFirst } from '../support/tcp.ts'
import { openWebSocket } from '../support/websocket.ts'

const LOOPBACK = { host: '127.0.0.0/8', to: 'direct' }

/** A gateway with these rules, whose names come from `zone`. */
async function start(routes: readonly unknown[], config: object = {}, zone: Zone = {}): Promise<Gateway> {
  const clock = new SystemClock()
  const names = await new NameServer(zone).listen()
  const closing = async () => {
    await names.close()
    clock.close()
  }
  return startGateway({ upstreams: 1, config: { routes, ...config }, clock, guard: guardOver(names, clock), closing })
}

const asked = ({ world }: Gateway) => world.upstreams.flatMap(({ requests }) => requests).length

describe('a rule to direct', () => {
  it('leads to the target itself, for every way in', async () => {
    const gateway = await start([LOOPBACK])
    const { echo, site } = gateway.world
    const connect = await connectVia(gateway.port, echo.authority)
    expect(header(connect.headers, 'x-turnpike-upstream')).toBe('direct')
    await expectEcho(connect, 'by CONNECT')
    for (const open of [socks5, socks4a]) {
      const client = await open(gateway.port, echo.authority)
      await expectEcho(client, 'by SOCKS')
      client.socket.destroy()
    }
    const page = await plain(gateway.port, `http://${site.authority}/headers`, {
      headers: [['X-Turnpike-Session', 'a']],
    })
    expect(page.status).toBe(200)
    expect(site.requests[0]).toMatchObject({ target: '/headers', peer: '127.0.0.1' })
    expect(site.requests[0]?.headers).not.toContainEqual(
      expect.arrayContaining([expect.stringMatching(/turnpike|proxy/i)]),
    )
    expect(site.violations).toEqual([])
    expect(asked(gateway)).toBe(0)
    expect(gateway.app.traffic.openedBy).toEqual(new Map([['direct', 4]]))
  })

  it('gives what a target says first, and what it says after the end of the client', async () => {
    const gateway = await start([LOOPBACK])
    const banner = endsFirst('220 ready\r\n')
    await gateway.world.serve('banner.test', banner.server)
    const client = await connectVia(gateway.port, banner.server.authority)
    expect((await client.reader.readAll()).toString()).toBe('220 ready\r\n')
    client.socket.end('QUIT\r\n')
    await eventually(() => banner.received.map(String)).toEqual(['QUIT\r\n'])
  })

  it('keeps the connection to one target for the next request, and makes another one to another target', async () => {
    const gateway = await start([LOOPBACK])
    const { site } = gateway.world
    const other = await new WebSite().listen()
    const over = await dial(gateway.port)
    const targets = [site.authority, site.authority, other.authority, site.authority]
    for (const authority of targets)
      expect((await plain(gateway.port, `http://${authority}/headers`, { over })).status).toBe(200)
    expect(site.connections.map(({ requests }) => requests.length)).toEqual([2, 1])
    expect(other.requests.length).toBe(1)
    await other.close()
  })

  it('carries a WebSocket', async () => {
    const gateway = await start([LOOPBACK])
    const { authority } = gateway.world.site
    const socket = await openWebSocket((await dial(gateway.port)).reader, `http://${authority}/ws`, authority)
    await socket.say('hello')
    expect(await socket.hear()).toBe('hello')
    await socket.close()
  })
})

it('is logged at the start, and shown in log, report and metrics', async () => {
  const gateway = await start([LOOPBACK, 'DOMAIN,a.test,DIRECT'], { admin: { port: 0 } })
  const warnings = gateway.log.records().filter(({ path }) => path === 'routes[0].to')
  expect(warnings).toMatchObject([{ level: 40, msg: expect.stringContaining('this rule and 1 more') }])
  const { echo } = gateway.world
  const client = await connectVia(gateway.port, echo.authority)
  const admin = `http://127.0.0.1:${gateway.app.admin?.port}`
  const report = connectionsReport.parse(await (await fetch(`${admin}/v1/connections?provider=direct`)).json())
  expect(report.connections).toMatchObject([
    { provider: 'direct', upstream: 'direct', tries: [{ address: echo.authority, result: 'opened' }] },
  ])
  client.socket.destroy()
  expect(await (await fetch(`${admin}/metrics`)).text()).toMatch(/^turnpike_direct_opened_total 1$/m)
  await eventually(() => gateway.log.records().filter(({ provider }) => provider === 'direct')).toMatchObject([
    { target: echo.authority, upstream: 'direct' },
  ])
})

describe('where it may lead', () => {
  const refusal = async (gateway: Gateway, target: string) => refusalOf(await connectVia(gateway.port, target)).code

  it('no rule of all hosts, of names or of a large block reaches a private address', async () => {
    const routes = ['IP-CIDR,0.0.0.0/1,direct', 'DOMAIN-SUFFIX,rebind.test,direct', 'MATCH,direct']
    const gateway = await start(routes, {}, { 'a.rebind.test': ['127.0.0.1'], 'b.test': ['169.254.169.254', '::1'] })
    const { port } = gateway.world.echo
    for (const host of ['127.0.0.1', '127.1', 'localhost', '[::1]', '[::ffff:127.0.0.1]', 'a.rebind.test', 'b.test'])
      expect([host, await refusal(gateway, `${host}:${port}`)]).toEqual([host, 'GW_TARGET_NOT_ALLOWED'])
    expect((await socks5(gateway.port, `127.0.0.1:${port}`)).rep).toBe(2)
    const page = await plain(gateway.port, `http://${gateway.world.site.authority}/`)
    expect(refusalOf(page).code).toBe('GW_TARGET_NOT_ALLOWED')
    expect(gateway.world.site.connections).toEqual([])
  })

  it('a rule that names the host, or says allowPrivate, does', async () => {
    const zone = { 'named.test': ['127.0.0.1'], 'x.inner.test': ['127.0.0.1'] }
    const routes = [
      { host: ['named.test', 'localhost', '127.0.0.1'], to: 'direct' },
      { host: '*.inner.test', to: 'direct', allowPrivate: true },
    ]
    const gateway = await start(routes, {}, zone)
    for (const host of ['named.test', 'NAMED.test.', 'localhost', '127.0.0.1', '127.1', 'x.inner.test'])
      expect([host, (await connectVia(gateway.port, `${host}:${gateway.world.echo.port}`)).status]).toEqual([host, 200])
  })

  it("never to the gateway's own ports", async () => {
    const gateway = await start(
      [{ to: 'direct', allowPrivate: true }],
      { admin: { port: 0 } },
      { 'me.test': ['127.0.0.1'] },
    )
    for (const port of [gateway.port, gateway.app.admin?.port])
      for (const host of ['127.0.0.1', 'localhost', 'me.test'])
        expect(await refusal(gateway, `${host}:${port}`)).toBe('GW_TARGET_NOT_ALLOWED')
  })
})

describe('nobody goes there who did not mean to', () => {
  it('clients that ask for a provider, and users limited to some, unless the rule names the user', async () => {
    const login = (username: string) => ({ login: { username, password: `password of ${username}` } })
    const user = (name: string) => ({ name, password: `password of ${name}`, providers: ['own'] })
    const gateway = await start([{ ...LOOPBACK, user: 'named' }, LOOPBACK], {
      listen: [{ port: 0, users: [user('named'), user('limited'), { name: 'free', password: 'password of free' }] }],
    })
    const { authority } = gateway.world.echo
    const statusOf = async (name: string, headers: [string, string][] = []) =>
      (await connectVia(gateway.port, authority, { ...login(name), headers })).status
    expect(await statusOf('free')).toBe(200)
    expect(await statusOf('named')).toBe(200)
    expect(await statusOf('limited')).toBe(403)
    expect(await statusOf('free', [['X-Turnpike-Provider', 'own']])).toBe(403)
    expect(asked(gateway)).toBe(0)
  })

  it('when providers fail: only the rule leads there', async () => {
    const gateway = await start([{ host: 'other.test', to: 'direct' }], {
      dial: { tries: 2 },
      wait: { timeout: '100ms' },
    })
    await gateway.world.upstreams[0]?.behave('close-at-once')
    expect(refusalOf(await connectVia(gateway.port, gateway.world.echo.authority)).code).toMatch(/^GW_(UPSTREAM|POOL)/)
    expect(gateway.app.traffic.openedBy.has('direct')).toBe(false)
  })
})

describe('a target that cannot be reached', () => {
  it('refuses, has no name, or closes: the target is blamed, no upstream is, and nothing is tried twice', async () => {
    const gateway = await start([LOOPBACK, 'DOMAIN-SUFFIX,test,direct'])
    const closed = createServer()
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve))
    const { port } = closed.address() as { port: number }
    await new Promise((resolve) => closed.close(resolve))
    const { site } = gateway.world
    const refused = await connectVia(gateway.port, `127.0.0.1:${port}`)
    expect(refusalOf(refused).code).toBe('GW_TARGET_REFUSED')
    expect((await socks5(gateway.port, `127.0.0.1:${port}`)).rep).toBe(5)
    const unknown = await connectVia(gateway.port, 'none.test:80')
    expect(refusalOf(unknown).code).toBe('GW_TARGET_UNREACHABLE')
    expect((await unknown.reader.readAll()).toString()).toContain('name that could not be resolved (ENOTFOUND)')
    const page = await plain(gateway.port, `http://${site.authority}/close-at-once`)
    expect(refusalOf(page).code).toBe('GW_TARGET_UNREACHABLE')
    expect(site.requests).toHaveLength(1)
    expect(asked(gateway)).toBe(0)
    expect(
      [...gateway.app.pool.members()].map(({ state, consecutiveFailures }) => [state, consecutiveFailures]),
    ).toEqual([['ready', 0]])
  })

  it('what it answers is its own: 407, 503 and retryStatuses are passed on', async () => {
    const gateway = await start([LOOPBACK], {
      rotation: { retryStatuses: [503] },
      bans: [{ host: '*', status: [403], rest: '1h' }],
    })
    for (const status of [403, 407, 429, 503, 597]) {
      const page = await plain(gateway.port, `http://${gateway.world.site.authority}/status/${status}`)
      expect(page.status).toBe(status)
    }
    expect(gateway.world.site.requests).toHaveLength(5)
  })

  it('a client that leaves while its name is looked up ends everything', async () => {
    const gateway = await start(['MATCH,direct'], {}, { 'slow.test': 'silent' })
    const { socket } = await dial(gateway.port)
    socket.write('CONNECT slow.test:80 HTTP/1.1\r\nHost: slow.test\r\n\r\n')
    await eventually(() => gateway.app.traffic.connections.open.length).toBe(1)
    socket.destroy()
    await eventually(() => [gateway.app.traffic.connections.open.length, gateway.app.data.connections]).toEqual([0, 0])
  })
})
