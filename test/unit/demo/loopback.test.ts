import { describe, expect, it } from 'vitest'
import { canListenOn, loopbackHosts } from '../../../src/demo/loopback.ts'

describe('loopback addresses for the demo’s upstreams', () => {
  it('gives a thousand different ones where the machine has them, then starts again', async () => {
    const next = await loopbackHosts(async () => true)
    const given = Array.from({ length: 1_000 }, next)
    expect(given[0]).toBe('127.8.0.1')
    expect(given[999]).toBe('127.8.3.250')
    expect(new Set(given).size).toBe(1_000)
    expect(next()).toBe('127.8.0.1')
  })

  it('stays on 127.0.0.1 where that is all there is', async () => {
    const next = await loopbackHosts(async () => false)
    expect([next(), next()]).toEqual(['127.0.0.1', '127.0.0.1'])
  })

  it('finds out by listening', async () => {
    expect(await canListenOn('127.0.0.1')).toBe(true)
    expect(await canListenOn('203.0.113.1')).toBe(false)
  })
})
