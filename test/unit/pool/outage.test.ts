/** Mass death: a provider's whole line goes dark at once. */
import { beforeEach, expect, it } from 'vitest'
import { Health } from '../../../src/pool/health.ts'
import type { Upstream } from '../../../src/pool/upstream.ts'
import { added, ask, type Watched, watchedPool } from './pool-fixture.ts'

const EVIDENCE_MS = 60_000

let watched: Watched
let lines: string[]
let health: Health
let ours: Upstream[]

beforeEach(() => {
  watched = watchedPool()
  lines = []
  const settings = { rest: 1_000, maxRest: 8_000, evictAfter: 3, evidence: EVIDENCE_MS }
  health = new Health(watched.pool, settings, {
    firstUse: () => {},
    lineDown: (provider, broken) => lines.push(`${provider} down after ${broken}`),
    lineUp: (provider) => lines.push(`${provider} up`),
  })
  ours = Array.from({ length: 12 }, (_, n) => added(watched.pool, `p${n}`, { deadline: 1e9 }))
})

function breakDown(upstreams: readonly Upstream[], now: number): void {
  watched.pool.advance(now)
  for (const upstream of upstreams) health.failed(upstream, 'x.test:443', { kind: 'broken', how: 'silent' }, now)
}

function open(upstream: Upstream, now: number): void {
  watched.pool.advance(now)
  watched.pool.leaseOwn(upstream, now)
  watched.pool.opened(upstream, 'x.test', true, 5, now)
  health.opened(upstream, 'x.test:443', now)
}

it('is when half of what a provider has broke in a row, and is told once', () => {
  breakDown(ours.slice(0, 5), 0)
  expect(lines).toEqual([])
  breakDown(ours.slice(5), 0)
  expect(lines).toEqual(['p down after 6'])
})

it('is not when the same one breaks again and again, nor when fewer than five have', () => {
  for (const other of ours.splice(4)) watched.pool.remove(other, 'released')
  for (let at = 0; at < EVIDENCE_MS; at += 10_000) breakDown(ours, at)
  expect(lines).toEqual([])
})

it('is not when they refuse the login, or a target', () => {
  for (const upstream of ours) {
    health.failed(upstream, 'x.test:443', { kind: 'login', status: 407 }, 0)
    health.failed(upstream, 'x.test:443', { kind: 'refused', answer: 403 }, 0)
  }
  expect(lines).toEqual([])
})

it('is not when one of them works in between', () => {
  breakDown(ours.slice(0, 5), 0)
  open(ours[6] as Upstream, 1)
  breakDown(ours.slice(7), 2)
  expect(lines).toEqual([])
})

it('is not when they break one now and one then: addresses always do', () => {
  for (const [n, upstream] of ours.entries()) breakDown([upstream], (n * EVIDENCE_MS) / 4)
  expect(lines).toEqual([])
})

it('evicts nobody while it lasts, and as usual after it', () => {
  for (let at = 0; at < 100_000; at += 10_000) breakDown(ours, at)
  expect([watched.gone, ours.every(({ state }) => state === 'resting')]).toEqual([[], true])
  open(ours[0] as Upstream, 110_000)
  expect(lines).toEqual(['p down after 6', 'p up'])
  breakDown(ours.slice(1, 3), 110_001)
  expect(watched.gone).toEqual([
    ['p1', 'blamed'],
    ['p2', 'blamed'],
  ])
})

it('is one provider’s: what another one has is lent and judged as before', () => {
  const other = added(watched.pool, 'q', { provider: 'q', deadline: 1e9 })
  breakDown(ours, 0)
  expect(watched.pool.lease(ask(), 0)).toBe(other)
  for (const at of [0, 10_000, 20_000]) breakDown([other], at)
  expect([lines, watched.gone]).toEqual([['p down after 6'], [['q', 'blamed']]])
})
