/**
 * `turnpike start --takeover` with real processes: ports and state change hands while clients come, against a vendor that
 * keeps a referee's book.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, onTestFailed } from 'vitest'
import { SystemClock } from '../../src/clock.ts'
import { closeClients, connectVia } from '../support/client.ts'
import type { ConnectOptions } from '../support/client-http.ts'
import { freePort } from '../support/free-port.ts'
import { header } from '../support/http-wire.ts'
import { type KillableGateway, startKillable } from '../support/killable-gateway.ts'
import { expectEcho } from '../support/socket-io.ts'
import { SimulatedJuliangip } from '../support/vendors/juliangip.ts'
import { startWorld, type World } from '../support/world.ts'

const TEST_MS = 240_000
/** A hang guard: the machine may be busy. */
const ANSWER_MS = 60_000
const TRADE = { trade_no: '1000000000000001', key: 'an-invented-trade-key' }

let folder: string
let clock: SystemClock
let world: World
let vendor: SimulatedJuliangip
let adminPort: number

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'turnpike-takeover-'))
  clock = new SystemClock()
  adminPort = await freePort()
  world = await startWorld({ upstreams: 12, login: false })
  let sold = 0
  const supplyAddress = () => {
    const { host = '', port = 0 } = world.upstreams[sold++ % world.upstreams.length] ?? {}
    return { host, port }
  }
  const account = { tradeNo: TRADE.trade_no, key: TRADE.key }
  vendor = await new SimulatedJuliangip({ clock, ...account, supplyAddress, lifeMs: () => 7_200_000 }).start()
})

afterEach(async () => {
  await closeClients()
  await vendor.close()
  await world.close()
  clock.close()
  rmSync(folder, { recursive: true, force: true })
})

const configOf = (pool: object, more: object = {}): object => ({
  listen: [{ port: 0 }],
  admin: { port: adminPort },
  providers: [
    {
      name: 'paid',
      vendor: 'juliangip',
      product: 'dynamic',
      credentials: TRADE,
      baseUrl: vendor.url,
      allowPrivate: true,
    },
  ],
  pool,
  wait: { timeout: '30s' },
  log: { level: 'info' },
  ...more,
})

/** Clients that open one tunnel after another until they are told to stop. */
function load(port: number, clients: number) {
  const failures: string[] = []
  let [opened, isOver] = [0, false]
  const client = async () => {
    while (!isOver) {
      try {
        const { status, socket } = await connectTo(port)
        if (status === 200) opened++
        else failures.push(String(status))
        socket.destroy()
      } catch (error) {
        failures.push((error as Error).message)
      }
    }
  }
  const all = Promise.all(Array.from({ length: clients }, client))
  const stop = async () => {
    isOver = true
    await all
    return { opened, failures }
  }
  return { stop, opened: () => opened }
}

const connectTo = (port: number, options: ConnectOptions = {}) =>
  connectVia(port, 'echo.test:7', { timeoutMs: ANSWER_MS, ...options })

const startAnew = (config: object): Promise<KillableGateway> => startKillable(folder, config, ['--takeover'])

it('refuses no client, keeps sessions, open tunnels and what was bought', { timeout: TEST_MS }, async () => {
  const config = configOf({ floor: 4, ceiling: 8 })
  let gateway = await startKillable(folder, config)
  const { port } = gateway
  const headers = [['X-Turnpike-Session', 'basket'] as const]
  const session = async () => header((await connectTo(port, { headers })).headers, 'x-turnpike-upstream')
  const held = await connectTo(port, { headers })
  const first = header(held.headers, 'x-turnpike-upstream')
  const clients = load(port, 6)
  const former: KillableGateway[] = []
  for (let n = 0; n < 2; n++) {
    former.push(gateway)
    gateway = await startAnew(config)
    expect(gateway.port).toBe(port)
    expect(await session()).toBe(first)
    const before = clients.opened()
    await expect.poll(clients.opened, { timeout: TEST_MS }).toBeGreaterThan(before + 20)
  }
  expect((await clients.stop()).failures).toEqual([])
  await expectEcho(held, 'through the first process')
  await closeClients()
  expect(await Promise.all(former.map(({ ended }) => ended))).toEqual([0, 0])
  gateway.process.kill('SIGTERM')
  expect(await gateway.ended).toBe(0)
  expect(vendor.sales.length).toBeLessThanOrEqual(8)
  expect(vendor.violations).toEqual([])
})

it('counts what is open in the old process in the limits of its addresses', { timeout: TEST_MS }, async () => {
  const config = configOf({ floor: 1, ceiling: 1, perUpstream: { connections: 1 } }, { wait: { timeout: '1s' } })
  const old = await startKillable(folder, config)
  const held = await connectTo(old.port)
  const { port } = await startAnew(config)
  const next = async () => (await connectTo(port)).status
  expect([await next(), await next()]).toEqual([503, 503])
  await expectEcho(held, 'still here')
  held.socket.destroy()
  await expect.poll(next, { timeout: TEST_MS }).toBe(200)
  await closeClients()
  expect(await old.ended).toBe(0)
  expect(vendor.sales.length).toBe(1)
})

it('goes on when the process that was to take over fails', { timeout: TEST_MS }, async () => {
  const config = configOf({ floor: 2, ceiling: 4 })
  const gateway = await startKillable(folder, config)
  const held = await connectTo(gateway.port)
  const clients = load(gateway.port, 4)
  const taken = { listen: [{ port: 0 }, { port: world.site.port }] }
  await expect(startKillable(folder, { ...config, ...taken }, ['--takeover'])).rejects.toThrow('is in use')
  const admin = { admin: { port: world.site.port } }
  await expect(startKillable(folder, { ...config, ...admin }, ['--takeover'])).rejects.toThrow('is in use')
  const before = clients.opened()
  await expect.poll(clients.opened, { timeout: TEST_MS }).toBeGreaterThan(before + 20)
  // Not even those who connected while neither process accepted.
  expect((await clients.stop()).failures).toEqual([])
  await expectEcho(held, 'as before')
  expect(vendor.sales.length).toBeLessThanOrEqual(4)
  expect(vendor.violations).toEqual([])
  const next = await startAnew(config)
  expect((await connectTo(next.port)).status).toBe(200)
  await closeClients()
  expect(await gateway.ended).toBe(0)
})

it('starts as usual where nothing runs, and ends with its launcher', { timeout: TEST_MS }, async () => {
  const config = configOf({ floor: 1, ceiling: 2 })
  const first = await startAnew(config)
  expect((await connectTo(first.port)).status).toBe(200)
  await closeClients()
  const second = await startAnew(config)
  expect(await first.ended).toBe(0)
  await second.kill()
  // Its folder is free.
  await startKillable(folder, config)
})

/**
 * Runs before the command: the process that has taken the state folder stops there, as one that hangs.
 * @param others processes that stop with it, as JavaScript
 */
function hanging(others: string): Record<string, string> {
  const code = `
    import { DatabaseSync } from 'node:sqlite'
    import { writeFileSync } from 'node:fs'
    const { exec } = DatabaseSync.prototype
    DatabaseSync.prototype.exec = function (sql) {
      exec.call(this, sql)
      if (!sql.includes('BEGIN EXCLUSIVE')) return
      const stopped = [...${others}, process.pid]
      writeFileSync('stopped.json', JSON.stringify(stopped))
      for (const id of stopped) process.kill(id, 'SIGSTOP')
    }`
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` }
}

const startHanging = (config: object, others: string): Promise<KillableGateway> =>
  startKillable(folder, config, ['--takeover'], hanging(others))

/** The processes that have stopped, the one with the state folder last. */
function stopped(): number[] {
  const file = join(folder, 'stopped.json')
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as number[]) : []
}

/** Those that still run: a process may have ended by itself. */
function wake(ids: readonly number[]): void {
  for (const id of ids) {
    try {
      process.kill(id, 'SIGCONT')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

it('goes on when the process that was to take over hangs: its launcher ends it', { timeout: TEST_MS }, async () => {
  const config = configOf({ floor: 2, ceiling: 4 })
  const gateway = await startKillable(folder, config)
  const held = await connectTo(gateway.port)
  const clients = load(gateway.port, 4)
  await expect(startHanging(config, '[]')).rejects.toThrow('did not serve within 15 s and was ended')
  const before = clients.opened()
  await expect.poll(clients.opened, { timeout: TEST_MS }).toBeGreaterThan(before + 20)
  expect((await clients.stop()).failures).toEqual([])
  await expectEcho(held, 'as before')
  const next = await startAnew(config)
  expect((await connectTo(next.port)).status).toBe(200)
  await closeClients()
  expect(await gateway.ended).toBe(0)
  expect(vendor.violations).toEqual([])
})

it('goes on when the launcher hangs too; buys nothing until the state folder is free', {
  timeout: TEST_MS,
}, async () => {
  const config = configOf({ floor: 1, ceiling: 2, perUpstream: { connections: 1 } })
  const gateway = await startKillable(folder, config)
  const held = await connectTo(gateway.port)
  onTestFailed(() => wake(stopped()))
  const refusal = expect(startHanging(config, '[process.ppid]')).rejects.toThrow(
    'it has waited too long, and serves again',
  )
  const says = (text: string) => expect.poll(() => gateway.log.text, { timeout: TEST_MS }).toContain(text)
  await says('does not serve: this one continues')
  // The address that is known is lent again.
  held.socket.destroy()
  const again = await connectTo(gateway.port)
  expect(again.status).toBe(200)
  const waiting = connectTo(gateway.port)
  await says('nothing is bought until the state folder is free again')
  expect(vendor.sales.length).toBe(1)
  wake(stopped().slice(-1))
  expect((await waiting).status).toBe(200)
  wake(stopped())
  await refusal
  await expectEcho(again, 'as before')
  expect([vendor.sales.length, vendor.violations]).toEqual([2, []])
})
