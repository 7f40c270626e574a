import { describe, expect, it } from 'vitest'
import type { UpstreamFacts } from '../../../../src/pool/upstream.ts'
import { Secret } from '../../../../src/secret.ts'
import type { Left, RestoredRow } from '../../../../src/store/sqlite/messages.ts'
import { toRestored, toRow } from '../../../../src/store/sqlite/rows.ts'

const facts: UpstreamFacts = {
  id: '0123456789ab',
  provider: 'qg-a',
  protocol: 'https',
  host: '2001:db8::7',
  port: 60_221,
  username: 'user',
  password: new Secret('hunter22'),
  tls: { verify: true, serverName: 'proxy.example', ca: 'PEM' },
  exit: '203.0.113.9',
  country: 'CN',
  area: '北京',
  city: '北京',
  isp: '电信',
  boughtAt: 90_000,
  deadline: 150_000,
  ref: 'task-1',
}
const boughtAtMoment = { clockMs: 100_000, bootMs: 7_000_000 }
const restartMoment = { clockMs: 3_000, bootMs: 7_020_000 }
const nothing: Left = {
  proof: 'boot',
  upstreams: [],
  calls: [],
  purchases: [],
  unknown: [],
  pending: [],
  totals: [],
  sessions: [],
}

function restoredRow(change: Partial<RestoredRow>): RestoredRow {
  const row = toRow({ facts, vendorDeadline: 155_000 }, boughtAtMoment)
  return { ...row, opened: false, isGone: false, isDoubtful: false, ...change }
}

describe('rows', () => {
  it('carry every fact to the clock of the next process', () => {
    const [upstream] = toRestored({ ...nothing, upstreams: [restoredRow({ opened: true })] }, restartMoment).upstreams
    // Twenty seconds later by the boot clock: bought thirty ago, thirty left, thirty-five until the vendor ends it.
    expect(upstream?.facts).toEqual({ ...facts, boughtAt: -27_000, deadline: 33_000, password: expect.any(Secret) })
    expect(upstream?.facts.password?.reveal()).toBe('hunter22')
    expect(upstream).toMatchObject({ vendorDeadline: 38_000, opened: true, state: 'alive' })
  })

  it('leave out what an upstream does not have', () => {
    const bare: UpstreamFacts = {
      id: 'x',
      provider: 'p',
      protocol: 'http',
      host: 'h',
      port: 1,
      boughtAt: 0,
      deadline: Number.POSITIVE_INFINITY,
    }
    const row = toRow({ facts: bare, vendorDeadline: Number.POSITIVE_INFINITY }, boughtAtMoment)
    expect(row.password).toBeNull()
    const left = { ...nothing, upstreams: [{ ...row, opened: false, isGone: false, isDoubtful: false }] }
    const [upstream] = toRestored(left, restartMoment).upstreams
    expect(Object.keys(upstream?.facts ?? {}).sort()).toEqual(Object.keys(bare).sort())
    expect(upstream?.facts.deadline).toBe(Number.POSITIVE_INFINITY)
    expect(upstream?.vendorDeadline).toBe(Number.POSITIVE_INFINITY)
  })

  it('keep the password out of the facts', () => {
    expect(toRow({ facts, vendorDeadline: 155_000 }, boughtAtMoment).facts).not.toContain('hunter22')
  })
})

describe('what is left', () => {
  it('tells what may be lent: alive, gone from the pool, past its own deadline, doubtful', () => {
    const upstreams = [
      restoredRow({}),
      restoredRow({ isGone: true }),
      restoredRow({ deadlineMs: restartMoment.bootMs }),
      restoredRow({ isDoubtful: true }),
      restoredRow({ isGone: true, isDoubtful: true }),
    ]
    const restored = toRestored({ ...nothing, upstreams }, restartMoment).upstreams
    expect(restored.map((upstream) => upstream.state)).toEqual(['alive', 'gone', 'gone', 'doubtful', 'gone'])
    expect(restored[3]?.facts.deadline).toBe(restartMoment.clockMs)
    expect(restored[3]?.vendorDeadline).toBe(38_000)
  })

  it('has ages instead of instants; a call is one step of the boot clock younger than it seems, and may end in the future', () => {
    const left: Left = {
      ...nothing,
      calls: [
        { limiterKey: 'k', endedMs: 7_019_000, answered: true },
        { limiterKey: 'k', endedMs: 7_019_995, answered: false },
      ],
      purchases: [{ provider: 'p', atMs: 7_000_000, count: 3 }],
      unknown: [{ id: 7, provider: 'p', atMs: 7_010_000, count: 2 }],
      pending: [{ account: 'a', id: 'l', provider: 'p', endsMs: 7_040_000 }],
      totals: [{ provider: 'p', total: 12 }],
      sessions: [{ key: 's', upstreamId: 'x', usedMs: 7_020_005 }],
    }
    expect(toRestored(left, restartMoment)).toEqual({
      upstreams: [],
      calls: [
        { limiterKey: 'k', endedAgoMs: 990, answered: true },
        { limiterKey: 'k', endedAgoMs: -5, answered: false },
      ],
      purchases: [{ provider: 'p', agoMs: 20_000, count: 3 }],
      unknown: [{ id: 7, provider: 'p', agoMs: 10_000, count: 2 }],
      pending: [{ account: 'a', holder: { id: 'l', pendingFor: 'p', endsAt: 23_000 } }],
      totals: [{ provider: 'p', total: 12 }],
      sessions: [{ key: 's', upstreamId: 'x', idleMs: 0 }],
    })
  })
})
