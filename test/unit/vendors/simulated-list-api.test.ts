/** The worked examples against simulations of their vendors: the rules are kept, and each rule is seen to be broken once. */
import { afterEach, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { openVendorHttp } from '../../../src/vendors/client/http.ts'
import type { ErrorClass } from '../../../src/vendors/contract/error.ts'
import { parseOwn } from '../../../src/vendors/generic/settings.ts'
import { openSource, ownKeysOf } from '../../../src/vendors/registry.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { type ListApiOptions, SimulatedListApi } from '../../support/vendors/list-api.ts'
import { accounts, type ExampleName, exampleNames, exampleText } from '../../support/vendors/list-api-accounts.ts'
import { dialects } from '../../support/vendors/list-api-dialects.ts'
import { failureOf, never, settingsOf } from './scripted-http.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

/** The keys of an example that are a table's, with the variables filled in. */
function ownOf(name: ExampleName) {
  const { providers } = parse(exampleText(name)) as { providers: readonly Record<string, unknown>[] }
  const names = Object.keys(ownKeysOf('generic', 'list'))
  return parseOwn(Object.fromEntries(Object.entries(providers[0] ?? {}).filter(([key]) => names.includes(key))))
}

async function world(name: ExampleName, more: Partial<ListApiOptions> = {}) {
  const { keys, dialect } = accounts[name]
  const clock = new FakeClock()
  let sold = 0
  const supplyAddress = () => ({ host: '198.51.100.7', port: 4_000 + sold++, exit: '203.0.113.9' })
  const sim = await new SimulatedListApi({ clock, dialect, keys, supplyAddress, ...more }).start()
  const http = openVendorHttp({ clock })
  closers.push(
    () => http.close(),
    () => sim.close(),
  )
  const own = ownOf(name)
  const source = openSource(settingsOf({ vendor: 'generic', product: 'list', own, baseUrl: sim.url }), { clock, http })
  return { sim, clock, source }
}

const count = (sim: SimulatedListApi, path: string) => sim.calls.filter((call) => call.path === path).length

describe.each(exampleNames)('%s', (name) => {
  it('sells what was asked for', async () => {
    const { sim, source } = await world(name)
    const { sold, rejected } = await source.extract(3, { signal: never })
    expect(sold.map(({ host, port }) => [host, port])).toEqual(
      [4_000, 4_001, 4_002].map((port) => ['198.51.100.7', port]),
    )
    expect([sim.violations, rejected]).toEqual([[], []])
  })

  it('may be asked as often as its limit says, and no oftener', async () => {
    const { sim, clock, source } = await world(name)
    const { calls, perMs } = source.limitOf('extract')
    for (let n = 0; n < calls; n++) await source.extract(1, { signal: never })
    clock.advance(perMs)
    await source.extract(1, { signal: never })
    expect(sim.violations).toEqual([])
    for (let n = 0; n < calls; n++) await source.extract(1, { signal: never }).catch(() => {})
    expect(sim.violations).toEqual([expect.stringMatching(`${calls + 1} calls of extract within`)])
  })

  it('called too often says so, and how long to wait', async () => {
    const { source } = await world(name)
    const { calls } = source.limitOf('extract')
    for (let n = 0; n < calls; n++) await source.extract(1, { signal: never })
    expect(await failureOf(source.extract(1, { signal: never }))).toMatchObject({
      class: 'rate_limited',
      wait: expect.any(Number) as number,
    })
  })

  it.each([
    ['an invented parameter', '&order=1', /unknown parameter order/],
    ['a count that is none', '&COUNT=many', /is out of range/],
  ])('sees %s', async (_rule, more, violation) => {
    const { sim } = await world(name)
    const { calls, count: param } = dialects[accounts[name].dialect]
    const [path] = Object.entries(calls).find(([, { does }]) => does === 'extract') ?? []
    const keys = new URLSearchParams(accounts[name].keys).toString()
    await fetch(`${sim.url}${path}?${keys}${more.replace('COUNT', param)}`)
    expect(sim.violations).toContainEqual(expect.stringMatching(violation))
  })
})

/** What a day of each kind means, by example. */
const bad: Readonly<Record<ExampleName, readonly [key: ErrorClass, whitelist: ErrorClass, stock: ErrorClass]>> = {
  kuaidaili: ['auth', 'whitelist', 'quota_exhausted'],
  'kuaidaili-hmac': ['auth', 'whitelist', 'quota_exhausted'],
  zhima: ['bad_request', 'whitelist', 'no_resource'],
  xiaoxiang: ['auth', 'whitelist', 'quota_exhausted'],
  wandou: ['auth', 'whitelist', 'expired_plan'],
  ipzan: ['auth', 'whitelist', 'quota_exhausted'],
  xiequ: ['auth', 'whitelist', 'quota_exhausted'],
  zdaye: ['auth', 'whitelist', 'quota_exhausted'],
  asiyun: ['auth', 'whitelist', 'quota_exhausted'],
}
const days = [
  'key-wrong',
  'whitelist-missing',
  'no-stock',
  'empty-list',
  'http-500',
  'html',
  'truncated',
  'redirect',
] as const

describe.each(exampleNames)('%s on a bad day', (name) => {
  it.each(days.map((day, n) => [day, bad[name][n] ?? (day === 'empty-list' ? 'no_resource' : 'server')] as const))(
    '%s is %s',
    async (badDay, errorClass) => {
      const { sim, clock, source } = await world(name)
      // The token is fetched on a good day.
      if (name === 'kuaidaili') await source.extract(1, { signal: never })
      clock.advance(1_000)
      sim.badDay = badDay
      expect(await failureOf(source.extract(2, { signal: never }))).toMatchObject({ class: errorClass })
      expect(sim.violations).toEqual([])
    },
  )
})

describe('lives', () => {
  const LIFE_MS = 180_000
  it.each<[ExampleName, object]>([
    ['kuaidaili', { kind: 'for', ms: LIFE_MS }],
    ['kuaidaili-hmac', { kind: 'for', ms: LIFE_MS }],
    ['zhima', { kind: 'until' }],
    ['xiaoxiang', { kind: 'until' }],
    ['wandou', { kind: 'until' }],
    ['ipzan', { kind: 'until' }],
    ['xiequ', { kind: 'unknown' }],
    ['zdaye', { kind: 'for', ms: LIFE_MS }],
    ['asiyun', { kind: 'unknown' }],
  ])('%s', async (name, life) => {
    const { clock, source } = await world(name, { lifeMs: LIFE_MS })
    const told = (await source.extract(1, { signal: never })).sold[0]?.life
    expect(told).toMatchObject(life)
    // Vendors write whole seconds.
    if (told?.kind === 'until') expect(Math.abs(told.wallMs - clock.wall() - LIFE_MS)).toBeLessThan(1_000)
  })

  it('what else an item tells', async () => {
    const facts = async (name: ExampleName) => (await (await world(name)).source.extract(1, { signal: never })).sold[0]
    expect(await facts('zhima')).toMatchObject({ city: '徐州市', isp: '电信', exit: '203.0.113.9' })
    expect(await facts('ipzan')).toMatchObject({ username: 'u', isp: '电信' })
    expect(await facts('asiyun')).toMatchObject({ exit: '203.0.113.9', area: '四川-成都' })
  })
})

describe('kuaidaili: the token', () => {
  const LOGIN = '/api/get_secret_token'

  it('is fetched once, and renewed before its 60 minutes end', async () => {
    const { sim, clock, source } = await world('kuaidaili')
    for (let minute = 0; minute < 180; minute++) {
      await source.extract(1, { signal: never })
      clock.advance(60_000)
    }
    expect(sim.violations).toEqual([])
    expect(sim.sales).toHaveLength(180)
    // At minutes 0, 57, 114 and 171; no extraction was refused.
    expect(count(sim, LOGIN)).toBe(4)
    expect(count(sim, '/api/getdps/')).toBe(180)
  })

  it('is fetched anew when the vendor takes it back, and the order goes on', async () => {
    const { sim, clock, source } = await world('kuaidaili')
    await source.extract(1, { signal: never })
    clock.advance(1_000)
    for (const token of sim.tokens.keys()) sim.tokens.set(token, 0)
    expect((await source.extract(2, { signal: never })).sold).toHaveLength(2)
    expect([count(sim, LOGIN), count(sim, '/api/getdps/')]).toEqual([2, 3])
  })

  it('is fetched by one call for all who wait', async () => {
    const { sim, source } = await world('kuaidaili')
    await Promise.all(Array.from({ length: 5 }, () => source.extract(1, { signal: never })))
    expect(count(sim, LOGIN)).toBe(1)
  })

  it('an order that is cancelled while it fetches the token does not take others with it', async () => {
    const { sim, source } = await world('kuaidaili')
    const cancelled = new AbortController()
    const first = source.extract(1, { signal: cancelled.signal }).catch((error: unknown) => error)
    const second = source.extract(1, { signal: never })
    cancelled.abort(new Error('nobody waits any more'))
    expect(await first).toMatchObject({ message: 'nobody waits any more' })
    expect((await second).sold).toHaveLength(1)
    expect(sim.violations).toEqual([])
  })

  it('wrong keys are told as what they are, and nothing was ordered', async () => {
    const { sim, source } = await world('kuaidaili', { keys: { secret_id: 'another', secret_key: 'k' } })
    expect(await failureOf(source.extract(1, { signal: never }))).toMatchObject({
      class: 'auth',
      operation: 'login',
      sale: 'refused',
    })
    expect(count(sim, '/api/getdps/')).toBe(0)
  })
})

describe('other calls of the account', () => {
  it.each<[ExampleName]>([['kuaidaili'], ['zhima'], ['xiequ'], ['asiyun']])('%s: the whitelist', async (name) => {
    const { sim, clock, source } = await world(name)
    await source.whitelist?.add('8.8.8.8', never)
    expect([...sim.whitelist]).toEqual(['8.8.8.8'])
    clock.advance(1_000)
    await source.whitelist?.remove?.('8.8.8.8', never)
    expect([...sim.whitelist]).toEqual([])
    expect(sim.violations).toEqual([])
  })

  it('xiequ: the address under which it sees this machine', async () => {
    const { sim, source } = await world('xiequ')
    expect(await source.whitelist?.echo?.(never)).toBe('203.0.113.9')
    expect(sim.violations).toEqual([])
  })

  it.each<[ExampleName]>([['kuaidaili'], ['kuaidaili-hmac'], ['zhima']])('%s: the balance', async (name) => {
    const { sim, source } = await world(name)
    expect(await source.call('balance', {}, { signal: never })).toMatch(/^1000/)
    expect(sim.violations).toEqual([])
  })
})
