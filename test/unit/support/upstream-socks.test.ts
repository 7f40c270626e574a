import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { closeClients, dial, socks5 } from '../../support/client.ts'
import type { LoopbackServer } from '../../support/loopback-server.ts'
import { echoServer } from '../../support/tcp.ts'
import { FakeUpstream } from '../../support/upstream.ts'

const login = { username: 'ann', password: 'päss' }
let echo: LoopbackServer
let upstream: FakeUpstream

beforeEach(async () => {
  echo = await echoServer().listen()
  upstream = await new FakeUpstream({ login, names: { 'echo.test': [echo.host, echo.port] } }).listen()
})

afterEach(async () => {
  await closeClients()
  await Promise.all([upstream.close(), echo.close()])
})

describe('SOCKS5', () => {
  it.each([
    ['one step after the other', {}],
    ['in one write', { pipelined: true }],
    ['byte by byte', { split: 1 }],
  ])('opens a tunnel, asked %s', async (_, options) => {
    const reply = await socks5(upstream.port, 'echo.test:7', { login, earlyBytes: 'early', ...options })
    expect(reply).toMatchObject({ method: 2, loginStatus: 0, rep: 0 })
    expect((await reply.reader.readExactly(5)).toString()).toBe('early')
    expect(upstream.requests).toEqual([expect.objectContaining({ protocol: 'socks5', target: 'echo.test:7', login })])
    expect(upstream.tunnelsOpened).toBe(1)
  })

  it('takes addresses of every type', async () => {
    const open = new FakeUpstream({ names: { '2001:db8::7': [echo.host, echo.port] } })
    await open.listen()
    expect(await socks5(open.port, `127.0.0.1:${echo.port}`)).toMatchObject({ method: 0, rep: 0 })
    expect(await socks5(open.port, '[2001:db8::7]:7')).toMatchObject({ rep: 0 })
    expect(open.requests.map(({ target }) => target)).toEqual([`127.0.0.1:${echo.port}`, '[2001:db8::7]:7'])
    await open.close()
  })

  it('demands the login', async () => {
    const wrong = await socks5(upstream.port, 'echo.test:7', { login: { ...login, password: 'other' } })
    expect([wrong.loginStatus, wrong.rep]).toEqual([1, undefined])
    const none = await socks5(upstream.port, 'echo.test:7')
    expect([none.method, none.rep]).toEqual([0xff, undefined])
  })

  it('refuses unknown names, closed ports, foreign addresses and other commands', async () => {
    const closed = await echoServer().listen()
    await closed.close()
    const reps = [
      await socks5(upstream.port, 'elsewhere.test:7', { login }),
      await socks5(upstream.port, `127.0.0.1:${closed.port}`, { login }),
      await socks5(upstream.port, '192.0.2.1:7', { login }),
      await socks5(upstream.port, 'echo.test:7', { login, command: 3 }),
    ].map(({ rep }) => rep)
    expect(reps).toEqual([4, 5, 2, 7])
  })
})

describe('misbehaviour', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('REP %i', async (rep) => {
    await upstream.behave({ kind: 'rep', rep })
    expect(await socks5(upstream.port, 'echo.test:7', { login })).toMatchObject({ rep })
  })

  it('knows no method, refuses every login, speaks another version', async () => {
    await upstream.behave('no-method')
    expect(await socks5(upstream.port, 'echo.test:7', { login })).toMatchObject({ method: 0xff })
    await upstream.behave('auth-failure')
    expect(await socks5(upstream.port, 'echo.test:7', { login })).toMatchObject({ method: 2, loginStatus: 1 })
    await upstream.behave('bad-version')
    const { socket, reader } = await dial(upstream.port)
    socket.write(Buffer.from([5, 1, 2]))
    expect([...(await reader.readExactly(2))]).toEqual([4, 2])
  })

  it('answers byte by byte, and names bound addresses of other lengths', async () => {
    await upstream.behave('split-reply')
    expect(await socks5(upstream.port, 'echo.test:7', { login })).toMatchObject({ rep: 0 })
    await upstream.behave({ kind: 'bound', as: 'domain' })
    expect((await socks5(upstream.port, 'echo.test:7', { login })).bound).toMatch(/^upstream\.test:/)
    await upstream.behave({ kind: 'bound', as: 'ipv6' })
    const reply = await socks5(upstream.port, 'echo.test:7', { login, earlyBytes: 'still aligned' })
    expect(reply.bound).toMatch(/^0{31}1:/)
    expect((await reply.reader.readExactly(13)).toString()).toBe('still aligned')
  })

  it('falls silent in the middle of its answers', async () => {
    await upstream.behave({ kind: 'silent-after', bytes: 3 })
    await expect(socks5(upstream.port, 'echo.test:7', { login, timeoutMs: 50 })).rejects.toThrow(/had "\\u0001"/)
  })
})
