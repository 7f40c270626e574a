/** Every way in, through every kind of upstream. */
import { describe, expect, it } from 'vitest'
import { connectVia, plain, socks4, socks4a, socks5 } from '../support/client.ts'
import { startGateway } from '../support/gateway.ts'
import { header } from '../support/http-wire.ts'
import { expectEcho } from '../support/socket-io.ts'
import { echoServer } from '../support/tcp.ts'

describe.each(['http', 'https', 'socks5'] as const)('through %s upstreams', (scheme) => {
  it('opens tunnels for CONNECT, SOCKS5, SOCKS4 and SOCKS4a', async () => {
    const { port, world } = await startGateway({ scheme, upstreams: 2 })
    const { authority } = world.echo
    const reply = await connectVia(port, 'echo.test:7')
    const upstream = ['X-Turnpike-Upstream', expect.stringMatching(/^\w{12}$/)]
    expect([reply.status, reply.headers]).toEqual([200, [['Date', expect.stringMatching(/ GMT$/)], upstream]])
    await expectEcho(reply, 'connect')
    for (const target of ['echo.test:7', authority]) {
      const socks = await socks5(port, target)
      expect([socks.method, socks.rep, socks.bound]).toEqual([0, 0, '0.0.0.0:0'])
      await expectEcho(socks, 'socks5')
    }
    const four = await socks4(port, authority)
    expect(four.code).toBe(0x5a)
    await expectEcho(four, 'socks4')
    const named = await socks4a(port, 'echo.test:7', { userId: 'someone' })
    expect(named.code).toBe(0x5a)
    await expectEcho(named, 'socks4a')
    const old = await connectVia(port, 'echo.test:7', { httpVersion: '1.0' })
    await expectEcho(old, 'connect 1.0')
    expect(world.upstreams.map(({ tunnelsOpened }) => tunnelsOpened)).toEqual([3, 3])
    expect(world.upstreams.flatMap(({ requests }) => requests.map(({ target }) => target))).toEqual(
      expect.arrayContaining(['echo.test:7', authority]),
    )
  })

  it('reaches IPv6 targets, however they are written', async () => {
    const { port, world } = await startGateway({ scheme, upstreams: 1 })
    const six = await world.serve('six.test', await echoServer().listen('::1'))
    await expectEcho(await connectVia(port, six.authority), 'connect')
    await expectEcho(await socks5(port, six.authority), 'socks')
    const long = await connectVia(port, `[0:0::0:1]:${six.port}`)
    await expectEcho(long, 'long form')
    expect(world.upstreams[0]?.tunnelsOpened).toBe(3)
  })

  it('forwards plain requests, HTTP/1.1 and 1.0', async () => {
    const { port, world } = await startGateway({ scheme, upstreams: 1 })
    const reply = await plain(port, 'http://site.test/')
    expect([reply.status, reply.body.toString()]).toEqual([200, `peer ${world.upstreams[0]?.host}\n`])
    const posted = await plain(port, 'http://site.test/echo', {
      method: 'POST',
      body: 'some words',
      httpVersion: '1.0',
    })
    expect([posted.status, posted.body.toString()]).toEqual([200, 'some words'])
    expect(header(posted.headers, 'connection')).toBe('close')
  })
})

it('takes the SOCKS5 method that carries options when both are offered, and names the upstream by a stable id', async () => {
  const { port, record, world } = await startGateway({ upstreams: 1 })
  const both = await socks5(port, 'echo.test:7', { login: { username: 'anyone', password: 'anything' } })
  expect([both.method, both.loginStatus, both.rep]).toEqual([2, 0, 0])
  const plainOnly = await socks5(port, 'echo.test:7', { methods: [0] })
  expect([plainOnly.method, plainOnly.rep]).toEqual([0, 0])
  const unknown = await socks5(port, 'echo.test:7', { methods: [1, 3] })
  expect([unknown.method, unknown.rep]).toEqual([0xff, undefined])
  const ids = new Set<string | undefined>()
  for (let n = 0; n < 3; n++) ids.add(header((await connectVia(port, 'echo.test:7')).headers, 'x-turnpike-upstream'))
  expect([...ids]).toEqual([world.upstreams[0] && record(world.upstreams[0]).id])
})

it('asks an upstream exactly what is needed, with its own login', async () => {
  const { port, world } = await startGateway({ upstreams: 1 })
  const login = { username: 'the-client', password: 'own password' }
  await connectVia(port, 'ECHO.test:7', {
    login,
    headers: [
      ['User-Agent', 'curl/8'],
      ['X-Other', 'a'],
    ],
  })
  const [request] = world.upstreams[0]?.requests ?? []
  expect(request?.login).toEqual(world.upstreams[0]?.login)
  expect(request?.headers.map(([name]) => name)).toEqual(['Host', 'Proxy-Authorization'])
  expect(request?.target).toBe('ECHO.test:7')
})
