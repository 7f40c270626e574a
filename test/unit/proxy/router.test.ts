import { expect, it } from 'vitest'
import { toTarget } from '../../../src/address.ts'
import type { ClientIdentity } from '../../../src/downstream/client-request.ts'
import { anonymous } from '../../../src/downstream/proxy-auth.ts'
import type { UpstreamFacts } from '../../../src/pool/upstream.ts'
import type { ListenerDefaults } from '../../../src/proxy/route.ts'
import { Router } from '../../../src/proxy/router.ts'
import { RouteTable } from '../../../src/routes/route-table.ts'

const none = { connections: 0, uses: 0, hostRest: 0 }
const settings = {
  strategy: 'round-robin' as const,
  perRequest: false,
  retryStatuses: [],
  perUpstream: none,
  poolLimits: none,
  providers: [],
  isOwnPort: () => false,
  sharesAddresses: false,
  routes: undefined,
}
const router = new Router(settings)
const plain: ListenerDefaults = {
  provider: undefined,
  strategy: undefined,
  session: 'off',
  listen: { port: 8080, name: undefined },
}
const target = (host: string) => toTarget({ host, port: 443 })

/** The session key of a client of this account and session, at this address, for this host. */
function keyOf(wish: { account?: string; session?: string; address?: string; host?: string }, defaults = plain) {
  const options = wish.session === undefined ? {} : { session: wish.session }
  const identity = { ...anonymous, account: wish.account, options }
  const origin = { clientAddress: wish.address ?? '192.0.2.1' }
  return router.route(identity, target(wish.host ?? 'a.test'), origin, defaults, 'CONNECT').sessionKey
}

it('gives sessions with names of any length keys of one length', () => {
  const long = 'x'.repeat(16_000)
  const keys = [
    keyOf({ session: 's', account: long }),
    keyOf({ session: long }),
    keyOf({ host: 'long'.repeat(60) }, { ...plain, session: 'target' }),
    keyOf({}, { ...plain, session: 'client' }),
  ]
  // 256 bits in base64url (RFC 4648 section 5).
  for (const key of keys) expect(key).toMatch(/^[\w-]{43}$/)
  expect(new Set(keys).size).toBe(4)
})

it('takes a host with a final dot, in any case, for the same target', () => {
  const byTarget = { ...plain, session: 'target' } as const
  expect(keyOf({ host: 'Shop.Test.' }, byTarget)).toBe(keyOf({ host: 'shop.test' }, byTarget))
})

it('keeps sessions of different accounts, and of different kinds, apart', () => {
  const byClient = { ...plain, session: 'client' } as const
  const byTarget = { ...plain, session: 'target' } as const
  const keys = [
    keyOf({ session: 'a.test' }),
    keyOf({ session: 'a.test', account: 'other' }),
    keyOf({ address: 'a.test' }, byClient),
    keyOf({ host: 'a.test' }, byTarget),
  ]
  expect(new Set(keys).size).toBe(4)
  expect(keyOf({ session: 'a.test' })).toBe(keys[0])
  expect(keyOf({ host: 'A.Test' }, byTarget)).toBe(keys[3])
  expect(keyOf({})).toBeUndefined()
})

it('finds a place in either script, and in any spelling of a country', () => {
  const accepts = (options: object, facts: object) =>
    router
      .route({ ...anonymous, options }, target('a.test'), { clientAddress: '192.0.2.1' }, plain, 'CONNECT')
      .filter.accepts(facts as UpstreamFacts)
  const shangqiu = { country: 'CN', area: '河南省商丘市' }
  for (const options of [
    { country: '中国' },
    { country: 'china' },
    { area: 'Henan' },
    { city: 'shangqiu' },
    { city: '商丘' },
  ])
    expect([options, accepts(options, shangqiu)]).toEqual([options, true])
  for (const options of [{ country: 'jp' }, { area: 'hunan' }, { city: '洛阳' }, { isp: '电信' }])
    expect([options, accepts(options, shangqiu)]).toEqual([options, false])
})

// The route of an identity is made once for each port: it must hold nothing of one target or one address.
it('makes a route anew where the port, the target or the address has a part in it', () => {
  const identity = { ...anonymous, options: {} }
  const wish = { ...anonymous, options: { avoidLast: true } }
  const routeOf = (
    host: string,
    clientAddress: string,
    defaults: ListenerDefaults,
    client: ClientIdentity = identity,
  ) => router.route(client, target(host), { clientAddress }, defaults, 'CONNECT')
  const first = routeOf('a.test', '192.0.2.1', plain)
  expect(routeOf('b.test', '192.0.2.2', plain)).toBe(first)
  expect(routeOf('a.test', '192.0.2.1', { ...plain, strategy: 'random' }).strategy).toBe('random')
  expect(routeOf('a.test', '192.0.2.1', plain).strategy).toBe('round-robin')
  const byTarget = { ...plain, session: 'target' } as const
  const byClient = { ...plain, session: 'client' } as const
  const keys = [
    routeOf('a.test', '192.0.2.1', byTarget),
    routeOf('b.test', '192.0.2.1', byTarget),
    routeOf('a.test', '192.0.2.1', byClient),
    routeOf('a.test', '192.0.2.2', byClient),
  ].map(({ sessionKey }) => sessionKey)
  expect(new Set(keys).size).toBe(4)
  const lastOf = (address: string) => routeOf('a.test', address, plain, wish).avoidLast
  expect(lastOf('192.0.2.1')).not.toBe(lastOf('192.0.2.2'))
})

it('lets no session have an address alone that other hosts lend too', () => {
  const identity = { ...anonymous, options: { session: 's', exclusive: true } }
  const routeOf = (one: Router) =>
    one.route(identity, target('a.test'), { clientAddress: '192.0.2.1' }, plain, 'CONNECT')
  expect(routeOf(router).filter.limits?.exclusive).toBe(true)
  expect(() => routeOf(new Router({ ...settings, sharesAddresses: true }))).toThrow(
    'needs pool.perUpstream.connections',
  )
})

it('keeps the order of a group for a client that may use only some of its members', () => {
  const member = (name: string, priority: number) => ({ kind: 'provider' as const, name, priority, weight: 1 })
  const groups = [{ name: 'g', members: [member('a', 1), member('b', 2), member('c', 3)] }]
  const routes = new RouteTable({ routes: [{ to: { kind: 'group', name: 'g' } }], groups }, () => true)
  const grouped = new Router({ ...settings, providers: ['a', 'b', 'c'], routes })
  const servingOf = (identity: Partial<ClientIdentity>, hopeless: string[] = []) => {
    const origin = { clientAddress: '192.0.2.1' }
    const route = grouped.route({ ...anonymous, ...identity }, target('a.test'), origin, plain, 'CONNECT', hopeless)
    return [route.filter.providers, route.permitted]
  }
  expect(servingOf({})).toEqual([['a'], ['a', 'b', 'c']])
  expect(servingOf({ providers: ['b', 'c'] })).toEqual([['b'], ['b', 'c']])
  expect(servingOf({ providers: ['b', 'c'] }, ['b'])).toEqual([['c'], ['b', 'c']])
  expect(servingOf({ options: { provider: 'c' } })).toEqual([['c'], ['c']])
})
