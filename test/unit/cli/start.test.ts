import { EventEmitter } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type App, type StartApp, start } from '../../../src/cli/start.ts'
import { ConfigError } from '../../../src/errors.ts'
import { FakeClock } from '../../support/fake-clock.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'turnpike-start-'))
  writeFileSync(join(folder, 'gateway.yaml'), 'providers: [{ name: d, vendor: demo }]\nlog: { level: silent }\n')
})
afterAll(() => rmSync(folder, { recursive: true }))

function setUp(startApp?: StartApp) {
  const events: string[] = []
  const process = new EventEmitter()
  const clock = new FakeClock()
  let tidied = 0
  const draining = Promise.withResolvers<void>()
  const app: App = {
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
    running: start(join(folder, 'gateway.yaml'), deps),
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
  const deps = {
    startApp: () => Promise.reject(new Error('was started')),
    tidy: () => {},
    environment: {},
    clock: new FakeClock(),
    process,
    err: () => {},
    exit: () => {},
    kill: () => {},
  }
  await expect(start(join(folder, 'none.yaml'), deps)).rejects.toThrow(ConfigError)
})
