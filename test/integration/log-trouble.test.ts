/** A log that cannot be written: the gateway goes on serving, counts what is lost, and stops when it is told to. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished, vi } from 'vitest'
import { stringify } from 'yaml'
import { closeClients, connectVia } from '../support/client.ts'
import { freePort } from '../support/free-port.ts'
import { expectEcho } from '../support/socket-io.ts'
import { startWorld } from '../support/world.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
/** Hang guards: the machine may be busy. */
const PATIENCE = { interval: 50, timeout: 30_000 }
vi.setConfig({ testTimeout: 90_000 })

interface Program {
  readonly child: ChildProcess
  readonly port: number
  /** Text of `/metrics`. */
  metrics(): Promise<string>
}

/** An exception that no part of the gateway contains, at SIGUSR2. */
const CRASH = 'data:text/javascript,process.on("SIGUSR2", () => { throw new TypeError("a bug of this test") })'

/** The real program with an access log. @param stdout what it writes its log to */
async function startProgram(stdout: number | 'pipe'): Promise<Program> {
  const world = await startWorld({ upstreams: 1 })
  const folder = mkdtempSync(join(tmpdir(), 'turnpike-log-'))
  const [port, adminPort] = [await freePort(), await freePort()]
  const config = {
    listen: [{ port }],
    admin: { port: adminPort },
    state: 'off',
    stop: { drain: '100ms' },
    providers: [{ name: 'own', vendor: 'static', allowPrivate: true, list: world.lines() }],
    log: { format: 'json', level: 'info', access: 'on' },
  }
  const file = join(folder, 'gateway.yaml')
  writeFileSync(file, stringify(config))
  const args = ['--import', CRASH, main, 'start', '--config', file]
  const child = spawn(process.execPath, args, { stdio: ['ignore', stdout, 'inherit'] })
  onTestFinished(async () => {
    await closeClients()
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    }
    await world.close()
    rmSync(folder, { recursive: true })
  })
  const metrics = async () => (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text()
  await expect.poll(() => metrics().catch(() => ''), PATIENCE).toContain('turnpike_ready')
  return { child, port, metrics }
}

async function expectServes({ port }: Program, tunnels = 3): Promise<void> {
  for (let n = 0; n < tunnels; n++) {
    const tunnel = await connectVia(port, 'echo.test:7')
    await expectEcho(tunnel, 'served')
    tunnel.socket.destroy()
  }
}

const lostLines = async ({ metrics }: Program) =>
  Number(/^turnpike_log_lines_lost_total (\d+)$/m.exec(await metrics())?.[1])

async function expectStops({ child }: Program): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  expect(await ended).toEqual([0, null])
}

/** @param child that must end by itself, with the code of a failure, and soon */
async function expectCrashes({ child }: Program): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGUSR2')
  expect(await ended).toEqual([1, null])
}

it.skipIf(!existsSync('/dev/full'))('a full disk', async () => {
  const full = openSync('/dev/full', 'w')
  onTestFinished(() => closeSync(full))
  const program = await startProgram(full)
  await expectServes(program)
  await expect.poll(() => lostLines(program), PATIENCE).toBeGreaterThan(0)
  await expectServes(program)
  await expectStops(program)
})

it.skipIf(!existsSync('/dev/full'))('a full disk when the gateway has a bug', async () => {
  const full = openSync('/dev/full', 'w')
  onTestFinished(() => closeSync(full))
  await expectCrashes(await startProgram(full))
})

it('a pipe whose reader has gone', async () => {
  const program = await startProgram('pipe')
  program.child.stdout?.destroy()
  await expectServes(program)
  await expect.poll(() => lostLines(program), PATIENCE).toBeGreaterThan(0)
  await expectServes(program)
  await expectStops(program)
})

/** A gateway that has more to say than its pipe holds, 64 KiB. */
async function startUnread(): Promise<Program> {
  const program = await startProgram('pipe')
  program.child.stdout?.pause()
  const target = `${'x'.repeat(240)}.test:7`
  const refused = () => connectVia(program.port, target).then(({ socket }) => void socket.destroy())
  for (let n = 0; n < 50; n++) await Promise.all(Array.from({ length: 8 }, refused))
  return program
}

it('a pipe whose reader does not read', async () => {
  const program = await startUnread()
  await expectServes(program)
  await expectStops(program)
})

it('a pipe whose reader does not read when the gateway has a bug', async () => expectCrashes(await startUnread()))
