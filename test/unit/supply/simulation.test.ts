/**
 * What supply costs: hours of traffic against a vendor whose addresses live 60 s and whose calls take 0.3 to 2 s, compared
 * with somebody who knows the future and waits for nothing. The figures are printed; docs/costs.md explains them.
 */
import { readFileSync } from 'node:fs'
import { afterAll, expect, it, vi } from 'vitest'
import { sequence } from '../pool/pool-fixture.ts'
import { fewestAddresses } from './simulation-oracle.ts'
import { type Figures, LIFE_MS, type Rules, simulate } from './simulation-run.ts'
import { burstyTraffic, type Connection, constantTraffic, dayAndNight, oneAnHour } from './simulation-traffic.ts'

/** Each simulates hours in about two seconds of one core; on a loaded machine that takes many times as long. */
vi.setConfig({ testTimeout: 120_000 })

const rules: Rules = { floor: 5, ceiling: 50, targetLoad: 4, idleAfter: 60_000, minLife: 5_000, uses: 0 }
/** How much more than the oracle may be bought. */
const AIM = 1.15
/** The same where traffic is steady. */
const STEADY = { aim: 1.05 }
const SLOWEST_CALL_MS = 2_000
/** A wait lasts a call, and for who came while a call for too few was on its way, another one. */
const LONGEST_WAIT_MS = 2 * SLOWEST_CALL_MS
/** When the first purchase, made at once, has been replaced often enough to be spread. */
const SETTLED_MS = 5 * LIFE_MS

const rows: string[][] = [
  [
    'traffic',
    'connections',
    'bought',
    'per 1,000',
    'oracle',
    'ratio',
    'used',
    'wasted',
    'calls',
    'waited',
    'longest wait',
    'denied',
  ],
]

async function run(
  name: string,
  connections: readonly Connection[],
  own: Partial<Rules> = {},
  isSampled = false,
  { longestWaitMs = LONGEST_WAIT_MS, aim = AIM } = {},
): Promise<Figures & { readonly ratio: number; readonly waited: number }> {
  const all = { ...rules, ...own }
  const figures = await simulate(connections, all, sequence(9), isSampled)
  const lifeMs = all.vendor?.lifeMs ?? LIFE_MS
  const floor = Math.min(all.floor, all.vendor?.channels ?? all.floor)
  const oracle = fewestAddresses(connections, { ...all, floor, lendableMs: lifeMs - lifeMs / 10 - all.minLife })
  const { bought, wasted, calls, waits } = figures
  const ratio = bought / oracle
  const counts = [wasted, calls, waits.length].map(String)
  const per1000 = ((1_000 * bought) / connections.length).toFixed(1)
  const longest = `${((waits.at(-1) ?? 0) / 1_000).toFixed(1)} s`
  rows.push([
    name,
    String(connections.length),
    String(bought),
    per1000,
    String(oracle),
    ratio.toFixed(2),
    figures.utilisation.toFixed(2),
    ...counts,
    longest,
    String(figures.denied),
  ])
  expect(figures.violations).toBe(0)
  expect(figures.denied).toBe(0)
  expect(waits.at(-1) ?? 0).toBeLessThanOrEqual(longestWaitMs)
  expect(ratio).toBeLessThanOrEqual(aim)
  return { ...figures, ratio, waited: waits.length / connections.length }
}

afterAll(() => {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  const lines = rows.map((row) => row.map((cell, column) => cell.padStart(widths[column] ?? 0)).join('  '))
  process.stdout.write(`\n${lines.join('\n')}\n\n`)
})

/** Most addresses that expired within one second. */
function mostAtOnce(deaths: readonly number[]): number {
  return Math.max(...deaths.map((from) => deaths.filter((at) => at >= from && at < from + 1_000).length))
}

it('holds the floor at every moment of steady traffic, and its addresses do not die together', async () => {
  const { fewestLendable, deaths, wasted, bought, waited } = await run(
    'constant',
    constantTraffic(sequence(1)),
    {},
    true,
    STEADY,
  )
  expect(fewestLendable).toBeGreaterThanOrEqual(rules.floor)
  expect(mostAtOnce(deaths.filter((at) => at > SETTLED_MS))).toBeLessThanOrEqual(2)
  expect(wasted / bought).toBeLessThan(0.02)
  expect(waited).toBeLessThan(0.001)
})

it('buys for a burst what it needs, once', async () => {
  const { waited } = await run('bursty', burstyTraffic(sequence(2)))
  expect(waited).toBeLessThan(0.05)
})

it('wastes less after bursts when idleAfter is shorter than a life', async () => {
  const { wasted, bought } = await run('bursty, idleAfter 20s', burstyTraffic(sequence(2)), { idleAfter: 20_000 })
  expect(wasted / bought).toBeLessThan(0.15)
})

it('follows days and nights', async () => {
  const { wasted, bought, waited } = await run('day and night', dayAndNight(sequence(3)), {}, false, STEADY)
  expect(wasted / bought).toBeLessThan(0.03)
  expect(waited).toBeLessThan(0.001)
})

it('buys one address for one request an hour, in one call, and none until the next', async () => {
  const requests = oneAnHour()
  const { bought, calls, wasted } = await run('one an hour', requests)
  expect({ bought, calls, wasted }).toEqual({ bought: requests.length, calls: requests.length, wasted: 0 })
})

it('buys one address for each connection with uses: 1', async () => {
  const hour = constantTraffic(sequence(5)).slice(0, 7_200)
  const { wasted, bought, waited } = await run('uses: 1', hour, { uses: 1 })
  expect(wasted / bought).toBeLessThan(0.02)
  expect(waited).toBeLessThan(0.01)
})

/** An hour of the steady traffic. */
const anHour = () => constantTraffic(sequence(6)).filter(({ at }) => at < 3_600_000)

it('buys no more for clients that give up after half a second', async () => {
  await run('clients that leave', burstyTraffic(sequence(2)), { patienceMs: 500 })
})

it('goes on with a vendor that refuses half of the orders', async () => {
  await run('half refused', anHour(), { vendor: { refused: 0.5 } }, false, { longestWaitMs: 10_000 })
})

it('finds what lost replies brought in the vendor’s list', async () => {
  await run('1 of 20 replies lost', anHour(), { vendor: { lost: 0.05 } }, false, { longestWaitMs: 10_000 })
})

it('buys no more for two providers on one key than for one', async () => {
  await run('two on one key', anHour(), { vendor: { providers: 2 } })
})

it('orders earlier from a vendor whose calls take five seconds', async () => {
  await run('calls of 5 s', anHour(), { vendor: { callMs: [4_000, 5_000] } }, false, { longestWaitMs: 10_000 })
})

it('replaces lives of half a minute in time', async () => {
  await run('lives of 30 s', anHour(), { vendor: { lifeMs: 30_000 } })
})

it('keeps to channels that are fewer than the floor', async () => {
  await run('3 channels, floor 5', anHour(), { vendor: { channels: 3 } }, false, { longestWaitMs: 10_000 })
})

it('docs/costs.md shows these figures', () => {
  const cells = (line: string) => line.trim().split(/ {2,}/).join(' | ')
  const shown = readFileSync('docs/costs.md', 'utf8').split('\n').map(cells)
  for (const row of rows) expect(shown).toContain(cells(row.join('  ')))
})
