/** Rules as clients meet them: CONNECT, SOCKS and plain HTTP; groups whose members can and cannot serve. */
import { describe, expect, it } from 'vitest'
import { connectVia, plain, socks5 } from '../support/client.ts'
import { type Gateway, refusalOf, startGateway } from '../support/gateway.ts'
import type { World } from '../support/world.ts'

const lists = ({ upstreams }: World) =>
  upstreams.map((upstream, n) => ({
    name: `p${n + 1}`,
    vendor: 'static',
    allowPrivate: true,
    list: [upstream.url()],
  }))

function start(config: object, upstreams = 3): Promise<Gateway> {
  return startGateway({ upstreams, filled: upstreams, providers: lists, config: { ...config } })
}

/** Which upstreams were asked since the last time, by their number. */
function asked({ world }: Gateway): number[] {
  const counts = world.upstreams.map(({ requests }) => requests.splice(0).length)
  return counts.flatMap((count, n) => Array<number>(count).fill(n + 1))
}

it('the first rule that matches wins, for every way in', async () => {
  const gateway = await start({
    routes: [
      { host: 'echo.test', method: 'socks', to: 'provider p2' },
      { host: '*.test', method: 'plain', to: 'provider p3' },
      'DOMAIN-SUFFIX,test,provider p1',
    ],
  })
  for (let n = 0; n < 3; n++) {
    expect((await socks5(gateway.port, 'echo.test:7')).rep).toBe(0)
    expect(asked(gateway)).toEqual([2])
    expect((await plain(gateway.port, 'http://site.test/')).status).toBe(200)
    expect(asked(gateway)).toEqual([3])
    expect((await connectVia(gateway.port, 'ECHO.test.:7')).status).not.toBe(403)
    expect(asked(gateway)).toContain(1)
  }
})

it('a blocked target reaches no upstream, and the answer names the rule', async () => {
  const gateway = await start({
    routes: ['DOMAIN,other.test,provider p1', 'DOMAIN,echo.test,block', 'IP-CIDR,10.0.0.0/8,REJECT'],
  })
  const refused = await connectVia(gateway.port, 'echo.test:7')
  expect(refusalOf(refused)).toEqual({ status: 403, code: 'GW_TARGET_BLOCKED' })
  expect((await refused.reader.readAll()).toString()).toContain('rule 2 of routes')
  expect((await socks5(gateway.port, 'echo.test:7')).rep).toBe(2)
  expect(refusalOf(await plain(gateway.port, 'http://echo.test/'))).toEqual({ status: 403, code: 'GW_TARGET_BLOCKED' })
  for (const spelling of ['10.1.2.3:80', '0x0a.1.2.3:80', '[::ffff:10.1.2.3]:80'])
    expect(refusalOf(await connectVia(gateway.port, spelling)).code).toBe('GW_TARGET_BLOCKED')
  expect(asked(gateway)).toEqual([])
  expect((await plain(gateway.port, 'http://site.test/')).status).toBe(200)
})

it('a file of hosts is a rule', async () => {
  const gateway = await startGateway({
    upstreams: 1,
    filled: 1,
    providers: lists,
    files: { 'blocked.txt': 'test\n' },
    config: { routes: [{ hosts: 'blocked.txt', to: 'block' }] },
  })
  expect(refusalOf(await connectVia(gateway.port, 'a.b.test:7')).code).toBe('GW_TARGET_BLOCKED')
})

describe('providers', () => {
  const options = (provider: string) => ({ headers: [['X-Turnpike-Provider', provider]] as [string, string][] })

  it('that the client names are chosen within the rule alone', async () => {
    const gateway = await start({
      groups: [{ name: 'g', members: ['p1', 'p2'] }],
      routes: ['DOMAIN,echo.test,group g'],
    })
    expect((await connectVia(gateway.port, 'echo.test:7', options('p2'))).status).toBe(200)
    expect(asked(gateway)).toEqual([2])
    expect(refusalOf(await connectVia(gateway.port, 'echo.test:7', options('p3'))).code).toBe('GW_PROVIDER_NOT_ALLOWED')
    expect((await connectVia(gateway.port, 'site.test:80', options('p3'))).status).toBe(200)
  })

  it('of a user are those of the user and of the rule together', async () => {
    const login = { username: 'u', password: 'a password of the user' }
    const gateway = await start({
      listen: [{ port: 0, users: [{ name: 'u', password: login.password, providers: ['p1', 'p2'] }] }],
      groups: [{ name: 'g', members: ['p2', 'p3'] }],
      routes: [
        { user: 'u', host: 'echo.test', to: 'group g' },
        { user: 'u', to: 'provider p3' },
      ],
    })
    expect((await connectVia(gateway.port, 'echo.test:7', { login })).status).toBe(200)
    expect(asked(gateway)).toEqual([2])
    expect(refusalOf(await connectVia(gateway.port, 'site.test:80', { login })).code).toBe('GW_PROVIDER_NOT_ALLOWED')
  })
})

describe('a group', () => {
  it('is served by its first members, and by the next when those cannot', async () => {
    const gateway = await start({
      groups: [{ name: 'g', members: ['p1', { provider: 'p2', priority: 2 }], fallback: 'provider p3' }],
      routes: ['MATCH,group g'],
      health: { rest: '1m', evictAfter: 1 },
    })
    for (let n = 0; n < 4; n++) expect((await connectVia(gateway.port, 'echo.test:7')).status).toBe(200)
    expect(asked(gateway)).toEqual([1, 1, 1, 1])
    for (const member of gateway.app.pool.members())
      if (member.facts.provider === 'p1') gateway.app.pool.remove(member, 'released')
    await new Promise((resolve) => setTimeout(resolve, 150))
    for (let n = 0; n < 4; n++) expect((await connectVia(gateway.port, 'echo.test:7')).status).toBe(200)
    expect(asked(gateway)).toEqual([2, 2, 2, 2])
  })

  it('keeps a session on one upstream, whatever the weights', async () => {
    const gateway = await start({
      groups: [{ name: 'g', members: [{ provider: 'p1', weight: 2 }, 'p2', { provider: 'p3', weight: 4 }] }],
      routes: ['MATCH,group g'],
    })
    for (const session of ['one', 'two', 'three']) {
      const headers: [string, string][] = [['X-Turnpike-Session', session]]
      for (let n = 0; n < 4; n++) expect((await connectVia(gateway.port, 'echo.test:7', { headers })).status).toBe(200)
      expect(new Set(asked(gateway)).size).toBe(1)
    }
  })
})
