/** Options of sessions, from user names and headers; and what a port or a user has otherwise than the rest of the gateway. */
import { describe, expect, it } from 'vitest'
import { connectVia, plain, socks5 } from '../support/client.ts'
import { eventually, type Gateway, refusalOf, startGateway } from '../support/gateway.ts'
import { type Header, header } from '../support/http-wire.ts'

const of = (username: string, password = 'x') => ({ login: { username, password } })
const upstreamOf = (headers: readonly Header[]) => header(headers, 'x-turnpike-upstream')

/** The upstream that a tunnel went through; the tunnel stays open. */
async function carrier(port: number, username: string, headers: readonly Header[] = []) {
  const reply = await connectVia(port, 'echo.test:7', { ...of(username), headers })
  expect(reply.status).toBe(200)
  return upstreamOf(reply.headers)
}

async function carriers(port: number, username: string, count: number, headers: readonly Header[] = []) {
  const ids: (string | undefined)[] = []
  for (let n = 0; n < count; n++) ids.push(await carrier(port, username, headers))
  return ids
}

/** The site says which upstream it saw. */
async function seenBy(
  { port }: Gateway,
  username: string,
  headers: readonly Header[],
  over?: Parameters<typeof plain>[2],
) {
  const reply = await plain(port, 'http://site.test/', { ...of(username), headers, ...over })
  expect(reply.status).toBe(200)
  return { peer: reply.body.toString(), reply }
}

describe('in the user name and in headers', () => {
  it('exclusive: no other client has the address of the session, over SOCKS neither', async () => {
    const { port } = await startGateway({ upstreams: 3, config: { wait: { timeout: '100ms' } } })
    const [a, b] = [await carrier(port, 'acc-session-a-exclusive'), await carrier(port, 'acc-session-b-exclusive-1')]
    const others = await carriers(port, 'acc', 4)
    expect(new Set([a, b, ...others]).size).toBe(3)
    expect(new Set(others).size).toBe(1)
    expect(await carrier(port, 'acc-session-a')).toBe(a)
    const third = await connectVia(port, 'echo.test:7', of('acc-session-c-exclusive'))
    expect(refusalOf(third)).toMatchObject({ status: 503, code: 'GW_POOL_EMPTY' })
    expect((await third.reader.readAll()).toString()).toContain('no other client')
    expect((await socks5(port, 'echo.test:7', of('acc-session-c-exclusive'))).rep).toBe(1)
  })

  it('a session becomes exclusive where it is alone, else on another address', async () => {
    const { port } = await startGateway({ upstreams: 2 })
    const shared = await carrier(port, 'acc-session-a')
    const own = await carrier(port, 'acc-session-a', [['X-Turnpike-Exclusive', '1']])
    expect(own).not.toBe(shared)
    expect(await carriers(port, 'acc', 2)).toEqual([shared, shared])
  })

  it('uses: so many connections through one address, then another, and never more', async () => {
    const { port } = await startGateway({ upstreams: 2, config: { wait: { timeout: '100ms' } } })
    const ids = await carriers(port, 'acc-session-a-uses-2', 6)
    expect(ids).toEqual([ids[0], ids[0], ids[2], ids[2], ids[0], ids[0]])
    expect(ids[2]).not.toBe(ids[0])
    const [only] = await carriers(port, 'acc-session-a', 1)
    expect(only).toBe(ids[0])
  })

  it('uses: plain requests on one kept connection count too', async () => {
    const gateway = await startGateway({ upstreams: 2 })
    const first = await seenBy(gateway, 'acc-session-a-uses-2', [])
    const second = await seenBy(gateway, 'acc-session-a-uses-2', [], { over: first.reply })
    const third = await seenBy(gateway, 'acc-session-a-uses-2', [], { over: second.reply })
    expect([second.peer === first.peer, third.peer === first.peer]).toEqual([true, false])
  })

  it('avoid-last: another address than last time, also for a client without a session', async () => {
    const { port } = await startGateway({ upstreams: 2, config: { rotation: { strategy: 'longest-life' } } })
    for (const [name, headers] of [
      ['acc-avoid-last', []],
      ['acc', [['X-Turnpike-Avoid-Last', '1']]],
    ] as const) {
      const ids = await carriers(port, name, 3, headers)
      expect([ids[1] === ids[0], ids[2] === ids[0]]).toEqual([false, true])
    }
  })

  it('avoid-last: the same where there is no other', async () => {
    const { port } = await startGateway({ upstreams: 1 })
    const ids = await carriers(port, 'acc-avoid-last', 2)
    expect(ids[0]).toBe(ids[1])
  })

  it('minlife: no address that has less left, and at once where none ever has so much', async () => {
    const { port } = await startGateway({
      upstreams: 1,
      provider: { ttl: '60s' },
      config: { wait: { timeout: '100ms' } },
    })
    expect(await carrier(port, 'acc-minlife-20s')).toBeDefined()
    const reply = await connectVia(port, 'echo.test:7', of('acc-session-a-minlife-2m'))
    expect(refusalOf(reply)).toMatchObject({ status: 503, code: 'GW_NO_MATCH' })
    expect((await reply.reader.readAll()).toString()).toMatch(/longest life at purchase: \d+s/)
  })
})

describe('what cannot be', () => {
  it.each([
    ['acc-exclusive', 'is for sessions'],
    ['acc-uses-3', 'is for sessions'],
    ['acc-session-a-uses-0', 'from 1'],
    ['acc-session-a-uses-2-strict-1', 'contradict'],
    ['acc-avoid-first', 'last'],
    ['acc-session-a-minlife-10', 'unit'],
    ['acc-session-a-rotate-1', 'command'],
  ])('%s is refused with words', async (name, words) => {
    const { port } = await startGateway({ upstreams: 1 })
    const reply = await connectVia(port, 'echo.test:7', of(name))
    expect(refusalOf(reply)).toEqual({ status: 400, code: 'GW_BAD_OPTION' })
    expect((await reply.reader.readAll()).toString()).toContain(words)
  })
})

describe("the conventions of vendors' tunnel proxies", () => {
  const SWITCH: Header = ['Proxy-Switch-Ip', 'yes']

  it('Proxy-Switch-Ip moves the session, by CONNECT and by plain requests on a kept connection', async () => {
    const gateway = await startGateway({ upstreams: 3 })
    const first = await carrier(gateway.port, 'acc-session-a')
    const second = await carrier(gateway.port, 'acc-session-a', [SWITCH])
    expect(await carrier(gateway.port, 'acc-session-a')).toBe(second)
    const third = await carrier(gateway.port, 'acc-session-a', [['X-Turnpike-Rotate', '1']])
    expect(new Set([first, second, third]).size).toBe(3)
    const one = await seenBy(gateway, 'acc-session-a', [])
    const two = await seenBy(gateway, 'acc-session-a', [SWITCH], { over: one.reply })
    const three = await seenBy(gateway, 'acc-session-a', [['Proxy-Switch-Ip', 'no']], { over: two.reply })
    expect([two.peer === one.peer, three.peer === two.peer]).toEqual([false, true])
  })

  it('without a session it is another address than that of the kept connection', async () => {
    const gateway = await startGateway({ upstreams: 2, config: { rotation: { strategy: 'longest-life' } } })
    const one = await seenBy(gateway, 'acc', [])
    const two = await seenBy(gateway, 'acc', [SWITCH], { over: one.reply })
    expect(two.peer).not.toBe(one.peer)
  })

  it('Proxy-Tunnel: one number, one address', async () => {
    const gateway = await startGateway({ upstreams: 4 })
    const ids = await carriers(gateway.port, 'acc', 3, [['Proxy-Tunnel', '7381']])
    expect(new Set(ids).size).toBe(1)
    expect(await carrier(gateway.port, 'acc-session-7381')).toBe(ids[0])
    const peers = new Set<string>()
    for (let n = 0; n < 3; n++) peers.add((await seenBy(gateway, 'acc', [['Proxy-Tunnel', '52']])).peer)
    expect(peers.size).toBe(1)
  })

  it('neither header goes further than the gateway', async () => {
    const gateway = await startGateway({ upstreams: 1 })
    await seenBy(gateway, 'acc', [SWITCH, ['Proxy-Tunnel', '1'], ['Proxy-Other', 'kept']])
    const sent = JSON.stringify(gateway.world.upstreams[0]?.requests).toLowerCase()
    expect(sent).not.toMatch(/proxy-switch-ip|proxy-tunnel/)
    expect(sent).toContain('proxy-other')
  })

  it('another value is refused', async () => {
    const { port } = await startGateway({ upstreams: 1 })
    const reply = await plain(port, 'http://site.test/', { headers: [['Proxy-Switch-Ip', 'perhaps']] })
    expect(refusalOf(reply)).toEqual({ status: 400, code: 'GW_BAD_OPTION' })
  })
})

describe('a port and a user', () => {
  it('have a strategy and a rotation of their own, the user first', async () => {
    const users = [
      { name: 'each', password: 'each-password', rotation: { per: 'request' } },
      { name: 'longest', password: 'longest-password', rotation: { strategy: 'longest-life' } },
    ]
    const listen = [{ port: 0, rotation: { strategy: 'round-robin', per: 'connection' }, users }]
    const config = { listen, rotation: { strategy: 'random' } }
    const secrets = ['each-password', 'longest-password']
    const gateway = await startGateway({ upstreams: 3, config, secrets })
    const ask = async (over?: Awaited<ReturnType<typeof plain>>) =>
      plain(gateway.port, 'http://site.test/', { ...of('each', 'each-password'), ...(over && { over }) })
    const one = await ask()
    const two = await ask(one)
    expect(two.body.toString()).not.toBe(one.body.toString())
    const ids = new Set<string | undefined>()
    for (let n = 0; n < 3; n++)
      ids.add(upstreamOf((await connectVia(gateway.port, 'echo.test:7', of('longest', 'longest-password'))).headers))
    expect(ids.size).toBe(1)
  })

  it('have limits of their own for one address, narrower or wider than those of the pool', async () => {
    const users = [
      { name: 'fresh', password: 'fresh-password', perUpstream: { uses: 1 } },
      { name: 'free', password: 'free-password', perUpstream: { connections: 0 } },
    ]
    const config = {
      listen: [{ port: 0, users }],
      pool: { perUpstream: { connections: 1 } },
      wait: { timeout: '100ms' },
    }
    const gateway = await startGateway({ upstreams: 2, config, secrets: ['fresh-password', 'free-password'] })
    const connect = (name: string) => connectVia(gateway.port, 'echo.test:7', of(name, `${name}-password`))
    const ids = [upstreamOf((await connect('fresh')).headers), upstreamOf((await connect('fresh')).headers)]
    expect(new Set(ids).size).toBe(2)
    expect(refusalOf(await connect('fresh')).code).toBe('GW_POOL_EMPTY')
    // Both are at the limit that holds for others.
    expect([(await connect('free')).status, (await connect('free')).status]).toEqual([200, 200])
    await eventually(() => gateway.leases()).toBe(4)
  })
})
