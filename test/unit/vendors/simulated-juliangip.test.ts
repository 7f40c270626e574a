/** The simulated juliangip: our adapter keeps its rules, and each rule is seen to be broken once. */
import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openVendorHttp, type VendorHttp } from '../../../src/vendors/client/http.ts'
import type { Source } from '../../../src/vendors/contract/source.ts'
import { openSource } from '../../../src/vendors/registry.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { SimulatedJuliangip } from '../../support/vendors/juliangip.ts'
import { failureOf, never, plain, printed, type SettingsOf, settingsOf } from './scripted-http.ts'

const credentials = { trade_no: '1000000000000001', key: 'invented+key' }
const clock = new FakeClock()
let sim: SimulatedJuliangip
let http: VendorHttp
let sold = 0

beforeEach(async () => {
  sold = 0
  const supplyAddress = () => ({ host: `198.51.100.${++sold}`, port: 4_000 + sold, username: 'user', password: 'p&ss' })
  sim = await new SimulatedJuliangip({
    clock,
    tradeNo: credentials.trade_no,
    key: credentials.key,
    supplyAddress,
    stock: 20,
  }).start()
  http = openVendorHttp({ clock })
})

afterEach(async () => {
  await http.close()
  await sim.close()
  clock.advance(10_000)
})

function open(rest: Partial<SettingsOf> = {}): Source {
  const settings = settingsOf({ vendor: 'juliangip', product: 'dynamic', credentials, baseUrl: sim.url, ...rest })
  return openSource(settings, { clock, http })
}

describe('our adapter against it', () => {
  it.each<Record<string, string | number>>([
    {},
    { result_type: 'text' },
    { result_type: 'text', split: 2 },
    { result_type: 'text', split: 3 },
    { result_type: 'text', split: 4 },
    { result_type: 'json2' },
    { result_type: 'xml' },
    { pt: 2, area: '北京,上海', isp: '电信', filter: 1 },
    { city_name: 1, city_code: 1 },
    { auth_info: 1, city_name: 1 },
    { auth_info: 1, result_type: 'json2' },
  ])('buys with %o, and breaks no rule', async (request) => {
    const delivery = await open({ request }).extract(3, { signal: never })
    expect(sim.violations).toEqual([])
    expect(delivery.rejected).toEqual([])
    expect(delivery.sold.map(plain)).toMatchObject([
      {
        host: '198.51.100.1',
        port: 4_001,
        protocol: request['pt'] === 2 ? 'socks5' : 'http',
        life: { kind: 'for', ms: 180_000 },
      },
      { host: '198.51.100.2' },
      { host: '198.51.100.3' },
    ])
    if (request['result_type'] !== 'text') expect(delivery.balance).toBe(17)
    if (request['auth_info'] === 1)
      expect(delivery.sold.map(plain)[0]).toMatchObject({ username: 'user', password: 'p&ss' })
  })

  it('ten calls within a second are no violation, nor is the next one a second after the first', async () => {
    const source = open()
    for (let n = 0; n < 10; n++) await source.extract(1, { signal: never })
    clock.advance(1_000)
    await source.extract(1, { signal: never })
    expect(sim.violations).toEqual([])
  })

  it('an order that runs out says so', async () => {
    const source = open()
    await source.extract(15, { signal: never })
    expect(await failureOf(source.extract(10, { signal: never }))).toMatchObject({ class: 'quota_exhausted' })
    expect(sim.violations).toEqual([])
    expect(sim.stock).toBe(5)
  })

  it('tells how far the vendor’s clock is off', async () => {
    sim.skewMs = -90_000
    const { vendorWallMs } = await open().extract(1, { signal: never })
    expect(vendorWallMs).toBe(Math.floor((clock.wall() - 90_000) / 1_000) * 1_000)
  })
})

describe('its bad days', () => {
  it.each([
    ['http-500', 'server', 'http'],
    ['html', 'server', 'body'],
    ['empty-list', 'no_resource', 'empty'],
    ['truncated', 'server', 'body'],
    ['redirect', 'server', 'redirect'],
    ['key-wrong', 'auth', '401'],
    ['whitelist-missing', 'whitelist', '400'],
    ['no-stock', 'no_resource', '400'],
  ] as const)('%s: %s', async (badDay, errorClass, vendorCode) => {
    sim.badDay = badDay
    for (const result_type of ['text', 'json', 'json2', 'xml']) {
      const error = await failureOf(open({ request: { result_type } }).extract(2, { signal: never }))
      expect([result_type, error.class, error.vendorCode]).toEqual([result_type, errorClass, vendorCode])
      for (const secret of [credentials.key, credentials.trade_no, sim.url])
        expect(printed(error)).not.toContain(secret)
    }
    expect(sim.violations).toEqual([])
    sim.badDay = undefined
    expect((await open().extract(1, { signal: never })).sold).toHaveLength(1)
  })

  it('silence: until the deadline', async () => {
    sim.badDay = 'silence'
    const call = failureOf(open({ callTimeoutMs: 30_000 }).extract(1, { signal: never }))
    await sim.received(1)
    clock.advance(30_000)
    expect(await call).toMatchObject({ class: 'server', vendorCode: 'timeout' })
  })

  it('auto_white is how the vendor adds us to its whitelist', async () => {
    sim.badDay = 'whitelist-missing'
    expect((await open({ request: { auto_white: 1 } }).extract(1, { signal: never })).sold).toHaveLength(1)
  })
})

const sign = (params: Record<string, string>, key = credentials.key) => {
  const text = Object.keys(params)
    .sort()
    .map((name) => `${name}=${params[name]}`)
    .join('&')
  return createHash('md5').update(`${text}&key=${key}`).digest('hex')
}
const get = async (params: Record<string, string>, path = '/dynamic/getips') => {
  const response = await fetch(`${sim.url}${path}?${new URLSearchParams(params)}`, { redirect: 'follow' })
  return response.text()
}
const valid = { trade_no: credentials.trade_no, num: '1', result_type: 'json' }
const signed = (params: Record<string, string>) => get({ ...params, sign: sign(params) })

describe('each of its rules for one call, broken', () => {
  it('none, for a call as the page shows it', async () => {
    expect(await signed(valid)).toContain('"code":200')
    expect(sim.violations).toEqual([])
  })

  it.each<[string, () => Promise<string>, RegExp]>([
    ['no signature', () => get(valid), /sign is missing/],
    ['a signature of another key', () => get({ ...valid, sign: sign(valid, 'another') }), /signature is wrong/],
    ['a signature of other parameters', () => get({ ...valid, num: '2', sign: sign(valid) }), /signature is wrong/],
    ['another order', () => signed({ ...valid, trade_no: '2' }), /signature is wrong/],
    ['an invented parameter', () => signed({ ...valid, count: '1' }), /unknown parameter count/],
    ['no number', () => signed({ trade_no: credentials.trade_no }), /num is missing/],
    ['more than a hundred', () => signed({ ...valid, num: '101' }), /num is out of range/],
    ['none at all', () => signed({ ...valid, num: '0' }), /num is out of range/],
    ['a third kind of proxy', () => signed({ ...valid, pt: '3' }), /pt is out of range/],
    ['another format', () => signed({ ...valid, result_type: 'yaml' }), /result_type is out of range/],
    ['a flag that is not 1', () => signed({ ...valid, ip_remain: 'true' }), /ip_remain is out of range/],
    ['another path', () => get(valid, '/dynamic/get'), /there is no \/dynamic\/get/],
  ])('%s', async (_rule, call, violation) => {
    const body = await call()
    expect(body).not.toContain('"code":200')
    expect(sim.violations.join('\n')).toMatch(violation)
  })

  it('a parameter twice', async () => {
    await fetch(`${sim.url}/dynamic/getips?num=1&num=2`)
    expect(sim.violations.join('\n')).toMatch(/num came twice/)
  })
})

describe('each of its rules for calls and addresses together, broken', () => {
  it('an eleventh call within a second, wherever the second begins', async () => {
    const source = open()
    await source.extract(1, { signal: never })
    clock.advance(900)
    for (let n = 0; n < 9; n++) await source.extract(1, { signal: never })
    clock.advance(99)
    expect(await failureOf(source.extract(1, { signal: never }))).toMatchObject({ class: 'rate_limited', wait: 1_000 })
    expect(sim.violations).toEqual(['11 calls of getips within 1000 ms, where 10 are allowed'])
  })

  it('a redirect followed', async () => {
    sim.badDay = 'redirect'
    const response = await fetch(`${sim.url}/dynamic/getips?${new URLSearchParams({ ...valid, sign: sign(valid) })}`, {
      redirect: 'manual',
    })
    await fetch(response.headers.get('location') ?? '', { redirect: 'manual' })
    expect(sim.violations).toEqual(['a redirect was followed'])
  })

  it('an address used after its deadline, or never sold', async () => {
    await open().extract(1, { signal: never })
    clock.advance(180_000)
    sim.recordUse('198.51.100.1', 4_001)
    expect(sim.violations).toEqual([])
    clock.advance(1)
    sim.recordUse('198.51.100.1', 4_001)
    sim.recordUse('198.51.100.9', 4_001)
    expect(sim.violations).toEqual([
      'an address was used after its deadline',
      'an address was used that was never sold',
    ])
  })
})
