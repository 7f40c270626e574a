import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Secret } from '../../../src/secret.ts'
import { type ArrivalSettings, toFacts, vendorDeadline } from '../../../src/supply/expiry.ts'
import type { Delivery, Life, ProxyRecord } from '../../../src/vendors/contract/delivery.ts'

const settings: ArrivalSettings = {
  provider: 'p',
  ttlMs: undefined,
  marginMs: 'auto',
  username: undefined,
  password: undefined,
  tls: undefined,
}
const sold = (life: Life, rest: Partial<ProxyRecord> = {}): ProxyRecord => ({
  host: '192.0.2.1',
  port: 80,
  protocol: 'http',
  life,
  ...rest,
})

/** Our wall clock when the clock of the deadlines shows 0. */
const OUR_WALL = 1_766_000_000_000
const DAY = 86_400_000

/** One order as it happens: the vendor's clock runs `skewMs` ahead of ours, its reply takes its time. */
interface Order {
  readonly skewMs: number
  readonly lifeMs: number
  readonly sentAt: number
  readonly wayMs: number
  readonly hasDate: boolean
}

function place({ skewMs, lifeMs, sentAt, wayMs, hasDate }: Order) {
  const vendorNow = OUR_WALL + skewMs + sentAt + wayMs
  const wallMs = vendorNow + lifeMs
  const date = Math.floor(vendorNow / 1_000) * 1_000
  const delivery: Delivery = { sold: [], rejected: [], sentAt, ...(hasDate ? { vendorWallMs: date } : {}) }
  const given = toFacts(sold({ kind: 'until', wallMs }), delivery, OUR_WALL + sentAt, settings)
  return { ...given, trueEnd: sentAt + wayMs + lifeMs }
}

it.each([-90_000, 90_000])('knows the vendor’s clock, %s ms off, by its Date header', (skewMs) => {
  const { facts, doubt, trueEnd } = place({ skewMs, lifeMs: 60_000, sentAt: 5_000, wayMs: 0, hasDate: true })
  expect(doubt).toBeUndefined()
  expect(facts.deadline).toBe(trueEnd - 6_000)
})

it('never keeps an address beyond its true end, and gives little of its life away, whatever the clocks and the way do', () => {
  const order = fc.record({
    skewMs: fc.integer({ min: -DAY, max: DAY }),
    lifeMs: fc.integer({ min: 10_000, max: DAY }),
    sentAt: fc.integer({ min: 0, max: 1_000_000 }),
    wayMs: fc.integer({ min: 0, max: 10_000 }),
    hasDate: fc.constant(true),
  })
  fc.assert(
    fc.property(order, (one) => {
      const { facts, trueEnd } = place(one)
      expect(facts.deadline).toBeLessThanOrEqual(trueEnd)
      // The margin, the way, and what rounding the header to seconds adds to the margin.
      const most = Math.min(10_000, Math.max(2_000, (one.lifeMs + 1_000) / 10))
      expect(trueEnd - facts.deadline).toBeLessThanOrEqual(most + one.wayMs)
    }),
  )
})

it('must believe its own clock where the reply has no date: a vendor 90 s behind looks past, one ahead too good', () => {
  const behind = place({ skewMs: -90_000, lifeMs: 60_000, sentAt: 0, wayMs: 0, hasDate: false })
  expect([behind.doubt, behind.facts.deadline]).toEqual(['past', -30_000 - 1_000])
  const ahead = place({ skewMs: 90_000, lifeMs: 60_000, sentAt: 0, wayMs: 0, hasDate: false })
  expect([ahead.doubt, ahead.facts.deadline]).toEqual([undefined, 150_000 - 10_000])
})

const at = (life: Life, ttlMs?: number) =>
  vendorDeadline(life, { sentAt: 1_000, vendorWallMs: OUR_WALL }, OUR_WALL, ttlMs)
const until = (leftMs: number): Life => ({ kind: 'until', wallMs: OUR_WALL + leftMs })

it.each<[string, Life, number | undefined, number, string | undefined]>([
  ['a life in seconds counts from the sending', { kind: 'for', ms: 60_000 }, undefined, 61_000, undefined],
  ['a life in seconds is believed before ttl', { kind: 'for', ms: 60_000 }, 5_000, 61_000, undefined],
  ['two days of seconds are believed', { kind: 'for', ms: 2 * DAY }, undefined, 1_000 + 2 * DAY, undefined],
  // A date so far ahead cannot be written: reports that hold it failed.
  ['more seconds are cut', { kind: 'for', ms: 1e18 }, 5_000, 1_000 + 2 * DAY, 'absurd'],
  ['a term of months is believed', { kind: 'for', ms: 90 * DAY, isTerm: true }, undefined, 1_000 + 90 * DAY, undefined],
  ['a term of ages is cut', { kind: 'for', ms: 1e18, isTerm: true }, undefined, 1_000 + 3_650 * DAY, 'absurd'],
  ['endless is endless', { kind: 'endless' }, 5_000, Number.POSITIVE_INFINITY, undefined],
  ['an unknown life is ttl', { kind: 'unknown' }, 180_000, 181_000, undefined],
  ['an unknown life without ttl is a minute, and a doubt', { kind: 'unknown' }, undefined, 61_000, 'assumed'],
  ['a deadline of today is believed before ttl', until(60_000), 5_000, 61_000, undefined],
  ['two days are believed', until(2 * DAY), undefined, 1_000 + 2 * DAY, undefined],
  ['years are absurd: ttl', until(3 * 365 * DAY), 180_000, 181_000, 'absurd'],
  ['years are absurd: a minute', until(3 * 365 * DAY), undefined, 61_000, 'absurd'],
  ['a deadline that is past: ttl', until(-1), 180_000, 181_000, 'past'],
  ['a deadline at this very instant: ttl', until(0), 180_000, 181_000, 'past'],
  [
    'a deadline that is past, as of another zone, without ttl: it is over',
    until(-8 * 3_600_000),
    undefined,
    1_000 - 8 * 3_600_000,
    'past',
  ],
  ['a deadline at this very instant is past', until(0), undefined, 1_000, 'past'],
])('%s', (_, life, ttlMs, instant, doubt) => {
  expect(at(life, ttlMs)).toEqual({ at: instant, doubt })
})

it.each([
  ['auto', 1_000, 300],
  ['auto', 5_000, 500],
  ['auto', 20_000, 2_000],
  ['auto', 60_000, 6_000],
  ['auto', 100_000, 10_000],
  ['auto', DAY, 10_000],
  [0, 60_000, 0],
  [30_000, 60_000, 30_000],
] as const)('with the margin %s of a life of %s ms, the pool lets go %s ms before its end', (marginMs, ms, margin) => {
  const { facts } = toFacts(sold({ kind: 'for', ms }), { sold: [], rejected: [], sentAt: 0 }, OUR_WALL, {
    ...settings,
    marginMs,
  })
  expect(ms - facts.deadline).toBe(margin)
})

it('needs no margin for an endless life', () => {
  const { facts } = toFacts(sold({ kind: 'endless' }), { sold: [], rejected: [], sentAt: 7 }, OUR_WALL, settings)
  expect([facts.deadline, facts.boughtAt]).toEqual([Number.POSITIVE_INFINITY, 7])
})

const delivery: Delivery = { sold: [], rejected: [], sentAt: 0 }
const factsOf = (rest: Partial<ProxyRecord>, own: Partial<ArrivalSettings> = {}) =>
  toFacts(sold({ kind: 'for', ms: 60_000 }, rest), delivery, OUR_WALL, { ...settings, ...own }).facts

it('takes the login that the vendor tells, else the configured one, never half of each', () => {
  const own = { username: 'mine', password: new Secret('mine-secret') }
  expect(factsOf({}, own)).toMatchObject({ username: 'mine', password: own.password })
  const told = { username: 'theirs', password: new Secret('their-secret') }
  expect(factsOf(told, own)).toMatchObject(told)
  expect(factsOf({ username: 'theirs' }, own).password).toBeUndefined()
})

it('keeps what the vendor tells of a place, and nothing that it does not', () => {
  expect(Object.keys(factsOf({})).sort()).toEqual([
    'boughtAt',
    'deadline',
    'host',
    'id',
    'port',
    'protocol',
    'provider',
  ])
  const place = { exit: '198.51.100.1', country: 'CN', area: '河南', city: '商丘', isp: '电信', ref: 'r1' }
  expect(factsOf(place, { tls: { verify: true } })).toMatchObject({ ...place, tls: { verify: true } })
})

it('gives the same address the same name after a restart, and other addresses other ones', () => {
  const ids = [
    factsOf({}),
    factsOf({ port: 81 }),
    factsOf({ host: '192.0.2.2' }),
    factsOf({ protocol: 'socks5' }),
    factsOf({ username: 'a' }),
    factsOf({}, { provider: 'q' }),
  ].map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  expect(factsOf({ area: 'elsewhere', life: { kind: 'for', ms: 1 } }).id).toBe(ids[0])
  // What the operator configures is not part of the address's identity.
  expect(factsOf({}, { username: 'mine' }).id).toBe(ids[0])
  expect(ids[0]).toMatch(/^[0-9a-f]{12}$/)
})
