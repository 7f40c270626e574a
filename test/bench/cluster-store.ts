/**
 * What one Redis server carries for a cluster: CPU time of the server for each script, and bytes. `node test/bench/cluster-store.ts`
 * starts a redis-server of its own. CPU time, not time: other programs on the machine matter little.
 */
import { createClient } from '@redis/client'
import { SystemClock } from '../../src/clock.ts'
import { Secret } from '../../src/secret.ts'
import { refreshScript, reserveScript, settleScript } from '../../src/store/redis/account-scripts.ts'
import { RedisConnection } from '../../src/store/redis/connection.ts'
import { syncScript } from '../../src/store/redis/membership-scripts.ts'
import { findSessionScript, publishScript, sessionsScript } from '../../src/store/redis/pool-scripts.ts'
import type { Script } from '../../src/store/redis/script.ts'
import { startRedis } from '../support/redis/redis-server.ts'

const RUNS = 4_000
const AT_ONCE = 64
const NAME = 'bench'

const server = await startRedis()
const clock = new SystemClock()
const connection = new RedisConnection({ url: new Secret(server.url), name: NAME }, clock)
const admin = await createClient({ url: server.url }).connect()

const infoOf = async (section: string, field: string) =>
  Number(new RegExp(`${field}:([\\d.]+)`).exec(await admin.info(section))?.[1])
const cpuMs = async () => 1_000 * ((await infoOf('cpu', 'used_cpu_user')) + (await infoOf('cpu', 'used_cpu_sys')))

/** Runs a script many times; prints the server's CPU time for each. */
async function measure(what: string, script: Script, ask: (run: number) => object, runs = RUNS): Promise<void> {
  const [before, bytesBefore] = [await cpuMs(), await infoOf('memory', 'used_memory')]
  for (let run = 0; run < runs; run += AT_ONCE)
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, runs - run) }, (_, at) => connection.run(script, ask(run + at))),
    )
  const each = ((await cpuMs()) - before) / runs
  const bytes = ((await infoOf('memory', 'used_memory')) - bytesBefore) / runs
  const line = `${what.padEnd(44)} ${(each * 1_000).toFixed(0).padStart(6)} us  ${(1_000 / each).toFixed(0).padStart(7)} a second`
  process.stdout.write(`${line}  ${bytes.toFixed(0).padStart(6)} bytes kept\n`)
}

const since = { replid: /master_replid:(\w+)/.exec(await admin.info('replication'))?.[1] ?? '', since: '0' }
await admin.hSet(`turnpike:{${NAME}}:server`, since)
await admin.hSet(`turnpike:{${NAME}}:lead`, 'token', 't')
// A window for each call: what is measured is granted.
const order = (run: number) => ({
  ...{
    id: `h/${run}`,
    host: 'h',
    token: 't',
    settleMs: 60_000,
    lifeMs: 60_000,
    provider: 'p',
    count: 2,
    isDurable: true,
  },
  ...{
    window: { key: `w${run % 500}`, calls: 1_000_000, perMs: 1_000 },
    budget: { perHour: 10_000_000, perDay: 10_000_000 },
  },
  ...{ channels: undefined, ceilings: [{ scope: 'pool', limit: 10_000_000, held: 0 }] },
})
await measure('reserve', reserveScript, order)
await measure('settle', settleScript, (run) => ({ id: `h/${run}`, host: 'h', outcome: { kind: 'sold', count: 2 } }))
await measure('refresh, 1 window, 1 provider', refreshScript, () => ({
  ...{ windows: ['w1'], providers: ['p'], accounts: ['a'], net: {}, host: 'h' },
}))
const entry = 'x'.repeat(500)
await measure('publish one address', publishScript, (run) => ({
  ...{ host: 'h', add: [{ id: `address-${run}`, entry, endsAt: 9e12 }], gone: [], tell: [] },
}))
await measure('find a session', findSessionScript, (run) => ({
  ...{ session: `s${run}`, host: 'h', pendingMs: 60_000, idleMs: 600_000 },
}))
await measure('bind a session', sessionsScript, (run) => ({
  ...{ host: 'h', idleMs: 600_000, used: [], bind: [{ session: `s${run}`, id: `address-${run}` }] },
}))
const last = Number(await admin.get(`turnpike:{${NAME}}:seq`))
const report = JSON.stringify({ groups: [{ asked: 1 }], waiting: [], load: { p: 20 } })
for (const hosts of [1, 2, 4, 100, 1_000])
  await measure(`heartbeat, ${hosts} hosts`, syncScript, (run) => ({
    ...{ host: `h${run % hosts}`, aliveMs: 60_000, report, leaseMs: 5_000, mayLead: false, after: last },
  }))
await measure(
  'heartbeat with 100 new events',
  syncScript,
  () => ({
    ...{ host: 'h0', aliveMs: 60_000, report, leaseMs: 5_000, mayLead: false, after: last - 100 },
  }),
  400,
)

admin.destroy()
connection.close()
clock.close()
await server.close()
