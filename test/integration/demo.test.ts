/** The demo vendor: its API, its upstreams, its end. `fetch: true` is in demo-fetch.test.ts. */
import { expect, it } from 'vitest'
import { answer, buy, call, callRaw, dial, type Item, login, plain, start, tunnel } from '../support/demo-client.ts'
import { send, turn } from '../support/socket-io.ts'

it('sells what its document describes', async () => {
  const { world } = await start()
  const reply = await call(world, '/get', { num: '3' })
  expect(reply).toMatchObject({ status: 200, code: 'SUCCESS', date: 'Wed, 17 Dec 2025 19:33:20 GMT' })
  expect(reply.request_id).toMatch(/^[0-9a-f-]{36}$/)
  expect(reply.data).toHaveLength(3)
  for (const item of reply.data) {
    expect(Object.keys(item)).toEqual([
      'server',
      'proxy_ip',
      'country',
      'area',
      'city',
      'isp',
      'deadline',
      'username',
      'password',
    ])
    expect(item.server).toMatch(new RegExp(`^${item.proxy_ip.replaceAll('.', '\\.')}:\\d+$`))
    // 60 to 120 s after 2025-12-18 03:33:20.400 +08:00, on a full second.
    expect(item.deadline >= '2025-12-18 03:34:21' && item.deadline <= '2025-12-18 03:35:20').toBe(true)
  }
  for (const field of ['server', 'username', 'password'] as const) {
    expect(new Set(reply.data.map((item) => item[field])).size).toBe(3)
  }
})

it('sells one when no number is given, and from the places that are asked for', async () => {
  const { world } = await start()
  const { data } = await call(world, '/get', { country: 'jp,de', isp: 'Rheinnetz' })
  expect(data).toMatchObject([{ country: 'DE', area: 'Hessen', city: 'Frankfurt', isp: 'Rheinnetz' }])
})

it('gives every upstream a port of its own where there is only 127.0.0.1', async () => {
  const { world } = await start({}, { canListen: async () => false })
  const { data } = await call(world, '/get', { num: '5' })
  expect(data.map((item) => item.proxy_ip)).toEqual(Array(5).fill('127.0.0.1'))
  expect(new Set(data.map((item) => item.server)).size).toBe(5)
  const last = data.at(-1) as Item
  expect((await plain(await dial(last), last, 'http://whoami.demo/')).body).toContain(last.server)
})

it('says in its own codes what is wrong', async () => {
  const { world } = await start()
  const codes = async (params: Record<string, string>) => {
    const { status, code } = await call(world, '/get', params)
    return `${status} ${code}`
  }
  expect(await codes({ key: 'somebody else' })).toBe('400 INVALID_KEY')
  for (const num of ['0', '101', '-1', '1.5', 'all', '']) expect(await codes({ num })).toBe('400 INVALID_PARAMETER')
  expect(await codes({ nun: '3' })).toBe('400 INVALID_PARAMETER')
  expect(await codes({ city: 'Atlantis' })).toBe('400 NO_RESOURCE_FOUND')
  const key = world.key.reveal()
  expect(await callRaw(`${world.baseUrl}/get?key=${key}&num=1&num=2`)).toMatchObject({
    code: 'INVALID_PARAMETER',
    message: 'num: given more than once.',
  })
  expect(await callRaw(`${world.baseUrl}/give?key=${key}`)).toMatchObject({ status: 404, code: 'NO_SUCH_OPERATION' })
  expect(await callRaw(`${world.baseUrl}//`)).toMatchObject({ status: 404, code: 'NO_SUCH_OPERATION' })
  expect((await call(world, '/query')).data).toEqual([])
})

it('accepts channels * 5 + 10 calls in any 60 s, with the account’s key', async () => {
  const { world, clock } = await start({ channels: 1 })
  for (let i = 0; i < 20; i++) await call(world, '/get', { key: 'somebody else' })
  const codes: string[] = []
  for (let i = 0; i < 15; i++) {
    codes.push((await call(world, '/get', { num: i === 0 ? '1' : '0' })).code)
    clock.advance(1_000)
  }
  expect(codes).toEqual(['SUCCESS', ...Array(14).fill('INVALID_PARAMETER')])
  expect(await call(world, '/get')).toMatchObject({ status: 429, code: 'REQUEST_LIMIT_EXCEEDED', retryAfter: '45' })
  expect((await call(world, '/query')).code).toBe('SUCCESS')
  clock.advance(44_999)
  expect(await call(world, '/get')).toMatchObject({ code: 'REQUEST_LIMIT_EXCEEDED', retryAfter: '1' })
  clock.advance(1)
  expect((await call(world, '/get', { num: '0' })).code).toBe('INVALID_PARAMETER')
  expect((await call(world, '/get')).code).toBe('REQUEST_LIMIT_EXCEEDED')
})

it('sells what channels are free, and none beyond, however many ask at once', async () => {
  const { world } = await start({ channels: 4 })
  const replies = await Promise.all(Array.from({ length: 5 }, () => call(world, '/get', { num: '3' })))
  expect(replies.map((reply) => reply.data?.length ?? reply.code).toSorted()).toEqual([
    1,
    3,
    ...Array(3).fill('NO_AVAILABLE_CHANNEL'),
  ])
  const held = (await call(world, '/query')).data
  expect(held.map((item) => item.server).toSorted()).toEqual(
    replies
      .flatMap((reply) => reply.data ?? [])
      .map((item) => item.server)
      .toSorted(),
  )
})

it('frees a channel at its deadline, not before', async () => {
  const { world, clock } = await start({ channels: 1, life: [1_000, 1_000] })
  const first = await buy(world)
  expect(first.deadline).toBe('2025-12-18 03:33:22') // 1.6 s ahead: the first full second that leaves a whole life
  clock.advance(1_599)
  expect((await call(world, '/get')).code).toBe('NO_AVAILABLE_CHANNEL')
  clock.advance(1)
  expect((await call(world, '/query')).data).toEqual([])
  expect((await buy(world)).server).not.toBe(first.server)
})

it('an upstream demands its own login, for requests and for tunnels', async () => {
  const { world } = await start()
  const [mine, other] = [await buy(world), await buy(world)]
  const stranger = { ...mine, username: other.username, password: other.password }
  for (const wrong of [stranger, { ...mine, username: other.username }, { ...mine, password: other.password }]) {
    const { status, headers } = await plain(await dial(mine), wrong, 'http://whoami.demo/')
    expect([status, headers.get('proxy-authenticate')]).toEqual([407, 'Basic realm="Turnpike demo vendor"'])
    expect((await tunnel(await dial(mine), wrong, 'whoami.demo:80')).status).toBe(407)
  }
  const client = await dial(mine)
  await send(client.socket, 'GET http://whoami.demo/ HTTP/1.1\r\nHost: whoami.demo\r\n\r\n')
  expect((await answer(client)).status).toBe(407)
})

it('an upstream answers whoami.demo in absolute-form, request after request on one connection', async () => {
  const { world, clock } = await start({ life: [60_000, 60_000] })
  const item = await buy(world)
  const client = await dial(item)
  const place = `${item.city}, ${item.area}, ${item.country}, ${item.isp}`
  const first = await plain(client, item, 'http://whoami.demo/')
  expect(first).toMatchObject({
    status: 200,
    body: `upstream ${item.server}, ${place}, 60 s left\nrequest  GET /, 1 headers\n`,
  })
  expect(first.headers.has('keep-alive')).toBe(false) // no promise of 5 s: only the deadline ends an idle connection
  clock.advance(50_000)
  const json = await plain(client, item, 'http://WHOAMI.demo.:80/x?y', { headers: 'Accept: application/json\r\n' })
  expect(JSON.parse(json.body)).toMatchObject({
    upstream: { address: item.server, secondsLeft: 10 },
    request: { path: '/x?y' },
  })
  expect(await plain(client, item, 'http://whoami.demo/', { method: 'HEAD' })).toMatchObject({
    status: 200,
    body: '',
  })
  const posted = await plain(client, item, 'http://whoami.demo/', {
    method: 'POST',
    headers: 'Transfer-Encoding: chunked\r\n',
    body: '5\r\nhello\r\n2\r\n!!\r\n0\r\n\r\n',
  })
  expect(posted.body).toContain('POST /, 2 headers, a body of 7 bytes\n')
})

it('an upstream answers whoami.demo inside a tunnel, also to a client that half-closes behind its request', async () => {
  const { world } = await start()
  const item = await buy(world)
  const client = await dial(item)
  expect((await tunnel(client, item, 'Whoami.Demo:80')).status).toBe(200)
  await send(client.socket, 'POST /p HTTP/1.1\r\nHost: whoami.demo\r\nContent-Length: 3\r\n\r\nabc')
  const posted = await answer(client)
  expect(posted.body).toContain('request  POST /p, 2 headers, a body of 3 bytes\n')
  expect(posted.headers.has('keep-alive')).toBe(false)
  client.socket.end('GET /last HTTP/1.1\r\nHost: whoami.demo\r\n\r\n')
  expect((await answer(client)).body).toContain(`upstream ${item.server}, `)
  expect((await client.reader.readAll()).length).toBe(0)
})

it('an upstream keeps what a client sends together with its CONNECT', async () => {
  const { world } = await start()
  const item = await buy(world)
  const client = await dial(item)
  const request = 'POST /early HTTP/1.1\r\nHost: whoami.demo\r\nContent-Length: 5\r\n\r\nhello'
  client.socket.end(`CONNECT whoami.demo:80 HTTP/1.1\r\nHost: whoami.demo:80\r\n${login(item)}\r\n${request}`)
  expect((await answer(client, 'CONNECT')).status).toBe(200)
  expect((await answer(client)).body).toContain('request  POST /early, 2 headers, a body of 5 bytes\n')
})

it('an upstream refuses every other target and says what to do', async () => {
  const { world } = await start()
  const item = await buy(world)
  const client = await dial(item)
  const refused = await plain(client, item, 'http://shop.example/', {
    method: 'POST',
    headers: 'Content-Length: 3\r\n',
    body: 'abc',
  })
  expect(refused).toMatchObject({
    status: 403,
    body: expect.stringMatching(/^shop\.example was not contacted: .*whoami\.demo.*\n.*gateway\.yaml.*`fetch: true`/),
  })
  expect((await plain(client, item, 'http://whoami.demo/')).status).toBe(200) // the refused body is out of the way
  const tunnelled = await tunnel(await dial(item), item, 'shop.example:443')
  expect([tunnelled.status, tunnelled.body]).toEqual([403, refused.body])
  const secure = await tunnel(await dial(item), item, 'whoami.demo:443')
  expect(secure).toMatchObject({ status: 403, body: expect.stringContaining('no certificate') })
  expect(await plain(client, item, 'http://whoami.demo:8080/')).toMatchObject({
    status: 403,
    body: expect.stringContaining('port 8080'),
  })
})

it('an upstream stops at its deadline: open connections are dropped, new ones refused', async () => {
  const { world, clock } = await start({ life: [60_000, 60_000] })
  const item = await buy(world)
  const [idle, tunnelled, keptAlive] = [await dial(item), await dial(item), await dial(item)]
  await tunnel(tunnelled, item, 'whoami.demo:80')
  await plain(keptAlive, item, 'http://whoami.demo/')
  clock.advance(60_599)
  const last = await plain(keptAlive, item, 'http://whoami.demo/')
  expect(last.body).toContain(', 0 s left\n')
  clock.advance(1)
  for (const { reader } of [idle, tunnelled, keptAlive]) expect((await reader.readToClose()).bytes.length).toBe(0)
  await expect(dial(item)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

it('an upstream is gone after the machine slept through its deadline', async () => {
  const { world, clock } = await start({ life: [60_000, 60_000] })
  const item = await buy(world)
  clock.suspend(61_000)
  clock.advance(0)
  expect((await call(world, '/query')).data).toEqual([])
  await expect(dial(item)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

/** Sockets that this process has open, of servers and of clients. Timers: the demo's are all on the fake clock. */
const openSockets = () => process.getActiveResourcesInfo().filter((kind) => kind.startsWith('TCP'))

it('close() leaves no socket and no timer, whatever was going on', async () => {
  await expect.poll(openSockets).toEqual([]) // the tests before this one
  const { world, clock } = await start()
  const item = await buy(world)
  const [idle, tunnelled, keptAlive, refused] = [await dial(item), await dial(item), await dial(item), await dial(item)]
  await tunnel(tunnelled, item, 'whoami.demo:80')
  await plain(keptAlive, item, 'http://whoami.demo/')
  await tunnel(refused, item, 'shop.example:443') // proxy-chain keeps a refused socket for another second
  const slowCaller = await dial({ ...item, server: new URL(world.baseUrl).host })
  await send(slowCaller.socket, 'GET /get')
  const selling = call(world, '/get', { num: '10' }).catch(() => 'cut off')
  await turn()
  await Promise.all([world.close(), world.close()])
  await selling
  for (const { reader, socket } of [idle, tunnelled, keptAlive, refused, slowCaller]) {
    await reader.readToClose()
    socket.destroy()
  }
  await expect.poll(openSockets).toEqual([])
  expect(clock.pendingTimers).toBe(0)
  await expect(call(world, '/query')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

it('close() makes way for a start with another key, and no log line knows a secret', async () => {
  const [first, second] = [await start(), await start()]
  expect(first.world.key.reveal()).not.toBe(second.world.key.reveal())
  const item = await buy(first.world)
  await first.world.close()
  for (const secret of [first.world.key.reveal(), item.username, item.password])
    expect(first.lines.join('\n')).not.toContain(secret)
})
