/** An address that a session has alone, where other sessions live on it on other hosts. */
import { expect, it } from 'vitest'
import { anyUpstream, type Filter } from '../../../src/pool/filter.ts'
import { ClusterWorld } from '../../support/cluster/cluster-world.ts'

const limits = { exclusive: true, connections: 0, uses: 0, minLifeMs: 0 }
const alone: Filter = { ...anyUpstream, key: 'alone', limits }

it('goes to another host for that session alone: other sessions that live on it there leave it', async () => {
  const world = new ClusterWorld('pool: { perUpstream: { connections: 2 } }')
  const [first, second] = [await world.host(), await world.host()]
  await world.clock.run(15_000)
  await first.buy('x')
  // Both live on the only address there is.
  expect(await first.visit('basket')).toBe('x')
  expect(await first.visit('other')).toBe('x')
  expect(await second.visit('basket')).toBe('x')
  const held = second.serve('basket', alone)
  await world.clock.run(5_000)
  const x = await held
  expect([x.id, x.isExclusive]).toEqual(['x', true])
  second.end(x)
  await first.buy('y')
  // The session has it alone, although it is not in use at this moment.
  expect(await first.visit('other')).toBe('y')
  expect(await second.visit('basket', alone)).toBe('x')
  // It takes it along, and the other session stays away from it.
  expect(await first.visit('basket', alone)).toBe('x')
  expect(first.pool.get('x')?.isExclusive).toBe(true)
  expect(await first.visit('other')).toBe('y')
  expect(await first.visit('basket', alone)).toBe('x')
})
