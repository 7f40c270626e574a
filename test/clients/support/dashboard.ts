/** The dashboard in Chromium, beside a gateway process with the demo vendor and a vendor that refuses its key at first. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import axe from 'axe-core'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest'
import { freePort } from '../../support/free-port.ts'
import { startWorld } from '../../support/world.ts'
import { type GatewayProcess, startProcess } from './gateway-process.ts'
import { succeed } from './program.ts'

export const TOKEN = 'token-of-the-dashboard-test'
export const WHOAMI = 'http://whoami.demo/'
/** Where the pictures of the documents go; undefined in a plain test run. */
export const PICTURES =
  process.env['TURNPIKE_SCREENSHOTS'] && fileURLToPath(new URL('../../../docs/images/', import.meta.url))
/** Hang guard of one wait, ms. */
export const WAIT_MS = 20_000

let browser: Browser

/** One for all tests of a file. */
export function useBrowser(): void {
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      args: [
        ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
        ...['--disable-background-networking', '--disable-component-update', '--disable-dev-shm-usage'],
      ],
    })
  })
  afterAll(() => browser.close())
}

/** A vendor that sells the addresses of a world once its key is accepted. */
async function startShop(lines: readonly string[]) {
  const shop = { acceptsKey: false, calls: 0, url: '' }
  const server: Server = createServer((_request, response) => {
    shop.calls++
    response.setHeader('Content-Type', 'application/json')
    const items = lines
      .map((line) => new URL(line))
      .map(({ hostname, port, username, password }) => ({ ip: hostname, port, username, password, ttl: 300 }))
    response.end(JSON.stringify(shop.acceptsKey ? { code: 0, list: items } : { code: 401, msg: 'the key is wrong' }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  shop.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/take?key=k&count={num}`
  return shop
}

/** @param more keys of the configuration, instead of those here */
export async function startAll(more: Readonly<Record<string, unknown>> = {}) {
  const world = await startWorld({ upstreams: 3 })
  onTestFinished(() => world.close())
  const shop = await startShop(world.lines())
  const adminPort = await freePort()
  const gateway = await startProcess({
    listen: [{ port: 0 }],
    admin: { port: adminPort, token: TOKEN },
    providers: [
      { name: 'demo', vendor: 'demo', budget: { perHour: 100 } },
      {
        ...{ name: 'shop', vendor: 'generic', url: shop.url, format: 'json', items: 'list', allowPrivate: true },
        fields: { host: 'ip', port: 'port', username: 'username', password: 'password', ttl: { field: 'ttl' } },
        success: { field: 'code', is: 0, message: 'msg' },
        errors: [{ code: 401, class: 'auth' }],
        maxPerCall: 3,
        budget: { perHour: 30 },
        priority: 2,
      },
    ],
    stop: { drain: '1s' },
    state: 'off',
    log: { level: 'info' },
    ...more,
  })
  return { world, shop, gateway, admin: `http://127.0.0.1:${adminPort}/` }
}

/** What the browser logs of a refused token and of a gateway that is gone. */
const EXPECTED = /401|ERR_FAILED|ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_CONNECTION_RESET/

export async function openPage(
  admin: string,
  options: Parameters<Browser['newPage']>[0] = {},
  prepare: (page: Page) => Promise<unknown> = async () => {},
): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, ...options })
  onTestFinished(() => page.close())
  page.setDefaultTimeout(WAIT_MS)
  const mistakes: string[] = []
  page.on('pageerror', (error) => mistakes.push(String(error)))
  page.on('console', (message) => void (message.type() === 'error' && mistakes.push(message.text())))
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== new URL(admin).origin) mistakes.push(`asked another host: ${request.url()}`)
  })
  onTestFinished(() => expect(mistakes.filter((words) => !EXPECTED.test(words))).toEqual([]))
  await prepare(page)
  await page.goto(admin)
  await page.waitForSelector('.live')
  return page
}

export const ask = (gateway: GatewayProcess, user: string, url: string) =>
  succeed('curl', ['-sS', '-o', '/dev/null', '-x', gateway.url('http', { username: user, password: 'x' }), url])

export const views = ['overview', 'pool', 'connections', 'sessions', 'try', 'configuration', 'api'] as const

/** A vendor that lists its places. */
export async function startAtlas() {
  const server: Server = createServer((_request, response) => {
    response.setHeader('Content-Type', 'application/json')
    const items = [{ city: 'Dallas', state: 'TX' }]
    const data = [{ country_code: 'US', name_en: 'United States', name_zh_cn: '美国', items }]
    response.end(JSON.stringify({ code: 200, data }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const credentials = { app_key: 'an-invented-key' }
  return { name: 'atlas', vendor: 'smartproxy', product: 'dynamic', baseUrl, allowPrivate: true, credentials }
}

/** A few clients for a while, so that a picture shows what a user will see. */
export async function visit(rounds: number, gateway: GatewayProcess): Promise<void> {
  const users = ['crawler', 'crawler-session-basket', 'tests-country-DE', 'tests-country-JP', 'browser-session-a']
  for (let round = 0; round < rounds; round++) await Promise.all(users.map((user) => ask(gateway, user, WHOAMI)))
}

export async function violationsOf(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate(() => (globalThis as unknown as { axe: typeof axe }).axe.run())
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`)
}

export async function picture(page: Page, name: string, options: { fullPage?: boolean } = {}): Promise<void> {
  if (PICTURES) await page.screenshot({ ...options, path: join(PICTURES, `${name}.png`) })
}
