import { EventEmitter } from 'node:events'
import { expect, it } from 'vitest'
import { watchSignals } from '../../../src/cli/signals.ts'
import { FakeClock } from '../../support/fake-clock.ts'

function setUp() {
  const source = new EventEmitter()
  const clock = new FakeClock()
  const calls: string[] = []
  const unwatch = watchSignals(source, clock, {
    stop: (signal) => calls.push(`stop ${signal}`),
    abort: (signal) => calls.push(`abort ${signal}`),
    reload: (signal) => calls.push(`reload ${signal}`),
  })
  return { source, clock, calls, unwatch, send: (signal: string) => source.emit(signal, signal) }
}

it('SIGHUP reloads, each time, and asks for no stop', () => {
  const { calls, send } = setUp()
  send('SIGHUP')
  send('SIGHUP')
  send('SIGTERM')
  expect(calls).toEqual(['reload SIGHUP', 'reload SIGHUP', 'stop SIGTERM'])
})

it.each(['SIGINT', 'SIGTERM'])('%s asks to stop, at once', (signal) => {
  const { calls, send } = setUp()
  send(signal)
  expect(calls).toEqual([`stop ${signal}`])
})

it('signals within a second of the first are one wish, whatever their kind and number', () => {
  const { calls, clock, send } = setUp()
  send('SIGINT')
  clock.advance(10)
  send('SIGINT')
  clock.advance(989)
  send('SIGTERM')
  expect(calls).toEqual(['stop SIGINT'])
})

it('a signal a second after the first ends at once', () => {
  const { calls, clock, send } = setUp()
  send('SIGTERM')
  clock.advance(500)
  send('SIGTERM') // does not begin a new second
  clock.advance(500)
  send('SIGINT')
  expect(calls).toEqual(['stop SIGTERM', 'abort SIGINT'])
})

it('setting the time of day does not make two wishes of one', () => {
  const { calls, clock, send } = setUp()
  send('SIGINT')
  clock.stepWall(3_600_000)
  send('SIGINT')
  expect(calls).toEqual(['stop SIGINT'])
})

it('gives the signals back', () => {
  const { source, calls, unwatch, send } = setUp()
  unwatch()
  send('SIGINT')
  expect(calls).toEqual([])
  expect(source.eventNames()).toEqual([])
})
