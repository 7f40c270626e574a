/** Guessing the token of the admin port: slow, counted, and written once a minute for each address. */
import { expect, it } from 'vitest'
import { OperatorLogin } from '../../../src/admin/api/operator-login.ts'
import { createLog } from '../../../src/log/log.ts'
import { Secret } from '../../../src/secret.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { LogCapture } from '../../support/log-capture.ts'

const TOKEN = 'an-invented-token-of-an-operator'
const HERE = '203.0.113.1'
const { signal } = new AbortController()

function setUp() {
  const clock = new FakeClock()
  const log = new LogCapture()
  const login = new OperatorLogin(new Secret(TOKEN), clock, createLog({ level: 'info', format: 'json' }, log))
  /** @returns how long each answer took, when all are sent at the same time */
  const guess = async (count: number, from = HERE) => {
    const begunAt = clock.now()
    const all = Array.from({ length: count }, async () => {
      expect(await login.admits('a wrong one', from, signal)).toBe(false)
      return clock.now() - begunAt
    })
    await clock.run(60_000)
    return Promise.all(all)
  }
  return { clock, log, login, guess, lines: () => log.records().map(({ client, failures }) => [client, failures]) }
}

it('answers the right token at once, and each wrong one later than the one before', async () => {
  const { login, guess } = setUp()
  expect(await login.admits(TOKEN, HERE, signal)).toBe(true)
  expect(await guess(5)).toEqual([100, 300, 700, 1_500, 3_100])
  expect(login.failures).toBe(5)
})

it('checks nothing from an address with many wrong ones, except where the operator has been', async () => {
  const { login, clock } = setUp()
  const [ended, other] = [new AbortController(), '203.0.113.2']
  await login.admits(TOKEN, other, signal)
  for (const from of [HERE, other])
    for (let count = 0; count < 20; count++) login.admits('wrong', from, ended.signal).catch(() => {})
  const right = login.admits(TOKEN, HERE, signal)
  expect(await login.admits(TOKEN, other, signal)).toBe(true)
  ended.abort()
  await clock.run(5_000)
  expect(await right).toBe(false)
})

it('writes one line a minute for each address, with a count', async () => {
  const { guess, lines } = setUp()
  await guess(100)
  await guess(3, '203.0.113.3')
  expect(lines()).toEqual([
    [HERE, 1],
    [HERE, 99],
    ['203.0.113.3', 1],
    ['203.0.113.3', 2],
  ])
})

it('leaves no timer behind', async () => {
  const { login, clock } = setUp()
  const ended = new AbortController()
  const refused = login.admits('wrong', HERE, ended.signal)
  ended.abort(new Error('the client has hung up'))
  await expect(refused).rejects.toThrow('hung up')
  login.close()
  expect(clock.pendingTimers).toBe(0)
})
