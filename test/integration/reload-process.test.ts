/** A reload of a gateway that runs as a process: by signal, and by command. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { closeClients, connectVia } from '../support/client.ts'
import { freePort } from '../support/free-port.ts'
import { startKillable } from '../support/killable-gateway.ts'
import { expectEcho } from '../support/socket-io.ts'
import { startWorld, type World } from '../support/world.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const TEST_MS = 240_000

let folder: string
let world: World

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'turnpike-reload-'))
  world = await startWorld({ upstreams: 2 })
})

afterEach(async () => {
  await closeClients()
  await world.close()
  rmSync(folder, { recursive: true, force: true })
})

async function run(...args: string[]): Promise<{ code: number | null; said: string }> {
  const child: ChildProcess = spawn(process.execPath, [MAIN, ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (piece: Buffer) => (said += piece.toString()))
  const [code] = await once(child, 'close')
  return { code: code as number | null, said }
}

it('SIGHUP and the command take up the file, and say line and column of a mistake', { timeout: TEST_MS }, async () => {
  const admin = { port: await freePort() }
  const provider = { name: 's', vendor: 'static', list: world.lines(), allowPrivate: true }
  const configOf = (more: object) => ({ listen: [{ port: 0 }], admin, providers: [provider], ...more })
  const write = (more: object) => writeFileSync(join(folder, 'gateway.yaml'), stringify(configOf(more)))
  const gateway = await startKillable(folder, configOf({}))
  const held = await connectVia(gateway.port, 'echo.test:7')
  const status = async () => (await connectVia(gateway.port, 'echo.test:7')).status
  const block = { routes: [{ host: 'echo.test', to: 'block' }] }
  write(block)
  expect(await status()).toBe(200)
  gateway.process.kill('SIGHUP')
  await expect.poll(status, { timeout: TEST_MS }).toBe(403)
  write({})
  expect(await run('reload')).toEqual({ code: 0, said: 'In force now: routes.\n' })
  expect(await status()).toBe(200)
  writeFileSync(join(folder, 'gateway.yaml'), `${stringify(configOf(block))}pol: {}\n`)
  gateway.process.kill('SIGHUP')
  const failures = () => gateway.log.records().filter(({ msg }) => String(msg).startsWith('not reloaded'))
  await expect.poll(() => failures().length, { timeout: TEST_MS }).toBe(1)
  expect(gateway.log.records().find(({ path }) => path === 'pol')).toMatchObject({
    line: expect.any(Number),
    column: 1,
  })
  const refused = await run('reload')
  expect([refused.code, /gateway\.yaml:\d+:1: pol/.test(refused.said)]).toEqual([2, true])
  expect(await status()).toBe(200)
  await expectEcho(held, 'through every reload')
})
