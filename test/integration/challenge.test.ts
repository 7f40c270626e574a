/** 407 keeps the connection (RFC 9110 section 11.7.1): Chromium, undici and curl show their login on it, and need no other one. */
import { expect, it } from 'vitest'
import { basic, connectVia, dial, plain, readReply } from '../support/client.ts'
import { eventually, type GatewayOptions, refusalOf, startGateway } from '../support/gateway.ts'
import { header, readResponseHead } from '../support/http-wire.ts'
import { expectEcho, send } from '../support/socket-io.ts'

const login = { username: 'crawler', password: 'right-password' }
const users = [{ name: login.username, password: login.password }]
const HOST = 'Host: site.test\r\n'
const LOGIN = `Proxy-Authorization: ${basic(login)}\r\n`

const start = (options: GatewayOptions = {}) =>
  startGateway({
    upstreams: 1,
    secrets: [login],
    ...options,
    config: { listen: [{ port: 0, users }], ...options.config },
  })

const CHALLENGED = { status: 407, code: 'GW_LOGIN_REQUIRED' }

it('CONNECT and plain requests get their login on the connection of the challenge, in any order', async () => {
  const { port, app } = await start()
  const over = await dial(port)
  const connect = 'CONNECT echo.test:7 HTTP/1.1\r\nHost: echo.test:7\r\nProxy-Connection: keep-alive\r\n'
  for (const refused of [`${connect}\r\n`, `GET http://site.test/ HTTP/1.1\r\n${HOST}\r\n`, `${connect}\r\n`]) {
    await send(over.socket, refused)
    const reply = await readReply(over)
    expect([refusalOf(reply), header(reply.headers, 'connection')]).toEqual([CHALLENGED, 'keep-alive'])
  }
  expect((await plain(port, 'http://site.test/', { over, login })).status).toBe(200)
  await send(over.socket, `${connect}\r\n`)
  expect((await readReply(over)).status).toBe(407)
  await send(over.socket, `${connect}${LOGIN}\r\n`)
  expect((await readResponseHead(over.reader)).status).toBe(200)
  await expectEcho(over, 'one connection for all of it')
  expect([app.data.connections, app.traffic.refusedCount]).toEqual([1, 4])
  over.socket.destroy()
  await eventually(() => app.data.connections).toBe(0)
})

it('a login of another scheme is challenged, also with commas between its parameters', async () => {
  const { port } = await start()
  const digest =
    'Proxy-Authorization: Digest username="crawler", realm="turnpike", nonce="a,b", uri="/", response="c"\r\n'
  const over = await dial(port)
  for (const line of ['CONNECT echo.test:7', 'GET http://site.test/']) {
    await send(over.socket, `${line} HTTP/1.1\r\n${HOST}${digest}\r\n`)
    expect(refusalOf(await readReply(over))).toEqual(CHALLENGED)
  }
  expect((await plain(port, 'http://site.test/', { over, login })).status).toBe(200)
})

it('a refused body is dropped where it is short, and the next request is read behind it', async () => {
  const { port, world } = await start()
  const body = 'GET http://site.test/smuggled HTTP/1.1\r\n\r\n'
  const again = await dial(port)
  await send(
    again.socket,
    `POST http://site.test/echo HTTP/1.1\r\n${HOST}Content-Length: ${body.length}\r\n\r\n${body.slice(0, 9)}`,
  )
  expect(refusalOf(await readReply(again))).toEqual(CHALLENGED)
  await send(again.socket, body.slice(9))
  expect((await plain(port, 'http://site.test/', { over: again, login })).status).toBe(200)
  await send(again.socket, `HEAD http://site.test/ HTTP/1.1\r\n${HOST}\r\n`)
  expect((await readReply(again, 'HEAD')).status).toBe(407)
  expect((await plain(port, 'http://site.test/', { over: again, login })).status).toBe(200)
  expect(world.site.requests.map(({ method }) => method)).toEqual(['GET', 'GET'])
})

it.each([
  [
    'CONNECT with octets behind it',
    `CONNECT echo.test:7 HTTP/1.1\r\n\r\nGET http://site.test/ HTTP/1.1\r\n${HOST}\r\n`,
  ],
  ['CONNECT in HTTP/1.0', 'CONNECT echo.test:7 HTTP/1.0\r\n\r\n'],
  ['CONNECT with "close"', 'CONNECT echo.test:7 HTTP/1.1\r\nProxy-Connection: Close\r\n\r\n'],
  ['a plain request with "close"', `GET http://site.test/ HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`],
  ['a body in chunks', `POST http://site.test/ HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`],
  ['a long body', `POST http://site.test/ HTTP/1.1\r\n${HOST}Content-Length: 70000\r\n\r\n`],
  ['an expectation', `POST http://site.test/ HTTP/1.1\r\n${HOST}Content-Length: 7\r\nExpect: 100-continue\r\n\r\n`],
])('behind %s the connection ends: what follows may be no request', async (_, request) => {
  const { port } = await start()
  const over = await dial(port)
  await send(over.socket, request)
  const reply = await readReply(over)
  expect([refusalOf(reply), header(reply.headers, 'connection')]).toEqual([CHALLENGED, 'close'])
  expect(await over.reader.readAll()).toHaveLength(0)
})

it('a chunk of refused requests is answered without one deeper than the other', async () => {
  const { port } = await start()
  const over = await dial(port)
  const count = 1_500
  await send(over.socket, `GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n`.repeat(count))
  for (let n = 0; n < count; n++) expect(refusalOf(await readReply(over))).toEqual(CHALLENGED)
  expect((await plain(port, 'http://site.test/', { over, login })).status).toBe(200)
})

it('a wrong login ends the connection: each guess costs one', async () => {
  const { port } = await start()
  const wrong = { username: 'crawler', password: 'wrong' }
  for (const reply of [
    await connectVia(port, 'echo.test:7', { login: wrong }),
    await plain({ host: '127.0.0.1', port, from: '127.0.1.2' }, 'http://site.test/', { login: wrong }),
  ])
    expect([reply.status, header(reply.headers, 'connection')]).toEqual([407, 'close'])
})

it('a client that shows no login counts as one that has made no request, and its connection ends when the gateway stops', async () => {
  const { port, app } = await start({ config: { limits: { connections: 1 } } })
  const over = await dial(port)
  await send(over.socket, 'CONNECT echo.test:7 HTTP/1.1\r\n\r\n')
  expect((await readReply(over)).status).toBe(407)
  await expectEcho(await connectVia(port, 'echo.test:7', { login }), 'not locked out')
  app.data.stopAccepting()
  expect(await over.reader.readAll()).toHaveLength(0)
})
