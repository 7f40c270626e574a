import { expect, it } from 'vitest'
import { createLog } from '../../../src/log/log.ts'
import { memoryOfProcess } from '../../../src/store/memory-file.ts'
import { WhitelistRegistrar } from '../../../src/supply/whitelist.ts'
import { VendorError } from '../../../src/vendors/contract/error.ts'
import type { Source } from '../../../src/vendors/contract/source.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { LogCapture } from '../../support/log-capture.ts'

const { signal } = new AbortController()
const missing = new VendorError('whitelist', '-13', 'not on the list')

type Whitelist = NonNullable<Source['whitelist']>

function setUp(setting: 'auto' | 'off' = 'auto', other: Partial<Whitelist> = {}, registered = memoryOfProcess()) {
  const clock = new FakeClock({ now: 0 })
  const calls: string[] = []
  const state = { ip: '203.0.113.1', fails: false }
  const whitelist: Whitelist = {
    isMissing: (error) => error.class === 'whitelist',
    addressFromError: () => undefined,
    echo: async () => state.ip,
    add: async (ip) => {
      calls.push(`add ${ip}`)
      if (state.fails) throw new VendorError('server', 'timeout', 'no answer')
    },
    remove: async (ip) => void calls.push(`remove ${ip}`),
    ...other,
  }
  const log = createLog({ level: 'silent', format: 'json' }, new LogCapture())
  const source = (account: string) => ({ whitelist, account }) as Source
  const open = (account = 'a key') => new WhitelistRegistrar(source(account), setting, { clock, log, registered })
  return { clock, calls, state, registrar: open(), whitelist, open }
}

it('registers our address before the first order, and the new one in place of the old when it has changed', async () => {
  const { clock, calls, state, registrar } = setUp()
  expect(registrar.isFirstUse).toBe(true)
  await registrar.registerFirst(signal)
  expect(registrar.isFirstUse).toBe(false)
  clock.advance(60_000)
  state.ip = '203.0.113.2'
  expect(await registrar.mend(missing, signal)).toBe(true)
  expect(calls).toEqual(['add 203.0.113.1', 'add 203.0.113.2', 'remove 203.0.113.1'])
})

it('registers an address once, however often the process starts, and takes the one of an earlier process off', async () => {
  const { clock, calls, state, registrar, open } = setUp()
  await registrar.registerFirst(signal)
  await open().registerFirst(signal)
  expect(calls).toEqual(['add 203.0.113.1'])
  const next = open()
  state.ip = '203.0.113.2'
  await next.registerFirst(signal)
  expect(calls.slice(1)).toEqual(['add 203.0.113.2', 'remove 203.0.113.1'])
  // The vendor has forgotten it.
  const last = open()
  await last.registerFirst(signal)
  clock.advance(5_000)
  expect(await last.mend(missing, signal)).toBe(true)
  expect(calls.slice(3)).toEqual(['add 203.0.113.2'])
  await open('another key').registerFirst(signal)
  expect(calls.slice(4)).toEqual(['add 203.0.113.2'])
})

it('tries again a few seconds after it has failed, and registers the same address once a minute at most', async () => {
  const { clock, calls, state, registrar } = setUp()
  state.fails = true
  expect(await registrar.mend(missing, signal)).toBe(false)
  expect(await registrar.mend(missing, signal)).toBe(false)
  expect(calls).toHaveLength(1)
  clock.advance(5_000)
  state.fails = false
  expect(await registrar.mend(missing, signal)).toBe(true)
  expect(calls).toHaveLength(2)
  clock.advance(59_000)
  expect(await registrar.mend(missing, signal)).toBe(false)
  expect(calls).toHaveLength(2)
  clock.advance(5_000)
  expect(await registrar.mend(missing, signal)).toBe(true)
})

it('registers another address soon after the last one: the egress address has changed', async () => {
  const { clock, calls, state, registrar } = setUp()
  await registrar.registerFirst(signal)
  clock.advance(10_000)
  state.ip = '203.0.113.2'
  expect(await registrar.loginsRefused(signal)).toBe(true)
  expect(calls).toEqual(['add 203.0.113.1', 'add 203.0.113.2', 'remove 203.0.113.1'])
})

it('registers the address that an error names, though a try without any address came just before', async () => {
  const { calls, registrar, whitelist } = setUp('auto', { addressFromError: () => '203.0.113.3' })
  delete whitelist.echo
  expect(await registrar.loginsRefused(signal)).toBe(false)
  expect(await registrar.mend(missing, signal)).toBe(true)
  expect(calls).toEqual(['add 203.0.113.3'])
})

it('registers our address when addresses without a login refuse us, only where it may', async () => {
  const may = setUp()
  expect(await may.registrar.loginsRefused(signal)).toBe(true)
  expect(may.calls).toEqual(['add 203.0.113.1'])
  const mayNot = setUp('off')
  expect(await mayNot.registrar.loginsRefused(signal)).toBe(false)
  expect([mayNot.calls, mayNot.registrar.isFirstUse]).toEqual([[], false])
})
