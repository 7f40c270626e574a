import { EventEmitter } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type App, type StartApp, start } from '../../../src/cli/start.ts'
import { ConfigError } from '../../../src/errors.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { noTakeover, noWorkers } from '../../support/no-takeover.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'turnpike-start-'))
  writeFileSync(join(folder, 'gateway.yaml'), 'providers: [{ name: d, vendor: demo }]\nlog: { level: silent }\n')
})
afterAll(() => rmSync(folder, { recursive: true }))

const listening = { addresses: [{ host: '127.0.0.1', port: 8080 }], admin: { host: '127.0.0.1', port: 8081 } }

function setUp(startApp?: StartApp, { isTerminal = false, connections = 0 } = {}) {
  const events: string[] = []
  const process = new EventEmitter()
  const clock = new FakeClock()
  let tidied = 0
  const draining = Promise.withResolvers<void>()
  const app: App = {
    ...listening,
    openConnections: () => connections,
    stop: (reason) => {
      events.push(`stop ${reason}`)
      return draining.promise
    },
    abort: () => void events.push('abort'),
    reload: async (trigger) => events.push(`reload ${trigger}`),
  }
  const startFake: StartApp = async ({ providers }) => {
    events.push(`start ${providers[0]?.name}`)
    return app
  }
  const deps = {
    startApp: startApp ?? startFake,
    environment: {},
    clock,
    process,
    takeover: noTakeover,
    workers: noWorkers,
    isTerminal,
    err: (text: string) => void events.push(text),
    tidy: () => void tidied++,
    exit: (code: number) => void events.push(`exit ${code}`),
    kill: () => void events.push('kill'),
  }
  return {
    events,
    tidied: () => tidied,
    process,
    clock,
    app,
    drained: () => draining.resolve(),
    running: start({ config: join(folder, 'gateway.yaml') }, deps),
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

it('runs until a signal, drains, and gives back what it took', async () => {
  const { events, process, drained, running } = setUp()
  await turn()
  expect(events).toEqual(['start d'])
  process.emit('SIGTERM', 'SIGTERM')
  await turn()
  expect(events).toEqual(['start d', 'stop SIGTERM'])
  drained()
  expect(await running).toBe(0)
  expect(process.eventNames()).toEqual([])
})

it('gives the memory of the start back once the gateway listens, and only then', async () => {
  const started = Promise.withResolvers<App>()
  const { tidied, process, app, drained, running } = setUp(() => started.promise)
  await turn()
  expect(tidied()).toBe(0)
  started.resolve(app)
  await turn()
  expect(tidied()).toBe(1)
  process.emit('SIGTERM', 'SIGTERM')
  drained()
  await running
  expect(tidied()).toBe(1)
})

it('a signal during the start stops the gateway as soon as it has started', async () => {
  const started = Promise.withResolvers<App>()
  const { events, process, app, drained, running } = setUp(() => started.promise)
  process.emit('SIGINT', 'SIGINT')
  await turn()
  expect(events).toEqual([])
  started.resolve(app)
  drained()
  expect(await running).toBe(0)
  expect(events).toEqual(['stop SIGINT'])
})

it('a reload that is asked for during the start is done when the gateway has started', async () => {
  const started = Promise.withResolvers<App>()
  const { events, process, app, drained, running } = setUp(() => started.promise)
  process.emit('SIGHUP', 'SIGHUP')
  started.resolve(app)
  await turn()
  process.emit('SIGHUP', 'SIGHUP')
  process.emit('SIGTERM', 'SIGTERM')
  drained()
  await running
  expect(events).toEqual(['reload SIGHUP', 'reload SIGHUP', 'stop SIGTERM'])
})

it('Ctrl-C that npm forwards is one signal, a later one ends at once', async () => {
  const { events, process, clock, drained, running } = setUp()
  await turn()
  process.emit('SIGINT', 'SIGINT')
  process.emit('SIGINT', 'SIGINT')
  clock.advance(999)
  process.emit('SIGTERM', 'SIGTERM')
  await turn()
  expect(events).toEqual(['start d', 'stop SIGINT'])
  clock.advance(1)
  process.emit('SIGINT', 'SIGINT')
  expect(events).toEqual(['start d', 'stop SIGINT', 'abort', 'exit 1'])
  drained()
  await running
})

it.each([
  [0, '\nStopping.\n'],
  [3, '\nStopping. Open connections: 3; they may finish for at most 8 s. Press Ctrl-C again to end now.\n'],
])('on a terminal, Ctrl-C says what it waits for: %i connections', async (connections, words) => {
  const { events, process, drained, running } = setUp(undefined, { isTerminal: true, connections })
  await turn()
  process.emit('SIGINT', 'SIGINT')
  drained()
  await running
  expect(events).toEqual(['start d', words, 'stop SIGINT'])
})

it('a second signal ends a start that hangs', async () => {
  const { events, process, clock } = setUp(() => new Promise(() => {}))
  process.emit('SIGINT', 'SIGINT')
  clock.advance(1_000)
  process.emit('SIGINT', 'SIGINT')
  expect(events).toEqual(['exit 1'])
})

it('a port in use is a sentence', async () => {
  const inUse = Object.assign(new Error('listen EADDRINUSE'), {
    code: 'EADDRINUSE',
    syscall: 'listen',
    address: '127.0.0.1',
    port: 8080,
  })
  const { events, process, running } = setUp(() => Promise.reject(inUse))
  expect(await running).toBe(1)
  expect(events).toEqual([expect.stringContaining('port 8080 on 127.0.0.1 is in use')])
  expect(process.eventNames()).toEqual([])
})

it('a stop that fails is an exit code of 1', async () => {
  const { events, process, running } = setUp(async () => ({
    ...listening,
    openConnections: () => 0,
    stop: () => Promise.reject(new Error('stuck')),
    abort: () => {},
    reload: async () => {},
  }))
  process.emit('SIGTERM', 'SIGTERM')
  expect(await running).toBe(1)
  expect(events).toEqual([expect.stringContaining('unexpected error: Error: stuck')])
})

it('an exception that nobody caught ends the process with 1', async () => {
  const { events, process, drained, running } = setUp()
  await turn()
  process.emit('uncaughtException', new Error('oops'))
  expect(events).toEqual(['start d', 'exit 1'])
  process.emit('SIGTERM', 'SIGTERM')
  drained()
  await running
})

it('nothing is started with mistakes in the file', async () => {
  const { process } = setUp()
  process.emit('SIGTERM', 'SIGTERM')
  const deps = { ...unusedDeps(), process, startApp: () => Promise.reject(new Error('was started')) }
  await expect(start({ config: join(folder, 'none.yaml') }, deps)).rejects.toThrow(ConfigError)
})

it('--port takes the place of the first port, and may not be a second one', async () => {
  const ports: number[] = []
  const config = join(folder, 'two-ports.yaml')
  writeFileSync(
    config,
    'listen: [{}, { port: 8082 }]\nproviders: [{ name: d, vendor: demo }]\nlog: { level: silent }\n',
  )
  const run = (port: number) =>
    start(
      { config, port },
      {
        ...unusedDeps(),
        startApp: async ({ listen }) => {
          ports.push(...listen.map((listener) => listener.port))
          throw new Error('enough')
        },
      },
    )
  await run(9_090)
  expect(ports).toEqual([9_090, 8_082])
  await expect(run(8_081)).rejects.toThrow('--port 8081: the configuration has another port of this number')
  await expect(run(8_082)).rejects.toThrow('--port 8082: the configuration has another port of this number')
})

function unusedDeps() {
  return {
    takeover: noTakeover,
    workers: noWorkers,
    tidy: () => {},
    environment: {},
    clock: new FakeClock(),
    process: new EventEmitter(),
    isTerminal: false,
    err: () => {},
    exit: () => {},
    kill: () => {},
  }
}
