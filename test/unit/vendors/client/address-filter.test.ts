import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Secret } from '../../../../src/secret.ts'
import { filterAddresses, refusalOf } from '../../../../src/vendors/client/address-filter.ts'
import type { ProxyRecord } from '../../../../src/vendors/contract/delivery.ts'
import { plain } from '../scripted-http.ts'

const sold = (host: string, rest: Partial<ProxyRecord> = {}): ProxyRecord => ({
  host,
  port: 80,
  protocol: 'http',
  life: { kind: 'unknown' },
  ...rest,
})

describe('addresses that no upstream may have', () => {
  it.each([
    '0.0.0.0',
    '0.1.2.3',
    '10.0.0.1',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '224.0.0.1',
    '239.255.255.255',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::127.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::FFFF:10.0.0.1',
    '0:0:0:0:0:ffff:c0a8:0101',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    'fc00::1',
    'fd12:3456::1',
    'fe80::1',
    'febf::1',
    'ff02::1',
    'localhost',
    'LOCALHOST',
    'localhost.',
    'a.localhost',
    'localhost.localdomain',
    'ip6-localhost',
    'printer.local',
    'metadata.google.internal',
  ])('%s', (host) => {
    expect(refusalOf(host, false)).toMatch(/allowPrivate: true accepts it/)
    expect(refusalOf(host, true)).toBeUndefined()
  })
})

describe('the borders of that', () => {
  // Resolvers take these for IPv4 addresses, and nobody writes them in good faith.
  it.each([
    '127.1',
    '2130706433',
    '0x7f.0.0.1',
    '0x7f000001',
    '0177.0.0.1',
    '127.0.0.01',
    'a.b.1',
    '1.2.3.256',
    'fe80::1%eth0',
  ])('%s, whatever is allowed', (host) => {
    expect(refusalOf(host, false)).toBeDefined()
    expect(refusalOf(host, true)).toBeDefined()
  })

  it.each([
    '1.1.1.1',
    '172.15.255.255',
    '172.32.0.1',
    '100.128.0.1',
    '203.0.113.7',
    '2001:db8::1',
    '::ffff:1.1.1.1',
    'a.example.com',
    'tunpool-1.qg.net',
    'mylocalhost.com',
  ])('%s may', (host) => {
    expect(refusalOf(host, false)).toBeUndefined()
  })

  it('no form of a loopback address passes', () => {
    const byte = fc.integer({ min: 0, max: 255 })
    fc.assert(
      fc.property(byte, byte, byte, (b, c, d) => {
        const hex = (n: number) => n.toString(16).padStart(2, '0')
        for (const host of [
          `127.${b}.${c}.${d}`,
          `::ffff:127.${b}.${c}.${d}`,
          `::ffff:7f${hex(b)}:${hex(c)}${hex(d)}`,
        ]) {
          expect(refusalOf(host, false)).toBeDefined()
        }
      }),
    )
  })
})

describe('what is left', () => {
  const settings = { allowPrivate: false }

  it('an address comes once; another login makes another address', () => {
    const items = [
      sold('1.1.1.1'),
      sold('1.1.1.1'),
      sold('1.1.1.1', { port: 81 }),
      sold('1.1.1.1', { username: 'a' }),
      sold('1.1.1.1', { username: 'a' }),
    ]
    const { sold: left, rejected } = filterAddresses({ sold: items, rejected: [] }, settings)
    expect(left).toHaveLength(3)
    expect(rejected).toEqual(['the same address twice in one reply', 'the same address twice in one reply'])
  })

  it('keeps the balance, and what the vendor’s own code had rejected', () => {
    expect(filterAddresses({ sold: [sold('10.0.0.1')], rejected: ['first'], balance: 7 }, settings)).toEqual({
      sold: [],
      rejected: ['first', '10.0.0.1 is a private or reserved address (allowPrivate: true accepts it)'],
      balance: 7,
    })
  })

  it('ten thousand are enough, and a hundred reasons', () => {
    const items = Array.from({ length: 10_200 }, (_, n) => sold('1.1.1.1', { port: n + 1 }))
    const { sold: left, rejected } = filterAddresses({ sold: items, rejected: [] }, settings)
    expect(left).toHaveLength(10_000)
    expect(rejected).toHaveLength(100)
  })
})

describe('the provider’s login', () => {
  const upstream = { username: 'all', password: new Secret('of-them') }
  const complete = (item: Partial<ProxyRecord>, more = {}) =>
    filterAddresses(
      { sold: [sold('1.1.1.1', item)], rejected: [] },
      { allowPrivate: false, upstream: { ...upstream, ...more } },
    ).sold.map(plain)[0]

  it('is for items that bring none', () => {
    expect(complete({})).toMatchObject({ username: 'all', password: 'of-them', protocol: 'http' })
    expect(complete({ username: 'own', password: new Secret('too') })).toMatchObject({
      username: 'own',
      password: 'too',
    })
    expect(complete({ username: 'own' })).not.toHaveProperty('password')
  })

  it('a port that speaks both is spoken to as configured; https stays https', () => {
    expect(complete({}, { protocol: 'socks5' })).toMatchObject({ protocol: 'socks5' })
    expect(complete({ protocol: 'socks5' }, { protocol: 'http' })).toMatchObject({ protocol: 'http' })
    expect(complete({ protocol: 'https' }, { protocol: 'socks5' })).toMatchObject({ protocol: 'https' })
    expect(complete({}, { protocol: 'socks5', tls: true })).toMatchObject({ protocol: 'socks5' })
  })

  it('tls turns http into https and leaves socks5 alone', () => {
    expect(complete({}, { tls: true })).toMatchObject({ protocol: 'https' })
    expect(complete({ protocol: 'socks5' }, { tls: true })).toMatchObject({ protocol: 'socks5' })
    expect(complete({ username: 'own' }, { tls: true })).toMatchObject({ protocol: 'https', username: 'own' })
    expect(complete({}, { tls: false })).toMatchObject({ protocol: 'http' })
  })
})

it('leaves characters that a terminal or a page would obey out of places', () => {
  const place = {
    country: 'C\u0007N',
    area: '广东\u202e省',
    city: '\u001b[31m深圳\u2066',
    isp: '电信',
    exit: '203.0.113.9',
  }
  const { sold: items } = filterAddresses({ sold: [sold('203.0.113.7', place)], rejected: [] }, { allowPrivate: false })
  expect(items).toMatchObject([{ country: 'CN', area: '广东省', city: '[31m深圳', isp: '电信', exit: '203.0.113.9' }])
})
