/**
 * With three tries and one upstream in ten out of order, one client in a thousand met three of those: nothing was known of the
 * upstreams that the second and the third try were lent. They go to upstreams that have just worked for other clients.
 */
import { expect, it } from 'vitest'
import { FarWorld } from './far-world.ts'

const CLIENTS = 20_000
const FAR = { upstreams: 100, rttMs: 150, badShare: 0.1, spellMs: 5_000 }

it.each(['round-robin', 'random', 'power-of-two'] as const)(
  'a tenth of the upstreams is out of order, and every client is served soon: %s',
  (strategy) => {
    const world = new FarWorld({ ...FAR, strategy, seed: 3 })
    world.run(CLIENTS, 40)
    // One in 25,000, over many seeds; without a preference for those that work it was one in a thousand.
    expect(world.results.filter(({ code }) => code !== 'opened').length).toBeLessThanOrEqual(5)
    expect(world.results).toHaveLength(CLIENTS)
    const waits = world.results.map(({ waitedMs }) => waitedMs).sort((a, b) => a - b)
    expect(waits[CLIENTS * 0.999]).toBeLessThan(4 * 2 * FAR.rttMs)
  },
)
