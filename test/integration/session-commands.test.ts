/** http://turnpike.internal/: sessions that clients command through the port, and who may not. */
import { describe, expect, it } from 'vitest'
import { connectVia, plain, socks5 } from '../support/client.ts'
import { eventually, type Gateway, refusalOf, startGateway } from '../support/gateway.ts'
import type { Header } from '../support/http-wire.ts'

const HOST = 'http://turnpike.internal'
const RIGHT: Header = ['X-Turnpike', '1']
const of = (username: string) => ({ login: { username, password: 'x' } })

interface Answer {
  readonly session: string | null
  readonly address: { readonly id: string; readonly provider: string } | null
}

async function ask({ port }: Gateway, path: string, username: string, headers: readonly Header[] = [RIGHT]) {
  const method = path === '/session' ? 'GET' : 'POST'
  const reply = await plain(port, `${HOST}${path}`, { method, headers, ...of(username) })
  const isAnswer = reply.status === 200
  return { reply, body: isAnswer ? (JSON.parse(reply.body.toString()) as Answer) : undefined }
}

const idOf = async (gateway: Gateway, path: string, username: string) =>
  (await ask(gateway, path, username)).body?.address?.id

/** The upstream that a tunnel of this user name went through. */
async function carrier({ port }: Gateway, username: string, target = 'echo.test:7') {
  const reply = await connectVia(port, target, of(username))
  expect(reply.status).toBe(200)
  return reply.headers.find(([name]) => name.toLowerCase() === 'x-turnpike-upstream')?.[1]
}

describe('a client', () => {
  it('sees and rotates its session, through every address before it meets one again', async () => {
    const gateway = await startGateway({ upstreams: 4 })
    expect((await ask(gateway, '/session', 'acc-session-a')).body).toEqual({ session: 'a', address: null })
    const first = await carrier(gateway, 'acc-session-a')
    expect((await ask(gateway, '/session', 'acc-session-a')).body?.address).toMatchObject({
      id: first,
      provider: 'own',
    })
    const ids = [first]
    for (let n = 0; n < 3; n++) {
      const id = await idOf(gateway, '/session/rotate', 'acc-session-a')
      expect(await carrier(gateway, 'acc-session-a')).toBe(id)
      ids.push(id)
    }
    expect(new Set(ids).size).toBe(4)
    const again = await idOf(gateway, '/session/rotate', 'acc-session-a')
    expect([ids.includes(again), again === ids.at(-1)]).toEqual([true, false])
    expect(gateway.leases()).toBe(5 - 1)
  })

  it('has its next use of the address that it moves to: no other client gets that', async () => {
    const gateway = await startGateway({
      upstreams: 2,
      config: { pool: { perUpstream: { uses: 1 } }, wait: { timeout: '50ms' } },
    })
    await carrier(gateway, 'acc-session-a')
    const second = await idOf(gateway, '/session/rotate', 'acc-session-a')
    expect((await connectVia(gateway.port, 'echo.test:7', of('acc'))).status).toBe(503)
    expect(await carrier(gateway, 'acc-session-a')).toBe(second)
  })

  it('bans its address for one host, and moves', async () => {
    const gateway = await startGateway({ upstreams: 2 })
    const first = await carrier(gateway, 'acc-session-a')
    const second = await idOf(gateway, '/session/ban?host=ECHO.test', 'acc-session-a')
    expect(second).not.toBe(first)
    const others = [await carrier(gateway, 'acc'), await carrier(gateway, 'acc'), await carrier(gateway, 'acc')]
    expect(others).toEqual([second, second, second])
  })

  it('bans its address for a host with a final dot, which is the same host', async () => {
    const gateway = await startGateway({ upstreams: 2, config: { wait: { timeout: '100ms' } } })
    await carrier(gateway, 'acc-session-a')
    const second = await idOf(gateway, '/session/ban?host=ECHO.test.', 'acc-session-a')
    expect(second).toBeTypeOf('string')
    const others = [await carrier(gateway, 'acc'), await carrier(gateway, 'acc'), await carrier(gateway, 'acc')]
    expect(others).toEqual([second, second, second])
    await ask(gateway, '/session/ban?host=echo.test', 'acc-session-a')
    const refused = await connectVia(gateway.port, 'Echo.test.:7')
    expect(refusalOf(refused)).toMatchObject({ status: 503, code: 'GW_POOL_EMPTY' })
  })

  it('moves on a connection that it keeps', async () => {
    const gateway = await startGateway({ upstreams: 2 })
    const before = await plain(gateway.port, 'http://site.test/', of('acc-session-a'))
    await idOf(gateway, '/session/rotate', 'acc-session-a')
    const after = await plain(gateway.port, 'http://site.test/', { ...of('acc-session-a'), over: before })
    expect(after.body.toString()).not.toBe(before.body.toString())
  })

  it('hears the truth when there is no other address', async () => {
    const gateway = await startGateway({ upstreams: 1, config: { wait: { timeout: '100ms' } } })
    const only = await carrier(gateway, 'acc-session-a')
    expect(refusalOf((await ask(gateway, '/session/rotate', 'acc-session-a')).reply).status).toBe(503)
    expect(await idOf(gateway, '/session', 'acc-session-a')).toBe(only)
    expect(gateway.app.data.leaseQueue.waitingCount).toBe(0)
  })

  it('leaves while it waits, and nothing is left behind', async () => {
    const gateway = await startGateway({ upstreams: 1, config: { pool: { perUpstream: { connections: 1 } } } })
    const tunnel = await connectVia(gateway.port, 'echo.test:7', of('other'))
    const waits = ask(gateway, '/session/rotate', 'acc-session-a').catch(() => 'gone')
    await eventually(() => gateway.app.data.leaseQueue.waitingCount).toBe(1)
    tunnel.socket.destroy()
    expect(await waits).toMatchObject({ body: { session: 'a' } })
    expect(gateway.leases()).toBe(0)
  })

  it('has no part in the session of another one', async () => {
    const gateway = await startGateway({ upstreams: 3 })
    const first = await carrier(gateway, 'acc-session-a')
    await idOf(gateway, '/session/rotate', 'two-session-a')
    await idOf(gateway, '/session/rotate', 'acc-session-b')
    expect(await carrier(gateway, 'acc-session-a')).toBe(first)
  })
})

it('many rotate at once, and each is where its answer says', async () => {
  const gateway = await startGateway({ upstreams: 5 })
  const names = Array.from({ length: 100 }, (_, n) => `acc-session-${n}`)
  const ids = await Promise.all(names.map((name) => idOf(gateway, '/session/rotate', name)))
  const now = await Promise.all(names.map((name) => idOf(gateway, '/session', name)))
  expect(now).toEqual(ids)
  expect([new Set(ids).size, gateway.leases()]).toEqual([5, 0])
})

describe('refused', () => {
  it.each<[what: string, path: string, userName: string, headers: Header[], code: string]>([
    ['a change without the header', '/session/rotate', 'acc-session-a', [], 'GW_BAD_REQUEST'],
    ['a change with another value', '/session/rotate', 'acc-session-a', [['X-Turnpike', '0']], 'GW_BAD_REQUEST'],
    ['a page', '/session/rotate', 'acc-session-a', [RIGHT, ['Origin', 'http://a.test']], 'GW_TARGET_NOT_ALLOWED'],
    ['a page that reads', '/session', 'acc-session-a', [['Sec-Fetch-Site', 'cross-site']], 'GW_TARGET_NOT_ALLOWED'],
    ['an opaque origin', '/session', 'acc-session-a', [['Origin', 'null']], 'GW_TARGET_NOT_ALLOWED'],
    ['a client without a session', '/session/rotate', 'acc', [RIGHT], 'GW_BAD_OPTION'],
    ['a ban of no host', '/session/ban', 'acc-session-a', [RIGHT], 'GW_BAD_REQUEST'],
    ['a ban of what is no host', '/session/ban?host=a%20b', 'acc-session-a', [RIGHT], 'GW_BAD_REQUEST'],
    ['a ban before there is an address', '/session/ban?host=a.test', 'acc-session-a', [RIGHT], 'GW_BAD_REQUEST'],
    ['an unknown path', '/constructor', 'acc-session-a', [RIGHT], 'GW_BAD_REQUEST'],
    ['a command in the user name', '/session', 'acc-session-a-rotate-1', [], 'GW_BAD_OPTION'],
  ])('%s', async (_what, path, userName, headers, code) => {
    const gateway = await startGateway({ upstreams: 1 })
    expect(refusalOf((await ask(gateway, path, userName, headers)).reply).code).toBe(code)
    expect(gateway.app.data.sessionTable.size).toBe(0)
  })

  it('a preflight, CONNECT, SOCKS and other ports, which reach no upstream', async () => {
    const { port, world } = await startGateway({ upstreams: 1 })
    const preflight: Header[] = [['Access-Control-Request-Method', 'POST']]
    const options = await plain(port, `${HOST}/session/rotate`, { method: 'OPTIONS', headers: preflight })
    expect([options.status, JSON.stringify(options.headers).includes('Access-Control')]).toEqual([400, false])
    for (const target of ['turnpike.internal:80', 'Turnpike.Internal.:443'])
      expect(refusalOf(await connectVia(port, target)).code).toBe('GW_TARGET_NOT_ALLOWED')
    expect((await socks5(port, 'turnpike.internal:80')).rep).toBe(2)
    expect(refusalOf(await plain(port, 'http://turnpike.internal:81/session')).code).toBe('GW_TARGET_NOT_ALLOWED')
    expect(world.upstreams[0]?.requests).toEqual([])
  })
})

describe('the operator', () => {
  const admin = { port: 0, token: 'a-token-of-the-operator' }
  const call = async ({ app }: Gateway, path: string, method = 'GET') => {
    const headers = { connection: 'close', authorization: `Bearer ${admin.token}` }
    const response = await fetch(`http://127.0.0.1:${app.admin?.port}${path}`, { method, headers })
    return { status: response.status, body: await response.json() } as { status: number; body: Record<string, unknown> }
  }

  it('sees sessions and moves one, also a strict one: its next connection goes elsewhere', async () => {
    const gateway = await startGateway({ upstreams: 2, config: { admin }, secrets: [admin.token] })
    const first = await carrier(gateway, 'acc-session-a-strict-1')
    const { body } = await call(gateway, '/v1/sessions?limit=5')
    expect(body).toMatchObject({ count: 1, sessions: [{ upstream: first, uses: 1, moves: false, exclusive: false }] })
    const [{ key }] = body['sessions'] as [{ key: string }]
    const rotated = await call(gateway, `/v1/sessions/${key}/rotate`, 'POST')
    expect(rotated).toEqual({ status: 200, body: { key, leaves: first } })
    const second = await carrier(gateway, 'acc-session-a-strict-1')
    expect(second).not.toBe(first)
    expect(await carrier(gateway, 'acc-session-a-strict-1')).toBe(second)
    expect((await call(gateway, '/v1/sessions/none/rotate', 'POST')).status).toBe(404)
  })
})

it('another user has no part in a session of the same name', async () => {
  const users = ['one', 'two'].map((name) => ({ name, password: `${name}-password` }))
  const secrets = users.map(({ password }) => password)
  const gateway = await startGateway({ upstreams: 3, config: { listen: [{ port: 0, users }] }, secrets })
  const post = (username: string, name: string) =>
    plain(gateway.port, `${HOST}/session/rotate`, {
      ...{ method: 'POST', headers: [RIGHT] },
      login: { username, password: `${name}-password` },
    })
  const tunnel = await connectVia(gateway.port, 'echo.test:7', {
    login: { username: 'one-session-a', password: 'one-password' },
  })
  const id = tunnel.headers.find(([name]) => name.toLowerCase() === 'x-turnpike-upstream')?.[1]
  expect((await post('two-session-a', 'two')).status).toBe(200)
  expect((await post('one-session-a', 'two')).status).toBe(407)
  const shown = await plain(gateway.port, `${HOST}/session`, {
    login: { username: 'one-session-a', password: 'one-password' },
  })
  expect((JSON.parse(shown.body.toString()) as Answer).address?.id).toBe(id)
})
