/**
 * Lines that were ordered and have no address yet. They are paid for with their order: whatever lists them again (the next order of
 * a vendor that lists all that the key holds, its query, their arrival) costs the budget nothing, also after a restart.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { given } from '../../../src/given.ts'
import { createLog } from '../../../src/log/log.ts'
import { nothingRestored, type Restored, type Store } from '../../../src/store/contract.ts'
import { forgetfulStore } from '../../../src/store/memory.ts'
import { openStore } from '../../../src/store/sqlite/store.ts'
import type { VendorHttp } from '../../../src/vendors/client/http.ts'
import { openSource } from '../../../src/vendors/registry.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { LogCapture } from '../../support/log-capture.ts'
import { inProcessThread } from '../../support/store/in-process-thread.ts'
import { QgLines } from '../../support/vendors/qg-lines.ts'
import { settingsOf } from '../vendors/scripted-http.ts'
import { type VendorRules, World } from './supply-world.ts'

const BUDGET = 10
let dir: string

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'turnpike-pending-lines-'))
})

afterEach(() => rmSync(dir, { recursive: true }))

/** A process of the gateway, whose vendor makes an address of a line in 8 s and lists all lines with each order. */
function start(vendor: Partial<VendorRules>, clock: FakeClock, restored?: Restored, store?: Store): World {
  const a = {
    vendor: { dialMs: 8_000, channels: 4, listsHeld: true, ...vendor },
    settings: { isRemembered: true, budget: { total: BUDGET } },
  }
  return new World({ a }, { floor: 0, targetLoad: 1 }, restored, { ...given({ store }), clock })
}

async function clients(world: World, count: number): Promise<void> {
  for (let client = 0; client < count; client++) world.connect(120_000)
  await world.clock.run(1_500)
}

const linesOf = (world: World) => world.vendor('a').calls.reduce((sum, { count }) => sum + count, 0)
const leftOf = (world: World) => world.provider('a').capacity.budgetLeft

/** The vendor of the next process has the lines that the one of the former sold. */
async function carryOver(world: World, lines: number): Promise<void> {
  const source = world.vendor('a').source(world.accounts)
  await Promise.all([source.extract(lines, { signal: new AbortController().signal }), world.clock.run(1_000)])
}

/** What a process leaves that has ordered two lines. */
const leave = {
  memory: async (vendor: Partial<VendorRules>) => {
    const clock = new FakeClock({ now: 0 })
    await clients(start(vendor, clock), 2)
    const holder = (ref: string) => ({ id: `pending ${ref}`, endsAt: 86_400_000, pendingFor: 'a' })
    const restored = {
      ...nothingRestored,
      pending: ['line-0', 'line-1'].map((ref) => ({ account: 'a', holder: holder(ref) })),
      purchases: [{ provider: 'a', agoMs: 1_000, count: 2 }],
      totals: [{ provider: 'a', total: 2 }],
    }
    return { restored, store: forgetfulStore(), clock: new FakeClock({ now: 0 }) }
  },
  SQLite: async (vendor: Partial<VendorRules>) => {
    const log = createLog({ level: 'silent', format: 'json' }, new LogCapture())
    const open = (clock: FakeClock, bootMs: number) => {
      const boot = { id: 'boot', sinceBootMs: () => bootMs + clock.now() }
      return openStore(dir, { clock, log, boot, spawn: inProcessThread })
    }
    const before = new FakeClock({ now: 0 })
    const { store } = await open(before, 0)
    const world = start(vendor, before, undefined, store)
    await clients(world, 2)
    expect([linesOf(world), leftOf(world)]).toEqual([2, BUDGET - 2])
    world.close()
    await Promise.all([store.close(), before.run(1_000)])
    const clock = new FakeClock({ now: 0 })
    return { ...(await open(clock, 3_000)), clock }
  },
}

it.each(['memory', 'SQLite'] as const)(
  'are booked once over a restart, though the next order and their arrival list them again (%s)',
  async (kind) => {
    const { restored, store, clock } = await leave[kind]({})
    const world = start({}, clock, restored, store)
    await carryOver(world, 2)
    world.supply.restore(restored)
    expect([leftOf(world), world.provider('a').capacity.onTheWay]).toEqual([BUDGET - 2, 2])
    await clients(world, 4)
    expect([linesOf(world), leftOf(world)]).toEqual([4, BUDGET - 4])
    await clock.run(20_000)
    expect([world.pool.size, linesOf(world), leftOf(world)]).toEqual([4, 4, BUDGET - 4])
    world.close()
    await store.close()
  },
)

it.each(['memory', 'SQLite'] as const)(
  'are booked once over a restart, though the vendor’s query lists them (%s)',
  async (kind) => {
    const { restored, store, clock } = await leave[kind]({ canList: true })
    const world = start({ canList: true }, clock, restored, store)
    await carryOver(world, 2)
    world.supply.restore(restored)
    await clients(world, 3)
    await clock.run(20_000)
    expect(world.vendor('a').listings).toHaveLength(1)
    expect([world.pool.size, linesOf(world), leftOf(world)]).toEqual([3, 3, BUDGET - 3])
    world.close()
    await store.close()
  },
)

/** qg.net's exclusive-locked product, whose lines queue for 34 s before they have an address. */
function lockedLines(): World {
  const lines = new QgLines()
  const http = (clock: FakeClock): VendorHttp => ({
    call: async ({ url }, signal) => {
      const sentAt = clock.now()
      await clock.sleep(100, signal)
      const [now, wall] = [clock.now(), clock.wall()]
      const supplied = { host: '198.51.100.1', port: 4_001 }
      const data =
        url.pathname === '/get'
          ? [lines.ordered(lines.add(supplied, 34_000, now), now, wall)]
          : lines.listed(undefined, now, wall)
      const text = JSON.stringify(url.pathname === '/get' ? { code: 'SUCCESS', data } : { data })
      return { status: 200, headers: {}, text, sentAt, vendorWallMs: undefined }
    },
    close: () => Promise.resolve(),
  })
  const settings = settingsOf({
    ...{ vendor: 'qg', product: 'exclusive-locked', credentials: { key: 'INVENTED' }, channels: 1 },
    request: { area: 411_400, isp: 1 },
  })
  const open = (clock: FakeClock, { gate, learnedOf }: World['accounts']) =>
    openSource(settings, { clock, http: http(clock), gate, learnedOf })
  return new World({ a: { open } }, { floor: 0 })
}

it('that queue are no trouble, and a client that waits in vain reads that they are on their way', async () => {
  const world = lockedLines()
  world.connect()
  await world.clock.run(15_000)
  expect(world.denials).toEqual(['GW_NO_SUPPLY: provider "a" cannot bring addresses now: what it sold is on its way'])
  world.connect()
  await world.clock.run(1_000)
  expect([world.provider('a').state, world.provider('a').lastError]).toEqual([
    { kind: 'ready', until: 0, code: '', words: '' },
    undefined,
  ])
  await world.clock.run(20_000)
  world.connect()
  await world.clock.run(1_000)
  expect([world.pool.size, world.waits.length]).toEqual([1, 1])
})
