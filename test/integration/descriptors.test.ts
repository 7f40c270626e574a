/** A process that is out of descriptors: its tunnels run on, the upstream is not blamed, and it recovers. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { stringify } from 'yaml'
import { closeClients, connectVia, dial, plain } from '../support/client.ts'
import { freePort } from '../support/free-port.ts'
import { eventually } from '../support/gateway.ts'
import { LogCapture } from '../support/log-capture.ts'
import { ConnectionLost, expectEcho } from '../support/socket-io.ts'
import { startWorld, type World } from '../support/world.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const DESCRIPTORS = 128
const WATCHED_MS = 1_500

/** The real program with few descriptors. */
async function startProgram(world: World, descriptors = DESCRIPTORS, more: object = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'turnpike-descriptors-'))
  const config = {
    listen: [{ port: 0 }],
    admin: 'off',
    state: 'off',
    providers: [{ name: 'own', vendor: 'static', list: world.lines() }],
    log: { format: 'json', level: 'info' },
    ...more,
  }
  const file = join(folder, 'gateway.yaml')
  writeFileSync(file, stringify(config))
  const command = 'ulimit -n "$1" && exec "$2" "$3" start --config "$4"'
  const args = ['-c', command, 'sh', String(descriptors), process.execPath, main, file]
  const child = spawn('sh', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const log = new LogCapture()
  child.stdout.on('data', (text: Buffer) => log.write(text))
  onTestFinished(async () => {
    await closeClients()
    const ended = once(child, 'close')
    child.kill('SIGTERM')
    await ended
    await world.close()
    rmSync(folder, { recursive: true })
  })
  const listen = () => log.records().find((record) => typeof record['listen'] === 'string')?.['listen']
  while (listen() === undefined) await once(child.stdout, 'data')
  const port = Number(String(listen()).split(':').at(-1))
  return { port, log, isAlive: () => child.exitCode === null, cpuMs: () => cpuMs(child.pid ?? 0) }
}

/** CPU time of a process so far, user and system (proc(5), in ticks of 10 ms). */
function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return 10 * (Number(fields[11]) + Number(fields[12]))
}

it('a flood takes the last descriptor, and what worked before works on and afterwards', async () => {
  const world = await startWorld({ upstreams: 1 })
  const { port, log, isAlive, cpuMs } = await startProgram(world)
  const held = []
  for (let n = 0; n < 8; n++) held.push(await connectVia(port, 'echo.test:7'))
  const flood = await Promise.all(Array.from({ length: 400 }, () => dial(port).catch(lost)))
  for (const tunnel of held) await expectEcho(tunnel, 'undisturbed')
  // The last descriptors are still taken, and clients still come: that must not keep the loop spinning.
  const before = cpuMs()
  for (let n = 0; n < WATCHED_MS / 100; n++) {
    await dial(port).catch(lost)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  expect(cpuMs() - before).toBeLessThan(WATCHED_MS / 2)
  for (const client of flood) client?.socket.destroy()
  const status = () => connectVia(port, 'echo.test:7').then((reply) => reply.status, lost)
  await eventually(status).toBe(200)
  for (const tunnel of held) await expectEcho(tunnel, 'still here')
  expect(isAlive()).toBe(true)
  expect(log.text).toMatch(/half the descriptor limit/)
  // One line for each connection that could not be accepted would be a second flood.
  expect(log.lines.length).toBeLessThan(100)
})

it.each([128, 145, 160])(
  'with %d descriptors a flood takes none that another part of the gateway needs',
  async (limit) => {
    const world = await startWorld({ upstreams: 2 })
    const adminPort = await freePort()
    const list = [...world.lines('http').slice(0, 1), ...world.lines('socks5').slice(1)]
    const providers = [{ name: 'own', vendor: 'static', allowPrivate: true, list }]
    const { port, isAlive } = await startProgram(world, limit, { admin: { port: adminPort }, providers })
    const health = () => fetch(`http://127.0.0.1:${adminPort}/metrics`).then((reply) => reply.status)
    const held = []
    for (let n = 0; n < 4; n++) held.push(await connectVia(port, 'echo.test:7'))
    await Promise.all(Array.from({ length: 400 }, () => dial(port).catch(lost)))
    // The first of their kind: modules are loaded for each of them now.
    const post = () =>
      plain(port, 'http://site.test/', { method: 'POST', body: 'x' }).then(({ status }) => status, lost)
    expect([await health(), await post(), await post()]).toEqual([200, 200, 200])
    for (let n = 0; n < 200; n++) await connectVia(port, 'echo.test:7').catch(lost)
    for (const tunnel of held) await expectEcho(tunnel, 'still here')
    expect([await health(), isAlive()]).toEqual([200, true])
  },
)

function lost(error: unknown): undefined {
  if (!(error instanceof ConnectionLost)) throw error
}
