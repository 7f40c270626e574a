import { expect, it } from 'vitest'
import { checkWorkers } from '../../../src/config/worker-checks.ts'

it.each([[{ workers: 2, cluster: {} }, ['workers']]])(
  'several workers refuse what would be counted once in each: %j',
  (raw, paths) => {
    expect(checkWorkers(raw).map(({ path }) => path.join('.'))).toEqual(paths)
    expect(checkWorkers({ ...raw, workers: 1 })).toEqual([])
    expect(checkWorkers({ ...raw, workers: undefined })).toEqual([])
  },
)
