/** Clients from npm, in this process; the gateway is still one of its own. */
import { get, type IncomingMessage } from 'node:http'
import { get as getSecure } from 'node:https'
import got from 'got'
import { HttpsProxyAgent } from 'https-proxy-agent'
import { SocksProxyAgent } from 'socks-proxy-agent'
import { fetch, ProxyAgent } from 'undici'
import { describe, expect, it, onTestFinished } from 'vitest'
import { pattern } from '../support/pattern.ts'
import { sha256 } from '../support/site-routes.ts'
import { testCertificate } from '../support/tls.ts'
import { startGateway } from './support/gateway-process.ts'

const login = { username: 'crawler', password: 'p@ss:w/rd 100%' }
const users = [{ name: login.username, password: login.password }]
const BIG = 5 * 1024 * 1024

const start = () => startGateway({ upstreams: 1, listen: { users }, secrets: [login] })

async function text(
  request: (done: (response: IncomingMessage) => void) => {
    on(event: 'error', listener: (error: Error) => void): unknown
  },
) {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(resolve).on('error', reject)
  })
  const pieces: Buffer[] = []
  for await (const piece of response) pieces.push(piece as Buffer)
  return Buffer.concat(pieces).toString()
}

describe.each([
  {
    name: 'https-proxy-agent',
    scheme: 'http',
    agentFor: (url: string) => new HttpsProxyAgent(url, { keepAlive: true }),
  },
  {
    name: 'socks-proxy-agent',
    scheme: 'socks5h',
    agentFor: (url: string) => new SocksProxyAgent(url, { keepAlive: true }),
  },
])('$name', ({ scheme, agentFor }) => {
  it("serves Node's http and https, and got", async () => {
    const { url, world } = await start()
    const agent = agentFor(url(scheme, login))
    onTestFinished(() => agent.destroy())
    const peer = `peer ${world.upstreams[0]?.host}\n`
    expect(await text((done) => get('http://site.test/', { agent }, done))).toBe(peer)
    const secure = { agent, ca: testCertificate, servername: 'secure.test' }
    expect(await text((done) => getSecure('https://secure.test/', secure, done))).toBe(peer)
    const client = got.extend({
      agent: { http: agent, https: agent },
      https: { certificateAuthority: testCertificate },
      retry: { limit: 0 },
    })
    expect(await client('http://site.test/').text()).toBe(peer)
    expect(await client('https://secure.test/').text()).toBe(peer)
    const big = await client(`https://secure.test/bytes/${BIG}`).buffer()
    expect(sha256(Buffer.from(big))).toBe(sha256(pattern(BIG)))
    const counted = await client.post('http://site.test/digest', { body: Buffer.from(big) }).json()
    expect(counted).toMatchObject({ bytes: BIG, sha256: sha256(pattern(BIG)) })
  })

  it('fails when the login is wrong', async () => {
    const { url, world } = await start()
    const agent = agentFor(url(scheme, { ...login, password: 'wrong' }))
    onTestFinished(() => agent.destroy())
    const request = got('https://secure.test/', { agent: { https: agent }, retry: { limit: 0 } })
    await expect(request).rejects.toThrow()
    expect(world.secureSite.connections).toEqual([])
  })
})

describe("undici's ProxyAgent", () => {
  it('serves fetch, over a tunnel and forwarded', async () => {
    const { url, world } = await start()
    const peer = `peer ${world.upstreams[0]?.host}\n`
    for (const proxyTunnel of [true, false]) {
      const dispatcher = new ProxyAgent({ uri: url('http', login), proxyTunnel, requestTls: { ca: testCertificate } })
      onTestFinished(() => dispatcher.close())
      for (const site of ['http://site.test', 'https://secure.test']) {
        expect(await (await fetch(`${site}/`, { dispatcher })).text()).toBe(peer)
        const big = Buffer.from(await (await fetch(`${site}/bytes/${BIG}`, { dispatcher })).arrayBuffer())
        expect(sha256(big)).toBe(sha256(pattern(BIG)))
        const sent = await fetch(`${site}/digest`, { dispatcher, method: 'POST', body: new Uint8Array(big) })
        expect(await sent.json()).toMatchObject({ bytes: BIG, sha256: sha256(pattern(BIG)) })
      }
    }
    expect(new Set(world.upstreams[0]?.requests.map(({ method }) => method))).toEqual(
      new Set(['CONNECT', 'GET', 'POST']),
    )
  })

  it('keeps its upstream in a session of the user name', async () => {
    const { url } = await startGateway({ listen: { users }, secrets: [login] })
    const peers = new Set<string>()
    for (let n = 0; n < 4; n++) {
      const dispatcher = new ProxyAgent(url('http', { ...login, username: 'crawler-session-undici' }))
      peers.add(await (await fetch('http://site.test/', { dispatcher })).text())
      await dispatcher.close()
    }
    expect([...peers]).toEqual([expect.stringMatching(/^peer /)])
  })
})
