/** The admin port over real HTTP: what it tells, what it refuses, and that it tells no secret. */
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type IncomingHttpHeaders, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, it, onTestFinished } from 'vitest'
import type { Operation } from '../../src/admin/api/operation.ts'
import { operations } from '../../src/admin/api/operations.ts'
import { problems } from '../../src/admin/api/problem.ts'
import type { HistoryReport } from '../../src/admin/api/schemas/history.ts'
import { providerReports, readinessOf, upstreamReports } from '../../src/admin/reports.ts'
import { type AdminServer, type AdminSettings, startAdmin } from '../../src/admin/server.ts'
import type { AdminView, RefillAnswer } from '../../src/admin/view.ts'
import { ConfigError, GatewayError } from '../../src/errors.ts'
import { internalErrors } from '../../src/internal-errors.ts'
import { createLog } from '../../src/log/log.ts'
import { restForHost } from '../../src/pool/host-rests.ts'
import { StreamCounters } from '../../src/proxy/stream-counters.ts'
import { Secret } from '../../src/secret.ts'
import { StoreError } from '../../src/store/errors.ts'
import { type OperatorCall, OperatorCallRefused } from '../../src/supply/operator/call.ts'
import { VendorError } from '../../src/vendors/contract/error.ts'
import { leakGuard } from '../support/leaks.ts'
import { assertNoSecret, LogCapture } from '../support/log-capture.ts'
import { plainConnection } from '../support/plain-client.ts'
import { login, TestSupply } from '../unit/admin/supply.ts'

const TOKEN = 'token-of-these-tests-4711'

/** Below it Node keeps the text of its Date header until the second is over, with an unref'd timer. */
const RESPONSES = /node_modules.@hono.node-server/

interface Running {
  readonly admin: AdminServer
  readonly supply: TestSupply
  readonly traffic: StreamCounters
  readonly log: LogCapture
  /** What the routes asked the gateway to do. */
  readonly orders: string[]
  /** Replaces a part of what the gateway tells. */
  readonly view: { -readonly [Member in keyof AdminView]: AdminView[Member] }
  ask(path: string, options?: Asked): Promise<Answer>
}

interface Asked {
  readonly method?: string
  /** `null` sends none. */
  readonly host?: string | null
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/** Moves the clock until the answer comes: wrong tokens are answered late. */
async function late<T>({ supply }: Running, answer: Promise<T>): Promise<T> {
  let isWaiting = true
  const end = () => {
    isWaiting = false
  }
  answer.then(end, end)
  while (isWaiting) {
    supply.clock.advance(100)
    await new Promise(setImmediate)
  }
  return answer
}

async function start(settings: Partial<AdminSettings> = {}): Promise<Running> {
  const guard = leakGuard({ tolerated: RESPONSES })
  const supply = new TestSupply({ provider: { budget: { perHour: 100 }, price: 0.5 } })
  const log = new LogCapture()
  const pino = createLog({ level: 'debug', format: 'json' }, log)
  const traffic = new StreamCounters(pino, supply.clock, { access: false })
  const orders: string[] = []
  const view = viewOf(supply, traffic, orders)
  let admin: AdminServer | undefined
  onTestFinished(async () => {
    await admin?.close()
    await guard.check()
    assertNoSecret(log.lines, [TOKEN, login, login.username])
  })
  const defaults = { host: '127.0.0.1', port: 0, token: new Secret(TOKEN), stateDir: undefined }
  const running = await startAdmin({ ...defaults, ...settings }, view, { log: pino, clock: supply.clock })
  admin = running
  return { admin: running, supply, traffic, log, orders, view, ask: (path, options) => ask(running, path, options) }
}

const emptyHistory: HistoryReport = {
  ...{ intervalSeconds: 10, at: [], tunnelsPerSecond: [], refusedPerSecond: [], waiting: [], connections: [] },
  ...{ bytesFromClientsPerSecond: [], bytesToClientsPerSecond: [] },
  ...{ setupP50Seconds: [], setupP99Seconds: [], bought: [], wasted: [], providers: [] },
}

function viewOf({ provider, pool, clock }: TestSupply, traffic: StreamCounters, orders: string[]): Running['view'] {
  const parts = () => ({ clock, members: pool.members(), tunnelsOf: () => traffic.openedCount })
  return {
    addressRequests: { take: async () => [], release: () => false, report: () => false, available: () => [] },
    readiness: () => readinessOf(true, providerReports([provider], parts())),
    upstreams: () => upstreamReports(parts()),
    providers: () => providerReports([provider], parts()),
    traffic: () => traffic,
    verdict: () => ({ level: 'ok', findings: [] }),
    connections: () => ({ open: 0, closed: 0, matched: 0, connections: [] }),
    history: () => ({ ...emptyHistory }),
    events: () => undefined,
    gauges: () => ({ connections: 7, tunnels: 5, waiting: 2, sessions: 3 }),
    faults: () => ({ internalErrors: 9, logLinesLost: 4 }),
    reportBan: (id, host, restMs) => {
      const upstream = pool.get(id)
      if (upstream !== undefined) restForHost(upstream, host, clock.now() + restMs, clock.now())
      return upstream !== undefined
    },
    refill: (name) => {
      orders.push(name)
      return name === provider.name ? 'ordered' : 'unknown'
    },
    retry: (name) => {
      if (name === provider.name) provider.retry()
      return name === provider.name
    },
    pause: () => false,
    resume: () => false,
    restUpstream: () => false,
    evictUpstream: () => false,
    closeConnection: () => false,
    areas: () => Promise.reject(new OperatorCallRefused('operation', 'nothing is listed here')),
    sessions: () => ({ count: 0, matched: 0, sessions: [] }),
    rotateSession: async () => undefined,
    gateway: () => ({ version: '0', pid: 1, file: null, listeners: [], directRules: 0 }),
    pac: () => undefined,
    config: () => ({ file: null, yaml: null, effective: {} }),
    check: () => ({ valid: true, problems: [] }),
    tryRequest: async () => undefined,
    reload: async () => ({ changed: ['pool'], needsRestart: [] }),
    call: () => Promise.reject(new OperatorCallRefused('provider', 'nothing is called here')),
    trial: async () => undefined,
  }
}

async function ask({ address }: AdminServer, path: string, options: Asked = {}): Promise<Answer> {
  const { method = 'GET', host = `127.0.0.1:${address.port}`, headers = {}, body } = options
  const named = host === null ? headers : { host, ...headers }
  const sent = request({ ...address, path, method, headers: named, setHost: false, agent: false })
  sent.end(body)
  const [message] = await once(sent, 'response')
  const answer = { status: message.statusCode, headers: message.headers, text: await text(message) }
  if (method !== 'HEAD') assertDescribed(method, path, answer)
  return answer
}

/** What succeeds has exactly the members that the OpenAPI document describes: the schemas are strict. */
function assertDescribed(method: string, path: string, { status, text }: Answer): void {
  const [route] = path.split('?')
  const operation = Object.values<Operation>(operations).find(
    (each) =>
      each.method === method.toLowerCase() &&
      new RegExp(`^${each.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(route ?? ''),
  )
  operation?.replies[status]?.schema?.parse(JSON.parse(text))
}

const withToken = { authorization: `Bearer ${TOKEN}` }
const post = (body?: object) => ({
  method: 'POST',
  headers: withToken,
  ...(body === undefined ? {} : { body: JSON.stringify(body) }),
})

interface Problem {
  readonly code: string
  readonly detail: string
  readonly errors?: readonly { readonly path: string }[]
}

/** Checks that an answer is a problem as RFC 9457 describes it, and gives its members. */
function problemOf({ status, headers, text }: Answer): Problem {
  expect([headers['content-type'], headers['cache-control']]).toEqual(['application/problem+json', 'no-store'])
  const body = JSON.parse(text)
  expect(body).toMatchObject({ status, title: expect.any(String), detail: expect.any(String) })
  expect(problems).toHaveProperty(body.code, status)
  return body
}

function jsonOf({ status, headers, text }: Answer, expected = 200): Record<string, unknown> {
  expect([status, headers['content-type'], headers['cache-control']]).toEqual([
    expected,
    'application/json',
    'no-store',
  ])
  return JSON.parse(text)
}

it('says that it is alive, and for how long', async () => {
  const { ask, supply } = await start()
  supply.clock.advance(3_600_000)
  expect(jsonOf(await ask('/healthz'))).toEqual({ alive: true, upSeconds: 3_600 })
})

it('says whether it is ready, and why not', async () => {
  const { ask, supply } = await start()
  expect(jsonOf(await ask('/readyz'))).toEqual({ ready: true, reasons: [] })
  supply.answer = new Error('the vendor is down')
  await supply.order(1)
  const reasons = [expect.stringMatching(/^provider "acme-a" has no address and can buy none: the call failed/)]
  const body = problemOf(await ask('/readyz'))
  expect(body).toMatchObject({ code: 'ADMIN_NOT_READY', ready: false, reasons, detail: reasons[0] })
})

it('shows the pool and the providers, without a login or a token', async () => {
  const { ask, supply } = await start()
  await supply.buy([60_000, 60_000])
  supply.open()
  const [pool, providers] = [await ask('/v1/pool'), await ask('/v1/providers')]
  expect(jsonOf(pool)).toMatchObject({
    ...{ connections: 7, tunnels: 5, waiting: 2, sessions: 3 },
    upstreams: [
      { address: '203.0.113.1:8000', state: 'ready', leases: 1 },
      { address: '203.0.113.2:8000', leases: 0 },
    ],
  })
  expect(jsonOf(providers)).toMatchObject({
    providers: [{ name: 'acme-a', state: 'ready', bought: 2, budgetLeft: 98 }],
  })
  assertNoSecret([pool.text, providers.text], [TOKEN, login, login.username])
})

it('has a metrics page that Prometheus can read', async () => {
  const { ask, supply, traffic } = await start()
  await supply.buy([60_000, 60_000, 6_000])
  const upstream = supply.open()
  supply.pass(6_000)
  const open = plainConnection({ clientAddress: '192.0.2.7', account: 'someone', target: 'a.example:443' })
  const client = { ...open, life: undefined, status: undefined }
  traffic.began(client)
  for (const tookMs of [5, 30, 90_000]) traffic.opened(client, upstream, tookMs)
  traffic.refused(client, new GatewayError('GW_POOL_EMPTY', 'none'))
  traffic.ended(client, 'idle', 100, 2_000, 1)

  const answer = await ask('/metrics')
  expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8'])
  const samples = readMetrics(answer.text)
  expect(samples).toMatchObject({
    turnpike_ready: 1,
    turnpike_connections: 7,
    'turnpike_pool_upstreams{provider="acme-a",state="ready"}': 2,
    'turnpike_pool_leases{provider="acme-a"}': 1,
    'turnpike_provider_state{provider="acme-a",state="ready"}': 1,
    'turnpike_provider_budget_left{provider="acme-a"}': 97,
    'turnpike_provider_addresses_bought_total{provider="acme-a"}': 3,
    'turnpike_provider_addresses_wasted_total{provider="acme-a",reason="expired"}': 1,
    'turnpike_requests_total{protocol="connect"}': 1,
    'turnpike_requests_total{protocol="socks5"}': 0,
    'turnpike_errors_total{code="GW_POOL_EMPTY"}': 1,
    'turnpike_ended_total{end="idle"}': 1,
    'turnpike_client_bytes_total{direction="down"}': 2_000,
    'turnpike_open_seconds_bucket{le="0.005"}': 1,
    'turnpike_open_seconds_bucket{le="0.05"}': 2,
    'turnpike_open_seconds_bucket{le="20"}': 2,
    'turnpike_open_seconds_bucket{le="+Inf"}': 3,
    turnpike_open_seconds_count: 3,
    turnpike_open_seconds_sum: expect.closeTo(90.035),
    process_resident_memory_bytes: expect.any(Number),
    nodejs_eventloop_lag_p99_seconds: expect.any(Number),
  })
  // The balance is not known: no figure is better than a wrong one.
  expect(Object.keys(samples).filter((name) => name.startsWith('turnpike_provider_balance'))).toEqual([])
  assertNoSecret([answer.text], [TOKEN, login, login.username])
  expect(answer.text).not.toMatch(/203\.0\.113|192\.0\.2|a\.example|someone/)
})

it('counts each page anew, however often it is asked for', async () => {
  const { ask, supply, traffic } = await start()
  traffic.requests.http = 5
  await supply.buy([6_000])
  await Promise.all([ask('/metrics'), ask('/metrics')])
  supply.pass(6_000)
  const samples = readMetrics((await ask('/metrics')).text)
  expect(samples).toHaveProperty('turnpike_requests_total{protocol="http"}', 5)
  // What is gone leaves no stale figure behind.
  expect(Object.keys(samples).filter((name) => name.startsWith('turnpike_pool_upstreams'))).toEqual([])
})

/** Sample -> value. @throws {Error} for a line that is no sample of a metric announced before, or that comes twice */
function readMetrics(page: string): Record<string, number> {
  const samples: Record<string, number> = {}
  let family = 'nothing'
  for (const line of page.split('\n').filter((line) => line !== '' && !line.startsWith('# HELP '))) {
    const announced = /^# TYPE ((?:turnpike|process|nodejs)_[a-z0-9_]+) (?:counter|gauge|histogram)$/.exec(line)?.[1]
    if (announced !== undefined) family = announced
    else {
      const [, name = '', labels = '', value] =
        /^([a-z0-9_]+)(\{\w+="[^"]*"(?:,\w+="[^"]*")*\})? (\S+)$/.exec(line) ?? []
      if (name.replace(/_(bucket|sum|count)$/, '') !== family && name !== family)
        throw new Error(`out of place: ${line}`)
      if (`${name}${labels}` in samples) throw new Error(`twice: ${line}`)
      samples[`${name}${labels}`] = Number(value)
    }
  }
  return samples
}

const paths = ['/healthz', '/readyz', '/metrics', '/v1/pool', '/v1/providers']

it.each(['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', '192.168.1.20', '0.0.0.0', '[::]'])(
  'answers nobody who calls it %s: a web page could have made that name point here',
  async (name) => {
    const { ask, admin, orders } = await start()
    const host = `${name}:${admin.address.port}`
    for (const path of paths) expect(problemOf(await ask(path, { host })).code).toBe('ADMIN_WRONG_HOST')
    const refused = await ask('/v1/providers/acme-a/refill', { host, ...post() })
    expect([problemOf(refused).code, orders]).toEqual(['ADMIN_WRONG_HOST', []])
  },
)

it.each(['localhost', 'LOCALHOST', '127.0.0.1', '127.0.0.9', '[::1]'])('answers to %s', async (name) => {
  const { ask, admin } = await start()
  expect((await ask('/healthz', { host: `${name}:${admin.address.port}` })).status).toBe(200)
  expect(problemOf(await ask('/healthz', { host: `${name}:1` })).code).toBe('ADMIN_WRONG_HOST')
  expect(problemOf(await ask('/healthz', { host: name })).code).toBe('ADMIN_WRONG_HOST')
})

it('wants a Host, and is no proxy', async () => {
  const { ask, admin } = await start()
  const wrong = [
    await ask('/healthz', { host: null }),
    await ask('http://example.com/', { host: 'example.com' }),
    await ask(`http://127.0.0.1:${admin.address.port}/healthz`),
  ]
  expect(wrong.map((answer) => problemOf(answer).code)).toEqual(Array(3).fill('ADMIN_WRONG_HOST'))
  expect(problemOf(await ask('/healthz', { host: 'a b' })).code).toBe('ADMIN_BAD_REQUEST')
})

it('has nothing elsewhere', async () => {
  const { ask } = await start()
  for (const path of [
    '/index.html',
    '/assets/x',
    '/v1',
    '/v1/pool/',
    '/v1/upstreams/x/report/y',
    '/%',
    '/metrics%00',
  ]) {
    expect(problemOf(await ask(path)).code).toBe('ADMIN_NOT_FOUND')
  }
})

it('names the methods that are allowed', async () => {
  const { ask } = await start()
  for (const path of paths) {
    for (const method of ['POST', 'DELETE', 'OPTIONS']) {
      const answer = await ask(path, { method })
      expect([problemOf(answer).code, answer.headers.allow]).toEqual(['ADMIN_METHOD', 'GET, HEAD'])
      expect(problemOf(answer).detail).toBe('allowed here: GET, HEAD')
    }
    expect(await ask(path, { method: 'HEAD' })).toMatchObject({ status: 200, text: '' })
  }
  for (const path of ['/v1/upstreams/x/report', '/v1/providers/x/refill', '/v1/providers/x/call']) {
    const answer = await ask(path)
    expect([problemOf(answer).code, answer.headers.allow]).toEqual(['ADMIN_METHOD', 'POST'])
  }
})

it.each([
  ['another site', { 'sec-fetch-site': 'cross-site' }],
  ['another port of this machine', { 'sec-fetch-site': 'same-site' }],
  ['another origin', { origin: 'http://evil.example' }],
  ['a sandboxed page', { origin: 'null' }],
  ['a preflight', { origin: 'http://evil.example', 'access-control-request-method': 'POST' }],
])('refuses what a page of %s sends, with the token or without', async (_what, headers) => {
  const { ask, orders } = await start()
  const answers = [
    await ask('/v1/pool', { headers }),
    await ask('/v1/providers/acme-a/refill', { method: 'OPTIONS', headers }),
    await ask('/v1/providers/acme-a/refill', { method: 'POST', headers: { ...withToken, ...headers } }),
  ]
  for (const answer of answers) {
    expect(problemOf(answer).code).toBe('ADMIN_CROSS_SITE')
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([])
  }
  expect(orders).toEqual([])
})

it('serves its own page, and what a person types', async () => {
  const { ask, admin } = await start()
  const origin = `http://127.0.0.1:${admin.address.port}`
  const own = { ...withToken, origin, 'sec-fetch-site': 'same-origin' }
  expect((await ask('/v1/pool', { headers: { 'sec-fetch-site': 'none' } })).status).toBe(200)
  expect((await ask('/v1/providers/acme-a/refill', { method: 'POST', headers: own })).status).toBe(202)
})

it('off loopback, reading needs the token too; health does not', async () => {
  const { ask } = await start({ host: '0.0.0.0' })
  for (const path of ['/metrics', '/v1/pool', '/v1/providers', '/v1/openapi.json']) {
    expect(problemOf(await ask(path)).code).toBe('ADMIN_TOKEN_REQUIRED')
    expect((await ask(path, { headers: withToken })).status).toBe(200)
  }
  for (const path of ['/healthz', '/readyz']) expect((await ask(path)).status).toBe(200)
})

it.each([
  ['no token', undefined, 'ADMIN_TOKEN_REQUIRED'],
  ['another scheme', `Basic ${Buffer.from(`admin:${TOKEN}`).toString('base64')}`, 'ADMIN_TOKEN_REQUIRED'],
  ['an empty token', 'Bearer ', 'ADMIN_TOKEN_REQUIRED'],
  ['a wrong token', 'Bearer token-of-these-tests-4712', 'ADMIN_TOKEN_WRONG'],
  ['a part of the token', 'Bearer token-of-these', 'ADMIN_TOKEN_WRONG'],
  ['what secrets print as', 'Bearer [redacted]', 'ADMIN_TOKEN_WRONG'],
])('changes nothing with %s', async (_what, authorization, code) => {
  const running = await start()
  const { ask, orders, supply } = running
  const [upstream] = await supply.buy([60_000])
  const headers = authorization === undefined ? {} : { authorization }
  const body = JSON.stringify({ host: 'a.example' })
  const answers = [
    await late(running, ask('/v1/providers/acme-a/refill', { method: 'POST', headers })),
    await late(running, ask(`/v1/upstreams/${upstream?.id}/report`, { method: 'POST', headers, body })),
  ]
  for (const answer of answers) {
    expect(problemOf(answer).code).toBe(code)
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer realm="turnpike"/)
  }
  expect([orders, upstream?.hostRests]).toEqual([[], undefined])
})

it('changes nothing without a token to compare with', async () => {
  const { ask, orders } = await start({ token: undefined })
  const answer = await ask('/v1/providers/acme-a/refill', post())
  expect(problemOf(answer)).toMatchObject({ code: 'ADMIN_TOKEN_UNSET', detail: expect.stringContaining('admin.token') })
  expect(orders).toEqual([])
})

it('keeps a token of its own in the state folder', async () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'turnpike-admin-'))
  onTestFinished(() => rmSync(stateDir, { recursive: true }))
  const running = await start({ token: undefined, stateDir })
  const { ask, orders, log } = running
  const token = readFileSync(join(stateDir, 'admin-token'), 'utf8').trim()
  const refill = (given: string) => ({ method: 'POST', headers: { authorization: `bearer ${given}` } })
  expect(problemOf(await late(running, ask('/v1/providers/acme-a/refill', refill(TOKEN)))).code).toBe(
    'ADMIN_TOKEN_WRONG',
  )
  expect(jsonOf(await ask('/v1/providers/acme-a/refill', refill(token)), 202)).toEqual({
    name: 'acme-a',
    ordered: true,
  })
  expect(orders).toEqual(['acme-a'])
  assertNoSecret(log.lines, [token])
})

it('keeps an upstream away from a host that banned it', async () => {
  const { ask, supply } = await start()
  const [upstream] = await supply.buy([3_600_000])
  const report = (body: object) => ask(`/v1/upstreams/${upstream?.id}/report`, post(body))
  const rests = { id: upstream?.id, host: 'www.example.com', restSeconds: 90 }
  expect(jsonOf(await report({ host: 'WWW.example.com', rest: '90s' }))).toEqual(rests)
  expect(jsonOf(await report({ host: '2001:db8::1' }))).toMatchObject({ host: '2001:db8::1', restSeconds: 600 })
  supply.clock.advance(89_999)
  expect(upstream?.restsFor('www.example.com', supply.clock.now())).toBe(true)
  supply.clock.advance(1)
  expect(upstream?.restsFor('www.example.com', supply.clock.now())).toBe(false)
  const gone = await ask('/v1/upstreams/no-such-id/report', post({ host: 'www.example.com' }))
  expect(problemOf(gone).code).toBe('ADMIN_UNKNOWN_UPSTREAM')
})

it.each([
  ['', ''],
  ['{"host":', ''],
  ['[]', ''],
  ['{}', 'host'],
  ['{"host":7}', 'host'],
  ['{"host":"a.example:443"}', 'host'],
  ['{"host":"*.example"}', 'host'],
  ['{"host":"http://a.example/"}', 'host'],
  ['{"host":"a.example","rest":600}', 'rest'],
  ['{"host":"a.example","rest":"0s"}', 'rest'],
  ['{"host":"a.example","rest":"2d"}', 'rest'],
  ['{"host":"a.example","forever":true}', ''],
])('refuses the report %s', async (body, path) => {
  const { ask, supply } = await start()
  const [upstream] = await supply.buy([60_000])
  const answer = problemOf(await ask(`/v1/upstreams/${upstream?.id}/report`, { ...post(), body }))
  expect(answer.code).toBe('ADMIN_BAD_REQUEST')
  if (path !== '') expect(answer.errors).toMatchObject([{ path }])
  expect(upstream?.hostRests).toBeUndefined()
})

it('lets an upstream rest, with a body or without', async () => {
  const { ask, supply, view } = await start()
  const [upstream] = await supply.buy([60_000])
  const rests: number[] = []
  view.restUpstream = (id, restMs) => id === upstream?.id && rests.push(restMs) > 0
  const path = `/v1/upstreams/${upstream?.id}/rest`
  for (const body of [undefined, {}, { rest: '1m' }]) expect((await ask(path, post(body))).status).toBe(200)
  expect(rests).toEqual([600_000, 600_000, 60_000])
  expect(problemOf(await ask('/v1/upstreams/unknown/rest', post())).code).toBe('ADMIN_UNKNOWN_UPSTREAM')
})

it.each([
  ['announced', { 'content-length': '65537' }],
  ['not announced', { 'transfer-encoding': 'chunked' }],
])('reads no long body, its length %s', async (_what, length) => {
  const { ask, supply } = await start()
  const [upstream] = await supply.buy([60_000])
  const report = (size: number, headers: Record<string, string>) => {
    const body = `{"host":"a.example"${' '.repeat(size - 20)}}`
    return ask(`/v1/upstreams/${upstream?.id}/report`, { method: 'POST', headers: { ...withToken, ...headers }, body })
  }
  expect(problemOf(await report(65_537, length)).code).toBe('ADMIN_BODY_TOO_LARGE')
  expect(upstream?.hostRests).toBeUndefined()
  const longest = 'content-length' in length ? { 'content-length': '65536' } : length
  expect((await report(65_536, longest)).status).toBe(200)
})

it('ends the pause of a provider', async () => {
  const { ask, supply } = await start()
  supply.answer = new VendorError('auth', '401', 'the key is wrong')
  await supply.order(1)
  expect(supply.provider.state.kind).toBe('stopped')
  expect(jsonOf(await ask('/v1/providers/acme-a/retry', post()))).toEqual({ name: 'acme-a', retried: true })
  expect(supply.provider.state.kind).toBe('ready')
  expect(problemOf(await ask('/v1/providers/other/retry', post())).code).toBe('ADMIN_UNKNOWN_PROVIDER')
})

it('orders addresses, or says why not', async () => {
  const { ask, orders, view, supply } = await start()
  expect(jsonOf(await ask('/v1/providers/acme-a/refill', post()), 202)).toEqual({ name: 'acme-a', ordered: true })
  expect(problemOf(await ask('/v1/providers/other%20one/refill', post())).code).toBe('ADMIN_UNKNOWN_PROVIDER')
  expect(orders).toEqual(['acme-a', 'other one'])

  view.refill = (): RefillAnswer => 'not now'
  const full = await ask('/v1/providers/acme-a/refill', post())
  expect([problemOf(full).detail, full.headers['retry-after']]).toEqual([
    'it has, or has ordered, as many addresses as it may',
    undefined,
  ])
  supply.answer = new Error('the vendor is down')
  await supply.order(1)
  const failing = await ask('/v1/providers/acme-a/refill', post())
  expect(problemOf(failing).detail).toMatch(/the call failed/)
  expect(failing.headers['retry-after']).toBe('1')
})

const handOrder = { operation: 'balance', params: { a: 'x', b: 1, c: true }, yes: true }
const callPath = '/v1/providers/other%20one/call'

it('a call by hand is handed on whole, and its reply comes back', async () => {
  const { ask, view } = await start()
  const orders: OperatorCall[] = []
  view.call = async (asked) => {
    orders.push(asked)
    const { provider, operation } = asked
    return { provider, operation, effect: 'reads', data: { left: 5 }, warnings: ['unproven'] }
  }
  const reply = {
    provider: 'other one',
    operation: 'balance',
    effect: 'reads',
    data: { left: 5 },
    warnings: ['unproven'],
  }
  expect(jsonOf(await ask(callPath, post(handOrder)), 200)).toEqual(reply)
  expect(jsonOf(await ask(callPath, post({ operation: 'balance' })), 200)).toEqual(reply)
  expect(orders).toEqual([
    { provider: 'other one', ...handOrder, reveal: false },
    { provider: 'other one', operation: 'balance', params: {}, yes: false, reveal: false },
  ])
})

it.each([
  ['{}', 'operation'],
  ['{"operation":7}', 'operation'],
  ['{"operation":"a","params":{"b":[[1]]}}', 'params.b.0'],
  ['{"operation":"a","params":[]}', 'params'],
  ['{"operation":"a","yes":"true"}', 'yes'],
  ['{"operation":"a","provider":"b"}', 'provider'],
])('the call %s is refused', async (body, at) => {
  const { ask } = await start()
  const answer = problemOf(await ask(callPath, { ...post(), body }))
  expect(answer.code).toBe('ADMIN_BAD_REQUEST')
  expect(answer.errors).toMatchObject([{ path: at }])
})

it.each<[Error, string, object]>([
  [new OperatorCallRefused('provider', 'words'), 'ADMIN_UNKNOWN_PROVIDER', {}],
  [new OperatorCallRefused('operation', 'words'), 'ADMIN_UNKNOWN_OPERATION', {}],
  [new OperatorCallRefused('parameters', 'words'), 'ADMIN_BAD_REQUEST', {}],
  [new OperatorCallRefused('unconfirmed', 'words'), 'ADMIN_UNCONFIRMED', {}],
  [new StoreError('full', 'words'), 'ADMIN_NOT_NOW', {}],
  [
    new VendorError('auth', '401', 'words', { hint: 'do this' }),
    'ADMIN_VENDOR',
    { class: 'auth', vendorCode: '401', hint: 'do this', error: 'GW_VENDOR_AUTH' },
  ],
  [
    new GatewayError('GW_BUDGET_REACHED', 'words', { detail: { retryAfterMs: 1_500 } }),
    'ADMIN_NOT_NOW',
    { error: 'GW_BUDGET_REACHED' },
  ],
])('a call that ends in %s is %s', async (error, code, members) => {
  const { ask, view } = await start()
  view.call = () => Promise.reject(error)
  const answer = await ask(callPath, post(handOrder))
  expect(problemOf(answer)).toMatchObject({ code, detail: 'words', ...members })
  if (error instanceof GatewayError) expect(answer.headers['retry-after']).toBe('2')
})

it('a call is given up by who hangs up', async () => {
  const { admin, view, log } = await start()
  const waiting = Promise.withResolvers<AbortSignal>()
  view.call = (_order, signal) => {
    waiting.resolve(signal)
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  }
  const { address } = admin
  const host = `127.0.0.1:${address.port}`
  const sent = request({ ...address, path: callPath, method: 'POST', headers: { host, ...withToken }, agent: false })
  sent.on('error', () => {}).end(JSON.stringify(handOrder))
  const signal = await waiting.promise
  const aborted = once(signal, 'abort')
  sent.destroy()
  await aborted
  expect(log.text).not.toContain('failed')
})

it.each([
  // The dashboard's *Try a request*, cancelled.
  ['/v1/try', JSON.stringify({ url: 'http://a.test/' })],
  // Half of its body was sent.
  ['/v1/try', undefined],
])('who hangs up at %s is no failure inside the gateway', async (path, body) => {
  const { admin, view, log, ask } = await start()
  const before = internalErrors.count
  const waiting = Promise.withResolvers<void>()
  view.tryRequest = (_order, signal) => {
    waiting.resolve()
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('the request failed'))))
  }
  const { address } = admin
  const headers = { host: `127.0.0.1:${address.port}`, ...withToken, 'Content-Length': body?.length ?? 9 }
  const sent = request({ ...address, path, method: 'POST', headers, agent: false })
  sent.on('error', () => {}).write(body ?? '{')
  if (body === undefined) await once(sent, 'socket').then(([socket]) => once(socket, 'connect'))
  else await waiting.promise
  // Answered after what was sent before.
  await ask('/healthz')
  sent.destroy()
  await ask('/healthz')
  await ask('/healthz')
  expect([internalErrors.count - before, log.text]).toEqual([0, expect.not.stringContaining('failed')])
})

it('hides what went wrong inside, and logs it', async () => {
  const { ask, view, log } = await start()
  const before = internalErrors.count
  view.upstreams = () => {
    throw new Error('words for the log only')
  }
  const answer = await ask('/v1/pool')
  expect(problemOf(answer).code).toBe('ADMIN_INTERNAL')
  expect(answer.text).not.toContain('words for the log')
  expect(log.text).toContain('words for the log only')
  expect(internalErrors.count - before).toBe(1)
})

it.each(['0.0.0.0', '::', '192.168.1.20', 'gateway.internal'])('does not start on %s without a token', async (host) => {
  const starting = start({ host, token: undefined })
  await expect(starting).rejects.toThrow(ConfigError)
  await expect(starting).rejects.toThrow(/admin\.host: .*add a token/)
})

it('says what the system says when the port is taken', async () => {
  const { admin } = await start()
  await expect(start({ port: admin.address.port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
})

it('lets nobody hold it up when it closes', async () => {
  const { admin, ask } = await start()
  const idle = connect(admin.address)
  const halfway = connect(admin.address)
  halfway.write('POST /v1/providers/acme-a/refill HTTP/1.1\r\nHost: 127')
  await ask('/healthz')
  const ended = [idle, halfway].map((socket) =>
    once(
      socket.resume().on('error', () => {}),
      'close',
    ),
  )
  await admin.close()
  await admin.close()
  await Promise.all(ended)
  await expect(ask('/healthz')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

/** Connections on which nothing is said. */
async function silent({ address }: AdminServer, count: number): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => connect(address.port, address.host))
  for (const socket of sockets) socket.on('error', () => {})
  await Promise.all(sockets.map((socket) => once(socket, 'connect')))
  return sockets
}

it('silent connections keep nobody out: over the cap the oldest of them is closed', async () => {
  const { admin, ask } = await start({ maxConnections: 4 })
  const sockets = await silent(admin, 6)
  await Promise.all(sockets.slice(0, 2).map((socket) => socket.destroyed || once(socket, 'close')))
  expect((await ask('/healthz')).status).toBe(200)
  await silent(admin, 1)
  expect((await ask('/healthz')).status).toBe(200)
  for (const socket of sockets) socket.destroy()
})

it('a connection on which no request arrives is closed after the time that is meant', async () => {
  const { admin } = await start({ requestTimeoutMs: 200 })
  const [socket] = await silent(admin, 1)
  socket?.resume()
  await once(socket as Socket, 'close')
})

it('requests for addresses that wait leave half of the connections to others', async () => {
  const { view, ask } = await start({ maxConnections: 4 })
  const ends: (() => void)[] = []
  view.addressRequests = { ...view.addressRequests, take: () => new Promise((resolve) => ends.push(() => resolve([]))) }
  const waiting = [ask('/v1/take'), ask('/pop/')]
  while (ends.length < 2) await ask('/healthz')
  const refused = await ask('/v1/take')
  expect(problemOf(refused)).toMatchObject({ code: 'ADMIN_NO_ADDRESS', error: 'GW_QUEUE_FULL' })
  expect(jsonOf(await ask('/get/'), 200)).toEqual({ code: 0, src: 'no proxy' })
  expect((await ask('/healthz')).status).toBe(200)
  for (const end of ends) end()
  await Promise.all(waiting)
  const next = ask('/v1/take')
  while (ends.length < 3) await ask('/healthz')
  ends[2]?.()
  expect((await next).status).toBe(200)
})

it('the lease API too knows a token that a reload has replaced', async () => {
  const running = await start()
  const { admin, view, ask } = running
  const trusted: boolean[] = []
  const take: Running['view']['addressRequests']['take'] = async ({ isTrusted }) => {
    trusted.push(isTrusted)
    return []
  }
  view.addressRequests = { ...view.addressRequests, take }
  const next = 'token-of-these-tests-4712'
  const takeWith = (token: string) => late(running, ask('/v1/take', { headers: { authorization: `Bearer ${token}` } }))
  await takeWith(TOKEN)
  admin.useToken(new Secret(next))
  await takeWith(TOKEN)
  await takeWith(next)
  expect(trusted).toEqual([true, false, true])
})
