import { setImmediate as turn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { awaitTurn } from '../../../src/network/turns.ts'

it('one of those that wait proceeds in each turn of the event loop, in the order of their coming', async () => {
  const told: string[] = []
  const again = (name: string, times: number) => {
    told.push(name)
    if (times > 1) awaitTurn(() => again(name, times - 1))
  }
  awaitTurn(() => again('a', 2))
  awaitTurn(() => again('b', 2))
  expect(told).toEqual([])
  const seen: string[] = []
  for (let n = 0; n < 6; n++) {
    await turn()
    seen.push(told.join(''))
  }
  expect(seen).toEqual(['a', 'ab', 'aba', 'abab', 'abab', 'abab'])
})
