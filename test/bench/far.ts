/**
 * `npm run bench:far`: how long clients wait for a tunnel when the upstreams are far away and some of them are out of
 * order, which is what crawlers feel. All candidates run at the same time against the same upstreams, so that each meets
 * the same bad moments; the load is so low that they do not disturb each other. Prints a table and writes it to a file.
 */
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Bench, percentile } from './processes.ts'

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    rate: { type: 'string', default: '25' },
    upstreams: { type: 'string', default: '100' },
    rtt: { type: 'string', default: '150' },
    bad: { type: 'string', default: '0.1' },
    out: { type: 'string', default: join(tmpdir(), 'turnpike-bench-far.json') },
  },
})
const SECONDS = Number(options.seconds)
const GAP_MS = 1_000 / Number(options.rate)
/** A client that waits longer has given up. */
const PATIENCE_MS = 20_000
const CONNECT = 'CONNECT site.test:80 HTTP/1.1\r\nHost: site.test:80\r\n\r\n'

interface Candidate {
  readonly name: string
  readonly port: number
  /** Time to an open tunnel for each client; infinite for one that did not get any. */
  readonly waitsMs: number[]
}

const strategy = (name: string) => ({ rotation: { strategy: name } })
/** What is on beside the defaults (three tries, each at most 8 s). */
const configurations: readonly [name: string, config: object][] = [
  ['one try', { dial: { tries: 1 } }],
  ['three tries (the default)', {}],
  ['power-of-two', strategy('power-of-two')],
  ['warm: 1', { dial: { warm: 1 } }],
  ['hedgeAfter: 800ms', { dial: { hedgeAfter: '800ms' } }],
  ['hedgeAfter: auto', { dial: { hedgeAfter: 'auto' } }],
  ['auto, warm: 1', { dial: { hedgeAfter: 'auto', warm: 1 } }],
  ['auto, warm: 1, power-of-two', { dial: { hedgeAfter: 'auto', warm: 1 }, ...strategy('power-of-two') }],
]

const bench = new Bench()
try {
  const ports = await bench.role('far', options.upstreams, options.rtt, options.bad)
  const [chain = 0] = await bench.role('proxy-chain', ...ports.map(String))
  const candidates: Candidate[] = [{ name: 'proxy-chain', port: chain, waitsMs: [] }]
  const list = ports.map((port) => `user:pass@127.0.0.1:${port}`)
  for (const [name, config] of configurations)
    candidates.push({ name, port: await bench.turnpike(list, config), waitsMs: [] })
  await Promise.all(candidates.map(drive))
  report(candidates)
} finally {
  bench.close()
}

/** An open loop: a client every so often, however long those before it still wait. */
async function drive({ port, waitsMs }: Candidate): Promise<void> {
  const clients: Promise<void>[] = []
  const end = performance.now() + SECONDS * 1_000
  while (performance.now() < end) {
    clients.push(waitFor(port).then((ms) => void waitsMs.push(ms)))
    await new Promise((resolve) => setTimeout(resolve, 2 * GAP_MS * Math.random()))
  }
  await Promise.all(clients)
}

/** Opens a tunnel and closes it. @returns how long it took, ms; infinite when there was none */
function waitFor(port: number): Promise<number> {
  return new Promise((resolve) => {
    const startedAt = performance.now()
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    const timer = setTimeout(() => socket.destroy(), PATIENCE_MS)
    socket.write(CONNECT)
    socket.on('data', (chunk) => {
      if (chunk.includes('HTTP/1.1 200 ')) resolve(performance.now() - startedAt)
      socket.destroy()
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(Number.POSITIVE_INFINITY)
    })
  })
}

function report(candidates: readonly Candidate[]): void {
  const rows = candidates.map(({ name, waitsMs }) => ({
    name,
    clients: waitsMs.length,
    failedShare: waitsMs.filter((ms) => ms === Number.POSITIVE_INFINITY).length / waitsMs.length,
    p50: percentile(waitsMs, 0.5),
    p95: percentile(waitsMs, 0.95),
    p99: percentile(waitsMs, 0.99),
  }))
  const figure = (ms: number) => (Number.isFinite(ms) ? `${ms.toFixed(0)} ms` : 'none').padStart(9)
  const lines = rows.map(
    ({ name, failedShare, p50, p95, p99 }) =>
      `${name.padEnd(28)} ${figure(p50)} ${figure(p95)} ${figure(p99)} ${(100 * failedShare).toFixed(1).padStart(6)} %`,
  )
  const title = `${options.upstreams} upstreams, ${options.rtt} ms away, ${100 * Number(options.bad)} % out of order`
  process.stdout.write(
    `${title}\n${''.padEnd(28)} ${'p50'.padStart(9)} ${'p95'.padStart(9)} ${'p99'.padStart(9)}   failed\n`,
  )
  process.stdout.write(`${lines.join('\n')}\n`)
  writeFileSync(options.out, `${JSON.stringify({ node: process.version, options, rows }, null, 2)}\n`)
  process.stdout.write(`written to ${options.out}\n`)
}
