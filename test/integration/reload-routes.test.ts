/** Rules and groups that change while clients wait, and while sessions live on addresses that still may serve them. */
import { describe, expect, it } from 'vitest'
import { SystemClock } from '../../src/clock.ts'
import { connectVia, plain } from '../support/client.ts'
import { eventually } from '../support/gateway.ts'
import { header } from '../support/http-wire.ts'
import { type ReloadableGateway, startReloadable } from '../support/reloads.ts'
import { SimulatedQg } from '../support/vendors/qg.ts'
import type { World } from '../support/world.ts'

const KEY = 'the-key-of-the-account'
const lists = ({ upstreams }: World) =>
  upstreams.map((upstream, n) => ({ name: `p${n + 1}`, vendor: 'static', allowPrivate: true, list: [upstream.url()] }))
/** Each has half of the upstreams. */
const halves = ({ upstreams }: World) =>
  ['p1', 'p2'].map((name, n) => {
    const list = upstreams.filter((_, m) => m % 2 === n).map((upstream) => upstream.url())
    return { name, vendor: 'static', allowPrivate: true, list }
  })
const loginOf = (session: string) => ({ username: `crawler-session-${session}`, password: 'x' })
const weighted = (first: number, ...names: string[]) =>
  names.map((provider, n) => ({ provider, weight: n === 0 ? first : 1 }))

/** The upstream of a tunnel of a session. */
async function upstreamOf({ port }: ReloadableGateway, target = 'echo.test:7', session = '42'): Promise<string> {
  const { status, headers, socket } = await connectVia(port, target, { login: loginOf(session) })
  socket.destroy()
  expect(status).toBe(200)
  return String(header(headers, 'x-turnpike-upstream'))
}

/** What session 42 says of itself. */
async function addressOf({ port }: ReloadableGateway, query = ''): Promise<string> {
  const { body } = await plain(port, `http://turnpike.internal/session${query}`, { login: loginOf('42') })
  return (JSON.parse(body.toString()) as { address: { id: string } }).address.id
}

describe('a session', () => {
  it('stays on its address while rules and groups change that permit it', async () => {
    const config = { routes: ['MATCH,provider p1'] }
    const gateway = await startReloadable({ upstreams: 6, filled: 6, providers: halves, config })
    const addresses = async () => {
      const ids: string[] = []
      for (const name of ['a', 'b', 'c', 'd']) ids.push(await upstreamOf(gateway, 'echo.test:7', name))
      return ids
    }
    const first = await addresses()
    for (const change of [
      { routes: ['MATCH,group g'], groups: [{ name: 'g', members: ['p2', 'p1'] }] },
      { routes: ['MATCH,group g'], groups: [{ name: 'g', members: ['p1'] }] },
      { routes: ['MATCH,group g'], groups: [{ name: 'g', members: weighted(99, 'p2', 'p1') }] },
      { routes: ['DOMAIN,ads.test,block'], groups: [] },
      { routes: [] },
    ]) {
      await gateway.change(change)
      expect([change, await addresses()]).toEqual([change, first])
    }
    await gateway.change({ routes: ['MATCH,provider p2'] })
    const others = await addresses()
    expect(first.some((id) => others.includes(id))).toBe(false)
    await gateway.change({ routes: [] })
    expect(await addresses()).toEqual(first)
  })

  it('has one address for each set of providers that its targets may have, and commands name the target', async () => {
    const gateway = await startReloadable({
      ...{ upstreams: 3, filled: 3, providers: lists },
      config: { routes: ['DOMAIN,echo.test,provider p1', 'DOMAIN,secure.test,provider p2'] },
    })
    const first = await upstreamOf(gateway)
    const second = await upstreamOf(gateway, 'secure.test:443')
    expect(second).not.toBe(first)
    for (let n = 0; n < 3; n++) {
      expect([await upstreamOf(gateway), await upstreamOf(gateway, 'secure.test:443')]).toEqual([first, second])
      const pages = await Promise.all(
        ['', '?host=echo.test', '?host=secure.test'].map((query) => addressOf(gateway, query)),
      )
      expect(pages).toEqual([first, first, second])
    }
  })

  it('that is asked for at once by targets of different providers has one address for each', async () => {
    const gateway = await startReloadable({
      ...{ upstreams: 4, filled: 4, providers: halves },
      config: {
        routes: ['DOMAIN,echo.test,provider p1', 'DOMAIN,secure.test,provider p2'],
        pool: { perUpstream: { connections: 1 } },
      },
    })
    const targets = ['echo.test:7', 'secure.test:443', 'echo.test:7', 'secure.test:443']
    const held = targets.map((target) => connectVia(gateway.port, target))
    for (const { status } of await Promise.all(held)) expect(status).toBe(200)
    const waiting = targets.slice(2).map((target) => connectVia(gateway.port, target, { login: loginOf('42') }))
    await eventually(() => gateway.app.data.leaseQueue.waitingCount).toBe(2)
    for (const { socket } of await Promise.all(held)) socket.destroy()
    const [first, second] = (await Promise.all(waiting)).map(({ headers }) => header(headers, 'x-turnpike-upstream'))
    expect(first).not.toBe(second)
    expect(await addressOf(gateway)).toBe(first)
  })
})

/** A gateway with a static list and a provider whose vendor never answers; weights choose that one. */
async function startSilent() {
  const clock = new SystemClock()
  const supplyAddress = () => ({ host: '127.0.0.1', port: 9 })
  const api = await new SimulatedQg({ clock, key: KEY, plan: { mode: 'channel', channels: 5 }, supplyAddress }).start()
  api.badDay = 'silence'
  const silent = {
    ...{ name: 'silent', vendor: 'qg', product: 'share-channel', credentials: { key: KEY }, channels: 5 },
    ...{ baseUrl: api.url, allowPrivate: true },
  }
  const members = weighted(999, 'silent', 'p1')
  return startReloadable({
    ...{ upstreams: 1, filled: 1 },
    providers: (world) => [silent, ...lists(world)],
    config: { routes: ['MATCH,group g'], groups: [{ name: 'g', members }], wait: { timeout: '1s' } },
    closing: async () => {
      await api.close()
      clock.close()
    },
  })
}

describe('a client that waits for a member of a group', () => {
  it.each([
    ['another one when that is removed', {}],
    ['any provider when the rule is removed too', { routes: [] }],
  ])('is served by %s', async (_, rules) => {
    const gateway = await startSilent()
    const { world, port, app } = gateway
    await gateway.change({ wait: { timeout: '30s' } })
    const waiting = [
      connectVia(port, 'echo.test:7', { timeoutMs: 20_000 }),
      plain(port, 'http://site.test/', { timeoutMs: 20_000 }),
    ]
    await eventually(() => app.data.leaseQueue.waitingCount).toBe(2)
    await gateway.change({ providers: lists(world), groups: [{ name: 'g', members: ['p1'] }], ...rules })
    for (const { status } of await Promise.all(waiting)) expect(status).toBe(200)
  })

  it('is served by another one when that has delivered nothing in the time of a wait', async () => {
    const { port } = await startSilent()
    expect((await connectVia(port, 'echo.test:7', { timeoutMs: 20_000 })).status).toBe(200)
  })

  it('hears why when no other one can serve it', async () => {
    const gateway = await startSilent()
    const { port, app } = gateway
    for (const member of [...app.pool.members()]) app.pool.remove(member, 'released')
    const { status, headers } = await connectVia(port, 'echo.test:7', { timeoutMs: 20_000 })
    expect([status, header(headers, 'proxy-status')]).toEqual([503, expect.stringContaining('GW_POOL_EMPTY')])
  })
})
