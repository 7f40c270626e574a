import fc from 'fast-check'
import { expect, it } from 'vitest'
import { noOptions } from '../../../src/downstream/client-options.ts'
import { headerOptions, parseUserName } from '../../../src/downstream/username-options.ts'
import { GatewayError } from '../../../src/errors.ts'
import { parseFields } from '../../../src/http1/head.ts'
import { strategies } from '../../../src/strategy.ts'

const users = ['crawler', 'crawler-eu', 'team-session-1']

/** The error's words when it is ours and says 400. */
const refusal = (run: () => unknown): string => {
  try {
    return `no error: ${JSON.stringify(run())}`
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'GW_BAD_OPTION') throw error
    return error.message
  }
}
const optionsOf = (text: string) => parseUserName(`crawler-${text}`, users).options
const headers = (...lines: string[]) =>
  parseFields(Buffer.from(`${['CONNECT a:1 HTTP/1.1', ...lines].join('\r\n')}\r\n\r\n`).toString('latin1'), 22)
const fromHeaders = (lines: string[], base = noOptions) => {
  const fields = headers(...lines)
  if (typeof fields === 'string') throw new Error(fields)
  return headerOptions(fields, base)
}

it('takes the longest configured user name for the account', () => {
  expect(parseUserName('crawler', users)).toEqual({ account: 'crawler', options: {} })
  expect(parseUserName('crawler-eu', users)).toEqual({ account: 'crawler-eu', options: {} })
  expect(parseUserName('crawler-eu-session-a', users)).toEqual({ account: 'crawler-eu', options: { session: 'a' } })
  expect(parseUserName('crawler-session-eu', users)).toEqual({ account: 'crawler', options: { session: 'eu' } })
  expect(parseUserName('team-session-1-city-x', users)).toEqual({ account: 'team-session-1', options: { city: 'x' } })
})

it('takes the text before the first known key for the account where no user fits', () => {
  expect(parseUserName('a-b-session-c')).toEqual({ account: 'a-b', options: { session: 'c' } })
  expect(parseUserName('a-b')).toEqual({ account: 'a-b', options: {} })
  expect(parseUserName('session-c')).toEqual({ account: '', options: { session: 'c' } })
  expect(parseUserName('')).toEqual({ account: '', options: {} })
  expect(parseUserName('crawlers-session-c', users)).toEqual({ account: 'crawlers', options: { session: 'c' } })
})

it.each([
  ['session-a', { session: 'a' }],
  ['sessid-a', { session: 'a' }],
  ['SESSION-A', { session: 'A' }],
  ['provider-qg-a', { provider: 'qg-a' }],
  ['country-US', { country: 'US' }],
  ['cc-us', { country: 'us' }],
  ['region-us', { country: 'us' }],
  ['area-河南省商丘市', { area: '河南省商丘市' }],
  ['city-san-francisco', { city: 'san-francisco' }],
  ['isp-电信', { isp: '电信' }],
  ['strict-1', { strict: true }],
  ['strict-off', { strict: false }],
  ['sessid_oneip-true', { strict: true }],
  ['strategy-soonest-expiry', { strategy: 'soonest-expiry' }],
  ['session-a-exclusive', { session: 'a', exclusive: true }],
  ['exclusive-session-a', { session: 'a', exclusive: true }],
  ['exclusive-0', { exclusive: false }],
  ['avoid-last', { avoidLast: true }],
  ['session-a-avoid-last-uses-10-minlife-90s', { session: 'a', avoidLast: true, uses: 10, minLifeMs: 90_000 }],
  ['session-a-country-us-life-10m', { session: 'a', country: 'us', lifeMs: 600_000 }],
])('reads %s', (text, options) => {
  expect(optionsOf(text)).toEqual(options)
})

it('lets a value run to the next known key, hyphens and unknown words included', () => {
  expect(optionsOf('session-a-b--c-city-x-y')).toEqual({ session: 'a-b--c', city: 'x-y' })
  expect(optionsOf('session-a-colour-red')).toEqual({ session: 'a-colour-red' })
  expect(optionsOf('session-sessions-cities')).toEqual({ session: 'sessions-cities' })
  // A key is a key only with a hyphen behind it.
  expect(optionsOf('session-a-country')).toEqual({ session: 'a-country' })
})

it('takes a unit for life and ttl, plain minutes for the other spellings', () => {
  for (const [text, ms] of [
    ['90s', 90_000],
    ['10m', 600_000],
    ['2h', 7_200_000],
    ['1500ms', 1_500],
    ['0s', 0],
  ] as const) {
    expect(optionsOf(`life-${text}`)).toEqual({ lifeMs: ms })
    expect(optionsOf(`ttl-${text}`)).toEqual({ lifeMs: ms })
  }
  for (const key of ['sesstime', 'sessionduration', 'lifetime']) {
    expect(optionsOf(`${key}-10`)).toEqual({ lifeMs: 600_000 })
    for (const wrong of ['10m', '90s', '1.5', '-1', '1e3', '100000'])
      expect(refusal(() => optionsOf(`${key}-${wrong}`))).toContain(`"${key}"`)
  }
  for (const wrong of ['10', '10d', '10 m', '1.5m', '-1s', 'm', '10M', '1e3s'])
    expect(refusal(() => optionsOf(`life-${wrong}`))).toContain('"life"')
})

it('knows every strategy and no other', () => {
  for (const strategy of strategies) expect(optionsOf(`strategy-${strategy}`)).toEqual({ strategy })
  expect(refusal(() => optionsOf('strategy-fastest'))).toContain('power-of-two')
})

it('names what is wrong: an unknown key behind the account, a key twice, a key without a value', () => {
  expect(refusal(() => optionsOf('colour-red'))).toContain('unknown option "colour"')
  expect(refusal(() => optionsOf('colour-red-session-a'))).toContain('unknown option "colour"')
  expect(refusal(() => optionsOf('session-a-session-b'))).toContain('"session" is given twice')
  expect(refusal(() => optionsOf('session-a-sessid-b'))).toContain('"sessid" is given twice')
  expect(refusal(() => optionsOf('life-1m-lifetime-1'))).toContain('"lifetime" is given twice')
  expect(refusal(() => optionsOf('session-'))).toContain('"session"')
  expect(refusal(() => optionsOf('session'))).toContain('"session" needs a value')
  expect(refusal(() => optionsOf('session-country-us'))).toContain('"session"')
  expect(refusal(() => optionsOf('constructor-1'))).toContain('unknown option "constructor"')
  expect(refusal(() => optionsOf(''))).toContain('unknown option after the account name')
})

it('never repeats what may be a password typed in the wrong place', () => {
  expect(refusal(() => optionsOf('p@ss w0rd!'))).not.toContain('p@ss')
  expect(refusal(() => optionsOf(`${'x'.repeat(40)}-1`))).not.toContain('xxx')
})

it('refuses values that are longer than anybody’s', () => {
  expect(optionsOf(`session-${'x'.repeat(256)}`)).toEqual({ session: 'x'.repeat(256) })
  expect(refusal(() => optionsOf(`session-${'x'.repeat(257)}`))).toContain('256')
})

it('reads the same options from headers, over those of the user name', () => {
  expect(fromHeaders(['X-Turnpike-Session: a b', 'X-Turnpike-Strict: 1'])).toEqual({ session: 'a b', strict: true })
  expect(fromHeaders(['X-Turnpike-Session: mine'], { session: 'base', city: 'x' })).toEqual({
    session: 'mine',
    city: 'x',
  })
  const base = { session: 'base' }
  expect(fromHeaders(['Host: a', 'X-Other: 1'], base)).toBe(base)
})

it('reads what clients of tunnel proxies send, and where own headers do not count that alone', () => {
  const fields = headers('Proxy-Switch-Ip: yes', 'Proxy-Tunnel: 17', 'X-Turnpike-Avoid-Last: 1')
  if (typeof fields === 'string') throw new Error(fields)
  expect(headerOptions(fields, noOptions)).toEqual({ rotate: true, session: '17', avoidLast: true })
  expect(headerOptions(fields, noOptions, false)).toEqual({ rotate: true, session: '17' })
  expect(refusal(() => fromHeaders(['Proxy-Tunnel: 1', 'X-Turnpike-Session: 2']))).toContain('twice')
  expect(refusal(() => optionsOf('session-a-rotate-1'))).toContain('is a command')
})

it('reads headers in UTF-8, as clients send Chinese places', () => {
  expect(fromHeaders(['X-Turnpike-Area: 河南', 'X-Turnpike-Isp: 电信'])).toEqual({ area: '河南', isp: '电信' })
  expect(headerOptions([{ name: 'x-turnpike-session', value: '\xe9' }], noOptions)).toEqual({ session: 'é' })
})

it('decodes percent-encoded values: many clients send latin1 alone', () => {
  expect(parseUserName('a-country-%E6%97%A5%E6%9C%AC-session-50%-city-a%2Fb%zz').options).toEqual({
    country: '日本',
    session: '50%',
    city: 'a/b%zz',
  })
  expect(fromHeaders(['X-Turnpike-Area: %E6%B2%B3%E5%8D%97'])).toEqual({ area: '河南' })
})

it.each(['a-session-%FF', 'a-session-%E6%97', 'a-session-%0D%0Ax', 'a-session-%00', 'a-session-%C0%AF'])(
  'refuses %s',
  (name) => {
    expect(refusal(() => parseUserName(name))).toContain('percent-encoded')
  },
)

it.each([
  'X-Turnpike-Colour: red',
  'X-Turnpike-Constructor: a',
  'X-Turnpike-__proto__: a',
  'X-Turnpike-toString: a',
  'X-Turnpike-Session:',
  'X-Turnpike-: a',
  'X-Turnpike-Life: 10',
])('refuses the header %s', (line) => {
  expect(refusal(() => fromHeaders([line]))).not.toContain('no error')
})

it('refuses a header that is given twice, in any spelling', () => {
  expect(refusal(() => fromHeaders(['X-Turnpike-Session: a', 'X-Turnpike-Session: b']))).toContain('twice')
  expect(refusal(() => fromHeaders(['X-Turnpike-Session: a', 'X-Turnpike-Sessid: b']))).toContain('twice')
})

it('what is put together by the grammar is taken apart again', () => {
  const word = fc.stringMatching(/^[a-z0-9.]{1,8}(-[a-z0-9.]{1,8}){0,2}$/)
  const known =
    /(^|-)(session|sessid|provider|country|cc|region|area|city|isp|life|ttl|sesstime|sessionduration|lifetime|strict|sessid_oneip|strategy|rotate|exclusive|avoid|uses|minlife)(-|$)/
  const value = word.filter((text) => !known.test(text))
  const keys = fc.uniqueArray(fc.constantFrom('session', 'provider', 'country', 'area', 'city', 'isp'), {
    maxLength: 6,
  })
  fc.assert(
    fc.property(
      fc.constantFrom(...users),
      keys,
      fc.array(value, { minLength: 6, maxLength: 6 }),
      (account, names, values) => {
        const options = Object.fromEntries(names.map((name, i) => [name, values[i]]))
        const text = Object.entries(options).map(([name, given]) => `-${name}-${given}`)
        expect(parseUserName(`${account}${text.join('')}`, users)).toEqual({ account, options })
      },
    ),
  )
})

it('no text makes anything but options or our error', () => {
  const nearly = fc.array(
    fc.constantFrom('-', 'crawler', 'session', 'life', 'strict', '1', '10m', 'x', 'strategy', 'random', '__proto__'),
    { maxLength: 12 },
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        nearly.map((parts) => parts.join('')),
      ),
      (text) => {
        for (const known of [[], users]) {
          try {
            expect(text.startsWith(parseUserName(text, known).account)).toBe(true)
          } catch (error) {
            expect(error).toMatchObject({ code: 'GW_BAD_OPTION' })
          }
        }
      },
    ),
    { numRuns: 200 },
  )
})
