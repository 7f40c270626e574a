/** A host that joins a cluster which holds addresses already. */
import { expect, it } from 'vitest'
import { ClusterWorld } from '../../support/cluster/cluster-world.ts'

it('knows when the addresses end that were bought before it came', async () => {
  const world = new ClusterWorld()
  const first = await world.host()
  await world.clock.run(1_000)
  await first.buy('x', 10_000)
  const late = await world.host()
  expect(late.pool.get('x')?.deadline).toBe(first.pool.get('x')?.deadline)
})

it('knows it by the clock of the server that took over', async () => {
  const world = new ClusterWorld()
  const [first, second] = [await world.host(), await world.host()]
  await world.clock.run(1_000)
  second.isCutOff = true
  world.redis.becomeMaster(world.redis.snapshot())
  world.serverAheadMs += 60_000
  await world.clock.run(3_000)
  await first.buy('x', 10_000)
  second.isCutOff = false
  await world.clock.run(3_000)
  expect(second.pool.get('x')?.deadline).toBe(first.pool.get('x')?.deadline)
})

it('says which of its providers the host that buys does not have', async () => {
  const world = new ClusterWorld()
  const planner = await world.host()
  await world.clock.run(6_000)
  planner.providers = [{ name: 'p' }]
  const follower = await world.host()
  await world.clock.run(2_000)
  expect(follower.cluster.member.outlook(['p'])?.message).toBeUndefined()
  expect(follower.cluster.member.outlook(['other'])?.message).toBe(
    'the host that buys for the cluster has no provider "other": gateway.yaml must be the same on all hosts',
  )
})

it('does not join hosts that live and have another secret: neither could read what the other buys', async () => {
  const world = new ClusterWorld()
  const first = await world.host()
  await world.clock.run(1_000)
  await expect(world.host('another secret of 16')).rejects.toThrow('have another cluster.secret')
  first.isCutOff = true
  await world.clock.run(15_000)
  expect((await world.host('another secret of 16')).cluster.member.status.hosts).toBe(1)
  // The lease goes with it: the first host buys nothing that nobody else can read.
  first.isCutOff = false
  await world.clock.run(5_000)
  expect(first.cluster.member.status).toMatchObject({ role: 'follower', isStoreDown: true })
})
