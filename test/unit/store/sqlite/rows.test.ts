import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import type { UpstreamFacts } from '../../../../src/pool/upstream.ts'
import { Secret } from '../../../../src/secret.ts'
import { readRestored } from '../../../../src/store/sqlite/restore.ts'
import { type RestoredRow, toRow, toUpstream } from '../../../../src/store/sqlite/rows.ts'
import { LATER_TABLES, SCHEMA } from '../../../../src/store/sqlite/schema.ts'

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
function restoredRow(change: Partial<RestoredRow>): RestoredRow {
  const row = toRow({ facts, vendorDeadline: 155_000 }, boughtAtMoment)
  return { ...row, opened: 0, gone: null, doubtful: 0, ...change }
}

describe('rows', () => {
  it('carry every fact to the clock of the next process', () => {
    const upstream = toUpstream(restoredRow({ opened: 1 }), restartMoment)
    // Twenty seconds later by the boot clock: bought thirty ago, thirty left, thirty-five until the vendor ends it.
    expect(upstream.facts).toEqual({ ...facts, boughtAt: -27_000, deadline: 33_000, password: expect.any(Secret) })
    expect(upstream.facts.password?.reveal()).toBe('hunter22')
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
    const upstream = toUpstream({ ...row, opened: 0, gone: null, doubtful: 0 }, restartMoment)
    expect(Object.keys(upstream.facts).sort()).toEqual(Object.keys(bare).sort())
    expect(upstream.facts.deadline).toBe(Number.POSITIVE_INFINITY)
    expect(upstream.vendorDeadline).toBe(Number.POSITIVE_INFINITY)
  })

  it('keep the password out of the facts', () => {
    expect(toRow({ facts, vendorDeadline: 155_000 }, boughtAtMoment).facts).not.toContain('hunter22')
  })
})

describe('what is left', () => {
  it('tells what may be lent: alive, gone from the pool, past its own deadline, doubtful', () => {
    const upstreams = [
      restoredRow({}),
      restoredRow({ gone: 'blamed' }),
      restoredRow({ deadlineMs: restartMoment.bootMs }),
      restoredRow({ doubtful: 1 }),
      restoredRow({ gone: 'blamed', doubtful: 1 }),
    ]
    const restored = upstreams.map((row) => toUpstream(row, restartMoment))
    expect(restored.map((upstream) => upstream.state)).toEqual(['alive', 'gone', 'gone', 'doubtful', 'gone'])
    expect(restored[3]?.facts.deadline).toBe(restartMoment.clockMs)
    expect(restored[3]?.vendorDeadline).toBe(38_000)
  })

  it('has ages instead of instants; a call is one step of the boot clock younger than it seems, and may end in the future', () => {
    const database = new DatabaseSync(':memory:')
    database.exec(`${SCHEMA} ${LATER_TABLES}
      INSERT INTO calls VALUES
        (1, 'k', 60000, 'p', 7000000, 7019000, 1, 3), (2, 'k', 60000, 'p', 7010000, 7019995, 0, 2);
      INSERT INTO pending VALUES ('a', 'l', 'p', 7040000);
      INSERT INTO totals VALUES ('p', 12);
      INSERT INTO sessions VALUES ('s', 'x', 7020005);
      INSERT INTO users VALUES ('u', 7019000, '{"octets": [[500, 7], [0, 8]], "addresses": [["x", 20]]}');`)
    expect(readRestored(database, restartMoment)).toEqual({
      upstreams: [],
      calls: [
        { limiterKey: 'k', endedAgoMs: 990, answered: true },
        { limiterKey: 'k', endedAgoMs: -5, answered: false },
      ],
      purchases: [
        { provider: 'p', agoMs: 20_000, count: 3 },
        { provider: 'p', agoMs: 10_000, count: 2 },
      ],
      unknown: [{ id: 2, provider: 'p', limiterKey: 'k', agoMs: 10_000, count: 2 }],
      pending: [{ account: 'a', holder: { id: 'l', pendingFor: 'p', endsAt: 23_000 } }],
      totals: [{ provider: 'p', total: 12 }],
      sessions: [{ key: 's', upstreamId: 'x', idleMs: 0 }],
      users: [
        {
          name: 'u',
          octets: [
            [1_500, 7],
            [1_000, 8],
          ],
          addresses: [['x', 1_020]],
        },
      ],
    })
  })
})
