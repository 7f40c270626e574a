import { expect, it } from 'vitest'
import { historyReport } from '../../../src/admin/api/schemas/history.ts'
import { History } from '../../../src/admin/history.ts'
import type { TrafficFigures } from '../../../src/admin/view.ts'
import { createLog } from '../../../src/log/log.ts'
import { setupBucket } from '../../../src/proxy/setup-times.ts'
import { StreamCounters } from '../../../src/proxy/stream-counters.ts'
import { LogCapture } from '../../support/log-capture.ts'
import { report, TestSupply } from './supply.ts'

function start() {
  const supply = new TestSupply()
  const traffic = new StreamCounters(createLog({ level: 'silent', format: 'json' }, new LogCapture()), supply.clock, {
    access: false,
  })
  const gauges = { connections: 4, tunnels: 3, waiting: 2, sessions: 0 }
  const figures = (): TrafficFigures => traffic
  const configured = { providers: () => [report(supply)] }
  const source = { gauges: () => gauges, providers: () => configured.providers(), traffic: figures }
  const history = new History(source, supply.clock)
  return { supply, traffic, history, configured, read: (most?: number) => historyReport.parse(history.report(most)) }
}

it('has nothing at first, and one value for each ten seconds', async () => {
  const { supply, traffic, history, read } = start()
  expect(read()).toMatchObject({ intervalSeconds: 10, at: [], providers: [{ name: 'acme-a', bought: [] }] })
  await supply.buy([60_000, 60_000, 4_000])
  traffic.openedCount = 50
  traffic.refusedCount = 5
  for (let i = 0; i < 100; i++) {
    const bucket = setupBucket(i < 98 ? 20 : 900)
    traffic.setupCounts[bucket] = (traffic.setupCounts[bucket] ?? 0) + 1
  }
  supply.clock.advance(10_000)
  traffic.openedCount = 60
  supply.clock.advance(10_000)
  expect(read()).toMatchObject({
    at: [expect.any(Number), Math.round(supply.clock.wall() / 1_000)],
    tunnelsPerSecond: [5, 1],
    refusedPerSecond: [0.5, 0],
    waiting: [2, 2],
    connections: [4, 4],
    setupP50Seconds: [expect.closeTo(0.02, 2), null],
    setupP99Seconds: [expect.closeTo(0.9, 1), null],
    bought: [3, 0],
    wasted: [1, 0],
    providers: [{ bought: [3, 0], wasted: [1, 0], calls: [1, 0], windowUsed: [1, 1], windowCalls: 10 }],
  })
  expect(read(1).tunnelsPerSecond).toEqual([1])
  history.close()
})

it('remembers an hour, in the order of time', () => {
  const { supply, traffic, history, read } = start()
  for (let i = 1; i <= 400; i++) {
    traffic.openedCount += i
    supply.clock.advance(10_000)
  }
  const { at, tunnelsPerSecond } = read()
  expect([at.length, tunnelsPerSecond.length]).toEqual([360, 360])
  expect([tunnelsPerSecond[0], tunnelsPerSecond.at(-1)]).toEqual([4.1, 40])
  expect(at).toEqual(at.toSorted((a, b) => a - b))
  history.close()
  expect(supply.clock.pendingTimers).toBe(0)
})

it('follows a reload: what is added counts from its first interval, what is removed is left out', () => {
  const { supply, history, configured, read } = start()
  const [first] = configured.providers()
  if (first === undefined) expect.fail('no provider')
  supply.clock.advance(10_000)
  configured.providers = () => [{ ...first, name: 'acme-b', bought: 7, callsMade: 40 }, first]
  supply.clock.advance(10_000)
  const added = { name: 'acme-b', bought: [0, 7], calls: [0, 0] }
  expect(read()).toMatchObject({ bought: [0, 7], providers: [added, { name: 'acme-a', bought: [0, 0] }] })
  configured.providers = () => [{ ...first, name: 'acme-b', bought: 1, callsMade: 2 }]
  supply.clock.advance(10_000)
  expect(read()).toMatchObject({
    bought: [0, 7, 0],
    providers: [{ name: 'acme-b', bought: [0, 7, 0], calls: [0, 0, 0] }],
  })
  expect(read().providers).toHaveLength(1)
  history.close()
})
