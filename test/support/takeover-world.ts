/** What the tests of takeovers share: a vendor that keeps a referee's book, and clients that come all the time. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import { SystemClock } from '../../src/clock.ts'
import { closeClients, connectVia } from './client.ts'
import type { ConnectOptions } from './client-http.ts'
import { freePort } from './free-port.ts'
import { type KillableGateway, startKillable } from './killable-gateway.ts'
import { sellerOf } from './vendors/buying-gateway.ts'
import { SimulatedJuliangip } from './vendors/juliangip.ts'
import { startWorld, type World } from './world.ts'

export const TEST_MS = 240_000
export const patiently = { timeout: TEST_MS }
/** A hang guard: the machine may be busy. */
const ANSWER_MS = 60_000
const TRADE = { trade_no: '1000000000000001', key: 'an-invented-trade-key' }

export interface TakeoverWorld {
  readonly folder: string
  readonly world: World
  readonly vendor: SimulatedJuliangip
  configOf(pool: object, more?: object): object
  start(config: object): Promise<KillableGateway>
  startAnew(config: object, environment?: Readonly<Record<string, string>>): Promise<KillableGateway>
}

/** A new world and folder for each test of the file. */
export function takeoverWorld(): TakeoverWorld {
  let [folder, adminPort] = ['', 0]
  let clock: SystemClock
  let world: World
  let vendor: SimulatedJuliangip
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'turnpike-takeover-'))
    clock = new SystemClock()
    adminPort = await freePort()
    world = await startWorld({ upstreams: 12, login: false })
    const supplyAddress = sellerOf(() => world.upstreams)
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
  return {
    get folder() {
      return folder
    },
    get world() {
      return world
    },
    get vendor() {
      return vendor
    },
    configOf: (pool, more = {}) => ({
      listen: [{ port: 0 }],
      admin: { port: adminPort },
      providers: [
        {
          ...{ name: 'paid', vendor: 'juliangip', product: 'dynamic', credentials: TRADE },
          ...{ baseUrl: vendor.url, allowPrivate: true },
        },
      ],
      pool,
      wait: { timeout: '30s' },
      log: { level: 'info' },
      ...more,
    }),
    start: (config) => startKillable(folder, config),
    startAnew: (config, environment) => startKillable(folder, config, ['--takeover'], environment),
  }
}

/** Clients that open one tunnel after another until they are told to stop. */
export function load(port: number, clients: number) {
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

export const connectTo = (port: number, options: ConnectOptions = {}) =>
  connectVia(port, 'echo.test:7', { timeoutMs: ANSWER_MS, ...options })

/**
 * An environment in which the process that has taken the state folder stops there, as one that hangs; its number and those of the
 * others are in `stopped.json`.
 * @param others processes that stop with it, as JavaScript
 */
export function hanging(others: string): Record<string, string> {
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
