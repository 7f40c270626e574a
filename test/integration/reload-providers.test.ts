/** Providers that come, go and change while the gateway runs: nothing is bought twice, and nothing open breaks. */
import { describe, expect, it } from 'vitest'
import { SystemClock } from '../../src/clock.ts'
import { connectVia, plain } from '../support/client.ts'
import { eventually } from '../support/gateway.ts'
import { reloadUnderLoad } from '../support/reload-load.ts'
import { startReloadable } from '../support/reloads.ts'
import { expectEcho } from '../support/socket-io.ts'
import { SimulatedQg } from '../support/vendors/qg.ts'
import type { World } from '../support/world.ts'

const KEY = 'the-key-of-the-account'

/** Reloads of one test: 500 of them are in test/torture/reload.test.ts. */
const RELOADS = 25

/** A gateway with one provider that buys, and has bought, one address. */
async function startBuying() {
  const clock = new SystemClock()
  let world: World | undefined
  // By what is sold: an order on a bad day brings nothing, and must not make the vendor sell an address a second time.
  const supplyAddress = () => {
    const upstream = world?.upstreams[api.sales.length % world.upstreams.length]
    return { host: upstream?.host ?? '', port: upstream?.port ?? 0 }
  }
  const api: SimulatedQg = await new SimulatedQg({
    ...{ clock, key: KEY, supplyAddress },
    plan: { mode: 'channel', channels: 5 },
  }).start()
  const bought = (more: object = {}) => ({
    ...{ name: 'bought', vendor: 'qg', product: 'share-channel', credentials: { key: KEY }, channels: 5 },
    ...{ baseUrl: api.url, allowPrivate: true, ...more },
  })
  const gateway = await startReloadable({
    upstreams: 4,
    login: false,
    config: { pool: { floor: 1, ceiling: 1, minLife: '0ms', margin: '0ms' } },
    providers: () => [bought()],
    closing: async () => {
      await api.close()
      clock.close()
    },
  })
  world = gateway.world
  const tunnel = await connectVia(gateway.port, 'echo.test:7')
  expect(tunnel.status).toBe(200)
  return { ...gateway, api, tunnel, bought, sold: () => api.sales.length }
}

const other = { name: 'other', vendor: 'static', list: ['127.0.0.1:9'], allowPrivate: true }

describe('a provider that buys', () => {
  it('stays what it is when its budget, weight or priority change: addresses, status, what was spent', async () => {
    const { app, change, tunnel, bought, port, sold } = await startBuying()
    const [provider] = app.supply.providers
    for (let perDay = 1; perDay <= 20; perDay++)
      await change({ providers: [bought({ budget: { perDay }, weight: perDay, priority: perDay })] })
    expect(app.supply.providers[0]).toBe(provider)
    expect(app.supply.providers[0]?.settings).toMatchObject({ weight: 20, budget: { perDay: 20 } })
    expect(app.supply.providers[0]?.capacity.budgetLeft).toBe(19)
    await connectVia(port, 'echo.test:7')
    await expectEcho(tunnel, 'undisturbed')
    expect(sold()).toBe(1)
  })

  it('serves on through many reloads under load: nothing broken, nothing refused, nothing bought twice', async () => {
    const gateway = await startBuying()
    const { opened, failed, broken } = await reloadUnderLoad(gateway, { reloads: RELOADS, clients: 4 })
    expect([failed, broken, gateway.sold()]).toEqual([[], 0, 1])
    expect(opened).toBeGreaterThan(RELOADS)
  })

  it('is taken up, changed and removed while its vendor is down, and buys when the vendor is back', async () => {
    const { app, change, tunnel, bought, port, api } = await startBuying()
    api.badDay = 'http-500'
    const more = { pool: { floor: 2, ceiling: 2, minLife: '0ms', margin: '0ms' } }
    await change({ ...more, providers: [bought({ weight: 2 })] })
    expect((await connectVia(port, 'echo.test:7')).status).toBe(200)
    await change({ providers: [other] })
    await change({ providers: [bought({ request: { area: '990100' } })] })
    await expectEcho(tunnel, 'undisturbed')
    expect([(await connectVia(port, 'echo.test:7')).status, api.sales.length]).toEqual([200, 1])
    api.badDay = undefined
    await eventually(() => app.pool.size).toBe(2)
    expect([api.sales.length, api.violations]).toEqual([2, []])
  })

  it('keeps its addresses when its parameters change', async () => {
    const { app, change, tunnel, bought, port, sold } = await startBuying()
    await change({ providers: [bought({ request: { area: '990100' } })] })
    expect(app.pool.size).toBe(1)
    expect(app.supply.providers[0]?.counts.bought).toBe(1)
    expect((await connectVia(port, 'echo.test:7')).status).toBe(200)
    await expectEcho(tunnel, 'undisturbed')
    expect(sold()).toBe(1)
  })

  it('lends what it has bought with the login that the configuration says now', async () => {
    const { change, bought, port, sold, world } = await startBuying()
    const login = { username: 'from-the-file', password: 'secret-from-the-file' }
    for (const upstream of world.upstreams) Object.assign(upstream, { login })
    const buying = { dial: { tries: 1, hedgeAfter: 'off' }, health: { rest: '1ms', maxRest: '1ms', evictAfter: 1_000 } }
    await change({ ...buying, providers: [bought({ upstream: login })] })
    expect((await connectVia(port, 'echo.test:7')).status).toBe(200)
    const credentials = { key: 'the-key-of-another-account' }
    await change({
      providers: [bought({ credentials, upstream: { username: 'of-the-other-account', password: 'x' } })],
    })
    expect((await connectVia(port, 'echo.test:7')).status).toBe(200)
    expect(sold()).toBe(1)
  })

  it('that is removed lends nothing more, and has its addresses again when it comes back', async () => {
    const { app, change, tunnel, bought, port, sold } = await startBuying()
    await change({ providers: [other] })
    await eventually(() => [...app.pool.members()].map(({ facts }) => facts.provider)).toEqual(['other'])
    await expectEcho(tunnel, 'undisturbed')
    await change({ providers: [bought()] })
    expect([...app.pool.members()].map(({ facts }) => facts.provider)).toEqual(['bought'])
    expect((await connectVia(port, 'echo.test:7')).status).toBe(200)
    expect(sold()).toBe(1)
  })

  it('that comes back brings no other address to a session that rotates: it is the same one', async () => {
    const { change, bought, port } = await startBuying()
    const rotate = async () => {
      const login = { username: 'acc-session-a', password: 'x' }
      const options = { method: 'POST', login, headers: [['X-Turnpike', '1']] as const, timeoutMs: 30_000 }
      return (await plain(port, 'http://turnpike.internal/session/rotate', options)).status
    }
    expect(await rotate()).toBe(200)
    await change({ providers: [other] })
    await change({ providers: [bought()] })
    expect(await rotate()).toBe(503)
  })
})

it('a list that is edited is read again at once, with the login that it says now', async () => {
  const gateway = await startReloadable({ upstreams: 2, login: false })
  const { app, world, change, port } = gateway
  const tunnel = await connectVia(port, 'echo.test:7')
  const [line = ''] = world.lines()
  await change({ providers: [{ name: 'own', vendor: 'static', allowPrivate: true, list: [line] }] })
  await eventually(() => app.pool.size).toBe(1)
  await expectEcho(tunnel, 'undisturbed')
  expect((await plain(port, 'http://site.test/')).status).toBe(200)
})

it('TLS to upstreams that are in the pool follows the configuration', async () => {
  const { change, port } = await startReloadable({ scheme: 'https', upstreams: 1 })
  const status = async (tls: object) => {
    await change((config) => {
      const [own] = config['providers'] as object[]
      return { ...config, health: { rest: '1ms', maxRest: '1ms' }, providers: [{ ...own, upstream: { tls } }] }
    })
    return (await connectVia(port, 'echo.test:7')).status
  }
  expect(await status({ ca: 'ca.pem' })).toBe(200)
  expect(await status({ ca: 'ca.pem', servername: 'another.test' })).toBe(502)
  expect(await status({ ca: 'ca.pem' })).toBe(200)
})

it('a demo vendor that is removed ends when its tunnels have ended', async () => {
  const demo = { name: 'demo', vendor: 'demo', fetch: true, allowPrivate: true, life: ['60s', '61s'] }
  const gateway = await startReloadable({ upstreams: 1, login: false, providers: () => [demo] })
  const { port, change, world } = gateway
  const target = `${world.echo.host}:${world.echo.port}`
  const tunnel = await connectVia(port, target)
  expect(tunnel.status).toBe(200)
  await change({ providers: [other] })
  await expectEcho(tunnel, 'undisturbed')
})
