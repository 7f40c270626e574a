import { expect, it } from 'vitest'
import { SimCluster } from '../../../support/redis/sim-cluster.ts'

/** More of them with `npm run torture`. */
const SEEDS = 20

it('breaks no limit of the vendor and loses no order, whatever happens to hosts, messages and the store', async () => {
  let calls = 0
  let faults = 0
  for (let seed = 1; seed <= SEEDS; seed++) {
    const cluster = new SimCluster(seed, 3)
    try {
      await cluster.run(20_000)
      await cluster.settle()
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error })
    }
    calls += cluster.vendor.arrivals.length
    faults += cluster.faults
  }
  expect(calls).toBeGreaterThan(SEEDS * 10)
  expect(faults).toBeGreaterThan(SEEDS * 10)
}, 240_000)
