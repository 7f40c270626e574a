import { expect, it } from 'vitest'
import { GenerationalCache } from '../../../src/structures/generational-cache.ts'

it('remembers what was asked for lately, and no more than two generations', () => {
  const recent = new GenerationalCache<number>(3)
  for (let n = 0; n < 3; n++) recent.set(`${n}`, n)
  recent.set('3', 3)
  // One of the old ones is asked for again, and so stays.
  expect(recent.get('0')).toBe(0)
  recent.set('4', 4)
  recent.set('5', 5)
  expect(['0', '1', '2', '3', '4', '5'].map((text) => recent.get(text))).toEqual([0, undefined, undefined, 3, 4, 5])
})
