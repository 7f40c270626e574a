import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Linked, LinkedList } from '../../../src/structures/linked-list.ts'

class Entry implements Linked<Entry> {
  next: Entry | undefined = undefined
  previous: Entry | undefined = undefined
}

it('holds what a Set would hold, whatever comes and goes in whatever order', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(9), { maxLength: 60 }), (steps) => {
      const entries = Array.from({ length: 10 }, () => new Entry())
      const list = new LinkedList<Entry>()
      const model = new Set<Entry>()
      for (const at of steps) {
        const entry = entries[at] as Entry
        if (model.delete(entry)) {
          list.remove(entry)
          expect([entry.next, entry.previous]).toEqual([undefined, undefined])
        } else {
          model.add(entry)
          list.add(entry)
        }
        expect(list.size).toBe(model.size)
        expect(new Set(list.snapshot())).toEqual(model)
        expect(list.snapshot()).toHaveLength(model.size)
      }
    }),
  )
})

it('lets everything go while it is gone through', () => {
  const list = new LinkedList<Entry>()
  for (let i = 0; i < 5; i++) list.add(new Entry())
  for (const entry of list.snapshot()) list.remove(entry)
  expect(list.size).toBe(0)
  expect(list.snapshot()).toEqual([])
})
