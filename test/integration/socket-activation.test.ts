/**
 * systemd opens the ports and hands them to the gateway as descriptors. Here a shell stands for systemd: it keeps the socket
 * while the gateway is started, stopped and started again.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { descriptorOf } from '../../src/network/inherited-sockets.ts'
import { closeClients, connectVia } from '../support/client.ts'
import { LogCapture } from '../support/log-capture.ts'
import { startWorld, type World } from '../support/world.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const TEST_MS = 240_000

let folder: string
let world: World
let port: number
/** The descriptor of the socket in this process, which must not accept on it: closed as soon as another process has it. */
let socket: Server
let managers: ChildProcess[] = []

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'turnpike-activation-'))
  world = await startWorld({ upstreams: 2 })
  socket = createServer().listen({ host: '127.0.0.1', port: 0 })
  await once(socket, 'listening')
  port = (socket.address() as { port: number }).port
})

afterEach(async () => {
  // Before the folder goes, which has their process ids.
  for (const manager of managers) manager.kill('SIGKILL')
  managers = []
  for (const name of ['first', 'second']) killGateway(name, 'SIGKILL')
  await closeClients()
  await world.close()
  rmSync(folder, { recursive: true, force: true })
})

interface Manager {
  readonly child: ChildProcess
  readonly log: LogCapture
  readonly ended: Promise<number | null>
}

/** Keeps descriptor 3 and accepts nothing; runs the gateway, and again when that has ended well. */
const SCRIPT = `
run() { sh -c 'echo $$ > pid.new; mv pid.new "$0"; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"' "$@"; }
first=$1; second=$2; shift 2
run "$first" "$@" && run "$second" "$@"`

/** A service manager. @param standsFor descriptor 3 of the gateway, when it is not the socket */
function manage(config: object, { standsFor = descriptorOf(socket), environment = {} } = {}): Manager {
  const base = { admin: 'off', providers: [{ name: 's', vendor: 'static', list: world.lines(), allowPrivate: true }] }
  writeFileSync(join(folder, 'gateway.yaml'), stringify({ ...base, ...config }))
  const child = spawn('sh', ['-c', SCRIPT, 'sh', 'first', 'second', process.execPath, MAIN, 'start'], {
    cwd: folder,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe', standsFor],
  })
  socket.close()
  const log = new LogCapture()
  child.stdout?.on('data', (piece: Buffer) => log.write(piece))
  child.stderr?.on('data', (piece: Buffer) => log.write(piece))
  managers.push(child)
  return { child, log, ended: once(child, 'close').then(([code]) => code as number | null) }
}

/** The process id of the first or second gateway. @returns undefined before it was started */
function pidOf(name: string): number | undefined {
  const file = join(folder, name)
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : undefined
}

function killGateway(name: string, signal: NodeJS.Signals): void {
  const pid = pidOf(name)
  try {
    if (pid !== undefined) process.kill(pid, signal)
  } catch {
    // It has ended.
  }
}

const open = () => connectVia(port, 'echo.test:7', { timeoutMs: TEST_MS })

it('serves who has connected before it ran, and while it is replaced', { timeout: TEST_MS }, async () => {
  manage({ listen: [{ port }], stop: { drain: '100ms' } })
  expect((await open()).status).toBe(200)
  killGateway('first', 'SIGTERM')
  const clients = []
  while (pidOf('second') === undefined) {
    clients.push(open())
    await sleep(50)
  }
  clients.push(open())
  const statuses = await Promise.all(clients.map(async (client) => (await client).status))
  expect(statuses.filter((status) => status !== 200)).toEqual([])
})

it('does not start with a socket that is no port of the configuration', { timeout: TEST_MS }, async () => {
  const { ended, log } = manage({ listen: [{ port: 0 }] })
  expect(await ended).toBe(1)
  expect(log.text).toContain(`systemd listens at 127.0.0.1:${port}, where the configuration has no port`)
})

it('says what a descriptor is that is no socket', { timeout: TEST_MS }, async () => {
  const { ended, log } = manage({ listen: [{ port }] }, { standsFor: 0 })
  expect(await ended).toBe(1)
  expect(log.text).toContain('descriptor 3 of LISTEN_FDS is no listening TCP socket')
})

it('tells systemd that it serves, with its process id', { timeout: TEST_MS }, async () => {
  const told = join(folder, 'told')
  const notify = join(folder, 'systemd-notify')
  writeFileSync(notify, `#!/bin/sh\necho "$@" > ${told}.new && mv ${told}.new ${told}\n`)
  chmodSync(notify, 0o755)
  const path = `${folder}${delimiter}${process.env['PATH'] ?? ''}`
  manage({ listen: [{ port }] }, { environment: { NOTIFY_SOCKET: '/none', PATH: path } })
  await expect.poll(() => existsSync(told), { timeout: TEST_MS }).toBe(true)
  expect(readFileSync(told, 'utf8')).toBe(`--ready --pid=${pidOf('first')}\n`)
})
