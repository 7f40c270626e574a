import type { LookupAddress } from 'node:dns'
import { expect, it } from 'vitest'
import { ConnectGuard } from '../../../src/network/connect-guard.ts'
import { HostsFile } from '../../../src/network/hosts-file.ts'
import { NameResolver } from '../../../src/network/name-resolver.ts'
import { ThisMachine } from '../../../src/network/this-machine.ts'
import { FakeClock } from '../../support/fake-clock.ts'

/** A guard on a machine at 203.0.113.9 whose port 8080 is the gateway's, at every address. */
function guardOf(zone: Record<string, string[]> = {}) {
  const clock = new FakeClock()
  const hosts = new HostsFile(clock, '/nowhere')
  const machine = new ThisMachine(clock, { addresses: () => ['203.0.113.9'], hostname: () => 'box' }, hosts)
  const resolver = new NameResolver(clock, hosts)
  resolver.resolve = (name, _group, answered) => {
    answered({ addresses: (zone[name] ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 })) })
    return () => {}
  }
  const guard = new ConnectGuard(clock, resolver, machine)
  guard.reservePort({ host: '0.0.0.0', port: 8080 })
  return { clock, guard, zone }
}

/** What `net.connect` would be given for a name. */
function lookUp(guard: ConnectGuard, name: string, port = 3128, allowPrivate = false, all = true): unknown {
  let got: unknown
  guard.lookup({ port, allowPrivate, group: 'g' })(name, { all }, (error, found) => {
    got = error?.code ?? (all ? (found as LookupAddress[]).map(({ address }) => address) : found)
  })
  return got
}

it('hands on the public addresses of a name, and none of the others', () => {
  const { guard } = guardOf({ mixed: ['127.0.0.1', '198.51.100.1', '::1', '10.1.2.3'], own: ['203.0.113.9'] })
  expect(lookUp(guard, 'mixed')).toEqual(['198.51.100.1'])
  expect(lookUp(guard, 'mixed', 3128, false, false)).toBe('198.51.100.1')
  expect(lookUp(guard, 'own')).toBe('ERR_FORBIDDEN_ADDRESS')
})

it('hands on private ones where they are allowed, but never a port of the gateway itself', () => {
  const { guard } = guardOf({ near: ['127.0.0.1', '203.0.113.9', '10.1.2.3'] })
  expect(lookUp(guard, 'near', 3128, true)).toEqual(['127.0.0.1', '203.0.113.9', '10.1.2.3'])
  expect(lookUp(guard, 'near', 8080, true)).toEqual(['10.1.2.3'])
})

it('decides anew at each connection: a name that is moved (DNS rebinding) is refused', () => {
  const { guard, zone } = guardOf({ moves: ['198.51.100.1'] })
  expect(lookUp(guard, 'moves')).toEqual(['198.51.100.1'])
  zone['moves'] = ['169.254.169.254']
  expect(lookUp(guard, 'moves')).toBe('ERR_FORBIDDEN_ADDRESS')
})

it('a name without an address is not taken for a refused one', () => {
  expect(lookUp(guardOf().guard, 'nothing')).toEqual([])
})

it('knows its own ports under every name and address of the machine', () => {
  const { guard } = guardOf()
  const own = ['localhost', '127.0.0.1', '203.0.113.9', 'box', '::1', '203.0.113.10', 'box.example']
  expect(own.map((host) => guard.isOwnPort(host, 8080))).toEqual([true, true, true, true, true, false, false])
  expect(guard.isOwnPort('localhost', 8081)).toBe(false)
})

it.each([
  ['127.0.0.1', ['127.0.0.1', '::ffff:127.0.0.1', '0.0.0.0', '::']],
  ['::1', ['::1', '0.0.0.0', '::']],
  ['203.0.113.9', ['203.0.113.9', '::ffff:203.0.113.9', '0.0.0.0', '::']],
])('connects to the same port at other addresses than %s, where it listens', (host, own) => {
  const { guard } = guardOf()
  guard.reservePort({ host, port: 3128 })
  const all = ['127.0.0.1', '::ffff:127.0.0.1', '127.0.0.2', '::1', '203.0.113.9', '::ffff:203.0.113.9', '198.51.100.1']
  const rule = { port: 3128, allowPrivate: true }
  expect([...all, '0.0.0.0', '::'].filter((ip) => guard.forbids(ip, rule))).toEqual(own)
  expect(all.every((ip) => guard.isOwnPort(ip, 3128) || ip === '198.51.100.1')).toBe(true)
})

it('forgets the port of one address alone', () => {
  const { guard } = guardOf()
  for (const host of ['127.0.0.1', '127.0.0.2']) guard.reservePort({ host, port: 3128 })
  guard.releasePort({ host: '127.0.0.2', port: 3128 })
  const forbidden = () =>
    ['127.0.0.1', '127.0.0.2'].filter((ip) => guard.forbids(ip, { port: 3128, allowPrivate: true }))
  expect([forbidden(), guard.isOwnPort('localhost', 3128)]).toEqual([['127.0.0.1'], true])
  guard.releasePort({ host: '127.0.0.1', port: 3128 })
  expect([forbidden(), guard.isOwnPort('localhost', 3128)]).toEqual([[], false])
})
