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

/** The upstreams that a candidate has: with faults or without, HTTP or SOCKS5. */
type Fleet = 'http' | 'socks5' | 'faultless'

const warm = { dial: { warm: 1 } }
const powerOfTwo = { rotation: { strategy: 'power-of-two' } }
/** What is on beside the defaults (three tries, each at most 8 s; a hedge after the time of 19 in 20 dials). */
const configurations: readonly [name: string, fleet: Fleet, config: object][] = [
  ['no faults, the defaults', 'faultless', {}],
  ['one try', 'http', { dial: { tries: 1, hedgeAfter: 'off' } }],
  ['three tries, no hedge', 'http', { dial: { hedgeAfter: 'off' } }],
  ['the defaults', 'http', {}],
  ['hedgeAfter: 800ms', 'http', { dial: { hedgeAfter: '800ms' } }],
  ['power-of-two', 'http', powerOfTwo],
  ['warm: 1', 'http', warm],
  ['warm: 1, power-of-two', 'http', { ...warm, ...powerOfTwo }],
  ['SOCKS5, the defaults', 'socks5', {}],
  ['SOCKS5, warm: 1', 'socks5', warm],
]

const bench = new Bench()
try {
  const { upstreams, rtt, bad } = options
  const fleets: Record<Fleet, number[]> = {
    http: await bench.role('far', upstreams, rtt, bad),
    socks5: await bench.role('far', upstreams, rtt, bad, 'socks5'),
    faultless: await bench.role('far', upstreams, rtt, '0'),
  }
  const [chain = 0] = await bench.role('proxy-chain', ...fleets.http.map(String))
  const candidates: Candidate[] = [{ name: 'proxy-chain', port: chain, waitsMs: [] }]
  for (const [name, fleet, config] of configurations) {
    const scheme = fleet === 'socks5' ? 'socks5' : 'http'
    const list = fleets[fleet].map((port) => `${scheme}://user:pass@127.0.0.1:${port}`)
    candidates.push({ name, port: await bench.turnpike(list, config), waitsMs: [] })
  }
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
