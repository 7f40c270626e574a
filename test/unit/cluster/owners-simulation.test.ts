import { expect, it } from 'vitest'
import { SimOwners } from '../../support/redis/sim-owners.ts'

/** More of them with `npm run torture`. */
const SEEDS = 8

it('lends no address beyond its limits, whatever happens to hosts, messages and the store', async () => {
  let served = 0
  let faults = 0
  for (let seed = 1; seed <= SEEDS; seed++) {
    const world = new SimOwners(seed, 3)
    try {
      await world.run(12_000)
      await world.settle()
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error })
    }
    served += world.referee.served
    faults += world.faults
  }
  expect(served).toBeGreaterThan(SEEDS * 40)
  expect(faults).toBeGreaterThan(SEEDS * 2)
}, 240_000)
