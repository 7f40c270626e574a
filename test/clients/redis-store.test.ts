import { randomUUID } from 'node:crypto'
import { createClient } from '@redis/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SystemClock } from '../../src/clock.ts'
import { Secret } from '../../src/secret.ts'
import { refreshScript } from '../../src/store/redis/account-scripts.ts'
import { RedisConnection } from '../../src/store/redis/connection.ts'
import { RedisAccountStore } from '../../src/store/redis/redis-account-store.ts'
import type { Script, ScriptRunner } from '../../src/store/redis/script.ts'
import { describeAccountStore } from '../support/describe-account-store.ts'
import type { FakeClock } from '../support/fake-clock.ts'
import { openedOnRedis } from '../support/redis/opened-store.ts'
import { type RedisServer, startRedis } from '../support/redis/redis-server.ts'

const clock = new SystemClock()
let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(async () => {
  clock.close()
  await server.close()
})

const connect = (url: string, name: string) => new RedisConnection({ url: new Secret(url), name }, clock)

/** The scripts as they are, but for the time: the server's own would not move with the test's. */
function onTestTime(runner: ScriptRunner, testClock: FakeClock): ScriptRunner {
  const seen = new Map<Script, Script>()
  return {
    run: (script, ask) => {
      const lua = script.lua.replace("call('TIME')", '{ ask.testSeconds, ask.testMicroseconds }')
      const timed = seen.get(script) ?? { name: script.name, lua }
      seen.set(script, timed)
      const testSeconds = Math.floor(testClock.now() / 1_000)
      return runner.run(timed, { ...ask, testSeconds, testMicroseconds: (testClock.now() % 1_000) * 1_000 })
    },
  }
}

describeAccountStore('Redis', async (testClock) => {
  const name = randomUUID()
  const connection = connect(server.url, name)
  const admin = await createClient({ url: server.url }).connect()
  const id = /master_replid:(\w+)/.exec(await admin.info('replication'))?.[1] ?? ''
  await admin.hSet(`turnpike:{${name}}:server`, { replid: id, since: '-1000000000000' })
  await admin.hSet(`turnpike:{${name}}:lead`, 'token', 't')
  admin.destroy()
  const runner = onTestTime(connection, testClock)
  const opened = openedOnRedis(
    () =>
      new RedisAccountStore({
        host: 'h',
        clock: testClock,
        runner,
        token: () => 't',
        leaveMs: 1_000_000_000,
        settleMs: 1_000_000_000,
      }),
  )
  return {
    ...opened,
    close: async () => {
      await opened.close()
      connection.close()
    },
  }
})

describe('a connection to Redis', () => {
  const refresh = { windows: [], providers: [], accounts: [], net: {}, host: 'h' }

  it('logs in as an ACL user who may touch nothing but the keys of its cluster', async () => {
    const admin = await createClient({ url: server.url }).connect()
    const rights = ['on', '>p%w', '~turnpike:{own}:*', '~turnpike:{own}', '+@all', '-@dangerous', '+info']
    await admin.sendCommand(['ACL', 'SETUSER', 'turn', 'reset', ...rights])
    admin.destroy()
    const url = `redis://turn:p%25w@127.0.0.1:${server.port}`
    const [own, foreign] = [connect(url, 'own'), connect(url, 'foreign')]
    expect(await own.run(refreshScript, refresh)).toMatchObject({ view: { now: expect.any(Number) } })
    await expect(foreign.run(refreshScript, refresh)).rejects.toThrow(/^the cluster's store does not answer/)
    own.close()
    foreign.close()
  })

  it('fails within its time-out while the server is stopped, names no address, and goes on afterwards', async () => {
    const stopped = await startRedis()
    const connection = connect(stopped.url, 'n')
    await connection.run(refreshScript, refresh)
    stopped.signal('SIGSTOP')
    const error = (await connection.run(refreshScript, refresh).catch((reason: unknown) => reason)) as Error
    expect(error.message).toMatch(/^the cluster's store does not answer \(\w+\)$/)
    stopped.signal('SIGCONT')
    while ((await connection.run(refreshScript, refresh).catch(() => undefined)) === undefined) await clock.sleep(50)
    connection.close()
    await stopped.close()
  })
})
