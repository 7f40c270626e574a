/**
 * The whole gateway is killed with SIGKILL in the middle of its work and started again, against a vendor that keeps a
 * referee's book: nothing that was paid for is lost, and nothing is asked for that may not be asked for.
 */
import { hash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { SystemClock } from '../../src/clock.ts'
import { closeClients, connectVia } from '../support/client.ts'
import { header } from '../support/http-wire.ts'
import { type KillableGateway, startKillable } from '../support/killable-gateway.ts'
import { assertNoSecret } from '../support/log-capture.ts'
import { sellerOf } from '../support/vendors/buying-gateway.ts'
import { SimulatedJuliangip } from '../support/vendors/juliangip.ts'
import { SimulatedQg } from '../support/vendors/qg.ts'
import { startWorld, type World } from '../support/world.ts'

/** In each test. */
const KILLS = 4
const CLIENTS = 6
/** How long clients are at work before the kill: a different moment each time, the same in every run. */
const WORK_MS = [150, 420, 230, 610]
const TEST_MS = 240_000
const MINUTE_MS = 60_000
const TRADE = { trade_no: '1000000000000001', key: 'an-invented-trade-key' }
const QG = { key: 'INVENTEDQGKEY' }

let folder: string
let clock: SystemClock
let world: World

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'turnpike-kill-'))
  clock = new SystemClock()
  world = await startWorld({ upstreams: 12, login: false })
})

afterEach(async () => {
  await closeClients()
  await world.close()
  clock.close()
  rmSync(folder, { recursive: true, force: true })
})

const supplyAddress = sellerOf(() => world.upstreams)

function configOf(provider: object, pool: object): object {
  return {
    listen: [{ port: 0 }],
    admin: 'off',
    providers: [{ name: 'paid', allowPrivate: true, ...provider }],
    pool,
    wait: { timeout: '10s' },
    log: { level: 'info' },
  }
}

/** One tunnel, opened and closed. @returns the upstream's id; undefined when the gateway refused or died */
async function tunnel(port: number, session?: string): Promise<string | undefined> {
  const headers = session === undefined ? [] : [['X-Turnpike-Session', session] as const]
  try {
    const reply = await connectVia(port, 'echo.test:7', { headers, timeoutMs: 15_000 })
    reply.socket.destroy()
    return reply.status === 200 ? header(reply.headers, 'x-turnpike-upstream') : undefined
  } catch {
    return undefined
  }
}

/** Clients that open one tunnel after another until they are told to stop. */
function load(port: number): { opened: Set<string>; stop(): Promise<void> } {
  const opened = new Set<string>()
  let isOver = false
  const client = async () => {
    while (!isOver) {
      const id = await tunnel(port)
      if (id === undefined) await sleep(20)
      else opened.add(id)
    }
  }
  const all = Promise.all(Array.from({ length: CLIENTS }, client))
  return {
    opened,
    stop: async () => {
      isOver = true
      await all
    },
  }
}

async function workAndKill(gateway: KillableGateway, forMs: number): Promise<Set<string>> {
  const clients = load(gateway.port)
  await sleep(forMs)
  await gateway.kill()
  await clients.stop()
  assertNoSecret(gateway.log.lines, [TRADE.key, QG.key])
  return clients.opened
}

it('lends what it holds at once, to the session that had it, and asks the vendor for nothing', {
  timeout: TEST_MS,
}, async () => {
  const vendor = await new SimulatedJuliangip({
    clock,
    tradeNo: TRADE.trade_no,
    key: TRADE.key,
    supplyAddress,
    lifeMs: () => 300_000,
  }).start()
  try {
    const provider = { vendor: 'juliangip', product: 'dynamic', credentials: TRADE, baseUrl: vendor.url }
    const config = configOf(provider, { floor: 4, ceiling: 8 })
    let gateway = await startKillable(folder, config)
    const first = await tunnel(gateway.port, 'basket')
    expect(first).toBeDefined()
    const held = new Set([first])
    // On a busy machine little is done before each kill.
    for (let kills = 0; kills < KILLS || held.size < 4; kills++) {
      for (const id of await workAndKill(gateway, WORK_MS[kills % KILLS] ?? 0)) held.add(id)
      const asked = vendor.calls.length
      vendor.badDay = 'http-500'
      gateway = await startKillable(folder, config)
      expect(await tunnel(gateway.port, 'basket')).toBe(first)
      expect(held).toContain(await tunnel(gateway.port))
      expect(vendor.calls.length).toBe(asked)
      vendor.badDay = undefined
    }
    expect(vendor.sales.length).toBeLessThanOrEqual(8)
    expect(vendor.violations).toEqual([])
  } finally {
    await vendor.close()
  }
})

it.each([1, 2])('counts the uses of an address over a stop, with %i workers', { timeout: TEST_MS }, async (workers) => {
  const vendor = await new SimulatedJuliangip({
    ...{ clock, supplyAddress, tradeNo: TRADE.trade_no, key: TRADE.key },
    lifeMs: () => 300_000,
  }).start()
  try {
    const provider = { vendor: 'juliangip', product: 'dynamic', credentials: TRADE, baseUrl: vendor.url }
    const config = { ...configOf(provider, { floor: 1, ceiling: 1, perUpstream: { uses: 4 } }), workers }
    const first = await startKillable(folder, config)
    const ids: (string | undefined)[] = []
    for (let n = 0; n < 3; n++) ids.push(await tunnel(first.port))
    first.process.kill('SIGTERM')
    expect(await first.ended).toBe(0)
    const second = await startKillable(folder, config)
    for (let n = 0; n < 2; n++) ids.push(await tunnel(second.port))
    const [id] = ids
    expect(ids.map((one) => one === id)).toEqual([true, true, true, true, false])
  } finally {
    await vendor.close()
  }
})

it('keeps a session on its address of a list, which is read when the gateway serves already', {
  timeout: TEST_MS,
}, async () => {
  const config = configOf({ vendor: 'static', list: world.lines('http') }, {})
  let gateway = await startKillable(folder, config)
  const first = await tunnel(gateway.port, 'basket')
  expect(first).toBeDefined()
  // The record holds the digest of session, account and wishes. Nobody waits for it to be written.
  const key = hash('sha256', 'key\nbasket\n\n', 'base64url')
  const journal = join(folder, 'state', 'turnpike.db-wal')
  await expect
    .poll(() => existsSync(journal) && readFileSync(journal).includes(key), { timeout: TEST_MS / 2 })
    .toBe(true)
  for (const forMs of WORK_MS.slice(1)) {
    await workAndKill(gateway, forMs)
    gateway = await startKillable(folder, config)
    await tunnel(gateway.port)
    expect(await tunnel(gateway.port, 'basket')).toBe(first)
  }
})

/**
 * Clients want more than the account may buy; the gateway is killed again and again meanwhile.
 * @param isTight whether the limit must bite by now, after so many kills and the log of the latest run: on a busy machine
 *   little is done before each of them
 */
async function killGreedy(
  own: object,
  ceiling: number,
  isTight: (vendor: SimulatedQg, kills: number, log: string) => boolean,
): Promise<SimulatedQg> {
  const plan = { mode: 'elastic', perDay: 1_000 } as const
  const vendor = await new SimulatedQg({ clock, key: QG.key, plan, supplyAddress, lifeMs: () => 300_000 }).start()
  try {
    const provider = { vendor: 'qg', product: 'share-elastic', credentials: QG, baseUrl: vendor.url, ...own }
    const config = configOf(provider, { floor: 1, ceiling, perUpstream: { uses: 1 } })
    let log = ''
    for (let kills = 0; kills < KILLS || !isTight(vendor, kills, log); kills++) {
      const gateway = await startKillable(folder, config)
      await workAndKill(gateway, WORK_MS[kills % WORK_MS.length] ?? 0)
      log = gateway.log.text
    }
    // Once more under the limit that bites.
    await workAndKill(await startKillable(folder, config), Math.max(...WORK_MS))
    expect(vendor.violations).toEqual([])
    return vendor
  } finally {
    await vendor.close()
  }
}

it('keeps the limit of calls over every kill', { timeout: TEST_MS }, async () => {
  const allowed = 12
  // One address at a time: a call for each client.
  const most = ({ calls }: SimulatedQg) =>
    mostWithin(
      calls.map(({ at }) => at),
      MINUTE_MS,
    )
  // A kill may cost a call: it was counted and never left.
  const vendor = await killGreedy(
    { limit: { share: allowed / 60 } },
    1,
    (vendor, kills) => most(vendor) + kills >= allowed,
  )
  expect(most(vendor)).toBeLessThanOrEqual(allowed)
})

it('keeps the budget over every kill', { timeout: TEST_MS }, async () => {
  const budget = 8
  // An order that is killed on its way counts as bought, whether it arrived or not.
  const { sales } = await killGreedy({ budget: { perHour: budget } }, 3, (_vendor, _kills, log) =>
    log.includes('the budget is used up'),
  )
  expect(sales.length).toBeLessThanOrEqual(budget)
})

function mostWithin(instants: readonly number[], windowMs: number): number {
  return Math.max(...instants.map((from) => instants.filter((at) => at >= from && at < from + windowMs).length))
}
