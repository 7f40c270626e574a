import { EventEmitter } from 'node:events'
import { afterEach, expect, it } from 'vitest'
import {
  containException,
  internalErrors,
  listenerOf,
  runInBackground,
  setOwner,
  stackOf,
} from '../../src/internal-errors.ts'

const undo: (() => void)[] = []
afterEach(() => {
  for (const one of undo.splice(0)) one()
})

/** Collects the reports of a test. */
function listen(): [stack: string, times: number][] {
  const reports: [string, number][] = []
  undo.push(internalErrors.listen((stack, times) => reports.push([stack, times])))
  return reports
}

it('an exception in a listener ends the owner, once, and goes no further', () => {
  const reports = listen()
  let ended = 0
  const heard: unknown[] = []
  const owner = { heard, failInternally: () => void ended++ }
  const emitter = new EventEmitter()
  setOwner(emitter, owner)
  emitter.on(
    'works',
    listenerOf((of: typeof owner, argument: unknown) => of.heard.push(argument)),
  )
  emitter.on(
    'fails',
    listenerOf(() => {
      throw new TypeError('a bug of this test')
    }),
  )
  emitter.on('fails', () => heard.push('the next listener'))
  emitter.emit('works', 1)
  expect([heard, ended]).toEqual([[1], 0])
  const before = internalErrors.count
  expect(emitter.emit('fails')).toBe(true)
  expect([ended, internalErrors.count - before, heard]).toEqual([1, 1, [1, 'the next listener']])
  expect(reports).toMatchObject([[expect.stringMatching(/^TypeError: a bug of this test\n {4}at /), 1]])
})

it('what throws while it ends is reported and not thrown', () => {
  const reports = listen()
  const failInternally = () => {
    throw new Error('the second')
  }
  containException(new Error('the first'), { failInternally })
  expect(reports.map(([stack]) => stack.split('\n')[0])).toEqual(['Error: the first', 'Error: the second'])
})

it('a rejected background task is reported', async () => {
  const reports = listen()
  runInBackground(Promise.reject(new Error('late')))
  await Promise.resolve()
  await Promise.resolve()
  expect(reports).toHaveLength(1)
})

it('each exception is counted; a place is logged ten times, then when its number doubles', () => {
  const reports = listen()
  const before = internalErrors.count
  for (let n = 0; n < 100; n++) internalErrors.report(new Error(`number ${n}`))
  internalErrors.report(new Error('elsewhere'))
  expect(internalErrors.count - before).toBe(101)
  expect(reports.map(([, times]) => times)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 16, 32, 64, 1])
})

it('a report holds the stack alone', () => {
  const error = Object.assign(new Error('why', { cause: new Error('hunter2') }), { password: 'hunter2' })
  expect(stackOf(error)).not.toContain('hunter2')
  expect(stackOf('hunter2')).toBe('something that is not an Error was thrown')
  expect(stackOf(new Error('x'.repeat(10_000)))).toHaveLength(4_000)
})
