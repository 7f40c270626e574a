import type { LookupAddress } from 'node:dns'
import { expect, it } from 'vitest'
import { ConnectGuard } from '../../../src/network/connect-guard.ts'
import { HostsFile } from '../../../src/network/hosts-file.ts'
import { NameResolver } from '../../../src/network/name-resolver.ts'
import { ThisMachine } from '../../../src/network/this-machine.ts'
import { FakeClock } from '../../support/fake-clock.ts'

/** A guard on a machine at 203.0.113.9 whose port 8080 is the gateway's. */
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
  guard.reservePort(8080)
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
