/**
 * The gateway on a pasted link alone: no vendor, no product, no credentials in the configuration. The simulated vendors are
 * referees, as in the tests of supply; `baseUrl` leads the vendors' real host names to them.
 */
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { SystemClock } from '../../src/clock.ts'
import { plain } from '../support/client.ts'
import { eventually, type Gateway } from '../support/gateway.ts'
import { startBuying } from '../support/vendors/buying-gateway.ts'
import { SimulatedJuliangip } from '../support/vendors/juliangip.ts'
import { SimulatedQg } from '../support/vendors/qg.ts'
import {
  type SimCall,
  type SimClock,
  type SimReply,
  SimulatedApi,
  type Supply,
} from '../support/vendors/simulated-api.ts'
import { SimulatedSmartproxy } from '../support/vendors/smartproxy.ts'

const TRADE_NO = '1000000000000001'
const KEY = 'the-key-of-the-account'

/** A vendor of nobody's table: text with bars, a seconds field, the key in the path. */
class SimulatedStranger extends SimulatedApi {
  readonly #supply: () => Supply

  constructor(clock: SimClock, supply: () => Supply) {
    super(clock)
    this.#supply = supply
  }

  protected answer(call: SimCall): SimReply {
    if (call.path !== `/take/${KEY}` || call.params['count'] !== '2') this.violations.push('the link was changed')
    const sales = [1, 2].map(() => this.sell(this.#supply(), 60_000))
    const body = sales.map(({ supply }) => `${supply.host}:${supply.port},60`).join('|')
    return { status: 200, type: 'text/plain', body }
  }

  protected emptyList(): SimReply {
    return { status: 200, type: 'text/plain', body: '' }
  }
}

/** As the vendor's page signs a link. */
function signed(params: Record<string, string>): string {
  const text = Object.keys(params)
    .toSorted()
    .map((name) => `${name}=${params[name]}`)
    .join('&')
  const sign = createHash('md5').update(`${text}&key=${KEY}`).digest('hex')
  return `http://v2.api.juliangip.com/dynamic/getips?${new URLSearchParams({ ...params, sign })}`
}

interface Case {
  readonly open: (clock: SystemClock, supply: () => Supply) => SimulatedApi
  /** @param api where the vendor is, for a link that no table knows */
  readonly entry: (api: SimulatedApi) => object
}

function start({ open, entry }: Case) {
  return startBuying(open, (api) => ({
    config: { pool: { floor: 2 }, wait: { timeout: '10s' } },
    providers: () => [{ name: 'pasted', allowPrivate: true, ...entry(api) }],
    secrets: [KEY, TRADE_NO],
  }))
}

async function serves({ port }: Gateway): Promise<void> {
  const reply = await plain(port, 'http://site.test/')
  expect(reply.status).toBe(200)
}

const juliangip = {
  open: (clock: SystemClock, supplyAddress: () => Supply) =>
    new SimulatedJuliangip({ clock, tradeNo: TRADE_NO, key: KEY, supplyAddress }),
}
const link = signed({ trade_no: TRADE_NO, num: '3', pt: '1', result_type: 'text', split: '4', ip_remain: '1' })

describe('a gateway on a signed link', () => {
  it('calls it as it is, and takes all of its addresses', async () => {
    const gateway = await start({
      ...juliangip,
      entry: ({ url }) => ({ url: link, baseUrl: url, budget: { total: 6 } }),
    })
    await serves(gateway)
    await eventually(() => gateway.app.pool.size).toBe(3)
    const [provider] = gateway.app.supply.providers
    expect([provider?.source.vendor, provider?.capacity.budgetLeft]).toEqual(['juliangip', 3])
    expect(gateway.api.calls.map(({ params }) => params['num'])).toEqual(['3'])
  })

  it('with its key buys as many addresses as are wanted', async () => {
    const gateway = await start({
      ...juliangip,
      entry: ({ url }) => ({ url: link, baseUrl: url, credentials: { key: KEY } }),
    })
    await serves(gateway)
    expect(gateway.api.calls[0]?.params).toMatchObject({ num: '1', split: '4', ip_remain: '1' })
  })

  it('says in words what is wrong when its key was changed', async () => {
    const gateway = await start({ ...juliangip, entry: ({ url }) => ({ url: link, baseUrl: url }) })
    gateway.api.badDay = 'key-wrong'
    expect((await plain(gateway.port, 'http://site.test/')).status).toBe(503)
    const [provider] = gateway.app.supply.providers
    expect(provider?.state.kind).toBe('stopped')
    expect(provider?.lastError?.words).toContain('signature wrong: does this key belong to this trade_no?')
  })
})

describe('a gateway on a link', () => {
  it('of qg.net: the account is the link’s, the count ours', async () => {
    const gateway = await start({
      open: (clock, supplyAddress) =>
        new SimulatedQg({ clock, key: KEY, plan: { mode: 'channel', channels: 4 }, supplyAddress }),
      entry: ({ url }) => ({
        url: `https://share.proxy.qg.net/get?key=${KEY}&num=50&isp=1&area=&format=txt`,
        baseUrl: url,
        channels: 4,
      }),
    })
    await serves(gateway)
    const [first] = gateway.api.calls
    expect(first?.params).toEqual({ key: KEY, num: '1', isp: '1' })
    expect(gateway.app.supply.providers[0]?.source).toMatchObject({
      vendor: 'qg',
      product: 'share-channel',
      channels: 4,
    })
  })

  it('of a reseller: known by its path and app_key', async () => {
    const gateway = await start({
      open: (clock, supplyAddress) => new SimulatedSmartproxy({ clock, appKey: KEY, supplyAddress }),
      entry: ({ url }) => ({ url: `${url}/openapi/ip/v3?app_key=${KEY}&num=10&life=5&format=txt&lb=%5Cn` }),
    })
    await serves(gateway)
    expect(gateway.api.calls[0]?.params).toEqual({ app_key: KEY, num: '1', life: '5', format: 'json' })
  })

  it('of nobody’s table: called as it is, its reply sniffed', async () => {
    const gateway = await start({
      open: (clock, supply) => new SimulatedStranger(clock, supply),
      entry: ({ url }) => ({ url: `${url}/take/${KEY}?count=2` }),
    })
    await serves(gateway)
    await eventually(() => gateway.app.pool.size).toBe(2)
    expect(gateway.app.supply.providers[0]?.source).toMatchObject({ vendor: 'link', batchSize: 2 })
  })
})
