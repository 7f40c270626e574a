/** users[].limits: what a user hears who is at one of them, in each protocol, and that a reload takes new ones up. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { connectVia, plain, socks5 } from '../support/client.ts'
import { eventually, refusalOf, startGateway } from '../support/gateway.ts'
import { header } from '../support/http-wire.ts'

const login = (username: string) => ({ login: { username, password: `${username}-password` } })
const user = (name: string, limits?: object) => ({ name, password: `${name}-password`, ...(limits && { limits }) })
const start = (limits: object, upstreams = 3, config: object = {}) =>
  startGateway({
    upstreams,
    config: { listen: [{ port: 0, users: [user('one', limits), user('two')] }], ...config },
    secrets: ['one-password', 'two-password'],
  })

it('connections: 429 for CONNECT and plain requests, 2 over SOCKS; the other user is served', async () => {
  const { port } = await start({ connections: 1 })
  const first = await connectVia(port, 'echo.test:7', login('one'))
  expect(first.status).toBe(200)
  expect(refusalOf(await connectVia(port, 'echo.test:7', login('one')))).toEqual({
    status: 429,
    code: 'GW_USER_LIMIT',
    retryAfter: 1,
  })
  expect(refusalOf(await plain(port, 'http://site.test/', login('one'))).status).toBe(429)
  expect((await socks5(port, 'echo.test:7', login('one'))).rep).toBe(2)
  expect((await connectVia(port, 'echo.test:7', login('two'))).status).toBe(200)
  first.socket.destroy()
  await eventually(async () => (await connectVia(port, 'echo.test:7', login('one'))).status).toBe(200)
})

it('newPerSecond: plain requests of one kept connection count too', async () => {
  const { port } = await start({ newPerSecond: 1 })
  const first = await plain(port, 'http://site.test/', login('one'))
  expect(first.status).toBe(200)
  expect(refusalOf(await plain(port, 'http://site.test/', { ...login('one'), over: first })).code).toBe('GW_USER_LIMIT')
})

it('bytesPerDay: over it no request is begun', async () => {
  const { port } = await start({ bytesPerDay: '1KiB' })
  const first = await plain(port, 'http://site.test/bytes/5000', login('one'))
  expect(first.body).toHaveLength(5_000)
  first.socket.destroy()
  await eventually(async () => {
    const reply = await plain(port, 'http://site.test/', login('one'))
    return reply.status === 200 ? 200 : refusalOf(reply)
  }).toMatchObject({ status: 429, code: 'GW_USER_LIMIT' })
})

it('addressesPerHour: further connections go through the addresses that it has had; a command brings no other', async () => {
  const { port } = await start({ addressesPerHour: 2 }, 4)
  const ids: (string | undefined)[] = []
  for (let n = 0; n < 6; n++) {
    const reply = await connectVia(port, 'echo.test:7', login('one'))
    expect(reply.status).toBe(200)
    ids.push(header(reply.headers, 'x-turnpike-upstream'))
  }
  expect(new Set(ids).size).toBe(2)
  const session = { login: { username: 'one-session-a', password: 'one-password' } }
  for (let n = 0; n < 4; n++) {
    const reply = await plain(port, 'http://turnpike.internal/session/rotate', {
      ...{ method: 'POST', headers: [['X-Turnpike', '1']] },
      ...session,
    })
    expect(ids).toContain((JSON.parse(reply.body.toString()) as { address: { id: string } }).address.id)
  }
})

it('a reload takes a new limit up for users who are connected', async () => {
  const { app, port, folder, text } = await start({ connections: 1 })
  await connectVia(port, 'echo.test:7', login('one'))
  expect((await connectVia(port, 'echo.test:7', login('one'))).status).toBe(429)
  writeFileSync(join(folder, 'gateway.yaml'), text.replace('connections: 1', 'connections: 2'))
  await app.reload('test')
  expect((await connectVia(port, 'echo.test:7', login('one'))).status).toBe(200)
  expect((await connectVia(port, 'echo.test:7', login('one'))).status).toBe(429)
})

it('what a user has used still counts after a restart', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'turnpike-users-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const config = { state: { path: join(folder, 'state') } }
  const first = await start({ bytesPerDay: '1KiB' }, 1, config)
  expect((await plain(first.port, 'http://site.test/bytes/5000', login('one'))).body).toHaveLength(5_000)
  await first.abort()
  const { port } = await start({ bytesPerDay: '1KiB' }, 1, config)
  expect(refusalOf(await plain(port, 'http://site.test/', login('one')))).toMatchObject({ code: 'GW_USER_LIMIT' })
  expect((await plain(port, 'http://site.test/', login('two'))).status).toBe(200)
})
