/** What each topic of the event stream says, held against its schema. */
import { expect, it } from 'vitest'
import { events } from '../../../src/admin/api/schemas/events.ts'
import { ConnectionFeed } from '../../../src/admin/feeds/connection-feed.ts'
import { PoolFeed } from '../../../src/admin/feeds/pool-feed.ts'
import { ProvidersFeed, VerdictFeed } from '../../../src/admin/feeds/report-feeds.ts'
import { Pool } from '../../../src/pool/pool.ts'
import type { Upstream } from '../../../src/pool/upstream.ts'
import { ConnectionLog, type OpenConnection } from '../../../src/proxy/connection-log.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { plainConnection } from '../../support/plain-client.ts'
import { report, TestSupply } from './supply.ts'

function poolOf(count: number) {
  const clock = new FakeClock()
  const perUpstream = { connections: 0, uses: 0, hostRest: 0 }
  const pool = new Pool({ minLife: 1, perUpstream }, { lendable() {}, rescheduled() {}, gone() {} })
  const add = (id: number) => {
    const place = { provider: 'p', protocol: 'http', host: '203.0.113.1', port: id } as const
    pool.add({ ...place, id: `u${id}`, boughtAt: 0, deadline: clock.now() + 60_000 }, clock.now())
    return pool.get(`u${id}`) as Upstream
  }
  const upstreams = Array.from({ length: count }, (_, i) => add(i + 1))
  const feed = new PoolFeed({ clock, members: () => pool.members() })
  feed.begin()
  return { clock, pool, feed, add, upstreams }
}

const pooled = (pieces: Iterable<object>) => [...pieces].map((piece) => events.pool.parse(piece))

it('sends a large pool in pieces, the first of which says so', () => {
  const { feed } = poolOf(600)
  const pieces = pooled(feed.first())
  expect(pieces.map(({ isFirst, upstreams }) => [isFirst, upstreams.length])).toEqual([
    [true, 250],
    [false, 250],
    [false, 100],
  ])
  expect(pooled(poolOf(0).feed.first())).toEqual([{ isFirst: true, total: 0, upstreams: [], changed: [], gone: [] }])
})

it('sends only what has changed: new, changed and gone', () => {
  const { clock, pool, feed, add, upstreams } = poolOf(3)
  clock.advance(5_000)
  expect(pooled(feed.changes())).toEqual([])
  const [first, second] = upstreams as [Upstream, Upstream]
  pool.rest(first, clock.now() + 9_000)
  pool.remove(second, 'released')
  add(4)
  expect(pooled(feed.changes())).toMatchObject([
    { total: 3, upstreams: [{ id: 'u4' }], changed: [{ id: 'u1', state: 'resting', restSeconds: 9 }], gone: ['u2'] },
  ])
  expect(pooled(feed.changes())).toEqual([])
})

it('sends at most 1,000 changes at once, and each in its turn', () => {
  const { feed, upstreams } = poolOf(2_500)
  const seen = new Set<string>()
  for (let second = 0; second < 3; second++) {
    for (const upstream of upstreams) upstream.opened++
    const [event] = pooled(feed.changes())
    expect(event?.changed).toHaveLength(1_000)
    for (const { id } of event?.changed ?? []) seen.add(id)
  }
  expect(seen.size).toBe(2_500)
})

it('sends a provider when something of it changed, not while a time runs down', async () => {
  const supply = new TestSupply({ provider: { budget: { perHour: 1 } } })
  await supply.buy([60_000])
  const feed = new ProvidersFeed(() => [report(supply)])
  feed.begin()
  supply.clock.advance(1_000)
  expect([...feed.changes()]).toEqual([])
  supply.open()
  const news = [...feed.changes()].map((event) => events.providers.parse(event))
  expect(news).toMatchObject([{ isFirst: false, providers: [{ name: 'acme-a', leases: 1 }], gone: [] }])
})

it('sends a verdict when it is another one', () => {
  let level: 'ok' | 'notice' = 'ok'
  const feed = new VerdictFeed(() => ({ level, findings: [] }))
  feed.begin()
  expect([...feed.changes()]).toEqual([])
  level = 'notice'
  expect([...feed.changes()]).toEqual([{ level: 'notice', findings: [] }])
})

function connections() {
  const clock = new FakeClock()
  const log = new ConnectionLog()
  const feed = new ConnectionFeed(log, clock)
  const begin = (target: string): OpenConnection => {
    const connection = plainConnection({ target, beganAt: clock.now() })
    log.began(connection)
    return connection
  }
  const end = (connection: OpenConnection) => log.ended(connection, clock.now(), 'done', undefined, 1, 2)
  const changes = () => [...feed.changes()].map((event) => events.connections.parse(event))
  const states = () => changes().flatMap((event) => event.connections.map(({ target, state }) => `${target} ${state}`))
  return { clock, log, feed, begin, end, changes, states }
}

it('sends a connection when it begins, opens and ends', () => {
  const { log, feed, begin, end, states } = connections()
  begin('before')
  feed.begin()
  const one = begin('a')
  expect(states()).toEqual(['a waiting'])
  expect(states()).toEqual([])
  log.opened(one, 30)
  expect(states()).toEqual(['a open'])
  end(one)
  end(begin('b'))
  expect(states()).toEqual(['a closed', 'b closed'])
})

it('begins with what is open, and the latest that ended', () => {
  const { feed, begin, end, states } = connections()
  for (let i = 0; i < 300; i++) end(begin(`closed-${i}`))
  const open = Array.from({ length: 150 }, (_, i) => begin(`open-${i}`))
  feed.begin()
  const pieces = [...feed.first()].map((event) => events.connections.parse(event))
  expect(pieces.map((piece) => [piece.isFirst, piece.connections.length])).toEqual([
    [true, 100],
    [false, 100],
    [false, 100],
    [false, 50],
  ])
  const all = pieces.flatMap((piece) => piece.connections)
  expect([all[0]?.target, all[199]?.target, all[349]?.target]).toEqual(['closed-100', 'closed-299', 'open-149'])
  end(open[0] as OpenConnection)
  expect(states()).toEqual(['open-0 closed'])
})

it('leaves out what is too much for a second, counts it, and still ends what was sent as open', () => {
  const { feed, begin, end, changes } = connections()
  feed.begin()
  const [first] = Array.from({ length: 500 }, (_, i) => begin(`a-${i}`))
  expect(changes()).toMatchObject([{ open: 500, omitted: 400 }])
  for (let i = 0; i < 300; i++) end(begin(`b-${i}`))
  end(first as OpenConnection)
  for (let i = 0; i < 300; i++) end(begin(`c-${i}`))
  const [event] = changes()
  expect(event?.connections.map(({ target }) => target)).toContain('a-0')
  expect([event?.connections.length, event?.omitted]).toEqual([101, 500])
})

it('forgets what was open when more ended than is remembered', () => {
  const { log, feed, begin, end, changes } = connections()
  feed.begin()
  const one = begin('a')
  changes()
  end(one)
  for (let i = 0; i < 10_000; i++) end(begin('b'))
  expect(changes()).toMatchObject([{ open: 0, omitted: 9_901 }])
  expect(log.closedCount).toBe(10_000)
})

it('sends the octets of open connections when they have moved, all of them in turn', () => {
  const { clock, log, feed, begin, changes } = connections()
  const all = Array.from({ length: 700 }, (_, n) => begin(`host-${n}`))
  feed.begin()
  expect([...feed.first()].length).toBe(7)
  for (const each of all) Object.assign(each, { bytesFromClient: 10, bytesToClient: 20 })
  const moved = [1, 2, 3].flatMap(() => changes().map((event) => event.moved))
  expect(moved.map(({ length }) => length)).toEqual([500, 200])
  expect(new Set(moved.flat().map(({ id }) => id)).size).toBe(700)
  expect(moved[0]?.[0]).toMatchObject({ bytesFromClient: 10, bytesToClient: 20 })
  log.ended(all[0] as OpenConnection, clock.now(), 'done', undefined, 10, 20)
  expect(changes()).toMatchObject([{ moved: [], connections: [{ state: 'closed' }] }])
})
