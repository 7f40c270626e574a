/** Who may use a port: logins, allow-lists, providers of a user, the gateway's own ports. */
import { networkInterfaces } from 'node:os'
import { describe, expect, it } from 'vitest'
import { connectVia, dial, plain, socks4, socks4a, socks5 } from '../support/client.ts'
import { eventually, type Gateway, type GatewayOptions, refusalOf, startGateway } from '../support/gateway.ts'
import { header } from '../support/http-wire.ts'
import { expectEcho, send } from '../support/socket-io.ts'
import type { Login } from '../support/upstream-behaviour.ts'

const crawler: Login = { username: 'crawler', password: 'geheimes wort ü' }
const other: Login = { username: 'crawler-two', password: 'p:w@/?#%2F' }

/** A port that demands a login. */
function withUsers(options: GatewayOptions = {}): Promise<Gateway> {
  const users = [crawler, other].map(({ username, password }) => ({ name: username, password }))
  return startGateway({
    upstreams: 1,
    config: { listen: [{ port: 0, users }] },
    secrets: [crawler, other],
    ...options,
  })
}

describe('a port with users', () => {
  it('lets them in by every way that carries a login', async () => {
    const { port } = await withUsers()
    for (const login of [crawler, other]) {
      await expectEcho(await connectVia(port, 'echo.test:7', { login }), 'connect')
      expect((await plain(port, 'http://site.test/', { login })).status).toBe(200)
      const socks = await socks5(port, 'echo.test:7', { login })
      expect([socks.method, socks.loginStatus, socks.rep]).toEqual([2, 0, 0])
      await expectEcho(socks, 'socks')
    }
  })

  const wrong: (Login | undefined)[] = [
    undefined,
    { username: 'crawler', password: 'wrong' },
    { username: 'crawler', password: '' },
    { username: 'nobody', password: crawler.password },
    { username: '', password: '' },
    { username: 'CRAWLER', password: crawler.password },
    { username: 'crawler-session-a', password: other.password },
    { username: 'crawler-two', password: crawler.password },
  ]
  it('sends everybody else away: 407 with a challenge, 01 01, and no tunnel', async () => {
    const { port, world, app } = await withUsers()
    // Each from an address of its own: further failures of one address are answered later and later.
    let client = 0
    const place = () => ({ host: '127.0.0.1', port, from: `127.0.1.${++client}` })
    for (const login of wrong) {
      const options = login === undefined ? {} : { login }
      for (const reply of [
        await connectVia(place(), 'echo.test:7', options),
        await plain(place(), 'http://site.test/', options),
      ]) {
        expect(refusalOf(reply)).toEqual({ status: 407, code: 'GW_LOGIN_REQUIRED' })
        expect(header(reply.headers, 'proxy-authenticate')).toBe('Basic realm="Turnpike", charset="UTF-8"')
      }
      if (login === undefined) continue
      const socks = await socks5(place(), 'echo.test:7', { login })
      expect([socks.method, socks.loginStatus, socks.rep]).toEqual([2, 1, undefined])
      expect(await socks.reader.readAll()).toHaveLength(0)
    }
    const unasked = await socks5(port, 'echo.test:7', { methods: [0] })
    expect([unasked.method, unasked.rep]).toEqual([0xff, undefined])
    for (const userId of ['', 'crawler', 'crawler:x']) {
      expect((await socks4a(port, 'echo.test:7', { userId })).code).toBe(0x5b)
      expect((await socks4(port, '127.0.0.1:7', { userId })).code).toBe(0x5b)
    }
    expect([world.upstreams[0]?.connections, app.traffic.openedCount]).toEqual([0, 0])
  })

  it('understands only Basic, however it is spelt', async () => {
    const { port } = await withUsers()
    const pair = Buffer.from(`${crawler.username}:${crawler.password}`).toString('base64')
    const statusOf = async (value: string) =>
      (await connectVia(port, 'echo.test:7', { headers: [['Proxy-Authorization', value]] })).status
    for (const value of [`Basic ${pair}`, `basic  ${pair}`, `BASIC ${pair}`]) expect(await statusOf(value)).toBe(200)
    for (const value of [
      '',
      'Basic',
      `Bearer ${pair}`,
      `Basic ${pair} ${pair}`,
      'Basic !!!',
      'Digest username="crawler"',
    ]) {
      expect([value, await statusOf(value)]).toEqual([value, 407])
    }
    expect((await connectVia(port, 'echo.test:7', { headers: [['Authorization', `Basic ${pair}`]] })).status).toBe(407)
  })
})

describe('wrong logins', () => {
  it('of one address are answered later and later, logged once a minute and counted; right ones are not delayed', async () => {
    const { port, log, app } = await withUsers()
    const answers: string[] = []
    const wrong = { username: 'crawler', password: 'wrong' }
    const opening = [
      connectVia(port, 'echo.test:7', { login: wrong }).then(({ status }) => answers.push(`connect ${status}`)),
      ...[1, 2, 3].map(() =>
        socks5(port, 'echo.test:7', { login: wrong }).then(({ loginStatus }) => answers.push(`socks ${loginStatus}`)),
      ),
    ]
    await eventually(() => app.traffic.loginFailures).toBe(4)
    // The four answers are due after 100, 300, 700 and 1,500 ms.
    expect((await connectVia(port, 'echo.test:7', { login: crawler })).status).toBe(200)
    expect(answers.length).toBeLessThan(4)
    await Promise.all(opening)
    expect(answers.toSorted()).toEqual(['connect 407', 'socks 1', 'socks 1', 'socks 1'])
    expect(log.records().filter(({ msg }) => msg === 'logins failed')).toMatchObject([
      { level: 40, client: '127.0.0.1', failures: 1 },
    ])
  })

  it('of clients that have gone are answered to nobody', async () => {
    const { port, app } = await withUsers()
    for (let n = 0; n < 4; n++) {
      const { socket } = await dial(port)
      await send(socket, '\x05\x01\x02\x01\x07crawler\x05wrong')
      await eventually(() => app.traffic.loginFailures).toBe(n + 1)
      socket.destroy()
    }
    await eventually(() => app.data.connections).toBe(0)
  })
})

describe('a port without users', () => {
  it('takes any login for an account name', async () => {
    const { port } = await startGateway({ upstreams: 1 })
    for (const login of [
      { username: 'any', password: '' },
      { username: '', password: 'x' },
    ]) {
      expect((await connectVia(port, 'echo.test:7', { login })).status).toBe(200)
      expect((await socks5(port, 'echo.test:7', { login })).rep).toBe(0)
    }
    expect((await socks4a(port, 'echo.test:7', { userId: 'any' })).code).toBe(0x5a)
  })
})

describe('an allow-list', () => {
  const withAllow = (allow: string[], host = '127.0.0.1') =>
    startGateway({ upstreams: 1, config: { listen: [{ port: 0, host, allow }] } })

  it('lets in who is on it', async () => {
    const { port } = await withAllow(['127.0.0.0/8'])
    expect((await connectVia(port, 'echo.test:7')).status).toBe(200)
  })

  it('knows an IPv4 client that comes to an IPv6 port', async () => {
    const { port } = await withAllow(['127.0.0.1'], '::')
    expect((await connectVia(port, 'echo.test:7')).status).toBe(200)
    const six = await dial({ host: '::1', port })
    await send(six.socket, 'CONNECT echo.test:7 HTTP/1.1\r\nHost: x\r\n\r\n')
    expect((await six.reader.readUntil('\r\n')).toString()).toContain('403')
  })

  it('sends everybody else away, in their own protocol', async () => {
    const { port, world } = await withAllow(['10.0.0.0/8', '::1'])
    const refusal = { status: 403, code: 'GW_CLIENT_NOT_ALLOWED' }
    expect(refusalOf(await connectVia(port, 'echo.test:7'))).toEqual(refusal)
    expect(refusalOf(await plain(port, 'http://site.test/'))).toEqual(refusal)
    expect((await socks5(port, 'echo.test:7')).rep).toBeUndefined()
    expect((await socks4a(port, 'echo.test:7')).code).toBe(0x5b)
    expect(world.upstreams[0]?.connections).toBe(0)
  })

  it('and users must both pass', async () => {
    const users = [{ name: crawler.username, password: crawler.password }]
    const { port } = await startGateway({
      upstreams: 1,
      config: { listen: [{ port: 0, allow: ['10.0.0.0/8'], users }] },
      secrets: [crawler],
    })
    expect((await connectVia(port, 'echo.test:7', { login: crawler })).status).toBe(403)
  })
})

describe('a user with providers', () => {
  const users = [
    { name: 'free', password: 'free-password' },
    { name: 'bound', password: 'bound-password', providers: ['second'] },
  ]
  const start = () =>
    startGateway({
      upstreams: 2,
      filled: 2,
      config: { listen: [{ port: 0, users }] },
      providers: (world) =>
        ['first', 'second'].map((name, n) => ({ name, vendor: 'static', list: [world.lines()[n] ?? ''] })),
      secrets: ['free-password', 'bound-password'],
    })

  it('is served from them alone, and may not ask for another', async () => {
    const { port, world } = await start()
    const opened = () => world.upstreams.map(({ tunnelsOpened }) => tunnelsOpened)
    for (let n = 0; n < 3; n++) {
      const login = { username: 'bound', password: 'bound-password' }
      expect((await connectVia(port, 'echo.test:7', { login })).status).toBe(200)
    }
    expect(opened()).toEqual([0, 3])
    const asks = { username: 'bound-provider-first', password: 'bound-password' }
    expect(refusalOf(await connectVia(port, 'echo.test:7', { login: asks }))).toEqual({
      status: 403,
      code: 'GW_PROVIDER_NOT_ALLOWED',
    })
    expect((await socks5(port, 'echo.test:7', { login: asks })).rep).toBe(2)
    const free = { username: 'free-provider-first', password: 'free-password' }
    expect((await connectVia(port, 'echo.test:7', { login: free })).status).toBe(200)
    expect(opened()).toEqual([1, 3])
  })
})

describe('the gateway’s own ports', () => {
  it('are no target, under any name of this machine', async () => {
    const { port, world } = await startGateway({ upstreams: 1, config: { listen: [{ port: 0 }] } })
    const own = Object.values(networkInterfaces()).flatMap(
      (all) => all?.map(({ address }) => address.replace(/%.*/, '')) ?? [],
    )
    const hosts = [
      '127.0.0.1',
      '127.9.9.9',
      'localhost',
      'LOCALHOST.',
      'x.localhost',
      '0.0.0.0',
      '[::1]',
      '[::]',
      '127.1',
      '2130706433',
      '0x7f.1',
    ]
    const spelt = [
      ...hosts,
      '[0:0:0:0:0:0:0:1]',
      '[::ffff:127.0.0.1]',
      '[::ffff:7f00:1]',
      ...own.map((ip) => (ip.includes(':') ? `[${ip}]` : ip)),
    ]
    for (const host of spelt) {
      const reply = await connectVia(port, `${host}:${port}`)
      expect([host, refusalOf(reply)]).toEqual([host, { status: 403, code: 'GW_TARGET_NOT_ALLOWED' }])
    }
    for (const host of ['127.0.0.1', '[::1]', '[::ffff:127.0.0.1]', 'localhost', ...spelt.slice(-own.length)])
      expect([host, (await socks5(port, `${host}:${port}`)).rep]).toEqual([host, 2])
    expect((await socks4(port, `127.0.0.1:${port}`)).code).toBe(0x5b)
    expect(refusalOf(await plain(port, `http://127.0.0.1:${port}/`)).code).toBe('GW_TARGET_NOT_ALLOWED')
    expect(world.upstreams[0]?.connections).toBe(0)
    expect((await connectVia(port, `elsewhere.test:${port}`)).status).toBe(502)
    expect(world.upstreams[0]?.connections).toBe(1)
  })
})
