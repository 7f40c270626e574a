/** The simulated proxy.qg.net: our adapter keeps its rules, and each rule is seen to be broken once. */
import { afterEach, describe, expect, it } from 'vitest'
import { openVendorHttp } from '../../../src/vendors/client/http.ts'
import type { Source } from '../../../src/vendors/contract/source.ts'
import { openSource } from '../../../src/vendors/registry.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { type QgLegacyOptions, type QgLegacyPlan, SimulatedQgLegacy } from '../../support/vendors/qg-legacy.ts'
import { failureOf, never, settingsOf } from './scripted-http.ts'

const KEY = 'INVENTED+KEY'
const dedicated = (channels: number): QgLegacyPlan => ({ kind: 'dedicated', channels })

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function world(plan: QgLegacyPlan, options: Partial<QgLegacyOptions> = {}) {
  const clock = new FakeClock()
  let sold = 0
  const supplyAddress = () => ({ host: `198.51.100.${++sold}`, port: 4_000 + sold, exit: `203.0.113.${sold}` })
  const sim = await new SimulatedQgLegacy({ clock, key: KEY, plan, supplyAddress, ...options }).start()
  const http = openVendorHttp({ clock })
  closers.push(
    () => http.close(),
    () => sim.close(),
  )
  const open = (channels?: number): Source =>
    openSource(
      settingsOf({
        vendor: 'qg-legacy',
        product: plan.kind,
        credentials: { Key: KEY },
        baseUrl: sim.url,
        ...(channels === undefined ? {} : { channels }),
      }),
      { clock, http },
    )
  const get = async (path: string, query = '') =>
    (await fetch(`${sim.url}${path}?Key=${encodeURIComponent(KEY)}&${query}`)).text()
  return { sim, clock, open, get }
}

describe('our adapter against it', () => {
  it('dedicated: buys, lists, replaces and gives back', async () => {
    const { sim, open } = await world(dedicated(3))
    const source = open(3)
    const { sold } = await source.extract(3, { signal: never })
    expect(sold).toMatchObject([1, 2, 3].map((n) => ({ host: `198.51.100.${n}`, exit: `203.0.113.${n}` })))
    await source.release?.(sold[0]?.ref ?? '', { signal: never })
    expect((await source.query({ signal: never })).sold.map(({ ref }) => ref)).toEqual(['203.0.113.2', '203.0.113.3'])
    expect((await source.replace?.(sold[1]?.ref ?? '', { signal: never }))?.sold).toMatchObject([
      { host: '198.51.100.4' },
    ])
    expect((await source.extract(1, { signal: never })).sold).toMatchObject([{ host: '198.51.100.5' }])
    expect(sim.violations).toEqual([])
  })

  it('shared: buys up to the channels, until one expires', async () => {
    const { sim, clock, open } = await world({ kind: 'shared', channels: 2 }, { lifeMs: () => 60_000 })
    const source = open(2)
    await source.extract(2, { signal: never })
    clock.advance(60_000)
    await source.extract(2, { signal: never })
    expect(sim.violations).toEqual([])
  })

  it('as many addresses as its limit says are given back in a minute, and no more are allowed', async () => {
    const { sim, clock, open } = await world(dedicated(2))
    const source = open(2)
    const { calls, perMs } = source.limitOf('release')
    expect([calls, perMs]).toEqual([4, 60_000])
    for (let n = 0; n < calls; n++) {
      const [first] = (await source.extract(1, { signal: never })).sold
      await source.release?.(first?.ref ?? '', { signal: never })
    }
    expect(sim.violations).toEqual([])
    const [last] = (await source.extract(1, { signal: never })).sold
    const tooEarly = source.release?.(last?.ref ?? '', { signal: never }) ?? expect.fail('no release')
    expect(await failureOf(tooEarly)).toMatchObject({ vendorCode: '-105' })
    expect(sim.violations).toHaveLength(1)
    clock.advance(perMs)
    await source.release?.(last?.ref ?? '', { signal: never })
    expect(sim.violations).toHaveLength(1)
  })
})

describe('our adapter against it: lines, whitelist, channels', () => {
  it('monopoly: follows a line from its order to its end', async () => {
    const { sim, clock, open } = await world({ kind: 'monopoly' })
    const source = open()
    const uuid = sim.lines.add({ host: '198.51.100.1', port: 1 }, 34_000, clock.now())
    expect(await source.extract(1, { signal: never })).toMatchObject({
      sold: [],
      pending: [{ ref: uuid, waitMs: 34_000 }],
    })
    clock.advance(34_000)
    const follow = () => source.follow?.ask([uuid], { signal: never })
    expect(await follow()).toMatchObject({ sold: [{ host: '198.51.100.1', ref: uuid }], pending: [], gone: [] })
    sim.lines.redial(uuid, { host: '198.51.100.2', port: 2 }, 5_000, clock.now())
    expect(await follow()).toMatchObject({ sold: [], pending: [{ ref: uuid }], gone: [] })
    clock.advance(5_000)
    expect(await follow()).toMatchObject({ sold: [{ host: '198.51.100.2', ref: uuid }] })
    sim.lines.drop(uuid)
    expect(await follow()).toMatchObject({ sold: [], pending: [], gone: [uuid] })
    expect(sim.violations).toEqual([])
  })

  it('the address that the error names goes onto the whitelist, beside the others', async () => {
    const { sim, open } = await world(dedicated(1), { callerIp: '203.0.113.99' })
    sim.whitelist.add('198.51.100.200')
    const source = open(1)
    const error = await failureOf(source.extract(1, { signal: never }))
    expect(source.whitelist?.isMissing(error)).toBe(true)
    await source.whitelist?.add(source.whitelist.addressFromError(error) ?? '', never)
    expect((await source.extract(1, { signal: never })).sold).toHaveLength(1)
    expect([...sim.whitelist]).toEqual(['198.51.100.200', '203.0.113.99'])
    expect(sim.violations).toEqual([])
  })

  it('the channels', async () => {
    const { sim, open } = await world(dedicated(7))
    const source = open()
    await source.extract(1, { signal: never })
    expect(await source.channelsNow?.(never)).toEqual({ total: 7, free: 6 })
    expect(source.limitOf('allocate').calls).toBe(45)
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
    ['key-wrong', 'auth', '-12'],
    ['whitelist-missing', 'whitelist', '-13'],
    ['no-stock', 'no_resource', '-103'],
  ] as const)('%s: %s', async (badDay, errorClass, vendorCode) => {
    const { sim, open } = await world(dedicated(9))
    sim.badDay = badDay
    expect(await failureOf(open(9).extract(1, { signal: never }))).toMatchObject({ class: errorClass, vendorCode })
    expect(sim.violations).toEqual([])
  })
})

describe('each of its rules, broken', () => {
  it.each<[string, QgLegacyPlan, string, string, RegExp]>([
    ['an invented parameter', dedicated(1), '/allocate', 'num=1', /unknown parameter num/],
    ['a call of another product', dedicated(1), '/extract', '', /dedicated has no \/extract/],
    [
      'a release of what is shared',
      { kind: 'shared', channels: 1 },
      '/release',
      'IP=1.2.3.4',
      /shared has no \/release/,
    ],
    ['a fifth carrier', dedicated(1), '/allocate', 'Isp=5', /Isp is out of range/],
    ['more than there are channels', dedicated(1), '/allocate', 'Num=2', /2 addresses .* 0 of 1 channels/],
    ['a release of what is not held', dedicated(1), '/release', 'IP=1.2.3.4', /given back that is not held/],
    ['a call that is none', dedicated(1), '/get', '', /there is no call \/get/],
  ])('%s', async (_rule, plan, path, query, violation) => {
    const { sim, get } = await world(plan)
    await get(path, query)
    expect(sim.violations).toEqual([expect.stringMatching(violation)])
  })

  it.each([
    ['/query', 15],
    ['/release', 5],
    ['/whitelist/add', 20],
    ['/info/quota', 60],
  ])('one call of %s too many in a minute', async (path, allowed) => {
    const { sim, get } = await world(dedicated(1))
    const query = path === '/whitelist/add' ? 'IP=203.0.113.7' : ''
    for (let n = 0; n < allowed; n++) await get(path, query)
    const before = sim.violations.length
    expect(await get(path, query)).toContain('-11')
    expect(sim.violations.slice(before)).toEqual([expect.stringMatching(/calls of .* within 60000 ms/)])
  })
})
