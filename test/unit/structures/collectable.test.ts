import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { collectable } from '../../../src/structures/collectable.ts'

it('is made once, and again when it was collected', async () => {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  let made = 0
  const get = collectable(() => ({ number: ++made, size: new Array(1_000).fill(0) }))
  expect(made).toBe(0)
  expect([get().number, get().number]).toEqual([1, 1])
  // What a WeakRef was asked for lives until the end of the job.
  await new Promise(setImmediate)
  collect()
  expect(get().number).toBe(2)
})
