/** What belongs to one client over all workers: addresses that a program has, limits of a user, sessions of their own. */
import { expect, it } from 'vitest'
import { connectionsReport } from '../../src/admin/api/schemas/connections.ts'
import type { TakeReply } from '../../src/admin/api/schemas/leases.ts'
import { poolReport } from '../../src/admin/api/schemas/pool.ts'
import { plain } from '../support/client.ts'
import { freePort } from '../support/free-port.ts'
import { startKillable } from '../support/killable-gateway.ts'
import { MIB } from '../support/volume.ts'
import {
  inSession,
  killWorker,
  patiently,
  TEST_MS,
  TOKEN,
  type Tunnel,
  tunnel,
  tunnels,
  upstreamOf,
  workersWorld,
} from '../support/workers-world.ts'

const UPSTREAMS = 6
const here = workersWorld(UPSTREAMS, '2s')

async function callsOf(more: object) {
  const admin = await freePort()
  const gateway = await startKillable(here.folder, here.configOf({ admin: { port: admin, token: TOKEN }, ...more }))
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

it('lends a program all addresses that are free, also those that belong to workers', { timeout: TEST_MS }, async () => {
  const limited = await callsOf({ pool: { perUpstream: { connections: 9 } } })
  await tunnels(limited.gateway.port, UPSTREAMS)
  expect(await limited.ask('/all/')).toHaveLength(UPSTREAMS)
  const { ask } = await callsOf({})
  const { proxy } = await ask<{ proxy: string }>('/pop/')
  const rest = await ask<{ proxy: string }[]>('/all/')
  expect(new Set([proxy, ...rest.map((one) => one.proxy)]).size).toBe(UPSTREAMS)
})

it('closes the connection that the operator names, whichever worker has it', { timeout: TEST_MS }, async () => {
  const { gateway, ask } = await callsOf({})
  const open = await tunnels(gateway.port, 8)
  const ended = open.map(({ reader }) => reader.readAll().catch(() => {}))
  const listed = async () => connectionsReport.parse(await ask('/v1/connections?state=open')).connections
  await expect.poll(async () => (await listed()).length, patiently).toBe(8)
  const ids = (await listed()).map(({ id }) => id)
  expect(new Set(ids).size).toBe(8)
  for (const id of ids) expect(await ask(`/v1/connections/${id}/close`, 'POST')).toEqual({ id })
  await Promise.all(ended)
  await expect.poll(async () => (await listed()).length, patiently).toBe(0)
})

it('a rotated session uses its new address at once in every worker', { timeout: TEST_MS }, async () => {
  const { gateway, ask } = await callsOf({})
  const { port } = gateway
  const headers = [['X-Turnpike', '1'] as const]
  const login = { username: 'a-session-s', password: '' }
  const carriers = async () => (await Promise.all([1, 2, 3].map(() => tunnel(port, { login })))).map(upstreamOf)
  await carriers()
  for (let n = 0; n < 40; n++) {
    const reply = await plain(port, 'http://turnpike.internal/session/rotate', { method: 'POST', headers, login })
    const { id } = JSON.parse(reply.body.toString()).address
    expect([n, await carriers()]).toEqual([n, [id, id, id]])
  }
  for (let n = 0; n < 100; n++) {
    const rotated = upstreamOf(await tunnel(port, { login, headers: [['X-Turnpike-Rotate', '1']] }))
    expect([n, await carriers()]).toEqual([n, [rotated, rotated, rotated]])
  }
  const [session] = (await ask<{ sessions: { key: string }[] }>('/v1/sessions')).sessions
  for (let n = 0; n < 20; n++) {
    const { leaves } = await ask<{ leaves: string }>(`/v1/sessions/${session?.key}/rotate`, 'POST')
    const after = await carriers()
    expect([n, after.includes(leaves)]).toEqual([n, false])
  }
})

it('an exclusive session has its address alone over all workers, without any limit configured', {
  timeout: TEST_MS,
}, async () => {
  const gateway = await startKillable(here.folder, here.configOf())
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
  const gateway = await startKillable(here.folder, here.configOf())
  const used: (string | undefined)[] = []
  for (let n = 0; n < 18; n++) {
    const opened = await tunnel(gateway.port, inSession('counted', [['X-Turnpike-Uses', '3']]))
    used.push(upstreamOf(opened))
    opened.socket.destroy()
  }
  const turns = Array.from({ length: 6 }, (_, turn) => used.slice(3 * turn, 3 * turn + 3))
  expect(
    turns.map((turn) => new Set(turn).size),
    used.join(' '),
  ).toEqual(turns.map(() => 1))
  for (let turn = 1; turn < 6; turn++) expect(turns[turn]?.[0]).not.toBe(turns[turn - 1]?.[0])
})

const login = { username: 'one', password: 'an-invented-password' }

async function withLimits(limits: object) {
  const listen = [{ port: 0, users: [{ name: 'one', password: login.password, limits }] }]
  const gateway = await startKillable(here.folder, here.configOf({ listen }))
  /** Those of so many clients that come together that are not refused. */
  const served = async (count: number): Promise<Tunnel[]> => {
    const opened = await Promise.all(Array.from({ length: count }, () => tunnel(gateway.port, { login })))
    for (const { status } of opened) expect([200, 429]).toContain(status)
    return opened.filter(({ status }) => status === 200)
  }
  return { gateway, served }
}

it('limits of a user are counted over all workers, also over one that dies', { timeout: TEST_MS }, async () => {
  const { gateway, served } = await withLimits({ connections: 4, addressesPerHour: 2 })
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

it('requests per second of a user are counted over all workers', { timeout: TEST_MS }, async () => {
  const newPerSecond = 4
  const { served } = await withLimits({ newPerSecond })
  const startedAt = performance.now()
  let count = 0
  for (let n = 0; n < 5; n++) count += (await served(24)).length
  const seconds = (performance.now() - startedAt) / 1_000
  expect(count).toBeGreaterThanOrEqual(newPerSecond)
  expect(count).toBeLessThanOrEqual(newPerSecond * (1 + seconds))
})

it('bytes per day of a user are counted over all workers', { timeout: TEST_MS }, async () => {
  const { gateway, served } = await withLimits({ bytesPerDay: '32MiB' })
  for (let n = 0; n < 12; n++) {
    const { status, socket } = await plain(gateway.port, `http://site.test/bytes/${4 * MIB}`, { login })
    expect([200, 429]).toContain(status)
    socket.destroy()
  }
  await expect.poll(async () => (await served(1)).length, patiently).toBe(0)
  expect((await served(24)).length).toBe(0)
})
