/** Plain requests that fail: what may be tried elsewhere, what is passed on, and bans. */
import { describe, expect, it } from 'vitest'
import { dial, plain, readReply } from '../support/client.ts'
import { eventually, type Gateway, refusalOf, startGateway } from '../support/gateway.ts'
import { header } from '../support/http-wire.ts'
import { LoopbackServer } from '../support/loopback-server.ts'
import { SocketReader, send } from '../support/socket-io.ts'
import type { Behaviour, PlainKind } from '../support/upstream-behaviour.ts'

const peers = ({ world }: Gateway) => world.site.requests.map(({ peer }) => peer)

/** Two upstreams; the one that is asked first misbehaves once the request has arrived. */
async function firstFails(behaviour: Behaviour | PlainKind, config = {}): Promise<Gateway> {
  const gateway = await startGateway({ upstreams: 2, config })
  gateway.world.upstreams[0]?.behaveFor('site.test', behaviour)
  return gateway
}

const requests = ({ world }: Gateway) => world.upstreams.map(({ requests }) => requests.length)

describe('an upstream that drops a request', () => {
  it.each([
    ['GET', 'close-at-once'],
    ['GET', 'reset-at-once'],
    ['GET', 'garbage'],
    ['HEAD', 'close-at-once'],
    ['OPTIONS', 'reset-at-once'],
    ['PUT', 'close-at-once'],
    ['DELETE', 'garbage'],
    ['TRACE', 'reset-at-once'],
  ] as const)('%s without a body goes elsewhere after %s', async (method, behaviour) => {
    const gateway = await firstFails(behaviour)
    expect((await plain(gateway.port, 'http://site.test/', { method })).status).toBe(200)
    expect(requests(gateway)).toEqual([1, 1])
  })

  it.each(['POST', 'PATCH', 'PROPFIND'])('%s goes nowhere else: it may have been done', async (method) => {
    const gateway = await firstFails('close-at-once')
    const reply = await plain(gateway.port, 'http://site.test/echo', { method })
    expect(refusalOf(reply)).toEqual({ status: 502, code: 'GW_UPSTREAM_CLOSED' })
    expect(requests(gateway)).toEqual([1, 0])
  })

  it('a PUT whose body is on its way goes nowhere else', async () => {
    const gateway = await firstFails('close-at-once')
    const reply = await plain(gateway.port, 'http://site.test/echo', { method: 'PUT', body: 'a body' })
    expect(refusalOf(reply)).toEqual({ status: 502, code: 'GW_UPSTREAM_CLOSED' })
    expect(requests(gateway)).toEqual([1, 0])
  })

  it('before the body was touched, anything goes elsewhere, body and all', async () => {
    const gateway = await startGateway({ upstreams: 2 })
    await gateway.world.upstreams[0]?.behave('refuse')
    for (const method of ['POST', 'PUT']) {
      const reply = await plain(gateway.port, 'http://site.test/echo', { method, body: ['a ', 'body'] })
      expect([reply.status, reply.body.toString()]).toEqual([200, 'a body'])
    }
    expect(gateway.app.traffic.triesFailed.broken).toBe(1)
  })

  it('is blamed, and the next request avoids it', async () => {
    const gateway = await firstFails('garbage')
    for (let n = 0; n < 3; n++) expect((await plain(gateway.port, 'http://site.test/')).status).toBe(200)
    expect(requests(gateway)).toEqual([1, 3])
    const [bad] = gateway.world.upstreams
    expect(bad && gateway.record(bad)).toMatchObject({ state: 'resting', consecutiveFailures: 1 })
  })
})

it.each([
  ['PUT', '0\r\n\r\n', ''],
  ['DELETE', '0\r\nSum: 1\r\n\r\n', ''],
  ['PUT', '4', '\r\nbody\r\n0\r\n\r\n'],
])(
  '%s with a body in chunks of which no data was sent goes elsewhere after a failure, end and all: %j',
  async (method, first, rest) => {
    const gateway = await firstFails('close-at-once')
    const { socket, reader } = await dial(gateway.port)
    const head = `${method} http://site.test/echo HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\n\r\n`
    await send(socket, head + first)
    await eventually(() => requests(gateway)).toEqual([1, 1])
    await send(socket, rest)
    expect(await readReply({ socket, reader })).toMatchObject({ status: 200, body: Buffer.from(rest.slice(2, 6)) })
  },
)

describe('an answer of an upstream', () => {
  it.each([502, 503, 504])('with %d is passed on: it may be the target’s', async (status) => {
    const gateway = await firstFails({ kind: 'status', status, body: 'the upstream says' })
    const reply = await plain(gateway.port, 'http://site.test/')
    expect([reply.status, reply.body.toString(), header(reply.headers, 'proxy-status')]).toEqual([
      status,
      'the upstream says',
      undefined,
    ])
    expect(requests(gateway)).toEqual([1, 0])
    for (const member of gateway.app.pool.members()) expect(member.state).toBe('ready')
  })

  it.each([502, 503, 504])(
    'with %d, from one that never worked, is evidence: it rests when another one opens',
    async (status) => {
      const gateway = await firstFails({ kind: 'status', status })
      const over = await dial(gateway.port)
      const statuses = []
      // The connection does not stay on it either.
      for (let n = 0; n < 4; n++) statuses.push((await plain(gateway.port, 'http://site.test/', { over })).status)
      expect([statuses, requests(gateway)]).toEqual([
        [status, 200, 200, 200],
        [1, 3],
      ])
      const [bad] = gateway.world.upstreams
      expect(bad && gateway.record(bad)).toMatchObject({ state: 'resting', consecutiveFailures: 1, worked: false })
    },
  )

  it('is its target’s when it has worked before', async () => {
    const gateway = await startGateway({ upstreams: 2 })
    for (let n = 0; n < 2; n++) await plain(gateway.port, 'http://site.test/')
    gateway.world.upstreams[0]?.behaveFor('site.test', { kind: 'status', status: 503 })
    for (let n = 0; n < 4; n++) await plain(gateway.port, 'http://site.test/')
    for (const member of gateway.app.pool.members())
      expect([member.state, member.consecutiveFailures]).toEqual(['ready', 0])
  })

  it('is tried elsewhere where retryStatuses says so, for what may be repeated', async () => {
    const config = { rotation: { retryStatuses: [502, 503] } }
    const gateway = await firstFails({ kind: 'status', status: 503 }, config)
    expect((await plain(gateway.port, 'http://site.test/')).status).toBe(200)
    expect(requests(gateway)).toEqual([1, 1])
  })

  it('is not tried elsewhere for what may not be repeated', async () => {
    const gateway = await firstFails({ kind: 'status', status: 503 }, { rotation: { retryStatuses: [503] } })
    const reply = await plain(gateway.port, 'http://site.test/echo', { method: 'POST', body: 'x' })
    expect([reply.status, requests(gateway)]).toEqual([503, [1, 0]])
  })

  it.each([407, 454])('with %d is about our login: the client gets another upstream', async (status) => {
    const gateway = await firstFails({ kind: 'status', status })
    expect((await plain(gateway.port, 'http://site.test/')).status).toBe(200)
    expect([requests(gateway), [...gateway.app.pool.members()].map(({ state }) => state)]).toEqual([
      [1, 1],
      ['resting', 'ready'],
    ])
  })

  it('with 407 to a request that may not be repeated is 502', async () => {
    const gateway = await firstFails({ kind: 'status', status: 407 })
    const reply = await plain(gateway.port, 'http://site.test/echo', { method: 'POST', body: 'x' })
    expect(refusalOf(reply)).toEqual({ status: 502, code: 'GW_UPSTREAM_LOGIN' })
    expect(header(reply.headers, 'proxy-authenticate')).toBeUndefined()
  })
})

/** WebSockets go through a tunnel with every kind of upstream. */
const UPGRADE = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'a2V5',
}

describe.each([407, 454])('%d of a target that was reached through a tunnel is no word about our login', (status) => {
  it.each([
    ['GET', 'socks5', []],
    ['POST', 'socks5', []],
    ['GET', 'http', Object.entries(UPGRADE)],
  ] as const)('%s through %s', async (method, scheme, headers) => {
    const gateway = await startGateway({ upstreams: 3, scheme })
    const url = `http://site.test/status/${status}`
    for (let n = 0; n < 4; n++) {
      const reply = await plain(gateway.port, url, { method, headers: [...headers, ['Host', 'site.test']] })
      expect([reply.status, header(reply.headers, 'proxy-status')]).toEqual([status, undefined])
    }
    expect(gateway.world.site.requests).toHaveLength(4)
    for (const member of gateway.app.pool.members())
      expect([member.state, member.consecutiveFailures]).toEqual(['ready', 0])
  })
})

/** To a GET, which goes the short way, and to a POST, which goes the long one. */
const odd: [reply: string, status: number, body: string][] = [
  ['HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n', 502, ''],
  ['HTTP/1.1 200 \x01\r\nContent-Length: 0\r\n\r\n', 502, ''],
  ['HTTP/1.1 200 OK\r\nX: a\x01b\r\nContent-Length: 0\r\n\r\n', 502, ''],
  ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 502, ''],
  ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello', 502, ''],
  ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n', 502, ''],
  ['HTTP/1.1 200 OK\nContent-Length: 0\n\n', 502, ''],
  ['HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n', 502, ''],
  // RFC 9110 section 15.2: also when it is not expected.
  ['HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', 200, 'ok'],
  [`${'HTTP/1.1 100 Continue\r\nX: y\r\n\r\n'.repeat(2_000)}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`, 200, 'ok'],
  [
    'HTTP/1.1 100 C\r\n\r\nHTTP/1.1 103 E\r\n\r\nHTTP/1.0 100\r\n\r\nHTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok',
    200,
    'ok',
  ],
  ['HTTP/1.1 100 Continue\r\nX\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', 502, ''],
  ['HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n', 502, ''],
  ['HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', 200, 'ok'],
  [`HTTP/1.1 200 OK\r\nX-Long: ${'x'.repeat(40_000)}\r\nContent-Length: 0\r\n\r\n`, 502, ''],
  ['HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok', 200, 'ok'],
  ['HTTP/1.1 200 OK\r\nConnection: Content-Length, X-Y\r\nX-Y: 1\r\nContent-Length: 2\r\n\r\nok', 200, 'ok'],
  ['HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\nhello', 204, ''],
  ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more', 200, 'ok'],
  ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 200, ''],
  ['ICY 200 OK\r\n\r\n', 502, ''],
  ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 502, ''],
  // UTF-8, and octets of another character set.
  ['HTTP/1.1 200 \xe6\x88\x90\xe5\x8a\x9f\r\nContent-Length: 2\r\n\r\nok', 200, 'ok'],
  ['HTTP/1.1 200 caf\xe9\r\nContent-Length: 2\r\n\r\nok', 200, 'ok'],
  [`HTTP/1.1 200 OK\r\nX-Long: ${'x'.repeat(20_000)}\r\nContent-Length: 2\r\n\r\nok`, 200, 'ok'],
]

describe('an answer of an upstream that is odd', () => {
  it('is repaired or refused, and harms nobody', async () => {
    const script = odd.flatMap(([reply]) => [reply, reply])
    const server = await new LoopbackServer(async (socket) => {
      await new SocketReader(socket, { timeoutMs: null }).readUntil('\r\n\r\n')
      await send(socket, script.shift() ?? '')
      socket.end()
    }).listen()
    const gateway = await startGateway({
      upstreams: 0,
      filled: 1,
      provider: { list: [`http://${server.authority}`] },
      config: {
        dial: { tries: 1 },
        health: { rest: '1ms', maxRest: '1ms', evictAfter: 1_000 },
        limits: { headerBytes: '32KiB' },
      },
    })
    await gateway.world.serve('odd.test', server)
    for (const [reply, status, body] of odd) {
      for (const method of ['GET', 'POST']) {
        const answer = await plain(gateway.port, 'http://site.test/', { method })
        const got = [method, answer.status, answer.status === 502 ? '' : answer.body.toString()]
        expect.soft(got, JSON.stringify(reply.slice(0, 80))).toEqual([method, status, body])
      }
    }
  })
})

describe('bans', () => {
  it('rest the upstream for that host alone, for as long as configured', async () => {
    const config = { bans: [{ host: '*.test', status: [403, 429], rest: '10m' }] }
    const gateway = await startGateway({ upstreams: 2, config })
    gateway.world.names['free.test'] = [gateway.world.site.host, gateway.world.site.port]
    const banned = await plain(gateway.port, 'http://site.test/status/429')
    expect(banned.status).toBe(429)
    for (let n = 0; n < 4; n++) await plain(gateway.port, 'http://site.test/')
    const [first, ...others] = peers(gateway)
    expect(others).not.toContain(first)
    for (let n = 0; n < 2; n++) await plain(gateway.port, 'http://free.test/')
    expect(peers(gateway).slice(5)).toContain(first)
    for (const member of gateway.app.pool.members()) expect(member.state).toBe('ready')
  })

  it('make a kept connection take another upstream for that host', async () => {
    const config = { bans: [{ host: 'site.test', status: [403], rest: '10m' }] }
    const gateway = await startGateway({ upstreams: 2, config })
    const over = await dial(gateway.port)
    expect((await plain(gateway.port, 'http://site.test/status/403', { over })).status).toBe(403)
    expect((await plain(gateway.port, 'http://site.test/', { over })).status).toBe(200)
    expect(new Set(peers(gateway)).size).toBe(2)
  })
})
