import { expect, it } from 'vitest'
import { FairTaskQueue } from '../../../src/structures/fair-task-queue.ts'

/** Tasks that say when they begin; `end` ends one of a group. */
function queueOf(total: number, perGroup: number) {
  const queue = new FairTaskQueue({ total, perGroup })
  const begun: string[] = []
  const add = (name: string) => queue.add(name.slice(0, 1), () => begun.push(name))
  return { queue, begun, add }
}

it('runs as many of a group as may run, and the others in their order', () => {
  const { queue, begun, add } = queueOf(10, 2)
  for (const name of ['a1', 'a2', 'a3', 'a4']) add(name)
  expect(begun).toEqual(['a1', 'a2'])
  queue.done('a')
  queue.done('a')
  expect(begun).toEqual(['a1', 'a2', 'a3', 'a4'])
})

it('a group whose tasks never end holds up itself alone', () => {
  const { queue, begun, add } = queueOf(3, 2)
  for (const name of ['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'c1']) add(name)
  expect(begun).toEqual(['a1', 'a2', 'b1'])
  queue.done('b')
  expect(begun).toEqual(['a1', 'a2', 'b1', 'b2'])
  queue.done('b')
  expect(begun).toEqual(['a1', 'a2', 'b1', 'b2', 'c1'])
})

it('serves groups in turn, not in the order of arrival', () => {
  const { queue, begun, add } = queueOf(1, 1)
  for (const name of ['a1', 'a2', 'a3', 'b1', 'b2', 'c1']) add(name)
  for (const group of ['a', 'a', 'b', 'c', 'a']) queue.done(group)
  expect(begun).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'b2'])
})

it('a task that is taken out never runs', () => {
  const { queue, begun, add } = queueOf(1, 1)
  add('a1')
  const withdraw = add('a2')
  add('a3')
  withdraw()
  queue.done('a')
  withdraw()
  expect(begun).toEqual(['a1', 'a3'])
})
