/** The connection of a host to the cluster's store: a server that accepts everything and answers nothing. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, expect, it } from 'vitest'
import { Secret } from '../../src/secret.ts'
import { RedisConnection } from '../../src/store/redis/connection.ts'
import { script } from '../../src/store/redis/script.ts'
import { FakeClock } from '../support/fake-clock.ts'

const SCRIPT = script('test', 'return "{}"')

/** Answers a script with `{}` and everything else with OK, on connections that are not mute. */
class SilentRedis {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #mute = new Set<Socket>()
  /** Scripts that have arrived. */
  asked = 0
  connections = 0

  constructor() {
    this.#server = createServer((socket) => {
      this.connections++
      this.#sockets.add(socket)
      socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket))
      socket.on('data', (bytes) => this.#heard(socket, bytes.toString()))
    })
  }

  /** Commands are small: each is in one piece. */
  #heard(socket: Socket, text: string): void {
    for (const command of text.split(/^(?=\*\d+\r\n)/m)) {
      const isScript = /\r\nEVAL(SHA)?\r\n/i.test(command)
      if (isScript) this.asked++
      if (!this.#mute.has(socket)) socket.write(isScript ? '$2\r\n{}\r\n' : '+OK\r\n')
    }
  }

  async open(): Promise<Secret> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening')
    return new Secret(`redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`)
  }

  get openConnections(): number {
    return this.#sockets.size
  }

  /** Nothing comes back any more on the connections of now. */
  mute(): void {
    for (const socket of this.#sockets) this.#mute.add(socket)
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }
}

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

async function connected() {
  const redis = new SilentRedis()
  const url = await redis.open()
  const clock = new FakeClock({ now: 1_000 })
  const connection = new RedisConnection({ url, name: 'test' }, clock)
  closers.push(
    () => connection.close(),
    () => redis.close(),
  )
  await connection.run(SCRIPT, {})
  const run = () => connection.run(SCRIPT, {}).then(() => 'answered', String)
  return { redis, clock, run, close: () => connection.close() }
}

it('sends no further command while one has waited too long, and fails at once', async () => {
  const { redis, clock, run } = await connected()
  redis.mute()
  const first = run()
  await expect.poll(() => redis.asked).toBe(2)
  clock.advance(2_000)
  expect(await first).toContain('does not answer (TIMEOUT)')
  expect(await Promise.all(Array.from({ length: 100 }, run))).toEqual(Array(100).fill(await first))
  expect(redis.asked).toBe(2)
})

it('opens another connection when one is silent, however often something is written to it', async () => {
  const { redis, clock, run } = await connected()
  redis.mute()
  const asked: Promise<string>[] = []
  for (let beat = 0; beat <= 10; beat++) {
    asked.push(run())
    // As time passes in the client library too: it counts from the latest write.
    await nextTurn()
    clock.advance(500)
  }
  for (const answer of await Promise.all(asked)) expect(answer).toContain('does not answer')
  let latest = ''
  await expect
    .poll(() => {
      void run().then((answer) => {
        latest = answer
      })
      return latest
    })
    .toBe('answered')
  expect([redis.connections, redis.openConnections]).toEqual([2, 1])
})

it('says why there is no connection any more', async () => {
  const { redis, run } = await connected()
  redis.close()
  await expect.poll(run, { timeout: 10_000 }).toContain('does not answer (ECONNREFUSED)')
})

it('opens no connection after its end', async () => {
  const { redis, clock, run, close } = await connected()
  redis.mute()
  const asked = [run()]
  await expect.poll(() => redis.asked).toBe(2)
  clock.advance(6_000)
  close()
  asked.push(run(), run())
  for (const answer of await Promise.all(asked)) expect(answer).toContain('does not answer')
  await expect.poll(() => redis.openConnections).toBe(0)
  expect(redis.connections).toBe(1)
})
