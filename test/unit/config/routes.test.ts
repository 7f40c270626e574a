/** `routes:` and `groups:`: what may be written, what it becomes, and what is said of a mistake. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { parseConfig } from '../../../src/config/load.ts'
import { readHostLine } from '../../../src/config/routes-schema.ts'
import { ConfigError } from '../../../src/errors.ts'

const folder = mkdtempSync(join(tmpdir(), 'turnpike-routes-'))
afterAll(() => rmSync(folder, { recursive: true }))
writeFileSync(join(folder, 'hosts.txt'), '# ads\nads.example\n*.track.example # below\n.dot.example\n10.0.0.0/8\n\n')
writeFileSync(join(folder, 'odd.txt'), 'fine.example\nnot a host\n')

const PROVIDERS =
  'providers:\n  - { name: one, vendor: static, list: ["192.0.2.1:80"] }\n  - { name: two, vendor: static, list: ["192.0.2.2:80"] }\n'
const load = (text: string) => parseConfig(`${PROVIDERS}${text}`, join(folder, 'gateway.yaml'), {})
const rules = (text: string) => load(`routes:\n${text}`).routes

function problems(text: string): string[] {
  try {
    load(text)
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ line, column, path, message }) => `${(line ?? 0) - 3}:${column} ${path} ${message}`)
  }
}

it('a rule says what it matches and where it goes', () => {
  expect(
    rules(
      '  - { host: ["*.A.example", 10.0.0.0/8, "*"], port: [443, 8000-8999], user: u, listen: 8080, method: plain, to: provider one }',
    ),
  ).toEqual([
    {
      host: [{ kind: 'below', value: 'a.example' }, { kind: 'block', value: '10.0.0.0/8' }, { kind: 'any' }],
      port: [
        { from: 443, to: 443 },
        { from: 8_000, to: 8_999 },
      ],
      user: ['u'],
      listen: [8_080],
      method: ['plain'],
      to: { kind: 'provider', name: 'one' },
    },
  ])
})

it.each([
  ['DOMAIN,www.Example.com,provider one', { host: [{ kind: 'exact', value: 'www.example.com' }] }],
  ['DOMAIN-SUFFIX,example.com,provider one', { host: [{ kind: 'suffix', value: 'example.com' }] }],
  ['DOMAIN-KEYWORD,Ads,provider one', { host: [{ kind: 'keyword', value: 'ads' }] }],
  ['IP-CIDR,10.0.0.0/8,provider one,no-resolve', { host: [{ kind: 'block', value: '10.0.0.0/8' }] }],
  ['IP-CIDR6,fd00::/8,provider one', { host: [{ kind: 'block', value: 'fd00::/8' }] }],
  ['IP-CIDR6,::ffff:10.0.0.0/104,provider one', { host: [{ kind: 'block', value: '10.0.0.0/8' }] }],
  ['IP-CIDR6,::ffff:10.0.0.0/90,provider one', { host: [{ kind: 'block', value: '::ffff:0:0/90' }] }],
  ['DST-PORT,25,provider one', { port: [{ from: 25, to: 25 }] }],
  ['MATCH, provider one', {}],
])('the line %s is read as other proxies read it', (line, criteria) => {
  expect(rules(`  - "${line}"`)).toEqual([{ ...criteria, to: { kind: 'provider', name: 'one' } }])
})

it('DIRECT is direct, and may reach private addresses where the rule says so', () => {
  expect(rules('  - DOMAIN,a.example,DIRECT\n  - { to: direct, allowPrivate: true }')).toEqual([
    { host: [{ kind: 'exact', value: 'a.example' }], to: { kind: 'direct' } },
    { to: { kind: 'direct' }, allowPrivate: true },
  ])
})

it('REJECT is block', () => {
  expect(rules('  - DOMAIN,a.example,REJECT\n  - { to: block }').map(({ to }) => to)).toEqual([
    { kind: 'block' },
    { kind: 'block' },
  ])
})

it.each([
  ['zone.example.', { kind: 'suffix', value: 'zone.example' }],
  ['*.Zone.Example.', { kind: 'below', value: 'zone.example' }],
  ['b\u00fccher.example.', { kind: 'suffix', value: 'xn--bcher-kva.example' }],
  ['zone.example..', undefined],
  ['.', undefined],
  ['192.0.2.7.', undefined],
])('a line of a zone file is a host, with the dot at its end: %s', (line, pattern) => {
  expect(readHostLine(line)).toEqual(pattern)
})

it('a file of hosts stands for its lines: the name and all below it, unless it says *.', () => {
  expect(rules('  - { hosts: hosts.txt, to: block }')[0]?.host).toEqual([
    { kind: 'suffix', value: 'ads.example' },
    { kind: 'below', value: 'track.example' },
    { kind: 'suffix', value: 'dot.example' },
    { kind: 'block', value: '10.0.0.0/8' },
  ])
})

describe('a mistake is told at its place', () => {
  it.each([
    ['routes:\n  - { to: provider on }', '2:11 routes[0].to no provider has this name; did you mean one'],
    ['routes:\n  - MATCH,group g', '2:5 routes[0] no group has this name; groups here: none'],
    ['routes:\n  - { host: "a b", to: block }', '2:13 routes[0].host write a host'],
    ['routes:\n  - { port: 70000, to: block }', '2:13 routes[0].port write a port or a range'],
    ['routes:\n  - { listen: 9, to: block }', '2:15 routes[0].listen no port of the gateway has this number'],
    ['routes:\n  - DOMAIN,a.example', '2:5 routes[0] write DOMAIN,name,TARGET'],
    ['routes:\n  - IP-CIDR,10.0.0.1/33,block', '2:5 routes[0] IP-CIDR: write a block of addresses'],
    ['routes:\n  - DOMAIN-SUFFIX,a.example,one', '2:5 routes[0] write where it goes: provider NAME, group NAME'],
    ['routes:\n  - DOMAIN,a..example,block', '2:5 routes[0] DOMAIN takes a name, as in www.example.com'],
    ['routes:\n  - GEOIP,CN,block', '2:5 routes[0] write DOMAIN,name,TARGET'],
    ['routes:\n  - { host: a.example }', '2:5 routes[0].to is missing'],
    ['routes:\n  - { hosts: none.txt, to: block }', '2:14 routes[0].hosts there is no such file'],
    ['routes:\n  - { hosts: odd.txt, to: block }', '2:14 routes[0].hosts line 2 of the list is no host'],
    ['routes:\n  - { hots: a, to: block }', '2:7 routes[0].hots unknown key; did you mean'],
    ['groups:\n  - { name: g, members: [three] }', '2:26 groups[0].members[0] no provider has this name'],
    [
      'groups:\n  - { name: g, members: [{ provider: one, share: 2 }] }',
      '2:43 groups[0].members[0].share unknown key; known here: provider, group, priority, weight',
    ],
    [
      'groups:\n  - { name: g, members: [{ weight: 2 }] }',
      '2:26 groups[0].members[0] write keys, exactly one of them provider or group',
    ],
    [
      'groups:\n  - { name: g, members: [one], fallback: direct }',
      '2:42 groups[0].fallback a fallback is provider NAME',
    ],
    ['routes:\n  - { to: block, allowPrivate: true }', '2:18 routes[0].allowPrivate belongs to rules with to: direct'],
    ['groups:\n  - { name: direct, members: [one] }', '2:13 groups[0].name choose another name'],
    [
      'groups:\n  - { name: a, members: [{ group: b }] }\n  - { name: b, members: [one], fallback: group a }',
      '2:16 groups[0].members the groups form a cycle: a -> b -> a',
    ],
  ])('%s', (text, expected) => {
    const found = problems(text)
    expect(found).toHaveLength(1)
    expect(found[0]?.slice(0, expected.length)).toBe(expected)
  })
})
