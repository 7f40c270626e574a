/**
 * Long: restarts by `turnpike start --takeover` under a steady load, with real processes. By hand: `npm run torture`, or a part of it:
 * TURNPIKE_RESTARTS=10 TURNPIKE_RATE=200 npm run torture -- takeover
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { SystemClock } from '../../src/clock.ts'
import { closeClients, connectVia } from '../support/client.ts'
import { startEchoUpstream } from '../support/echo-upstream.ts'
import { freePort } from '../support/free-port.ts'
import { type KillableGateway, startKillable } from '../support/killable-gateway.ts'
import { expectEcho } from '../support/socket-io.ts'
import { SteadyLoad } from '../support/steady-load.ts'
import { sellerOf } from '../support/vendors/buying-gateway.ts'
import { SimulatedJuliangip } from '../support/vendors/juliangip.ts'

const RESTARTS = Number(process.env['TURNPIKE_RESTARTS'] ?? 100)
const PER_SECOND = Number(process.env['TURNPIKE_RATE'] ?? 500)
/** So many processes back the tunnels go that are still open. */
const GENERATIONS = 3
/** Under load between two restarts, ms. */
const BETWEEN_MS = 1_000
const CEILING = 8
const TRADE = { trade_no: '1000000000000001', key: 'an-invented-trade-key' }

let folder: string
let clock: SystemClock
let upstreams: Awaited<ReturnType<typeof startEchoUpstream>>[]
let vendor: SimulatedJuliangip
let config: object

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'turnpike-takeovers-'))
  clock = new SystemClock()
  upstreams = await Promise.all(Array.from({ length: 12 }, (_, n) => startEchoUpstream(`127.0.0.${n + 2}`)))
  const supplyAddress = sellerOf(() => upstreams)
  const account = { tradeNo: TRADE.trade_no, key: TRADE.key }
  vendor = await new SimulatedJuliangip({ clock, ...account, supplyAddress, lifeMs: () => 7_200_000 }).start()
  const product = { name: 'paid', vendor: 'juliangip', product: 'dynamic', credentials: TRADE }
  config = {
    listen: [{ port: await freePort() }],
    admin: { port: await freePort() },
    providers: [{ ...product, baseUrl: vendor.url, allowPrivate: true }],
    pool: { floor: 4, ceiling: CEILING },
    log: { level: 'info' },
  }
})

afterEach(async () => {
  await closeClients()
  await vendor.close()
  for (const { server } of upstreams) server.close()
  clock.close()
  rmSync(folder, { recursive: true, force: true })
})

/** A gateway, and a tunnel that was opened through it. */
async function start(more: readonly string[]): Promise<{ gateway: KillableGateway; tunnel: Tunnel }> {
  const gateway = await startKillable(folder, config, more)
  return { gateway, tunnel: await connectVia(gateway.port, 'echo.test:7', { timeoutMs: 60_000 }) }
}
type Tunnel = Awaited<ReturnType<typeof connectVia>>

it(`${RESTARTS} takeovers under ${PER_SECOND} clients a second: none refused, no tunnel broken`, async () => {
  const generations = [await start([])]
  const load = new SteadyLoad(generations[0]?.gateway.port ?? 0, PER_SECOND)
  for (let restart = 1; restart <= RESTARTS; restart++) {
    await sleep(BETWEEN_MS)
    generations.push(await start(['--takeover']))
    expect(load.failures, `after ${restart} restarts`).toEqual([])
    const oldest = generations.length > GENERATIONS ? generations.shift() : undefined
    if (oldest === undefined) continue
    await expectEcho(oldest.tunnel, `through a process ${GENERATIONS} restarts old`)
    oldest.tunnel.socket.destroy()
    expect(await oldest.gateway.ended).toBe(0)
  }
  await load.stop()
  expect(load.failures).toEqual([])
  process.stdout.write(`${load.served} clients served, the slowest in ${Math.round(load.slowestMs)} ms\n`)
  expect(vendor.sales.length).toBeLessThanOrEqual(CEILING)
  expect(vendor.violations).toEqual([])
})

it('takeovers that fail half-way, at any moment: none refused', async () => {
  const gateway = await startKillable(folder, config)
  const load = new SteadyLoad(gateway.port, PER_SECOND)
  const held = await connectVia(gateway.port, 'echo.test:7')
  for (let n = 0; n < RESTARTS / 10; n++) {
    const taken = { callback: { port: Number(new URL(vendor.url).port), path: '/a-path-that-is-taken' } }
    await expect(startKillable(folder, { ...config, ...taken }, ['--takeover'])).rejects.toThrow('is in use')
    await sleep(BETWEEN_MS)
    expect(load.failures, `after ${n + 1} failures`).toEqual([])
  }
  await expectEcho(held, 'as before')
  await load.stop()
  expect(load.failures).toEqual([])
  expect(vendor.sales.length).toBeLessThanOrEqual(CEILING)
})
