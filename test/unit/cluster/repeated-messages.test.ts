/** What a host has not heard an answer to is sent again. */
import { expect, it } from 'vitest'
import { ClusterWorld } from '../../support/cluster/cluster-world.ts'

it('brings back no address that was used up before its purchase was told again', async () => {
  const world = new ClusterWorld()
  const [first, second] = [await world.host(), await world.host()]
  first.losesAnswers = true
  await expect(first.buy('x')).rejects.toThrow('no answer')
  await world.clock.run(1_000)
  const x = second.pool.get('x')
  expect(x?.state).toBe('ready')
  if (x !== undefined) second.pool.remove(x, 'used-up')
  second.cluster.store.left('x', 'used-up')
  first.losesAnswers = false
  await world.clock.run(10_000)
  expect(second.pool.get('x')).toBeUndefined()
})
