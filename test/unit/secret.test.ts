import { format, inspect } from 'node:util'
import { pino } from 'pino'
import { expect, it } from 'vitest'
import { GatewayError } from '../../src/errors.ts'
import { isSameText, Secret } from '../../src/secret.ts'
import { assertNoSecret, LogCapture } from '../support/log-capture.ts'

const value = 'hunter2-hunter2'
const secret = new Secret(value)
const holder = { name: 'a', login: { deep: [{ password: secret }] } }

it('gives its value only to those who ask for it', () => {
  expect(secret.reveal()).toBe(value)
})

it('tells a text from any other', () => {
  const given = [value, 'hunter2-hunter3', 'hunter2', '', `${value} `, '[redacted]']
  expect(given.map((text) => isSameText(text, value))).toEqual([true, false, false, false, false, false])
})

it.each<[string, () => string]>([
  ['String', () => String(secret)],
  ['a template', () => `${secret}`],
  ['concatenation', () => `x${secret}`],
  ['JSON', () => JSON.stringify(holder)],
  ['inspect', () => inspect(holder, { depth: null, showHidden: true, getters: true })],
  ['inspect without custom printing', () => inspect(holder, { depth: null, customInspect: false, showHidden: true })],
  ['format', () => format('%s %o %O %j', secret, secret, secret, secret)],
  [
    'an error',
    () => inspect(new GatewayError('GW_INTERNAL', `${secret}`, { cause: new Error('why', { cause: holder }) })),
  ],
  [
    'keys and values',
    () => JSON.stringify([Object.entries(secret), Object.getOwnPropertyNames(secret), { ...secret }]),
  ],
])('is not shown by %s', (_, show) => {
  assertNoSecret([show()], [value])
})

it('says that it is a secret', () => {
  expect([String(secret), JSON.stringify({ secret }), inspect(secret)]).toEqual([
    '[redacted]',
    '{"secret":"[redacted]"}',
    '[redacted]',
  ])
})

it('is not shown by pino, at any depth, as a child’s binding or in an error’s cause', () => {
  const capture = new LogCapture()
  const log = pino({}, capture)
  log.info({ secret, holder, list: [secret] }, 'a line')
  log.child({ secret, holder }).warn({ err: new Error('why', { cause: holder }) }, 'another')
  log.info(`${secret} %s %o`, secret, holder)
  assertNoSecret(capture.lines, [value])
  expect(capture.text).toContain('[redacted]')
})
