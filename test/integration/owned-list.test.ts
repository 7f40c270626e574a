/** The example of Webshare, whole, against a server that enforces what its document says: what the account rents is used, and nothing is bought. */

import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { connectVia } from '../support/client.ts'
import { startGateway } from '../support/gateway.ts'
import { expectEcho } from '../support/socket-io.ts'
import type { World } from '../support/world.ts'

const KEY = 'INVENTED-webshare-key'
const PAGE_SIZE = /^(?:[1-9]\d?|100)$/

/** @returns status and body, or a violation of the document */
function answer({ url = '', headers }: IncomingMessage, rented: readonly object[]): [number, object] | string {
  const { pathname, searchParams } = new URL(url, 'http://vendor.test')
  if (headers.authorization !== `Token ${KEY}`) return [401, { detail: 'Invalid token.' }]
  const { mode, page = '', page_size: size = '' } = Object.fromEntries(searchParams)
  if (pathname !== '/api/v2/proxy/list/' || mode !== 'direct' || !PAGE_SIZE.test(size)) return `the call ${url}`
  const from = (Number(page) - 1) * Number(size)
  const results = rented.slice(from, from + Number(size))
  return results.length === 0 ? [404, { detail: 'Invalid page.' }] : [200, { count: rented.length, results }]
}

it('serves clients by the proxies of the list that work, page after page', async () => {
  const violations: string[] = []
  let world: World | undefined
  const vendor = createServer((request, response) => {
    const rented = (world?.upstreams ?? []).map(({ host, port }, n) => ({
      ...{ id: `d-${n}`, username: 'me', password: 'INVENTED-pw', proxy_address: host, port },
      ...{ valid: n !== 1, country_code: 'US', city_name: 'Boston' },
    }))
    const said = answer(request, rented)
    if (typeof said === 'string') violations.push(said)
    const [status, body] = typeof said === 'string' ? [400, {}] : said
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => vendor.listen(0, '127.0.0.1', resolve))
  const text = readFileSync(new URL('../../config/examples/generic-webshare.yaml', import.meta.url), 'utf8')
  const { providers } = parse(text) as { providers: readonly object[] }
  const baseUrl = `http://127.0.0.1:${(vendor.address() as AddressInfo).port}`
  const gateway = await startGateway({
    upstreams: 5,
    login: false,
    environment: { WEBSHARE_KEY: KEY },
    // Pages of two: the five proxies are on three pages.
    providers: () =>
      providers.map((one) => ({ ...one, baseUrl, allowPrivate: true, maxPerCall: 2, limit: { calls: 9 } })),
    secrets: [KEY, 'INVENTED-pw'],
    closing: async () => {
      vendor.closeAllConnections()
      await new Promise((resolve) => vendor.close(resolve))
      expect(violations).toEqual([])
    },
  })
  world = gateway.world
  await expectEcho(await connectVia(gateway.port, 'echo.test:7'), 'through a rented proxy')
  const held = [...gateway.app.pool.members()].map(({ facts }) => facts.port).toSorted()
  const valid = world.upstreams.filter((_, n) => n !== 1).map(({ port }) => port)
  expect(held).toEqual(valid.toSorted())
  const { state } = gateway.app.supply.provider('webshare') ?? {}
  expect(state).toMatchObject({ kind: 'waiting', words: expect.stringContaining('the list was read') as string })
})

it('the whitelist of the vendor is completed when it refuses the list for that', async () => {
  const allowed = ['1.1.1.1']
  let world: World | undefined
  const vendor = createServer(({ url = '' }, response) => {
    const { pathname, searchParams } = new URL(url, 'http://vendor.test')
    const added = pathname === '/allow' ? allowed.push(searchParams.get('ip') ?? '') : 0
    if (added > 0) response.end('OK')
    else if (!allowed.includes('9.9.9.9')) response.writeHead(403).end('9.9.9.9 may not call')
    else response.end((world?.upstreams ?? []).map(({ authority }) => authority).join('\n'))
  })
  await new Promise<void>((resolve) => vendor.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(vendor.address() as AddressInfo).port}`
  const gateway = await startGateway({
    upstreams: 2,
    login: false,
    providers: () => [
      {
        ...{ name: 'rented', vendor: 'generic', url: `${url}/list`, format: 'text', owned: true, allowPrivate: true },
        errors: [{ contains: 'may not call', class: 'whitelist' }],
        operations: { whitelistAdd: { url: `${url}/allow`, query: { ip: '{ip}' }, success: { contains: 'OK' } } },
        whitelist: 'auto',
      },
    ],
    closing: async () => {
      vendor.closeAllConnections()
      await new Promise((resolve) => vendor.close(resolve))
    },
  })
  world = gateway.world
  await expectEcho(await connectVia(gateway.port, 'echo.test:7'), 'after its address was added')
  expect(allowed).toEqual(['1.1.1.1', '9.9.9.9'])
})
