import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  addressMatcher,
  clientNetwork,
  formatAuthority,
  isHostName,
  isThisMachine,
  parseAuthority,
  parsePort,
  unmapIPv4,
} from '../../src/address.ts'

const hostName = fc.stringMatching(
  /^(?:[A-Za-z0-9_][A-Za-z0-9_.-]{0,60}\.)?[A-Za-z_](?:[A-Za-z0-9-]{0,10}[A-Za-z0-9])?$/,
)
const anyHost = fc.oneof(hostName, fc.ipV4(), fc.ipV6())
const anyPort = fc.integer({ min: 1, max: 65_535 })

it('any host and port survive writing and reading', () => {
  fc.assert(
    fc.property(anyHost, anyPort, (host, port) => {
      expect(parseAuthority(formatAuthority(host, port))).toEqual({ host, port })
    }),
  )
})

it('what is read is written back as it was, but for leading zeros of the port', () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^[[\]a-f0-9.:%-]{0,24}:[0-9]{0,6}$/))
  fc.assert(
    fc.property(text, (authority) => {
      const address = parseAuthority(authority)
      if (address === undefined) return
      expect(address.port >= 1 && address.port <= 65_535).toBe(true)
      expect(formatAuthority(address.host, address.port)).toBe(authority.replace(/:0*(\d+)$/, ':$1'))
    }),
    { numRuns: 500 },
  )
})

it('takes the default only where the port is missing', () => {
  expect(parseAuthority('a.com', 80)).toEqual({ host: 'a.com', port: 80 })
  expect(parseAuthority('[::1]', 80)).toEqual({ host: '::1', port: 80 })
  for (const text of ['a.com', '[::1]', '[fe80::1%eth0]:80', '[1.2.3.4]:80'])
    expect(parseAuthority(text)).toBeUndefined()
  // RFC 3986 section 6.2.3: a colon alone says the same.
  expect(parseAuthority('a.com:', 80)).toEqual({ host: 'a.com', port: 80 })
  expect(parseAuthority('[::1]:', 80)).toEqual({ host: '::1', port: 80 })
  for (const text of ['a.com:', '[::1]:']) expect(parseAuthority(text)).toBeUndefined()
  for (const text of ['[::1]x', 'a.com:x', ':']) expect(parseAuthority(text, 80)).toBeUndefined()
})

it('reads ports in plain decimal only', () => {
  expect(['1', '80', '65535', '00080'].map(parsePort)).toEqual([1, 80, 65_535, 80])
  for (const text of ['', '0', '65536', '000080', '+80', '-1', ' 80', '80 ', '8e1', '0x50', '٨٠']) {
    expect(parsePort(text)).toBeUndefined()
  }
})

it('knows host names from what else may stand there', () => {
  for (const name of ['a', 'a.b', 'a_b.c', '_srv.a', 'xn--fiqs8s', 'a.', '1.2.3.4', 'A-b', 'x'.repeat(255)]) {
    expect(isHostName(name)).toBe(true)
  }
  for (const text of ['', '-a', '.a', 'a b', 'a/b', 'a:b', 'a@b', '[a]', 'é', 'a%20', 'a\n', 'x'.repeat(256)]) {
    expect(isHostName(text)).toBe(false)
  }
})

it('a name that ends in a number is an IPv4 address in one of its spellings, or no host', () => {
  for (const name of ['127.1', '0x7f000001', '2130706433', '1.2.3.4.', '0177.0.0.1', 'a.1x', '1.2.3.test', '0xg']) {
    expect([name, isHostName(name)]).toEqual([name, true])
  }
  for (const name of ['1.2.3.256', '08.1', 'a.b.1', 'a.b.1.', '1.2.3.4.5', 'a.0x', 'a.0xFF', '4294967296', '09']) {
    expect([name, isHostName(name)]).toEqual([name, false])
  }
})

it('finds the IPv4 address behind IPv6', () => {
  expect(['::ffff:1.2.3.4', '::FFFF:1.2.3.4', '1.2.3.4', '::1', '::ffff:1:2'].map(unmapIPv4)).toEqual([
    '1.2.3.4',
    '1.2.3.4',
    '1.2.3.4',
    '::1',
    '::ffff:1:2',
  ])
})

it('matches blocks and single addresses of both families, and IPv4 behind IPv6', () => {
  const matches = addressMatcher(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32', '::1'])
  for (const ip of ['10.255.0.1', '::ffff:10.0.0.1', '192.0.2.7', '2001:db8:1::', '::1']) expect(matches(ip)).toBe(true)
  for (const ip of ['11.0.0.1', '192.0.2.8', '::ffff:11.0.0.1', '2001:db9::', '::2', ''])
    expect(matches(ip)).toBe(false)
})

it('any address is in its own block of any width, and in none that differs in its first bit', () => {
  const octets = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255))
  fc.assert(
    fc.property(octets, fc.integer({ min: 1, max: 32 }), ([first, ...rest], bits) => {
      const ip = [first, ...rest].join('.')
      expect(addressMatcher([`${ip}/${bits}`])(ip)).toBe(true)
      expect(addressMatcher([`${ip}/${bits}`])([first ^ 0x80, ...rest].join('.'))).toBe(false)
    }),
  )
})

it('refuses entries that are no address and no block: a forgotten width must not let everybody in', () => {
  for (const entry of [
    '',
    'a',
    '10.0.0.0/',
    '10.0.0.0/x',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
    '10.0.0/8',
    '/8',
    '1.2.3.4/1e0',
  ]) {
    expect(() => addressMatcher([entry]), entry).toThrow(RangeError)
  }
  expect(addressMatcher(['0.0.0.0/0'])('203.0.113.9')).toBe(true)
})

it('knows this machine under every spelling that a resolver would take', () => {
  const ours = [
    'localhost',
    'LOCALHOST.',
    'a.localhost',
    '127.0.0.1',
    '127.9.9.9',
    '0.0.0.0',
    '::1',
    '::',
    '::ffff:127.0.0.1',
  ]
  const spelt = [
    '0:0:0:0:0:0:0:1',
    '0:0:0:0:0:0:0:0',
    '0::0',
    '::ffff:7f00:1',
    '0:0:0:0:0:ffff:7f00:1',
    '::ffff:0.0.0.0',
  ]
  const numeric = ['127.1', '127.0.1', '2130706433', '0x7f000001', '0x7f.1', '0177.0.0.1', '0', '127.0.0.1.']
  for (const host of [...ours, ...spelt, ...numeric]) expect(isThisMachine(host), host).toBe(true)
  const others = [
    'example.com',
    'localhost.com',
    'mylocalhost',
    '128.0.0.1',
    '::2',
    '::ffff:8.8.8.8',
    '8.8',
    '1',
    '127.0.0.1.com',
    '300.0.0.1',
    'a_b',
  ]
  for (const host of others) expect(isThisMachine(host), host).toBe(false)
})

it('takes an IPv4 address, or the /64 block of an IPv6 address, for one client', () => {
  const spellings: [ip: string, client: string][] = [
    ['192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::6', '2001:db8:1:2::/64'],
    ['2001:db8:0001:0002:ffff::', '2001:db8:1:2::/64'],
    ['2001:db8::6', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['64:ff9b::192.0.2.33', '64:ff9b:0:0::/64'],
    ['', ''],
  ]
  for (const [ip, client] of spellings) expect([ip, clientNetwork(ip)]).toEqual([ip, client])
})
