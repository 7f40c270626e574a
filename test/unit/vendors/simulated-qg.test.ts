/** The simulated qg: our adapter keeps its rules, and each rule is seen to be broken once. */
import { afterEach, describe, expect, it } from 'vitest'
import { openVendorHttp, type VendorHttp } from '../../../src/vendors/client/http.ts'
import type { Source } from '../../../src/vendors/contract/source.ts'
import { openSource } from '../../../src/vendors/registry.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { type QgOptions, type QgPlan, SimulatedQg } from '../../support/vendors/qg.ts'
import { failureOf, never, printed, type SettingsOf, settingsOf } from './scripted-http.ts'

const KEY = 'INVENTED+KEY'
/** Half a second into a minute, at 23:58 in China. */
const START = { wall: Math.floor(1_766_000_000_000 / 86_400_000) * 86_400_000 + (15 * 60 + 58) * 60_000 + 500 }

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

const channel: QgPlan = { mode: 'channel', channels: 2 }

interface World {
  readonly sim: SimulatedQg
  readonly clock: FakeClock
  readonly http: VendorHttp
  readonly open: (rest?: Partial<SettingsOf>) => Source
  readonly get: (query: string, path?: string) => Promise<string>
}

const productOf: Readonly<Record<QgPlan['mode'], string>> = {
  channel: 'share-channel',
  elastic: 'share-elastic',
  uniform: 'share-uniform',
  volume: 'share-volume',
  exclusive: 'exclusive',
  locked: 'exclusive-locked',
  'overseas-channel': 'overseas-channel',
  'overseas-volume': 'overseas-volume',
}

async function world(plan: QgPlan, options: Partial<QgOptions> = {}): Promise<World> {
  const clock = new FakeClock(START)
  let sold = 0
  const supplyAddress = () => ({ host: `198.51.100.${++sold}`, port: 4_000 + sold, exit: `203.0.113.${sold}` })
  const sim = await new SimulatedQg({ clock, key: KEY, plan, supplyAddress, ...options }).start()
  const http = openVendorHttp({ clock })
  closers.push(
    () => http.close(),
    () => sim.close(),
  )
  const open = (rest: Partial<SettingsOf> = {}) => {
    const settings = settingsOf({
      vendor: 'qg',
      product: productOf[plan.mode],
      credentials: { key: KEY },
      baseUrl: sim.url,
      ...rest,
    })
    return openSource(settings, { clock, http })
  }
  const get = async (query: string, path = '/get') =>
    (await fetch(`${sim.url}${path}?key=${encodeURIComponent(KEY)}&${query}`)).text()
  return { sim, clock, http, open, get }
}

describe('our adapter against it', () => {
  it.each<QgPlan>([
    { mode: 'channel', channels: 3 },
    { mode: 'elastic', perDay: 3 },
    { mode: 'uniform', perMinute: 3 },
    { mode: 'volume', balance: 3 },
    { mode: 'exclusive', channels: 3 },
    { mode: 'overseas-channel', channels: 3 },
    { mode: 'overseas-volume', balance: 3 },
  ])('buys from %o, and breaks no rule', async (plan) => {
    const { sim, clock, open } = await world(plan)
    const { sold, rejected } = await open({ request: { area: '350500,330700' } }).extract(3, { signal: never })
    expect(sim.violations).toEqual([])
    expect(rejected).toEqual([])
    // Deadlines are written to the second.
    const life = { kind: 'until', wallMs: Math.floor((clock.wall() + 60_000) / 1_000) * 1_000 }
    expect(sold).toMatchObject(
      [1, 2, 3].map((n) => ({ host: `198.51.100.${n}`, port: 4_000 + n, exit: `203.0.113.${n}`, life })),
    )
  })

  it('share-pool and the query list what is held', async () => {
    const { sim, clock, open } = await world({ mode: 'channel', channels: 4 })
    const pool = open({ product: 'share-pool' })
    // What is held already is listed too, and is no purchase.
    expect([pool.listsHeld, open().listsHeld]).toEqual([true, false])
    await pool.extract(1, { signal: never })
    clock.advance(30_000)
    expect((await pool.extract(2, { signal: never })).sold).toHaveLength(3)
    clock.advance(30_000)
    expect((await pool.query({ signal: never })).sold).toMatchObject([
      { host: '198.51.100.2' },
      { host: '198.51.100.3' },
    ])
    expect(sim.violations).toEqual([])
  })

  it('a clock 90 s ahead shows in the Date header and in the deadlines alike', async () => {
    const { sim, clock, open } = await world({ mode: 'channel', channels: 1 })
    sim.skewMs = 90_000
    const { sold, vendorWallMs } = await open().extract(1, { signal: never })
    expect(vendorWallMs).toBe(Math.floor((clock.wall() + 90_000) / 1_000) * 1_000)
    expect(sold).toMatchObject([
      { life: { kind: 'until', wallMs: Math.floor((clock.wall() + 150_000) / 1_000) * 1_000 } },
    ])
  })

  it('sends the API password', async () => {
    const { sim, open } = await world({ mode: 'channel', channels: 1 }, { pwd: 'api-password' })
    await open({ credentials: { key: KEY, pwd: 'api-password' } }).extract(1, { signal: never })
    expect(sim.violations).toEqual([])
  })

  it('the documented calls of a minute are all taken, and none too many', async () => {
    const { sim, clock, open } = await world({ mode: 'channel', channels: 2 }, { lifeMs: () => 500 })
    const source = open({ channels: 2 })
    const { calls, perMs } = source.limitOf(source.extractOperation)
    expect([calls, perMs]).toEqual([20, 60_000])
    for (let n = 0; n < calls; n++) {
      await source.extract(1, { signal: never })
      clock.advance(1_000)
    }
    clock.advance(perMs - calls * 1_000)
    await source.extract(1, { signal: never })
    expect(sim.violations).toEqual([])
  })
})

describe('our adapter and its lines', () => {
  const locked: QgPlan = { mode: 'locked', channels: 2, dialMs: 34_000 }

  it('orders lines, waits for their addresses, and keeps the line through a redial', async () => {
    const { sim, clock, open } = await world(locked)
    const source = open({ channels: 2, request: { area: 411400, isp: 1 } })
    // Where no channel is free, the lines that the key holds come in place of new ones: they are not bought again.
    expect(source.listsHeld).toBe(true)
    const { sold, pending = [] } = await source.extract(2, { signal: never })
    expect(sold).toEqual([])
    expect(pending.map(({ waitMs }) => waitMs)).toEqual([34_000, 34_000])
    const refs = pending.map(({ ref }) => ref)
    clock.advance(34_000)
    const hosts = async () =>
      (await source.follow?.ask(refs, { signal: never }))?.sold.map(({ ref, host }) => [ref, host])
    expect(await hosts()).toEqual([
      [refs[0], '198.51.100.1'],
      [refs[1], '198.51.100.2'],
    ])
    sim.lines.redial(refs[0] ?? '', { host: '198.51.100.77', port: 77 }, 5_000, clock.now())
    expect(await hosts()).toEqual([[refs[1], '198.51.100.2']])
    clock.advance(5_000)
    expect(await hosts()).toContainEqual([refs[0], '198.51.100.77'])
    expect(sim.violations).toEqual([])
  })

  it('takes over what the key holds already, as after a restart', async () => {
    const { sim, clock, open } = await world(locked)
    await open().extract(2, { signal: never })
    clock.advance(34_000)
    const { sold } = await open().extract(1, { signal: never })
    expect(sold.map(({ ref }) => ref)).toEqual(sim.lines.uuids)
    expect(sim.violations).toEqual([])
  })
})

describe('its quotas', () => {
  it('elastic: tomorrow in China', async () => {
    const { sim, clock, open } = await world({ mode: 'elastic', perDay: 2 })
    const source = open()
    await source.extract(2, { signal: never })
    expect(await failureOf(source.extract(1, { signal: never }))).toMatchObject({
      class: 'quota_exhausted',
      wait: 'day+08:00',
    })
    clock.advance(119_400) // 23:59:59.9
    await failureOf(source.extract(1, { signal: never }))
    clock.advance(100)
    expect((await source.extract(1, { signal: never })).sold).toHaveLength(1)
    expect(sim.violations).toEqual([])
  })

  it('uniform: the next minute', async () => {
    const { sim, clock, open } = await world({ mode: 'uniform', perMinute: 2 })
    const source = open()
    await source.extract(2, { signal: never })
    expect(await failureOf(source.extract(1, { signal: never }))).toMatchObject({
      class: 'quota_exhausted',
      wait: 'minute',
    })
    clock.advance(59_499)
    await failureOf(source.extract(1, { signal: never }))
    clock.advance(1)
    expect((await source.extract(1, { signal: never })).sold).toHaveLength(1)
    expect(sim.violations).toEqual([])
  })

  it('volume: as much as was paid for', async () => {
    const { sim, open } = await world({ mode: 'volume', balance: 2 })
    const source = open()
    await source.extract(2, { signal: never })
    expect(await failureOf(source.extract(1, { signal: never }))).toMatchObject({
      class: 'quota_exhausted',
      vendorCode: 'BALANCE_INSUFFICIENT',
      wait: 600_000,
    })
    expect(sim.violations).toEqual([])
  })

  it('channels: free again at the deadline', async () => {
    const { sim, clock, open } = await world({ mode: 'channel', channels: 1 })
    const source = open({ channels: 1 })
    await source.extract(1, { signal: never })
    clock.advance(60_000)
    await source.extract(1, { signal: never })
    expect(sim.violations).toEqual([])
  })
})

describe('its bad days', () => {
  it.each([
    ['http-500', 'server', 'http'],
    ['html', 'server', 'body'],
    ['empty-list', 'no_resource', 'empty'],
    ['truncated', 'server', 'body'],
    ['redirect', 'server', 'redirect'],
    ['key-wrong', 'auth', 'INVALID_KEY'],
    ['whitelist-missing', 'auth', 'API_AUTH_DENY'],
    ['no-stock', 'no_resource', 'NO_RESOURCE_FOUND'],
  ] as const)('%s: %s', async (badDay, errorClass, vendorCode) => {
    const { sim, open } = await world({ mode: 'channel', channels: 9 })
    sim.badDay = badDay
    const error = await failureOf(open().extract(1, { signal: never }))
    expect(error).toMatchObject({ class: errorClass, vendorCode })
    for (const secret of [KEY, encodeURIComponent(KEY), sim.url]) expect(printed(error)).not.toContain(secret)
    sim.badDay = undefined
    expect((await open().extract(1, { signal: never })).sold).toHaveLength(1)
    expect(sim.violations).toEqual([])
  })

  it('silence: until the deadline', async () => {
    const { sim, clock, open } = await world({ mode: 'channel', channels: 1 })
    sim.badDay = 'silence'
    const call = failureOf(open({ callTimeoutMs: 30_000 }).extract(1, { signal: never }))
    await sim.received(1)
    clock.advance(30_000)
    expect(await call).toMatchObject({ class: 'server', vendorCode: 'timeout' })
  })

  it.each([
    ['http-500', 0],
    ['empty-list', 0],
    ['redirect', 0],
    ['truncated', 1],
  ] as const)('%s: what could not be told was not sold, what was lost on the way was: %d', async (badDay, sales) => {
    const { sim, open } = await world(channel)
    sim.badDay = badDay
    await failureOf(open().extract(1, { signal: never }))
    expect(sim.sales).toHaveLength(sales)
  })

  it('any code at will', async () => {
    const { sim, open } = await world({ mode: 'channel', channels: 1 })
    sim.refuseWith = 'KEY_BLOCK'
    expect(await failureOf(open().extract(1, { signal: never }))).toMatchObject({
      class: 'auth',
      vendorCode: 'KEY_BLOCK',
    })
  })
})

describe('each of its rules for one call, broken', () => {
  it('none, for a call as the document shows it', async () => {
    const { sim, get } = await world({ mode: 'channel', channels: 2 })
    expect(await get('area=350500,330700&isp=1&num=2&distinct=true')).toContain('"code":"SUCCESS"')
    expect(sim.violations).toEqual([])
  })

  it.each<[string, QgPlan, string, string, RegExp]>([
    ['an invented parameter', channel, 'count=1', '/get', /unknown parameter count/],
    ['a parameter of another product', channel, 'keep_alive=5', '/get', /unknown parameter keep_alive/],
    [
      'area_ex where it is not known',
      { mode: 'exclusive', channels: 1 },
      'area_ex=1',
      '/get',
      /unknown parameter area_ex/,
    ],
    ['isp overseas', { mode: 'overseas-volume', balance: 1 }, 'isp=1', '/get', /unknown parameter isp/],
    ['num in a query', channel, 'num=1', '/query', /unknown parameter num/],
    ['none at all', channel, 'num=0', '/get', /num is out of range/],
    ['a fourth carrier', channel, 'isp=4', '/get', /isp is out of range/],
    ['a bool that is none', channel, 'distinct=1', '/get', /distinct is out of range/],
    ['a parameter twice', channel, 'num=1&num=1', '/get', /num came twice/],
    ['a call of another product', { mode: 'volume', balance: 1 }, '', '/query', /volume has no \/query/],
    [
      'more than there are channels',
      channel,
      'num=3',
      '/get',
      /3 addresses were asked for with 0 of 2 channels occupied/,
    ],
  ])('%s', async (_rule, plan, query, path, violation) => {
    const { sim, get } = await world(plan)
    await get(query, path)
    expect(sim.violations).toEqual([expect.stringMatching(violation)])
  })
})

describe('each of its rules for calls together, broken', () => {
  it('channels that are still occupied', async () => {
    const { sim, clock, open } = await world(channel)
    await open().extract(2, { signal: never })
    clock.advance(59_999)
    expect(await failureOf(open().extract(1, { signal: never }))).toMatchObject({
      class: 'quota_exhausted',
      wait: 'earliest-deadline',
    })
    expect(sim.violations).toEqual(['1 addresses were asked for with 2 of 2 channels occupied'])
  })

  it('a key that is wrong, a password that is missing, a method that is not GET', async () => {
    const { sim, open } = await world(channel, { pwd: 'api-password' })
    expect(await failureOf(open({ credentials: { key: 'another' } }).extract(1, { signal: never }))).toMatchObject({
      class: 'auth',
    })
    expect(await failureOf(open().extract(1, { signal: never }))).toMatchObject({
      class: 'auth',
      vendorCode: 'API_AUTH_DENY',
    })
    await fetch(`${sim.url}/get`, { method: 'POST', body: new URLSearchParams({ key: KEY, pwd: 'api-password' }) })
    expect(sim.violations).toEqual(['the key is wrong', 'the API password is wrong', '/get was called with POST'])
  })

  it.each<[QgPlan, string, number]>([
    [channel, '/get', 20],
    [channel, '/pool', 60],
    [channel, '/query', 60],
    [{ mode: 'uniform', perMinute: 1_000 }, '/get', 60],
  ])('one call too many in a minute: %o %s', async (plan, path, allowed) => {
    const { sim, clock, get } = await world(plan, { lifeMs: () => 1 })
    for (let n = 0; n < allowed; n++) {
      await get('', path)
      clock.advance(50)
    }
    expect(sim.violations).toEqual([])
    clock.advance(60_000 - allowed * 50 - 1)
    expect(await get('', path)).toContain('REQUEST_LIMIT_EXCEEDED')
    expect(sim.violations).toEqual([`${allowed + 1} calls of ${path} within 60000 ms, where ${allowed} are allowed`])
  })

  it('a redirect followed', async () => {
    const { sim, get } = await world(channel)
    sim.badDay = 'redirect'
    await get('', '/moved').catch(() => {})
    expect(sim.violations).toContain('a redirect was followed')
  })
})
