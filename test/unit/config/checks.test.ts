import { describe, expect, it } from 'vitest'
import { acme, oneProvider, parse, problemsOf } from './fake-catalogue.ts'

const listen = (...ports: string[]) => `listen: [${ports.map((port) => `{ ${port} }`).join(', ')}]\n${oneProvider}`
const provider = (more: string) => `providers: [${acme.replace(' }', '')}, ${more} }]\n`

const callback = (more: string) => `callback: { path: /callback/0123456789abcdef, ${more} }\n${oneProvider}`

describe('names', () => {
  it('are given once', () => {
    expect(problemsOf(`providers:\n  - ${acme}\n  - ${acme}`)).toEqual([
      '3:13 providers[1].name another provider has this name already',
    ])
    const twins = 'users: [{ name: u, password: p }, { name: u, password: q }]'
    expect(problemsOf(listen(twins))).toEqual([
      expect.stringContaining('listen[0].users[1].name another user of this port'),
    ])
    expect(() =>
      parse(listen('port: 1, users: [{ name: u, password: p }]', 'port: 2, users: [{ name: u, password: q }]')),
    ).not.toThrow()
  })

  it.each(['a:b', 'a-session-b', 'bob-CC-us', 'x-sessid_oneip-1', 'x-lifetime-'])(
    'a user cannot be called %s',
    (name) => {
      expect(problemsOf(listen(`users: [{ name: "${name}", password: p }]`))).toEqual([
        expect.stringMatching(/users\[0\]\.name a (user )?name cannot hold/),
      ])
    },
  )

  it.each(['a-b', 'a-session', 'session', 'area51', 'a-sessions-b', '中文'])('a user can be called %s', (name) => {
    expect(parse(listen(`users: [{ name: "${name}", password: p }]`)).listen[0]?.users?.[0]?.name).toBe(name)
  })

  it('must be those of a provider where they refer to one', () => {
    expect(problemsOf(`listen: [{ provider: acne }]\nproviders: [{ name: acme, vendor: demo }]`)).toEqual([
      expect.stringContaining('listen[0].provider no provider has this name; did you mean acme?'),
    ])
    expect(problemsOf(listen('provider: somewhere'))).toEqual([
      expect.stringContaining('no provider has this name; providers here: a'),
    ])
    expect(problemsOf(listen('users: [{ name: u, password: p, providers: [a, zzzz] }]'))).toEqual([
      expect.stringContaining('listen[0].users[0].providers[1] no provider has this name'),
    ])
    expect(parse(listen('provider: a, users: [{ name: u, password: p, providers: [a] }]')).listen[0]?.provider).toBe(
      'a',
    )
  })

  it('are not given away when they came from the environment', () => {
    const source = 'listen: [{ provider: hidde }]\nproviders: [{ name: "${NAME}", vendor: demo }]'
    expect(problemsOf(source, { NAME: 'hidden' })).toEqual([
      expect.stringContaining('no provider has this name; providers here: none'),
    ])
  })
})

describe('ports', () => {
  it.each([
    ['the same', listen('port: 8000', 'port: 8000'), 'listen[1].port listen[0] listens on this port already'],
    ['the default twice', listen('session: client', 'session: target'), 'listen[1].port listen[0] listens'],
    [
      'every address and one',
      listen('port: 8000', 'port: 8000, host: 0.0.0.0, allow: [10.0.0.0/8]'),
      'listen[1].port listen[0] listens',
    ],
    ['a name for the same', listen('port: 8000', 'port: 8000, host: localhost'), 'listen[1].port listen[0] listens'],
    ['the admin port', `admin: { port: 8080 }\n${oneProvider}`, 'admin.port listen[0] listens on this port already'],
    ['the default admin port', listen('port: 8081'), 'admin.port listen[0] listens on this port already'],
    ['the callback port', callback('port: 8080'), 'callback.port listen[0] listens on this port already'],
    ['the callback port on every address', callback('port: 8081, host: 0.0.0.0'), 'callback.port admin listens'],
  ])('clash: %s', (_what, source, problem) => expect(problemsOf(source)).toEqual([expect.stringContaining(problem)]))

  it.each([
    ['on two addresses', listen('port: 8000, host: 127.0.0.1', 'port: 8000, host: 127.0.0.2')],
    ['both free ones', listen('port: 0', 'port: 0')],
    ['without admin', `${listen('port: 8081')}admin: off`],
    ['a callback port of its own', callback('port: 8082')],
    ['a callback port of another address', callback('port: 8080, host: 127.0.0.2')],
  ])('do not clash: %s', (_what, source) => expect(() => parse(source)).not.toThrow())
})

describe('a port that others can reach', () => {
  it.each(['0.0.0.0', '"::"', '192.168.1.5', 'gateway.internal', '"::ffff:10.0.0.1"', '"::ffff:0.0.0.0"'])(
    'on %s is refused when open to all',
    (host) => {
      expect(problemsOf(listen(`host: ${host}`))).toEqual([
        expect.stringContaining('listen[0].host other machines can reach this port: add users'),
      ])
    },
  )

  it.each(['0.0.0.0/0', '"::/0"', '"::ffff:0:0/96"', '10.0.0.0/8, 0.0.0.0/0'])('takes no allow-list of %s', (allow) => {
    expect(problemsOf(listen(`host: 0.0.0.0, allow: [${allow}]`))).toEqual([
      expect.stringMatching(/listen\[0\]\.allow\[[01]\] this allows everybody/),
    ])
  })

  it.each(['', ', allow: [0.0.0.0/0]'])('is not guarded by an empty password, with%s', (allow) => {
    const users = 'users: [{ name: u, password: p }, { name: v, password: "" }]'
    expect(problemsOf(listen(`host: 0.0.0.0, ${users}${allow}`))).toEqual([
      expect.stringContaining('listen[0].users[1].password is empty, and other machines can reach this port'),
    ])
    for (const port of [`${users}`, `host: 0.0.0.0, ${users}, allow: [10.0.0.0/8]`])
      expect(() => parse(listen(port))).not.toThrow()
  })

  it.each([
    ['users', 'host: 0.0.0.0, users: [{ name: u, password: p }]'],
    ['an allow-list', 'host: 0.0.0.0, allow: [10.0.0.0/8]'],
    ['loopback', 'host: "::1"'],
    ['mapped loopback', 'host: "::ffff:127.0.0.1"'],
    ['another loopback address', 'host: 127.8.9.1'],
    ['localhost', 'host: localhost'],
    ['loopback for everybody on it', 'host: 127.0.0.1, allow: [0.0.0.0/0]'],
  ])('is accepted with %s', (_what, port) => expect(() => parse(listen(port))).not.toThrow())

  it('is refused for the admin without a token', () => {
    expect(problemsOf(`admin: { host: 0.0.0.0 }\n${oneProvider}`)).toEqual([
      expect.stringContaining('admin.host other machines can reach the admin port: add a token'),
    ])
    expect(() => parse(`admin: { host: 0.0.0.0, token: t }\n${oneProvider}`)).not.toThrow()
    for (const token of ['two words', '令牌', 'no\u00a0break'])
      expect(() => parse(`admin: { token: '${token}' }\n${oneProvider}`)).toThrow(
        'write ASCII characters without spaces',
      )
  })
})

describe('figures that contradict each other', () => {
  it.each([
    ['pool: { floor: 51 }', 'pool.floor is above pool.ceiling (50)'],
    ['pool: { floor: 3, ceiling: 2 }', 'pool.floor is above pool.ceiling (2)'],
    ['health: { rest: 3m }', 'health.rest is longer than health.maxRest'],
    ['supply: { backoff: 2s, maxBackoff: 1s }', 'supply.backoff is longer than supply.maxBackoff'],
  ])('%s', (line, problem) => expect(problemsOf(oneProvider + line)).toEqual([expect.stringContaining(problem)]))

  it.each([
    ['ttl: 7s', 'pool: { minLife: 7s }'],
    ['ttl: 60s', 'pool: { minLife: 54s }'],
    ['ttl: 1s', 'pool: { margin: 500ms, minLife: 500ms }'],
  ])('a life that is never lent: %s %s', (ttl, pool) => {
    expect(problemsOf(provider(ttl) + pool)).toEqual([
      expect.stringContaining('providers[0].ttl no address would ever be lent'),
    ])
  })

  it.each([
    ['ttl: 7001ms', ''],
    ['ttl: 60s', 'pool: { minLife: 53999ms }'],
    ['ttl: 1s', 'pool: { margin: 0s, minLife: 0s }'],
  ])('a life that is lent: %s %s', (ttl, pool) => expect(() => parse(provider(ttl) + pool)).not.toThrow())

  it('the life of the demo vendor', () => {
    expect(problemsOf('providers: [{ name: d, vendor: demo, life: [1s, 7s] }]\npool: { minLife: 7s }')).toEqual([
      expect.stringContaining('providers[0].life no address'),
    ])
    expect(() => parse('providers: [{ name: d, vendor: demo, life: [1s, 3s] }]')).not.toThrow()
  })
})

describe('a provider', () => {
  it('of its own addresses names one source', () => {
    const message = 'providers[0].vendor a static provider takes exactly one of list, file and url'
    for (const sources of ['', ', list: ["x:80"], url: "http://a/"']) {
      expect(problemsOf(`providers: [{ name: s, vendor: static${sources} }]`)).toEqual([
        expect.stringContaining(message),
      ])
    }
  })

  it('has no password without a user name', () => {
    expect(problemsOf(provider('upstream: { password: p }'))).toEqual([
      expect.stringContaining('upstream.password a password needs a username'),
    ])
    expect(() => parse(provider('upstream: { username: u }'))).not.toThrow()
  })
})
