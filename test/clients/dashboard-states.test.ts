/** The tables of the dashboard, the places that it offers, and each view while it is empty, loading or failed. */
import { describe, expect, it } from 'vitest'
import { freePort } from '../support/free-port.ts'
import {
  ask,
  openPage,
  startAll,
  startAtlas,
  TOKEN,
  useBrowser,
  views,
  violationsOf,
  WAIT_MS,
  WHOAMI,
} from './support/dashboard.ts'
import { run } from './support/program.ts'

useBrowser()

describe('the dashboard', () => {
  it('shows octets per second, sorts by a column, and closes a connection by hand', async () => {
    const { gateway, shop, admin } = await startAll()
    shop.acceptsKey = true
    const proxy = gateway.url('http', { username: 'crawler-provider-shop', password: 'x' })
    const slow = 'http://site.test/slow?pieces=9000&gap=10'
    const download = run('curl', ['-sS', '-o', '/dev/null', '-x', proxy, slow])
    for (let n = 0; n < 3; n++) await ask(gateway, 'crawler-provider-demo', WHOAMI)
    const page = await openPage(`${admin}#token=${TOKEN}`)
    await page.click('nav a[href="#/connections"]')
    const row = page.locator('[data-connection]', { hasText: 'site.test' })
    await expect.poll(() => row.locator('[data-rate]').textContent(), { timeout: WAIT_MS }).toMatch(/ \/ .*B$/)
    const first = () => page.locator('[data-connection]').first().textContent()
    await page.click('[data-sort="connections.target"]')
    await expect.poll(first, { timeout: WAIT_MS }).toContain('site.test')
    await page.click('[data-sort="connections.target"]')
    await expect.poll(first, { timeout: WAIT_MS }).toContain('whoami.demo')
    expect(await violationsOf(page)).toEqual([])
    await row.getByRole('button', { name: /^Close connection site\.test/ }).click()
    expect((await download).code).not.toBe(0)
    await expect.poll(() => row.textContent(), { timeout: WAIT_MS }).toContain('closed')
    await page.click('nav a[href="#/pool"]')
    await page.click('[data-sort="pool.address"]')
    const addresses = () => page.locator('[data-upstream] .mono').allTextContents()
    await expect.poll(addresses, { timeout: WAIT_MS }).toEqual((await addresses()).toSorted())
  })

  it.each([1280, 850])('has room in its tables for long times and addresses at %i px', async (width) => {
    const { gateway, admin } = await startAll()
    await ask(gateway, 'crawler-provider-demo', WHOAMI)
    const page = await openPage(admin, { viewport: { width, height: 900 } })
    /** Pixels that are cut off when a cell shows this. */
    const cut = async (view: string, cell: string, text: string) => {
      await page.click(`nav a[href="#/${view}"]`)
      const place = page.locator(cell).first()
      await place.waitFor()
      return place.evaluate((element, shown) => {
        const copy = element.cloneNode() as typeof element
        copy.textContent = shown
        element.replaceWith(copy)
        const pixels = copy.scrollWidth - copy.clientWidth
        copy.replaceWith(element)
        return pixels
      }, text)
    }
    expect(await cut('connections', '[data-connection] > :nth-child(5)', '59 min 59 s')).toBe(0)
    expect(await cut('pool', '[data-upstream] > .mono', '203.0.113.7:40021')).toBe(0)
  })

  it('finds a connection that is older than what the stream brings', async () => {
    const { gateway, admin } = await startAll()
    await ask(gateway, 'crawler-provider-demo-session-needle', WHOAMI)
    await ask(gateway, 'crawler-provider-demo', `${WHOAMI}?[1-250]`)
    const page = await openPage(admin)
    await page.click('nav a[href="#/connections"]')
    await page.click('button[aria-pressed]')
    await page.fill('input[name=session]', ' NEED')
    const rows = page.locator('[data-connection]')
    await expect.poll(() => rows.count(), { timeout: WAIT_MS }).toBe(1)
    expect(await rows.first().textContent()).toContain('needle')
  })

  it.each([360, 768])('has room for all figures at %i px', async (width) => {
    const name = 'backup-of-the-night-shift-with-a-long-name'
    const { gateway, admin } = await startAll({ providers: [{ name, vendor: 'demo' }] })
    await ask(gateway, 'crawler-session-a', WHOAMI)
    const page = await openPage(admin, { viewport: { width, height: 800 } })
    const cut = (cells: string) =>
      page
        .locator(cells)
        .evaluateAll((all) =>
          all.filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth).map(({ textContent }) => textContent),
        )
    await page.waitForSelector('.tiles')
    await page.locator('.tile dd').evaluateAll((all) => {
      for (const figure of all) figure.textContent = '999 ms / 999 ms'
    })
    expect(await cut('.tile dd')).toEqual([])
    for (const view of ['pool', 'sessions']) {
      await page.click(`nav a[href="#/${view}"]`)
      await page.locator('.line').first().waitFor()
      expect(await cut('.line [data-label], .line > .mono'), view).toEqual([])
    }
    await page.click('nav a[href="#/pool"]')
    const address = await page.locator('.line > .mono').first().boundingBox()
    const provider = await page.getByText(name).first().boundingBox()
    expect(provider?.x).toBeGreaterThanOrEqual((address?.x ?? 0) + (address?.width ?? 0))
    const tops = await page.locator('header.top button').evaluateAll((all) => all.map((one) => one.offsetTop))
    expect(new Set(tops).size).toBe(1)
  })

  it('offers the places that a vendor lists, and shows them for the configuration', async () => {
    const { admin } = await startAll({ providers: [{ name: 'demo', vendor: 'demo' }, await startAtlas()] })
    const page = await openPage(admin)
    await page.click('nav a[href="#/try"]')
    const list = page.getByRole('button', { name: /atlas/ })
    await list.click()
    await page.getByRole('button', { name: 'Cancel' }).click()
    await expect.poll(() => list.getAttribute('aria-disabled'), { timeout: WAIT_MS }).toBe('false')
    expect(await page.locator('output').textContent()).toBe('')
    await list.click()
    await page.getByLabel('Token', { exact: true }).fill(TOKEN)
    await page.keyboard.press('Enter')
    await page.waitForSelector('#offered-country option[value=US]', { state: 'attached' })
    expect(
      await page.locator('#offered-city option').evaluateAll((all) => all.map((one) => one.getAttribute('value'))),
    ).toContain('Dallas')
    await page.click('nav a[href="#/configuration"]')
    await page.fill('[data-areas=atlas] input', '美国')
    await expect
      .poll(() => page.locator('.areas li').allTextContents(), { timeout: WAIT_MS })
      .toEqual([expect.stringContaining('cc: US')])
    expect(await violationsOf(page)).toEqual([])
  })

  it('folds all problems but the first three, and speaks of each once', async () => {
    const names = ['a', 'b', 'c', 'd', 'e']
    const url = `http://127.0.0.1:${await freePort()}/take?count={num}`
    const vendor = { vendor: 'generic', url, format: 'text', ttl: '60s', fields: { address: 1 }, allowPrivate: true }
    const providers = names.map((name) => ({ name, ...vendor }))
    const { gateway, admin } = await startAll({ providers, wait: { timeout: '1s' } })
    await Promise.all(names.map((name) => ask(gateway, `crawler-provider-${name}`, WHOAMI)))
    const page = await openPage(admin)
    await page.waitForSelector('[data-others]')
    expect(await page.locator('.verdict').count()).toBe(3)
    await expect
      .poll(() => page.locator('main [role=status]').first().textContent(), { timeout: WAIT_MS })
      .toContain('e: the vendor cannot be reached')
    await page.click('[data-others]')
    await expect.poll(() => page.locator('.verdict').count(), { timeout: WAIT_MS }).toBe(5)
    expect(await violationsOf(page)).toEqual([])
  })

  it.each([
    { width: 900, columns: 7 },
    { width: 390, columns: 0 },
  ])('shows connections and addresses with all their facts, $width px', async ({ width, columns }) => {
    const { gateway, admin } = await startAll()
    await ask(gateway, 'crawler-provider-demo', WHOAMI)
    const page = await openPage(admin, { viewport: { width, height: 844 } })
    await page.click('nav a[href="#/connections"]')
    const row = page.locator('[data-connection]').first()
    for (const fact of [/whoami\.demo:80/, /crawler/, /\d B \/ \d+ B/, /done/, /\d m?s$/])
      await expect.poll(() => row.getByText(fact).first().isVisible(), { timeout: WAIT_MS }).toBe(true)
    expect(await page.locator('.title > :visible').count()).toBe(columns)
    await page.click('nav a[href="#/pool"]')
    const figures = page.locator('[data-upstream]').first().locator('.number')
    await expect
      .poll(() => figures.evaluateAll((all) => all.map((one) => one.checkVisibility())), { timeout: WAIT_MS })
      .toEqual([true, true, true])
    expect(await violationsOf(page)).toEqual([])
  })

  const looks = [
    { locale: 'en-US', colorScheme: 'light', viewport: { width: 1280, height: 900 } },
    { locale: 'zh-CN', colorScheme: 'dark', viewport: { width: 390, height: 844 } },
  ] as const
  const states = { empty: undefined, loading: 'hang', failed: 'abort' } as const
  const cases = looks.flatMap((look) => Object.entries(states).map(([state, api]) => ({ look, state, api })))

  it.each(cases)('has no violation while $state, $look.locale', async ({ look, state, api }) => {
    const { admin } = await startAll()
    const page = await openPage(admin, look, async (page) => {
      if (api !== undefined) await page.route('**/v1/**', (route) => (api === 'abort' ? route.abort() : undefined))
    })
    if (state === 'failed') await page.waitForSelector('[role=alert]')
    for (const view of views) {
      await page.click(`nav a[href="#/${view}"]`)
      expect(await violationsOf(page), view).toEqual([])
      expect(await page.evaluate('document.documentElement.scrollWidth'), view).toBeLessThanOrEqual(look.viewport.width)
    }
  })
})
