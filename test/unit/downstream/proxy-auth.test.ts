import { expect, it } from 'vitest'
import { LoginThrottle } from '../../../src/downstream/login-throttle.ts'
import { Access, type User } from '../../../src/downstream/proxy-auth.ts'
import { Secret } from '../../../src/secret.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const user = (name: string, password: string, rest: Partial<User> = {}): User => ({
  name,
  password: new Secret(password),
  ...rest,
})
/** Every login comes from another address: what the throttle does has tests of its own. */
function accessOf(users: readonly User[] | undefined, allow: readonly string[] | undefined) {
  const access = new Access(users, allow, new LoginThrottle(new FakeClock(), () => {}))
  let host = 0
  const client = () => ({ clientAddress: `192.0.2.${host++}` })
  return {
    demandsLogin: access.demandsLogin,
    checksAddress: access.checksAddress,
    checkAddress: (ip: string) => access.checkAddress(ip),
    identify: (authorization: string | undefined) => access.identify(authorization, client()),
    login: (userName: string, password: string) => access.login(userName, password, client()),
    userId: (userId: string) => access.userId(userId),
  }
}

const users = [user('crawler', 'one'), user('crawler-eu', 'two', { providers: ['qg-a'] }), user('空', 'пароль')]
const guarded = accessOf(users, undefined)
const open = accessOf(undefined, undefined)

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
const codeOf = (run: () => unknown): unknown => {
  try {
    return run()
  } catch (error) {
    return (error as { code: string }).code
  }
}

it('takes an empty password, and an empty user name with options behind it', () => {
  const access = accessOf([user('open', ''), user('', 'right-password')], undefined)
  expect(access.identify(basic('open:'))).toMatchObject({ user: 'open' })
  expect(access.login('open', '')).toMatchObject({ user: 'open' })
  expect(access.identify(basic(':right-password'))).toMatchObject({ user: '', account: '' })
  expect(access.identify(basic('-session-a:right-password'))).toMatchObject({ user: '', options: { session: 'a' } })
  for (const wrong of ['open:x', ':', 'other:', 'x:right-password'])
    expect([wrong, codeOf(() => access.identify(basic(wrong)))]).toEqual([wrong, 'GW_LOGIN_REQUIRED'])
})

it('takes names and passwords in Latin-1 where they are not UTF-8: different ones stay different', () => {
  const access = accessOf([user('café', 'schön')], undefined)
  const latin1 = (text: string) => `Basic ${Buffer.from(text, 'latin1').toString('base64')}`
  for (const login of [basic, latin1]) expect(access.identify(login('café:schön'))).toMatchObject({ user: 'café' })
  expect(codeOf(() => access.identify(latin1('café:schän')))).toBe('GW_LOGIN_REQUIRED')
  const session = (name: string) => open.identify(latin1(`crawler-session-${name}:`)).options.session
  expect([session('é'), session('è')]).toEqual(['é', 'è'])
})

it('demands a login only where there are users', () => {
  expect([guarded.demandsLogin, open.demandsLogin, accessOf([], undefined).demandsLogin]).toEqual([true, false, false])
  expect(codeOf(() => guarded.identify(undefined))).toBe('GW_LOGIN_REQUIRED')
  expect(open.identify(undefined)).toEqual({ account: undefined, user: undefined, options: {}, providers: undefined })
})

it('knows users by name and password, options behind the name, rights of their own', () => {
  expect(guarded.identify(basic('crawler:one'))).toEqual({
    account: 'crawler',
    user: 'crawler',
    options: {},
    providers: undefined,
  })
  const eu = { account: 'crawler-eu', user: 'crawler-eu', options: { session: 'a' }, providers: ['qg-a'] }
  expect(guarded.identify(basic('crawler-eu-session-a:two'))).toEqual(eu)
  expect(guarded.login('crawler-eu-session-a', 'two')).toEqual(eu)
  expect(guarded.identify(basic('空:пароль'))).toMatchObject({ account: '空' })
})

it.each([
  'crawler:two',
  'crawler-eu:one',
  'crawler:',
  ':one',
  'crawlers:one',
  'nobody:one',
  'crawler',
  '',
  'CRAWLER:one',
  'crawler-eu-session-a:one',
])('turns %s away', (text) => {
  expect(codeOf(() => guarded.identify(basic(text)))).toBe('GW_LOGIN_REQUIRED')
  const [name = '', password = ''] = text.split(':')
  expect(codeOf(() => guarded.login(name, password))).toBe('GW_LOGIN_REQUIRED')
})

it('says of the options only after a right login that they are wrong', () => {
  expect(codeOf(() => guarded.login('crawler-colour-red', 'one'))).toBe('GW_BAD_OPTION')
  expect(codeOf(() => guarded.login('crawler-colour-red', 'wrong'))).toBe('GW_LOGIN_REQUIRED')
})

it('lets a password hold colons', () => {
  const access = accessOf([user('a', 'b:c:d')], undefined)
  expect(access.identify(basic('a:b:c:d'))).toMatchObject({ account: 'a' })
})

it.each(['Bearer abc', 'Basic', 'Basic !!!!', 'Basic a b', 'Digest username="a"', ''])(
  'takes %s for no login',
  (header) => {
    expect(codeOf(() => guarded.identify(header))).toBe('GW_LOGIN_REQUIRED')
    expect(open.identify(header)).toEqual({ account: undefined, user: undefined, options: {}, providers: undefined })
  },
)

it('takes the scheme in any case, with any number of spaces', () => {
  expect(guarded.identify(basic('crawler:one').replace('Basic ', 'bAsIc   '))).toMatchObject({ account: 'crawler' })
})

it('reads options from any login where there are no users', () => {
  expect(open.identify(basic('me-session-a:whatever'))).toEqual({
    account: 'me',
    options: { session: 'a' },
    providers: undefined,
  })
  expect(open.login('session-a', '')).toMatchObject({ account: '', options: { session: 'a' } })
})

it('remembers a login that was right, and checks a wrong one anew', () => {
  const right = basic('crawler:one')
  expect(guarded.identify(right)).toBe(guarded.identify(right))
  expect(guarded.login('crawler', 'one')).toBe(guarded.login('crawler', 'one'))
  for (let i = 0; i < 2; i++) {
    expect(codeOf(() => guarded.identify(basic('crawler:no')))).toBe('GW_LOGIN_REQUIRED')
    expect(codeOf(() => guarded.login('crawler', 'no'))).toBe('GW_LOGIN_REQUIRED')
    expect(codeOf(() => guarded.login('crawler-colour-red', 'one'))).toBe('GW_BAD_OPTION')
  }
})

it('tells remembered logins apart, wherever name and password meet, and by the way they came', () => {
  const access = accessOf([user('a', 'bc'), user('ab', 'c', { providers: ['x'] })], undefined)
  expect(access.login('a', 'bc')).toMatchObject({ account: 'a' })
  expect(access.login('ab', 'c')).toMatchObject({ account: 'ab', providers: ['x'] })
  expect(codeOf(() => access.login('abc', ''))).toBe('GW_LOGIN_REQUIRED')
  // What one way has stored must not answer for the other, as a login or as none.
  for (const text of ['1 abc', 'a:bc', '1:abc', 'abc']) {
    expect(codeOf(() => access.identify(text))).toBe('GW_LOGIN_REQUIRED')
    const free = accessOf(undefined, undefined)
    expect(free.identify(text).account).toBeUndefined()
    expect(free.login('a', 'bc').account).toBe('a')
  }
})

it('remembers no more than so many logins, and none that is long', () => {
  const access = accessOf(undefined, undefined)
  const first = access.login('me', '')
  const header = access.identify(basic('me:'))
  for (let n = 0; n < 10_000; n++) {
    access.login('me', `${n}`)
    access.identify(basic(`me:${n}`))
  }
  expect([access.login('me', '') === first, access.identify(basic('me:')) === header]).toEqual([false, false])
  const long = basic(`me:${'x'.repeat(2_000)}`)
  expect(access.identify(long)).not.toBe(access.identify(long))
})

it('refuses SOCKS4 where a login is demanded, and reads options from its user id elsewhere', () => {
  expect(codeOf(() => guarded.userId('crawler'))).toBe('GW_LOGIN_REQUIRED')
  expect(open.userId('')).toEqual({ account: undefined, user: undefined, options: {}, providers: undefined })
  expect(open.userId('me-session-a')).toEqual({
    account: 'me',
    user: undefined,
    options: { session: 'a' },
    providers: undefined,
  })
  expect(codeOf(() => open.userId('me-session-a-session-b'))).toBe('GW_BAD_OPTION')
})

it('checks client addresses against the allow-list alone', () => {
  const access = accessOf(undefined, ['10.0.0.0/8', '::1'])
  expect([access.checksAddress, open.checksAddress]).toEqual([true, false])
  for (const ip of ['10.1.2.3', '::ffff:10.1.2.3', '::1']) expect(codeOf(() => access.checkAddress(ip))).toBeUndefined()
  for (const ip of ['11.0.0.1', '::2', '']) expect(codeOf(() => access.checkAddress(ip))).toBe('GW_CLIENT_NOT_ALLOWED')
  expect(codeOf(() => open.checkAddress('203.0.113.1'))).toBeUndefined()
})
