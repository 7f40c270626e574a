/** The lease API: addresses for programs that connect to them themselves, and the API of jhao104/proxy_pool over it. */
import { describe, expect, it } from 'vitest'
import { connectVia } from '../support/client.ts'
import { eventually, type Gateway, type GatewayOptions, startGateway } from '../support/gateway.ts'

const SECRETS = ['one-password', 'two-password', 'a-token-of-the-operator']
const admin = { port: 0, token: 'a-token-of-the-operator' }
const users = (limits?: object) => [
  { name: 'one', password: 'one-password', ...(limits && { limits }) },
  { name: 'two', password: 'two-password' },
]

const start = (options: GatewayOptions = {}) =>
  startGateway({ ...options, config: { admin, ...options.config }, secrets: SECRETS })
const withUsers = (limits?: object, options: GatewayOptions = {}) =>
  start({ ...options, config: { listen: [{ port: 0, users: users(limits) }], ...options.config } })

interface Taken {
  readonly count: number
  readonly addresses: readonly {
    readonly lease: string
    readonly id: string
    readonly address: string
    readonly username: string
    readonly password: string
    readonly url: string
    readonly lentUntil: string
  }[]
}

async function ask(gateway: Gateway, path: string, name?: string, init: RequestInit = {}) {
  const authorization = name && `Basic ${btoa(`${name}:${name.split('-')[0]}-password`)}`
  const headers = { connection: 'close', ...(authorization && { authorization }) }
  const response = await fetch(`http://127.0.0.1:${gateway.app.admin?.port}${path}`, { ...init, headers })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json') === true
  return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined }
}

const take = async (gateway: Gateway, query = '', name?: string) =>
  (await ask(gateway, `/v1/take${query}`, name)).body as Taken

async function release(gateway: Gateway, { addresses }: Taken, name?: string) {
  for (const { lease } of addresses)
    expect((await ask(gateway, `/v1/leases/${lease}/release`, name, { method: 'POST' })).status).toBe(200)
}

describe('take', () => {
  it('lends different addresses with their logins, counted until they are given back', async () => {
    const gateway = await start()
    const taken = await take(gateway, '?num=3')
    expect([taken.count, new Set(taken.addresses.map(({ id }) => id)).size, gateway.leases()]).toEqual([3, 3, 3])
    const [first] = taken.addresses
    const [upstream] = gateway.world.upstreams.filter(({ host, port }) => `${host}:${port}` === first?.address)
    expect(first).toMatchObject({ provider: 'own', protocol: 'http', ...upstream?.login })
    expect(new URL(first?.url ?? '').host).toBe(first?.address)
    await release(gateway, taken)
    expect(gateway.leases()).toBe(0)
    const again = await ask(gateway, `/v1/leases/${first?.lease}/release`, undefined, { method: 'POST' })
    expect([again.status, again.body.code]).toEqual([404, 'ADMIN_UNKNOWN_LEASE'])
  })

  it('lends as many as there are, as text too, and they end at their time', async () => {
    const gateway = await start({ upstreams: 2, config: { wait: { timeout: '100ms' } } })
    const { text, headers } = await ask(gateway, '/v1/take?num=5&hold=50ms&format=text')
    expect(headers.get('content-type')).toContain('text/plain')
    const expected = gateway.world.upstreams.map((upstream) => new URL(upstream.url()).href.slice(7, -1))
    expect(text.trim().split('\n').toSorted()).toEqual(expected.toSorted())
    await eventually(() => gateway.leases()).toBe(0)
  })

  it('keeps away from addresses that the host has banned, with and without a final dot', async () => {
    const gateway = await start({ upstreams: 2 })
    const taken = await take(gateway)
    const banned = taken.addresses[0]?.id
    const reported = await fetch(`http://127.0.0.1:${gateway.app.admin?.port}/v1/upstreams/${banned}/report`, {
      ...{ method: 'POST', body: '{"host": "Shop.Test."}' },
      headers: { authorization: `Bearer ${admin.token}`, connection: 'close' },
    })
    expect(await reported.json()).toMatchObject({ host: 'shop.test' })
    await release(gateway, taken)
    for (const host of ['shop.test', 'SHOP.test.', 'shop.test']) {
      const other = await take(gateway, `?host=${host}`)
      expect([other.count, other.addresses[0]?.id === banned]).toEqual([1, false])
      await release(gateway, other)
    }
  })

  it('shares sessions with the port', async () => {
    const gateway = await withUsers()
    const login = { username: 'one-session-a', password: 'one-password' }
    const tunnel = await connectVia(gateway.port, 'echo.test:7', { login })
    const id = tunnel.headers.find(([name]) => name.toLowerCase() === 'x-turnpike-upstream')?.[1]
    for (const [query, name] of [
      ['?session=a', 'one'],
      ['', 'one-session-a'],
    ] as const) {
      const taken = await take(gateway, query, name)
      expect(taken.addresses.map((one) => one.id)).toEqual([id])
      await release(gateway, taken, 'one')
    }
    expect((await ask(gateway, '/v1/take?session=a&num=2', 'one')).body).toMatchObject({
      ...{ status: 400, code: 'ADMIN_BAD_REQUEST', error: 'GW_BAD_OPTION' },
    })
  })

  it('demands the login of a user where the port does, and keeps users apart', async () => {
    const gateway = await withUsers()
    const none = await ask(gateway, '/v1/take')
    expect([none.status, none.body.code, none.headers.get('www-authenticate')]).toEqual([
      ...[401, 'ADMIN_LOGIN_REQUIRED', 'Basic realm="turnpike", charset="UTF-8"'],
    ])
    expect((await ask(gateway, '/v1/take', 'three')).status).toBe(401)
    const taken = await take(gateway, '', 'one')
    const foreign = await ask(gateway, `/v1/leases/${taken.addresses[0]?.lease}/release`, 'two', { method: 'POST' })
    expect(foreign.status).toBe(404)
    await release(gateway, taken, 'one')
  })

  it('is under the limits of the user', async () => {
    const gateway = await withUsers({ connections: 2, addressesPerHour: 2 })
    const taken = await take(gateway, '?num=3', 'one')
    expect(taken.count).toBe(2)
    const refused = await ask(gateway, '/v1/take', 'one')
    expect([refused.status, refused.body.code, refused.body.error]).toEqual([429, 'ADMIN_USER_LIMIT', 'GW_USER_LIMIT'])
    expect(
      (await connectVia(gateway.port, 'echo.test:7', { login: { username: 'one', password: 'one-password' } })).status,
    ).toBe(429)
    await release(gateway, taken, 'one')
    const again = await take(gateway, '?num=2', 'one')
    expect(again.addresses.map(({ id }) => id).toSorted()).toEqual(taken.addresses.map(({ id }) => id).toSorted())
    await release(gateway, again, 'one')
  })

  it('says why there is none: a place that no address has, a wish that cannot be, a pool that is empty', async () => {
    const gateway = await start({
      upstreams: 1,
      config: { wait: { timeout: '100ms' }, pool: { perUpstream: { uses: 1 } } },
    })
    const reasons: [string, number, string][] = [
      ['?country=jp', 503, 'GW_NO_MATCH'],
      ['?life=10', 400, 'GW_BAD_OPTION'],
      ['?provider=nobody', 400, 'GW_BAD_OPTION'],
    ]
    for (const [query, status, error] of reasons)
      expect((await ask(gateway, `/v1/take${query}`)).body).toMatchObject({ status, error })
    const mistakes: [string, string][] = [
      ['/v1/take?num=101', 'num: write a whole number from 1 to 100'],
      ['/v1/take?contry=jp', 'contry: unknown key; did you mean country?'],
      ['/v1/take?format=xml', 'format: write one of json, text'],
      [`/v1/take?session=${'x'.repeat(257)}`, 'session: takes at most 256 characters'],
      ['/delete/', 'proxy: is missing'],
    ]
    for (const [path, detail] of mistakes)
      expect((await ask(gateway, path)).body).toMatchObject({ code: 'ADMIN_BAD_REQUEST', detail })
    const taken = await take(gateway)
    const none = await ask(gateway, '/v1/take')
    expect([none.status, none.body.code, none.headers.has('retry-after')]).toEqual([503, 'ADMIN_NO_ADDRESS', true])
    await release(gateway, taken)
  })
})

/** What a crawler for proxy_pool does: the example of its manual (docs/api.md of jhao104/proxy_pool, read 2026-11-29). */
describe('as proxy_pool', () => {
  it('get: an address in its form, the same lease however often it is asked for', async () => {
    const gateway = await start({ upstreams: 1 })
    for (const path of ['/get/', '/get', '/get/?type=https', '/get/']) {
      const { status, body } = await ask(gateway, path)
      expect(status).toBe(200)
      expect(Object.keys(body)).toEqual([
        ...['proxy', 'https', 'fail_count', 'region', 'anonymous', 'source'],
        ...['check_count', 'last_status', 'last_time'],
      ])
      expect(`http://${body.proxy}`).toBe(gateway.world.upstreams[0]?.url())
    }
    expect(gateway.leases()).toBe(1)
    await ask(gateway, `/delete/?proxy=${(await ask(gateway, '/get/')).body.proxy}`)
  })

  it('delete: the address rests, and is named by what get has given or by host and port', async () => {
    const gateway = await start({ upstreams: 2, config: { wait: { timeout: '50ms' } } })
    const first = (await ask(gateway, '/get/')).body.proxy as string
    expect((await ask(gateway, `/delete/?proxy=${first}`)).body).toEqual({ code: 0, src: 1 })
    const second = (await ask(gateway, '/get/')).body.proxy as string
    expect(second).not.toBe(first)
    expect((await ask(gateway, '/count/')).body).toEqual({ http_type: { https: 1 }, source: { own: 1 }, count: 1 })
    expect((await ask(gateway, `/delete/?proxy=${second.split('@')[1]}`)).body).toEqual({ code: 0, src: 1 })
    expect((await ask(gateway, '/delete/?proxy=192.0.2.1:1')).body).toEqual({ code: 0, src: 0 })
    expect((await ask(gateway, '/get/')).body).toEqual({ code: 0, src: 'no proxy' })
    expect((await ask(gateway, '/count')).body).toEqual({ http_type: {}, source: {}, count: 0 })
    expect(gateway.leases()).toBe(0)
  })

  it('pop: no other client is lent the address; all: every address that is free', async () => {
    const gateway = await start({ upstreams: 3 })
    const popped = (await ask(gateway, '/pop/')).body.proxy as string
    const all = (await ask(gateway, '/all/')).body as { proxy: string }[]
    expect([all.length, all.some(({ proxy }) => proxy === popped)]).toEqual([2, false])
    expect(gateway.leases()).toBe(3)
    for (const proxy of [popped, ...all.map((one) => one.proxy)]) await ask(gateway, `/delete/?proxy=${proxy}`)
  })

  it('pop after all: an address that only this client has, and from then on no other', async () => {
    const gateway = await withUsers(undefined, { upstreams: 2, config: { wait: { timeout: '50ms' } } })
    const all = (await ask(gateway, '/all/', 'one')).body as { proxy: string }[]
    const { lease } = (await take(gateway, '', 'two')).addresses[0] ?? {}
    const popped = (await ask(gateway, '/pop/', 'one')).body.proxy as string
    expect(all.map(({ proxy }) => proxy)).toContain(popped)
    expect((await ask(gateway, '/count/', 'two')).body.count).toBe(1)
    expect((await ask(gateway, '/pop/', 'one')).body).toEqual({ code: 0, src: 'no proxy' })
    await ask(gateway, `/v1/leases/${lease}/release`, 'two', { method: 'POST' })
    expect((await ask(gateway, '/pop/', 'one')).body.proxy).not.toBe(popped)
    expect(gateway.leases()).toBe(2)
    for (const { proxy } of all) await ask(gateway, `/delete/?proxy=${proxy}`, 'one')
    expect(gateway.leases()).toBe(0)
  })

  it('demands the login where the port does, and refuses pages of other sites', async () => {
    const gateway = await withUsers()
    expect((await ask(gateway, '/get/')).status).toBe(401)
    const page = await fetch(`http://127.0.0.1:${gateway.app.admin?.port}/get/`, {
      headers: { connection: 'close', origin: 'http://a.test' },
    })
    expect([page.status, await page.text()]).toEqual([403, expect.stringContaining('ADMIN_CROSS_SITE')])
    const { body } = await ask(gateway, '/get/', 'one')
    expect(body.proxy).toContain('@')
    expect((await ask(gateway, `/delete/?proxy=${body.proxy}`, 'one')).text).toBe('{"code":0,"src":1}')
  })
})
