/** What RFC 9110 and RFC 9112 ask of a proxy beside carrying octets: hops, expectations, interim answers, odd statuses. */
import { describe, expect, it } from 'vitest'
import { httpTime } from '../../src/clock.ts'
import { connectVia, dial, plain, readReply } from '../support/client.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { eventually, refusalOf, startGateway } from '../support/gateway.ts'
import { header, readResponseHead } from '../support/http-wire.ts'
import { LoopbackServer } from '../support/loopback-server.ts'
import { SocketReader, send } from '../support/socket-io.ts'

const HOST = 'Host: site.test\r\n'

describe('Max-Forwards (RFC 9110 section 7.6.2)', () => {
  it('0 is answered here, and the connection goes on', async () => {
    const { port, world } = await startGateway({ upstreams: 1 })
    const over = await dial(port)
    const secrets = 'Cookie: a=secret\r\nAuthorization: Basic secret\r\n'
    const trace = `TRACE http://site.test/ HTTP/1.1\r\n${HOST}Max-Forwards: 0\r\n${secrets}X-Own: 1\r\n\r\n`
    await send(over.socket, trace)
    const reflected = await readReply(over)
    expect([reflected.status, header(reflected.headers, 'content-type')]).toEqual([200, 'message/http'])
    expect(reflected.body.toString()).toBe(trace.replace(secrets, ''))
    await send(
      over.socket,
      `OPTIONS http://site.test HTTP/1.1\r\n${HOST}Max-Forwards: 0\r\nContent-Length: 4\r\n\r\nbody`,
    )
    const options = await readReply(over)
    expect([options.status, header(options.headers, 'allow')]).toEqual([200, expect.stringContaining('TRACE')])
    expect(world.site.requests).toEqual([])
    expect((await plain(port, 'http://site.test/', { over })).status).toBe(200)
  })

  it('a TRACE goes through a tunnel: its recipient cannot reflect the login at the upstream', async () => {
    const { port, world } = await startGateway({ upstreams: 1 })
    expect((await plain(port, 'http://site.test/', { method: 'TRACE' })).status).toBe(200)
    expect(world.upstreams[0]?.requests.map(({ method, target }) => [method, target])).toEqual([
      ['CONNECT', 'site.test:80'],
    ])
    expect(header(world.site.requests.at(-1)?.headers ?? [], 'proxy-authorization')).toBeUndefined()
  })

  it('is counted down on the way', async () => {
    const { port, world } = await startGateway({ upstreams: 1 })
    for (const [method, left] of [
      ['TRACE', '4'],
      ['OPTIONS', '4'],
      ['GET', '5'],
    ] as const) {
      await plain(port, 'http://site.test/', { method, headers: [['Max-Forwards', '5']] })
      expect([method, header(world.site.requests.at(-1)?.headers ?? [], 'max-forwards')]).toEqual([method, left])
    }
  })
})

describe.each(['http', 'socks5'] as const)('an expectation, through %s upstreams', (scheme) => {
  it('reaches the target in time for a 417: no octet of the body was sent', async () => {
    const { port, world, app } = await startGateway({ scheme, upstreams: 1 })
    const over = await dial(port)
    const { socket, reader } = over
    await send(
      socket,
      `PUT http://site.test/expect?refuse HTTP/1.1\r\n${HOST}Content-Length: 5\r\nExpect: 100-continue\r\n\r\n`,
    )
    const refused = await readReply(over)
    // Whether the body still comes nobody can know: the connection ends.
    expect([refused.status, header(refused.headers, 'connection')]).toEqual([417, 'close'])
    expect(world.site.requests.at(-1)?.bodyBytes).toBe(0)
    expect(await reader.readAll()).toHaveLength(0)
    socket.end()
    await eventually(() => app.data.connections).toBe(0)
  })

  it('may be tried elsewhere while no body was sent', async () => {
    const gateway = await startGateway({ scheme, upstreams: 2 })
    gateway.world.upstreams[0]?.behaveFor('site.test', scheme === 'http' ? 'close-at-once' : { kind: 'rep', rep: 1 })
    const over = await dial(gateway.port)
    const head = `PUT http://site.test/echo HTTP/1.1\r\n${HOST}Content-Length: 5\r\nExpect: 100-continue\r\n\r\n`
    await send(over.socket, head)
    expect((await readResponseHead(over.reader)).status).toBe(100)
    await send(over.socket, 'hello')
    expect((await readReply(over)).body.toString()).toBe('hello')
    expect(gateway.world.upstreams.map(({ requests }) => requests.length)).toEqual([1, 1])
  })
})

/** An upstream that answers every request so. */
async function answering(octets: string, clock?: FakeClock) {
  const server = await new LoopbackServer(async (socket) => {
    const reader = new SocketReader(socket, { timeoutMs: null })
    for (;;) {
      await reader.readUntil('\r\n\r\n')
      await send(socket, octets)
    }
  }).listen()
  const provider = { list: [`http://${server.authority}`] }
  const gateway = await startGateway({ upstreams: 0, filled: 1, provider, ...(clock && { clock }) })
  await gateway.world.serve('odd.test', server)
  return gateway
}

describe('Date (RFC 9110 section 6.6.1)', () => {
  const clock = new FakeClock()
  const now = httpTime(clock.wall())
  const own = 'Sun, 06 Nov 1994 08:49:37 GMT'
  it.each([
    [`date: ${own}\r\n`, own],
    ['', now],
    [`Date: ${own}\r\nConnection: date\r\n`, now],
  ])('of an answer with the lines %j is one, and right', async (lines, date) => {
    const { port } = await answering(`HTTP/1.1 200 OK\r\n${lines}Content-Length: 2\r\n\r\nok`, clock)
    const { headers } = await plain(port, 'http://site.test/')
    const dates = headers.filter(([name]) => name.toLowerCase() === 'date').map(([, value]) => value)
    expect(dates).toEqual([date])
  })

  it('stands in each answer of the gateway itself', async () => {
    const { port } = await startGateway({ upstreams: 1, clock })
    for (const { status, headers } of [
      await connectVia(port, 'echo.test:7'),
      await connectVia(port, 'no-port'),
      await plain(port, '/'),
      await plain(port, 'http://site.test/', { method: 'OPTIONS', headers: [['Max-Forwards', '0']] }),
    ])
      expect([status, header(headers, 'date')]).toEqual([status, now])
  })
})

it('interim answers are passed on to HTTP/1.1 clients, but no 100 that was not asked for', async () => {
  const interim = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: X\r\nX: 1\r\n\r\n'
  const { port } = await answering(`${interim}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`)
  const reply = await plain(port, 'http://site.test/')
  expect(reply.interim.map(({ status, headers }) => [status, headers])).toEqual([[103, [['Link', '</a>']]]])
  expect((await plain(port, 'http://site.test/', { httpVersion: '1.0' })).interim).toEqual([])
})

it.each([
  [590, 502, 590],
  [597, 502, 597],
  [600, 502, 600],
  [999, 502, 999],
  [589, 589, undefined],
])('the status %d of a proxy is %d for clients, and the real one is told', async (status, told, received) => {
  const { port } = await answering(`HTTP/1.1 ${status} No way\r\nContent-Length: 2\r\n\r\nok`)
  const reply = await plain(port, 'http://site.test/')
  const proxyStatus = received === undefined ? undefined : `turnpike; received-status=${received}`
  expect([reply.status, header(reply.headers, 'proxy-status'), reply.body.toString()]).toEqual([
    told,
    proxyStatus,
    'ok',
  ])
})

it('through a tunnel 590 to 599 are the target’s own words', async () => {
  const { port } = await startGateway({ scheme: 'socks5', upstreams: 1 })
  expect((await plain(port, 'http://site.test/status/599')).status).toBe(599)
})

it('GET and POST by turns go over one connection to the upstream, and a request of each other kind too', async () => {
  const { port, world } = await startGateway({ upstreams: 1 })
  const over = await dial(port)
  for (let n = 0; n < 3; n++) {
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'PROPFIND']) {
      const body = method === 'POST' ? 'with a length' : method === 'PUT' ? ['in ', 'chunks'] : undefined
      const reply = await plain(port, 'http://site.test/echo', {
        method,
        over,
        ...(body === undefined ? {} : { body }),
      })
      const echoed = Array.isArray(body) ? body.join('') : (body ?? '')
      expect([method, reply.status, reply.body.toString()]).toEqual([method, 200, echoed])
    }
  }
  expect(world.upstreams[0]?.connections).toBe(1)
})

it('the deadline of a request runs from its beginning, over every dial behind a kept connection, and each counts as a try', async () => {
  const clock = new FakeClock()
  const drop = Promise.withResolvers<void>()
  let connections = 0
  // Answers once and is closed under the next request; what connects later is closed under its first one.
  const dropping = await new LoopbackServer(async (socket) => {
    const reader = new SocketReader(socket, { timeoutMs: null })
    await reader.readUntil('\r\n\r\n')
    if (++connections > 1) return void socket.end()
    await send(socket, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    await reader.readUntil('\r\n\r\n')
    asked.resolve()
    await drop.promise
    socket.end()
  }).listen()
  const asked = Promise.withResolvers<void>()
  const silent = await new LoopbackServer(async (socket) => {
    await new SocketReader(socket, { timeoutMs: null }).readUntil('\r\n\r\n')
    reached.resolve()
  }).listen()
  const reached = Promise.withResolvers<void>()
  const list = [`http://${dropping.authority}`, `http://${silent.authority}`]
  const config = { dial: { timeout: '60s', deadline: '10s', tries: 5, hedgeAfter: 'off' } }
  const gateway = await startGateway({ upstreams: 0, filled: 2, provider: { list }, config, clock })
  await gateway.world.serve('dropping.test', dropping)
  await gateway.world.serve('silent.test', silent)
  const over = await dial(gateway.port)
  expect((await plain(gateway.port, 'http://site.test/', { over })).status).toBe(200)
  const answer = plain(gateway.port, 'http://site.test/', { over })
  await asked.promise
  clock.advance(9_000)
  drop.resolve()
  await reached.promise
  clock.advance(1_001)
  const reply = await answer
  expect(refusalOf(reply)).toMatchObject({ status: 504, code: 'GW_DEADLINE' })
  expect(reply.body.toString()).toContain('(3 tried)')
})
