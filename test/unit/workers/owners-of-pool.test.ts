/** What a control process makes of upstreams whose owners may have ended with the one before. */
import { expect, it } from 'vitest'
import type { ToWorker } from '../../../src/workers/messages.ts'
import { OwnersOfPool } from '../../../src/workers/owners-of-pool.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { facts, watchedPool } from '../pool/pool-fixture.ts'

it('gives out nothing of before whose provider comes back later: how often it was used is not known', () => {
  const clock = new FakeClock({ now: 1_000 })
  const { pool } = watchedPool({ uses: 2 })
  const sent: ToWorker[] = []
  const send = (_worker: number, message: ToWorker) => void sent.push(message)
  const owners = new OwnersOfPool({ clock, pool, send, sessionsOn: () => [], running: [0], mayHaveLost: true })
  owners.use(true, [])
  owners.joined(0, [], true)
  for (const [id, boughtAt] of [
    ['before', 500],
    ['now', 1_500],
  ] as const) {
    pool.restore(facts(id, { boughtAt }), { worked: true, uses: 1 }, clock.now())
    const upstream = pool.get(id)
    if (upstream !== undefined) owners.added(upstream)
  }
  expect([...pool.members()].map(({ id, uses, state }) => [id, uses, state])).toEqual([
    ['before', 2, 'draining'],
    ['now', 1, 'ready'],
  ])
})
