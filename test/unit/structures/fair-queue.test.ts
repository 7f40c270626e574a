import fc from 'fast-check'
import { expect, it } from 'vitest'
import { FairQueue, type Place } from '../../../src/structures/fair-queue.ts'

/** Serves whoever is first until nobody is left. */
function drain(queue: FairQueue<string>): string[] {
  const served: string[] = []
  for (let { first } = queue; first !== undefined; first = queue.first) {
    served.push(first.item)
    queue.endTurn(first.user)
    queue.remove(first)
  }
  return served
}

it('serves users in turn, and the entries of one user in their order', () => {
  const queue = new FairQueue<string>()
  for (const item of ['a1', 'a2', 'a3', 'b1', 'c1', 'b2']) queue.add(item.charAt(0), item)
  expect([...queue]).toEqual(['a1', 'a2', 'a3', 'b1', 'b2', 'c1'])
  expect(drain(queue)).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3'])
})

it('gives a user that comes back the last turn', () => {
  const queue = new FairQueue<string>()
  const first = queue.add('a', 'a1')
  queue.add('b', 'b1')
  queue.remove(first)
  queue.add('a', 'a2')
  expect(drain(queue)).toEqual(['b1', 'a2'])
})

it('names the newest entry of a user and the user with most entries', () => {
  const queue = new FairQueue<string>()
  expect([queue.largestUser(), queue.newestOf('a')]).toEqual([undefined, undefined])
  for (const item of ['a1', 'b1', 'b2', 'c1', 'c2']) queue.add(item.charAt(0), item)
  expect([queue.largestUser(), queue.newestOf('b')?.item, queue.users]).toEqual(['b', 'b2', 3])
})

it('lets the entry be removed that is being handed out', () => {
  const queue = new FairQueue<string>()
  const places = new Map<string, Place<string>>()
  for (const item of ['a1', 'a2', 'b1']) places.set(item, queue.add(item.charAt(0), item))
  const seen: string[] = []
  for (const item of queue) {
    seen.push(item)
    const place = places.get(item)
    if (place !== undefined) queue.remove(place)
  }
  expect([seen, queue.size]).toEqual([['a1', 'a2', 'b1'], 0])
})

/** The same as lists: what a reader would write first. */
class Model {
  turns: string[] = []
  readonly items = new Map<string, number[]>()

  add(user: string, item: number): void {
    if (!this.items.has(user)) this.turns.push(user)
    this.items.set(user, [...(this.items.get(user) ?? []), item])
  }

  remove(user: string, item: number): void {
    const rest = (this.items.get(user) ?? []).filter((one) => one !== item)
    if (rest.length > 0) return void this.items.set(user, rest)
    this.items.delete(user)
    this.turns = this.turns.filter((one) => one !== user)
  }

  endTurn(user: string): void {
    if (this.items.has(user)) this.turns = [...this.turns.filter((one) => one !== user), user]
  }

  get all(): number[] {
    return this.turns.flatMap((user) => this.items.get(user) ?? [])
  }
}

it('is the same as a list of lists, whatever is done to it', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('add' as const), user: fc.constantFrom('a', 'b', 'c') }),
    fc.record({ do: fc.constant('remove' as const), at: fc.nat(20) }),
    fc.record({ do: fc.constant('endTurn' as const), user: fc.constantFrom('a', 'b', 'c') }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new FairQueue<number>()
      const model = new Model()
      const places: Place<number>[] = []
      steps.forEach((one, n) => {
        if (one.do === 'add') {
          places.push(queue.add(one.user, n))
          model.add(one.user, n)
        } else if (one.do === 'endTurn') {
          queue.endTurn(one.user)
          model.endTurn(one.user)
        } else {
          const [place] = places.splice(one.at, 1)
          if (place === undefined) return
          queue.remove(place)
          model.remove(place.user, place.item)
        }
        expect([[...queue], queue.size, queue.first?.item]).toEqual([model.all, model.all.length, model.all[0]])
      })
    }),
  )
})
