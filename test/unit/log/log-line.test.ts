import { expect, it } from 'vitest'
import { formatLogLine } from '../../../src/log/log-line.ts'

const record = (facts: object, level = 30) =>
  `${JSON.stringify({ level, time: '2026-03-01T10:11:12.345Z', ...facts })}\n`
const withoutTime = (line: string) => line.replace(/^\d\d:\d\d:\d\d\.345 /, '')

it('is one line: time, level, words, facts', () => {
  const facts = { mod: 'traffic', target: 'a.example:443', durationMs: 12, code: 'GW_DEADLINE', msg: 'connection' }
  const line = formatLogLine(record(facts), false)
  expect(line).toMatch(/^\d\d:\d\d:12\.345 /)
  expect(withoutTime(line)).toBe('INFO  connection target=a.example:443 durationMs=12 code=GW_DEADLINE\n')
})

it('quotes what holds spaces, and escapes what could move the cursor', () => {
  const facts = { msg: 'x', reason: 'two words', evil: 'a\u001b[2J\u009b', list: [1, 2] }
  expect(withoutTime(formatLogLine(record(facts, 40), false))).toBe(
    'WARN  x reason="two words" evil="a\\u001b[2J\\u009b" list=[1,2]\n',
  )
})

it('puts a stack below, one indented line each', () => {
  const err = { type: 'TypeError', message: 'oops', stack: 'TypeError: oops\n    at a (b.ts:1:2)' }
  expect(withoutTime(formatLogLine(record({ msg: 'failed', err }, 50), false))).toBe(
    'ERROR failed error="TypeError: oops"\n    TypeError: oops\n    at a (b.ts:1:2)\n',
  )
})

it('is coloured where it is wanted, and the words are the same', () => {
  const line = record({ msg: 'x', a: 1 })
  const coloured = formatLogLine(line, true)
  expect(coloured).toContain('\u001b[32mINFO \u001b[39m')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape sequences are what is taken out
  expect(coloured.replaceAll(/\u001b\[\d+m/g, '')).toBe(formatLogLine(line, false))
})

it('leaves what is no record as it is', () => {
  expect(formatLogLine('plain\n', true)).toBe('plain\n')
})
