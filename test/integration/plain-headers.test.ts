/** Plain requests: what the target sees of them, and what the client sees of the answer. */
import { describe, expect, it } from 'vitest'
import { basic, dial, plain, readReply } from '../support/client.ts'
import { type Gateway, refusalOf, startGateway } from '../support/gateway.ts'
import { header, headerValues } from '../support/http-wire.ts'
import { send } from '../support/socket-io.ts'

const names = (headers: readonly (readonly [string, string])[]) => headers.map(([name]) => name)

/** What the site received last. */
function seen({ world }: Gateway) {
  const request = world.site.requests.at(-1)
  if (request === undefined) throw new Error('the site was asked nothing')
  return request
}

describe.each(['http', 'https', 'socks5'] as const)('through %s upstreams', (scheme) => {
  it('a request arrives as it was, without what concerns the way to us', async () => {
    const gateway = await startGateway({ scheme, upstreams: 1 })
    await plain(gateway.port, 'http://site.test/a%20path//x?q=1&q=%C3%A9', {
      login: { username: 'client-session-s1', password: 'secret of the client' },
      headers: [
        ['User-AGENT', 'Own/1.0'],
        ['Accept', 'text/html'],
        ['accept', 'image/png'],
        ['Proxy-Connection', 'keep-alive'],
        ['Keep-Alive', 'timeout=5'],
        ['Connection', 'X-Secret, keep-alive, close'],
        ['X-Secret', 'for the proxy alone'],
        ['TE', 'trailers'],
        ['Upgrade', 'h2c'],
        ['HTTP2-Settings', 'AAMAAABkAAQAoAAAAAIAAAAA'],
        ['X-Turnpike-Country', 'cn'],
        ['Cookie', 'a=b; c="d"'],
        ['X-Latin', 'caf\xe9'],
        ['X-Empty', ''],
      ],
      body: 'some body',
      method: 'PATCH',
    })
    const { method, target, headers } = seen(gateway)
    expect([method, target]).toEqual(['PATCH', '/a%20path//x?q=1&q=%C3%A9'])
    expect(headers.filter(([name]) => !/^connection$/i.test(name))).toEqual([
      ['Host', 'site.test'],
      ['User-AGENT', 'Own/1.0'],
      ['Accept', 'text/html'],
      ['accept', 'image/png'],
      ['HTTP2-Settings', 'AAMAAABkAAQAoAAAAAIAAAAA'],
      ['Cookie', 'a=b; c="d"'],
      ['X-Latin', 'caf\xe9'],
      ['X-Empty', ''],
      ['Content-Length', '9'],
    ])
    expect(headerValues(headers, 'connection').every((value) => value === 'keep-alive')).toBe(true)
    const upstream = gateway.world.upstreams[0]?.requests.at(-1)
    if (scheme !== 'socks5') expect(upstream?.login).toEqual(gateway.world.upstreams[0]?.login)
  })
})

/** What proxies add. */
const OURS = /^(via|forwarded|x-forwarded|x-real|x-turnpike|proxy)/i

describe.each(['http', 'https', 'socks5'] as const)('both ways through %s upstreams', (scheme) => {
  it('the Host is the target’s, whatever the client claims; nothing tells that we were here', async () => {
    const gateway = await startGateway({ scheme, upstreams: 1 })
    const { authority } = gateway.world.site
    for (const [url, host] of [
      ['http://site.test', 'site.test'],
      ['http://SITE.test:80?x', 'SITE.test'],
      [`http://${authority}/`, authority],
    ] as const) {
      gateway.world.names['SITE.test'] = [gateway.world.site.host, gateway.world.site.port]
      const reply = await plain(gateway.port, url, { headers: [['Host', 'somebody.else']] })
      expect(reply.status).toBe(200)
      expect(header(seen(gateway).headers, 'host')).toBe(host)
      // The client gets a Date: RFC 9110 section 6.6.1 has it added to an answer without one.
      expect([...names(seen(gateway).headers), ...names(reply.headers)].filter((name) => OURS.test(name))).toEqual([])
      expect(names(seen(gateway).headers).filter((name) => /^date$/i.test(name))).toEqual([])
    }
    expect(seen(gateway).target).toBe('/')
  })

  it('an answer arrives as it was: status, reason, order, case, duplicates', async () => {
    const gateway = await startGateway({ scheme, upstreams: 1 })
    const reply = await plain(gateway.port, 'http://site.test/status/299')
    expect([reply.status, reply.reason, reply.body.toString()]).toEqual([299, 'Status', 'a status page\n'])
    const missing = await plain(gateway.port, 'http://site.test/nothing-here')
    expect([missing.status, header(missing.headers, 'proxy-status')]).toEqual([404, undefined])
  })
})

it('an HTTP/1.0 client without Host is served, and its connection closed', async () => {
  const { port } = await startGateway({ upstreams: 1 })
  const { socket, reader } = await dial(port)
  await send(socket, 'GET http://site.test/ HTTP/1.0\r\n\r\n')
  const reply = await readReply({ socket, reader })
  expect([reply.status, reply.body.toString().slice(0, 4)]).toEqual([200, 'peer'])
  expect(await reader.readAll()).toHaveLength(0)
})

it('options in X-Turnpike headers count only where the port allows it, and go no further', async () => {
  const closed = await startGateway({ upstreams: 1 })
  const headers = [['X-Turnpike-Provider', 'nobody']] as const
  expect((await plain(closed.port, 'http://site.test/', { headers })).status).toBe(200)
  expect(names(seen(closed).headers)).not.toContain('X-Turnpike-Provider')
})

it('options in X-Turnpike headers are obeyed where the port allows it, and the upstream is named where it may be', async () => {
  const listen = [{ port: 0, optionHeaders: true, upstreamHeader: true }]
  const gateway = await startGateway({ upstreams: 2, config: { listen } })
  const refused = await plain(gateway.port, 'http://site.test/', { headers: [['X-Turnpike-Provider', 'nobody']] })
  expect([refused.status, refused.body.toString()]).toEqual([400, expect.stringContaining('"provider"')])
  const twice = [
    ['X-Turnpike-Session', 'a'],
    ['X-Turnpike-Session', 'b'],
  ] as const
  expect(refusalOf(await plain(gateway.port, 'http://site.test/', { headers: twice }))).toEqual({
    status: 400,
    code: 'GW_BAD_OPTION',
  })
  const reply = await plain(gateway.port, 'http://site.test/', { headers: [['X-Turnpike-Session', 'a1']] })
  const peer = reply.body.toString().split(' ')[1]?.trim() ?? ''
  expect(header(reply.headers, 'x-turnpike-upstream')).toBe(gateway.record(gateway.world.upstreamAt(peer)).id)
})

it('the client’s login goes to nobody', async () => {
  const gateway = await startGateway({
    upstreams: 1,
    login: false,
    config: { listen: [{ port: 0, users: [{ name: 'crawler', password: 'gateway-password' }] }] },
    secrets: ['gateway-password'],
  })
  const login = { username: 'crawler', password: 'gateway-password' }
  await plain(gateway.port, 'http://site.test/', { login, headers: [['Authorization', 'Basic dGhlOnRhcmdldHM=']] })
  const raw = seen(gateway).raw + (gateway.world.upstreams[0]?.requests[0]?.raw ?? '')
  expect(raw).not.toContain(basic(login))
  expect(header(seen(gateway).headers, 'authorization')).toBe('Basic dGhlOnRhcmdldHM=')
})
