import { describe, expect, it } from 'vitest'
import { HostsFile } from '../../../src/network/hosts-file.ts'
import { ThisMachine } from '../../../src/network/this-machine.ts'
import { FakeClock } from '../../support/fake-clock.ts'

function machineOf(addresses: () => string[], hosts?: Record<string, string>) {
  const clock = new FakeClock()
  const file = new HostsFile(clock, '/nowhere')
  file.find = (name) => (hosts?.[name] === undefined ? undefined : [{ address: hosts[name], family: 4 }])
  return { clock, machine: new ThisMachine(clock, { addresses, hostname: () => 'Box.example.com' }, file) }
}

describe('this machine', () => {
  const { machine } = machineOf(() => ['203.0.113.9', '2001:db8::9'], {
    'alias.lan': '203.0.113.9',
    'other.lan': '203.0.113.10',
  })

  it.each([
    ...['127.0.0.1', '127.9.9.9', '::1', '0.0.0.0', 'localhost', 'a.localhost', '127.1', '0x7f000001'],
    ...['203.0.113.9', '::ffff:203.0.113.9', '2001:db8::9', '2001:0db8:0:0::9'],
    ...['box', 'BOX', 'box.example.com', 'box.example.com.', 'box.local', 'alias.lan'],
  ])('%s', (host) => expect(machine.is(host)).toBe(true))

  it.each(['203.0.113.10', '2001:db8::a', 'box2', 'example.com', 'box.example.org', 'other.lan'])('not %s', (host) =>
    expect(machine.is(host)).toBe(false),
  )
})

it('sees new addresses within 10 s, and keeps the old ones when the system does not tell', () => {
  let told: () => string[] = () => ['203.0.113.9']
  const { clock, machine } = machineOf(() => told())
  expect(machine.is('203.0.113.9')).toBe(true)
  told = () => {
    throw new Error('EMFILE')
  }
  clock.advance(10_000)
  expect(machine.is('203.0.113.9')).toBe(true)
  told = () => ['203.0.113.10']
  clock.advance(10_000)
  expect([machine.is('203.0.113.9'), machine.is('203.0.113.10')]).toEqual([false, true])
})
