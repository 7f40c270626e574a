import { expect, it } from 'vitest'
import { isLocalName, isOddAddress, isPrivateAddress } from '../../../src/network/address-scope.ts'

// The whole list is in vendors/client/address-filter.test.ts; here is what only a look-up can bring, and the borders.
it.each([
  ...['fe80::1%eth0', '2001::1', '2001:0:ffff::1', '100::1', '168.63.129.16', '100.100.100.200', 'fd00:ec2::254'],
  ...['::ffff:a9fe:a9fe', '64:ff9b::a9fe:a9fe', '192.0.0.192'],
])('%s is private or special', (ip) => expect(isPrivateAddress(ip)).toBe(true))

it.each([
  '8.8.8.8',
  '168.63.129.17',
  '198.18.0.1',
  '203.0.113.1',
  '2001:1::1',
  '2001:db8::1',
  '::ffff:8.8.8.8',
  '2a00::1',
])('%s is not', (ip) => expect(isPrivateAddress(ip)).toBe(false))

it('tells names that no public server knows, and numbers that resolvers take for addresses', () => {
  expect(['localhost', 'a.LOCAL', 'metadata.google.internal', 'local', 'example.com'].map(isLocalName)).toEqual([
    ...[true, true, true],
    ...[false, false],
  ])
  expect(['127.1', '0x7f.1', '2130706433', '127.0.0.1', 'a1.example'].map(isOddAddress)).toEqual([
    ...[true, true, true],
    ...[false, false],
  ])
})
