/** What the operator does on the dashboard, and what it shows of reports that a short run of the gateway does not bring about. */
import type { Locator, Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { ask, openPage, startAll, TOKEN, useBrowser, violationsOf, WAIT_MS, WHOAMI } from './support/dashboard.ts'

useBrowser()

/** Answers the first `GET /v1/events` with these reports, and no other. */
async function show(page: Page, events: readonly (readonly [name: string, data: unknown])[]) {
  const body = events.map(([name, data]) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`)
  let isFirst = true
  await page.route('**/v1/events', (route) => {
    if (!isFirst) return undefined
    isFirst = false
    return route.fulfill({ contentType: 'text/event-stream', body: body.join('') })
  })
}

/** Pixels between the button of a form and its result. */
async function gapAfterButton(section: Locator, result: string): Promise<number> {
  const button = await section.locator('form button').boundingBox()
  const box = await section.locator(result).first().boundingBox()
  return (box?.y ?? 0) - (button?.y ?? 0) - (button?.height ?? 0)
}

describe('the operator', () => {
  it('rests, evicts and copies an address', async () => {
    const { gateway, admin } = await startAll()
    await ask(gateway, 'crawler-provider-demo', WHOAMI)
    const page = await openPage(`${admin}#token=${TOKEN}`)
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await page.click('nav a[href="#/pool"]')
    const row = page.locator('[data-upstream]').first()
    const id = await row.getAttribute('data-upstream')
    const address = (await row.locator('.mono').textContent()) ?? ''
    await row.getByRole('button', { name: `Copy ${address}` }).click()
    await expect.poll(() => page.evaluate('navigator.clipboard.readText()'), { timeout: WAIT_MS }).toBe(address)
    const same = page.locator(`[data-upstream="${id}"]`)
    await same.getByRole('button', { name: `Rest ${address}` }).click()
    await expect.poll(() => same.locator('.badge').textContent(), { timeout: WAIT_MS }).toMatch(/^resting \d/)
    await same.getByRole('button', { name: `Evict ${address}` }).click()
    await expect.poll(() => same.count(), { timeout: WAIT_MS }).toBe(0)
  })

  it('pauses a provider, lets it go on, and orders addresses', async () => {
    const { admin } = await startAll()
    const page = await openPage(`${admin}#token=${TOKEN}`)
    const card = page.locator('[data-provider=demo]')
    const state = () => card.locator('.badge').textContent()
    await card.getByRole('button', { name: 'Pause demo' }).click()
    await expect.poll(state, { timeout: WAIT_MS }).toBe('paused')
    expect(await page.locator('.verdict[data-code=paused]').textContent()).toContain('demo is paused')
    await card.getByRole('button', { name: 'Resume demo' }).click()
    await expect.poll(state, { timeout: WAIT_MS }).toBe('ready')
    const bought = card.locator('.facts div', { hasText: 'Bought' }).locator('dd')
    expect(await bought.textContent()).toBe('0')
    await card.getByRole('button', { name: 'Refill demo' }).click()
    await expect.poll(() => bought.textContent().then(Number), { timeout: WAIT_MS }).toBeGreaterThan(0)
  })

  it('may paste a token with invisible characters', async () => {
    const { admin } = await startAll()
    const page = await openPage(admin)
    const card = page.locator('[data-provider=demo]')
    await card.getByRole('button', { name: 'Pause demo' }).click()
    await page.getByLabel('Token', { exact: true }).fill(`\u200b${TOKEN}\u3002`)
    await page.getByRole('button', { name: 'Use this token' }).click()
    await expect.poll(() => card.locator('.badge').textContent(), { timeout: WAIT_MS }).toBe('paused')
  })

  it('leaves the focus of the keyboard on the button that was pressed', async () => {
    const { admin } = await startAll()
    const page = await openPage(`${admin}#token=${TOKEN}`)
    const card = page.locator('[data-provider=demo]')
    const focused = () => page.evaluate("document.activeElement?.getAttribute('aria-label')")
    await card.getByRole('button', { name: 'Pause demo' }).focus()
    await page.keyboard.press('Enter')
    await expect.poll(() => card.locator('.badge').textContent(), { timeout: WAIT_MS }).toBe('paused')
    await expect.poll(focused, { timeout: WAIT_MS }).toBe('Resume demo')
    await page.keyboard.press('Enter')
    await expect.poll(() => card.locator('.badge').textContent(), { timeout: WAIT_MS }).toBe('ready')
  })

  it('searches connections by every field, and holds the list', async () => {
    const { gateway, admin } = await startAll()
    await ask(gateway, 'alice-provider-demo-session-basket', WHOAMI)
    await ask(gateway, 'bob-provider-demo', 'http://other.demo/')
    await ask(gateway, 'bob-provider-shop', WHOAMI)
    const page = await openPage(admin)
    await page.click('nav a[href="#/connections"]')
    const rows = page.locator('[data-connection]')
    await expect.poll(() => rows.count(), { timeout: WAIT_MS }).toBe(3)
    const searches = [
      ['host', 'OTHER', 1],
      ['user', 'bob', 2],
      ['session', 'basket', 1],
      ['provider', 'demo', 2],
      ['code', 'GW_', 1],
    ] as const
    for (const [field, text, count] of searches) {
      await page.fill(`input[name=${field}]`, text)
      await expect.poll(() => rows.count(), { message: field, timeout: WAIT_MS }).toBe(count)
      await page.getByRole('button', { name: 'Clear' }).click()
    }
    await expect.poll(() => rows.count(), { timeout: WAIT_MS }).toBe(3)
    const hold = page.getByRole('button', { name: 'Hold the list' })
    await hold.click()
    await ask(gateway, 'carol-provider-demo', WHOAMI)
    await expect.poll(() => page.locator('.heading [role=status]').textContent(), { timeout: WAIT_MS }).toBe('3 of 4')
    await hold.click()
    await expect.poll(() => rows.count(), { timeout: WAIT_MS }).toBe(4)
  })

  it('checks an edited text, and tests a link of a vendor', async () => {
    const { shop, admin } = await startAll()
    const page = await openPage(`${admin}#token=${TOKEN}`)
    await page.click('nav a[href="#/configuration"]')
    const shown = page.locator('section[aria-labelledby=config] pre')
    expect(await shown.textContent()).toContain('token: "***"')
    expect(await shown.textContent()).not.toContain(TOKEN)
    const check = page.getByRole('button', { name: 'Check', exact: true })
    await check.click()
    await page.waitForSelector('[role=status].good')
    await page.fill('textarea', 'providers:\n  - name: a\n    vendor: demon\n')
    await check.click()
    await expect
      .poll(() => page.locator('.problems').textContent(), { timeout: WAIT_MS })
      .toContain('Line 3, column 13: providers[0].vendor did you mean demo?')

    await page.click('nav a[href="#/try"]')
    const paste = page.locator('section[aria-labelledby=paste]')
    await paste.locator('input').fill(shop.url.replace('{num}', '1'))
    await paste.getByRole('button', { name: 'Test the link' }).click()
    await expect.poll(() => paste.locator('.banner').textContent(), { timeout: WAIT_MS }).toContain('the key is wrong')
    expect(await gapAfterButton(paste, '.banner')).toBeGreaterThanOrEqual(8)
    shop.acceptsKey = true
    await paste.getByRole('button', { name: 'Test the link' }).click()
    await expect.poll(() => paste.locator('pre').textContent(), { timeout: WAIT_MS }).toContain('providers:')
    await expect
      .poll(() => paste.locator('h3').first().textContent(), { timeout: WAIT_MS })
      .toBe('Addresses from the link: 3')
    expect(await gapAfterButton(paste, 'h3')).toBeGreaterThanOrEqual(8)
    expect(await paste.locator('li').first().textContent()).toMatch(/^http:\/\/127\.\S+ \d/)
    expect(await violationsOf(page)).toEqual([])
  })
})

describe('the page', () => {
  it('has no stream while it is hidden', async () => {
    const { admin } = await startAll()
    const page = await openPage(admin)
    await page.waitForSelector('.live.on')
    const stopped = page.waitForEvent('requestfailed', (request) => request.url().endsWith('/v1/events'))
    const hide = (isHidden: boolean) =>
      page.evaluate(`Object.defineProperty(document, 'hidden', { configurable: true, value: ${isHidden} });
        document.dispatchEvent(new Event('visibilitychange'))`)
    await hide(true)
    await stopped
    await expect.poll(() => page.locator('.live').textContent(), { timeout: WAIT_MS }).toBe('Paused while hidden')
    await hide(false)
    await page.waitForSelector('.live.on')
  })

  it('keeps language and theme for the next visit', async () => {
    const { admin } = await startAll()
    const page = await openPage(admin)
    await page.click('[data-theme-switch]')
    await page.click('[data-language]')
    await page.reload()
    expect(await page.getAttribute('html', 'data-theme')).toBe('dark')
    expect(await page.getAttribute('html', 'lang')).toBe('zh-CN')
    expect(await page.locator('nav').textContent()).toContain('概览')
  })

  it('shows windows, channels, the tightest budget, balance and cost of a provider, and the plots of an hour', async () => {
    const { admin } = await startAll()
    const known = (await (await fetch(`${admin}v1/providers`)).json()) as { providers: object[] }
    const report = {
      ...known.providers[0],
      ...{ name: 'paid', windowCalls: 60, windowSeconds: 60, callsLeft: 15, channels: 10, channelsFree: 3 },
      ...{ budgetPerHour: 300, budgetPerDay: 1_000, budgetTotal: null, budgetTightest: 'perDay', budgetLeft: 100 },
      ...{ balance: 12.5, costPer1000Tunnels: 0.42, bought: 1_234, alive: 7, used: 1_200, wasted: 34 },
    }
    const at = Array.from({ length: 12 }, (_, n) => 1_790_000_000 + n * 10)
    const column = (value: number) => at.map(() => value)
    const rates = {
      tunnelsPerSecond: column(3),
      refusedPerSecond: column(1),
      waiting: column(2),
      connections: column(5),
    }
    const bytes = { bytesFromClientsPerSecond: column(1_000), bytesToClientsPerSecond: column(2_000) }
    const setup = { setupP50Seconds: column(0.03), setupP99Seconds: column(0.2) }
    const provider = { name: 'paid', windowUsed: column(45), windowCalls: 60, bought: column(0), wasted: column(0) }
    const history = {
      ...{ intervalSeconds: 10, at, ...rates, ...bytes, ...setup, bought: column(4), wasted: column(0) },
      providers: [{ ...provider, calls: column(1) }],
    }
    // Then an interval with a provider that was not there before.
    const added = { ...provider, name: 'added', windowUsed: [7], windowCalls: 10, bought: [0], wasted: [0], calls: [7] }
    const last = (columns: object) =>
      Object.fromEntries(
        Object.entries(columns).map(([name, value]) => [name, Array.isArray(value) ? [value.at(-1)] : value]),
      )
    const next = { ...last(history), at: [1_790_000_120], providers: [last(history.providers[0] ?? {}), added] }
    const page = await openPage(admin, {}, (page) =>
      show(page, [
        ['providers', { isFirst: true, providers: [report], gone: [] }],
        ['history', history],
        ['history', next],
      ]),
    )
    const card = page.locator('[data-provider=paid]')
    const meters = card.locator('[role=meter]')
    await expect.poll(() => meters.count(), { timeout: WAIT_MS }).toBe(3)
    const shown = await meters.evaluateAll((all) =>
      all.map((one) => ['aria-label', 'aria-valuetext', 'aria-valuenow'].map((name) => one.getAttribute(name))),
    )
    expect(shown).toEqual([
      ['Calls in the window of 60 s', '45 / 60', '75'],
      ['Channels', '7 / 10', '70'],
      ['Budget per day', '900 / 1,000', '90'],
    ])
    expect(await card.locator('.facts dd').allTextContents()).toEqual(['7', '1,234', '1,200', '34', '12.5', '0.42'])
    await expect.poll(() => page.locator('.plots canvas').count(), { timeout: WAIT_MS }).toBe(6)
    const legends = await page.locator('.plots .u-legend').allTextContents()
    const figures = legends.map((legend) => legend.replace(/^Time\S*\d\d:\d\d:\d\d/, ''))
    expect(figures).toEqual([
      'tunnels/s3waiting2',
      'down2.0 KBup1.0 KB',
      'open5refused/s1',
      'p5030p99200',
      'bought4wasted0',
      'made52allowed70',
    ])
  })
})
