/**
 * First paint of the dashboard: Chromium without a cache opens the page of a running gateway again and again.
 * `node test/bench/first-paint.ts http://127.0.0.1:8081/` prints medians and the slowest, ms.
 */
import { parseArgs } from 'node:util'
import { chromium, type Page } from 'playwright-core'

const ROUNDS = 11

const { positionals } = parseArgs({ allowPositionals: true })
const address = positionals[0] ?? 'http://127.0.0.1:8081/'

/** From the start of the navigation: first paint, and the verdict of the gateway in the page. */
async function measure(page: Page): Promise<{ readonly paint: number; readonly verdict: number }> {
  await page.goto(address)
  await page.waitForSelector('.verdict[data-code]')
  return page.evaluate(() => ({
    paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Number.NaN,
    verdict: performance.now(),
  }))
}

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] })
const rounds: Awaited<ReturnType<typeof measure>>[] = []
for (let round = 0; round < ROUNDS; round++) {
  // A context has a cache of its own.
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } })
  rounds.push(await measure(await context.newPage()))
  await context.close()
}
await browser.close()
for (const name of ['paint', 'verdict'] as const) {
  const sorted = rounds.map((round) => Math.round(round[name])).toSorted((a, b) => a - b)
  process.stdout.write(`${name}: median ${sorted[ROUNDS >> 1]} ms, slowest ${sorted.at(-1)} ms of ${ROUNDS}\n`)
}
