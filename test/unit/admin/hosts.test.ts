import { describe, expect, it } from 'vitest'
import { isLoopback } from '../../../src/address.ts'
import { hostCheck } from '../../../src/admin/api/hosts.ts'

describe('on loopback', () => {
  const isOwn = hostCheck('127.0.0.1')

  it.each(['127.0.0.1:8081', 'localhost:8081', 'LocalHost:8081', '127.9.9.9:8081', '[::1]:8081'])(
    'accepts %s',
    (host) => {
      expect(isOwn(host, 8081)).toBe(true)
    },
  )

  it.each([
    'evil.example:8081',
    'localhost.evil.example:8081',
    '127.0.0.1.evil.example:8081',
    'a.localhost:8081',
    '0.0.0.0:8081',
    '[::]:8081',
    '192.168.1.20:8081',
    '127.0.0.1:8080',
    '127.0.0.1',
    'localhost',
    'localhost:8081:8081',
    'user@localhost:8081',
    '2130706433:8081',
    '',
    undefined,
  ])('refuses %s', (host) => {
    expect(isOwn(host, 8081)).toBe(false)
  })

  it('takes a host without a port for port 80', () => {
    expect(isOwn('localhost', 80)).toBe(true)
  })
})

it('accepts the configured name', () => {
  const isOwn = hostCheck('Turnpike.internal')
  const hosts = ['turnpike.internal:8081', 'evil.turnpike.internal:8081', 'turnpike.internal.evil:8081']
  expect(hosts.map((host) => isOwn(host, 8081))).toEqual([true, false, false])
})

it('accepts any address, but no other name, off loopback', () => {
  const isOwn = hostCheck('0.0.0.0')
  expect(['192.168.1.20:8081', '[fe80::1]:8081', 'evil.example:8081'].map((host) => isOwn(host, 8081))).toEqual([
    true,
    true,
    false,
  ])
})

it.each([
  ['127.0.0.1', true],
  ['::1', true],
  ['::ffff:127.0.0.1', true],
  ['localhost', true],
  ['0.0.0.0', false],
  ['::', false],
  ['::ffff:0.0.0.0', false],
  ['192.168.1.20', false],
  ['gateway.internal', false],
])('knows who can reach %s', (host, loopback) => {
  expect(isLoopback(host)).toBe(loopback)
})
