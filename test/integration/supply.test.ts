/**
 * Supply as a client sees it: vendors on good and on bad days. The simulated vendors are referees too: whatever happens,
 * the gateway must not break a rule of their documents.
 */
import { describe, expect, it } from 'vitest'
import type { SystemClock } from '../../src/clock.ts'
import { connectVia, plain, socks5 } from '../support/client.ts'
import { eventually, type Gateway, refusalOf } from '../support/gateway.ts'
import { header } from '../support/http-wire.ts'
import { expectEcho } from '../support/socket-io.ts'
import { startBuying } from '../support/vendors/buying-gateway.ts'
import { SimulatedJuliangip } from '../support/vendors/juliangip.ts'
import { SimulatedQg } from '../support/vendors/qg.ts'
import type { BadDay, SimulatedApi, Supply } from '../support/vendors/simulated-api.ts'

const KEY = 'the-key-of-the-account'
const CHANNELS = 20

interface Vendor<Api extends SimulatedApi> {
  readonly vendor: string
  readonly product: string
  readonly credentials: Record<string, string>
  open(clock: SystemClock, supplyAddress: () => Supply): Api
}

const juliangip: Vendor<SimulatedJuliangip> = {
  vendor: 'juliangip',
  product: 'dynamic',
  credentials: { trade_no: '1000000000000001', key: KEY },
  open: (clock, supplyAddress) =>
    new SimulatedJuliangip({ clock, tradeNo: '1000000000000001', key: KEY, supplyAddress }),
}
const qg: Vendor<SimulatedQg> = {
  vendor: 'qg',
  product: 'share-channel',
  credentials: { key: KEY },
  open: (clock, supplyAddress) =>
    new SimulatedQg({ clock, key: KEY, plan: { mode: 'channel', channels: CHANNELS }, supplyAddress }),
}

interface Options {
  readonly badDay?: BadDay
  readonly config?: object
  readonly provider?: object
  /** What the gateway logs in with at the upstreams. */
  readonly login?: { readonly username: string; readonly password: string }
}

function start<Api extends SimulatedApi>(
  kind: Vendor<Api>,
  { badDay, config = {}, provider = {}, login }: Options = {},
) {
  const open = (clock: SystemClock, sell: () => Supply) => Object.assign(kind.open(clock, sell), { badDay })
  return startBuying(open, (api) => ({
    config: { pool: { floor: 1 }, wait: { timeout: '10s' }, ...config },
    providers: () => [
      {
        name: 'bought',
        vendor: kind.vendor,
        product: kind.product,
        credentials: kind.credentials,
        baseUrl: api.url,
        allowPrivate: true,
        ...(kind.vendor === 'qg' ? { channels: CHANNELS } : {}),
        ...(login === undefined ? {} : { upstream: login }),
        ...provider,
      },
    ],
    secrets: [KEY, ...(login === undefined ? [] : [login])],
  }))
}

const state = ({ app }: Gateway) => app.supply.provider('bought')?.state

describe.each([juliangip, qg] as Vendor<SimulatedApi>[])('$vendor', (kind) => {
  it('is asked when a client comes, not before; the client waits for the address and is served through it', async () => {
    const gateway = await start(kind)
    expect(gateway.api.calls).toHaveLength(0)
    await expectEcho(await connectVia(gateway.port, 'echo.test:7'), 'bought for this')
    expect((await socks5(gateway.port, 'echo.test:7')).rep).toBe(0)
    expect((await plain(gateway.port, 'http://site.test/')).status).toBe(200)
    expect([gateway.api.sales.length, state(gateway)?.kind]).toEqual([1, 'ready'])
    expect(gateway.app.supply.provider('bought')?.counts).toMatchObject({ bought: 1, used: 1 })
  })

  const passing: BadDay[] = ['http-500', 'html', 'truncated', 'redirect', 'empty-list', 'no-stock', 'silence']
  it.each(passing)('answers 503 in time on a day of %s, with the reason in words, and recovers', async (badDay) => {
    const supply = { backoff: '100ms', maxBackoff: '150ms' }
    const config = { pool: { floor: 0 }, supply, wait: { timeout: '400ms' } }
    const gateway = await start(kind, { config, provider: { callTimeout: '300ms' } })
    const provider = () => gateway.app.supply.provider('bought')
    const served = () =>
      eventually(() => connectVia(gateway.port, 'echo.test:7').then(({ status }) => status)).toBe(200)
    // The first call of a process takes its time.
    await served()
    gateway.api.badDay = badDay
    await eventually(() => provider()?.isBusy).toBe(false)
    for (const member of [...gateway.app.pool.members()]) gateway.app.pool.remove(member, 'released')
    const reply = await connectVia(gateway.port, 'echo.test:7')
    const code = expect.stringMatching(/^GW_(POOL_EMPTY|NO_SUPPLY)$/)
    expect(refusalOf(reply)).toEqual({ status: 503, code, retryAfter: 1 })
    await eventually(() => provider()?.lastError?.words).toMatch(/\w+ \w+/)
    gateway.api.badDay = undefined
    await served()
    expect(gateway.app.traffic.openedCount).toBe(2)
  })

  const lasting: [BadDay, RegExp][] = [
    ['key-wrong', /key|credentials/],
    ['whitelist-missing', /white/],
  ]
  it.each(lasting)('on a day of %s stops, says what to do, and refuses clients at once', async (badDay, words) => {
    const gateway = await start(kind, { badDay })
    const first = await connectVia(gateway.port, 'echo.test:7')
    expect(refusalOf(first)).toMatchObject({ status: 503, code: 'GW_NO_SUPPLY' })
    expect(refusalOf(first).retryAfter).toBeGreaterThan(10)
    expect((await first.reader.readAll()).toString()).toMatch(words)
    const calls = gateway.api.calls.length
    for (let n = 0; n < 5; n++) expect((await plain(gateway.port, 'http://site.test/')).status).toBe(503)
    expect([gateway.api.calls.length, state(gateway)?.kind]).toEqual([calls, 'stopped'])
    expect(gateway.log.text).toMatch(words)
  })
})

describe.each([juliangip, qg] as Vendor<SimulatedApi>[])('money at $vendor', (kind) => {
  it('is not bought from any more when three addresses in a row refuse the login', async () => {
    const login = { username: 'somebody', password: 'wrong at the upstreams' }
    const config = { supply: { backoff: '20s', maxBackoff: '30s' }, wait: { timeout: '3s' } }
    const gateway = await start(kind, { login, config })
    for (const upstream of gateway.world.upstreams) await upstream.behave({ kind: 'status', status: 407 })
    const codes = []
    for (let n = 0; n < 4; n++) codes.push(refusalOf(await connectVia(gateway.port, 'echo.test:7')))
    expect(codes[0]).toEqual({ status: 502, code: 'GW_UPSTREAM_LOGIN' })
    expect(codes.every(({ status }) => status === 502 || status === 503)).toBe(true)
    expect(state(gateway)).toMatchObject({
      kind: 'unusable',
      words: expect.stringContaining('check username, password'),
    })
    expect(gateway.api.sales).toHaveLength(3)
  })

  it('holds no more than its budget allows, and says so', async () => {
    const provider = { budget: { total: 1 } }
    const config = { pool: { floor: 1, perUpstream: { uses: 1 } }, wait: { timeout: '10s' } }
    const gateway = await start(kind, { provider, config })
    expect((await connectVia(gateway.port, 'echo.test:7')).status).toBe(200)
    const second = await connectVia(gateway.port, 'echo.test:7')
    expect(refusalOf(second)).toMatchObject({ status: 503, code: 'GW_BUDGET_REACHED' })
    expect((await second.reader.readAll()).toString()).toContain('budget')
    expect(gateway.api.sales).toHaveLength(1)
  })

  it('tells which budget is used up, and when it ends, to everybody who should know', async () => {
    const provider = { budget: { perHour: 1, total: 5 } }
    const config = { pool: { floor: 1, perUpstream: { uses: 1 } }, wait: { timeout: '10s' }, admin: { port: 0 } }
    const gateway = await start(kind, { provider, config })
    ;(await connectVia(gateway.port, 'echo.test:7')).socket.destroy()
    await eventually(() => gateway.app.pool.size).toBe(0)
    const refused = await connectVia(gateway.port, 'echo.test:7')
    const { code, retryAfter } = refusalOf(refused)
    expect([code, Math.ceil(Number(retryAfter) / 10)]).toEqual(['GW_BUDGET_REACHED', 360])
    expect((await refused.reader.readAll()).toString()).toContain('budget perHour of 1')
    const ask = (path: string) =>
      fetch(`http://127.0.0.1:${gateway.app.admin?.port}${path}`, { headers: { connection: 'close' } })
    const readiness = await ask('/readyz')
    expect([readiness.status, await readiness.text()]).toEqual([
      503,
      expect.stringMatching(/the budget perHour of 1 is used up; next attempt in 3[56]\d\d s/),
    ])
    const metrics = await (await ask('/metrics')).text()
    expect(metrics).toMatch(/^turnpike_provider_budget_reached{provider="bought",budget="perHour"} 1$/m)
    expect(metrics).toMatch(/^turnpike_provider_next_attempt_seconds{provider="bought"} 3[56]\d\d(\.\d+)?$/m)
    const said = gateway.log
      .records()
      .filter(({ msg }) => msg === 'the budget is used up: nothing is bought until it ends')
    expect(said).toEqual([expect.objectContaining({ budget: 'perHour', limit: 1, endsInMs: expect.any(Number) })])
  })
})

it('who asks for a longer life than there is gets the longest, and is told what it is', async () => {
  const gateway = await start(juliangip, { config: { log: { access: 'on' } } })
  const reply = await connectVia(gateway.port, 'echo.test:7', { headers: [['X-Turnpike-Life', '30m']] })
  const told = Number(/^(\d+)s$/.exec(header(reply.headers, 'x-turnpike-life') ?? '')?.[1])
  reply.socket.destroy()
  const line = () => gateway.log.records().find(({ mod, end }) => mod === 'traffic' && end !== undefined)
  await eventually(() => line()).toMatchObject({ lifeAskedMs: 1_800_000 })
  expect(Math.floor(Number(line()?.['lifeLeftMs']) / 1_000)).toBe(told)
  expect(told).toBeGreaterThan(5)
  expect(told).toBeLessThan(1_800)
})

it('a place that the vendor tells is found by those who wish for it, and by nobody else', async () => {
  const gateway = await start(qg, { config: { pool: { floor: 1 }, wait: { timeout: '10s' } } })
  const ask = (username: string) => connectVia(gateway.port, 'echo.test:7', { login: { username, password: 'x' } })
  // Nothing is known of addresses that are not bought yet: the first one may be right.
  expect((await ask('acc-area-河南')).status).toBe(200)
  for (const name of ['acc-isp-电信', 'acc-city-商丘', 'acc-area-河南省商丘市-isp-电信'])
    expect([name, (await ask(name)).status]).toEqual([name, 200])
  for (const name of ['acc-area-北京', 'acc-isp-联通', 'acc-country-us', 'acc-area-河南-isp-联通']) {
    expect([name, refusalOf(await ask(name)).code]).toEqual([name, 'GW_NO_MATCH'])
  }
})

it('another provider fills in for one that cannot', async () => {
  const gateway = await startBuying(juliangip.open, (api) => ({
    upstreams: 1,
    providers: (world) => [
      {
        name: 'bought',
        vendor: 'juliangip',
        product: 'dynamic',
        credentials: juliangip.credentials,
        baseUrl: api.url,
        allowPrivate: true,
      },
      { name: 'own', vendor: 'static', list: world.lines(), priority: 2 },
    ],
    filled: 1,
    secrets: [KEY],
  }))
  gateway.api.badDay = 'key-wrong'
  expect((await connectVia(gateway.port, 'echo.test:7')).status).toBe(200)
  const asked = { username: 'x-provider-bought', password: 'y' }
  expect(refusalOf(await connectVia(gateway.port, 'echo.test:7', { login: asked })).code).toBe('GW_NO_SUPPLY')
})
