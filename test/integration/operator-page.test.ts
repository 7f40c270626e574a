/** What the dashboard asks and does, over a running gateway. */
import { expect, it } from 'vitest'
import { connectVia } from '../support/client.ts'
import { eventually, type Gateway, startGateway } from '../support/gateway.ts'
import { expectEcho } from '../support/socket-io.ts'

const TOKEN = 'a-token-of-the-operator'
const config = { admin: { port: 0, token: TOKEN } }
const login = { connection: 'close', authorization: `Bearer ${TOKEN}` }

const url = ({ app }: Gateway, path: string) => `http://127.0.0.1:${app.admin?.port}${path}`

async function get(gateway: Gateway, path: string) {
  // biome-ignore lint/suspicious/noExplicitAny: the schemas are held against the replies in live.test.ts
  return (await fetch(url(gateway, path), { headers: { connection: 'close' } })).json() as Promise<any>
}

async function post(gateway: Gateway, path: string, body?: object) {
  const response = await fetch(url(gateway, path), {
    method: 'POST',
    headers: { ...login, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

it('serves the page, or says how to build it, under a policy that allows nothing from elsewhere', async () => {
  const gateway = await startGateway({ config })
  const response = await fetch(url(gateway, '/'), { headers: { connection: 'close' } })
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
  expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
  expect(await response.text()).toContain('Turnpike')
})

it('tells where clients connect and shows the configuration without a secret', async () => {
  const users = [{ name: 'crawler', password: 'password-of-crawler' }]
  const gateway = await startGateway({
    config: { ...config, listen: [{ port: 0, users, name: 'main' }] },
    environment: { SOME: 'value-of-some' },
    secrets: ['password-of-crawler', TOKEN],
  })
  const report = await get(gateway, '/v1/gateway')
  expect(report).toMatchObject({
    ...{ mayChange: true, readsNeedToken: false, version: expect.stringMatching(/^\d/), pid: process.pid },
    listeners: [{ name: 'main', host: '127.0.0.1', port: gateway.port, users: ['crawler'], session: 'off' }],
  })
  const shown = await get(gateway, '/v1/config')
  expect(shown.yaml).toContain('name: crawler')
  const everything = JSON.stringify(shown)
  for (const secret of [TOKEN, 'password-of-crawler', ...gateway.world.secrets().map(({ password }) => password)])
    expect(everything).not.toContain(secret)
  expect((await post(gateway, '/v1/check', { text: shown.yaml })).body).toEqual({ valid: true, problems: [] })
})

it('checks a text: every mistake with its line and column, and nothing is applied', async () => {
  const gateway = await startGateway({ config })
  const text = 'pool:\n  flor: 5\n  idleAfter: 60\nproviders:\n  - { name: demo, vendor: demo }\n'
  expect((await post(gateway, '/v1/check', { text })).body).toEqual({
    valid: false,
    problems: [
      { path: 'pool.flor', message: 'unknown key; did you mean floor?', line: 2, column: 3 },
      { path: 'pool.idleAfter', message: 'write a unit, as in 30s', line: 3, column: 14 },
    ],
  })
  expect(gateway.app.pool.size).toBe(3)
})

it('tries a request as a client would: a page, a refusal of the gateway, and a certificate that is not trusted', async () => {
  const gateway = await startGateway({ config })
  const page = await post(gateway, '/v1/try', { url: 'http://site.test/bytes/10', options: 'session-a' })
  expect(page.body).toMatchObject({ status: 200, isGatewayAnswer: false, bodyBytes: 10, isCut: false, code: null })
  const refused = await post(gateway, '/v1/try', { url: 'http://site.test/', options: 'country-XX' })
  expect(refused.body).toMatchObject({ status: 503, isGatewayAnswer: true, code: 'GW_NO_MATCH' })
  const refusedTunnel = await post(gateway, '/v1/try', { url: 'https://secure.test/', options: 'country-XX' })
  expect(refusedTunnel.body).toMatchObject({ status: 503, code: 'GW_NO_MATCH' })
  expect(refusedTunnel.body).toMatchObject({ error: refused.body['error'], body: refused.body['body'] })
  expect(refused.body['body']).toContain('GW_NO_MATCH')
  const untrusted = await post(gateway, '/v1/try', { url: 'https://secure.test/' })
  expect(untrusted.body).toMatchObject({ status: null, error: expect.stringMatching(/certificate/) })
  expect((await post(gateway, '/v1/try', { url: 'http://site.test/', listener: 4 })).status).toBe(400)
  const ftp = await post(gateway, '/v1/try', { url: 'ftp://site.test/' })
  expect(ftp).toMatchObject({ status: 400, body: { detail: 'url: write a link that begins with http:// or https://' } })
})

it('rests and evicts an upstream, and leaves its tunnel alone', async () => {
  const gateway = await startGateway({ upstreams: 1, config: { ...config, wait: { timeout: '200ms' } } })
  const client = await connectVia(gateway.port, 'echo.test:7')
  const [upstream] = [...gateway.app.pool.members()]
  const id = upstream?.id ?? ''
  const rested = await post(gateway, `/v1/upstreams/${id}/rest`, { rest: '1m' })
  expect(rested.body).toMatchObject({ id, state: 'resting', restSeconds: expect.closeTo(60, -1) })
  expect((await connectVia(gateway.port, 'echo.test:7')).status).toBe(503)
  expect((await post(gateway, `/v1/upstreams/${id}/evict`)).body).toMatchObject({ id, state: 'gone' })
  await expectEcho(client, 'still open')
  expect((await post(gateway, `/v1/upstreams/${id}/evict`)).status).toBe(404)
})

it('pauses a provider and lets it go on', async () => {
  const gateway = await startGateway({ config })
  expect((await post(gateway, '/v1/providers/own/pause')).body).toMatchObject({ name: 'own', state: 'paused' })
  expect((await get(gateway, '/v1/verdict')).findings[0]).toMatchObject({ code: 'paused', action: 'resume' })
  expect((await post(gateway, '/v1/providers/own/resume')).body).not.toMatchObject({ state: 'paused' })
  expect((await post(gateway, '/v1/providers/none/pause')).status).toBe(404)
  await eventually(async () => (await get(gateway, '/v1/verdict')).level).toBe('ok')
})
