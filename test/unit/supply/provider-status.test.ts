import { expect, it } from 'vitest'
import { ProviderStatus } from '../../../src/supply/provider-status.ts'
import { codeOfClass, type ErrorClass, VendorError, type WaitEdge } from '../../../src/vendors/contract/error.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const settings = { backoffMs: 1_000, maxBackoffMs: 30_000, reprobeMs: 600_000, whitelistReprobeMs: 60_000 }
/** 2026-11-22 15:59:30.500 in London, 23:59:30.500 in China. */
const WALL = 1_795_363_170_500

function setUp(random = () => 1) {
  const clock = new FakeClock({ now: 0, wall: WALL })
  const status = new ProviderStatus(settings, clock, random)
  const fail = (errorClass: ErrorClass, wait?: WaitEdge, earliestEnd?: number) =>
    status.failed(new VendorError(errorClass, '7', 'what the vendor says', { wait, hint: 'do this' }), {
      earliestEnd,
      windowFreeAt: undefined,
      expected: 'get',
      skewMs: 0,
      couldRegister: false,
    })
  return { clock, status, fail }
}

it.each<[ErrorClass, 'stopped' | 'waiting', number]>([
  ['auth', 'stopped', 600_000],
  ['expired_plan', 'stopped', 600_000],
  ['bad_request', 'stopped', 600_000],
  ['whitelist', 'stopped', 60_000],
  ['rate_limited', 'waiting', 60_000],
  ['quota_exhausted', 'waiting', 60_000],
  ['no_resource', 'waiting', 1_000],
  ['server', 'waiting', 1_000],
])('after %s it is %s, for %s ms, and says why', (errorClass, kind, pause) => {
  const { clock, status, fail } = setUp()
  const code = codeOfClass[errorClass]
  const words = 'what the vendor says (do this)'
  expect(fail(errorClass)).toEqual({ kind, until: pause, code, words })
  expect([status.isOnTrial, status.lastError]).toEqual([kind === 'stopped', { at: 0, code, words }])
  clock.advance(pause)
  status.succeeded()
  expect(status.state).toEqual({ kind: 'ready', until: 0, code: '', words: '' })
  expect(status.lastError?.code).toBe(code)
})

it.each<[string, WaitEdge, number | undefined, number]>([
  ['the next full minute', 'minute', undefined, 30_500],
  ['the next midnight in China', 'day+08:00', undefined, 30_500],
  ['the next full hour', 'hour', undefined, 30_500],
  ['the next midnight elsewhere', 'day-01:30', undefined, 9.5 * 3_600_000 + 30_500],
  ['so many milliseconds', 12_345, undefined, 12_345],
  ['hours, by the table of the vendor', 7_200_000, undefined, 7_200_000],
  ['the earliest deadline of what is held', 'earliest-deadline', 45_000, 45_000],
  ['a minute when nothing is held', 'earliest-deadline', undefined, 60_000],
])('waits to the edge that the vendor names: %s', (_, wait, earliestEnd, pause) => {
  for (const errorClass of ['quota_exhausted', 'rate_limited'] as const) {
    expect(setUp().fail(errorClass, wait, earliestEnd)).toMatchObject({ kind: 'waiting', until: pause })
  }
})

it('waits a whole day when midnight in China has been a while ago, not until midnight elsewhere', () => {
  const { clock, fail } = setUp()
  clock.advance(29_500 + 600_000)
  expect(fail('quota_exhausted', 'day+08:00').until).toBe(29_500 + 86_400_000 + 1_000)
  expect(fail('quota_exhausted', 'minute').until).toBe(clock.now() + 61_000)
})

it('tries again each minute just past midnight: the vendor’s clock may be behind, and a day would be lost', () => {
  const { clock, fail } = setUp()
  clock.advance(30_500)
  expect(fail('quota_exhausted', 'day+08:00').until).toBe(30_500 + 60_000)
})

it('pauses longer after each failure in a row, up to the maximum, each kind on its own', () => {
  const { status, fail } = setUp()
  expect(Array.from({ length: 7 }, () => fail('server').until)).toEqual([1, 2, 4, 8, 16, 30, 30].map((s) => s * 1_000))
  expect(Array.from({ length: 5 }, () => fail('quota_exhausted').until)).toEqual(
    [60, 120, 240, 480, 600].map((s) => s * 1_000),
  )
  status.broughtNothing('nothing')
  expect(status.state).toEqual({ kind: 'waiting', until: 30_000, code: 'GW_VENDOR_NO_RESOURCE', words: 'nothing' })
  status.succeeded()
  expect([fail('server').until, fail('quota_exhausted').until]).toEqual([1_000, 60_000])
})

it('is in no trouble when nothing was ordered because all that may be bought is held', () => {
  const { status } = setUp()
  status.broughtNothing('all are held', true)
  expect([status.state.code, status.state.words, status.isResting, status.lastError]).toEqual([
    '',
    'all are held',
    true,
    undefined,
  ])
})

it('lets a client that waits try sooner than a grown pause ends, not before an instant that the vendor named', () => {
  const { clock, status, fail } = setUp()
  for (let failure = 0; failure < 6; failure++) fail('no_resource')
  expect([status.mayTryAt(false), status.mayTryAt(true)]).toEqual([30_000, 5_000])
  clock.advance(5_000)
  fail('server')
  expect([status.mayTryAt(false), status.mayTryAt(true)]).toEqual([35_000, 10_000])
  fail('rate_limited', 20_000)
  expect([status.mayTryAt(false), status.mayTryAt(true)]).toEqual([25_000, 25_000])
})

it('jitters the pauses of the vendor’s faults, so that many gateways do not come back together', () => {
  expect([setUp(() => 0).fail('server').until, setUp(() => 0.5).fail('server').until]).toEqual([500, 750])
})

it('is unusable after three different addresses failed their first use, and says what to look at', () => {
  const { status } = setUp()
  expect([
    status.addressFailed('a', 'login'),
    status.addressFailed('a', 'login'),
    status.addressFailed('b', 'login'),
  ]).toEqual([undefined, undefined, undefined])
  expect(status.state.kind).toBe('ready')
  const state = status.addressFailed('c', 'login')
  expect(state).toMatchObject({ kind: 'unusable', until: 1_000, code: 'GW_NO_SUPPLY' })
  expect(state?.words).toContain('check username, password')
  expect(status.addressFailed('d', 'login')).toBeUndefined()
  expect(status.isOnTrial).toBe(true)
})

it.each([
  ['silent', 'whitelist'],
  ['unreachable', 'outgoing traffic'],
  ['closed', 'protocol'],
  ['garbage', 'protocol'],
])('has words for addresses that are %s: %s', (cause, hint) => {
  const { status } = setUp()
  for (const id of ['a', 'b', 'c']) status.addressFailed(id, cause)
  expect(status.state.words).toContain(hint)
})

it('counts failures in a row only', () => {
  const { status } = setUp()
  for (const id of ['a', 'b']) status.addressFailed(id, 'silent')
  status.addressWorked()
  for (const id of ['c', 'd']) status.addressFailed(id, 'silent')
  expect(status.state.kind).toBe('ready')
})

function unusable() {
  const world = setUp()
  for (const id of ['a', 'b', 'c']) world.status.addressFailed(id, 'silent')
  return world
}

it('unusable: one trial for each pause, which grows, until an address works', () => {
  const { status, clock } = unusable()
  const pauses = [status.state.until]
  for (let i = 0; i < 4; i++) {
    clock.advance(status.state.until - clock.now())
    status.ordering()
    pauses.push(status.state.until - clock.now())
    status.succeeded() // the trial was sold; whether it works is another question
    expect([status.state.kind, status.isOnTrial]).toEqual(['unusable', true])
  }
  expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 16_000])
  status.addressWorked()
  expect([status.state.kind, status.isOnTrial]).toEqual(['ready', false])
  for (const id of ['e', 'f', 'g']) status.addressFailed(id, 'silent')
  expect(status.state.until - clock.now()).toBe(1_000)
})

it('unusable: no trouble with the orders themselves makes the addresses usable', () => {
  const { status, fail, clock } = unusable()
  for (const trouble of [
    () => fail('server'),
    () => fail('auth'),
    () => status.broughtNothing('none'),
    () => fail('quota_exhausted', 'minute'),
  ]) {
    trouble()
    expect([status.isOnTrial, status.state.kind]).not.toContain('waiting')
    expect(status.isOnTrial).toBe(true)
    clock.advance(Math.max(0, status.state.until - clock.now()))
    status.ordering()
    status.succeeded()
    expect([status.state.kind, status.isOnTrial]).toEqual(['unusable', true])
  }
  fail('whitelist')
  status.mended()
  expect([status.state.kind, status.state.until]).toEqual(['unusable', clock.now()])
})

it('stopped: stays so when an address works, and is unusable behind it when none does', () => {
  const { status, fail } = setUp()
  fail('auth')
  status.addressWorked()
  expect(status.state.kind).toBe('stopped')
  for (const id of ['a', 'b', 'c']) status.addressFailed(id, 'silent')
  expect(status.state.kind).toBe('stopped')
  status.succeeded()
  expect(status.state.kind).toBe('unusable')
})

it('stopped and unusable: an address that works ends only the second', () => {
  const { status, fail } = setUp()
  for (const id of ['a', 'b', 'c']) status.addressFailed(id, 'silent')
  fail('auth')
  status.addressWorked()
  expect(status.state.kind).toBe('stopped')
  status.succeeded()
  expect(status.state.kind).toBe('ready')
})

it('a line that is down allows trials only, until it is up', () => {
  const { status } = setUp()
  expect(status.lineDown(7).words).toContain('7 addresses')
  expect([status.state.kind, status.isOnTrial]).toEqual(['unusable', true])
  status.addressWorked()
  expect([status.state.kind, status.isOnTrial]).toEqual(['ready', false])
})

it('what was found wrong first is what is told: a refused login makes a line look dead, too', () => {
  const { status } = setUp()
  for (const id of ['a', 'b', 'c']) status.addressFailed(id, 'login')
  expect(status.lineDown(7).words).toContain('check username, password')
  expect([status.state.words, status.lastError?.words]).toEqual(Array(2).fill(expect.stringContaining('login')))
})

it('mended: the next order may leave at once', () => {
  const { status, fail } = setUp()
  fail('whitelist')
  status.mended()
  expect(status.state.kind).toBe('ready')
})

it('resting is no trouble', () => {
  const { status } = setUp()
  status.resting(60_000, 'all is read')
  expect([status.state, status.lastError]).toEqual([
    { kind: 'waiting', until: 60_000, code: '', words: 'all is read' },
    undefined,
  ])
})

it.each([
  ['query', '404', 'query: not found'],
  ['get', '404', 'not found'],
  ['get', 'http', 'get: not found'],
])('names the operation %s that failed with %s where the words alone do not tell', (operation, vendorCode, words) => {
  const { status } = setUp()
  const failure = new VendorError('bad_request', vendorCode, 'not found', { operation })
  const context = { earliestEnd: undefined, windowFreeAt: undefined, expected: 'get', skewMs: 0, couldRegister: false }
  expect(status.failed(failure, context).words).toBe(words)
})
