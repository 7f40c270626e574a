/** The simulated app_key OpenAPI: our adapter keeps its rules, and each rule is seen to be broken once. */
import { afterEach, describe, expect, it } from 'vitest'
import { openVendorHttp } from '../../../src/vendors/client/http.ts'
import type { Params } from '../../../src/vendors/contract/operation.ts'
import { openSource } from '../../../src/vendors/registry.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { SimulatedSmartproxy, type SmartproxyOptions } from '../../support/vendors/smartproxy.ts'
import { failureOf, never, settingsOf } from './scripted-http.ts'

const APP_KEY = 'INVENTED+KEY/stringstringstring='

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function world(options: Partial<SmartproxyOptions> = {}) {
  const clock = new FakeClock()
  let sold = 0
  const supplyAddress = () => ({ host: '150.109.114.72', port: 1_140 + sold++ })
  const sim = await new SimulatedSmartproxy({ clock, appKey: APP_KEY, supplyAddress, ...options }).start()
  const http = openVendorHttp({ clock })
  closers.push(
    () => http.close(),
    () => sim.close(),
  )
  // One call a second: the gate of these tests lets the time pass.
  const gate = async <T>(_limit: unknown, _order: unknown, send: () => Promise<T>): Promise<T> => {
    clock.advance(1_000)
    return send()
  }
  const open = (product: string, request: Params = {}, baseUrl = sim.url) =>
    openSource(settingsOf({ vendor: 'smartproxy', product, credentials: { app_key: APP_KEY }, baseUrl, request }), {
      clock,
      http,
      gate,
    })
  return { sim, clock, open }
}

const items = (count: number) =>
  Array.from({ length: count }, (_none, n) => ({
    ip: `198.51.100.${n + 1}`,
    port: 8_000,
    username: 'u',
    password: 'p',
  }))

describe('our adapter against it', () => {
  it.each([
    ['nested', true, {}],
    ['flat', false, {}],
    ['text', true, { format: 'text' }],
  ])('buys from a %s list', async (_form, isNested, more) => {
    const { sim, open } = await world({ isNested })
    const { sold } = await open('dynamic', { cc: 'US', life: 5, ...more }).extract(3, { signal: never })
    expect(sold).toMatchObject(
      [1_140, 1_141, 1_142].map((port) => ({ port, life: { kind: 'for', ms: 300_000 }, country: 'US' })),
    )
    expect(sim.violations).toEqual([])
  })

  it('behind a reseller’s prefix', async () => {
    const { sim, open } = await world({ prefix: '/end-point' })
    expect((await open('dynamic', {}, `${sim.url}/end-point`).extract(1, { signal: never })).sold).toHaveLength(1)
    expect(sim.violations).toEqual([])
  })

  it.each(['printed', 'prefixed'] as const)(
    'static addresses on the %s path, in pages of its own size',
    async (staticPath) => {
      const { sim, open } = await world({ staticPath, staticItems: items(7), pageSize: 3 })
      const { sold } = await open('static', { product_type: 25 }).extract(1, { signal: never })
      expect(sold.map(({ host }) => host)).toEqual(items(7).map(({ ip }) => ip))
      expect(sim.violations).toEqual([])
    },
  )

  it('calls by hand: a query and a JSON body', async () => {
    const { sim, open } = await world()
    const source = open('dynamic')
    expect(await source.call('user-product/list', { page: 1, size: 20 }, { signal: never })).toEqual({ list: [] })
    expect(
      await source.call('whitelist-account/change-limit', { account: 'user', limit: 5 }, { signal: never }),
    ).toBeNull()
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
    ['key-wrong', 'auth', '3'],
    ['whitelist-missing', 'whitelist', '202'],
    ['no-stock', 'no_resource', '114'],
  ] as const)('%s: %s', async (badDay, errorClass, vendorCode) => {
    const { sim, open } = await world()
    sim.badDay = badDay
    expect(await failureOf(open('dynamic').extract(1, { signal: never }))).toMatchObject({
      class: errorClass,
      vendorCode,
    })
    expect(sim.violations).toEqual([])
  })
})

describe('each of its rules, broken', () => {
  it.each([
    ['an invented parameter', 'count=1', /unknown parameter count/],
    ['a format that is none', 'format=xml', /format is out of range/],
    ['none at all', 'num=0', /num is out of range/],
    ['a parameter twice', 'num=1&num=1', /num came twice/],
  ])('%s', async (_rule, query, violation) => {
    const { sim } = await world()
    await fetch(`${sim.url}/openapi/ip/v3?app_key=${encodeURIComponent(APP_KEY)}&${query}`)
    expect(sim.violations).toEqual([expect.stringMatching(violation)])
  })

  it('a wrong key, and two calls within a second', async () => {
    const { sim } = await world()
    for (const path of ['ip/v3', 'ip/dynamic-citys']) await fetch(`${sim.url}/openapi/${path}?app_key=x`)
    expect(sim.violations).toEqual([
      'the app_key is wrong',
      '2 calls of calls within 1000 ms, where 1 are allowed',
      'the app_key is wrong',
    ])
  })
})
