/** Octets that no honest client sends, and requests that are not for a proxy: a truthful answer, no upstream touched, nothing left. */
import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { connectVia, dial, plain, readReply, socks4, socks5 } from '../support/client.ts'
import { eventually, type Gateway, refusalOf, startGateway } from '../support/gateway.ts'
import { expectEcho, send } from '../support/socket-io.ts'

const start = () => startGateway({ upstreams: 1 })

/** Sends octets and reads until the gateway closes. */
async function answerTo({ port }: Gateway, octets: string | Buffer): Promise<Buffer> {
  const { socket, reader } = await dial(port)
  await send(socket, octets)
  const { bytes } = await reader.readToClose()
  socket.destroy()
  return bytes
}

/** Nothing of it has reached the upstream, and honest clients are served. */
async function expectUnharmed({ port, world, app }: Gateway): Promise<void> {
  expect(world.upstreams[0]?.connections).toBe(0)
  await expectEcho(await connectVia(port, 'echo.test:7'), 'still serving')
  await eventually(() => app.data.connections).toBe(1)
}

const connects: Record<string, [request: string, status: number]> = {
  'no port': ['CONNECT echo.test HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  'port 0': ['CONNECT echo.test:0 HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  'port 65536': ['CONNECT echo.test:65536 HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  'port with a sign': ['CONNECT echo.test:+7 HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  'port in words': ['CONNECT echo.test:http HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  'no host': ['CONNECT :7 HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  'no target': ['CONNECT  HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  'a URL': ['CONNECT http://echo.test:7/ HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  'a path': ['CONNECT echo.test:7/x HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  'a user': ['CONNECT user@echo.test:7 HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  'a number that is no address': ['CONNECT 1.2.3.256:7 HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  'bare IPv6': ['CONNECT ::1:7 HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  'IPv6 with a zone': ['CONNECT [fe80::1%eth0]:7 HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  'half brackets': ['CONNECT [::1:7 HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  'a space in the name': ['CONNECT echo .test:7 HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  'a percent in the name': ['CONNECT echo%2etest:7 HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  'a NUL in the name': ['CONNECT echo\x00.test:7 HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  'an octet above 127 in the name': ['CONNECT \xe9cho.test:7 HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  'an overlong name': [`CONNECT ${'a'.repeat(300)}.test:7 HTTP/1.1\r\nHost: x\r\n\r\n`, 400],
  'no version': ['CONNECT echo.test:7\r\nHost: x\r\n\r\n', 400],
  'another protocol': ['CONNECT echo.test:7 HTCPCP/1.0\r\nHost: x\r\n\r\n', 400],
  'HTTP/2.0': ['CONNECT echo.test:7 HTTP/2.0\r\nHost: x\r\n\r\n', 505],
  'HTTP/1.2': ['CONNECT echo.test:7 HTTP/1.2\r\nHost: x\r\n\r\n', 505],
  'two spaces': ['CONNECT echo.test:7  HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  'Content-Length': ['CONNECT echo.test:7 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello', 400],
  'Transfer-Encoding': ['CONNECT echo.test:7 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
  'two Hosts': ['CONNECT echo.test:7 HTTP/1.1\r\nHost: echo.test:7\r\nhost: other.test\r\n\r\n', 400],
  'a folded header': ['CONNECT echo.test:7 HTTP/1.1\r\nX: a\r\n b\r\n\r\n', 400],
  'a bare LF in a header': ['CONNECT echo.test:7 HTTP/1.1\r\nX: a\nY: b\r\n\r\n', 400],
  'a bare CR in a header': ['CONNECT echo.test:7 HTTP/1.1\r\nX: a\rY: b\r\n\r\n', 400],
  'a NUL in a header': ['CONNECT echo.test:7 HTTP/1.1\r\nX: a\x00\r\n\r\n', 400],
  'a space before the colon': ['CONNECT echo.test:7 HTTP/1.1\r\nHost : x\r\n\r\n', 400],
  'a header without a colon': ['CONNECT echo.test:7 HTTP/1.1\r\nHost\r\n\r\n', 400],
  'a header without a name': ['CONNECT echo.test:7 HTTP/1.1\r\n: x\r\n\r\n', 400],
}

describe('CONNECT', () => {
  it(`with one of ${Object.keys(connects).length} mistakes is refused in words`, async () => {
    const gateway = await start()
    for (const [what, [request, status]] of Object.entries(connects)) {
      const text = (await answerTo(gateway, Buffer.from(request, 'latin1'))).toString()
      expect.soft([what, text.slice(0, 12)]).toEqual([what, `HTTP/1.1 ${status}`])
      expect.soft(text, what).toMatch(/\r\nProxy-Status: turnpike; error=\w+; details="GW_\w+"\r\n/)
    }
    await expectUnharmed(gateway)
  })

  it('takes what is unusual but right', async () => {
    const { port, world } = await start()
    for (const name of ['my_host.test', 'xn--bcher-kva.test', 'A.b', '1.2.3.test', 'trailing.dot.'])
      world.names[name] = [world.echo.host, world.echo.port]
    for (const request of [
      ...['my_host.test', 'xn--bcher-kva.test', 'A.b', '1.2.3.test', 'trailing.dot.'].map(
        (name) => `CONNECT ${name}:7 HTTP/1.1\r\n\r\n`,
      ),
      'CONNECT echo.test:7 HTTP/1.0\r\n\r\n',
      'CONNECT echo.test:7 HTTP/1.1\r\nHost: other.test\r\nProxy-Connection: keep-alive\r\nX-Latin: caf\xe9\r\n\r\n',
      'CONNECT echo.test:7 HTTP/1.1\r\nContent-Length: 0\r\n\r\n',
      'CONNECT echo.test:00007 HTTP/1.1\r\n\r\n',
    ]) {
      const { socket, reader } = await dial(port)
      await send(socket, request)
      expect([request, (await reader.readUntil('\r\n\r\n')).toString().slice(0, 12)]).toEqual([request, 'HTTP/1.1 200'])
      await expectEcho({ socket, reader }, 'works')
    }
  })
})

describe('plain requests that are not for a proxy', () => {
  const cases: [target: string, method: string, code: string][] = [
    ['/', 'GET', 'GW_NOT_A_PROXY_REQUEST'],
    ['/index.html?x', 'POST', 'GW_NOT_A_PROXY_REQUEST'],
    ['*', 'OPTIONS', 'GW_NOT_A_PROXY_REQUEST'],
    ['site.test', 'GET', 'GW_BAD_REQUEST'],
    ['//site.test/', 'GET', 'GW_NOT_A_PROXY_REQUEST'],
    ['https://site.test/', 'GET', 'GW_BAD_REQUEST'],
    ['ftp://site.test/', 'GET', 'GW_BAD_REQUEST'],
    ['ws://site.test/', 'GET', 'GW_BAD_REQUEST'],
    ['http://', 'GET', 'GW_BAD_REQUEST'],
    ['http:///x', 'GET', 'GW_BAD_REQUEST'],
    ['http://:80/', 'GET', 'GW_BAD_REQUEST'],
    ['http://site.test:0/', 'GET', 'GW_BAD_REQUEST'],
    ['http://site.test:99999/', 'GET', 'GW_BAD_REQUEST'],
    ['http://user:word@site.test/', 'GET', 'GW_BAD_REQUEST'],
    ['http://[::1/', 'GET', 'GW_BAD_REQUEST'],
    ['http://site%2etest/', 'GET', 'GW_BAD_REQUEST'],
  ]
  it('are 400, and never routed by their Host', async () => {
    const gateway = await start()
    for (const [target, method, code] of cases) {
      const { socket, reader } = await dial(gateway.port)
      await send(socket, `${method} ${target} HTTP/1.1\r\nHost: site.test\r\n\r\n`)
      expect.soft([target, refusalOf(await readReply({ socket, reader }))]).toEqual([target, { status: 400, code }])
      socket.destroy()
    }
    expect(gateway.world.site.requests).toEqual([])
    await expectUnharmed(gateway)
  })

  it('HEAD is refused without a body', async () => {
    const gateway = await start()
    const text = (await answerTo(gateway, 'HEAD / HTTP/1.1\r\nHost: site.test\r\n\r\n')).toString()
    expect(text).toMatch(/^HTTP\/1\.1 400 [\s\S]*\r\n\r\n$/)
  })

  it('other protocols are told that this is none of theirs', async () => {
    const gateway = await start()
    const strangers: [octets: string | Buffer, begin: RegExp][] = [
      ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', /^HTTP\/1\.1 (400|505) /],
      [Buffer.from('16030100c8010000c40303', 'hex'), /^HTTP\/1\.1 400 /],
      ['SSH-2.0-OpenSSH_9.9\r\n', /^HTTP\/1\.1 400 /],
      ['EHLO mail.test\r\n', /^HTTP\/1\.1 400 /],
      ['\r\n\r\n\r\n\x00\x01\x02', /^HTTP\/1\.1 400 /],
      ['\x06whatever', /^HTTP\/1\.1 400 /],
    ]
    for (const [octets, begin] of strangers) {
      const text = (await answerTo(gateway, octets)).toString('latin1')
      expect.soft(text, octets.toString('latin1').slice(0, 20)).toMatch(begin)
    }
    await expectUnharmed(gateway)
  })
})

describe('SOCKS', () => {
  const five = (request: string) => Buffer.from(`050100${request}`, 'hex')
  const cases: [octets: Buffer, answer: RegExp][] = [
    [Buffer.from('0500', 'hex'), /^05ff$/],
    [Buffer.from('050201ff', 'hex'), /^05ff$/],
    [five('05020001 7f000001 0007'.replaceAll(' ', '')), /^05000507/], // BIND
    [five('05030001 7f000001 0007'.replaceAll(' ', '')), /^05000507/], // UDP ASSOCIATE
    [five('05010009 7f000001 0007'.replaceAll(' ', '')), /^05000508/], // unknown address type
    [five('04010001 7f000001 0007'.replaceAll(' ', '')), /^05000501/], // wrong version
    [five('05010001 7f000001 0000'.replaceAll(' ', '')), /^05000501/], // port 0
    [five('05010003 00 0007'.replaceAll(' ', '')), /^05000501/], // empty name
    [five('05010003 03 61002e 0007'.replaceAll(' ', '')), /^05000501/], // NUL in the name
    [Buffer.from('050102 02 00 00'.replaceAll(' ', ''), 'hex'), /^05020101$/], // login of version 2
    [Buffer.from('0401000000000001006100', 'hex'), /^005b/], // port 0
    [Buffer.from('040200077f00000100', 'hex'), /^005b/], // BIND
    [Buffer.from('0401000700000001002000', 'hex'), /^005b/], // a space as name
  ]
  it('mistakes are answered in SOCKS', async () => {
    const gateway = await start()
    for (const [octets, answer] of cases) {
      expect.soft((await answerTo(gateway, octets)).toString('hex'), octets.toString('hex')).toMatch(answer)
    }
    await expectUnharmed(gateway)
  })

  it('a literal address as a name is taken for what it is', async () => {
    const { port, world } = await start()
    const { host, port: echoPort } = world.echo
    const name = Buffer.from(host)
    const request = Buffer.concat([
      five('05010003'),
      Buffer.from([name.length]),
      name,
      Buffer.from([echoPort >> 8, echoPort & 255]),
    ])
    const { socket, reader } = await dial(port)
    await send(socket, request)
    expect((await reader.readExactly(4)).toString('hex')).toBe('05000500')
    expect((await socks4(port, world.echo.authority)).code).toBe(0x5a)
  })
})

it('noise of any kind ends in an answer or a close', async () => {
  const login = { username: 'crawler', password: 'gateway-password' }
  const listen = [{ port: 0, users: [{ name: login.username, password: login.password }] }]
  const config = { listen, limits: { handshake: '150ms' } }
  const gateway = await startGateway({ upstreams: 1, config, secrets: [login] })
  const beginnings = [
    '',
    '\x05',
    '\x04',
    'CONNECT ',
    'GET http://',
    '\x05\x01\x02',
    '\x04\x01',
    'POST http://x/ HTTP/1.1\r\n',
  ]
  await Promise.all(
    Array.from({ length: 160 }, async (_, n) => {
      const head = Buffer.from(beginnings[n % beginnings.length] ?? '', 'latin1')
      await answerTo(gateway, Buffer.concat([head, randomBytes(n * 7)]))
    }),
  )
  await eventually(() => gateway.app.data.connections).toBe(0)
  expect(gateway.world.upstreams[0]?.connections).toBe(0)
  expect((await plain(gateway.port, 'http://site.test/', { login })).status).toBe(200)
  expect((await socks5(gateway.port, 'echo.test:7', { login })).rep).toBe(0)
})
