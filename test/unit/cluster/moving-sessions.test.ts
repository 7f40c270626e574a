/** Sessions that move to another address while their clients come to several hosts. */
import { expect, it } from 'vitest'
import { ClusterWorld } from '../../support/cluster/cluster-world.ts'

/** Two hosts on which the session lives. */
async function twoHosts(lifeMs?: number) {
  const world = new ClusterWorld()
  const [first, second] = [await world.host(), await world.host()]
  await first.buy('old', lifeMs)
  await world.clock.run(1_000)
  for (const host of [first, second]) expect(await host.visitNow('basket')).toBe('old')
  for (const id of ['x', 'y', 'z']) await first.buy(id)
  await world.clock.run(1_000)
  return { world, first, second }
}

it('moves to one address on all hosts when its own has ended, before a heartbeat has told them', async () => {
  const { world, first, second } = await twoHosts(10_000)
  await world.clock.run(10_000)
  const moved = await first.visitNow('basket')
  expect(moved).not.toBe('old')
  // The second host would choose another one: its turn is one further.
  await second.visitNow('other')
  expect(await second.visitNow('basket')).toBe(moved)
})

it('lives on the address of the store’s order when two hosts move it at the same moment', async () => {
  const { world, first, second } = await twoHosts()
  first.move('basket', 'x')
  second.move('basket', 'y')
  await world.clock.run(2_000)
  expect([await first.visitNow('basket'), await second.visitNow('basket')]).toEqual(['y', 'y'])
})

it('lives on the address of the store’s order also where its own move and a later one are heard of at once', async () => {
  const { world, first, second } = await twoHosts()
  const release = first.holdAnswers()
  first.move('basket', 'x')
  await world.clock.run(1)
  second.move('basket', 'y')
  await world.clock.run(1_000)
  release()
  await world.clock.run(1_000)
  expect([await first.visitNow('basket'), await second.visitNow('basket')]).toEqual(['y', 'y'])
})

it('has one address on all hosts also when its first client has waited for what another host bought', async () => {
  const world = new ClusterWorld()
  const [first, second] = [await world.host(), await world.host()]
  const waiting = second.serve('basket')
  await first.buy('x')
  await world.clock.run(1_000)
  second.end(await waiting)
  await world.clock.run(5_000)
  await first.buy('y')
  // The next address of this host is another one.
  expect(await first.visitNow('other')).toBe('x')
  expect([await first.visitNow('basket'), await second.visitNow('basket')]).toEqual(['x', 'x'])
})

it('is asked for anew after a failover: what another host has moved meanwhile was not told', async () => {
  const { world, first, second } = await twoHosts()
  second.isCutOff = true
  first.move('basket', 'x')
  await world.clock.run(1_000)
  world.redis.becomeMaster(world.redis.snapshot())
  second.isCutOff = false
  await world.clock.run(15_000)
  expect([await first.visitNow('basket'), await second.visitNow('basket')]).toEqual(['x', 'x'])
})

it('is not moved back by a host that could not ask where it lives', async () => {
  const { world, first, second } = await twoHosts()
  first.isCutOff = true
  second.move('basket', 'x')
  await world.clock.run(1_000)
  world.redis.becomeMaster(world.redis.snapshot())
  first.isCutOff = false
  await world.clock.run(15_000)
  first.isCutOff = true
  expect(await first.visitNow('basket')).toBe('old')
  first.isCutOff = false
  await world.clock.run(15_000)
  expect([await first.visitNow('basket'), await second.visitNow('basket')]).toEqual(['x', 'x'])
})

it('waits once for a store that does not answer, however often it moves', async () => {
  const { world, first } = await twoHosts()
  first.isCutOff = true
  for (let turn = 0; turn < 50; turn++) for (const id of ['x', 'y']) first.move('basket', id)
  await world.clock.run(5_000)
  first.isCutOff = false
  first.asked.length = 0
  await world.clock.run(5_000)
  expect(first.asked.filter((name) => name === 'sessions').length).toBeLessThan(5)
  expect(await first.visitNow('basket')).toBe('y')
})

it('keeps a new session no longer than wait.timeout where the store says nothing', async () => {
  const { world, first } = await twoHosts()
  first.isSilent = true
  const served = first.serve('new')
  await world.clock.run(first.waitTimeoutMs + 10)
  expect(['x', 'y', 'z', 'old']).toContain((await served).id)
  for (const upstream of [...first.pool.members()]) first.pool.remove(upstream, 'released')
  const denied = first.serve('newer').catch(String)
  await world.clock.run(first.waitTimeoutMs + 10)
  expect(await denied).toContain('the other hosts or workers did not answer within 20 s')
})
