/** What is left on an account and when its plan ends: asked rarely, while clients come, and told once. */
import { expect, it } from 'vitest'
import { createLog } from '../../../src/log/log.ts'
import { AccountWatch } from '../../../src/supply/account-watch.ts'
import { VendorError } from '../../../src/vendors/contract/error.ts'
import type { AccountFacts } from '../../../src/vendors/contract/vendor.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { LogCapture } from '../../support/log-capture.ts'

const DAY_MS = 86_400_000
const MINUTE_MS = 60_000

function world(answer: () => AccountFacts, accountEveryMs?: number) {
  const clock = new FakeClock()
  const lines = new LogCapture()
  const log = createLog({ level: 'info', format: 'json' }, lines)
  const balances: number[] = []
  let asked = 0
  const watch = new AccountWatch(
    {
      source: {
        accountEveryMs,
        accountNow: async () => {
          asked++
          return answer()
        },
      },
      ...{ clock, log, signal: new AbortController().signal },
      settings: { expiresSoonMs: 3 * DAY_MS },
    },
    (balance) => balances.push(balance),
  )
  /** Clients ask once a minute. */
  const traffic = async (minutes: number) => {
    for (let minute = 0; minute < minutes; minute++) {
      watch.wanted()
      await clock.run(MINUTE_MS)
    }
  }
  const warnings = () => lines.records().filter(({ level }) => level === 40)
  return { clock, watch, traffic, balances, warnings, asked: () => asked }
}

it('asks after a minute of traffic, then every ten minutes', async () => {
  const { traffic, asked, balances } = world(() => ({ balance: 7 }))
  await traffic(1)
  expect(asked()).toBe(0)
  await traffic(1)
  expect(asked()).toBe(1)
  await traffic(30)
  expect(asked()).toBe(4)
  expect(balances).toEqual([7, 7, 7, 7])
})

it('asks as often as the product says', async () => {
  const { traffic, asked } = world(() => ({ balance: 7 }), 2 * MINUTE_MS)
  await traffic(10)
  expect(asked()).toBe(5)
})

it('asks nothing while no client comes', async () => {
  const { clock, traffic, asked } = world(() => ({}))
  await traffic(2)
  await clock.run(DAY_MS)
  expect(asked()).toBe(1)
})

it('tells once that the plan ends soon, and again of another end', async () => {
  const now = new FakeClock().wall()
  let endsAt = now + 2 * DAY_MS
  const { watch, traffic, warnings } = world(() => ({ endsAt }))
  expect(watch.endsSoon).toBe(false)
  await traffic(25)
  expect([watch.endsAt, watch.endsSoon]).toEqual([endsAt, true])
  expect(warnings()).toMatchObject([{ msg: 'the plan at the vendor ends soon: renew it', hours: 47 }])
  endsAt = now + 30 * DAY_MS
  await traffic(12)
  expect(watch.endsSoon).toBe(false)
  endsAt = now - DAY_MS
  await traffic(12)
  expect(warnings().map(({ msg }) => msg)).toEqual([
    'the plan at the vendor ends soon: renew it',
    'the plan at the vendor has ended: renew it',
  ])
})

it('a vendor that refuses is asked again after an hour, and nothing is warned of', async () => {
  const { traffic, asked, warnings } = world(() => {
    throw new VendorError('auth', 'ACCESS_DENY', 'no')
  })
  await traffic(60)
  expect(asked()).toBe(1)
  await traffic(5)
  expect(asked()).toBe(2)
  expect(warnings()).toEqual([])
})
