/** `workers: 2` before a world of upstreams: what the tests of several processes share. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect } from 'vitest'
import { closeClients, connectVia } from './client.ts'
import { header } from './http-wire.ts'
import type { KillableGateway } from './killable-gateway.ts'
import { processesOf } from './worker-processes.ts'
import { startWorld, type World } from './world.ts'

export const TEST_MS = 240_000
export const patiently = { timeout: TEST_MS }
export const TOKEN = 'an-invented-token-of-the-admin-port-0123'

export interface WorkersWorld {
  readonly folder: string
  readonly world: World
  /** A gateway with two workers before the upstreams of the world. */
  configOf(more?: object): object
}

/** A new world and folder for each test of the file. */
export function workersWorld(upstreams: number, waitTimeout: string): WorkersWorld {
  let folder = ''
  let world: World
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'turnpike-workers-'))
    world = await startWorld({ upstreams, login: false })
  })
  afterEach(async () => {
    await closeClients()
    await world.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return {
    get folder() {
      return folder
    },
    get world() {
      return world
    },
    configOf: (more = {}) => ({
      workers: 2,
      listen: [{ port: 0 }],
      admin: 'off',
      state: 'off',
      providers: [{ name: 'list', vendor: 'static', list: world.lines() }],
      wait: { timeout: waitTimeout },
      stop: { drain: '5s' },
      log: { level: 'info' },
      ...more,
    }),
  }
}

export const inSession = (name: string, more: readonly (readonly [string, string])[] = []) => ({
  headers: [['X-Turnpike-Session', name] as const, ...more],
})

export const tunnel = (port: number, options: Parameters<typeof connectVia>[2] = {}) =>
  connectVia(port, 'echo.test:7', { timeoutMs: 20_000, ...options })

export type Tunnel = Awaited<ReturnType<typeof tunnel>>

export const upstreamOf = ({ headers }: Tunnel) => header(headers, 'x-turnpike-upstream')

/** Opens so many at the same time. */
export const tunnels = (port: number, count: number): Promise<Tunnel[]> =>
  Promise.all(Array.from({ length: count }, () => tunnel(port)))

/**
 * Kills the first worker; resolves when another one has taken its place, and the control process has given its upstreams to
 * others. Until then it still counts as a process, a connection in its queue is reset, and no process knows of its uses.
 */
export async function killWorker(gateway: KillableGateway): Promise<void> {
  const [killed = 0] = processesOf(gateway).workers
  const ends = () => gateway.log.records().filter(({ msg }) => String(msg).includes('a worker has ended')).length
  const before = ends()
  process.kill(killed, 'SIGKILL')
  await expect.poll(ends, patiently).toBe(before + 1)
  const others = () => processesOf(gateway).workers.filter((pid) => pid !== killed).length
  await expect.poll(others, patiently).toBe(2)
}
