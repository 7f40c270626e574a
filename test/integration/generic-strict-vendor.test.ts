/**
 * An invented vendor that enforces its document: a session in a cookie, calls signed with a key in hex, two limits on one call, and a
 * whitelist that each call replaces. Its entry uses the words of docs/vendors/generic.md alone.
 */
import { createHmac } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { connectVia } from '../support/client.ts'
import { eventually, startGateway } from '../support/gateway.ts'
import { expectEcho } from '../support/socket-io.ts'
import type { World } from '../support/world.ts'

const SECRET = '00ff8007c81d00ff8007c81d'

const entry = `
name: strict
vendor: generic
credentials: { id: INVENTED-id, secret: "${SECRET}" }
login:
  method: POST
  url: https://api.strict.example/session
  form: { id: "{id}" }
  format: text
  token: $cookie.sid
url: https://api.strict.example/ips
query: { count: "{num}" }
sign: { of: "{method}\\n{path}\\n{query}\\n{timestamp}", hash: hmac-sha256, key: "{secret}", keyEncoding: hex, encoding: base64 }
headers: { Cookie: "sid={token}", X-Time: "{timestamp}", X-Sign: "{sign}" }
format: json
items: ips
fields: { address: $, ttl: { field: $reply.seconds } }
success: { code: code, message: words }
errors:
  - { code: SESSION, class: auth, login: true }
  - { code: ADDRESS, class: whitelist }
limit: [{ calls: 2, per: 1s }, { calls: 4, per: 1h }]
maxPerCall: 1
operations:
  whitelistList:
    url: https://api.strict.example/whitelist
    headers: { Cookie: "sid={token}", X-Time: "{timestamp}", X-Sign: "{sign}" }
    items: allowed
  whitelistAdd:
    method: PUT
    url: https://api.strict.example/whitelist
    headers: { Cookie: "sid={token}", X-Time: "{timestamp}", X-Sign: "{sign}" }
    json: { allowed: "{ips}" }
whitelist: auto
allowPrivate: true
`

class StrictVendor {
  readonly violations: string[] = []
  session = ''
  logins = 0
  allowed = ['9.9.9.9', '8.8.4.0/24']
  sales = 0
  readonly #askedAt: number[] = []

  answer(
    { method = '', url = '', headers }: IncomingMessage,
    body: string,
    address: string,
  ): [number, object | string] {
    const { pathname, search } = new URL(url, 'http://vendor.test')
    if (pathname === '/session') {
      if (body !== 'id=INVENTED-id') this.violations.push('a login without the id')
      this.session = `session-${++this.logins}`
      return [204, '']
    }
    if (headers.cookie !== `sid=${this.session}`) return [403, { code: 'SESSION', words: 'log in' }]
    const signed = [method, pathname, search.slice(1), headers['x-time']].join('\n')
    const sign = createHmac('sha256', Buffer.from(SECRET, 'hex')).update(signed).digest('base64')
    if (headers['x-sign'] !== sign) this.violations.push('a wrong signature')
    if (pathname === '/whitelist' && method === 'GET') return [200, { allowed: this.allowed }]
    if (pathname === '/whitelist') this.allowed = (JSON.parse(body) as { allowed: string[] }).allowed
    if (pathname === '/whitelist') return [200, {}]
    this.#askedAt.push(performance.now())
    const within = (ms: number) => this.#askedAt.filter((at) => at > performance.now() - ms).length
    if (within(1_000) > 2 || within(3_600_000) > 4) this.violations.push('too many calls')
    if (!this.allowed.includes('8.8.8.8')) return [403, { code: 'ADDRESS', words: '8.8.8.8 is not allowed' }]
    this.sales++
    return [200, { ips: [address], seconds: 120 }]
  }
}

it('is kept to its document: sessions that end, signatures, both limits, and nothing is lost from the whitelist', async () => {
  const vendor = new StrictVendor()
  let world: World | undefined
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const piece of request) body += String(piece)
    const { host, port } = world?.upstreams[vendor.sales] ?? { host: '', port: 0 }
    const [status, reply] = vendor.answer(request, body, `${host}:${port}`)
    const cookies = status === 204 ? { 'set-cookie': ['lang=en', `sid=${vendor.session}; Path=/; HttpOnly`] } : {}
    response.writeHead(status, { 'content-type': 'application/json', ...cookies })
    response.end(typeof reply === 'string' ? reply : JSON.stringify(reply))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const gateway = await startGateway({
    upstreams: 4,
    login: false,
    config: { pool: { floor: 0, ceiling: 4, perUpstream: { uses: 1 } }, wait: { timeout: '5s' } },
    providers: () => [{ ...(parse(entry) as object), baseUrl }],
    secrets: [SECRET],
    closing: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      expect(vendor.violations).toEqual([])
    },
  })
  world = gateway.world
  await expectEcho(await connectVia(gateway.port, 'echo.test:7'), 'after the whitelist was completed')
  expect(vendor.allowed).toEqual(['9.9.9.9', '8.8.4.0/24', '8.8.8.8'])
  vendor.session = 'ended'
  await expectEcho(await connectVia(gateway.port, 'echo.test:7'), 'in a second session')
  expect([vendor.logins, vendor.sales]).toEqual([2, 2])
  // Two of the four calls were refused: for the whitelist, and for the session.
  const refused = connectVia(gateway.port, 'echo.test:7')
  await eventually(() => gateway.log.text).toContain('the limit of calls (4 in 3600 s) is used up')
  expect((await refused).status).toBe(503)
  expect(vendor.sales).toBe(2)
})
