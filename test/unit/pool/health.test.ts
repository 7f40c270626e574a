/** One test for each row of the table at the top of health.ts, and what the rows share. */
import { expect, it } from 'vitest'
import { Health, type HealthSettings } from '../../../src/pool/health.ts'
import { type Breakage, type Outcome, SOCKS_REPLY, type Upstream } from '../../../src/pool/upstream.ts'
import { added, ask, watchedPool } from './pool-fixture.ts'

const refusal: Outcome = { kind: 'refused', answer: 403 }
const broken = (how: Breakage = 'silent'): Outcome => ({ kind: 'broken', how })
const unanswered = (how: 'closed' | 'silent' = 'closed'): Outcome => ({ kind: 'unanswered', how })
const login: Outcome = { kind: 'login', status: 407 }

function setUp(settings: Partial<HealthSettings> = {}) {
  const watched = watchedPool()
  const { pool } = watched
  const firstUses: string[] = []
  const health = new Health(
    pool,
    { rest: 1_000, maxRest: 8_000, evictAfter: 3, evidence: 60_000, ...settings },
    {
      firstUse: (upstream, worked, cause) => firstUses.push(`${upstream.id} ${worked ? 'works' : cause}`),
      lineDown: () => {},
      lineUp: () => {},
    },
  )
  const [a, b, c] = ['a', 'b', 'c'].map((id) => added(pool, id, { deadline: 1e9 })) as [Upstream, Upstream, Upstream]
  const fail = (upstream: Upstream, outcome: Outcome, now = 0, target = 'x.test:443') => {
    pool.advance(now)
    return health.failed(upstream, target, outcome, now)
  }
  const open = (upstream: Upstream, now = 0, target = 'x.test:443') => {
    pool.advance(now)
    pool.leaseOwn(upstream, now)
    pool.opened(upstream, 'x.test', true, 5, now)
    health.opened(upstream, target, now)
    pool.release(upstream, true, 0)
  }
  const failures = () => [a, b, c].map(({ consecutiveFailures }) => consecutiveFailures)
  return { ...watched, pool, health, firstUses, a, b, c, fail, open, failures }
}

it('opened: success heals, whatever was before', () => {
  const { a, fail, open } = setUp()
  fail(a, broken())
  expect([a.state, a.consecutiveFailures]).toEqual(['resting', 1])
  open(a, 500)
  expect([a.state, a.consecutiveFailures]).toEqual(['ready', 0])
  fail(a, broken(), 600)
  expect([a.state, a.restUntil]).toEqual(['resting', 1_600])
})

it.each<Breakage>(['unreachable', 'silent', 'closed', 'garbage'])(
  '%s: the upstream rests, and another may be tried',
  (how) => {
    const { a, fail, pool, failures } = setUp()
    expect(fail(a, broken(how))).toBe('another')
    expect([a.state, a.restUntil, failures()]).toEqual(['resting', 1_000, [1, 0, 0]])
    expect([pool.lease(ask(), 0), pool.lease(ask(), 0)]).not.toContain(a)
  },
)

it('failures in a row: it rests longer each time, never longer than maxRest, then is given up', () => {
  const { a, fail, gone } = setUp({ evictAfter: 6, maxRest: 6_000 })
  const pauses: number[] = []
  let now = 0
  for (let i = 0; i < 5; i++) {
    fail(a, broken(), now)
    pauses.push(a.restUntil - now)
    now = a.restUntil
  }
  expect([pauses, gone]).toEqual([[1_000, 2_000, 4_000, 6_000, 6_000], []])
  fail(a, broken(), now)
  expect([a.state, gone]).toEqual(['gone', [['a', 'blamed']]])
})

it('failures of tunnels that were dialled together are one failure: an outage of a second costs no address', () => {
  const { a, fail, failures, gone } = setUp()
  for (let i = 0; i < 50; i++) fail(a, broken(), i)
  expect([failures(), a.restUntil, gone]).toEqual([[1, 0, 0], 1_000, []])
  fail(a, broken(), 1_000)
  expect(failures()).toEqual([2, 0, 0])
})

it('login: the upstream rests, and it counts against the provider, also after it has worked', () => {
  const { a, fail, open, firstUses, failures } = setUp()
  open(a)
  expect(fail(a, login)).toBe('another')
  expect([a.state, failures(), firstUses]).toEqual(['resting', [1, 0, 0], ['a works', 'a login']])
})

it('refused: penalises nobody at first', () => {
  const { a, fail, failures, firstUses } = setUp()
  expect(fail(a, refusal)).toBe('another')
  for (let i = 0; i < 5; i++) expect(fail(a, refusal, i)).toBe('another')
  expect([a.state, failures(), firstUses]).toEqual(['ready', [0, 0, 0], []])
})

it('refused, and another upstream opens that target: blame', () => {
  const { a, b, fail, open, failures } = setUp()
  fail(a, refusal)
  open(b, 0, 'other.test:443')
  expect(failures()).toEqual([0, 0, 0])
  open(b)
  expect([a.state, failures()]).toEqual(['resting', [1, 0, 0]])
  open(b, 5_000)
  expect(failures()).toEqual([1, 0, 0])
})

it('refused a second target: blame, once', () => {
  const { a, b, fail, open, failures } = setUp()
  fail(a, refusal)
  expect(fail(a, refusal, 0, 'y.test:443')).toBe('another')
  expect([a.state, failures()]).toEqual(['resting', [1, 0, 0]])
  // The same two refusals are not held against it again when others open those targets.
  open(b, 5_000, 'x.test:443')
  open(b, 5_000, 'y.test:443')
  expect(failures()).toEqual([1, 0, 0])
})

it('a target that refuses two upstreams alike is what fails: nobody rests, no more tries', () => {
  const { a, b, c, fail, failures } = setUp()
  expect([fail(a, refusal), fail(b, refusal), fail(c, refusal)]).toEqual(['another', 'target', 'target'])
  expect([failures(), a.state, b.state, c.state]).toEqual([[0, 0, 0], 'ready', 'ready', 'ready'])
})

it('the limit of the proxies (429) says nothing about a target, whoever answers so', () => {
  const { a, b, c, fail } = setUp()
  const limited: Outcome = { kind: 'refused', answer: 429 }
  expect([fail(a, limited), fail(b, limited), fail(c, limited)]).toEqual(['another', 'another', 'another'])
})

it('two answers that differ are no agreement', () => {
  const { a, b, c, fail } = setUp()
  const other: Outcome = { kind: 'refused', answer: 502 }
  expect([fail(a, refusal), fail(b, other), fail(c, other)]).toEqual(['another', 'another', 'target'])
  // A SOCKS reply and an HTTP status with the same number are no agreement either.
  expect([
    fail(a, { kind: 'refused', answer: SOCKS_REPLY + 5 }, 0, 'z.test:1'),
    fail(b, { kind: 'refused', answer: 5 }, 0, 'z.test:1'),
  ]).toEqual(['another', 'another'])
})

it('two that never worked are not believed about a target that was opened lately', () => {
  const { pool, a, b, c, fail, open, failures } = setUp()
  const [d, e] = ['d', 'e'].map((id) => added(pool, id, { deadline: 1e9 })) as [Upstream, Upstream]
  fail(a, refusal)
  open(c, 1)
  expect([fail(a, refusal, 5_000), fail(b, refusal, 5_000), fail(d, refusal, 5_000)]).toEqual(Array(3).fill('another'))
  open(c, 6_000)
  expect([failures(), d.consecutiveFailures, d.state]).toEqual([[2, 1, 0], 1, 'resting'])
  // The word of one that has worked counts, and so does anybody's when the success is long ago.
  expect([fail(e, refusal, 7_000), fail(c, refusal, 7_000)]).toEqual(['another', 'target'])
  expect([fail(b, refusal, 80_000), fail(d, refusal, 80_000)]).toEqual(['another', 'target'])
})

it('cleared: what two refused alike is not held against them when the target is back', () => {
  const { a, b, c, fail, open, failures } = setUp()
  fail(a, refusal)
  fail(b, refusal)
  open(c)
  expect(failures()).toEqual([0, 0, 0])
  // Nor does it count as a first refused target.
  fail(a, refusal, 0, 'y.test:443')
  fail(b, refusal, 0, 'z.test:443')
  expect(failures()).toEqual([0, 0, 0])
})

it('success: its own refusals of before are no evidence any more', () => {
  const { a, fail, open, failures } = setUp()
  fail(a, refusal)
  open(a, 0, 'other.test:443')
  fail(a, refusal, 0, 'y.test:443')
  expect(failures()).toEqual([0, 0, 0])
})

it('evidence expires', () => {
  const { a, b, c, fail, open, failures } = setUp({ evidence: 60_000 })
  fail(a, refusal)
  fail(a, refusal, 60_001, 'y.test:443')
  expect(failures()).toEqual([0, 0, 0])
  fail(b, refusal, 100_000, 'v.test:443')
  expect(fail(c, refusal, 160_001, 'v.test:443')).toBe('another')
  fail(b, refusal, 200_000, 'w.test:443')
  open(c, 260_001, 'w.test:443')
  expect(failures()).toEqual([0, 0, 0])
  fail(b, refusal, 300_000, 'u.test:443')
  open(c, 360_000, 'u.test:443')
  expect(failures()).toEqual([0, 1, 0])
})

it('first use: its result is proof of the provider, and no later one is', () => {
  const { a, b, c, fail, open, firstUses } = setUp()
  open(a)
  open(a)
  fail(a, broken('closed'))
  fail(b, broken('silent'))
  fail(b, broken('closed'), 5_000)
  fail(c, refusal)
  open(c, 5_000)
  expect(firstUses).toEqual(['a works', 'b silent', 'c works'])
})

it('remembers refusals of a bounded number of targets', () => {
  const { a, b, fail, open, failures } = setUp({ evidence: 1e9 })
  fail(a, refusal)
  for (let i = 0; i < 25_000; i++) fail(b, { kind: 'refused', answer: 403 }, 0, `h${i}.test:1`)
  const before = failures()[0]
  open(b)
  expect(failures()[0]).toBe(before)
})

it('does nothing to an upstream that has left', () => {
  const { a, pool, fail, gone } = setUp()
  pool.remove(a, 'expired')
  for (let i = 0; i < 5; i++) expect(fail(a, broken(), i * 10_000)).toBe('another')
  expect(gone).toEqual([['a', 'expired']])
})

it('tells whether others have answered for a target in this way lately', () => {
  const { health, a, b, fail } = setUp({ evidence: 60_000 })
  fail(a, refusal)
  const asked = (upstream: Upstream, answer = 403, now = 0) =>
    health.hasRefusedOthers(upstream, 'x.test:443', answer, now)
  expect([asked(b), asked(a), asked(b, 502), asked(b, 403, 60_001)]).toEqual([true, false, false, false])
})

it('a success that took long tells nothing against those who refused', () => {
  const { health, a, b, fail, failures } = setUp()
  fail(a, refusal)
  health.opened(b, 'x.test:443', 0, false)
  expect(failures()).toEqual([0, 0, 0])
})

it('unanswered: nobody is penalised at first, and another may be tried', () => {
  const { a, fail, failures } = setUp()
  expect([fail(a, unanswered()), a.state, failures()]).toEqual(['another', 'ready', [0, 0, 0]])
})

it('unanswered, and another upstream opens that target: penalised', () => {
  const { a, b, fail, open, failures } = setUp()
  open(a)
  fail(a, unanswered('silent'))
  open(b)
  expect([a.state, failures()]).toEqual(['resting', [1, 0, 0]])
})

it('unanswered by two, of which one has just worked: the target, for 30 s after one try', () => {
  const { a, b, c, fail, open, failures } = setUp()
  open(a, 0, 'other.test:443')
  expect([fail(a, unanswered()), fail(b, unanswered('silent'))]).toEqual(['another', 'target'])
  open(a, 29_000, 'other.test:443')
  expect(fail(c, unanswered(), 30_000)).toBe('target')
  // Neither is it held against those who said so when the target is back.
  open(c, 31_000)
  expect(failures()).toEqual([0, 0, 0])
})

it('unanswered by two that have not worked for long: not certain, but three that agree are', () => {
  const { a, b, c, fail, open } = setUp()
  open(a, 0, 'other.test:443')
  open(c, 20_000, 'other.test:443')
  expect([fail(a, unanswered(), 20_000), fail(b, unanswered(), 20_000)]).toEqual(['another', 'another'])
  expect(fail(c, unanswered(), 20_000)).toBe('target')
})

it('unanswered by all, and nothing works: no verdict about the target, and each first use counts against the provider', () => {
  const { a, b, c, fail, firstUses } = setUp()
  expect([fail(a, unanswered()), fail(b, unanswered()), fail(c, unanswered())]).toEqual(Array(3).fill('another'))
  expect(firstUses).toEqual(['a closed', 'b closed', 'c closed'])
})

it('unanswered for 10 s while nothing of the provider works: it rests, and is not given up', () => {
  const { a, fail, failures, gone } = setUp()
  fail(a, unanswered())
  fail(a, unanswered(), 9_999)
  expect(a.state).toBe('ready')
  for (let at = 10_000; at < 60_000; at += 10_000) fail(a, unanswered(), at)
  expect([a.state, a.restUntil, failures(), gone]).toEqual(['resting', 51_000, [0, 0, 0], []])
})

it('unanswered for a second target: penalised, unless it has worked and its provider is alive', () => {
  const { a, b, c, fail, open, failures } = setUp()
  fail(a, unanswered())
  fail(a, unanswered(), 0, 'y.test:443')
  open(b, 0, 'z.test:443')
  fail(b, unanswered(), 1, 'v.test:443')
  fail(b, unanswered(), 1, 'w.test:443')
  expect(failures()).toEqual([1, 0, 0])
  fail(c, unanswered(), 1, 's.test:443')
  fail(c, unanswered(), 1, 't.test:443')
  expect(failures()).toEqual([1, 0, 1])
})

it('unanswered by two for a target that was opened lately: they are not believed', () => {
  const { a, b, c, fail, open, failures } = setUp()
  fail(a, unanswered())
  open(c, 1)
  expect([fail(a, unanswered(), 2_000), fail(b, unanswered(), 2_000)]).toEqual(['another', 'another'])
  open(c, 3_000)
  expect(failures()).toEqual([2, 1, 0])
})
