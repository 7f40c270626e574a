import { describe, expect, it } from 'vitest'
import { isPrivateAuthority, providerYaml, yamlHelp } from '../../../src/config/provider-yaml.ts'
import { Secret } from '../../../src/secret.ts'
import { type LinkReading, readLink } from '../../../src/vendors/registry.ts'

const address = (host: string, login: 'none' | 'user name' = 'none') =>
  ({ address: `${host}:8080`, protocol: 'http', login, lifeSeconds: 60, area: null, isp: null }) as never

function reading(): LinkReading {
  const read = readLink(new Secret('https://api.vendor.example/take?key=abc&num=1'))
  if (read.kind === 'problem') throw new Error(read.message)
  return read
}

const yamlOf = (...addresses: readonly never[]) => providerYaml(reading(), yamlHelp({ doubts: [], addresses }))

describe('the entry for a pasted link', () => {
  it('has allowPrivate exactly where a private address came', () => {
    expect(yamlOf(address('203.0.113.7'), address('10.1.2.3'))).toContain('    allowPrivate: true ')
    expect(yamlOf(address('203.0.113.7'))).not.toContain('allowPrivate')
  })

  it('has a life to fill in exactly where the reply told none', () => {
    expect(providerYaml(reading(), yamlHelp({ doubts: ['assumed'] as never, addresses: [] }))).toContain(
      '    ttl: 60s ',
    )
    expect(yamlOf(address('203.0.113.7'))).not.toContain('ttl:')
  })

  it('shows where a login goes exactly where none came', () => {
    expect(yamlOf(address('203.0.113.7'))).toContain('# upstream: ')
    expect(yamlOf(address('203.0.113.7', 'user name'))).not.toContain('# upstream: ')
  })
})

it.each([
  ['10.0.0.1:80', true],
  ['192.168.1.1:80', true],
  ['127.0.0.1:80', true],
  ['[fd00::1]:80', true],
  ['203.0.113.7:80', false],
  ['8.8.8.8:80', false],
  ['proxy.example:80', false],
])('%s: private %s', (authority, isPrivate) => {
  expect(isPrivateAuthority(authority)).toBe(isPrivate)
})
