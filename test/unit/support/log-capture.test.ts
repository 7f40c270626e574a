import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { assertNoSecret, LogCapture } from '../../support/log-capture.ts'

const SECRET = 'p>>?~~ä w0rd/+"quoted"'

describe('LogCapture', () => {
  it('keeps what pino writes, line by line', () => {
    const capture = new LogCapture()
    const log = pino({ level: 'info' }, capture)
    log.info({ upstream: 'u1' }, 'leased')
    log.warn('second')
    expect(capture.records().map(({ msg, upstream }) => [msg, upstream])).toEqual([['leased', 'u1'], ['second', undefined]]) // biome-ignore format: pairs
  })

  it('joins pieces of a child process', () => {
    const capture = new LogCapture()
    for (const piece of ['on', 'e\ntw', 'o\nrest']) capture.write(Buffer.from(piece))
    expect([capture.lines, capture.text]).toEqual([['one', 'two'], 'one\ntwo\nrest'])
  })
})

describe('assertNoSecret', () => {
  it.each([
    ['plain', SECRET],
    ['JSON', JSON.stringify({ SECRET })],
    ['URL-encoded', `http://user:${encodeURIComponent(SECRET)}@host`],
    ['URL-encoded', encodeURIComponent(SECRET).toLowerCase()],
    ['form-encoded', `key=${new URLSearchParams([['k', SECRET]])}`],
    ['hex', Buffer.from(SECRET).toString('hex').toUpperCase()],
    ['base64', Buffer.from(SECRET).toString('base64')],
    ['base64', `Basic ${Buffer.from(`u:${SECRET}`).toString('base64')}`],
    ['base64', Buffer.from(`us:${SECRET}, and more`).toString('base64')],
    ['base64url', Buffer.from(SECRET).toString('base64url')],
  ])('finds a secret %s', (encoding, line) => {
    const search = () => assertNoSecret(['harmless', `before ${line} after`], ['another secret', SECRET])
    expect(search).toThrow(`line 2 holds secret number 2 (${encoding})`)
    expect(search).not.toThrow(SECRET)
  })

  it('finds a login as a pair and by its password', () => {
    const login = { username: 'anna', password: 'hunter22' }
    expect(() => assertNoSecret([Buffer.from('anna:hunter22').toString('base64')], [login])).toThrow('base64')
    expect(() => assertNoSecret(['anna'], [login])).not.toThrow()
  })

  it('refuses to search for what it would find by accident', () => {
    expect(() => assertNoSecret([], ['short'])).toThrow('too short')
  })
})
