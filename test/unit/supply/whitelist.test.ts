import { expect, it } from 'vitest'
import { createLog } from '../../../src/log.ts'
import { WhitelistRegistrar } from '../../../src/supply/whitelist.ts'
import { VendorError } from '../../../src/vendors/contract/error.ts'
import type { Source } from '../../../src/vendors/contract/source.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { LogCapture } from '../../support/log-capture.ts'

const { signal } = new AbortController()
const missing = new VendorError('whitelist', '-13', 'not on the list')

function setUp(setting: 'auto' | 'off' = 'auto') {
  const clock = new FakeClock({ now: 0 })
  const calls: string[] = []
  const state = { ip: '203.0.113.1', fails: false }
  const whitelist: NonNullable<Source['whitelist']> = {
    isMissing: (error) => error.class === 'whitelist',
    addressFromError: () => undefined,
    echo: async () => state.ip,
    add: async (ip) => {
      calls.push(`add ${ip}`)
      if (state.fails) throw new VendorError('server', 'timeout', 'no answer')
    },
    remove: async (ip) => void calls.push(`remove ${ip}`),
  }
  const log = createLog({ level: 'silent', format: 'json' }, new LogCapture())
  const registrar = new WhitelistRegistrar({ whitelist } as Source, setting, { clock, log })
  return { clock, calls, state, registrar }
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

it('tries again a minute after it has failed', async () => {
  const { clock, calls, state, registrar } = setUp()
  state.fails = true
  expect(await registrar.mend(missing, signal)).toBe(false)
  expect(await registrar.mend(missing, signal)).toBe(false)
  clock.advance(60_000)
  state.fails = false
  expect(await registrar.mend(missing, signal)).toBe(true)
  expect(calls).toHaveLength(2)
})

it('registers our address when addresses without a login refuse us, only where it may', async () => {
  const may = setUp()
  expect(await may.registrar.loginsRefused(signal)).toBe(true)
  expect(may.calls).toEqual(['add 203.0.113.1'])
  const mayNot = setUp('off')
  expect(await mayNot.registrar.loginsRefused(signal)).toBe(false)
  expect([mayNot.calls, mayNot.registrar.isFirstUse]).toEqual([[], false])
})
