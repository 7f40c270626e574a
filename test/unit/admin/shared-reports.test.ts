import { expect, it } from 'vitest'
import { SharedReports } from '../../../src/admin/api/shared-reports.ts'
import { FakeClock } from '../../support/fake-clock.ts'

function setUp(tookMs: number) {
  const clock = new FakeClock()
  const reports = new SharedReports(clock)
  let made = 0
  const make = () => {
    clock.advance(tookMs)
    return { made: ++made }
  }
  const ask = async (kind = 'getPool', query?: object) => (await reports.answer(kind, query, make)).json()
  return { clock, reports, ask }
}

it('requests that come together get one report, and later ones a new one', async () => {
  const { clock, ask } = setUp(50)
  for (let n = 0; n < 250; n++) expect(await ask()).toEqual({ made: 1 })
  for (let n = 0; n < 2; n++) expect(await ask('getConnections', { limit: 2 })).toEqual({ made: 2 })
  expect(await ask('getConnections', { limit: 3 })).toEqual({ made: 3 })
  clock.advance(500)
  expect(await ask()).toEqual({ made: 4 })
})

it('a slow report is used for a second at most', async () => {
  const { clock, ask } = setUp(5_000)
  await ask()
  clock.advance(999)
  expect(await ask()).toEqual({ made: 1 })
  clock.advance(1)
  expect(await ask()).toEqual({ made: 2 })
})

it('is made anew after a change, and each time where it costs nothing', async () => {
  const { reports, ask } = setUp(50)
  await ask()
  reports.clear()
  expect(await ask()).toEqual({ made: 2 })
  const { ask: askCheap } = setUp(0)
  await askCheap()
  expect(await askCheap()).toEqual({ made: 2 })
})

it('does not share a response', async () => {
  const clock = new FakeClock()
  const reports = new SharedReports(clock)
  const make = () => {
    clock.advance(50)
    return new Response('once')
  }
  for (let n = 0; n < 2; n++) expect(await (await reports.answer('getMetrics', undefined, make)).text()).toBe('once')
})
