import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { basic, type ConnectOptions, closeClients, connectVia, dial, plain } from '../../support/client.ts'
import { header, headerValues } from '../../support/http-wire.ts'
import { WebSite } from '../../support/site.ts'
import { HangError, send } from '../../support/socket-io.ts'
import { FakeUpstream } from '../../support/upstream.ts'
import { openWebSocket } from '../../support/websocket.ts'

const login = { username: 'ann', password: 'pass:word' }
let site: WebSite
let upstream: FakeUpstream

beforeEach(async () => {
  site = await new WebSite().listen()
  upstream = await new FakeUpstream({ login, names: { 'site.test': [site.host, site.port] } }).listen()
})

afterEach(async () => {
  await closeClients()
  await Promise.all([upstream.close(), site.close()])
})

function connect(options: ConnectOptions = {}) {
  return connectVia(upstream.port, 'site.test:80', { login, ...options })
}

describe('CONNECT', () => {
  it('opens a tunnel, early bytes included, and keeps what it saw', async () => {
    const tunnel = await connect({
      headers: [['X-Odd-Case', '1']],
      earlyBytes: 'GET / HTTP/1.1\r\nHost: site.test\r\n\r\n',
    })
    expect(tunnel.status).toBe(200)
    expect((await tunnel.reader.readUntil('peer 127.0.0.1\n')).toString()).toContain('HTTP/1.1 200')
    expect(upstream.requests).toEqual([
      expect.objectContaining({ protocol: 'http', method: 'CONNECT', target: 'site.test:80', login, connection: 1 }),
    ])
    expect(upstream.requests[0]?.headers).toContainEqual(['X-Odd-Case', '1'])
    expect(upstream.requests[0]?.raw).toMatch(/^CONNECT site\.test:80 HTTP\/1\.1\r\nHost: .*\r\n\r\n$/s)
    expect([upstream.connections, upstream.tunnelsOpened, upstream.tunnelsOpen]).toEqual([1, 1, 1])
  })

  it('demands the login', async () => {
    for (const wrong of [{}, { login: { ...login, password: 'other' } }]) {
      const reply = await connectVia(upstream.port, 'site.test:80', wrong)
      expect(reply.status).toBe(407)
      expect(headerValues(reply.headers, 'proxy-authenticate')).toEqual(['Basic realm="upstream"'])
    }
    expect(upstream.tunnelsOpened).toBe(0)
  })

  it('knows only the names it was given, and no address off loopback', async () => {
    expect((await connectVia(upstream.port, 'elsewhere.test:80', { login })).status).toBe(502)
    expect((await connectVia(upstream.port, '192.0.2.1:80', { login })).status).toBe(403)
    upstream.names['elsewhere.test:81'] = [site.host, site.port]
    expect((await connectVia(upstream.port, 'elsewhere.test:81', { login })).status).toBe(200)
  })

  it('answers 400 to a head that breaks the rules', async () => {
    const { socket, reader } = await dial(upstream.port)
    socket.write('CONNECT site.test:80 HTTP/1.1\nHost: site.test:80\n\n')
    expect((await reader.readAll()).toString()).toMatch(/^HTTP\/1\.1 400 /)
  })
})

describe('misbehaviour before the tunnel', () => {
  it('refuses connections, and takes them again', async () => {
    await upstream.behave('refuse')
    await expect(connect()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await upstream.behave('ok')
    expect((await connect()).status).toBe(200)
  })

  it('stays silent until the client leaves', async () => {
    await upstream.behave('silent')
    await expect(connect({ timeoutMs: 50 })).rejects.toThrow(HangError)
    expect(upstream.openSockets).toBe(1)
    await closeClients()
    await expect.poll(() => upstream.openSockets).toBe(0)
  })

  it('falls silent in the middle of its reply', async () => {
    await upstream.behave({ kind: 'silent-after', bytes: 12 })
    await expect(connect({ timeoutMs: 50 })).rejects.toThrow(/had "HTTP\/1\.1 200"/)
  })

  it.each([
    ['close-at-once', 'END'],
    // The kernel may tell of the RST before it tells of the connection: both are this behaviour.
    ['reset-at-once', 'ECONNRESET'],
  ] as const)('%s', async (kind, code) => {
    await upstream.behave(kind)
    await expect(connect()).rejects.toMatchObject({ code })
    expect(upstream.connections).toBe(1)
  })
})

describe('misbehaviour in the reply', () => {
  it.each([403, 407, 429, 454, 502, 503, 504])('refuses with %i', async (status) => {
    await upstream.behave({ kind: 'status', status, body: 'because' })
    const reply = await connect()
    expect(reply.status).toBe(status)
    expect((await reply.reader.readAll()).toString()).toBe('because')
  })

  it('talks garbage', async () => {
    await upstream.behave('garbage')
    await expect(connect()).rejects.toThrow(/bare LF|not a status line/)
  })

  it('ignores whatever comes after it fell silent', async () => {
    await upstream.behave({ kind: 'silent-after', bytes: 1 })
    const { socket } = await dial(upstream.port)
    await send(socket, `CONNECT site.test:80 HTTP/1.1\r\nHost: a\r\n\r\n${'x'.repeat(5_000_000)}`)
    socket.end()
    await expect.poll(() => upstream.openSockets).toBe(0)
    const hasty = await dial(upstream.port) // its FIN is there before the silence begins
    hasty.socket.end(`CONNECT site.test:80 HTTP/1.0\r\nProxy-Authorization: ${basic(login)}\r\n\r\n`)
    await expect.poll(() => [upstream.connections, upstream.openSockets]).toEqual([2, 0])
  })

  it('plays a captive portal', async () => {
    await upstream.behave('html-200-then-junk')
    const reply = await connect()
    expect([reply.status, header(reply.headers, 'content-type')]).toEqual([200, 'text/html'])
    expect((await reply.reader.readAll()).toString()).toMatch(/<\/html>.*junk/s)
  })

  it('answers late, and byte by byte', async () => {
    await upstream.behave({ kind: 'slow-reply', ms: 100 })
    await expect(connect({ timeoutMs: 20 })).rejects.toThrow(HangError)
    expect((await connect()).status).toBe(200)
    await upstream.behave('split-reply')
    const { socket } = await dial(upstream.port)
    const sizes: number[] = []
    socket.on('data', (piece) => sizes.push(piece.length))
    socket.write(`CONNECT site.test:80 HTTP/1.0\r\nProxy-Authorization: ${basic(login)}\r\n\r\n`)
    await expect.poll(() => sizes.length).toBeGreaterThan(30)
    expect(new Set(sizes)).toEqual(new Set([1]))
  })

  it('follows a script first, and treats one target apart', async () => {
    upstream.behaveNext({ kind: 'status', status: 503 }, 'close-at-once')
    upstream.behaveFor('bad.test', { kind: 'status', status: 403 })
    expect((await connect()).status).toBe(503)
    await expect(connect()).rejects.toMatchObject({ code: 'END' })
    expect((await connect()).status).toBe(200)
    expect((await connectVia(upstream.port, 'bad.test:80', { login })).status).toBe(403)
  })
})

describe('absolute-form', () => {
  it('forwards several requests on one connection, bodies and trailers included', async () => {
    const first = await plain(upstream.port, 'http://site.test/echo', { login, method: 'POST', body: ['a', 'bc'] })
    expect([first.status, first.body.toString()]).toEqual([200, 'abc'])
    const second = await plain(upstream.port, 'http://site.test/chunked/../chunked?x=%7E', { login, over: first })
    expect([second.body.toString(), second.trailers.length]).toEqual(['one\ntwo\nthree\n', 1])
    expect(upstream.connections).toBe(1)
    expect(site.requests.map(({ target }) => target)).toEqual(['/echo', '/chunked/../chunked?x=%7E'])
    expect(site.requests.flatMap(({ headers }) => headerValues(headers, 'proxy-authorization'))).toEqual([])
  })

  it('demands the login, and can refuse, break off or cut', async () => {
    expect((await plain(upstream.port, 'http://site.test/')).status).toBe(407)
    await upstream.behave({ kind: 'status', status: 429 })
    const upload = { login, method: 'POST', body: Buffer.alloc(5_000_000) } // refused although it is still coming in
    expect((await plain(upstream.port, 'http://site.test/', upload)).status).toBe(429)
    await upstream.behave({ kind: 'reset-in-tunnel', bytes: 5_000 })
    expect(await plain(upstream.port, 'http://site.test/bytes/9000', { login })).toMatchObject({ complete: false })
  })

  it('carries a WebSocket', async () => {
    const { reader } = await dial(upstream.port)
    const socket = await openWebSocket(reader, 'http://site.test/ws', 'site.test', [
      ['Proxy-Authorization', basic(login)],
    ])
    await socket.say('hello')
    expect(await socket.hear()).toBe('hello')
    await socket.close()
  })

  it('passes 100 Continue and other interim replies on', async () => {
    const expecting = [['Expect', '100-continue']] as const
    const options = { login, method: 'PUT', body: 'x', headers: expecting }
    const put = await plain(upstream.port, 'http://site.test/expect', options)
    expect([put.interim.map(({ status }) => status), put.body.toString()]).toEqual([[100], 'x'])
    const hinted = await plain(upstream.port, 'http://site.test/interim', { login })
    expect(hinted.interim.map(({ status }) => status)).toEqual([103])
  })
})
