import { expect, it } from 'vitest'
import { syncScript } from '../../../../src/store/redis/membership-scripts.ts'
import { publishScript } from '../../../../src/store/redis/pool-scripts.ts'
import { FakeClock } from '../../../support/fake-clock.ts'
import { LuaRedis } from '../../../support/redis/lua-redis.ts'

function world() {
  const clock = new FakeClock()
  const redis = new LuaRedis(() => clock.now())
  const beat = (host: string, more: object = {}) =>
    redis.runNow(syncScript, {
      ...{ host, aliveMs: 10_000, report: '{}', leaseMs: 5_000, mayLead: true, after: 0 },
      ...more,
    }) as {
      since: number
      lead: { token: string; host: string }
      hosts: number
      last: number
      isBehind: boolean
      events: string[]
    }
  return { clock, redis, beat }
}

it('one host has the lease until it ends, and its token never comes back', () => {
  const { clock, beat } = world()
  const { token } = beat('a').lead
  expect(beat('b').lead).toMatchObject({ host: 'a', token })
  clock.advance(4_000)
  expect(beat('a', { token }).lead).toMatchObject({ host: 'a', token })
  clock.advance(5_000)
  const next = beat('b').lead
  expect(next.host).toBe('b')
  expect(next.token).not.toBe(token)
  expect(beat('a', { token }).lead).toMatchObject({ host: 'b', token: next.token })
  expect(beat('b', { token: next.token, mayLead: false, aliveMs: 0 }).hosts).toBe(1)
  expect(beat('a').lead.host).toBe('a')
})

it('brings what others have said since, and says when it cannot', () => {
  const { redis, beat } = world()
  const tell = (text: string) => redis.runNow(publishScript, { host: 'b', add: [], gone: [], tell: [text] })
  tell('{"kind":"one"}')
  tell('{"kind":"two"}')
  // The third says that this host is there.
  expect(beat('a', { after: 1 })).toMatchObject({
    ...{ last: 3, isBehind: false },
    events: ['2 {"kind":"two"}', expect.stringMatching(/^3 \{.*"back"/)],
  })
  expect(beat('a', { after: 4 }).isBehind).toBe(true)
})

it('names a server that lost what it knew with its first answer', () => {
  const { clock, redis, beat } = world()
  const { since } = beat('a')
  clock.advance(1_000)
  redis.becomeMaster(new Map())
  const answer = beat('a', { after: 7 })
  expect(answer.since).not.toBe(since)
  expect(answer.since).toBeGreaterThan(0)
})
