import { once } from 'node:events'
import { connect as connectTls } from 'node:tls'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { closeClients, connectVia, dial, socks5 } from '../../support/client.ts'
import { readResponseHead } from '../../support/http-wire.ts'
import { LoopbackServer } from '../../support/loopback-server.ts'
import { firstDifference, pattern } from '../../support/pattern.ts'
import { SocketReader, send, turn } from '../../support/socket-io.ts'
import { answersAfterEnd, echoServer, endsFirst, neverReads } from '../../support/tcp.ts'
import { testCertificate } from '../../support/tls.ts'
import { FakeUpstream } from '../../support/upstream.ts'

let upstream: FakeUpstream
const servers: LoopbackServer[] = []

async function target(server: LoopbackServer, name = 'target.test'): Promise<void> {
  servers.push(await server.listen())
  upstream.names[name] = [server.host, server.port]
}

beforeEach(async () => {
  upstream = await new FakeUpstream().listen()
})

afterEach(async () => {
  await closeClients()
  await Promise.all([upstream, ...servers.splice(0)].map((server) => server.close()))
})

/** Resolves when a figure has stopped to change, though everybody had many chances to go on. */
async function whenStill(figure: () => number): Promise<void> {
  for (let before = Number.NaN, same = 0; same < 50; before = figure()) {
    await turn(5)
    same = figure() === before ? same + 1 : 0
  }
}

describe('tunnel', () => {
  it('passes the end of either side on, and lets the other finish', async () => {
    await target(answersAfterEnd())
    const asking = await connectVia(upstream.port, 'target.test:1')
    asking.socket.end('12345')
    expect((await asking.reader.readAll()).toString()).toBe('got 5 bytes\n')

    const { server, received } = endsFirst('bye')
    await target(server)
    const listening = await connectVia(upstream.port, 'target.test:1')
    expect((await listening.reader.readAll()).toString()).toBe('bye')
    listening.socket.end('but I had more to say')
    await expect.poll(() => received.map(String)).toEqual(['but I had more to say'])
    await expect.poll(() => [upstream.tunnelsOpen, upstream.openSockets]).toEqual([0, 0])
  })

  it('keeps early ends: FIN in the same breath as the request', async () => {
    await target(answersAfterEnd())
    const { socket, reader } = await dial(upstream.port)
    socket.end('CONNECT target.test:1 HTTP/1.1\r\nHost: target.test:1\r\n\r\nabc')
    expect((await reader.readAll()).toString()).toMatch(/got 3 bytes\n$/)
  })

  it('passes a reset on, and carries megabytes without a fault', async () => {
    await target(echoServer())
    const { socket, reader } = await connectVia(upstream.port, 'target.test:1')
    const sending = send(socket, pattern(3_000_000))
    expect(firstDifference(await reader.readExactly(3_000_000))).toBe(-1)
    await sending
    servers[0]?.resetConnections()
    expect(await reader.readToClose()).toMatchObject({ how: 'ECONNRESET' })
  })

  it('pushes back: nobody sends for ever to a target that does not read', async () => {
    await target(neverReads())
    const { socket } = await connectVia(upstream.port, 'target.test:1')
    for (let n = 0; n < 50; n++) socket.write(Buffer.alloc(1_000_000))
    await whenStill(() => socket.writableLength)
    expect(socket.writableLength).toBeGreaterThan(10_000_000)
  })
})

describe('misbehaviour in the tunnel', () => {
  it('says something early, in the same write as the success', async () => {
    await target(echoServer())
    await upstream.behave({ kind: 'early', bytes: Buffer.from('banner') })
    const http = await connectVia(upstream.port, 'target.test:1')
    expect(http.reader.unread.toString()).toBe('banner')
    const socks = await socks5(upstream.port, 'target.test:1')
    expect(socks.reader.unread.toString()).toBe('banner')
  })

  it('resets at once, or after some bytes', async () => {
    await target(echoServer())
    await upstream.behave({ kind: 'reset-in-tunnel', bytes: 0 })
    const atOnce = await connectVia(upstream.port, 'target.test:1')
    expect(await atOnce.reader.readToClose()).toMatchObject({ how: 'ECONNRESET' })
    await upstream.behave({ kind: 'reset-in-tunnel', bytes: 10 })
    const later = await connectVia(upstream.port, 'target.test:1')
    await send(later.socket, '1234')
    expect((await later.reader.readExactly(4)).toString()).toBe('1234')
    await send(later.socket, '5678')
    expect(await later.reader.readToClose()).toMatchObject({ how: 'ECONNRESET' })
  })

  it('closes its side early and still forwards the other', async () => {
    const received: string[] = []
    const hearing = new LoopbackServer(async (peer) => {
      received.push((await new SocketReader(peer, { timeoutMs: null }).readAll()).toString())
    })
    await target(hearing)
    await upstream.behave('half-close')
    const { socket, reader } = await connectVia(upstream.port, 'target.test:1')
    expect(await reader.readToClose()).toEqual({ bytes: Buffer.alloc(0), how: 'end' })
    expect(received).toEqual([])
    socket.end('anyone there?')
    await expect.poll(() => received).toEqual(['anyone there?'])
  })

  it('drops every connection when told to, and closes cleanly with tunnels open', async () => {
    await target(echoServer())
    const first = await connectVia(upstream.port, 'target.test:1')
    upstream.resetConnections()
    expect(await first.reader.readToClose()).toMatchObject({ how: 'ECONNRESET' })
    await connectVia(upstream.port, 'target.test:1')
    await expect.poll(() => upstream.openSockets).toBe(2)
    await upstream.close()
    expect([upstream.openSockets, upstream.tunnelsOpened]).toEqual([0, 2])
  })
})

describe('an https upstream', () => {
  const secure = (port: number) =>
    connectTls({ port, host: '127.0.0.1', ca: testCertificate, servername: 'upstream.test' })

  it('speaks TLS first, with a certificate that verifies', async () => {
    const wrapped = await new FakeUpstream({ tls: true, names: upstream.names }).listen()
    await target(echoServer())
    const socket = secure(wrapped.port)
    const reader = new SocketReader(socket)
    await send(socket, 'CONNECT target.test:1 HTTP/1.1\r\nHost: target.test:1\r\n\r\nhello')
    expect((await readResponseHead(reader)).status).toBe(200)
    expect(socket.authorized).toBe(true)
    expect((await reader.readExactly(5)).toString()).toBe('hello')

    await target(answersAfterEnd())
    const asking = secure(wrapped.port)
    asking.end('CONNECT target.test:1 HTTP/1.1\r\nHost: target.test:1\r\n\r\nabc')
    expect((await new SocketReader(asking).readAll()).toString()).toMatch(/got 3 bytes\n$/)
    wrapped.resetConnections()
    expect((await reader.readToClose()).how).toBe('ECONNRESET')
    await wrapped.close()
  })

  it('is silent before TLS, and survives clients that never speak it', async () => {
    const wrapped = await new FakeUpstream({ tls: true }).listen()
    const { socket, reader } = await dial(wrapped.port)
    socket.end('CONNECT target.test:1 HTTP/1.1\r\n\r\n')
    await reader.readToClose()
    const mute = await dial(wrapped.port)
    mute.socket.end()
    await mute.reader.readToClose()
    await expect.poll(() => wrapped.openSockets).toBe(0)
    await wrapped.behave('silent')
    const waiting = secure(wrapped.port)
    waiting.on('error', () => {})
    await once(waiting, 'connect')
    await expect.poll(() => wrapped.openSockets).toBe(1)
    expect(waiting.authorized).toBe(false)
    waiting.destroy()
    await expect.poll(() => wrapped.openSockets).toBe(0)
    await wrapped.close()
  })
})
