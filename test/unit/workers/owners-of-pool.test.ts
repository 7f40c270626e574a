/** What a control process makes of upstreams whose owners may have ended with the one before. */
import { expect, it } from 'vitest'
import { carry } from '../../../src/pool/former-process.ts'
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

it('an address whose login or deadline changes after a restart of the control process keeps its uses', () => {
  const clock = new FakeClock({ now: 1_000 })
  const { pool } = watchedPool({ uses: 2 })
  const owners = new OwnersOfPool({
    clock,
    pool,
    send: () => {},
    sessionsOn: () => [],
    running: [0],
    mayHaveLost: true,
  })
  pool.restore(facts('before', { boughtAt: 500 }), { worked: true, uses: 1 }, clock.now())
  owners.use(true, [])
  const [upstream] = [...pool.members()]
  if (upstream === undefined) throw new Error('it is not in the pool')
  owners.joined(0, [{ ...carry(upstream, clock.now()), isOwned: true }], true)
  owners.added(upstream)
  expect([upstream.uses, upstream.state]).toEqual([1, 'ready'])
})
