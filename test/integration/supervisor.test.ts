/** Signals that arrive while the control process of a gateway with workers starts: it does not handle them yet. */
import { EventEmitter } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { SystemClock } from '../../src/clock.ts'
import { supervise } from '../../src/workers/supervisor.ts'

/** Exit code of the control process below for a reload that it was asked for. */
const RELOADED = 7
const CONTROL = `process.on('SIGHUP', () => process.exit(${RELOADED}))
setInterval(() => {}, 60_000)
process.send({ kind: 'stopping' })`

/** @returns the exit code of the gateway, without workers, that gets this signal when its control process has been started */
async function codeAfter(signal: NodeJS.Signals): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'turnpike-supervisor-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const script = join(folder, 'control.mjs')
  writeFileSync(script, CONTROL)
  const signals = new EventEmitter()
  signals.once('newListener', () => setImmediate(() => signals.emit(signal, signal)))
  const self = Object.assign(signals, { execPath: process.execPath, execArgv: [], argv: [process.execPath, script] })
  const clock = new SystemClock()
  onTestFinished(() => clock.close())
  return supervise(0, { clock, environment: process.env, process: self, takeover: undefined, warn: () => {} })
}

it('SIGHUP is passed on when the control process handles it', async () => {
  expect(await codeAfter('SIGHUP')).toBe(RELOADED)
})

it('SIGTERM ends the gateway as one that was asked to stop', async () => {
  expect(await codeAfter('SIGTERM')).toBe(0)
})

it('a process that cannot be started is said, with the reason of the system', async () => {
  const said: unknown[] = []
  const self = Object.assign(new EventEmitter(), {
    execPath: join(tmpdir(), 'no-such-program'),
    execArgv: [],
    argv: [],
  })
  const clock = new SystemClock()
  onTestFinished(() => clock.close())
  const deps = { clock, environment: process.env, process: self, takeover: undefined }
  const warn = (words: string, facts: object) => said.push([words, facts])
  expect(await supervise(0, { ...deps, warn })).toBe(1)
  expect(said).toEqual([['a process of this gateway cannot be started', { reason: expect.stringContaining('ENOENT') }]])
})
