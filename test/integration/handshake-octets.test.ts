/** However the octets of a handshake are cut, early or late: nothing is lost and nothing is added. */
import { describe, expect, it } from 'vitest'
import { connectVia, plain, socks4a, socks5 } from '../support/client.ts'
import { startGateway } from '../support/gateway.ts'
import { LoopbackServer } from '../support/loopback-server.ts'
import { expectEcho, SocketReader, send } from '../support/socket-io.ts'

const login = { username: 'someone-session-a1', password: 'anything' }

describe.each(['http', 'https', 'socks5'] as const)('through %s upstreams', (scheme) => {
  it('takes requests octet by octet, with early data behind them', async () => {
    const { port } = await startGateway({ scheme, upstreams: 1 })
    const options = { split: 1, earlyBytes: 'early ' }
    for (const open of [
      () => connectVia(port, 'echo.test:7', { ...options, login }),
      () => socks5(port, 'echo.test:7', { ...options, login }),
      () => socks5(port, 'echo.test:7', { ...options, login, pipelined: true }),
      () => socks4a(port, 'echo.test:7', { ...options, userId: 'x' }),
    ]) {
      const opened = await open()
      expect((await opened.reader.readExactly(6)).toString()).toBe('early ')
      await expectEcho(opened, 'and late')
    }
    const reply = await plain(port, 'http://site.test/echo', { method: 'POST', body: 'octets', split: 1, login })
    expect(reply.body.toString()).toBe('octets')
  })

  it('keeps what came in one packet with the request, up to what may be kept and beyond', async () => {
    const { port } = await startGateway({ scheme, upstreams: 1, config: { limits: { earlyBytes: '1KiB' } } })
    const early = Buffer.alloc(300_000, 'abcdefg')
    for (const open of [connectVia, socks4a]) {
      const { reader } = await open(port, 'echo.test:7', { earlyBytes: early })
      expect((await reader.readExactly(early.length)).equals(early)).toBe(true)
    }
    const { reader } = await socks5(port, 'echo.test:7', { earlyBytes: early, pipelined: true })
    expect((await reader.readExactly(early.length)).equals(early)).toBe(true)
  })

  it('passes on what an upstream said together with its answer, however that was cut', async () => {
    const { port, world } = await startGateway({ scheme, upstreams: 1 })
    const [upstream] = world.upstreams
    await upstream?.behave({ kind: 'early', bytes: Buffer.from('banner') })
    for (const open of [connectVia, socks4a, socks5]) {
      const opened = await open(port, 'echo.test:7')
      expect((await opened.reader.readExactly(6)).toString()).toBe('banner')
      await expectEcho(opened, 'and on')
    }
    await upstream?.behave('split-reply')
    for (const open of [connectVia, socks5]) await expectEcho(await open(port, 'echo.test:7'), 'split')
    await upstream?.behave({ kind: 'bound', as: 'domain' })
    await expectEcho(await socks5(port, 'echo.test:7'), 'a bound name')
    await upstream?.behave({ kind: 'bound', as: 'ipv6' })
    await expectEcho(await socks5(port, 'echo.test:7'), 'a bound IPv6 address')
  })
})

it('skips thousands of interim answers in one piece, to CONNECT and to plain requests', async () => {
  const interim = 'HTTP/1.1 103 \r\n\r\n'.repeat(12_000)
  const talker = await new LoopbackServer(async (socket) => {
    await new SocketReader(socket, { timeoutMs: null }).readUntil('\r\n\r\n')
    await send(socket, `${interim}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`)
    socket.end()
  }).listen()
  const list = [`http://${talker.authority}`]
  const { port, world } = await startGateway({ upstreams: 0, filled: 1, provider: { list } })
  await world.serve('talker.test', talker)
  const tunnel = await connectVia(port, 'echo.test:7')
  expect([tunnel.status, (await tunnel.reader.readAll()).toString()]).toEqual([200, 'ok'])
  expect((await plain(port, 'http://site.test/')).body.toString()).toBe('ok')
})

it('skips interim answers of an upstream, and takes any 2xx for an open tunnel', async () => {
  const { port, world } = await startGateway({ upstreams: 1, login: false })
  const [upstream] = world.upstreams
  for (const status of [201, 299]) {
    await upstream?.behave({ kind: 'status', status, body: 'not an echo' })
    const reply = await connectVia(port, 'echo.test:7')
    expect(reply.status).toBe(200)
    expect((await reply.reader.readAll()).toString()).toBe('not an echo')
  }
})
