/**
 * `turnpike call` against simulated vendors, through a running gateway and without one. The vendors are referees: whatever
 * is called, no rule of their documents may be broken, in particular no limit.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { parse, stringify } from 'yaml'
import { SystemClock } from '../../src/clock.ts'
import { parseConfig } from '../../src/config/load.ts'
import { connectVia } from '../support/client.ts'
import { runCommand } from '../support/command.ts'
import { freePort } from '../support/free-port.ts'
import { eventually, startGateway } from '../support/gateway.ts'
import { expectEcho } from '../support/socket-io.ts'
import { sellerOf } from '../support/vendors/buying-gateway.ts'
import { SimulatedJuliangip } from '../support/vendors/juliangip.ts'
import { SimulatedQg } from '../support/vendors/qg.ts'
import { SimulatedQgLegacy } from '../support/vendors/qg-legacy.ts'
import type { SimulatedApi, Supply } from '../support/vendors/simulated-api.ts'
import { SimulatedSmartproxy } from '../support/vendors/smartproxy.ts'

const KEY = 'the-key-of-the-account'
const TRADE = '1000000000000001'
const TOKEN = 'token-of-these-tests-4711'
const PASSWORD = 'open-sesame-4711'
const CHANNELS = 4

type Open = (clock: SystemClock, supplyAddress: () => Supply) => SimulatedApi

interface Kind {
  readonly provider: object
  readonly open: Open
}

const juliangip: Kind = {
  provider: { vendor: 'juliangip', product: 'dynamic', credentials: { trade_no: TRADE, key: KEY } },
  open: (clock, supplyAddress) => new SimulatedJuliangip({ clock, tradeNo: TRADE, key: KEY, supplyAddress }),
}
const qg: Kind = {
  provider: { vendor: 'qg', product: 'share-channel', channels: CHANNELS, credentials: { key: KEY } },
  open: (clock, supplyAddress) =>
    new SimulatedQg({ clock, key: KEY, plan: { mode: 'channel', channels: CHANNELS }, supplyAddress }),
}
const legacy: Kind = {
  provider: { vendor: 'qg-legacy', product: 'dedicated', channels: CHANNELS, credentials: { Key: KEY } },
  open: (clock, supplyAddress) =>
    new SimulatedQgLegacy({ clock, key: KEY, plan: { kind: 'dedicated', channels: CHANNELS }, supplyAddress }),
}
const smartproxy: Kind = {
  provider: { vendor: 'smartproxy', product: 'dynamic', credentials: { app_key: KEY } },
  open: (clock, supplyAddress) => new SimulatedSmartproxy({ clock, appKey: KEY, supplyAddress }),
}

/** A vendor, and the entry of the provider that buys there. Addresses lead nowhere unless `supply` says otherwise. */
async function openVendor(kind: Kind, more: object = {}, supply?: () => Supply) {
  const clock = new SystemClock()
  let sold = 0
  const nowhere = () => ({ host: `127.9.0.${++sold}`, port: 9, username: 'user', password: PASSWORD })
  const api = await kind.open(clock, supply ?? nowhere).start()
  const close = async () => {
    await api.close()
    clock.close()
    expect(api.violations).toEqual([])
  }
  const entry = { name: 'bought', ...kind.provider, baseUrl: api.url, allowPrivate: true, ...more }
  return { api, entry, close }
}

const turnpike = (args: readonly string[], input = '') => runCommand(args, { input, secrets: [KEY, PASSWORD, TOKEN] })

interface World {
  readonly api: SimulatedApi
  readonly folder: string
  readonly file: string
  call(...args: string[]): ReturnType<typeof turnpike>
}

/** No gateway; each command takes the store. */
async function alone(kind: Kind, more: object = {}, config: object = {}): Promise<World> {
  const { api, entry, close } = await openVendor(kind, more)
  const folder = mkdtempSync(join(tmpdir(), 'turnpike-call-'))
  onTestFinished(async () => {
    rmSync(folder, { recursive: true })
    await close()
  })
  const file = join(folder, 'gateway.yaml')
  const admin = { port: await freePort() }
  writeFileSync(file, stringify({ admin, listen: [{ port: 0 }], providers: [entry], ...config }))
  return { api, folder, file, call: (...args) => turnpike(['call', 'bought', ...args, '-c', file]) }
}

/** A gateway with its admin port, whose addresses are upstreams of its world. */
async function running(kind: Kind, more: object = {}, config: object = {}) {
  let world: Awaited<ReturnType<typeof startGateway>>['world'] | undefined
  const sell = sellerOf(() => world?.upstreams ?? [])
  const supplyAddress = () => ({ ...sell(), username: 'user', password: PASSWORD })
  const { api, entry, close } = await openVendor(kind, more, supplyAddress)
  const admin = { port: await freePort(), token: TOKEN }
  const gateway = await startGateway({
    upstreams: 4,
    login: false,
    config: { admin, pool: { floor: 0 }, state: { path: './state' }, ...config },
    providers: () => [entry],
    secrets: [KEY, PASSWORD, TOKEN],
    closing: close,
  })
  world = gateway.world
  const file = join(gateway.folder, 'gateway.yaml')
  writeFileSync(
    file,
    stringify({ admin, listen: [{ port: 0 }], state: { path: './state' }, providers: [entry], ...config }),
  )
  const call = (...args: string[]) => turnpike(['call', 'bought', ...args, '-c', file])
  const provider = gateway.app.supply.provider('bought') ?? expect.fail('no provider')
  return { ...gateway, api, file, call, provider, adminPort: admin.port }
}

const lines = (text: string) => text.trimEnd().split('\n')

it('lists what can be called, for people and for machines, and calls nobody', async () => {
  const { api, call } = await alone(juliangip)
  const { code, out } = await call()
  expect(code).toBe(0)
  expect(lines(out)).toEqual(
    expect.arrayContaining([
      'turnpike call bought OPERATION [NAME=VALUE ...]   (juliangip dynamic)',
      'getips  GET, buys (--yes), 10 calls a second',
      '  takes addresses',
      expect.stringMatching(/^ {4}num +an integer from 1 to 100; required +how many addresses \(提取数量\)$/),
      expect.stringMatching(/^ {4}pt +one of 1, 2; default 1 +1 for HTTP proxies, 2 for SOCKS5 proxies \(代理类型\)$/),
      'setwhiteip  GET, changes (--yes), 10 calls a second',
      'balance  GET, reads, 10 calls a second',
    ]),
  )
  expect(out).not.toMatch(/trade_no|sign/)
  const { out: json } = await call('--json')
  const { operations, ...head } = JSON.parse(json)
  expect(head).toEqual({ provider: 'bought', vendor: 'juliangip', product: 'dynamic' })
  expect(operations[0]).toMatchObject({
    name: 'getips',
    method: 'GET',
    effect: 'buys',
    limit: { calls: 10, perSeconds: 1 },
    params: expect.arrayContaining([
      { name: 'num', type: 'integer', required: true, min: 1, max: 100, about: 'how many addresses', term: '提取数量' },
    ]),
  })
  expect(api.calls).toHaveLength(0)
})

it('lists members of lists, and secrets as such', async () => {
  const instances = ['x']
  const ipipv = {
    vendor: 'ipipv',
    product: 'static',
    instances,
    credentials: { appKey: 'a', appSecret: KEY.slice(0, 16) },
  }
  const { call } = await alone({ ...qg, provider: ipipv })
  const { out } = await call()
  expect(out).toMatch(/^ {4}params\[\]\.count +an integer from 1 to 20; default 1 +how many instances \(购买数量\)$/m)
  expect(out).toMatch(
    /^ {4}params\[\]\.cidrBlocks\[\]\.cidr +an address block written as 192\.168\.0\.0\/24; required /m,
  )
  expect(out).toMatch(/^ {4}password +text; secret /m)
})

it('what cannot be meant is told with the nearest name: 2, and nobody is called', async () => {
  const { api, call, file } = await alone(juliangip)
  const mistakes: [string[], RegExp][] = [
    [['getip'], /^turnpike: juliangip has no operation "getip"; did you mean getips\?\n$/],
    [['toString'], /^turnpike: juliangip has no operation "toString": getips, check, /],
    [
      ['getips', 'nun=1'],
      /^turnpike: num is missing.*|^turnpike: nun is not a parameter of this call; did you mean num\?/,
    ],
    [['getips', 'num=101', '--yes'], /^turnpike: num must be an integer from 1 to 100, not "101"\n$/],
    [['getips'], /^turnpike: num is missing: how many addresses\n$/],
    [['getips', 'num'], /^turnpike: "num" is no parameter: write name=value\n$/],
    [['getips', 'num=1', 'num=2'], /^turnpike: num is given twice\n$/],
    [['getips', 'num=-', 'area=-'], /only one value/],
    [['getips', 'num=1', 'sign=abc', '--yes'], /^turnpike: sign comes from the credentials\n$/],
  ]
  for (const [args, words] of mistakes) {
    const { code, out, err } = await call(...args)
    expect([args, code, out]).toEqual([args, 2, ''])
    expect(err).toMatch(words)
  }
  const unknown = await turnpike(['call', 'bougth', '-c', file])
  expect([unknown.code, unknown.err]).toEqual([2, `turnpike: ${file} has no provider "bougth"; did you mean bought?\n`])
  expect(api.calls).toHaveLength(0)
})

it('what costs or changes something is said, and wants --yes: 2 without', async () => {
  const { api, call } = await running(juliangip)
  const buys = await call('getips', 'num=3')
  expect([buys.code, buys.out]).toEqual([2, ''])
  expect(buys.err).toBe(
    'turnpike: getips takes addresses (num=3). It spends money: up to 3 addresses, counted in the budget of "bought". Nothing was sent: confirm it. Add --yes to do it\n',
  )
  const changes = await call('setwhiteip', 'ips=203.0.113.1')
  expect([changes.code, changes.err]).toEqual([2, expect.stringContaining('It changes the account of "bought"')])
  expect(api.calls).toHaveLength(0)
})

it('through the gateway: what is bought is in its budget and its pool, and is refused beyond', async () => {
  const { api, call, provider, app, port, log } = await running(qg, { budget: { total: 3 } })
  const { code, out, err } = await call('share-channel/get', 'num=2', '--yes')
  expect([err, code, lines(out)[0]]).toEqual(['', 0, expect.stringMatching(/^proxy_ip +server +area/)])
  expect([provider.capacity.budgetLeft, provider.held, app.pool.size]).toEqual([1, 2, 2])
  await expectEcho(await connectVia(port, 'echo.test:7'), 'through what was bought by hand')
  expect(api.sales).toHaveLength(2)
  const beyond = await call('share-channel/get', 'num=2', '--yes')
  expect([beyond.code, beyond.err]).toEqual([
    1,
    expect.stringContaining('provider "bought" has room for 1 more in its budget'),
  ])
  expect(await call('share-channel/query', '--json')).toMatchObject({
    code: 0,
    out: expect.stringContaining('"deadline"'),
  })
  expect((await call('share-channel/get', '--yes')).code).toBe(0)
  const reached = await call('share-channel/get', '--yes')
  expect([reached.code, reached.err]).toEqual([1, expect.stringContaining('has reached its budget total of 3')])
  expect(api.calls.filter(({ path }) => path === '/get')).toHaveLength(2)
  expect(log.text).toContain('called by hand')
})

it('what the vendor refuses costs nothing, and is said with what to do: 1', async () => {
  const { api, call, provider } = await running(juliangip, { budget: { total: 3 } })
  api.badDay = 'key-wrong'
  const { code, out, err } = await call('getips', 'num=3', '--yes')
  expect([code, out]).toEqual([1, ''])
  expect(lines(err)).toEqual([
    expect.stringMatching(/^turnpike: bought: 签名校验失败.* \(401, GW_VENDOR_AUTH\)$/),
    expect.stringMatching(/does this key belong to this trade_no\?/),
  ])
  expect([provider.capacity.budgetLeft, provider.state.kind]).toEqual([3, 'ready'])
  api.badDay = 'truncated'
  expect((await call('getips', 'num=2', '--yes')).code).toBe(1)
  // Nobody knows what was sold: it counts.
  expect(provider.capacity.budgetLeft).toBe(1)
})

it('an address that is given back by hand is lent to nobody', async () => {
  const { api, call, provider, app } = await running(legacy)
  expect((await call('allocate', 'Num=2', '--yes')).code).toBe(0)
  expect([app.pool.size, provider.capacity.freeChannels]).toEqual([2, CHANNELS - 2])
  const [first] = [...app.pool.members()]
  expect((await call('release', `IP=${first?.facts.ref}`, '--yes')).code).toBe(0)
  expect([app.pool.size, provider.capacity.freeChannels]).toEqual([1, CHANNELS - 1])
  expect(api.calls.map(({ path }) => path)).toEqual(['/allocate', '/release'])
})

it('shows no password, on either way', async () => {
  const { call, log } = await running(juliangip)
  const args = ['getips', 'num=1', 'auth_info=1', 'ip_remain=1', '--yes'] as const
  const through = await call(...args)
  expect([through.code, through.out]).toEqual([
    0,
    expect.stringMatching(/^proxy_list:\n {2}127\.\d+\.\d+\.\d+:\d+,179:user:\*\*\*\n$/),
  ])
  expect(log.text).not.toContain(PASSWORD)
  const direct = await alone(juliangip)
  const { code, out } = await direct.call(...args, '--json')
  expect([code, JSON.parse(out)]).toEqual([
    0,
    {
      ...{ provider: 'bought', operation: 'getips', effect: 'buys', warnings: [] },
      data: { proxy_list: ['127.9.0.1:9,179:user:***'] },
    },
  ])
})

it('warns of a value beyond what is known to work, on either way, and makes the call', async () => {
  const words = /^warning: num=201 is more than is known to work \(200\); the document states no limit$/m
  const { call } = await running(smartproxy)
  expect(await call('ip/v3', 'num=201', '--yes')).toMatchObject({ code: 0, err: expect.stringMatching(words) })
  const direct = await alone(smartproxy)
  expect(await direct.call('ip/v3', 'num=201', '--yes')).toMatchObject({ code: 0, err: expect.stringMatching(words) })
})

it('areas: lists values with their names, on either way, or says that there are none', async () => {
  const { file } = await running(smartproxy)
  const { code, out } = await turnpike(['areas', 'bought', '-c', file])
  expect([code, out]).toEqual([0, expect.stringMatching(/^(param +value +name|nothing is listed)/)])
  const { admin } = parse(readFileSync(file, 'utf8')) as { admin: { port: number } }
  const headers = { authorization: `Bearer ${TOKEN}`, connection: 'close' }
  const ask = (name: string) =>
    fetch(`http://127.0.0.1:${admin.port}/v1/providers/${name}/areas`, { method: 'POST', headers })
  expect(await (await ask('bought')).json()).toEqual({ provider: 'bought', areas: expect.any(Array) })
  expect((await ask('none')).status).toBe(404)
  const { file: other } = await alone(juliangip)
  expect(await turnpike(['areas', 'bought', '-c', other])).toMatchObject({
    code: 2,
    err: expect.stringContaining('lists no areas'),
  })
})

it('reveals nothing into a pipe, and nothing is sent', async () => {
  const { api, call } = await alone(smartproxy)
  expect(await call('user-product/list', '--reveal')).toMatchObject({
    code: 2,
    err: expect.stringContaining('on a terminal only'),
  })
  expect(api.calls).toEqual([])
})

it('a value can come from standard input', async () => {
  const { api, file } = await alone(smartproxy)
  const args = ['call', 'bought', 'whitelist-account/change-limit', 'account=-', 'limit=5', '--yes', '-c', file]
  expect(await turnpike(args, 'someone\n')).toEqual({ code: 0, out: 'done; the reply holds nothing else\n', err: '' })
  expect(api.calls[0]?.params).toMatchObject({ account: 'someone', limit: '5' })
})

it('however it is hammered, the limit holds, and clients go first', async () => {
  const { call, port, api, app } = await running(juliangip, {}, { pool: { floor: 0 }, wait: { timeout: '10s' } })
  let done = 0
  const hammering = Array.from({ length: 25 }, async () => {
    expect((await call('getips', 'num=1', '--yes')).code).toBe(0)
    done++
  })
  await api.received(10)
  // Nothing in the pool may serve the client: it has to wait for an order of its own.
  for (const upstream of [...app.pool.members()]) app.pool.remove(upstream, 'blamed')
  await expectEcho(await connectVia(port, 'echo.test:7'), 'served in between')
  expect(done).toBeLessThan(25)
  await Promise.all(hammering)
  expect(api.violations).toEqual([])
})

it('without a gateway: limits and budget outlive the process, and the next gateway lends what was bought', async () => {
  const { api, call, file } = await alone(smartproxy, { budget: { total: 3 } })
  const buy = (num: number) => call('ip/v3', 'format=json', 'life=10', `num=${num}`, '--yes')
  expect(await buy(2)).toMatchObject({ code: 0, out: expect.stringContaining('127.9.0.1:9') })
  // One call a second: the second command waits for what the first has left.
  expect(await call('user-product/list')).toMatchObject({ code: 0, out: expect.stringContaining('none') })
  expect(api.calls).toHaveLength(2)
  const beyond = await buy(2)
  expect([beyond.code, beyond.err]).toEqual([1, expect.stringContaining('has room for 1 more in its budget')])
  const { startApp } = await import('../../src/app/app.ts')
  const { createLog } = await import('../../src/log/log.ts')
  const config = parseConfig(stringify({ ...loaded(file), admin: 'off' }), file, {})
  const app = await startApp(config, { log: createLog({ level: 'silent', format: 'json' }, { write: () => {} }) })
  try {
    expect([app.supply.provider('bought')?.capacity.budgetLeft, app.pool.size]).toEqual([1, 2])
  } finally {
    await app.abort()
  }
})

it('says clearly when a gateway holds the state and cannot be asked: 1', async () => {
  const gateway = await running(juliangip)
  const other = join(gateway.folder, 'other.yaml')
  writeFileSync(other, stringify({ ...loaded(gateway.file), admin: 'off' }))
  const off = await turnpike(['call', 'bought', 'balance', '-c', other])
  expect([off.code, off.err]).toEqual([
    1,
    expect.stringMatching(/^turnpike: a gateway uses the state in .*its admin port is off/),
  ])
  writeFileSync(other, stringify({ ...loaded(gateway.file), admin: { port: await freePort() } }))
  const elsewhere = await turnpike(['call', 'bought', 'balance', '-c', other])
  expect([elsewhere.code, elsewhere.err]).toEqual([1, expect.stringMatching(/does not answer at 127\.0\.0\.1:\d+/)])
  writeFileSync(
    other,
    stringify({ ...loaded(gateway.file), admin: { port: gateway.adminPort, token: 'another-token-of-nobody' } }),
  )
  const stranger = await turnpike(['call', 'bought', 'balance', '-c', other])
  expect([stranger.code, stranger.err]).toEqual([1, expect.stringContaining('this is not the token of this gateway')])
  expect(gateway.api.calls).toHaveLength(0)
})

it('calls nobody where nothing keeps count, and no vendor that is not there: 1', async () => {
  const { api, call, folder } = await alone(juliangip, {}, { state: 'off' })
  const uncounted = await call('balance')
  expect([uncounted.code, uncounted.err]).toEqual([
    1,
    expect.stringContaining('start the gateway, or let it keep state'),
  ])
  expect(api.calls).toHaveLength(0)
  const file = join(folder, 'demo.yaml')
  writeFileSync(file, stringify({ admin: 'off', providers: [{ name: 'd', vendor: 'demo' }] }))
  const listed = JSON.parse((await turnpike(['call', 'd', '--json', '-c', file])).out)
  expect(listed.operations[0]).toMatchObject({ name: 'get', limit: { calls: 110, perSeconds: 60 } })

  const demo = await turnpike(['call', 'd', 'query', '-c', file])
  expect([demo.code, demo.err]).toEqual([
    1,
    'turnpike: the demo vendor is part of a running gateway: start the gateway first\n',
  ])
  expect((await turnpike(['call', 'd', '-c', file])).out).toContain('query  GET, reads')
})

it('a gateway that stops gives up the calls that wait', async () => {
  const { call, api, abort } = await running(smartproxy)
  expect((await call('user-product/list')).code).toBe(0)
  const waiting = Array.from({ length: 3 }, () => call('user-product/list'))
  await eventually(() => api.calls.length).toBeGreaterThan(0)
  await abort()
  for (const { code } of await Promise.all(waiting)) expect(code).toBeTypeOf('number')
  expect(api.calls.length).toBeLessThan(4)
})

function loaded(file: string): Record<string, unknown> {
  return parse(readFileSync(file, 'utf8')) as Record<string, unknown>
}

it('turnpike retry: a provider whose key was mended at the vendor buys again at once', async () => {
  const { api, file, port, abort } = await running(juliangip)
  const retry = (name: string) => turnpike(['retry', name, '-c', file])
  const refusal = /^GW_NO_SUPPLY provider "bought" cannot bring addresses now: \.\.\. \(signature wrong/
  api.badDay = 'key-wrong'
  expect((await connectVia(port, 'echo.test:7')).reason).toMatch(refusal)
  api.badDay = undefined
  expect((await connectVia(port, 'echo.test:7')).reason).toMatch(refusal)
  expect(await retry('bought')).toEqual({
    ...{ code: 0, err: '' },
    out: '"bought" may buy again at once, when addresses are needed, within its budget and calls.\n',
  })
  await expectEcho(await connectVia(port, 'echo.test:7'), 'after the retry')
  expect(await retry('bougth')).toMatchObject({ code: 2, err: expect.stringContaining('did you mean bought?') })
  await abort()
  expect(await retry('bought')).toMatchObject({ code: 1, err: expect.stringContaining('no gateway answers') })
})
