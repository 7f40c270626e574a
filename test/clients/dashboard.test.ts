/** What the dashboard shows and does. `npm run screenshots` runs this file and writes the pictures of the documents. */
import { describe, expect, it } from 'vitest'
import { freePort } from '../support/free-port.ts'
import {
  ask,
  openPage,
  PICTURES,
  picture,
  startAll,
  TOKEN,
  useBrowser,
  views,
  violationsOf,
  visit,
  WAIT_MS,
  WHOAMI,
} from './support/dashboard.ts'

useBrowser()

describe('the dashboard', () => {
  it('shows a life that counts down, a connection by its host, and a budget that fills', async () => {
    const { gateway, admin } = await startAll()
    const page = await openPage(admin)
    for (let n = 0; n < 4; n++) await ask(gateway, 'crawler-provider-demo', WHOAMI)
    await page.waitForSelector('[data-provider=demo] [role=meter]')
    const budget = page.locator('[data-provider=demo] [role=meter]').last()
    expect(await budget.getAttribute('aria-label')).toBe('Budget per hour')
    await expect.poll(() => budget.getAttribute('aria-valuenow').then(Number), { timeout: WAIT_MS }).toBeGreaterThan(0)
    // The plots begin after twenty seconds of history.
    for (let second = 0; PICTURES && second < 32; second++) {
      await visit(4, gateway)
      await page.waitForTimeout(1_000)
    }
    const visits = PICTURES ? visit(40, gateway) : undefined
    await page.waitForTimeout(PICTURES ? 1_500 : 0)
    await picture(page, 'dashboard', { fullPage: true })
    await visits
    expect(await violationsOf(page)).toEqual([])

    await page.click('nav a[href="#/pool"]')
    const life = page.locator('[data-life]').first()
    const before = await life.textContent()
    await expect.poll(() => life.textContent(), { timeout: WAIT_MS }).not.toBe(before)
    expect(await violationsOf(page)).toEqual([])
    await picture(page, 'pool')

    await page.click('nav a[href="#/connections"]')
    await page.waitForSelector('[data-connection]')
    await page.fill('input[name=host]', 'nothing.example')
    await page.waitForSelector('.empty')
    await page.fill('input[name=host]', 'whoami')
    await page.locator('[data-connection] button').first().click()
    await page.waitForSelector('[data-detail] .trace li')
    expect(await page.locator('[data-detail]').textContent()).toContain('opened')
    expect(await violationsOf(page)).toEqual([])
    await picture(page, 'connections')
    await page.keyboard.press('Escape')
    await page.waitForSelector('[data-detail]', { state: 'detached' })
    await page.selectOption('select[name=state]', 'refused')
    await expect.poll(() => page.locator('[data-connection] .badge.idle').count(), { timeout: WAIT_MS }).toBe(0)
  })

  it('shows what to do about a wrong key, and Retry with the token mends it', async () => {
    const { gateway, shop, admin } = await startAll()
    const page = await openPage(admin)
    await ask(gateway, 'crawler-provider-shop', 'http://site.test/')
    await page.waitForSelector('.verdict[data-code=key-wrong]')
    expect(await page.locator('.verdict[data-code=key-wrong]').textContent()).toContain('shop')
    await picture(page, 'wrong-key')
    // The gateway sends the time once; the page counts it down.
    const reason = page.locator('[data-provider=shop] [data-reason]')
    await expect.poll(() => reason.textContent(), { timeout: WAIT_MS }).toMatch(/next attempt in 9 min 5[0-7] s/)
    shop.acceptsKey = true
    await page.click('.verdict[data-code=key-wrong] button')
    await page.fill('dialog input', 'a wrong token')
    await page.click('dialog button[type=submit]')
    await page.waitForSelector('dialog .banner')
    // It replaces the token that was refused.
    await page.keyboard.type(TOKEN)
    await page.keyboard.press('Enter')
    await page.waitForSelector('.verdict[data-code=key-wrong]', { state: 'detached' })
    await expect
      .poll(() => page.locator('[data-provider=shop] .badge').textContent(), { timeout: WAIT_MS })
      .toBe('ready')
  })

  it('finds a session by its name, and gives its next connection another upstream', async () => {
    const { gateway, admin } = await startAll()
    for (const name of ['basket', 'account']) await ask(gateway, `crawler-provider-demo-session-${name}`, WHOAMI)
    const page = await openPage(`${admin}#token=${TOKEN}`)
    await page.click('nav a[href="#/sessions"]')
    await page.waitForSelector('[data-session] >> nth=1')
    expect(await violationsOf(page)).toEqual([])
    await page.fill('.sessions-filter input', 'basket')
    await expect.poll(() => page.locator('[data-session]').count(), { timeout: WAIT_MS }).toBe(1)
    const row = page.locator('[data-session]')
    const upstream = row.locator('.mono').last()
    const before = await upstream.textContent()
    await row.locator('button').click()
    await page.waitForSelector('[data-session] .badge')
    await picture(page, 'sessions')
    await ask(gateway, 'crawler-provider-demo-session-basket', WHOAMI)
    await expect.poll(() => upstream.textContent(), { timeout: WAIT_MS }).not.toBe(before)
    await page.fill('.sessions-filter input', 'nothing of this name')
    await page.waitForSelector('.sessions .empty')
  })

  it('keeps the last figures, and says so, while the gateway is gone', async () => {
    const { gateway, admin } = await startAll()
    await ask(gateway, 'crawler-provider-demo', WHOAMI)
    const page = await openPage(admin)
    await page.waitForSelector('[data-provider=demo]')
    gateway.child.kill('SIGTERM')
    await page.waitForSelector('.stale [data-provider=demo]')
    expect(await page.locator('[role=alert]').textContent()).toContain('does not answer')
    expect(await page.locator('.verdict').count()).toBe(0)
    expect(await violationsOf(page)).toEqual([])
    await page.click('nav a[href="#/sessions"]')
    await page.waitForSelector('.stale .empty')
  })

  it('notices a gateway that hangs, and that it goes on', async () => {
    const { gateway, admin } = await startAll()
    const page = await openPage(admin)
    await page.waitForSelector('.live.on')
    gateway.child.kill('SIGSTOP')
    await page.waitForSelector('.stale [data-provider=demo]')
    gateway.child.kill('SIGCONT')
    await page.waitForSelector('.live.on')
    expect(await page.locator('[role=alert]').count()).toBe(0)
  })

  it('takes the token of the link that the terminal prints, also in a tab that shows the page already', async () => {
    const { admin } = await startAll()
    const page = await openPage(admin)
    const pause = page.getByRole('button', { name: 'Pause demo' })
    await pause.click()
    await page.waitForSelector('dialog[open]')
    await page.keyboard.press('Escape')
    await expect.poll(() => pause.getAttribute('aria-disabled'), { timeout: WAIT_MS }).toBe('false')
    expect(await page.locator('output').textContent()).toBe('')
    await pause.click()
    await page.waitForSelector('dialog[open]')
    await page.evaluate(`location.hash = '#token=${TOKEN}'`)
    await page.waitForSelector('dialog[open]', { state: 'detached' })
    await page.waitForSelector('[data-provider=demo] .badge.idle')
    expect(page.url()).not.toContain(TOKEN)
    await page.evaluate("location.hash = '#token=%'")
    await page.getByRole('button', { name: 'Resume demo' }).last().click()
    await page.waitForSelector('dialog[open] .banner')
  })

  it('asks for the token once where other machines can reach the port, and waits for it', async () => {
    const adminPort = await freePort()
    await startAll({ admin: { host: '0.0.0.0', port: adminPort, token: TOKEN } })
    const page = await openPage(`http://127.0.0.1:${adminPort}/`)
    await page.waitForSelector('dialog[open]')
    await page.keyboard.press('Escape')
    await page.waitForSelector('[aria-labelledby=locked]')
    expect(await page.locator('dialog[open]').count()).toBe(0)
    expect(await violationsOf(page)).toEqual([])
    await page.click('[aria-labelledby=locked] button')
    await page.fill('dialog input', 'a wrong token')
    await page.click('dialog button[type=submit]')
    await page.waitForSelector('dialog .banner')
    await page.fill('dialog input', TOKEN)
    await page.click('dialog button[type=submit]')
    await page.waitForSelector('[data-provider=demo]')
  })

  it('counts what leaves through no upstream, where a rule says direct', async () => {
    const { world, gateway, admin } = await startAll({
      routes: [{ host: '127.0.0.0/8', to: 'direct', allowPrivate: true }],
    })
    const page = await openPage(admin)
    await page.waitForSelector('[data-direct]')
    await ask(gateway, 'crawler', `http://${world.site.authority}/`)
    const opened = page.locator('[data-direct] dd')
    await expect.poll(() => opened.textContent(), { timeout: WAIT_MS }).toBe('1')
    expect(await violationsOf(page)).toEqual([])
  })

  it('speaks Chinese, is dark, and fits a telephone', async () => {
    const { gateway, admin } = await startAll()
    await ask(gateway, 'crawler-provider-demo', WHOAMI)
    const page = await openPage(admin, {
      locale: 'zh-CN',
      colorScheme: 'dark',
      viewport: { width: 390, height: 844 },
    })
    expect(await page.locator('nav').textContent()).toContain('概览')
    expect(await page.getAttribute('html', 'data-theme')).toBe('dark')
    for (const view of views) {
      await page.click(`nav a[href="#/${view}"]`)
      expect(await violationsOf(page), view).toEqual([])
      expect(await page.evaluate('document.documentElement.scrollWidth'), view).toBeLessThanOrEqual(390)
      if (view === 'overview') await picture(page, 'dashboard-zh')
    }
    await page.click('[data-language]')
    expect(await page.locator('nav').textContent()).toContain('Overview')
  })

  it('tries a request through the gateway, and shows the same for programs', async () => {
    const { admin } = await startAll()
    const page = await openPage(`${admin}#token=${TOKEN}`)
    expect(page.url()).not.toContain(TOKEN)
    await page.goto(`${admin}#/try`)
    await page.click('section[aria-labelledby=try] button[type=submit]')
    await page.waitForSelector('[data-reply="200"]')
    expect(await page.locator('[data-reply] pre').textContent()).toContain('upstream 127.')
    for (const name of ['curl', 'requests', 'Scrapy', 'Playwright', 'Go', 'Java']) {
      await page.click(`[data-tab=${name}]`)
      expect(await page.locator(`[data-snippet=${name}]`).textContent()).toMatch(/127\.0\.0\.1.*\d/)
    }
    await picture(page, 'try')

    await page.click('nav a[href="#/api"]')
    await page.click('[data-operation=tryRequest] summary')
    expect(await page.locator('[data-operation=tryRequest]').textContent()).toContain('Needs the admin token')
    expect(await violationsOf(page)).toEqual([])
  })
})
