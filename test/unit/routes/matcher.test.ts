/** The first rule that matches wins: the index against reading the rules one after the other. */
import { BlockList, isIP } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalHost } from '../../../src/routes/host.ts'
import { RouteMatcher } from '../../../src/routes/matcher.ts'
import type { HostPattern, RouteMethod, RouteQuery, RouteRule } from '../../../src/routes/rule.ts'

const block = { kind: 'block' } as const
const rule = (criteria: Omit<RouteRule, 'to'>): RouteRule => ({ ...criteria, to: block })
const query = (host: string, rest: Partial<RouteQuery> = {}): RouteQuery => ({
  host,
  port: 443,
  user: undefined,
  listen: { port: 8080, name: undefined },
  method: 'CONNECT',
  ...rest,
})
const exact = (value: string): HostPattern => ({ kind: 'exact', value })
const below = (value: string): HostPattern => ({ kind: 'below', value })
const suffix = (value: string): HostPattern => ({ kind: 'suffix', value })
const inBlock = (value: string): HostPattern => ({ kind: 'block', value })

describe('hosts', () => {
  const first = (pattern: HostPattern, host: string) => new RouteMatcher([rule({ host: [pattern] })]).match(query(host))
  it.each([
    ['an exact name', exact('a.example'), ['a.example', 'A.Example', 'a.example.'], ['b.a.example', 'a.example.com']],
    ['every host below', below('a.example'), ['b.a.example', 'c.b.A.example'], ['a.example', 'ba.example']],
    ['a suffix', suffix('a.example'), ['a.example', 'b.a.example'], ['ba.example', 'example']],
    ['a keyword', { kind: 'keyword', value: 'ads' }, ['ads.example', 'x.gloADS.example'], ['ad.example']],
    ['any', { kind: 'any' }, ['a.example', '10.0.0.1', '::1'], []],
    ['a block', inBlock('10.0.0.0/8'), ['10.1.2.3', '::ffff:10.1.2.3', '0x0a.1', '167837955'], ['11.0.0.1', 'x.10']],
    ['a block of IPv6', inBlock('fd00::/8'), ['fd12::1', 'FD12:0:0::1'], ['fe00::1', '10.0.0.1']],
    ['an address', exact('10.0.0.1'), ['10.0.0.1', '10.1'], ['10.0.0.10']],
  ] as const)('%s', (_what, pattern, yes, no) => {
    expect(yes.map((host) => first(pattern, host))).toEqual(yes.map(() => 0))
    expect(no.map((host) => first(pattern, host))).toEqual(no.map(() => undefined))
  })
})

it('a rule matches when all its criteria do', () => {
  const matcher = new RouteMatcher([
    rule({ host: [suffix('a.example')], port: [{ from: 80, to: 90 }], user: ['x'], method: ['plain'], listen: ['in'] }),
    rule({ user: ['x'], listen: [9_000] }),
    rule({ port: [{ from: 1, to: 65_535 }], method: ['socks'] }),
  ])
  const inside = { port: 85, user: 'x', method: 'plain', listen: { port: 9_000, name: 'in' } } as const
  expect(matcher.match(query('a.example', inside))).toBe(0)
  expect(matcher.match(query('a.example', { ...inside, port: 91 }))).toBe(1)
  expect(matcher.match(query('a.example', { ...inside, user: 'y' }))).toBeUndefined()
  expect(matcher.match(query('a.example', { ...inside, method: 'socks', user: undefined }))).toBe(2)
})

/** Reads the rules one after the other. */
function naive(rules: readonly RouteRule[], asked: RouteQuery): number | undefined {
  const found = rules.findIndex(({ host, port, user, listen, method }) => {
    const { name, port: number } = asked.listen
    return (
      (host?.some((pattern) => names(pattern, canonicalHost(asked.host))) ?? true) &&
      (port?.some(({ from, to }) => from <= asked.port && asked.port <= to) ?? true) &&
      (user?.some((one) => one === asked.user) ?? true) &&
      (listen?.some((one) => one === number || one === name) ?? true) &&
      (method?.includes(asked.method) ?? true)
    )
  })
  return found === -1 ? undefined : found
}

it('reads a name with dots at its end as the name without them', () => {
  expect(['A.Test', 'a.test.', 'a.test..', '10.1.2.3.', '...', ''].map(canonicalHost)).toEqual([
    ...['a.test', 'a.test', 'a.test', '10.1.2.3', '', ''],
  ])
})

function names(pattern: HostPattern, host: string): boolean {
  switch (pattern.kind) {
    case 'any':
      return true
    case 'exact':
      return host === pattern.value
    case 'below':
      return host.endsWith(`.${pattern.value}`)
    case 'suffix':
      return host === pattern.value || host.endsWith(`.${pattern.value}`)
    case 'keyword':
      return host.includes(pattern.value)
    case 'block': {
      const [address = '', length] = pattern.value.split('/')
      if (isIP(host) !== isIP(address)) return false
      const list = new BlockList()
      list.addSubnet(address, Number(length), isIP(address) === 4 ? 'ipv4' : 'ipv6')
      return list.check(host, isIP(host) === 4 ? 'ipv4' : 'ipv6')
    }
  }
}

const label = fc.constantFrom('a', 'b', 'ads', 'example', 'com')
const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'))
const octet = fc.constantFrom(0, 1, 10, 127, 192, 255)
const ipv4 = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join('.'))
const group = fc.constantFrom('0', '1', 'fd00', 'ffff')
const ipv6 = fc
  .array(group, { minLength: 8, maxLength: 8 })
  .map((groups) => canonicalHost(groups.join(':')))
  .filter((host) => host.includes(':'))
const hostPattern: fc.Arbitrary<HostPattern> = fc.oneof(
  fc.record({ kind: fc.constantFrom('exact', 'below', 'suffix'), value: fc.oneof(name, ipv4) }),
  fc.record({ kind: fc.constant('keyword' as const), value: fc.constantFrom('ad', 'ex', '1', '.com') }),
  fc.tuple(ipv4, fc.integer({ min: 0, max: 32 })).map(([ip, bits]) => inBlock(`${ip}/${bits}`)),
  fc.tuple(ipv6, fc.integer({ min: 0, max: 128 })).map(([ip, bits]) => inBlock(`${ip}/${bits}`)),
  { weight: 1, arbitrary: fc.constant({ kind: 'any' as const }) },
)
const port = fc.constantFrom(1, 80, 443, 8_080, 65_535)
const range = fc.tuple(port, port).map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }))
const method = fc.constantFrom<RouteMethod>('CONNECT', 'plain', 'socks')
const some = <T>(item: fc.Arbitrary<T>) => fc.array(item, { minLength: 1, maxLength: 3 })
const anyRule = fc
  .record(
    {
      host: some(hostPattern),
      port: some(range),
      user: some(fc.constantFrom('x', 'y')),
      listen: some(fc.constantFrom(8_080, 9_000, 'in')),
      method: some(method),
    },
    { requiredKeys: [] },
  )
  .map(rule)
const anyQuery: fc.Arbitrary<RouteQuery> = fc.record({
  host: fc.oneof(
    name,
    ipv4,
    ipv6,
    name.map((host) => `${host.toUpperCase()}.`),
  ),
  port,
  user: fc.constantFrom(undefined, 'x', 'y'),
  listen: fc.record({ port: fc.constantFrom(8_080, 9_000), name: fc.constantFrom(undefined, 'in') }),
  method,
})

it('gives the rule that reading them in order gives', () => {
  const run = (rules: readonly RouteRule[], queries: readonly RouteQuery[]) => {
    const matcher = new RouteMatcher(rules)
    for (const asked of queries) expect(matcher.match(asked)).toBe(naive(rules, asked))
  }
  fc.assert(fc.property(fc.array(anyRule, { maxLength: 40 }), fc.array(anyQuery, { maxLength: 30 }), run), {
    numRuns: 300,
  })
})

it('looks at few of 100,000 rules', () => {
  let looked = 0
  const counted = (index: number): RouteRule => ({
    host: [suffix(`host-${index}.example`)],
    get port() {
      looked++
      return [{ from: 1, to: 65_535 }]
    },
    to: block,
  })
  const matcher = new RouteMatcher(Array.from({ length: 100_000 }, (_, index) => counted(index)))
  looked = 0
  expect(matcher.match(query('a.b.c.host-99999.example'))).toBe(99_999)
  expect(matcher.match(query('unknown.example'))).toBeUndefined()
  expect(looked).toBe(1)
})
