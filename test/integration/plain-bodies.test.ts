/** Plain requests: bodies both ways, in every framing. */
import { createHash, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { dial, plain, readReply } from '../support/client.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { eventually, refusalOf, startGateway } from '../support/gateway.ts'
import { chunk, header, lastChunk, readResponseHead } from '../support/http-wire.ts'
import { LoopbackServer } from '../support/loopback-server.ts'
import { firstDifference, pattern } from '../support/pattern.ts'
import { delay, SocketReader, send, turn } from '../support/socket-io.ts'
import { neverReads } from '../support/tcp.ts'

const MIB = 1_048_576
const block = pattern(MIB)

describe.each(['http', 'https', 'socks5'] as const)('through %s upstreams', (scheme) => {
  it('bodies of a length and in chunks, small and large, both ways', async () => {
    const { port } = await startGateway({ scheme, upstreams: 1 })
    const big = randomBytes(3 * MIB)
    const sha256 = createHash('sha256').update(big).digest('hex')
    for (const body of [big, [big.subarray(0, 1), big.subarray(1, 70_000), big.subarray(70_000)]]) {
      const reply = await plain(port, 'http://site.test/digest', { method: 'POST', body })
      expect(JSON.parse(reply.body.toString())).toMatchObject({ bytes: big.length, sha256 })
    }
    const download = await plain(port, `http://site.test/bytes/${3 * MIB}`)
    expect([header(download.headers, 'content-length'), firstDifference(download.body)]).toEqual([`${3 * MIB}`, -1])
    const echo = await plain(port, 'http://site.test/echo', { method: 'PUT', body: ['a', 'bc', 'def'] })
    expect(echo.body.toString()).toBe('abcdef')
    expect((await plain(port, 'http://site.test/echo', { method: 'POST', body: '' })).body).toHaveLength(0)
    expect((await plain(port, 'http://site.test/echo', { body: 'a GET with a body' })).body.toString()).toBe(
      'a GET with a body',
    )
  })

  it('chunked answers with their trailers, bodies that end with the connection, interim answers', async () => {
    const { port } = await startGateway({ scheme, upstreams: 1 })
    const reply = await plain(port, 'http://site.test/chunked')
    expect([reply.body.toString(), reply.complete]).toEqual(['one\ntwo\nthree\n', true])
    const sha256 = createHash('sha256').update(reply.body).digest('hex')
    expect(reply.trailers).toEqual([['X-Body-SHA256', sha256]])
    const old = await plain(port, 'http://site.test/chunked', { httpVersion: '1.0' })
    expect([old.body.toString(), header(old.headers, 'transfer-encoding')]).toEqual(['one\ntwo\nthree\n', undefined])
    const untilClose = await plain(port, 'http://site.test/until-close')
    expect([untilClose.body.toString(), untilClose.complete]).toEqual(['the end tells\n', true])
    const hinted = await plain(port, 'http://site.test/interim')
    expect([hinted.interim.map(({ status }) => status), hinted.body.toString()]).toEqual([[103], 'after the hints\n'])
    expect((await plain(port, 'http://site.test/slow?pieces=3&gap=30')).body.toString()).toBe(
      'piece 1\npiece 2\npiece 3\n',
    )
  })
})

describe.each(['http', 'https', 'socks5'] as const)('what is no whole body, through %s upstreams', (scheme) => {
  it('answers without a body: HEAD, 204, 304', async () => {
    const { port } = await startGateway({ scheme, upstreams: 1 })
    const { socket, reader } = await dial(port)
    for (const path of ['/status/200', '/status/204', '/status/304', '/chunked', '/bytes/100000', '/status/204']) {
      for (const method of ['HEAD', 'GET']) {
        const reply = await plain(port, `http://site.test${path}`, { method, over: { socket, reader } })
        expect([path, method, reply.status]).toEqual([path, method, Number(path.split('/status/')[1] ?? 200)])
        if (method === 'HEAD') expect(reply.body).toHaveLength(0)
        if (path === '/bytes/100000') expect(header(reply.headers, 'content-length')).toBe('100000')
      }
    }
  })

  it('an answer that is cut off looks cut off', async () => {
    const { port, app } = await startGateway({ scheme, upstreams: 1 })
    for (const path of ['/close-early', '/close-early?reset']) {
      const reply = await plain(port, `http://site.test${path}`)
      expect([reply.status, reply.complete]).toEqual([200, false])
    }
    for (const member of app.pool.members()) expect(member.state).toBe('ready')
  })

  it('Expect: 100-continue is answered by the target, not before', async () => {
    const { port, world } = await startGateway({ scheme, upstreams: 1 })
    const { socket, reader } = await dial(port)
    const head = (path: string, version = '1.1') =>
      `POST http://site.test${path} HTTP/${version}\r\nHost: site.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n`
    await send(socket, head('/echo'))
    expect((await readResponseHead(reader)).status).toBe(100)
    await send(socket, 'after')
    expect((await readReply({ socket, reader })).body.toString()).toBe('after')
    // Sent without waiting: the interim answer comes all the same.
    await send(socket, `${head('/echo')}quick`)
    expect((await readReply({ socket, reader })).body.toString()).toBe('quick')
    // RFC 9110 section 10.1.1: it is passed on, but not from an HTTP/1.0 client, which gets no interim answer either.
    expect(header(world.site.requests.at(-1)?.headers ?? [], 'expect')).toBe('100-continue')
    const old = await dial(port)
    await send(old.socket, `${head('/echo', '1.0')}quick`)
    const reply = await readReply(old)
    expect([reply.interim, reply.body.toString()]).toEqual([[], 'quick'])
    expect(header(world.site.requests.at(-1)?.headers ?? [], 'expect')).toBeUndefined()
    await world.upstreams[0]?.behave('close-at-once')
    const second = await dial(port)
    await send(second.socket, head('/echo'))
    expect((await readReply(second)).status).toBe(502)
  })
})

it('an answer arrives the same however it was cut, over one connection to the upstream', async () => {
  const chunked =
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\none\r\n4\r\n two\r\n0\r\nX-Sum: 7\r\n\r\n'
  const counted = 'HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\none two'
  const cuts = [chunked, counted].flatMap((answer) => Array.from(answer, (_, at) => [answer, at] as const))
  const script = [...cuts]
  let connections = 0
  const server = await new LoopbackServer(async (socket) => {
    connections++
    const reader = new SocketReader(socket, { timeoutMs: null })
    for (const [answer, at] of script) {
      await reader.readUntil('\r\n\r\n')
      await send(socket, answer.slice(0, at))
      await turn()
      await send(socket, answer.slice(at))
    }
  }).listen()
  const list = [`http://${server.authority}`]
  const { port, world } = await startGateway({ upstreams: 0, filled: 1, provider: { list } })
  await world.serve('cutting.test', server)
  const over = await dial(port)
  for (const [answer, at] of cuts) {
    const { status, body, trailers } = await plain(port, 'http://site.test/', { over })
    const sum = answer === chunked ? [['X-Sum', '7']] : []
    expect.soft([at, status, body.toString(), trailers]).toEqual([at, 200, 'one two', sum])
  }
  expect(connections).toBe(1)
})

describe('an upload', () => {
  it('may be slower than every deadline of a dial, as long as it goes on', async () => {
    const config = { dial: { timeout: '150ms', deadline: '200ms' } }
    const { port } = await startGateway({ upstreams: 1, config })
    const { socket, reader } = await dial(port)
    await send(socket, 'POST http://site.test/echo HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\n\r\n')
    for (let n = 0; n < 8; n++) {
      await delay(50, socket)
      await send(socket, chunk(Buffer.from(`${n}`)))
    }
    await send(socket, lastChunk())
    expect((await readReply({ socket, reader })).body.toString()).toBe('01234567')
  })

  it('may begin long after 100 Continue: the first address is waited for, and no other one is used', async () => {
    const clock = new FakeClock()
    const { port, world } = await startGateway({ upstreams: 2, clock })
    const { socket, reader } = await dial(port)
    await send(
      socket,
      'PUT http://site.test/echo HTTP/1.1\r\nHost: site.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n',
    )
    expect((await readResponseHead(reader)).status).toBe(100)
    // More than `dial.timeout` and `dial.deadline`.
    clock.advance(60_000)
    await send(socket, 'hello')
    const reply = await readReply({ socket, reader })
    expect([reply.interim, reply.status, reply.body.toString()]).toEqual([[], 200, 'hello'])
    expect(world.upstreams.map(({ requests }) => requests.length)).toEqual([1, 0])
  })

  it('that stops is ended after the idle time', async () => {
    const { port, app } = await startGateway({ upstreams: 1, config: { relay: { idle: '150ms' } } })
    const { socket, reader } = await dial(port)
    await send(socket, 'POST http://site.test/echo HTTP/1.1\r\nHost: site.test\r\nContent-Length: 10\r\n\r\nhalf')
    expect(refusalOf(await readReply({ socket, reader }))).toEqual({ status: 408, code: 'GW_HANDSHAKE_TIMEOUT' })
    for (const member of app.pool.members()) expect([member.state, member.consecutiveFailures]).toEqual(['ready', 0])
  })

  it('that a target answers early gets the answer, and its connection goes on', async () => {
    const { port } = await startGateway({ upstreams: 1 })
    const { socket, reader } = await dial(port)
    const head = `POST http://site.test/expect?refuse HTTP/1.1\r\nHost: site.test\r\nContent-Length: ${32 * MIB}\r\n\r\n`
    socket.write(head)
    for (let n = 0; n < 32; n++) socket.write(block)
    const early = await readReply({ socket, reader })
    expect([early.status, early.body.toString()]).toEqual([417, 'no body wanted\n'])
    await eventually(() => socket.writableLength).toBe(0)
    expect((await plain(port, 'http://site.test/', { over: { socket, reader } })).status).toBe(200)
  })
})

it('an upload is held back by a target that does not read, a download by a client that does not, for the idle time', async () => {
  const deaf = neverReads()
  const flood = new LoopbackServer(async (socket) => {
    await new SocketReader(socket, { timeoutMs: null }).readUntil('\r\n\r\n')
    await send(socket, `HTTP/1.1 200 OK\r\nContent-Length: ${100 * MIB}\r\n\r\n`)
    for (let n = 0; n < 100; n++) await send(socket, block)
  })
  const { port, world, app } = await startGateway({
    upstreams: 1,
    config: { relay: { idle: '400ms' }, dial: { deadline: '400ms' } },
  })
  await world.serve('deaf.test', deaf)
  await world.serve('flood.test', flood)
  const upload = await dial(port)
  upload.socket.write(`POST http://deaf.test/ HTTP/1.1\r\nHost: deaf.test\r\nContent-Length: ${100 * MIB}\r\n\r\n`)
  for (let n = 0; n < 100; n++) upload.socket.write(block)
  expect(refusalOf(await readReply(upload)).status).toBe(504)
  expect(upload.socket.writableLength).toBeGreaterThan(50_000_000)
  upload.socket.destroy()

  const download = await dial(port)
  await send(download.socket, 'GET http://flood.test/ HTTP/1.1\r\nHost: flood.test\r\n\r\n')
  await readResponseHead(download.reader)
  download.socket.pause()
  await eventually(() => app.data.connections).toBe(0)
})

it.each(['GET', 'POST'])(
  'the end of an answer to %s waits for a client that does not read for the idle time',
  async (method) => {
    const { port, app } = await startGateway({ upstreams: 1, config: { relay: { idle: '1s' } } })
    const { socket } = await dial(port)
    socket.pause()
    const { endedCounts } = app.traffic
    // Each answer is passed on in one piece, until the system takes no more: then the end of one is left with the gateway.
    for (let asked = 0; endedCounts.done === asked; asked++) {
      await send(socket, `${method} http://site.test/bytes/60000 HTTP/1.1\r\nHost: site.test\r\n\r\n`)
      for (let waited = 0; waited < 100 && endedCounts.done === asked; waited++) await delay(5, socket)
    }
    expect(endedCounts.done).toBeGreaterThan(10)
    await eventually(() => app.data.connections).toBe(0)
  },
)

it('a refusal reaches a client that is still sending', async () => {
  const users = [{ name: 'crawler', password: 'gateway-password' }]
  const { port, app } = await startGateway({
    upstreams: 1,
    config: { listen: [{ port: 0, users }] },
    secrets: ['gateway-password'],
  })
  for (const path of ['http://site.test/', '/origin-form']) {
    const { socket, reader } = await dial(port)
    await send(socket, `POST ${path} HTTP/1.1\r\nHost: site.test\r\nContent-Length: ${16 * MIB}\r\n\r\n`)
    for (let n = 0; n < 16; n++) await send(socket, block)
    const reply = await readReply({ socket, reader })
    expect([reply.status, reply.complete]).toEqual([path.startsWith('/') ? 400 : 407, true])
    socket.end()
  }
  await eventually(() => app.data.connections).toBe(0)
})

describe('a body that is not well-formed', () => {
  const CHUNKED = 'Host: site.test\r\nTransfer-Encoding: chunked\r\n\r\n'

  it('behind another request gets its 400 in turn', async () => {
    const { port, world } = await startGateway({ upstreams: 1 })
    const { socket, reader } = await dial(port)
    const first = 'GET http://site.test/ HTTP/1.1\r\nHost: site.test\r\n\r\n'
    await send(socket, `${first}POST http://site.test/echo HTTP/1.1\r\n${CHUNKED}-4\r\ntest\r\n`)
    expect((await readReply({ socket, reader })).status).toBe(200)
    expect(refusalOf(await readReply({ socket, reader }))).toEqual({ status: 400, code: 'GW_BAD_REQUEST' })
    expect(world.site.requests.map(({ target }) => target)).toEqual(['/'])
  })

  it('behind an answer that came early ends the connection in good order', async () => {
    const { port } = await startGateway({ upstreams: 1 })
    const { socket, reader } = await dial(port)
    await send(socket, `POST http://site.test/expect?refuse HTTP/1.1\r\n${CHUNKED}4\r\ntest\r\n`)
    const early = await readReply({ socket, reader })
    expect([early.status, early.complete]).toEqual([417, true])
    // A socket that is closed with octets unread sends a reset, which can overtake the answer.
    socket.end(Buffer.concat([Buffer.from('-4\r\n'), block, block]))
    expect((await reader.readToClose()).how).toBe('end')
  })
})
