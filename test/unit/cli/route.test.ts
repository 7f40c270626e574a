import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { route } from '../../../src/cli/route.ts'

const folder = mkdtempSync(join(tmpdir(), 'turnpike-route-'))
const file = join(folder, 'gateway.yaml')
afterAll(() => rmSync(folder, { recursive: true }))
writeFileSync(
  file,
  `listen: [{ port: 8080 }, { port: 9000, name: inner, provider: b }]
providers:
  - { name: a, vendor: demo }
  - { name: b, vendor: demo }
groups:
  - { name: g, members: [{ provider: a, weight: 3 }], fallback: provider b }
routes:
  - DOMAIN-SUFFIX,blocked.example,block
  - { host: [10.0.0.0/8, direct.test, "*.d.test"], to: direct }
  - { host: "*.example", user: u, to: group g }
  - { host: "*.example", method: socks, to: provider b }
`,
)
const explained = (target: string, options: { user?: string; listen?: string; method?: 'socks' } = {}) =>
  route(file, {}, target, { method: 'CONNECT', ...options }).split('\n')

it('names the rule with its place, and where it leads', () => {
  expect(explained('a.blocked.example')).toEqual([
    'a.blocked.example:443 by CONNECT, at port 8080',
    `  rule 1    ${file}:8: DOMAIN-SUFFIX,blocked.example,block`,
    '  leads to  block: the client is answered 403 GW_TARGET_BLOCKED',
    '',
  ])
  expect(explained('a.example:80', { user: 'u' }).slice(1)).toEqual([
    `  rule 3    ${file}:10: { host: "*.example", user: u, to: group g }`,
    '  leads to  group g',
    '  first     a (weight 3)',
    '  else      b (weight 1)',
    '',
  ])
  expect(explained('a.example', { method: 'socks' })[2]).toBe('  leads to  provider b')
})

it('says of direct whether a private address is refused', () => {
  const DIRECT = '  leads to  direct: the target sees the address of this machine'
  expect(explained('direct.test')[2]).toBe(DIRECT)
  expect(explained('10.1.2.3')[2]).toBe(DIRECT)
  expect(explained('a.d.test')[2]).toBe(`${DIRECT}; refused where it is a private address`)
})

it('shows the rule alone, whatever stands beside it on its line', () => {
  const json = join(folder, 'gateway.json')
  const users = '[{"name":"u","password":"a password nobody prints"}]'
  writeFileSync(
    json,
    `{"routes":["MATCH,block"],"listen":[{"users":${users}}],"providers":[{"name":"a","vendor":"demo"}]}`,
  )
  expect(route(json, {}, 'a.test', { method: 'CONNECT' }).split('\n')[1]).toBe(`  rule 1    ${json}:1: "MATCH,block"`)
})

it('says what happens where no rule matches', () => {
  expect(explained('other.test').slice(1)).toEqual(['  no rule matches', '  leads to  any provider', ''])
  expect(explained('other.test', { listen: 'inner' }).slice(1)).toEqual([
    '  no rule matches',
    '  leads to  provider b (of this port)',
    '',
  ])
})

it('says what a user may use of it', () => {
  const limited = join(folder, 'limited.yaml')
  writeFileSync(
    limited,
    `listen:
  - port: 8080
    users:
      - { name: u, password: pw, providers: [b, c] }
      - { name: all, password: pw }
  - { port: 9000, provider: a, users: [{ name: u, password: pw, providers: [b, c] }] }
providers: [{ name: a, vendor: demo }, { name: b, vendor: demo }, { name: c, vendor: demo }]
groups: [{ name: g, members: [{ provider: a }, { provider: b, priority: 2 }], fallback: provider c }]
routes:
  - { host: a.test, to: provider a }
  - { host: g.test, to: group g }
  - { host: direct.test, to: direct }
  - { host: own.test, user: u, to: direct }
`,
  )
  const end = (target: string, options: { user?: string; listen?: string } = { user: 'u' }) =>
    route(limited, {}, target, { method: 'CONNECT', ...options })
      .split('\n')
      .slice(2, -1)
  const NOTHING = '  leads to  nothing: this user may use only b, c, and is answered 403 GW_PROVIDER_NOT_ALLOWED'
  const DIRECT = '  leads to  direct: the target sees the address of this machine'
  expect(end('a.test')).toEqual([NOTHING])
  expect(end('a.test', { user: 'all' })).toEqual(['  leads to  provider a'])
  expect(end('g.test')).toEqual(['  leads to  group g', '  first     b (weight 1)', '  else      c (weight 1)'])
  expect(end('direct.test')).toEqual([NOTHING])
  expect(end('direct.test', { user: 'all' })).toEqual([DIRECT])
  expect(end('own.test')).toEqual([DIRECT])
  expect(end('other.test')).toEqual(['  leads to  provider b, c (of this user)'])
  expect(end('other.test', { user: 'u', listen: '9000' })).toEqual([NOTHING])
})

it('refuses what is no target, and a port that the gateway does not have', () => {
  expect(() => explained('a b')).toThrow('is no target')
  expect(() => explained('a.test', { listen: '7' })).toThrow('no port of the gateway has this number or name')
})
