import { expect, it } from 'vitest'
import { isNewLife, Ledger } from '../../../src/supply/ledger.ts'

it('counts what the vendor holds for us until it ends there, whatever became of it here', () => {
  const ledger = new Ledger()
  expect([ledger.add('a', 60_000, 0), ledger.add('b', 50_000, 0), ledger.add('a', 61_000, 0)]).toEqual([
    true,
    true,
    false,
  ])
  ledger.done('a')
  expect([ledger.held(0), ledger.held(49_999), ledger.held(50_000), ledger.held(60_999), ledger.held(61_000)]).toEqual([
    2, 2, 1, 1, 0,
  ])
})

it('tells when the next channel gets free: never an instant that is past', () => {
  const ledger = new Ledger()
  expect(ledger.earliestEnd(0)).toBeUndefined()
  ledger.add('a', 60_000, 0)
  ledger.add('b', 50_000, 0)
  expect([ledger.earliestEnd(0), ledger.earliestEnd(50_000), ledger.earliestEnd(60_000)]).toEqual([
    50_000,
    60_000,
    undefined,
  ])
})

it('forgets what has ended, so that nobody asks about it any more, and needs no room', () => {
  const ledger = new Ledger()
  ledger.add('a', 60_000, 0, 'name a')
  ledger.add('b', 50_000, 0)
  expect([ledger.refs(0), ledger.idsOf('name a'), ledger.refs(60_000), ledger.idsOf('name a')]).toEqual([
    ['name a'],
    ['a'],
    [],
    [],
  ])
  expect(ledger.add('a', 120_000, 60_000)).toBe(true)
  expect(ledger.add('a', 200_000, 130_000)).toBe(true) // it had ended, though nobody had looked
  ledger.release('a')
  expect(ledger.held(60_000)).toBe(0)
})

it('remembers a life that the pool has had, until the vendor sells another one', () => {
  const ledger = new Ledger()
  ledger.add('a', 60_000, 0)
  expect(ledger.isDone('a')).toBe(false)
  ledger.done('a')
  ledger.add('a', 60_900, 10_000) // the same life, told again
  expect(ledger.isDone('a')).toBe(true)
  ledger.add('a', 112_000, 10_000)
  expect(ledger.isDone('a')).toBe(false)
  ledger.done('nobody')
  expect(ledger.isDone('nobody')).toBe(false)
})

it('lets an endless address come back: a list that is read again means it', () => {
  const ledger = new Ledger()
  ledger.add('a', Number.POSITIVE_INFINITY, 0)
  ledger.done('a')
  ledger.add('a', Number.POSITIVE_INFINITY, 60_000)
  expect([ledger.isDone('a'), ledger.earliestEnd(1e15)]).toEqual([false, Number.POSITIVE_INFINITY])
})

it('takes twice the life that is left for another one', () => {
  expect([
    isNewLife(60_000, 60_900, 30_000),
    isNewLife(60_000, 89_999, 30_000),
    isNewLife(60_000, 90_000, 30_000),
  ]).toEqual([false, false, true])
  expect([isNewLife(60_000, 61_000, 60_000), isNewLife(60_000, 59_000, 70_000)]).toEqual([true, true])
})
