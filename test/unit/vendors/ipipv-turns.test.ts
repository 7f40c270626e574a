/** ipipv: of the calls that change an account, one at a time is on its way, whichever provider makes it. */
import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../../src/config/load.ts'
import { createLog } from '../../../src/log/log.ts'
import { ConfiguredSources } from '../../../src/supply/configured-sources.ts'
import type { VendorHttp } from '../../../src/vendors/client/http.ts'
import { KeyedMutex } from '../../../src/vendors/client/keyed-mutex.ts'
import { openSource } from '../../../src/vendors/registry.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { SimulatedIpipv } from '../../support/vendors/ipipv.ts'
import { never, type SettingsOf, settingsOf } from './scripted-http.ts'

const credentials = { appKey: 'INVENTED-APP', appSecret: 'qwertyuiop123456asdfghjk' }
const draw = { appUsername: 'sub1', productNo: 'out_dynamic_1', proxyType: 104 }
const CALL_MS = 100
const READS = /\/(info|instance|order|product\/query|proxy\/info)\/v2$/

/** Two sims stand for two apps; what is under way at each is counted. */
function world() {
  const clock = new FakeClock()
  const { inTurn } = new KeyedMutex()
  const underWay = new Map<string, number>()
  const most = { changes: 0, all: 0, purchases: 0 }
  const sim = new SimulatedIpipv({
    clock,
    ...credentials,
    supplyAddress: () => ({ host: '198.51.100.7', port: 4_000 + underWay.size }),
  })
  const http: VendorHttp = {
    call: async ({ url, body = '' }, signal) => {
      const sentAt = clock.now()
      const app = String((JSON.parse(body) as { appKey: string }).appKey)
      const isChange = !READS.test(url.pathname)
      const key = `${isChange ? 'change' : 'read'} ${app}`
      underWay.set(key, (underWay.get(key) ?? 0) + 1)
      const all = [...underWay.values()].reduce((sum, count) => sum + count, 0)
      most.all = Math.max(most.all, all)
      if (url.pathname.includes('/instance/open')) most.purchases++
      if (isChange) most.changes = Math.max(most.changes, underWay.get(key) ?? 0)
      await clock.sleep(CALL_MS, signal)
      underWay.set(key, (underWay.get(key) ?? 1) - 1)
      const { status, body: text } = sim.handle(url.pathname, body)
      return { status, headers: {}, text, sentAt, vendorWallMs: undefined }
    },
    close: () => Promise.resolve(),
  }
  const open = (more: Partial<SettingsOf>) =>
    openSource(settingsOf({ vendor: 'ipipv', product: 'dynamic-password', credentials, request: draw, ...more }), {
      clock,
      http,
      inTurn,
    })
  /** Lets calls end, well or not, with as much time as they need. */
  const ended = async (calls: readonly Promise<unknown>[]) => {
    let isOver = false
    void Promise.allSettled(calls).then(() => {
      isOver = true
    })
    for (let second = 0; second < 3_000 && !isOver; second++) await clock.run(1_000)
    expect(isOver).toBe(true)
  }
  return { most, open, ended, deps: { clock, http } }
}

const password = {} as const
const api = { product: 'dynamic-api' } as const
const bought = {
  product: 'static',
  request: {},
  own: { purchase: { productNo: 'mb_1', count: 3, maxPrice: 10, cycleTimes: 1, useBridge: 1 } },
} as const

describe('changes of one app', () => {
  it.each([
    ['two draws with passwords', [password, password]],
    ['draws of two products', [password, api]],
    ['two purchases', [bought, bought]],
  ] as const)('%s by two providers go one at a time', async (_title, kinds) => {
    const { most, open, ended } = world()
    await ended(kinds.map((kind) => open(kind).extract(1, { signal: never })))
    expect(most.changes).toBe(1)
  })

  it('calls by hand wait too, questions do not', async () => {
    const { most, open, ended } = world()
    await ended([
      open(password).extract(1, { signal: never }),
      open(password).call('proxy/return', { proxys: '[]' }, { signal: never }),
      open(password).call(
        'proxy/addIpWhiteList',
        { appUsername: 'main', ip: '203.0.113.7', proxyType: 104, productNo: 'x' },
        { signal: never },
      ),
      open(password).call('info', {}, { signal: never }),
    ])
    expect(most.changes).toBe(1)
    expect(most.all).toBeGreaterThan(1)
  })

  it('the gateway opens all of its providers so', async () => {
    const { most, ended, deps } = world()
    const provider = (name: string) =>
      `{ name: ${name}, vendor: ipipv, product: dynamic-password, credentials: ${JSON.stringify(credentials)}, request: ${JSON.stringify(draw)} }`
    const config = parseConfig(`state: off\nproviders: [${provider('a')}, ${provider('b')}]`, 'gateway.yaml', {})
    const sources = new ConfiguredSources({
      ...deps,
      log: createLog(config.log, { write: () => {} }),
      gate: (_limit, _order, send) => send(),
    })
    const { opened } = await sources.prepare(config)
    await ended(opened.map(({ source }) => source.extract(1, { signal: never })))
    expect([opened.length, most.changes]).toEqual([2, 1])
  })

  it('a reload that changes a provider keeps what was bought in mind, without a state folder too, and waits for what is under way', async () => {
    const { most, ended, deps } = world()
    const configOf = (maxPrice: number) => {
      const purchase = { ...bought.own.purchase, maxPrice }
      const provider = { name: 'a', vendor: 'ipipv', product: 'static', credentials, purchase, budget: { total: 9 } }
      return parseConfig(JSON.stringify({ state: 'off', providers: [provider] }), 'gateway.yaml', {})
    }
    const sources = new ConfiguredSources({
      ...deps,
      log: createLog({ level: 'info', format: 'json' }, { write: () => {} }),
      gate: (_limit, _order, send) => send(),
    })
    const open = async (maxPrice: number) => {
      const { opened, commit } = await sources.prepare(configOf(maxPrice))
      commit()
      return opened.flatMap(({ source }) => [source])
    }
    const [former] = await open(10)
    const orders = [former?.extract(3, { signal: never })]
    const [next] = await open(11)
    orders.push(next?.extract(3, { signal: never }))
    await ended(orders.map((order) => order ?? Promise.resolve()))
    expect([most.changes, most.purchases]).toEqual([1, 1])
  })

  it('of two apps go beside each other', async () => {
    const { most, open, ended } = world()
    const other = { credentials: { ...credentials, appKey: 'ANOTHER-APP' } }
    await ended([open(password), open(other)].map((source) => source.extract(1, { signal: never })))
    expect([most.changes, most.all]).toEqual([1, 2])
  })
})
