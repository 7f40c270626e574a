#!/usr/bin/env node
/** The process: its Node, its arguments, its exit code. */
import module from 'node:module'
import { join } from 'node:path'
import { nodeProblem } from './cli/node-version.ts'

/** An unclosed handle must not keep a stopped gateway running. */
const LINGER_MS = 1_000

const problem = nodeProblem(process.versions.node)
if (problem !== undefined) {
  process.stderr.write(`${problem}\n`)
  process.exit(1)
}

// Types are stripped once: later starts read JavaScript from here, and do without the stripper and its 26 MB.
if (import.meta.filename.endsWith('.ts')) {
  // The variable is for the store's thread, which does not inherit what is set by the call.
  process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, '../node_modules/.cache/turnpike')
  module.enableCompileCache(process.env['NODE_COMPILE_CACHE'])
}

// A reload that is asked for before the configuration is read changes nothing; by default the signal would end the process.
if (process.argv[2] === 'start') process.on('SIGHUP', () => {})

// Loaded only now: an old Node would fail at the rest without a reason.
const { text } = await import('node:stream/consumers')
const { runCli } = await import('./cli/cli.ts')
const { SystemClock } = await import('./clock.ts')
const { takeoverOf } = await import('./cli/takeover.ts')
const { workersOf } = await import('./cli/workers.ts')
const { languageOf, useLanguage } = await import('./messages/language.ts')
const { lineReader } = await import('./cli/line-reader.ts')

useLanguage(languageOf(process.env))

// `turnpike status | head`: who reads the output of a command may stop before its end. The log has a writer of its own.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})

// The timers of the clock do not keep a process alive; a command that waits for one has to.
const workers = workersOf(process)
const alive = setInterval(() => {}, 2 ** 30)
process.exitCode = await runCli(process.argv.slice(2), {
  startApp: async (config, deps) => (await import('./app/app.ts')).startApp(config, deps),
  offline: () => import('./app/offline.ts'),
  input: () => text(process.stdin),
  nextLine: lineReader(),
  isInputTerminal: process.stdin.isTTY === true,
  terminalSize: () => ({ columns: process.stdout.columns ?? 80, rows: process.stdout.rows ?? 24 }),
  environment: process.env,
  clock: new SystemClock(),
  process,
  takeover: takeoverOf(process, () => import('./app/app.ts'), workers.control?.takeover),
  workers,
  isTerminal: process.stdout.isTTY === true,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  exit: (code) => process.exit(code),
  kill: () => process.kill(process.pid, 'SIGKILL'),
  // Modules leave 18 MB when they are loaded, and V8 keeps them for what may come. There is a `gc` with --expose-gc only.
  tidy: () => {
    globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' })
    // Node writes it at the end alone, and a process that is killed has none.
    module.flushCompileCache()
  },
})
clearInterval(alive)
setTimeout(() => process.exit(), LINGER_MS).unref()
