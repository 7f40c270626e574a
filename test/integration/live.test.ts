/** What the admin port shows of a running gateway while clients use it: connections with their tries, and the event stream. */
import { expect, it } from 'vitest'
import { connectionsReport } from '../../src/admin/api/schemas/connections.ts'
import { events } from '../../src/admin/api/schemas/events.ts'
import type { Topic } from '../../src/admin/api/schemas/topics.ts'
import { connectVia, plain, socks5 } from '../support/client.ts'
import { eventually, type Gateway, startGateway } from '../support/gateway.ts'
import { expectEcho } from '../support/socket-io.ts'

const TOKEN = 'token-of-these-tests-4711'
const withAdmin = { admin: { port: 0, token: TOKEN } }
const login = { authorization: `Bearer ${TOKEN}` }

const url = ({ app: { admin } }: Gateway, path: string) => `http://127.0.0.1:${admin?.port}${path}`

async function connections(gateway: Gateway, query: string) {
  const response = await fetch(url(gateway, `/v1/connections?${query}`), { headers: login })
  return connectionsReport.parse(await response.json())
}

it('shows each try of a connection, and finds it by host, session, upstream and code', async () => {
  const gateway = await startGateway({ upstreams: 2, config: { ...withAdmin, rotation: { strategy: 'round-robin' } } })
  const [bad, good] = gateway.world.upstreams
  await bad?.behave('close-at-once')
  for (const username of ['me', 'me-session-s1']) {
    const client = await connectVia(gateway.port, 'echo.test:7', {
      login: { username, password: 'x' },
    })
    await expectEcho(client, 'words')
    client.socket.destroy()
  }
  await plain(gateway.port, 'http://site.test/path?secret=1')
  await eventually(() => gateway.app.traffic.connections.open.length).toBe(0)

  const retried = await connections(gateway, `upstream=${gateway.record(bad as never).id}`)
  expect(retried.connections).toMatchObject([
    {
      ...{ state: 'closed', protocol: 'connect', target: 'echo.test:7', user: 'me', end: expect.any(String) },
      ...{ provider: 'own', upstream: gateway.record(good as never).id, bytesFromClient: expect.any(Number) },
      tries: [
        {
          address: `${bad?.host}:${bad?.port}`,
          result: expect.stringMatching(/closed|unreachable|unanswered/),
          provider: 'own',
        },
        { address: `${good?.host}:${good?.port}`, result: 'opened' },
      ],
    },
  ])
  expect((await connections(gateway, 'session=s1')).connections).toMatchObject([{ session: 's1' }])
  expect((await connections(gateway, 'session=S&user=ME')).matched).toBe(0)
  expect(await connections(gateway, 'session=S&user=ME&provider=OW&code=DON&match=part')).toMatchObject({
    matched: 1,
    connections: [{ session: 's1' }],
  })
  expect((await connections(gateway, 'host=SITE')).connections).toMatchObject([
    { target: 'site.test:80', protocol: 'http' },
  ])
  expect(await connections(gateway, 'host=echo&limit=1')).toMatchObject({
    matched: 2,
    connections: [{ session: 's1' }],
  })
  expect(JSON.stringify(await connections(gateway, 'since=10m'))).not.toMatch(/path|secret/)
  expect((await connections(gateway, 'since=2020-01-01T00:00:00%2B08:00')).matched).toBe(3)
})

it('shows the upstream of a plain request that waits for its answer, and each that sent none', async () => {
  const dial = { timeout: '500ms', deadline: '3s', tries: 3 }
  const gateway = await startGateway({ upstreams: 2, config: { ...withAdmin, dial } })
  for (const upstream of gateway.world.upstreams) await upstream.behave('silent')
  const answer = plain(gateway.port, 'http://site.test/')
  await eventually(() => gateway.app.traffic.connections.open.length).toBe(1)
  const { connections: waiting } = await connections(gateway, 'provider=own')
  expect(waiting).toMatchObject([{ state: 'waiting', tries: [{ provider: 'own', result: 'dialling' }] }])
  expect((await answer).status).toBe(504)

  const { connections: closed } = await connections(gateway, 'host=site.test')
  expect(closed).toMatchObject([
    { code: 'GW_DEADLINE', tries: [{ result: 'unanswered', status: null }, { result: 'abandoned' }] },
  ])
  const addresses = gateway.world.upstreams.map(({ host, port }) => `${host}:${port}`)
  expect(closed[0]?.tries.map(({ address }) => address).toSorted()).toEqual(addresses.toSorted())
})

it('shows who waits, who is refused and why', async () => {
  const gateway = await startGateway({ config: { ...withAdmin, wait: { timeout: '200ms' } } })
  await gateway.world.upstreams[0]?.behave('silent')
  const waiting = connectVia(gateway.port, 'echo.test:7')
  waiting.catch(() => {})
  await eventually(() => gateway.app.traffic.connections.open.length).toBe(1)
  const { connections: open } = await connections(gateway, 'state=waiting')
  expect(open).toMatchObject([{ state: 'waiting', client: '127.0.0.1', tries: [{ result: 'dialling' }], end: null }])
  expect((await connections(gateway, 'state=open')).matched).toBe(0)

  const nowhere = { username: 'me-country-XX', password: 'x' }
  expect((await connectVia(gateway.port, 'echo.test:7', { login: nowhere })).status).toBe(503)
  expect(await connections(gateway, 'code=GW_NO_MATCH')).toMatchObject({
    matched: 1,
    connections: [{ end: 'refused', code: 'GW_NO_MATCH', setupSeconds: null, upstream: null, tries: [] }],
  })
})

it.each([
  ['limit=0', 'limit'],
  ['limit=x', 'limit'],
  ['since=yesterday', 'since'],
  ['state=gone', 'state'],
  ['nonsense=1', 'nonsense'],
])('refuses the query %s', async (query, path) => {
  const gateway = await startGateway({ config: withAdmin })
  const response = await fetch(url(gateway, `/v1/connections?${query}`), { headers: login })
  expect([response.status, response.headers.get('content-type')]).toEqual([400, 'application/problem+json'])
  expect(await response.json()).toMatchObject({ code: 'ADMIN_BAD_REQUEST', errors: [{ path }] })
})

/** Reads events, each held against its schema. */
async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<{ topic: Topic; data: object }> {
  let text = ''
  for await (const piece of body.pipeThrough(new TextDecoderStream())) {
    text += piece
    for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
      const [, topic, data] = /^event: (\w+)\ndata: (.*)$/s.exec(text.slice(0, end)) ?? []
      text = text.slice(end + 2)
      yield { topic: topic as Topic, data: events[topic as Topic].parse(JSON.parse(data ?? '')) }
    }
  }
}

it('streams the whole, then what changes', async () => {
  const gateway = await startGateway({ upstreams: 2, config: withAdmin })
  const response = await fetch(url(gateway, '/v1/events'), { headers: login })
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
  const seen: Topic[] = []
  let opened = false
  for await (const { topic, data } of readEvents(response.body as ReadableStream<Uint8Array>)) {
    seen.push(topic)
    if (topic === 'history') void socks5(gateway.port, 'echo.test:7').then((client) => expectEcho(client, 'words'))
    if (topic === 'connections' && JSON.stringify(data).includes('"opened"')) opened = true
    if (opened && seen.lastIndexOf('pool') > 5) break
  }
  expect([...new Set(seen)]).toEqual(['verdict', 'counters', 'providers', 'pool', 'connections', 'history'])
})

it.each(['', 'verdict,nonsense', 'POOL'])('refuses the topics "%s"', async (topics) => {
  const gateway = await startGateway({ config: withAdmin })
  const response = await fetch(url(gateway, `/v1/events?topics=${topics}`), { headers: login })
  expect(await response.json()).toMatchObject({ code: 'ADMIN_BAD_REQUEST' })
})
