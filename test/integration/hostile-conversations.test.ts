/**
 * Conversations that a client or an upstream would never have by mistake, octet by octet: what the client hears, and what the
 * other side is sent.
 */
import { describe, expect, it } from 'vitest'
import { dial, readReply } from '../support/client.ts'
import { converse } from '../support/conversation.ts'
import { EchoProxy, statementOf } from '../support/echo-proxy.ts'
import { eventually, type Gateway, startGateway } from '../support/gateway.ts'
import { misreadingOf } from '../support/lax-http.ts'
import { LoopbackServer } from '../support/loopback-server.ts'
import { delay, SocketReader, send } from '../support/socket-io.ts'

const HOST = 'Host: a.test\r\n'
const GET = `GET http://a.test/ HTTP/1.1\r\n${HOST}\r\n`
const LAST = `GET http://a.test/last HTTP/1.1\r\n${HOST}\r\n`
const post = (lines: string, body: string) => `POST http://a.test/p HTTP/1.1\r\n${HOST}${lines}\r\n${body}`
const CHUNKED = 'Transfer-Encoding: chunked\r\n'

/** A gateway with this upstream alone. */
async function gatewayBefore(server: LoopbackServer, config: object = {}): Promise<Gateway> {
  await server.listen()
  const gateway = await startGateway({
    upstreams: 0,
    filled: 1,
    provider: { list: [`http://${server.authority}`] },
    config: {
      log: { access: 'off' },
      dial: { tries: 1 },
      health: { rest: '1ms', maxRest: '1ms', evictAfter: 1_000 },
      ...config,
    },
  })
  await gateway.world.serve('upstream.test', server)
  return gateway
}

const heard = async ({ port }: Gateway, ...pieces: string[]): Promise<string> =>
  (
    await converse(
      port,
      pieces.map((piece) => Buffer.from(piece, 'latin1')),
    )
  ).toString('latin1')

/** Statuses in what came back, each with the code of the gateway's own. */
const statuses = (text: string) =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3}) (GW_\w+)?/g)].map(([, status, code]) => code ?? Number(status))

describe('a client', () => {
  /** What it sends, in pieces; what it hears; what the upstream was sent: method, target, body. */
  const conversations: Record<string, [sent: string[], heard: (number | string)[], forwarded: string[][]]> = {
    'sends a login-less second request behind one in the same packet as a chunked body': [
      [post(CHUNKED, '4\r\nab\r\n\r\n0\r\n\r\n') + LAST],
      [200, 200],
      [
        ['POST', 'http://a.test/p', 'ab\r\n'],
        ['GET', 'http://a.test/last', ''],
      ],
    ],
    'hides a request in a chunk': [
      [post(CHUNKED, `${(7 + GET.length).toString(16)}\r\n\r\n0\r\n\r\n${GET}\r\n0\r\n\r\n`) + LAST],
      [200, 200],
      [
        ['POST', 'http://a.test/p', `\r\n0\r\n\r\n${GET}`],
        ['GET', 'http://a.test/last', ''],
      ],
    ],
    'sends ten thousand chunks of one octet': [
      [post(CHUNKED, `${'1\r\nx\r\n'.repeat(10_000)}0\r\n\r\n`) + LAST],
      [200, 200],
      [
        ['POST', 'http://a.test/p', 'x'.repeat(10_000)],
        ['GET', 'http://a.test/last', ''],
      ],
    ],
    'extends a chunk without end': [
      [post(CHUNKED, `1;${'a'.repeat(5_000)}\r\nx\r\n0\r\n\r\n`) + LAST],
      ['GW_BAD_REQUEST'],
      [],
    ],
    'sends a chunk size of a thousand zeros': [
      [post(CHUNKED, `${'0'.repeat(1_000)}1\r\nx\r\n0\r\n\r\n`)],
      [200],
      [['POST', 'http://a.test/p', 'x']],
    ],
    'sends a trailer longer than a head may be': [
      [post(CHUNKED, `0\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`) + LAST],
      ['GW_BAD_REQUEST'],
      [],
    ],
    'names Host, the framing and its login in Connection': [
      [
        post(
          'Connection: Host, Content-Length, Transfer-Encoding, Proxy-Authorization, close\r\nContent-Length: 2\r\n',
          'hi',
        ),
      ],
      [200],
      [['POST', 'http://a.test/p', 'hi']],
    ],
    'closes with a member of a list': [
      [`GET http://a.test/ HTTP/1.1\r\n${HOST}Connection: x,\tCLOSE ,y\r\n\r\n${LAST}`],
      [200],
      [['GET', 'http://a.test/', '']],
    ],
    'closes in the second of two Connection lines': [
      [`GET http://a.test/ HTTP/1.1\r\n${HOST}Connection: keep-alive\r\nConnection: close\r\n\r\n${LAST}`],
      [200],
      [['GET', 'http://a.test/', '']],
    ],
    'says keep-alive in HTTP/1.0': [
      [`GET http://a.test/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n${LAST}`],
      [200],
      [['GET', 'http://a.test/', '']],
    ],
    'expects 100-continue and sends the body at once': [
      [post('Expect: 100-continue\r\nContent-Length: 2\r\n', 'hi') + LAST],
      [200, 200],
      [
        ['POST', 'http://a.test/p', 'hi'],
        ['GET', 'http://a.test/last', ''],
      ],
    ],
    'expects 100-continue without a body': [
      [`GET http://a.test/ HTTP/1.1\r\n${HOST}Expect: 100-continue\r\n\r\n${LAST}`],
      [200, 200],
      [
        ['GET', 'http://a.test/', ''],
        ['GET', 'http://a.test/last', ''],
      ],
    ],
    'writes connect small': [['connect a.test:443 HTTP/1.1\r\nHost: a.test\r\n\r\n'], ['GW_BAD_REQUEST'], []],
    'connects to a URL': [['CONNECT http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n'], ['GW_BAD_REQUEST'], []],
    'connects with content': [
      [`CONNECT a.test:443 HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhello`],
      ['GW_BAD_REQUEST'],
      [],
    ],
    'connects with two logins': [
      [`CONNECT a.test:443 HTTP/1.1\r\n${HOST}${'Proxy-Authorization: Basic YTpi\r\n'.repeat(2)}\r\n`],
      ['GW_BAD_REQUEST'],
      [],
    ],
    'sends an empty line behind a body': [
      [`${post('Content-Length: 2\r\n', 'hi')}\r\n`, '\r', '\n', LAST],
      [200, 200],
      [
        ['POST', 'http://a.test/p', 'hi'],
        ['GET', 'http://a.test/last', ''],
      ],
    ],
    'connects with a bare LF': [['CONNECT a.test:443 HTTP/1.1\nHost: a.test\n\n'], ['GW_BAD_REQUEST'], []],
    'connects behind a request whose body is broken': [
      [`${post(CHUNKED, 'zz\r\n')}CONNECT a.test:443 HTTP/1.1\r\n${HOST}\r\n`],
      ['GW_BAD_REQUEST'],
      [],
    ],
    'speaks TLS': [['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'], ['GW_BAD_REQUEST'], []],
    'speaks HTTP/2': [['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'], ['GW_HTTP_VERSION'], []],
    'speaks HTTP/1.1 without a dot': [['GET http://a.test/ HTTP/11\r\n\r\n'], ['GW_BAD_REQUEST'], []],
    'asks for the server as a whole': [[`OPTIONS * HTTP/1.1\r\n${HOST}\r\n`], ['GW_NOT_A_PROXY_REQUEST'], []],
    'asks for the target as a whole': [
      [`OPTIONS http://a.test HTTP/1.1\r\n${HOST}\r\n`],
      [200],
      [['OPTIONS', 'http://a.test', '']],
    ],
    'sends a query without a path': [
      [`GET http://a.test?q HTTP/1.1\r\n${HOST}\r\n`],
      [200],
      [['GET', 'http://a.test/?q', '']],
    ],
    'writes an empty port': [[`GET http://a.test:/ HTTP/1.1\r\n${HOST}\r\n`], [200], [['GET', 'http://a.test/', '']]],
    'writes two ports': [[`GET http://a.test:80:80/ HTTP/1.1\r\n${HOST}\r\n`], ['GW_BAD_REQUEST'], []],
    'writes port 0': [[`GET http://a.test:0/ HTTP/1.1\r\n${HOST}\r\n`], ['GW_BAD_REQUEST'], []],
    'writes no host': [[`GET http:///path HTTP/1.1\r\n${HOST}\r\n`], ['GW_BAD_REQUEST'], []],
    'writes a percent-encoded slash in the host': [
      [`GET http://a.test%2fb/ HTTP/1.1\r\n${HOST}\r\n`],
      ['GW_BAD_REQUEST'],
      [],
    ],
    'sends something behind a good request': [
      [`${GET}\x00\x01\r\n\r\n${LAST}`],
      [200, 'GW_BAD_REQUEST'],
      [['GET', 'http://a.test/', '']],
    ],
    'begins the second request with a bare CR': [
      [`${GET}\r${LAST}`],
      [200, 'GW_BAD_REQUEST'],
      [['GET', 'http://a.test/', '']],
    ],
    'begins the second request with a space': [
      [`${GET} ${LAST}`],
      [200, 'GW_BAD_REQUEST'],
      [['GET', 'http://a.test/', '']],
    ],
    'hides lines in an option': [
      [`GET http://a.test/ HTTP/1.1\r\n${HOST}X-Turnpike-Session: a\rX: b\r\n\r\n`],
      ['GW_BAD_REQUEST'],
      [],
    ],
    'upgrades to h2c, with a body': [
      [
        post(
          'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\nContent-Length: 2\r\n',
          'hi',
        ) + LAST,
      ],
      [200, 200],
      [
        ['POST', 'http://a.test/p', 'hi'],
        ['GET', 'http://a.test/last', ''],
      ],
    ],
    'sends each octet alone': [
      [...post(CHUNKED, '2;a="\\"";b\r\nhi\r\n0\r\nX: y\r\n\r\n')],
      [200],
      [['POST', 'http://a.test/p', 'hi']],
    ],
    'sends only empty lines': [['\r\n'.repeat(9_000)], ['GW_HEADER_TOO_LARGE'], []],
    'sends a length that no number holds': [
      [post('Content-Length: 1000000000000000\r\n', 'hi')],
      ['GW_BAD_REQUEST'],
      [],
    ],
    'sends many empty fields of one name': [
      [`GET http://a.test/ HTTP/1.1\r\n${HOST}${'Transfer-Encoding:\r\n'.repeat(100)}\r\n`],
      ['GW_BAD_REQUEST'],
      [],
    ],
  }

  it(`is answered in each of ${Object.keys(conversations).length} conversations, and nothing else is forwarded`, async () => {
    const upstream = new EchoProxy()
    const gateway = await gatewayBefore(upstream.server)
    for (const [what, [pieces, expected, forwarded]] of Object.entries(conversations)) {
      upstream.octets = []
      const text = await heard(gateway, ...pieces)
      expect.soft([what, statuses(text)]).toEqual([what, expected])
      const statements = forwarded.map(([method = '', target = '', body = '']) => statementOf(method, target, body))
      for (const statement of statements) expect.soft([what, text]).toEqual([what, expect.stringContaining(statement)])
      for (const octets of upstream.octets)
        expect.soft([what, await misreadingOf(Buffer.concat(octets))]).toEqual([what, undefined])
    }
  })

  it('that sends a malformed HEAD gets no content, however it is cut', async () => {
    const gateway = await gatewayBefore(new EchoProxy().server)
    const text = `HEAD http://a.test/ HTTP/1.1\r\n${HOST}X : y\r\n\r\n`
    for (const pieces of [[text], [text.slice(0, -2), '\r\n'], [`\r\n${text.slice(0, 40)}`, text.slice(40)]]) {
      const answer = await heard(gateway, ...pieces)
      expect(answer).toMatch(/^HTTP\/1\.1 400 GW_BAD_REQUEST/)
      expect(answer.split('\r\n\r\n')[1]).toBe('')
    }
  })

  it('that sends an empty line behind a body is as idle as before', async () => {
    const gateway = await gatewayBefore(new EchoProxy().server, { limits: { handshake: '200ms' } })
    const over = await dial(gateway.port)
    await send(over.socket, `${post('Content-Length: 2\r\n', 'hi')}\r\n`)
    expect((await readReply(over)).status).toBe(200)
    await delay(500, over.socket)
    await send(over.socket, LAST)
    expect((await readReply(over)).status).toBe(200)
  })

  it('sends a thousand requests ahead that end here, and the answers come in order', async () => {
    const gateway = await gatewayBefore(new EchoProxy().server)
    const ends = `OPTIONS http://a.test/ HTTP/1.1\r\n${HOST}Max-Forwards: 0\r\n\r\n`
    expect(statuses(await heard(gateway, ends.repeat(1_000) + LAST))).toEqual(Array(1_001).fill(200))
  })

  it('that shows its login once is asked for it with each request', async () => {
    const users = [{ name: 'crawler', password: 'gateway-password' }]
    const gateway = await gatewayBefore(new EchoProxy().server, { listen: [{ port: 0, users }] })
    const login = `Proxy-Authorization: Basic ${Buffer.from('crawler:gateway-password').toString('base64')}\r\n`
    const text = await heard(gateway, `GET http://a.test/ HTTP/1.1\r\n${HOST}${login}\r\n${GET}`)
    expect(statuses(text)).toEqual([200, 'GW_LOGIN_REQUIRED'])
  })
})

/** Answers the first request of each connection with these octets, then ends it or leaves it open. */
class Scripted {
  answer = ''
  isLeftOpen = false
  /** Connections that it has had. */
  connections = 0
  readonly server = new LoopbackServer(async (socket) => {
    this.connections++
    const reader = new SocketReader(socket, { timeoutMs: null })
    await reader.readUntil('\r\n\r\n')
    await send(socket, Buffer.from(this.answer, 'latin1'))
    if (!this.isLeftOpen) socket.end()
    await reader.read()
    socket.end()
  })
}

describe('an upstream', () => {
  const OK = 'HTTP/1.1 200 OK\r\n'
  /** What it sends; the method that it answers; what the client hears: its status, its body. */
  const answers: Record<string, [sent: string, heard: (number | string)[], body?: string, method?: string]> = {
    'sends a body in answer to HEAD': [`${OK}Content-Length: 5\r\n\r\nhello`, [200], '', 'HEAD'],
    'sends a body with 304': ['HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello', [304], ''],
    'sends a body with 204': ['HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello', [204], ''],
    'sends chunks with 204': [`HTTP/1.1 204 No Content\r\n${CHUNKED}\r\n2\r\nhi\r\n0\r\n\r\n`, [204], ''],
    'answers twice': [`${OK}Content-Length: 2\r\n\r\nhi${OK}Content-Length: 6\r\n\r\nhidden`, [200], 'hi'],
    'sends a hundred interim answers': [
      `${'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n'.repeat(100)}${OK}Content-Length: 2\r\n\r\nhi`,
      [...Array<number>(100).fill(103), 200],
      'hi',
    ],
    'says 100 to who did not ask': [`HTTP/1.1 100 Continue\r\n\r\n${OK}Content-Length: 2\r\n\r\nhi`, [200], 'hi'],
    'announces a body of an interim answer': [
      `HTTP/1.1 102 Processing\r\nContent-Length: 5\r\n\r\n${OK}Content-Length: 2\r\n\r\nhi`,
      [102, 200],
      'hi',
    ],
    'switches protocols unasked': [
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
      ['GW_UPSTREAM_GARBAGE'],
    ],
    'frames twice': [`${OK}Content-Length: 2\r\n${CHUNKED}\r\n2\r\nhi\r\n0\r\n\r\n`, ['GW_UPSTREAM_GARBAGE']],
    'tells two lengths': [`${OK}Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi!`, ['GW_UPSTREAM_GARBAGE']],
    'splits its answer in the reason': [`HTTP/1.1 200 OK\rX: y\r\n\r\nhi`, ['GW_UPSTREAM_GARBAGE']],
    'folds a field': [`${OK}X: y\r\n z\r\nContent-Length: 2\r\n\r\nhi`, ['GW_UPSTREAM_GARBAGE']],
    'names the framing in Connection': [`${OK}Connection: Content-Length\r\nContent-Length: 2\r\n\r\nhi`, [200], 'hi'],
    'answers in HTTP/1.0 without a length': ['HTTP/1.0 200 OK\r\n\r\nhi', [200], 'hi'],
    'invents a coding': [`${OK}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, ['GW_UPSTREAM_GARBAGE']],
    'writes a trailer with framing': [`${OK}${CHUNKED}\r\n2\r\nhi\r\n0\r\nContent-Length: 99\r\n\r\n`, [200], 'hi'],
    'says 999': ['HTTP/1.1 999 Denied\r\nContent-Length: 2\r\n\r\nhi', [502], 'hi'],
  }

  it(`is passed on or refused in each of ${Object.keys(answers).length} answers, and never reaches a second client`, async () => {
    const upstream = new Scripted()
    const gateway = await gatewayBefore(upstream.server)
    for (const [what, [sent, expected, body, method = 'GET']] of Object.entries(answers)) {
      for (upstream.isLeftOpen of [false, true]) {
        if (upstream.isLeftOpen && what.includes('without a length')) continue
        upstream.answer = sent
        // The address rests for a moment after a failure: the client waits for it, so it keeps its side open.
        const request = `${method} http://a.test/ HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`
        const text = (await converse(gateway.port, [Buffer.from(request)], true)).toString('latin1')
        expect.soft([what, statuses(text)]).toEqual([what, expected])
        if (body !== undefined) expect.soft([what, bodyOf(text)]).toEqual([what, body])
        expect.soft([what, text]).toEqual([what, expect.not.stringContaining('hidden')])
      }
    }
  })

  it.each([
    ['a body with a length', `${OK}Content-Length: 5\r\n\r\nhal`],
    ['chunks', `${OK}${CHUNKED}\r\n5\r\nhal`],
    ['chunks in front of the last', `${OK}${CHUNKED}\r\n3\r\nhal\r\n`],
    ['a trailer', `${OK}${CHUNKED}\r\n3\r\nhal\r\n0\r\nX: y\r\n`],
    ['broken chunks', `${OK}${CHUNKED}\r\n3\r\nhal\r\nzz\r\n`],
  ])('that breaks off inside %s looks so to the client', async (_, answer) => {
    const upstream = new Scripted()
    upstream.answer = answer
    const gateway = await gatewayBefore(upstream.server)
    const text = await heard(gateway, GET + LAST)
    expect(statuses(text)).toEqual([200])
    expect(text).not.toMatch(/\r\n0\r\n/)
    expect(bodyOf(text)).toBe('hal')
    await eventually(() => gateway.app.data.connections).toBe(0)
  })

  it('that ends lines of its answer to CONNECT with LF alone loses none of the target’s octets: it is refused', async () => {
    const upstream = new Scripted()
    const gateway = await gatewayBefore(upstream.server)
    for (upstream.answer of [`${OK.trim()}\n\nSSH-2.0-server\r\nline\r\n\r\nrest`, `${OK.trim()}\nX: y\r\n\r\n`]) {
      const connect = Buffer.from('CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n')
      expect(statuses((await converse(gateway.port, [connect], true)).toString('latin1'))).toEqual([
        'GW_UPSTREAM_GARBAGE',
      ])
    }
  })

  it('that closes a kept connection below a POST is not sent it again', async () => {
    const upstream = new Scripted()
    upstream.answer = `${OK}Content-Length: 2\r\n\r\nhi`
    upstream.isLeftOpen = true
    const gateway = await gatewayBefore(upstream.server)
    // The second request of a connection is read and not answered.
    const text = await heard(gateway, GET, post('Content-Length: 2\r\n', 'hi'))
    expect(statuses(text)).toEqual([200, 'GW_UPSTREAM_CLOSED'])
    expect(upstream.connections).toBe(1)
  })
})

/** The body of the final answer, decoded from its chunks where it is in such. */
function bodyOf(text: string): string {
  const final = text.slice(text.search(/HTTP\/1\.1 [2-9]/))
  const at = final.indexOf('\r\n\r\n') + 4
  const body = final.slice(at)
  if (!/transfer-encoding/i.test(final.slice(0, at))) return body
  let data = ''
  for (let rest = body; ; ) {
    const [line, size = ''] = /^([0-9a-f]+)\r\n/.exec(rest) ?? []
    if (line === undefined || size === '0') return data
    data += rest.slice(line.length, line.length + Number.parseInt(size, 16))
    rest = rest.slice(line.length + Number.parseInt(size, 16) + 2)
  }
}
