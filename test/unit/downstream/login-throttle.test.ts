import { beforeEach, describe, expect, it } from 'vitest'
import { type ClientHandler, ClientPort } from '../../../src/downstream/client-port.ts'
import { LoginThrottle } from '../../../src/downstream/login-throttle.ts'
import { Access } from '../../../src/downstream/proxy-auth.ts'
import type { GatewayError } from '../../../src/errors.ts'
import { HeadText } from '../../../src/http1/request-head-reader.ts'
import { Secret } from '../../../src/secret.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const HERE = { clientAddress: '192.0.2.1' }
const THERE = { clientAddress: '192.0.2.2' }

let clock: FakeClock
let throttle: LoginThrottle
let access: Access
let lines: [client: string, failures: number][]

beforeEach(() => {
  clock = new FakeClock()
  lines = []
  throttle = new LoginThrottle(clock, (client, failures) => void lines.push([client, failures]))
  const users = ['ada', 'bob'].map((name) => ({ name, password: new Secret(`password of ${name}`) }))
  access = new Access(users, undefined, throttle)
})

/** What a login is answered: nothing when it is right, else the words and after how long. */
function attempt(name: string, password = 'wrong', client = HERE): { message: string; afterMs: unknown } | undefined {
  try {
    access.login(name, password, client)
    return undefined
  } catch (error) {
    const { message, detail, code } = error as GatewayError
    expect(code).toBe('GW_LOGIN_REQUIRED')
    return { message, afterMs: detail['answerAfterMs'] }
  }
}

const delays = (count: number, client = HERE) =>
  Array.from({ length: count }, () => {
    const afterMs = attempt('ada', 'wrong', client)?.afterMs
    clock.advance(Number(afterMs))
    return afterMs
  })

const head = (name: string, password: string) => {
  const login = Buffer.from(`${name}:${password}`).toString('base64')
  const text = `CONNECT a.test:1 HTTP/1.1\r\nHost: a.test:1\r\nProxy-Authorization: Basic ${login}\r\n\r\n`
  return { text: new HeadText(text, text.length), login: `Basic ${login}` }
}

/** The ways in which the login of ada is remembered. */
function ways(): readonly ((client: typeof HERE) => unknown)[] {
  const port = new ClientPort(
    { handshakeMs: 1, idleMs: 1, maxHeaderBytes: 1, maxEarlyBytes: 1, optionHeaders: false, upstreamHeader: false },
    access,
    clock,
    {} as ClientHandler,
  )
  const { text, login } = head('ada', 'password of ada')
  return [
    (client) => access.login('ada', 'password of ada', client),
    (client) => access.identify(login, client),
    (client) => port.acceptConnect(text, client),
  ]
}

describe('a login that is right elsewhere', () => {
  it('is not found out by guessing from an address with too many failures', () => {
    const enter = ways()
    for (const way of enter) way(THERE)
    for (let n = 0; n < 8; n++) attempt('ada')
    for (const way of enter) expect(() => way(HERE)).toThrow(/too many failed logins/)
    for (const way of enter) way(THERE)
  })

  it('still lets in the user who has come with it from that address before its failures', () => {
    for (const [index, way] of ways().entries()) {
      way(THERE)
      const client = { clientAddress: `198.51.100.${index}` }
      for (let n = 0; n < 16; n++) way(client)
      for (let n = 0; n < 8; n++) attempt('ada', 'wrong', client)
      way(client)
    }
  })
})

describe('wrong logins', () => {
  it('of one address are answered later and later, 5 s at most', () => {
    expect(delays(9)).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000])
    expect(delays(1, THERE)).toEqual([100])
    clock.advance(600_001)
    expect(delays(1)).toEqual([100])
  })

  it('that come at the same time are answered one after the other', () => {
    const answers = [1, 2, 3, 4].map(() => attempt('ada')?.afterMs)
    expect(answers).toEqual([100, 300, 700, 1_500])
  })

  it('are not even checked when there are too many: also the right one, of a user who has never been there', () => {
    let checked = 0
    for (let n = 0; n < 1_000; n++) if (!attempt('ada')?.message.includes('not checked')) checked++
    expect(checked).toBe(7)
    expect(attempt('ada', 'password of ada')?.message).toMatch(/too many failed logins .* for 2 s$/)
    expect(attempt('ada', 'password of ada', THERE)).toBeUndefined()
    clock.advance(1_301)
    expect(attempt('ada', 'password of ada')).toBeUndefined()
  })

  it('lock out nobody who has logged in from there, whatever options are asked for', () => {
    attempt('ada', 'password of ada')
    for (let n = 0; n < 1_000; n++) attempt('bob')
    expect(attempt('ada-session-new', 'password of ada')).toBeUndefined()
    expect(attempt('bob', 'password of bob')?.message).toContain('not checked')
  })
})

describe('the log', () => {
  it('has one line a minute for each address, with how many failed since', () => {
    for (let n = 0; n < 5; n++) attempt('ada')
    attempt('ada', 'wrong', THERE)
    expect(lines.splice(0)).toEqual([
      ['192.0.2.1', 1],
      ['192.0.2.2', 1],
    ])
    clock.advance(59_999)
    throttle.sweep()
    expect(lines).toEqual([])
    clock.advance(1)
    throttle.sweep()
    throttle.sweep()
    expect(lines.splice(0)).toEqual([['192.0.2.1', 4]])
    clock.advance(60_000)
    attempt('ada')
    expect(lines).toEqual([['192.0.2.1', 1]])
  })

  it('forgets no count when the address is forgotten, and remembers 10,000 addresses', () => {
    attempt('ada', 'wrong', { clientAddress: 'first' })
    attempt('ada', 'wrong', { clientAddress: 'first' })
    lines.length = 0
    for (let n = 0; n < 10_000; n++) attempt('ada', 'wrong', { clientAddress: `address ${n}` })
    expect(lines.filter(([client]) => client === 'first')).toEqual([['first', 1]])
    expect(attempt('ada', 'wrong', { clientAddress: 'first' })?.afterMs).toBe(100)
  })
})

it('is asked nothing by logins that are remembered', () => {
  let reads = 0
  const client = {
    get clientAddress() {
      reads++
      return '192.0.2.1'
    },
  }
  for (let n = 0; n < 3; n++) access.login('ada', 'password of ada', client)
  expect(reads).toBe(1)
})
