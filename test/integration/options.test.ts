/** What clients ask for with their requests: sessions, places, providers; and how mistakes are told. */
import { describe, expect, it } from 'vitest'
import { connectVia, dial, plain, socks4a, socks5 } from '../support/client.ts'
import { eventually, type Gateway, refusalOf, startGateway } from '../support/gateway.ts'
import type { Header } from '../support/http-wire.ts'
import type { Behaviour } from '../support/upstream-behaviour.ts'

const password = 'anything'
const login = (username: string) => ({ login: { username, password } })

/** How many tunnels each upstream has opened. */
const opened = ({ world }: Gateway) => world.upstreams.map(({ tunnelsOpened }) => tunnelsOpened)

/** Opens a tunnel, expects success, and tells which upstream carried it. */
async function carrier(gateway: Gateway, options: Parameters<typeof connectVia>[2]): Promise<number> {
  const before = opened(gateway)
  expect((await connectVia(gateway.port, 'echo.test:7', options)).status).toBe(200)
  return opened(gateway).findIndex((count, n) => count > (before[n] ?? 0))
}

describe('mistakes', () => {
  const names: [userName: string, key: string][] = [
    ['acc-session-a-colour-red', 'none'],
    ['acc-session-', 'session'],
    ['acc-session-a-session-b', 'session'],
    ['acc-session-a-sessid-b', 'sessid'],
    ['acc-life-10', 'life'],
    ['acc-sesstime-10m', 'sesstime'],
    ['acc-strict-perhaps', 'strict'],
    ['acc-strategy-best', 'strategy'],
    ['acc-provider-nobody', 'provider'],
  ]
  it('in the user name are told by name: 400, SOCKS 2', async () => {
    const gateway = await startGateway({ upstreams: 1 })
    for (const [userName, key] of names) {
      const reply = await connectVia(gateway.port, 'echo.test:7', login(userName))
      const socks = await socks5(gateway.port, 'echo.test:7', login(userName))
      const four = await socks4a(gateway.port, 'echo.test:7', { userId: userName })
      if (key === 'none') expect([reply.status, socks.rep]).toEqual([200, 0])
      else {
        expect([userName, refusalOf(reply)]).toEqual([userName, { status: 400, code: 'GW_BAD_OPTION' }])
        expect((await reply.reader.readAll()).toString()).toContain(`"${key}"`)
        expect([userName, socks.loginStatus, socks.rep, four.code]).toEqual([userName, 0, 2, 0x5b])
      }
    }
  })
})

describe('mistakes elsewhere', () => {
  it('behind a configured user are told only after a right login', async () => {
    const listen = [{ port: 0, users: [{ name: 'acc', password: 'right-password' }] }]
    const { port } = await startGateway({ upstreams: 1, config: { listen }, secrets: ['right-password'] })
    const name = { username: 'acc-colour-red', password: 'right-password' }
    const reply = await connectVia(port, 'echo.test:7', { login: name })
    expect(refusalOf(reply)).toEqual({ status: 400, code: 'GW_BAD_OPTION' })
    expect((await reply.reader.readAll()).toString()).toContain('"colour"')
    const socks = await socks5(port, 'echo.test:7', { login: name })
    expect([socks.loginStatus, socks.rep]).toEqual([0, 2])
    const wrong = { ...name, password: 'wrong' }
    expect((await connectVia(port, 'echo.test:7', { login: wrong })).status).toBe(407)
    expect((await socks5(port, 'echo.test:7', { login: wrong })).loginStatus).toBe(1)
  })

  it('in headers of CONNECT are told by name', async () => {
    const { port } = await startGateway({ upstreams: 1 })
    for (const [header, key] of [
      [['X-Turnpike-Colour', 'red'], 'colour'],
      [['X-Turnpike-Life', '10'], 'life'],
      [['X-Turnpike-Session', ''], 'session'],
    ] as [Header, string][]) {
      const reply = await connectVia(port, 'echo.test:7', { headers: [header] })
      expect(refusalOf(reply)).toEqual({ status: 400, code: 'GW_BAD_OPTION' })
      expect((await reply.reader.readAll()).toString()).toContain(`"${key}"`)
    }
    const twice: Header[] = [
      ['X-Turnpike-Session', 'a'],
      ['X-Turnpike-Sessid', 'b'],
    ]
    expect((await connectVia(port, 'echo.test:7', { headers: twice })).status).toBe(400)
  })
})

describe('a session', () => {
  it('keeps its upstream, by user name, header and SOCKS login alike', async () => {
    const gateway = await startGateway({ upstreams: 3 })
    const first = await carrier(gateway, login('acc-session-a1'))
    expect(await carrier(gateway, login('acc-SESSID-a1'))).toBe(first)
    const byHeader = { login: { username: 'acc', password }, headers: [['X-Turnpike-Session', 'a1']] as Header[] }
    expect(await carrier(gateway, byHeader)).toBe(first)
    const before = opened(gateway)[first] ?? 0
    for (let n = 0; n < 2; n++) await socks5(gateway.port, 'echo.test:7', login('acc-session-a1'))
    await socks4a(gateway.port, 'echo.test:7', { userId: 'acc-session-a1' })
    expect(opened(gateway)[first]).toBe(before + 3)
    const page = await plain(gateway.port, 'http://site.test/', login('acc-session-a1'))
    expect(
      gateway.world.upstreams.indexOf(gateway.world.upstreamAt(page.body.toString().split(' ')[1]?.trim() ?? '')),
    ).toBe(first)
    expect(gateway.app.data.sessionTable.size).toBe(1)
  })

  it('is another one for another account, another word and another wish', async () => {
    const gateway = await startGateway({ upstreams: 4 })
    const carriers = []
    for (const name of ['acc-session-a', 'two-session-a', 'acc-session-b'])
      carriers.push(await carrier(gateway, login(name)))
    await carrier(gateway, login('acc-session-a-provider-own'))
    expect([new Set(carriers).size, gateway.app.data.sessionTable.size]).toEqual([3, 4])
  })

  it('moves to another upstream when its own fails, and stays there', async () => {
    const gateway = await startGateway({ upstreams: 2 })
    const first = await carrier(gateway, login('acc-session-a'))
    await gateway.world.upstreams[first]?.behave('close-at-once')
    const second = await carrier(gateway, login('acc-session-a'))
    expect(second).toBe(1 - first)
    // Its own upstream was tried twice before the session left it.
    expect(gateway.world.upstreams[first]?.connections).toBe(3)
    await gateway.world.upstreams[first]?.behave('ok')
    expect(await carrier(gateway, login('acc-session-a'))).toBe(second)
  })
})

describe('a session whose upstream is full', () => {
  it('waits for it, and is not moved to an upstream that has room', async () => {
    const gateway = await startGateway({ upstreams: 3, config: { pool: { perUpstream: { connections: 1 } } } })
    const opening = Array.from({ length: 3 }, async () => {
      const tunnel = await connectVia(gateway.port, 'echo.test:7', login('acc-session-a'))
      tunnel.socket.destroy()
      return tunnel.status
    })
    expect(await Promise.all(opening)).toEqual([200, 200, 200])
    expect(opened(gateway).toSorted()).toEqual([0, 0, 3])
  })
})

describe('a session whose upstream refuses one target', () => {
  const blocked: Behaviour = { kind: 'status', status: 403 }

  it('reaches that one through another upstream, and everything else as before', async () => {
    const gateway = await startGateway({ upstreams: 2 })
    const first = await carrier(gateway, login('acc-session-a'))
    gateway.world.upstreams[first]?.behaveFor('site.test', blocked)
    expect((await connectVia(gateway.port, 'site.test:80', login('acc-session-a'))).status).toBe(200)
    expect(await carrier(gateway, login('acc-session-a'))).toBe(first)
  })

  it('stays when every upstream refuses that target', async () => {
    const gateway = await startGateway({ upstreams: 2 })
    const first = await carrier(gateway, login('acc-session-a'))
    for (const upstream of gateway.world.upstreams) upstream.behaveFor('tracker.test', blocked)
    for (let n = 0; n < 3; n++) {
      const reply = await connectVia(gateway.port, 'tracker.test:80', login('acc-session-a'))
      expect(refusalOf(reply)).toEqual({ status: 502, code: 'GW_TARGET_REFUSED' })
      expect(await carrier(gateway, login('acc-session-a'))).toBe(first)
    }
  })

  it('moves when that upstream has never worked', async () => {
    const gateway = await startGateway({ upstreams: 2 })
    gateway.world.upstreams[0]?.behaveFor('echo.test', blocked)
    gateway.world.upstreams[0]?.behaveFor('site.test', blocked)
    expect(await carrier(gateway, login('acc-session-a'))).toBe(1)
    expect(gateway.world.upstreams[0]?.connections).toBe(1)
    expect(await carrier(gateway, login('acc-session-a'))).toBe(1)
    expect(gateway.world.upstreams[0]?.connections).toBe(1)
  })
})

describe('a session that ends', () => {
  it('hears 502 instead of another upstream when it is strict', async () => {
    const gateway = await startGateway({ upstreams: 2 })
    const name = login('acc-session-a-strict-1')
    const first = await carrier(gateway, name)
    await gateway.world.upstreams[first]?.behave('close-at-once')
    expect(refusalOf(await connectVia(gateway.port, 'echo.test:7', name))).toEqual({
      status: 502,
      code: 'GW_UPSTREAM_CLOSED',
    })
    gateway.app.pool.remove(gateway.record(gateway.world.upstreams[first] as never), 'expired')
    expect(refusalOf(await connectVia(gateway.port, 'echo.test:7', name))).toEqual({
      status: 502,
      code: 'GW_SESSION_LOST',
    })
    expect((await socks5(gateway.port, 'echo.test:7', name)).rep).toBe(1)
    expect(opened(gateway)[1 - first]).toBe(0)
    expect((await connectVia(gateway.port, 'echo.test:7', login('acc-session-a'))).status).toBe(200)
  })

  it('is forgotten when nobody uses it for the idle time', async () => {
    const gateway = await startGateway({ upstreams: 2, config: { session: { idle: '60ms' } } })
    const first = await carrier(gateway, login('acc-session-a'))
    await new Promise((resolve) => setTimeout(resolve, 120))
    expect(await carrier(gateway, login('acc-session-a'))).toBe(1 - first)
  })

  it('may follow from the port: by client address or by target', async () => {
    const listen = [
      { port: 0, session: 'client' },
      { port: 0, session: 'target' },
    ]
    const gateway = await startGateway({ upstreams: 3, config: { listen } })
    const byTarget = { ...gateway, port: gateway.app.addresses[1]?.port ?? 0 }
    const clients = [await carrier(gateway, {}), await carrier(gateway, {}), await carrier(gateway, login('own'))]
    expect([clients[0], clients[2] !== clients[0]]).toEqual([clients[1], true])
    gateway.world.names['other.test'] = [gateway.world.echo.host, gateway.world.echo.port]
    const first = await carrier(byTarget, {})
    expect(await carrier(byTarget, {})).toBe(first)
    const before = opened(gateway)[first]
    await connectVia(byTarget.port, 'other.test:7')
    await connectVia(byTarget.port, 'ECHO.TEST:7').catch(() => {})
    expect(opened(gateway)[first]).toBe(before)
  })
})

describe('wishes', () => {
  it('for a place that nobody is known to be in: 503 GW_NO_MATCH at once', async () => {
    const { port } = await startGateway({ upstreams: 2 })
    for (const name of [
      'acc-country-us',
      'acc-cc-de',
      'acc-region-fr',
      'acc-area-北京',
      'acc-city-Paris',
      'acc-isp-电信',
    ]) {
      const reply = await connectVia(port, 'echo.test:7', login(name))
      expect([name, refusalOf(reply)]).toEqual([name, { status: 503, code: 'GW_NO_MATCH', retryAfter: 1 }])
      expect((await socks5(port, 'echo.test:7', login(name))).rep).toBe(1)
    }
  })

  it('for a provider, a strategy or a life are granted', async () => {
    const gateway = await startGateway({
      upstreams: 2,
      filled: 2,
      providers: (world) =>
        ['first', 'second'].map((name, n) => ({ name, vendor: 'static', list: [world.lines()[n] ?? ''] })),
    })
    for (const [n, provider] of ['first', 'second'].entries())
      for (let i = 0; i < 2; i++) expect(await carrier(gateway, login(`acc-provider-${provider}`))).toBe(n)
    expect(await carrier(gateway, login('acc-strategy-least-connections-life-10m'))).toBeGreaterThanOrEqual(0)
    const over = await dial(gateway.port)
    expect((await plain(gateway.port, 'http://site.test/', { over, ...login('acc-provider-first') })).status).toBe(200)
    expect((await plain(gateway.port, 'http://site.test/', { over, ...login('acc-provider-second') })).status).toBe(200)
    const peers = gateway.world.site.requests.map(({ peer }) => gateway.world.upstreamAt(peer))
    expect(peers).toEqual(gateway.world.upstreams)
    await eventually(() => gateway.leases()).toBeGreaterThan(0)
  })
})
