/** Long: hundreds of reloads under load. By hand: `npm run torture`. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { reloadUnderLoad } from '../support/reload-load.ts'
import { startReloadable } from '../support/reloads.ts'

const RELOADS = 500

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** What the memory may grow by from the 100th reload on, MiB: the traffic that the test's own servers record is in it. */
const MOST_GROWTH_MIB = 40

it(`${RELOADS} reloads under load: no tunnel broken, no connection refused, memory flat`, async () => {
  const gateway = await startReloadable({ upstreams: 3, config: { log: { level: 'warn', access: 'off' } } })
  const heapMib = () => {
    collectGarbage()
    return process.memoryUsage().heapUsed / 1_048_576
  }
  const first = await reloadUnderLoad(gateway, { reloads: 100, clients: 4 })
  const before = heapMib()
  const rest = await reloadUnderLoad(gateway, { reloads: RELOADS - 100, clients: 4 })
  expect([first.failed, rest.failed, first.broken + rest.broken]).toEqual([[], [], 0])
  expect(heapMib() - before).toBeLessThan(MOST_GROWTH_MIB)
})
