import { expect, it } from 'vitest'
import { commandLog, createLog } from '../../../src/log/log.ts'
import { Secret } from '../../../src/secret.ts'
import { assertNoSecret, LogCapture } from '../../support/log-capture.ts'

const value = 'hunter2-hunter2'

function capture(level: 'info' | 'debug' | 'silent' = 'info') {
  const lines = new LogCapture()
  return { log: createLog({ level, format: 'auto' }, lines), lines }
}

it('writes JSON lines with level, time and message, and nothing about this machine', () => {
  const { log, lines } = capture()
  log.child({ mod: 'dial' }).info({ conn: 7 }, 'opened')
  const [record] = lines.records()
  expect(Object.keys(record ?? {}).sort()).toEqual(['conn', 'level', 'mod', 'msg', 'time'])
  expect(record).toMatchObject({ level: 30, mod: 'dial', conn: 7, msg: 'opened' })
  expect(record?.['time']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
})

it('writes what the level asks for and no more', () => {
  for (const [level, count] of [
    ['info', 1],
    ['debug', 2],
    ['silent', 0],
  ] as const) {
    const { log, lines } = capture(level)
    log.debug('a')
    log.info('b')
    expect(lines.lines).toHaveLength(count)
  }
})

it('hides secrets by their type at any depth', () => {
  const { log, lines } = capture()
  log.info({ a: { b: { c: [new Secret(value)] } }, err: new Error('why', { cause: new Secret(value) }) }, 'x')
  assertNoSecret(lines.lines, [value])
})

it.each(['password', 'key', 'token', 'sign'])('catches a plain %s at the top and one level below', (name) => {
  const { log, lines } = capture()
  log.info({ [name]: value, provider: { [name]: value } }, 'x')
  assertNoSecret(lines.lines, [value])
  expect(lines.records()).toMatchObject([{ [name]: '[redacted]', provider: { [name]: '[redacted]' } }])
})

it('drops the options that the socks client hangs on its errors, which hold the login', () => {
  const { log, lines } = capture()
  log.error({ err: Object.assign(new Error('no'), { options: { proxy: { password: value } } }) }, 'x')
  assertNoSecret(lines.lines, [value])
})

it('gives commands lines for people: no JSON among what they print', () => {
  const printed: string[] = []
  commandLog('warn', (text) => void printed.push(text)).warn({ provider: 'qg' }, 'the vendor is slow')
  expect(printed).toEqual([expect.stringMatching(/^\d\d:\d\d:\d\d\.\d{3} WARN {2}the vendor is slow provider=qg\n$/)])
})
