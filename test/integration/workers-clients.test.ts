/** What belongs to one client over all workers: addresses that a program has, limits of a user, sessions of their own. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { TakeReply } from '../../src/admin/api/schemas/leases.ts'
import { poolReport } from '../../src/admin/api/schemas/pool.ts'
import { closeClients, connectVia } from '../support/client.ts'
import { freePort } from '../support/free-port.ts'
import { header } from '../support/http-wire.ts'
import { type KillableGateway, startKillable } from '../support/killable-gateway.ts'
import { processesOf } from '../support/worker-processes.ts'
import { startWorld, type World } from '../support/world.ts'

const TEST_MS = 240_000
const patiently = { timeout: TEST_MS }
const UPSTREAMS = 6
const TOKEN = 'an-invented-token-of-the-admin-port-0123'

let folder: string
let world: World

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'turnpike-workers-'))
  world = await startWorld({ upstreams: UPSTREAMS, login: false })
})

afterEach(async () => {
  await closeClients()
  await world.close()
  rmSync(folder, { recursive: true, force: true })
})

const configOf = (more: object = {}): object => ({
  workers: 2,
  listen: [{ port: 0 }],
  admin: 'off',
  state: 'off',
  providers: [{ name: 'list', vendor: 'static', list: world.lines() }],
  wait: { timeout: '2s' },
  stop: { drain: '5s' },
  ...more,
})

const tunnel = (port: number, options: Parameters<typeof connectVia>[2] = {}) =>
  connectVia(port, 'echo.test:7', { timeoutMs: 20_000, ...options })
type Tunnel = Awaited<ReturnType<typeof tunnel>>
const upstreamOf = ({ headers }: Tunnel) => header(headers, 'x-turnpike-upstream')
const tunnels = (port: number, count: number) => Promise.all(Array.from({ length: count }, () => tunnel(port)))

/** Resolves when another worker has taken its place. A connection in the queue of a killed process is reset. */
async function killWorker(gateway: KillableGateway): Promise<void> {
  const [killed = 0] = processesOf(gateway).workers
  process.kill(killed, 'SIGKILL')
  const others = () => processesOf(gateway).workers.filter((pid) => pid !== killed).length
  await expect.poll(others, patiently).toBe(2)
}

async function callsOf(more: object) {
  const admin = await freePort()
  const gateway = await startKillable(folder, configOf({ admin: { port: admin, token: TOKEN }, ...more }))
  const ask = async <T>(path: string, method = 'GET') => {
    const headers = { Authorization: `Bearer ${TOKEN}` }
    return (await (await fetch(`http://127.0.0.1:${admin}${path}`, { method, headers })).json()) as T
  }
  return { gateway, ask }
}

it('lends addresses to programs within the limits that hold for tunnels, and they outlive a worker', {
  timeout: TEST_MS,
}, async () => {
  const { gateway, ask } = await callsOf({ pool: { perUpstream: { connections: 1 } } })
  const { addresses } = await ask<TakeReply>('/v1/take?num=3')
  const ids = addresses.map(({ id }) => id)
  expect(new Set(ids).size).toBe(3)
  const open = await tunnels(gateway.port, UPSTREAMS - 3)
  expect(new Set([...ids, ...open.map(upstreamOf)]).size).toBe(UPSTREAMS)
  expect((await tunnel(gateway.port)).status).toBe(503)
  const leases = async () => poolReport.parse(await ask('/v1/pool')).upstreams.map(({ leases }) => leases)
  await expect.poll(leases, patiently).toEqual(Array(UPSTREAMS).fill(1))
  await killWorker(gateway)
  for (const one of open) one.socket.destroy()
  const again = await tunnels(gateway.port, UPSTREAMS - 3)
  expect(again.map(({ status }) => status)).toEqual(again.map(() => 200))
  expect(new Set([...ids, ...again.map(upstreamOf)]).size).toBe(UPSTREAMS)
  expect((await tunnel(gateway.port)).status).toBe(503)
  expect(await ask(`/v1/leases/${addresses[0]?.lease}/release`, 'POST')).toMatchObject({ released: true })
  expect(upstreamOf(await tunnel(gateway.port))).toBe(ids[0])
})

const inSession = (name: string, more: readonly (readonly [string, string])[] = []) => ({
  headers: [['X-Turnpike-Session', name] as const, ...more],
})

it('an exclusive session has its address alone over all workers, without any limit configured', {
  timeout: TEST_MS,
}, async () => {
  const gateway = await startKillable(folder, configOf())
  const alone = (name: string) => tunnel(gateway.port, inSession(name, [['X-Turnpike-Exclusive', '1']]))
  const names = ['a', 'b', 'c', 'd']
  const before = await tunnels(gateway.port, 8)
  for (const { socket } of before) socket.destroy()
  const sessions = await Promise.all(names.map((name) => Promise.all(Array.from({ length: 4 }, () => alone(name)))))
  const others = await tunnels(gateway.port, 12)
  const used = [...sessions, others].map((opened) => new Set(opened.map(upstreamOf)))
  expect(used.slice(0, 4).map(({ size }) => size)).toEqual([1, 1, 1, 1])
  expect(new Set(used.flatMap((one) => [...one])).size).toBe(used.reduce((sum, { size }) => sum + size, 0))
  expect((await alone('late')).status).toBe(503)
  for (const { socket } of others) socket.destroy()
  for (let n = 0; n < 4; n++) expect(upstreamOf(await alone('a'))).toBe([...(used[0] ?? [])][0])
  expect((await alone('late')).status).toBe(200)
})

it('a session changes its address after so many connections, counted over all workers', {
  timeout: TEST_MS,
}, async () => {
  const gateway = await startKillable(folder, configOf())
  const used: (string | undefined)[] = []
  for (let n = 0; n < 18; n++) {
    const opened = await tunnel(gateway.port, inSession('counted', [['X-Turnpike-Uses', '3']]))
    used.push(upstreamOf(opened))
    opened.socket.destroy()
  }
  const turns = Array.from({ length: 6 }, (_, turn) => used.slice(3 * turn, 3 * turn + 3))
  for (const turn of turns) expect(new Set(turn).size).toBe(1)
  for (let turn = 1; turn < 6; turn++) expect(turns[turn]?.[0]).not.toBe(turns[turn - 1]?.[0])
})

it('limits of a user are counted over all workers, also over one that dies', { timeout: TEST_MS }, async () => {
  const login = { username: 'one', password: 'an-invented-password' }
  const limits = { connections: 4, addressesPerHour: 2 }
  const listen = [{ port: 0, users: [{ name: 'one', password: login.password, limits }] }]
  const gateway = await startKillable(folder, configOf({ listen }))
  const served = async (count: number) => {
    const opened = await Promise.all(Array.from({ length: count }, () => tunnel(gateway.port, { login })))
    for (const { status } of opened) expect([200, 429]).toContain(status)
    return opened.filter(({ status }) => status === 200)
  }
  const close = (opened: readonly Tunnel[]) => {
    for (const { socket } of opened) socket.destroy()
  }
  const first = await served(24)
  expect(first.length).toBe(4)
  close(first)
  // Of requests that begin together each may get a new address.
  const used = new Set(first.map(upstreamOf))
  for (let n = 0; n < 12; n++) {
    const [one] = await served(1)
    if (one !== undefined) used.add(upstreamOf(one)) && close([one])
  }
  expect(used.size).toBe(new Set(first.map(upstreamOf)).size)
  await killWorker(gateway)
  const again = async () => {
    const opened = await served(24)
    close(opened)
    return opened.length
  }
  await expect.poll(again, patiently).toBe(4)
})
