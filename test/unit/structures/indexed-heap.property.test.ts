import fc from 'fast-check'
import { expect, it } from 'vitest'
import { IndexedHeap } from '../../../src/structures/indexed-heap.ts'

interface Item {
  readonly name: number
  rank: number
}

const rank = fc.oneof(
  fc.integer({ min: -5, max: 5 }),
  fc.constantFrom(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
)
const step = fc.record({ do: fc.constantFrom('add', 'add', 'change', 'remove'), name: fc.nat(15), rank })

/** What a heap and a plain set hold after any use of the heap. */
function play(steps: readonly { do: string; name: number; rank: number }[]) {
  const items: Item[] = Array.from({ length: 16 }, (_, name) => ({ name, rank: 0 }))
  const heap = new IndexedHeap<Item>((item) => item.rank)
  const held = new Set<Item>()
  for (const { do: what, name, rank: value } of steps) {
    const item = items[name] as Item
    if (what === 'remove') {
      heap.remove(item)
      held.delete(item)
      continue
    }
    item.rank = value
    if (what === 'change') heap.update(item)
    else {
      heap.add(item)
      held.add(item)
    }
  }
  return { heap, held, items }
}

it('gives its members in the order of their ranks, as sort does', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const { heap, held } = play(steps)
      const expected = [...held].map((item) => item.rank).sort((a, b) => (a === b ? 0 : a - b))
      const taken: number[] = []
      for (let next = heap.peek(); next !== undefined; next = heap.peek()) {
        expect(held.delete(next)).toBe(true)
        taken.push(next.rank)
        heap.remove(next)
      }
      expect(taken).toEqual(expected)
    }),
  )
})

it('finds the first that is accepted, as filter and sort do', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.array(fc.nat(15), { maxLength: 15 }), (steps, refused) => {
      const { heap, held } = play(steps)
      const accepts = ({ name }: Item) => !refused.includes(name)
      const best = [...held].filter(accepts).sort((a, b) => (a.rank === b.rank ? 0 : a.rank - b.rank))[0]
      const found = heap.first(accepts)
      expect(found?.rank).toBe(best?.rank)
      if (found !== undefined) expect(held.has(found) && accepts(found)).toBe(true)
    }),
  )
})

it('looks only at what ranks lower, and at the children of that', () => {
  const heap = new IndexedHeap<number>((item) => item)
  for (let item = 0; item < 100; item++) heap.add(item)
  const seen = new Set<number>()
  expect(heap.first((item) => seen.add(item).size > 0 && item === 5)).toBe(5)
  expect(seen).toEqual(new Set([0, 1, 2, 3, 4, 5]))
})
