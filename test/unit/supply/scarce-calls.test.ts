/** The vendor enforces a third of what it documents: calls are the scarce thing, not addresses. */
import { expect, it } from 'vitest'
import { sequence } from '../pool/pool-fixture.ts'
import { World } from './supply-world.ts'

it('serves nearly everybody over a vendor that enforces 20 calls a minute of 60, with lives of 10 to 20 s', async () => {
  const random = sequence(5)
  const vendor = {
    limit: { calls: 60, perMs: 60_000 },
    enforced: { calls: 20, perMs: 60_000 },
    channels: 10,
    lifeMs: () => 10_000 + 10_000 * random(),
    latencyMs: () => 300,
  }
  const world = new World({ a: { vendor } }, { minLife: 'auto' })
  const clients = 1_800
  let unserved = 0
  world.watch(() => {
    if (world.pool.lendableCount === 0) unserved += 100
  })
  for (let n = 0; n < clients; n++) {
    world.connect(500)
    await world.clock.run(100)
  }
  await world.clock.run(15_000)
  expect(world.vendor('a').violations).toEqual([])
  expect(world.waits.length / clients).toBeGreaterThanOrEqual(0.97)
  expect(unserved).toBeLessThan(15_000)
})
