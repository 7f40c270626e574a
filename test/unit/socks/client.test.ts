import { describe, expect, it } from 'vitest'
import { Secret } from '../../../src/secret.ts'
import { SocksClient, type SocksStep } from '../../../src/socks/client.ts'

const login = { username: 'müller', password: new Secret('pass') }
const target = { host: 'example.com', port: 443 }
const OPENED = '05000001c633640a1f90'

/** What comes of these octets; the request is sent as soon as the upstream is ready. */
function converse(hex: string, one = new SocksClient(login), asks = true): string[] {
  const said: string[] = []
  one.receive(Buffer.from(hex, 'hex'))
  for (let step = one.next(); step !== undefined; step = one.next()) {
    said.push(wordOf(step))
    if (step.kind === 'ready' && asks) said.push(`request ${one.request(target).toString('hex')}`)
  }
  return said
}

function wordOf(step: SocksStep): string {
  if (step.kind === 'send') return `send ${step.octets.toString('hex')}`
  if (step.kind === 'refused') return `refused ${step.reply}`
  return step.kind === 'opened' ? `opened ${step.early?.toString('hex') ?? ''}` : step.kind
}

const REQUEST = 'request 050100030b6578616d706c652e636f6d01bb'
const SEND_LOGIN = 'send 01076dc3bc6c6c65720470617373'

describe('a conversation', () => {
  it('greets with the methods that it has', () => {
    expect(new SocksClient(undefined).greeting().toString('hex')).toBe('050100')
    expect(new SocksClient(login).greeting().toString('hex')).toBe('05020002')
  })

  it.each([
    ['without a login, though one was offered', '0500', ['ready', REQUEST]],
    ['with a login', '05020100', [SEND_LOGIN, 'ready', REQUEST]],
    ['with a login that is answered with the version of SOCKS', '05020500', [SEND_LOGIN, 'ready', REQUEST]],
    ['to the end', `0500${OPENED}`, ['ready', REQUEST, 'opened ']],
    ['with the first octets of the target behind it', `0500${OPENED}cafe`, ['ready', REQUEST, 'opened cafe']],
    ['bound to an IPv6 address', `050005000004${'00'.repeat(16)}0050`, ['ready', REQUEST, 'opened ']],
    ['bound to a name', '05000500000303612e620050aa', ['ready', REQUEST, 'opened aa']],
    ['bound to a name of no length', '050005000003000050', ['ready', REQUEST, 'opened ']],
  ])('%s', (_how, hex, said) => expect(converse(hex)).toEqual(said))

  it.each([...Array(255).keys()].map((n) => n + 1))('REP %i is a refusal, even without what follows', (reply) => {
    expect(converse(`050005${reply.toString(16).padStart(2, '0')}`)).toEqual(['ready', REQUEST, `refused ${reply}`])
  })
})

describe('what cannot be an answer', () => {
  it.each([
    ['HTTP in place of a method', '48', ['garbage']],
    ['SOCKS4 in place of a method', '005a', ['garbage']],
    ['another version of the login', '05020200', [SEND_LOGIN, 'garbage']],
    ['another version of the reply', '050004', ['ready', REQUEST, 'garbage']],
    ['HTTP in place of the reply', '050048', ['ready', REQUEST, 'garbage']],
    ['an address type that does not exist', '050005000002', ['ready', REQUEST, 'garbage']],
  ])('%s is garbage at its first wrong octet', (_what, hex, said) => expect(converse(hex)).toEqual(said))
})

describe('a login', () => {
  it.each([
    ['no method is accepted', '05ff', ['login']],
    ['a method that was not offered is chosen', '0501', ['login']],
    ['it is refused', '05020101', [SEND_LOGIN, 'login']],
    ['it is refused with another status', '050201ff', [SEND_LOGIN, 'login']],
  ])('%s', (_how, hex, said) => expect(converse(hex)).toEqual(said))

  it('is demanded where there is none', () => {
    expect(converse('0502', new SocksClient(undefined))).toEqual(['login'])
  })

  it('that RFC 1929 cannot carry is not sent cut off', () => {
    const long = new SocksClient({ username: 'u'.repeat(256), password: undefined })
    expect(converse('0502', long)).toEqual(['login'])
  })
})

describe('a request', () => {
  it.each([
    ['192.0.2.1', '05010001c0000201'],
    ['2001:db8::1', '0501000420010db8000000000000000000000001'],
    ['::', `05010004${'00'.repeat(16)}`],
    ['::ffff:192.0.2.1', '0501000400000000000000000000ffffc0000201'],
    ['1:2:3:4:5:6:7:8', '0501000400010002000300040005000600070008'],
    ['a.b', '0501000303612e62'],
    ['x'.repeat(255), `05010003ff${'78'.repeat(255)}`],
  ])('for %s', (host, hex) => {
    expect(new SocksClient(undefined).request({ host, port: 0x0102 }).toString('hex')).toBe(`${hex}0102`)
  })

  it('that was not sent has no reply: what comes is kept, and told', () => {
    const one = new SocksClient(undefined)
    expect(converse(`0500${OPENED}`, one, false)).toEqual(['ready'])
    expect(one.hasUnread).toBe(true)
  })
})
