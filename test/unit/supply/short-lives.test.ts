/** A margin of 2 s and a minLife of 5 s threw every address of such products away: 58 bought, 0 requests served. */
import { expect, it } from 'vitest'
import { sequence } from '../pool/pool-fixture.ts'
import { untouched, World } from './supply-world.ts'

it.each([
  ['seconds', undefined],
  ['a time of day', 0],
])('serves with lives of 4 to 6 s and the default configuration, told as %s', async (_, skewMs) => {
  const random = sequence(4)
  const vendor = { lifeMs: () => 4_000 + 2_000 * random(), latencyMs: () => 200, skewMs }
  const world = new World({ a: { vendor } }, untouched())
  for (let n = 0; n < 1_200; n++) {
    world.connect(300)
    await world.clock.run(100)
  }
  const { bought, expiredUnused, tooShort } = world.provider('a').counts
  expect(world.denials).toEqual([])
  expect(world.waits.filter((ms) => ms > 0).length).toBeLessThan(0.01 * 1_200)
  expect(tooShort + expiredUnused).toBeLessThan(0.1 * bought)
  // An address is lent for three of its five seconds; five of them are held for 120 s.
  expect(bought).toBeLessThan(2 * 5 * (120 / 3))
})
