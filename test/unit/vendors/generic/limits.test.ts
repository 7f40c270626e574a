/** How often the calls of an entry may be made. */
import { describe, expect, it } from 'vitest'
import type { Reservation, Reserved } from '../../../../src/store/account-store.ts'
import { LocalAccountStore } from '../../../../src/store/local-account-store.ts'
import { forgetfulStore } from '../../../../src/store/memory.ts'
import { Accounts } from '../../../../src/supply/account.ts'
import { VendorError } from '../../../../src/vendors/contract/error.ts'
import { parseOwn } from '../../../../src/vendors/generic/settings.ts'
import { FakeClock } from '../../../support/fake-clock.ts'
import { failureOf, never, type Scripted, scripted } from '../scripted-http.ts'

function open(entry: object, ...script: readonly Scripted[]) {
  const own = parseOwn({ url: 'http://api.vendor.example/take', format: 'text', ...entry })
  const opened = scripted({ vendor: 'generic', product: 'list', own })
  opened.http.script = script
  return opened
}

describe('a part of a limit', () => {
  it('of less than one call is one call in a longer window', () => {
    const { source } = open({ limit: { share: 0.25 } })
    expect(source.limitOf('extract')).toMatchObject({ calls: 1, perMs: 4_000 })
  })

  it('of another call is that call’s own', () => {
    const url = 'http://api.vendor.example/balance'
    const limit = { calls: 10, per: '1m', share: 0.3 }
    const { source } = open({ operations: { balance: { url, limit }, release: { url } }, limit: { share: 0.5 } })
    expect(source.limitOf('balance')).toMatchObject({ calls: 3, perMs: 60_000 })
    expect(source.limitOf('release')).toMatchObject({ calls: 1, perMs: 2_000 })
  })
})

describe('several limits of one call', () => {
  const limit = [{ calls: 1_000, per: '1d', group: 'day' }, { calls: 2 }]
  const url = 'http://api.vendor.example/balance'

  it('are counted apart, and the longer one perhaps with other calls', () => {
    const { source } = open({ limit, operations: { balance: { url, limit: { calls: 9, per: '1d', group: 'day' } } } })
    const { also = [], ...first } = source.limitOf('extract')
    expect(first).toMatchObject({ calls: 2, perMs: 1_000 })
    expect(also).toMatchObject([{ calls: 1_000, perMs: 86_400_000 }])
    expect(source.limitOf('balance').key).toBe(also[0]?.key)
    expect(first.key).not.toBe(also[0]?.key)
  })

  it('have a part each', () => {
    const { source } = open({ limit: limit.map((one) => ({ ...one, share: 0.1 })) })
    expect(source.limitOf('extract')).toMatchObject({ calls: 1, perMs: 5_000, also: [{ calls: 100 }] })
  })

  it('are kept: the second call within a second waits, the one after the last of the day is refused', async () => {
    const { source, http } = open({ limit: [{ calls: 1 }, { calls: 3, per: '1h' }] })
    const clock = new FakeClock()
    const accounts = new Accounts(clock, new LocalAccountStore(clock, forgetfulStore()))
    const window = source.limitOf('extract')
    const sentAt: number[] = []
    const send = async () => void sentAt.push(clock.now())
    for (let i = 0; i < 3; i++) {
      const call = accounts.gate(window, { signal: never }, send)
      await clock.run(1_100)
      await call
    }
    expect(http.requests).toHaveLength(0)
    expect(sentAt.map((at, i) => at - (sentAt[i - 1] ?? at) >= 1_000 || i === 0)).toEqual([true, true, true])
    const refused = await failureOf(accounts.gate(window, { signal: never }, send))
    expect(refused).toMatchObject({ class: 'quota_exhausted', sale: 'refused' })
    expect(refused.wait).toBeGreaterThan(3_590_000)
    expect(refused.wait).toBeLessThan(3_600_000)
    await clock.run(3_600_100)
    await accounts.gate(window, { signal: never }, send)
    expect(sentAt).toHaveLength(4)
    accounts.close()
  })

  it('a call may wait for the shorter one longer than a slot of the longer one may stay unused', async () => {
    const clock = new FakeClock()
    // As the store of a cluster: a request must be sent soon after its reservation.
    class Hasty extends LocalAccountStore {
      override async reserve(reservation: Reservation): Promise<Reserved> {
        const reserved = await super.reserve(reservation)
        return reserved.kind === 'reserved' ? { ...reserved, leaveBy: clock.now() + 5_000 } : reserved
      }
    }
    const accounts = new Accounts(clock, new Hasty(clock, forgetfulStore()))
    const further = { key: 'day', calls: 10, perMs: 86_400_000, statedBy: 'x' }
    const window = { key: 'minute', calls: 1, perMs: 60_000, statedBy: 'x', also: [further] }
    const calls = [1, 2].map((n) => accounts.gate(window, { signal: never }, async () => n))
    await clock.run(61_000)
    expect(await Promise.all(calls)).toEqual([1, 2])
    expect([window, further].map((one) => accounts.store.view.window(one).used)).toEqual([1, 2])
    accounts.close()
  })

  it('a refusal as too many teaches the shorter one alone; a call that never left counts in neither', async () => {
    const clock = new FakeClock()
    const accounts = new Accounts(clock, new LocalAccountStore(clock, forgetfulStore()))
    const further = { key: 'day', calls: 10, perMs: 86_400_000, statedBy: 'x' }
    const window = { key: 'second', calls: 10, perMs: 1_000, statedBy: 'x', also: [further] }
    const gate = (send: () => Promise<unknown>) => accounts.gate(window, { signal: never }, send)
    await gate(() => Promise.resolve())
    await expect(gate(() => Promise.reject(new VendorError('server', 'connect', 'no way')))).rejects.toThrow('no way')
    const tooMany = () => Promise.reject(new VendorError('rate_limited', '429', 'too many calls'))
    await expect(gate(tooMany)).rejects.toThrow('too many calls')
    const views = [window, further].map((one) => accounts.store.view.window(one))
    expect(views.map(({ allowed, used }) => [allowed, used])).toEqual([
      [1, 2],
      [10, 2],
    ])
    accounts.close()
  })
})

describe('HTTP 429', () => {
  const errors = [{ code: 'DAILY', class: 'quota_exhausted', wait: 'day+00:00' }]
  const entry = { format: 'json', success: { code: 'code', message: 'why' }, errors }
  const reply = (code: string): Scripted => ({
    status: 429,
    headers: { 'retry-after': '7' },
    body: JSON.stringify({ code, why: 'too many' }),
  })

  it('means what the table says of its code', async () => {
    const { source } = open(entry, reply('DAILY'))
    expect(await failureOf(source.extract(1, { signal: never }))).toMatchObject({
      class: 'quota_exhausted',
      wait: 'day+00:00',
      vendorCode: 'DAILY',
    })
  })

  it('means what the table says of it, and waits as the reply says where the table does not', async () => {
    const classes = ['quota_exhausted', 'rate_limited'].map((name) => ({ errors: [{ status: 429, class: name }] }))
    for (const more of classes) {
      const { source } = open(more, { status: 429, headers: { 'retry-after': '7' }, body: '' })
      expect(await failureOf(source.extract(1, { signal: never }))).toMatchObject({
        class: more.errors[0]?.class,
        wait: 7_000,
      })
    }
  })

  it('is too many calls where the table does not know better', async () => {
    const { source } = open(entry, reply('OTHER'), { status: 429, body: '<html>' })
    expect(await failureOf(source.extract(1, { signal: never }))).toMatchObject({ class: 'rate_limited', wait: 7_000 })
    expect(await failureOf(source.extract(1, { signal: never }))).toMatchObject({
      class: 'rate_limited',
      wait: undefined,
    })
  })
})
