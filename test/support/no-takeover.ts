/** For commands that are run in the test's own process: it opens its ports itself, and nobody is told. */
import type { Takeover } from '../../src/cli/takeover.ts'
import type { WorkersOfProcess } from '../../src/cli/workers.ts'

export const noTakeover: Takeover = {
  started: undefined,
  launch: async () => undefined,
  inherit: async () => ({ inherited: undefined, predecessor: undefined }),
  serves: async () => {},
}

export const noWorkers: WorkersOfProcess = {
  control: undefined,
  count: () => ({ count: 1 }),
  supervise: async () => 1,
  mainPid: 1,
  watch: () => {},
}
