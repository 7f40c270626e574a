/** Plain requests as the network cuts and joins them: all kinds of them go over one connection to the upstream. */
import { expect, it } from 'vitest'
import { connectVia, dial, plain, readReply } from '../support/client.ts'
import { sendSplit } from '../support/client-dial.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { eventually, type Gateway, refusalOf, startGateway } from '../support/gateway.ts'
import { readResponseHead } from '../support/http-wire.ts'
import { send, turn } from '../support/socket-io.ts'

const GET = (path: string, fields = '') => `GET http://site.test${path} HTTP/1.1\r\nHost: site.test\r\n${fields}\r\n`
const POST = 'POST http://site.test/echo HTTP/1.1\r\nHost: site.test\r\nContent-Length: 5\r\n\r\nhello'

const dials = ({ world }: Gateway) => world.upstreams.map(({ connections }) => connections)
const paths = ({ world }: Gateway) => world.site.requests.map(({ target }) => target)

it('a head may be cut anywhere, whatever it holds', async () => {
  const gateway = await startGateway({ upstreams: 1 })
  const get = GET('/?cut')
  const over = await dial(gateway.port)
  await send(over.socket, get)
  expect((await readReply(over)).status).toBe(200)
  for (let at = 1; at < get.length; at++) {
    await sendSplit(over.socket, Buffer.from(get), [at, get.length])
    expect([at, (await readReply(over)).status]).toEqual([at, 200])
  }
  await sendSplit(over.socket, Buffer.from(get), 1)
  expect((await readReply(over)).status).toBe(200)
  expect(dials(gateway)).toEqual([1])
  expect(new Set(paths(gateway))).toEqual(new Set(['/?cut']))

  const odd = GET('/?odd', 'X-Odd: 1\r\nCookie: a\r\nConnection: X-Odd\r\n')
  for (const size of [1, 7, 12, 60, odd.length - 1]) {
    const client = await dial(gateway.port)
    await sendSplit(client.socket, Buffer.from(odd), size)
    expect([size, (await readReply(client)).status]).toEqual([size, 200])
    await sendSplit(client.socket, Buffer.from(POST), size)
    expect((await readReply(client)).body.toString()).toBe('hello')
  }
  expect(dials(gateway)).toEqual([6])
  const seen = gateway.world.site.requests.filter(({ target }) => target === '/?odd')
  expect(seen.map(({ raw }) => [raw.includes('Cookie: a\r\n'), raw.includes('X-Odd')])).toEqual(
    Array(5).fill([true, false]),
  )
})

it('requests sent ahead may be cut anywhere', async () => {
  const gateway = await startGateway({ upstreams: 1 })
  const over = await dial(gateway.port)
  expect((await plain(gateway.port, 'http://site.test/', { over })).status).toBe(200)
  const three = Buffer.from(GET('/slow?before=5') + GET('/?second') + GET('/?third'))
  for (let at = 1; at < three.length; at += 3) {
    await sendSplit(over.socket, three, [at, three.length])
    for (let n = 0; n < 3; n++) expect([at, (await readReply(over)).status]).toEqual([at, 200])
  }
  expect(dials(gateway)).toEqual([1])
  expect(paths(gateway).filter((path) => path === '/?third')).toHaveLength(Math.ceil((three.length - 1) / 3))
})

it('what is sent ahead of another kind is answered in turn too, and a tunnel may be the last, wherever they are cut', async () => {
  const gateway = await startGateway({ upstreams: 1 })
  const connect = 'CONNECT echo.test:7 HTTP/1.1\r\nHost: echo.test:7\r\n\r\n'
  const all = Buffer.from(`${GET('/?a')}${GET('/?b')}${POST}${GET('/?c')}${connect}early`)
  for (let at = 1; at < all.length; at += 9) {
    const over = await dial(gateway.port)
    await sendSplit(over.socket, all, [at, all.length])
    const bodies = []
    for (let n = 0; n < 4; n++) bodies.push((await readReply(over)).body.toString())
    expect([at, bodies[2]]).toEqual([at, 'hello'])
    expect((await readResponseHead(over.reader)).status).toBe(200)
    expect((await over.reader.readExactly(5)).toString()).toBe('early')
    over.socket.destroy()
  }
  const rounds = Math.ceil((all.length - 1) / 9)
  expect(paths(gateway)).toEqual(Array(rounds).fill(['/?a', '/?b', '/echo', '/?c']).flat())
  // One for the plain requests of each client, whatever their kind, and one for its tunnel.
  expect(dials(gateway)).toEqual([2 * rounds])
})

it('more requests sent ahead than are read ahead, and a head longer than that, are all answered', async () => {
  const gateway = await startGateway({ upstreams: 1, config: { limits: { headerBytes: '256KiB' } } })
  const over = await dial(gateway.port)
  const count = 300
  const fill = `X-Fill: ${'x'.repeat(250)}\r\n`
  over.socket.write(GET('/slow?before=20') + GET('/status/204', fill).repeat(count))
  expect((await readReply(over)).status).toBe(200)
  for (let n = 0; n < count; n++) expect((await readReply(over)).status).toBe(204)
  // Upstream and site take heads up to 64 KiB: what is long here is for this hop alone.
  const long = GET('/?long', `Proxy-Connection: ${'x'.repeat(150_000)}\r\n`)
  over.socket.write(GET('/slow?before=50') + long.slice(0, 120_000))
  expect((await readReply(over)).status).toBe(200)
  over.socket.write(long.slice(120_000))
  expect((await readReply(over)).status).toBe(200)
  expect(dials(gateway)).toEqual([1])
})

it('each head has the time of a handshake from its first octets on, whatever came before', async () => {
  const clock = new FakeClock()
  const { port, app } = await startGateway({ upstreams: 1, clock, config: { limits: { handshake: '10s' } } })
  const over = await dial(port)
  const [first, second] = [GET('/?first'), GET('/?second')]
  const arrives = (bytes: string) => sendSplit(over.socket, Buffer.from(bytes), bytes.length)
  await arrives(first.slice(0, 30))
  clock.advance(9_000)
  await arrives(first.slice(30) + second.slice(0, 30))
  expect((await readReply(over)).status).toBe(200)
  await turn()
  clock.advance(9_000)
  await arrives(second.slice(30))
  expect((await readReply(over)).status).toBe(200)
  await turn()
  // Further octets win no time.
  await arrives(first.slice(0, 30))
  clock.advance(9_000)
  await arrives(first.slice(30, 40))
  clock.advance(1_001)
  expect(refusalOf(await readReply(over))).toEqual({ status: 408, code: 'GW_HANDSHAKE_TIMEOUT' })
  expect(app.traffic.errors.get('GW_HANDSHAKE_TIMEOUT')).toBe(1)
})

it('a client that leaves within a head, or waits with a line that no head may hold, is told or let go at once', async () => {
  const { port, app } = await startGateway({ upstreams: 1 })
  const gone = await dial(port)
  await send(gone.socket, GET('/').slice(0, 30))
  await turn()
  gone.socket.end()
  expect((await gone.reader.readAll()).length).toBe(0)
  const line = 'GET http://site.test/ HTTP/1.1'
  for (const [octets, status] of [
    [`${line}\n`, 400],
    [`${line}\r\nHost: a\n\n`, 400],
    ['GET \x01', 400],
  ] as const) {
    const client = await dial(port)
    await sendSplit(client.socket, Buffer.from(octets), 29)
    expect([octets, (await readReply(client)).status]).toEqual([octets, status])
  }
  await eventually(() => app.data.connections).toBe(0)
})

it('a head that is half here when the gateway stops is answered, like one that comes too late', async () => {
  const { port, app } = await startGateway({ upstreams: 1, config: { stop: { drain: '20s' } } })
  const holder = await connectVia(port, 'echo.test:7')
  const over = await dial(port)
  expect((await plain(port, 'http://site.test/', { over })).status).toBe(200)
  await sendSplit(over.socket, Buffer.from(GET('/').slice(0, 30)), 30)
  const stopped = app.stop()
  await send(over.socket, GET('/').slice(30))
  expect(refusalOf(await readReply(over))).toEqual({ status: 503, code: 'GW_STOPPING', retryAfter: 1 })
  holder.socket.destroy()
  await stopped
})
