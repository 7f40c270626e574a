import { expect, it } from 'vitest'
import { nearest } from '../../../src/config/nearest.ts'

const keys = ['listen', 'providers', 'pool', 'idleAfter', 'perUpstream', 'ttl', 'port', 'host']

it.each([
  ['listn', 'listen'],
  ['lsiten', 'listen'], // neighbours swapped: one slip
  ['idle_after', 'idleAfter'],
  ['IDLE-AFTER', 'idleAfter'],
  ['idle', 'idleAfter'],
  ['perupsteam', 'perUpstream'],
  ['prot', 'port'],
  ['tll', 'ttl'],
])('%s is meant to be %s', (word, meant) => expect(nearest(word, keys)).toBe(meant))

it.each(['whatever', 'x', '', 'zzzz', 'po', 'x'.repeat(10_000)])('%s is nothing known', (word) => {
  expect(nearest(word, keys)).toBeUndefined()
})

it('a name of one letter is not mistaken for another', () => expect(nearest('b', ['a', 'c'])).toBeUndefined())
