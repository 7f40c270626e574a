/**
 * What one Redis server carries for a cluster: CPU time of the server for each script, and bytes, as the table of
 * docs/operate/scale.md. `node test/bench/cluster-store.ts` starts a redis-server of its own. CPU time, not time: other programs on the machine matter little.
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

interface Cost {
  readonly cpuUs: number
  /** Bytes that stay. */
  readonly bytes: number
}

/** Runs a script many times. @returns what each run costs the server */
async function costOf(script: Script, ask: (run: number) => object, runs = RUNS): Promise<Cost> {
  const [before, bytesBefore] = [await cpuMs(), await infoOf('memory', 'used_memory')]
  for (let run = 0; run < runs; run += AT_ONCE)
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, runs - run) }, (_, at) => connection.run(script, ask(run + at))),
    )
  const cpuUs = (1_000 * ((await cpuMs()) - before)) / runs
  return { cpuUs, bytes: ((await infoOf('memory', 'used_memory')) - bytesBefore) / runs }
}

const twoDigits = (figure: number) => Number(figure.toPrecision(2)).toLocaleString('en')
const write = (...cells: readonly string[]) =>
  process.stdout.write(`|${cells.map((cell) => cell && ` ${cell}`).join(' |')} |\n`)

/** A row of docs/operate/scale.md. @param costs of the scripts that it consists of */
function row(what: string, costs: readonly Cost[], bytes?: (sum: number) => string): void {
  const cpuUs = costs.reduce((sum, cost) => sum + cost.cpuUs, 0)
  const kept = bytes?.(costs.reduce((sum, cost) => sum + cost.bytes, 0)) ?? ''
  write(what, `${twoDigits(cpuUs)} µs`, twoDigits(1_000_000 / cpuUs), kept)
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
const settle = (run: number) => ({ id: `h/${run}`, host: 'h', outcome: { kind: 'sold', count: 2 }, hold: [] })
write('', 'CPU', 'a second, on a whole core', 'bytes')
process.stdout.write('|---|---|---|---|\n')
row(
  'an order: `reserve` and `settle`',
  [await costOf(reserveScript, order), await costOf(settleScript, settle)],
  twoDigits,
)
const refresh = await costOf(refreshScript, () => ({
  ...{ windows: ['w1'], providers: ['p'], accounts: ['a'], net: {}, host: 'h' },
}))
const entry = 'x'.repeat(500)
const publish = await costOf(publishScript, (run) => ({
  ...{ host: 'h', add: [{ id: `address-${run}`, entry, endsAt: 9e12 }], gone: [], tell: [] },
}))
row('a new address, told to the cluster', [publish], (bytes) => `${twoDigits(bytes)}, with its event`)
const find = await costOf(findSessionScript, (run) => ({
  ...{ session: `s${run}`, host: 'h', pendingMs: 60_000, idleMs: 600_000 },
}))
const bind = await costOf(sessionsScript, (run) => ({
  ...{ host: 'h', idleMs: 600_000, used: [], bind: [{ session: `s${run}`, id: `address-${run}` }] },
}))
row('a session that is new to a host: `find` and `bind`', [find, bind], twoDigits)
const report = JSON.stringify({ groups: [{ asked: 1 }], waiting: [], load: { p: 20 } })
const beat = (host: number, after: number) => {
  return { host: `h${host}`, aliveMs: 600_000, report, leaseMs: 5_000, mayLead: false, after }
}
const latest = async () => Number(await admin.get(`turnpike:{${NAME}}:seq`))
/** Of hosts that have joined. @param news events that each brings */
async function heartbeat(hosts: number, news: number, runs?: number): Promise<Cost> {
  for (let host = 0; host < hosts; host++) await connection.run(syncScript, beat(host, await latest()))
  const after = (await latest()) - news
  return costOf(syncScript, (run) => beat(run % hosts, after), runs)
}
// New addresses, before other hosts join.
const withNews = await heartbeat(1, 100, 400)
const beats: Cost[] = []
for (const hosts of [1, 2, 4, 100, 1_000]) beats.push(await heartbeat(hosts, 0))
const [one] = beats as [Cost]
row('a heartbeat of a host (2 a second), without news', [one])
const each = beats.map(({ cpuUs }) => cpuUs)
const range = `${twoDigits(Math.min(...each))} to ${twoDigits(Math.max(...each))} µs`
write('the same with 1, 2, 4, 100 and 1,000 hosts alive', range, '', '')
row('each event that a heartbeat brings', [{ cpuUs: (withNews.cpuUs - one.cpuUs) / 100, bytes: 0 }])
row("a host's copy of the books (every 2 s, one provider)", [refresh])

admin.destroy()
connection.close()
clock.close()
await server.close()
