/**
 * Targets that do not answer, through upstreams that close the connection then, or are silent: a client that asks for such
 * a target again and again must not cost the others their addresses, nor the operator money.
 */
import { describe, expect, it } from 'vitest'
import type { SystemClock } from '../../src/clock.ts'
import { connectVia, plain, socks5 } from '../support/client.ts'
import { eventually, type Gateway, refusalOf, startGateway } from '../support/gateway.ts'
import { expectEcho } from '../support/socket-io.ts'
import type { FakeUpstream } from '../support/upstream.ts'
import { startBuying } from '../support/vendors/buying-gateway.ts'
import { SimulatedJuliangip } from '../support/vendors/juliangip.ts'
import type { Supply } from '../support/vendors/simulated-api.ts'

const KEY = 'the-key-of-the-account'
/** An address that fails is given up at the third failure, and soon: within the few hundred requests of a test. */
const SEVERE = { rest: '1ms', maxRest: '1ms', evictAfter: 3 }

const asked = (upstreams: readonly FakeUpstream[], target: string) =>
  upstreams.flatMap(({ requests }) => requests).filter((request) => request.target.includes(target)).length

function closeFor(upstreams: readonly FakeUpstream[], ...hosts: string[]): void {
  for (const upstream of upstreams) for (const host of hosts) upstream.behaveFor(host, 'close-at-once')
}

/** One after the other, as a client in a loop does. @returns how often each error code came */
async function loop(port: number, target: string, times: number): Promise<Map<string, number>> {
  const codes = new Map<string, number>()
  for (let n = 0; n < times; n++) {
    const { code } = refusalOf(await connectVia(port, target))
    codes.set(code, (codes.get(code) ?? 0) + 1)
  }
  return codes
}

const records = (gateway: Gateway) =>
  gateway.world.upstreams.map((upstream) => {
    const { state, consecutiveFailures } = gateway.record(upstream)
    return [state, consecutiveFailures]
  })

describe.each(['http', 'https', 'socks5'] as const)('%s upstreams that close when the target is dead', (scheme) => {
  it('keep their good name, and the target is known after the first request', async () => {
    const gateway = await startGateway({ scheme, upstreams: 4, config: { health: SEVERE } })
    const { port, world } = gateway
    closeFor(world.upstreams, 'dead.test')
    for (let n = 0; n < 8; n++) expect((await connectVia(port, 'echo.test:7')).status).toBe(200)
    const others = async () => {
      for (let n = 0; n < 20; n++) await expectEcho(await connectVia(port, 'echo.test:7'), `word ${n}`)
    }
    const [codes] = await Promise.all([loop(port, 'dead.test:9', 40), others()])
    expect(codes).toEqual(new Map([['GW_TARGET_UNREACHABLE', 40]]))
    expect(asked(world.upstreams, 'dead.test')).toBe(41)
    expect(records(gateway)).toEqual(Array(4).fill(['ready', 0]))
    expect(gateway.app.pool.size).toBe(4)
  })
})

it('clients that ask for several dead targets at once harm none of them either', async () => {
  const gateway = await startGateway({ upstreams: 4, config: { health: SEVERE } })
  const { port, world } = gateway
  const targets = Array.from({ length: 12 }, (_, n) => `dead-${n}.test`)
  closeFor(world.upstreams, ...targets)
  for (let n = 0; n < 4; n++) expect((await connectVia(port, 'echo.test:7')).status).toBe(200)
  await Promise.all(targets.map((target) => loop(port, `${target}:9`, 10)))
  expect(records(gateway)).toEqual(Array(4).fill(['ready', 0]))
})

it.each(['http', 'socks5'] as const)('plain requests through %s upstreams are judged alike', async (scheme) => {
  const gateway = await startGateway({ scheme, upstreams: 3, config: { health: SEVERE } })
  closeFor(gateway.world.upstreams, 'dead.test')
  for (let n = 0; n < 3; n++) expect((await plain(gateway.port, 'http://site.test/')).status).toBe(200)
  for (let n = 0; n < 10; n++) {
    const reply = await plain(gateway.port, 'http://dead.test/')
    expect(refusalOf(reply)).toEqual({ status: 502, code: 'GW_TARGET_UNREACHABLE' })
  }
  expect((await socks5(gateway.port, 'dead.test:80')).rep).toBe(4)
  expect(records(gateway)).toEqual(Array(3).fill(['ready', 0]))
})

it('a silent target costs each request one try, once it is known', async () => {
  const gateway = await startGateway({ upstreams: 3, config: { dial: { timeout: '100ms' }, health: SEVERE } })
  const { port, world } = gateway
  for (const upstream of world.upstreams) upstream.behaveFor('dead.test', 'silent')
  for (let n = 0; n < 3; n++) expect((await connectVia(port, 'echo.test:7')).status).toBe(200)
  expect(await loop(port, 'dead.test:9', 5)).toEqual(new Map([['GW_TARGET_UNREACHABLE', 5]]))
  expect(asked(world.upstreams, 'dead.test')).toBe(6)
  expect(records(gateway)).toEqual(Array(3).fill(['ready', 0]))
})

it('a target that is back is served at once', async () => {
  const gateway = await startGateway({ upstreams: 2 })
  const { port, world } = gateway
  for (let n = 0; n < 2; n++) expect((await connectVia(port, 'echo.test:7')).status).toBe(200)
  closeFor(world.upstreams, 'back.test')
  await loop(port, 'back.test:7', 2)
  world.names['back.test'] = [world.echo.host, world.echo.port]
  for (const upstream of world.upstreams) upstream.behaveFor('back.test', 'ok')
  expect((await connectVia(port, 'back.test:7')).status).toBe(200)
  expect(records(gateway)).toEqual(Array(2).fill(['ready', 0]))
})

it('an upstream that closes for everybody is still found out, by the first one that serves its target', async () => {
  const gateway = await startGateway({ upstreams: 3, config: { health: { rest: '1m' } } })
  const { port, world } = gateway
  for (let n = 0; n < 3; n++) expect((await connectVia(port, 'echo.test:7')).status).toBe(200)
  const [dead] = world.upstreams
  closeFor(dead === undefined ? [] : [dead], 'echo.test')
  for (let n = 0; n < 6; n++) await expectEcho(await connectVia(port, 'echo.test:7'), `word ${n}`)
  expect(records(gateway)).toEqual([
    ['resting', 1],
    ['ready', 0],
    ['ready', 0],
  ])
})

describe('a session', () => {
  const header: [string, string][] = [['X-Turnpike-Session', 'one']]

  it('stays on its upstream when the target is dead', async () => {
    const { port, world } = await startGateway({ upstreams: 3 })
    closeFor(world.upstreams, 'dead.test')
    for (let n = 0; n < 3; n++) expect((await connectVia(port, 'echo.test:7')).status).toBe(200)
    const upstreamOf = async () =>
      (await connectVia(port, 'echo.test:7', { headers: header })).headers.find(([name]) => name.endsWith('Upstream'))
    const before = await upstreamOf()
    for (let n = 0; n < 4; n++) expect((await connectVia(port, 'dead.test:9', { headers: header })).status).toBe(502)
    expect(await upstreamOf()).toEqual(before)
  })

  it('moves for good when another upstream serves what its own did not', async () => {
    const gateway = await startGateway({ upstreams: 3, config: { health: { rest: '1ms' } } })
    const { port, world } = gateway
    for (let n = 0; n < 3; n++) expect((await connectVia(port, 'echo.test:7')).status).toBe(200)
    await connectVia(port, 'echo.test:7', { headers: header })
    const own = world.upstreams.find((upstream) => gateway.record(upstream).sessions === 1)
    if (own !== undefined) closeFor([own], 'echo.test')
    for (let n = 0; n < 4; n++) expect((await connectVia(port, 'echo.test:7', { headers: header })).status).toBe(200)
    // Asked twice for the session; then it has moved.
    expect(own?.requests.length).toBe(2 + 2)
  })
})

it('buys not one address more than without the dead target', async () => {
  const credentials = { trade_no: '1000000000000001', key: KEY }
  const open = (clock: SystemClock, supplyAddress: () => Supply) =>
    new SimulatedJuliangip({ clock, tradeNo: credentials.trade_no, key: KEY, supplyAddress })
  const gateway = await startBuying(open, (api) => ({
    upstreams: 30,
    config: { pool: { floor: 5, targetLoad: 8 }, health: SEVERE, wait: { timeout: '10s' } },
    providers: () => {
      const seller = { vendor: 'juliangip', product: 'dynamic', credentials, baseUrl: api.url }
      return [{ name: 'bought', ...seller, allowPrivate: true }]
    },
    secrets: [KEY],
  }))
  closeFor(gateway.world.upstreams, 'dead.test')
  const visit = async () => {
    const reply = await connectVia(gateway.port, 'echo.test:7')
    await expectEcho(reply, 'word')
    reply.socket.destroy()
  }
  for (let n = 0; n < 8; n++) await visit()
  await eventually(() => gateway.app.pool.size).toBe(5)
  for (let n = 0; n < 10; n++) await visit()
  const others = async () => {
    for (let n = 0; n < 30; n++) await visit()
  }
  await Promise.all([loop(gateway.port, 'dead.test:9', 60), others()])
  expect([gateway.api.sales.length, gateway.app.pool.size]).toEqual([5, 5])
})
