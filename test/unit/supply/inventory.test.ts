import { expect, it } from 'vitest'
import { LocalAccountStore } from '../../../src/store/local-account-store.ts'
import { forgetfulStore } from '../../../src/store/memory.ts'
import { type HeldAddress, Inventory, isNewLife } from '../../../src/supply/inventory.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const clock = new FakeClock({ now: 0 })
const fresh = () => new Inventory('account', new LocalAccountStore(clock, forgetfulStore()))
const one = (id: string, ref?: string): HeldAddress => ({
  id,
  provider: 'p',
  host: `${id}.test`,
  port: 80,
  ...(ref === undefined ? {} : { ref }),
})

it('counts what the vendor holds for us until it ends there, whatever became of it here', () => {
  const inventory = fresh()
  expect([
    inventory.add(one('a'), 60_000, 0),
    inventory.add(one('b'), 50_000, 0),
    inventory.add(one('a'), 61_000, 0),
  ]).toEqual([true, true, false])
  inventory.done('a')
  expect([
    inventory.heldFor('p', 0),
    inventory.heldFor('p', 49_999),
    inventory.heldFor('p', 50_000),
    inventory.heldFor('p', 60_999),
    inventory.heldFor('p', 61_000),
  ]).toEqual([2, 2, 1, 1, 0])
})

it('tells when the next channel gets free: never an instant that is past', () => {
  const inventory = fresh()
  expect(inventory.earliestEnd(0)).toBeUndefined()
  inventory.add(one('a'), 60_000, 0)
  inventory.add(one('b'), 50_000, 0)
  expect([inventory.earliestEnd(0), inventory.earliestEnd(50_000), inventory.earliestEnd(60_000)]).toEqual([
    50_000,
    60_000,
    undefined,
  ])
})

it('forgets what has ended, so that nobody asks about it any more, and needs no room', () => {
  const inventory = fresh()
  inventory.add(one('a', 'name a'), 60_000, 0)
  inventory.add(one('b'), 50_000, 0)
  expect([
    inventory.refsOf('p', 0),
    inventory.idsOf('p', 'name a'),
    inventory.refsOf('p', 60_000),
    inventory.idsOf('p', 'name a'),
  ]).toEqual([['name a'], ['a'], [], []])
  expect(inventory.add(one('a'), 120_000, 60_000)).toBe(true)
  expect(inventory.add(one('a'), 200_000, 130_000)).toBe(true) // it had ended, though nobody had looked
  inventory.release('a')
  expect(inventory.heldFor('p', 60_000)).toBe(0)
})

it('remembers a life that the pool has had, until the vendor sells another one', () => {
  const inventory = fresh()
  inventory.add(one('a'), 60_000, 0)
  expect(inventory.isDone('a')).toBe(false)
  inventory.done('a')
  inventory.add(one('a'), 60_900, 10_000) // the same life, told again
  expect(inventory.isDone('a')).toBe(true)
  inventory.add(one('a'), 112_000, 10_000)
  expect(inventory.isDone('a')).toBe(false)
  inventory.done('nobody')
  expect(inventory.isDone('nobody')).toBe(false)
})

it('lets an endless address come back: a list that is read again means it', () => {
  const inventory = fresh()
  inventory.add(one('a'), Number.POSITIVE_INFINITY, 0)
  inventory.done('a')
  inventory.add(one('a'), Number.POSITIVE_INFINITY, 60_000)
  expect([inventory.isDone('a'), inventory.earliestEnd(1e15)]).toEqual([false, Number.POSITIVE_INFINITY])
})

it('takes twice the life that is left for another one', () => {
  expect([
    isNewLife(60_000, 60_900, 30_000),
    isNewLife(60_000, 89_999, 30_000),
    isNewLife(60_000, 90_000, 30_000),
  ]).toEqual([false, false, true])
  expect([isNewLife(60_000, 61_000, 60_000), isNewLife(60_000, 59_000, 70_000)]).toEqual([true, true])
})

it('occupies a channel of the account for each address and each that is to come, whosever they are', () => {
  const store = new LocalAccountStore(clock, forgetfulStore())
  const inventory = new Inventory('account', store)
  const { view: book } = store
  inventory.add(one('a'), 60_000, 0)
  inventory.add({ ...one('b'), provider: 'q' }, 50_000, 0)
  inventory.addPending('p', ['line 1', 'line 2'], 0)
  expect([book.channelsBooked('account'), inventory.heldFor('p', 0)]).toEqual([4, 1])
  inventory.removePending(['line 1'])
  inventory.release('a')
  expect([book.channelsBooked('account'), book.channelsBooked('another')]).toEqual([2, 0])
})

it('knows which address another provider of the account holds', () => {
  const inventory = fresh()
  inventory.add(one('a'), 60_000, 0)
  const held = (provider: string, now: number) => inventory.isHeldByOther(provider, 'a.test', 80, now)
  expect([held('q', 0), held('p', 0), held('q', 60_000)]).toEqual([true, false, false])
})
