/** Which waiting clients of workers the planner buys for. */
import { expect, it } from 'vitest'
import { createLog } from '../../../src/log/log.ts'
import { StreamCounters } from '../../../src/proxy/stream-counters.ts'
import type { Supply } from '../../../src/supply/supply.ts'
import type { PlainWaiting } from '../../../src/workers/messages.ts'
import { OwnersOfPool } from '../../../src/workers/owners-of-pool.ts'
import { WorkerReports } from '../../../src/workers/worker-reports.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { added, watchedPool } from '../pool/pool-fixture.ts'

const CLIENT: PlainWaiting = { count: 1, limited: { count: 0, addresses: 0 } }

/** Two workers, each with one of two upstreams that carry one connection at a time. */
function twoWorkers() {
  const clock = new FakeClock({ now: 0 })
  const { pool } = watchedPool({ connections: 1 })
  const owners = new OwnersOfPool({
    clock,
    pool,
    send: () => {},
    sessionsOn: () => [],
    running: [],
    mayHaveLost: false,
  })
  owners.use(true, [])
  for (const worker of [0, 1]) owners.joined(worker, [], true)
  const come = (id: string) => owners.added(added(pool, id, { deadline: Number.POSITIVE_INFINITY }, clock.now()))
  for (const id of ['x', 'y']) come(id)
  const reported: number[] = []
  const planner = {
    reported: (_worker: string, report: { readonly waiting: readonly PlainWaiting[] }) =>
      reported.push(report.waiting.reduce((sum, { count }) => sum + count, 0)),
  }
  const reports = new WorkerReports({
    ...{ clock, pool, supply: { planner } as unknown as Supply, closeConnection: () => {} },
    traffic: new StreamCounters(createLog({ level: 'silent', format: 'json' }, { write: () => {} }), clock, {
      access: false,
    }),
    mayBeServed: (worker, waiting) => owners.mayServe(worker, waiting),
  })
  const use = (id: string) => {
    const worker = owners.ownerOf(id) ?? 0
    reports.addLoads(worker, [{ id, leases: 1, quietLeases: 0, opened: 1, latencyMs: 0 }], () => true)
    return worker
  }
  return { clock, reports, reported, use, come }
}

it('nothing is bought for a client while an idle upstream of another worker moves to it', () => {
  const { clock, reports, reported, use } = twoWorkers()
  clock.advance(1_000)
  const worker = use('x')
  reports.waits(worker, [CLIENT])
  reports.review()
  expect(reported).toEqual([0])
  // It does not come: it may not be what the client asks for.
  clock.advance(200)
  reports.review()
  expect(reported).toEqual([0, 1])
  reports.waits(worker, [])
  expect(reported).toEqual([0, 1, 0])
})

it('when no other worker has an idle upstream, a client that waits is bought for at once', () => {
  const { clock, reports, reported, use } = twoWorkers()
  clock.advance(1_000)
  const worker = use('x')
  use('y')
  reports.waits(worker, [CLIENT])
  expect(reported).toEqual([1])
})

it('nothing more is bought for a client while an upstream that has just come moves to it', () => {
  const { clock, reports, reported, use, come } = twoWorkers()
  clock.advance(1_000)
  const worker = use('x')
  use('y')
  reports.waits(worker, [CLIENT])
  come('z')
  reports.review()
  expect(reported).toEqual([1, 0])
})
