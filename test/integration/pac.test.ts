/** The PAC file as a browser fetches it: its type, whom it names, and that the gateway does what the file leaves to it. */
import { createContext, runInContext } from 'node:vm'
import { expect, it } from 'vitest'
import { connectVia, plain } from '../support/client.ts'
import { refusalOf, startGateway } from '../support/gateway.ts'

it('is served by the admin port, names the port for clients, and agrees with the gateway', async () => {
  const gateway = await startGateway({
    upstreams: 1,
    config: {
      admin: { port: 0 },
      routes: ['DOMAIN-SUFFIX,ads.test,block', { host: '127.0.0.0/8', to: 'direct' }, 'MATCH,provider own'],
    },
  })
  const page = `http://127.0.0.1:${gateway.app.admin?.port}/proxy.pac`
  const response = await fetch(page)
  expect([response.status, response.headers.get('content-type'), response.headers.get('cache-control')]).toEqual([
    ...[200, 'application/x-ns-proxy-autoconfig', 'no-store'],
  ])
  const context = createContext({})
  runInContext(await response.text(), context)
  const ask = (url: string) =>
    runInContext(`FindProxyForURL(${JSON.stringify(url)}, ${JSON.stringify(new URL(url).hostname)})`, context)
  const proxy = `PROXY 127.0.0.1:${gateway.port}`
  const { site } = gateway.world
  expect([`http://${site.authority}/`, 'http://x.ads.test/', 'https://site.test/'].map(ask)).toEqual([
    'DIRECT',
    proxy,
    proxy,
  ])
  expect(refusalOf(await connectVia(gateway.port, 'x.ads.test:443')).code).toBe('GW_TARGET_BLOCKED')
  expect((await plain(gateway.port, 'http://site.test/')).status).toBe(200)
  expect((await fetch(`${page}?listen=${gateway.port}`)).status).toBe(200)
  expect((await fetch(`${page}?listen=none`)).status).toBe(404)
})

it('is not for pages: another Host and other sites are refused', async () => {
  const gateway = await startGateway({ upstreams: 1, config: { admin: { port: 0 } } })
  const port = gateway.app.admin?.port ?? 0
  const headers: [string, string][] = [['Host', `evil.test:${port}`]]
  expect((await plain(port, '/proxy.pac', { headers })).status).toBe(421)
  const page = `http://127.0.0.1:${port}/proxy.pac`
  expect((await fetch(page, { headers: { 'Sec-Fetch-Site': 'cross-site' } })).status).toBe(403)
})
