/** The worked examples against simulations of their vendors: the rules are kept, and each rule is seen to be broken once. */
import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { openVendorHttp } from '../../../src/vendors/client/http.ts'
import { parseOwn } from '../../../src/vendors/generic/settings.ts'
import { openSource, ownKeysOf } from '../../../src/vendors/registry.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { type ListApiOptions, SimulatedListApi } from '../../support/vendors/list-api.ts'
import { failureOf, never, settingsOf } from './scripted-http.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

const accounts = {
  kuaidaili: { secret_id: 'INVENTED-id', signature: 'INVENTED-token' },
  zhima: { pack: '123456' },
  xiaoxiang: { appKey: 'INVENTED-key', appSecret: 'INVENTED-secret' },
} as const
const environment: Readonly<Record<string, string>> = {
  KDL_SECRET_ID: accounts.kuaidaili.secret_id,
  KDL_SIGNATURE: accounts.kuaidaili.signature,
  ZHIMA_PACK: accounts.zhima.pack,
  XIAOXIANG_KEY: accounts.xiaoxiang.appKey,
  XIAOXIANG_SECRET: accounts.xiaoxiang.appSecret,
}
type Dialect = ListApiOptions['dialect']
const dialects: readonly Dialect[] = ['kuaidaili', 'zhima', 'xiaoxiang']

/** The keys of an example that are a table's, with the variables filled in. */
function ownOf(dialect: Dialect) {
  const text = readFileSync(new URL(`../../../config/examples/generic-${dialect}.yaml`, import.meta.url), 'utf8')
  const filled = text.replace(/\$\{(\w+)\}/g, (_whole, name: string) => environment[name] ?? 'unused')
  const { providers } = parse(filled) as { providers: readonly Record<string, unknown>[] }
  const names = Object.keys(ownKeysOf('generic', 'list'))
  return parseOwn(Object.fromEntries(Object.entries(providers[0] ?? {}).filter(([name]) => names.includes(name))))
}

async function world(dialect: Dialect, more: Partial<ListApiOptions> = {}) {
  const clock = new FakeClock()
  let sold = 0
  const supplyAddress = () => ({ host: '198.51.100.7', port: 4_000 + sold++, exit: '203.0.113.9' })
  const sim = await new SimulatedListApi({ clock, dialect, account: accounts[dialect], supplyAddress, ...more }).start()
  const http = openVendorHttp({ clock })
  closers.push(
    () => http.close(),
    () => sim.close(),
  )
  const own = ownOf(dialect)
  const source = openSource(settingsOf({ vendor: 'generic', product: 'list', own, baseUrl: sim.url }), { clock, http })
  return { sim, clock, source }
}

describe.each(dialects)('%s', (dialect) => {
  it('sells what was asked for', async () => {
    const { sim, source } = await world(dialect)
    const { sold, rejected } = await source.extract(3, never)
    expect(sold.map(({ host, port }) => [host, port])).toEqual(
      [4_000, 4_001, 4_002].map((port) => ['198.51.100.7', port]),
    )
    expect([sim.violations, rejected]).toEqual([[], []])
  })

  it('may be asked as often as its limit says, and no oftener', async () => {
    const { sim, clock, source } = await world(dialect)
    const { calls, perMs } = source.limitOf('extract')
    for (let n = 0; n < calls; n++) await source.extract(1, never)
    clock.advance(perMs)
    await source.extract(1, never)
    expect(sim.violations).toEqual([])
    for (let n = 0; n < calls; n++) await source.extract(1, never).catch(() => {})
    expect(sim.violations).toEqual([expect.stringMatching(`${calls + 1} calls of calls within`)])
  })

  it.each([
    ['key-wrong', { kuaidaili: 'auth', zhima: 'bad_request', xiaoxiang: 'auth' }],
    ['whitelist-missing', { kuaidaili: 'whitelist', zhima: 'whitelist', xiaoxiang: 'whitelist' }],
    ['no-stock', { kuaidaili: 'quota_exhausted', zhima: 'no_resource', xiaoxiang: 'quota_exhausted' }],
    ['empty-list', { kuaidaili: 'no_resource', zhima: 'no_resource', xiaoxiang: 'no_resource' }],
    ['http-500', { kuaidaili: 'server', zhima: 'server', xiaoxiang: 'server' }],
    ['html', { kuaidaili: 'server', zhima: 'server', xiaoxiang: 'server' }],
    ['truncated', { kuaidaili: 'server', zhima: 'server', xiaoxiang: 'server' }],
    ['redirect', { kuaidaili: 'server', zhima: 'server', xiaoxiang: 'server' }],
  ] as const)('on a day of %s', async (badDay, classes) => {
    const { sim, source } = await world(dialect)
    sim.badDay = badDay
    expect(await failureOf(source.extract(2, never))).toMatchObject({ class: classes[dialect] })
    expect(sim.violations).toEqual([])
  })

  it('called too often says so, and how long to wait', async () => {
    const { source } = await world(dialect)
    const { calls, perMs } = source.limitOf('extract')
    for (let n = 0; n < calls; n++) await source.extract(1, never)
    expect(await failureOf(source.extract(1, never))).toMatchObject({ class: 'rate_limited', wait: perMs })
  })

  it.each([
    ['an invented parameter', '&order=1', /unknown parameter order/],
    ['a count that is none', '&num=0&cnt=0', /is out of range/],
  ])('sees %s', async (_rule, more, violation) => {
    const { sim } = await world(dialect)
    const paths = { kuaidaili: '/api/getdps/', zhima: '/getip', xiaoxiang: '/ip/get' }
    const count = more.includes('num') ? '' : `&${dialect === 'xiaoxiang' ? 'cnt' : 'num'}=1`
    const account = new URLSearchParams(accounts[dialect]).toString()
    await fetch(`${sim.url}${paths[dialect]}?${account}${count}${more}`)
    expect(sim.violations).toContainEqual(expect.stringMatching(violation))
  })
})

describe('lives', () => {
  it('in seconds, of the second column', async () => {
    const { source } = await world('kuaidaili', { lifeMs: 173_000 })
    expect((await source.extract(1, never)).sold[0]?.life).toEqual({ kind: 'for', ms: 173_000 })
  })

  it('until a time in China, with what else an item tells', async () => {
    const { clock, source } = await world('zhima', { lifeMs: 300_000 })
    const wallMs = Math.floor((clock.wall() + 300_000) / 1_000) * 1_000
    const life = { kind: 'until', wallMs }
    expect((await source.extract(1, never)).sold[0]).toMatchObject({
      life,
      city: '徐州市',
      isp: '电信',
      exit: '203.0.113.9',
    })
  })

  it('as bought, where nothing is told', async () => {
    const { source } = await world('xiaoxiang')
    expect((await source.extract(1, never)).sold[0]?.life).toEqual({ kind: 'unknown' })
  })
})
