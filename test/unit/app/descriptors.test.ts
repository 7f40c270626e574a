import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type DescriptorDemand, descriptorBudget } from '../../../src/app/descriptors.ts'
import { logAdvice } from '../../../src/app/reload.ts'
import { parseConfig } from '../../../src/config/load.ts'
import { createLog } from '../../../src/log/log.ts'
import { LogCapture } from '../../support/log-capture.ts'

const demand: DescriptorDemand = {
  connections: 10_000,
  socketsPerConnection: 2,
  listeners: 1,
  providers: 1,
  hasAdmin: true,
  hasCallback: false,
  hedges: false,
  preconnects: false,
}

it('gives everybody the most where the limit is high, and never more connections than are wanted', () => {
  const all = { ...demand, hasCallback: true, hedges: true, preconnects: true }
  const most = { unidentified: 128, admin: 256, callback: 64, hedges: 512, preconnects: 512 }
  expect(descriptorBudget(all, 1_048_576, 30)).toEqual({ ...most, connections: 10_000 })
  expect(descriptorBudget(all, Number.POSITIVE_INFINITY, 30)).toEqual({ ...most, connections: 10_000 })
})

it('shares out a usual limit: each tunnel takes two', () => {
  // 1,024 - 30 in use - 48 - 2 = 944; of them 128 unidentified, 118 for the admin port, 1 listener.
  expect(descriptorBudget(demand, 1_024, 30)).toEqual({
    unidentified: 128,
    admin: 118,
    callback: 0,
    hedges: 0,
    preconnects: 0,
    connections: 348,
  })
})

it('leaves the reservation alone, whatever is wanted', () => {
  const demands = fc.record({
    connections: fc.integer({ min: 1, max: 20_000 }),
    socketsPerConnection: fc.constantFrom(2, 4),
    listeners: fc.integer({ min: 1, max: 4 }),
    providers: fc.integer({ min: 1, max: 8 }),
    hasAdmin: fc.boolean(),
    hasCallback: fc.boolean(),
    hedges: fc.boolean(),
    preconnects: fc.boolean(),
  })
  fc.assert(
    fc.property(demands, fc.integer({ min: 128, max: 5_000 }), fc.integer({ min: 20, max: 36 }), (one, limit, used) => {
      const { connections, ...others } = descriptorBudget(one, limit, used)
      const taken = Object.values(others).reduce((sum, count) => sum + count, connections * one.socketsPerConnection)
      expect(connections).toBeGreaterThan(0)
      expect(taken + one.listeners).toBeLessThanOrEqual(limit - used - 48 - 2 * one.providers)
    }),
  )
})

it('serves one client at least, and looks at what this process has open', () => {
  expect(descriptorBudget(demand, 64, 30).connections).toBe(1)
  expect(descriptorBudget(demand, 1_024).connections).toBeLessThan(descriptorBudget(demand, 1_024, 3).connections)
})

it('warns of the limit only where a crawler would meet it: no line that every start prints', () => {
  const config = parseConfig('providers: [{ name: demo, vendor: demo }]', 'gateway.yaml', {})
  const lines = (limit: number) => {
    const capture = new LogCapture()
    logAdvice(config, descriptorBudget(demand, limit, 30), createLog({ level: 'info', format: 'json' }, capture))
    return capture.lines.length
  }
  expect([lines(1_024), lines(20_000)]).toEqual([1, 0])
})
