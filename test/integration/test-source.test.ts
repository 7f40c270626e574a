/**
 * `turnpike test-source` against simulated vendors: alone, and through a running gateway. The vendors are referees, and no
 * word that is printed may hold a part of a link.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { stringify } from 'yaml'
import { SystemClock } from '../../src/clock.ts'
import { parseConfig } from '../../src/config/load.ts'
import { runCommand } from '../support/command.ts'
import { freePort } from '../support/free-port.ts'
import { startGateway } from '../support/gateway.ts'
import { SimulatedJuliangip } from '../support/vendors/juliangip.ts'
import { SimulatedQg } from '../support/vendors/qg.ts'
import type { SimulatedApi, Supply } from '../support/vendors/simulated-api.ts'
import { SimulatedSmartproxy } from '../support/vendors/smartproxy.ts'

const KEY = 'the-key-of-the-account'
const TRADE_NO = '1000000000000001'
const TOKEN = 'token-of-these-tests-4711'
const PASSWORD = 'open-sesame-4711'

type Open = (clock: SystemClock, supplyAddress: () => Supply) => SimulatedApi

const juliangip: Open = (clock, supplyAddress) =>
  new SimulatedJuliangip({ clock, tradeNo: TRADE_NO, key: KEY, supplyAddress })
const smartproxy: Open = (clock, supplyAddress) => new SimulatedSmartproxy({ clock, appKey: KEY, supplyAddress })
const qg: Open = (clock, supplyAddress) =>
  new SimulatedQg({ clock, key: KEY, plan: { mode: 'channel', channels: 2 }, supplyAddress })

/** A vendor whose addresses are public, and lead nowhere. */
async function openVendor(open: Open) {
  const clock = new SystemClock()
  let sold = 0
  const api = await open(clock, () => ({
    host: `198.51.100.${++sold}`,
    port: 8080,
    username: 'me',
    password: PASSWORD,
  })).start()
  const close = async () => {
    await api.close()
    clock.close()
    expect(api.violations).toEqual([])
  }
  return { api, close }
}

const turnpike = (args: readonly string[], input = '') =>
  runCommand(['test-source', ...args], { input, secrets: [KEY, TRADE_NO, PASSWORD, TOKEN] })

/** A signed link, as the vendor's page makes it. */
function signed(params: Record<string, string>, key = KEY): string {
  const all: Record<string, string> = { trade_no: TRADE_NO, ...params }
  const text = Object.keys(all)
    .toSorted()
    .map((name) => `${name}=${all[name]}`)
    .join('&')
  const sign = createHash('md5').update(`${text}&key=${key}`).digest('hex')
  return `http://v2.api.juliangip.com/dynamic/getips?${new URLSearchParams({ ...all, sign })}`
}

/** No gateway: a folder with a configuration in which `entry` is the provider. */
async function alone(open: Open, entry: (api: SimulatedApi) => object) {
  const { api, close } = await openVendor(open)
  const folder = mkdtempSync(join(tmpdir(), 'turnpike-source-'))
  onTestFinished(async () => {
    rmSync(folder, { recursive: true })
    await close()
  })
  const file = join(folder, 'gateway.yaml')
  writeFileSync(file, stringify({ admin: { port: await freePort() }, providers: [{ name: 'pasted', ...entry(api) }] }))
  return { api, folder, file }
}

it('says nothing of allowPrivate where private addresses are lent without it: a list of the user', async () => {
  const { file } = await alone(smartproxy, () => ({ vendor: 'static', list: ['127.8.0.1:8000'] }))
  const { code, out } = await turnpike(['pasted', '-c', file])
  expect([code, out.includes('127.8.0.1:8000'), out.includes('allowPrivate')]).toEqual([0, true, false])
})

describe('alone: a link', () => {
  it('tells what a link brings, from standard input, and writes its entry', async () => {
    const { api, file } = await alone(smartproxy, ({ url }) => ({ vendor: 'static', url }))
    const link = `${api.url}/openapi/ip/v3?app_key=${KEY}&num=10&life=5&cc=US&format=txt`
    const { code, out, err } = await turnpike(['-', '--yaml', '-c', file], `${link}\n`)
    expect(code).toBe(0)
    expect(err.split('\n')[0]).toBe('turnpike: one call to smartproxy dynamic, for one address; no client is lent them')
    for (const words of [
      'link      of smartproxy dynamic, at 127.0.0.1',
      'app_key ***, life 5, cc US',
      'without format',
      'reply     JSON, 1 address',
      '198.51.100.1:8080  http  no login  300 s  US',
      'cost      1 address',
    ])
      expect(err).toContain(words)
    expect(api.calls.map(({ params }) => params)).toEqual([
      { app_key: KEY, life: '5', cc: 'US', format: 'json', num: '1' },
    ])
    const { providers } = parseConfig(out, file, { SMARTPROXY_URL: link })
    expect(providers[0]).toMatchObject({ name: 'smartproxy', vendor: 'link', budget: { perHour: 500 } })
  })

  it('shows a signed link as it is, and counts it in the provider’s budget', async () => {
    const link = signed({ num: '3', result_type: 'text', split: '4', auth_info: '1' })
    const { api, file, folder } = await alone(juliangip, ({ url }) => ({
      url: link,
      baseUrl: url,
      price: 0.01,
      budget: { total: 5 },
    }))
    const { code, out, err } = await turnpike(['pasted', '-c', file])
    expect([code, api.calls.length]).toEqual([0, 1])
    expect(err).toContain('one call to juliangip dynamic, for 3 addresses (0.03 at the configured price)')
    for (const words of [
      'signed: called as it is (addresses per call: 3)',
      'text, separated by |, 3 addresses',
      '198.51.100.2:8080  http  with user name and password  60 s',
      'counted in the budget of "pasted"',
      'Set ttl',
    ])
      expect(out).toContain(words)
    // On record: a second one does not fit any more.
    expect(existsSync(join(folder, 'state'))).toBe(true)
    expect(await turnpike(['pasted', '-c', file])).toMatchObject({
      code: 1,
      err: expect.stringContaining('has room for 2 more in its budget total'),
    })
    expect(api.calls).toHaveLength(1)
  })
})

describe('alone: a link that is refused', () => {
  it('says in words that a signature is wrong', async () => {
    const link = signed({ num: '3' }, 'another-key')
    const { api, file } = await alone(juliangip, ({ url }) => ({ url: link, baseUrl: url }))
    api.badDay = 'key-wrong'
    const { code, out } = await turnpike(['pasted', '-c', file])
    expect([code, out.includes('wrong     signature wrong: does this key belong to this trade_no?')]).toEqual([1, true])
    expect(out).toContain('juliangip: 签名校验失败')
  })
})

describe('without a call', () => {
  it('calls nobody with --dry-run, and without a file needs none', async () => {
    const { code, out, err } = await turnpike([
      '--dry-run',
      '--yaml',
      'https://share.proxy.qg.net/get?key=KEY&num=5&isp=1&seq=%0A',
    ])
    expect([code, err]).toEqual([
      0,
      expect.stringContaining('may also be for share-uniform, share-elastic, share-volume'),
    ])
    const { providers } = parseConfig(out, 'gateway.yaml', { QG_KEY: 'KEY' })
    expect(providers[0]).toMatchObject({ vendor: 'qg', product: 'share-channel', request: { isp: 1 } })
  })

  it.each([
    [['http://v2.api.juliangip.com/dynamic/getips?num=1'], 'the link has no trade_no'],
    [['ftp://x.example.com/'], 'begins with http:// or https://'],
    [['nobody'], 'has no provider "nobody"'],
    [['pasted', '--product', 'x'], '--product is for a link'],
    [['pasted', '--yaml'], 'has one already'],
  ])('%j is a mistake on the command line', async (args, words) => {
    const { file } = await alone(qg, ({ url }) => ({ vendor: 'static', url }))
    expect(await turnpike([...args, '-c', file])).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining(words),
    })
  })
})

async function running(open: Open, entry: (api: SimulatedApi) => object) {
  const { api, close } = await openVendor(open)
  const gateway = await startGateway({
    upstreams: 1,
    config: { admin: { port: 0, token: TOKEN } },
    providers: () => [{ name: 'pasted', ...entry(api) }],
    secrets: [KEY, TRADE_NO, PASSWORD, TOKEN],
    closing: close,
  })
  const file = join(gateway.folder, 'seen.yaml')
  writeFileSync(
    file,
    stringify({
      admin: { port: gateway.app.admin?.port, token: TOKEN },
      providers: [{ name: 'pasted', ...entry(api) }],
    }),
  )
  return { api, gateway, file, provider: gateway.app.supply.provider('pasted') }
}

describe('through a running gateway', () => {
  it('lends nobody what came, and counts money and channels', async () => {
    const { api, gateway, file, provider } = await running(qg, ({ url }) => ({
      vendor: 'qg',
      product: 'share-channel',
      channels: 2,
      credentials: { key: KEY },
      baseUrl: url,
      budget: { total: 9 },
    }))
    expect(await turnpike(['pasted', '-c', file])).toMatchObject({
      code: 0,
      out: expect.stringContaining('198.51.100.1:8080'),
    })
    expect([
      gateway.app.pool.size,
      provider?.held,
      provider?.capacity.freeChannels,
      provider?.capacity.budgetLeft,
    ]).toEqual([0, 1, 1, 8])
    expect((await turnpike(['pasted', '-c', file])).code).toBe(0)
    // No more is asked for than is free.
    expect(await turnpike(['pasted', '-c', file])).toMatchObject({
      code: 1,
      err: expect.stringContaining('0 free channels'),
    })
    expect(api.calls).toHaveLength(2)
  })

  it('knows a link that belongs to a provider’s account', async () => {
    const { api, file, provider } = await running(smartproxy, ({ url }) => ({
      vendor: 'smartproxy',
      product: 'dynamic',
      credentials: { app_key: KEY },
      baseUrl: url,
      budget: { total: 9 },
    }))
    const { code, out } = await turnpike([`${api.url}/openapi/ip/v3?app_key=${KEY}&life=5`, '--json', '-c', file])
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      link: { vendor: 'smartproxy', product: 'dynamic', use: 'table', credentials: ['app_key'] },
      report: {
        provider: 'pasted',
        count: 1,
        format: 'JSON',
        failure: null,
        addresses: [{ address: '198.51.100.1:8080', lifeSeconds: 300 }],
      },
    })
    expect(provider?.capacity.budgetLeft).toBe(8)
  })
})
