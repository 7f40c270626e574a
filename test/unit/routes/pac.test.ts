/** The PAC file against the rules themselves, evaluated in a context that has none of the functions of Node. */
import { createContext, runInContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RouteMatcher } from '../../../src/routes/matcher.ts'
import { type PacSettings, pacFile } from '../../../src/routes/pac.ts'
import type { HostPattern, RouteRule } from '../../../src/routes/rule.ts'

const GATEWAY = 'PROXY 127.0.0.1:8080'
const settings: PacSettings = { proxy: GATEWAY, listen: { port: 8_080, name: 'in' }, mayBeDirect: true }

/** What a browser asks: the URL without path, and the host as it stands there, IPv6 with or without brackets. */
function evaluate(file: string, context = createContext({})): (url: string, host?: string) => string {
  runInContext(file, context)
  return (url, host = new URL(url).hostname) =>
    runInContext(`FindProxyForURL(${JSON.stringify(url)}, ${JSON.stringify(host)})`, context) as string
}

const find = (rules: readonly RouteRule[], over: Partial<PacSettings> = {}) =>
  evaluate(pacFile(rules, { ...settings, ...over }))
const direct = { kind: 'direct' } as const
const block = { kind: 'block' } as const
const exact = (value: string): HostPattern => ({ kind: 'exact', value })
const suffix = (value: string): HostPattern => ({ kind: 'suffix', value })
const inBlock = (value: string): HostPattern => ({ kind: 'block', value })

it('sends everything to the gateway, and directly what a rule to direct matches before any other', () => {
  const ask = find([
    { host: [exact('blocked.a.test')], to: block },
    { host: [suffix('a.test'), inBlock('10.0.0.0/8'), inBlock('fd00::/8')], to: direct },
    { host: [{ kind: 'any' }], port: [{ from: 8_000, to: 8_999 }], to: direct },
  ])
  for (const url of [
    'http://a.test/',
    'https://x.A.test/',
    'http://10.1.2.3/',
    'http://[fd12::1]/',
    'http://b.test:8080/',
  ])
    expect([url, ask(url)]).toEqual([url, 'DIRECT'])
  for (const url of [
    'http://b.test/',
    'https://blocked.a.test/',
    'http://xa.test/',
    'http://11.0.0.1/',
    'http://[fe80::1]/',
  ])
    expect([url, ask(url)]).toEqual([url, GATEWAY])
  expect(ask('http://[::ffff:10.1.2.3]/')).toBe('DIRECT')
  expect(ask('http://[fd12::1]/', 'fd12::1')).toBe('DIRECT')
  expect(ask('http://a.test./')).toBe('DIRECT')
})

it('leaves to the gateway what it cannot know: users, and the ways of its users', () => {
  const rules: RouteRule[] = [
    { host: [exact('a.test')], user: ['u'], to: { kind: 'provider', name: 'p' } },
    { host: [exact('b.test')], user: ['u'], to: direct },
    { to: direct },
  ]
  const ask = find(rules)
  expect(['a', 'b', 'c'].map((name) => ask(`http://${name}.test/`))).toEqual([GATEWAY, GATEWAY, 'DIRECT'])
  expect(find(rules, { mayBeDirect: false })('http://c.test/')).toBe(GATEWAY)
  expect(find([{ to: direct }])('http://turnpike.internal/')).toBe(GATEWAY)
})

it('knows the port of the gateway, and the methods of a browser', () => {
  const ask = find([
    { listen: [9_000], to: block },
    { host: [exact('a.test')], method: ['socks'], to: block },
    { host: [exact('a.test')], method: ['plain'], to: direct },
    { host: [exact('b.test')], listen: ['in'], method: ['CONNECT'], to: direct },
  ])
  expect(['http', 'https', 'ws', 'wss'].map((scheme) => ask(`${scheme}://a.test/`))).toEqual([
    'DIRECT',
    ...Array<string>(3).fill(GATEWAY),
  ])
  expect(ask('https://b.test/')).toBe('DIRECT')
})

describe('no text of a rule is code', () => {
  it.each(['__proto__', 'constructor', 'a"+"b', '</script>', 'x\u2028y', "'", '\\', '\n'])('%j', (text) => {
    const file = pacFile(
      [{ host: [exact(text), suffix(text), { kind: 'keyword', value: text }], to: direct }],
      settings,
    )
    expect(file).toMatch(/^[\x20-\x7e\n]*$/)
    const ask = evaluate(file)
    expect(ask('http://x/', text)).toBe('DIRECT')
    for (const host of ['other', 'toString', 'hasownproperty']) expect(ask('http://x/', host)).toBe(GATEWAY)
  })
})

it('with more rules than a browser reads, it ends early and leaves the rest to the gateway', () => {
  const list = (from: number) => Array.from({ length: 30_000 }, (_, n) => suffix(`host-${from + n}.example`))
  const rules = [0, 1, 2, 3].map(
    (n): RouteRule => ({ host: list(n * 30_000), to: n === 0 ? direct : n === 3 ? direct : block }),
  )
  const file = pacFile([{ host: [exact('first.test')], to: direct }, ...rules, { to: direct }], settings)
  expect(file.length).toBeLessThan(1_048_576)
  const ask = evaluate(file)
  expect(ask('http://first.test/')).toBe('DIRECT')
  expect(ask('http://host-95000.example/')).toBe(GATEWAY)
  expect(ask('http://other.test/')).toBe(GATEWAY)
})

const name = fc
  .array(fc.constantFrom('a', 'b', 'ads', 'example', 'com'), { minLength: 1, maxLength: 4 })
  .map((labels) => labels.join('.'))
const ipv4 = fc
  .array(fc.constantFrom(0, 1, 10, 127, 192), { minLength: 4, maxLength: 4 })
  .map((octets) => octets.join('.'))
const ipv6 = fc.constantFrom('fd00::1', '2001:db8::', '::1', 'fd00:0:1:2:3:4:5:6')
const hostPattern: fc.Arbitrary<HostPattern> = fc.oneof(
  fc.record({ kind: fc.constantFrom('exact', 'below', 'suffix'), value: fc.oneof(name, ipv4) }),
  fc.record({ kind: fc.constant('keyword' as const), value: fc.constantFrom('ad', 'ex', '1', '.com') }),
  fc.tuple(ipv4, fc.integer({ min: 0, max: 32 })).map(([ip, bits]) => inBlock(`${ip}/${bits}`)),
  fc.tuple(ipv6, fc.integer({ min: 0, max: 128 })).map(([ip, bits]) => inBlock(`${ip}/${bits}`)),
  fc.constant({ kind: 'any' as const }),
)
const port = fc.constantFrom(1, 80, 443, 8_080)
const range = fc.tuple(port, port).map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }))
const some = <T>(item: fc.Arbitrary<T>) => fc.array(item, { minLength: 1, maxLength: 3 })
const anyRule: fc.Arbitrary<RouteRule> = fc.record(
  {
    host: some(hostPattern),
    port: some(range),
    user: some(fc.constantFrom('x', 'y')),
    listen: some(fc.constantFrom(8_080, 9_000, 'in')),
    method: some(fc.constantFrom('CONNECT' as const, 'plain' as const, 'socks' as const)),
    to: fc.constantFrom(direct, block),
  },
  { requiredKeys: ['to'] },
)

it('says DIRECT only where the gateway would go directly whoever the user is, and always where no rule asks for a user', () => {
  // One for all files: making one takes longer than the rest. Each file replaces the one before.
  const context = createContext({})
  const run = (rules: readonly RouteRule[], hosts: readonly string[], number: number, scheme: string) => {
    const ask = evaluate(pacFile(rules, settings), context)
    const matcher = new RouteMatcher(rules)
    const method = scheme === 'http' ? ('plain' as const) : ('CONNECT' as const)
    for (const host of hosts) {
      const answer = ask(`${scheme}://${host.includes(':') ? `[${host}]` : host}:${number}/`, host)
      const leads = [undefined, 'x', 'y'].map((user) => {
        const rule = matcher.match({ host, port: number, user, listen: settings.listen, method })
        return rule !== undefined && rules[rule]?.to.kind === 'direct'
      })
      if (answer === 'DIRECT') expect(leads).toEqual([true, true, true])
      else if (rules.every(({ user }) => user === undefined)) expect(leads).not.toContain(true)
    }
  }
  const hosts = some(fc.oneof(name, ipv4, ipv6))
  fc.assert(fc.property(fc.array(anyRule, { maxLength: 12 }), hosts, port, fc.constantFrom('http', 'https'), run), {
    numRuns: 200,
  })
})
