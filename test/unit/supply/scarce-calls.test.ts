/** The vendor enforces a third of what it documents: calls are the scarce thing, not addresses. */
import { expect, it } from 'vitest'
import { sequence } from '../pool/pool-fixture.ts'
import { untouched, World } from './supply-world.ts'

const CLIENTS = 1_200
/** How long clients find nothing to be lent, ms: before, it was 52 s of the first minute. */
const LONGEST_DARK_MS = 12_000

it.each([1, 2, 3, 4, 5, 6])(
  'serves nearly everybody over a vendor that enforces 20 calls a minute of 60, with lives of 10 to 20 s (%i)',
  async (seed) => {
    const random = sequence(seed)
    const vendor = {
      limit: { calls: 60, perMs: 60_000 },
      enforced: { calls: 20, perMs: 60_000 },
      channels: 10,
      lifeMs: () => 10_000 + 10_000 * random(),
      latencyMs: () => 300,
    }
    const world = new World({ a: { vendor } }, untouched())
    let darkMs = 0
    world.watch(() => {
      if (world.pool.lendableCount === 0) darkMs += 100
    })
    for (let n = 0; n < CLIENTS; n++) {
      world.connect(500)
      await world.clock.run(100)
    }
    await world.clock.run(15_000)
    expect(world.vendor('a').violations).toEqual([])
    expect(world.waits.length / CLIENTS).toBeGreaterThanOrEqual(0.97)
    expect(darkMs).toBeLessThan(LONGEST_DARK_MS)
  },
)
