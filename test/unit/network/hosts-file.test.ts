import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { HostsFile, parseHosts } from '../../../src/network/hosts-file.ts'
import { FakeClock } from '../../support/fake-clock.ts'

it('reads addresses, names and comments (hosts(5))', () => {
  const table = parseHosts(
    '127.0.0.1\tlocalhost loop # not this\r\n# 10.0.0.1 no\n\n::1 localhost\n 192.0.2.7  Proxy.LAN  proxy\nnonsense x\n',
  )
  expect([...table.keys()]).toEqual(['localhost', 'loop', 'proxy.lan', 'proxy'])
  expect(table.get('localhost')).toEqual([
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ])
})

function fileOf(text: string) {
  const folder = mkdtempSync(join(tmpdir(), 'turnpike-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'hosts')
  writeFileSync(path, text)
  const clock = new FakeClock()
  return { path, clock, hosts: new HostsFile(clock, path) }
}

it('finds names in any case, with a final dot or without, and sees an edited file', () => {
  const { path, clock, hosts } = fileOf('192.0.2.7 proxy.lan\n')
  expect(hosts.find('Proxy.Lan.')).toEqual([{ address: '192.0.2.7', family: 4 }])
  writeFileSync(path, '192.0.2.77 proxy.lan\n')
  clock.advance(10_000)
  expect(hosts.find('proxy.lan')).toEqual([{ address: '192.0.2.77', family: 4 }])
})

it('keeps what it knows when the file cannot be read any more, and knows nothing without one', () => {
  const { path, clock, hosts } = fileOf('192.0.2.7 proxy.lan\n')
  hosts.find('proxy.lan')
  rmSync(path)
  clock.advance(10_000)
  expect(hosts.find('proxy.lan')).toHaveLength(1)
  expect(new HostsFile(clock, path).find('proxy.lan')).toBeUndefined()
})
