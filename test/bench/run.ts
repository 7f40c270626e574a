/**
 * `npm run bench`: tunnels per second through Turnpike, proxy-chain and a bare relay, side by side in one run with nothing
 * but Node. The rounds are interleaved and the figures are medians, because other work on the machine comes and goes; read
 * the ratios. Everything is on loopback and bounded by ROUNDS * SECONDS. Prints a table and writes it to a file.
 */
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Bench, percentile } from './processes.ts'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    clients: { type: 'string', default: '64' },
    out: { type: 'string', default: join(tmpdir(), 'turnpike-bench.json') },
  },
})
const ROUNDS = Number(options.rounds)
const SECONDS = Number(options.seconds)
const CLIENTS = Number(options.clients)
const REQUEST = 'GET / HTTP/1.1\r\nHost: site.test\r\n\r\n'
const CONNECT = 'CONNECT site.test:80 HTTP/1.1\r\nHost: site.test:80\r\n\r\n'

interface Target {
  readonly name: string
  readonly port: number
  readonly perSecond: number[]
  errors: number
}

const bench = new Bench()
try {
  const [upstream = 0] = await bench.role('upstream')
  const targets: Target[] = []
  const add = (name: string, port = 0) => targets.push({ name, port, perSecond: [], errors: 0 })
  add('turnpike', await bench.turnpike([`user:pass@127.0.0.1:${upstream}`]))
  add('proxy-chain', ...(await bench.role('proxy-chain', `${upstream}`)))
  add('bare', ...(await bench.role('bare', `${upstream}`)))
  for (let round = -1; round < ROUNDS; round++) for (const target of targets) await measure(target, round)
  report(targets)
} finally {
  bench.close()
}

/** The first round only warms the compilers up. */
async function measure(target: Target, round: number): Promise<void> {
  const { opened, errors } = await load(target.port)
  if (round >= 0) target.perSecond.push(opened / SECONDS)
  target.errors += errors
}

/** A closed loop: each client opens a tunnel, sends one request through it, closes, and begins again. */
async function load(port: number): Promise<{ opened: number; errors: number }> {
  const count = { opened: 0, errors: 0 }
  const end = performance.now() + SECONDS * 1_000
  await Promise.all(Array.from({ length: CLIENTS }, () => client(port, end, count)))
  return count
}

async function client(port: number, end: number, count: { opened: number; errors: number }): Promise<void> {
  while (performance.now() < end) {
    if (await oneTunnel(port)) count.opened++
    else count.errors++
  }
}

function oneTunnel(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    let isOpen = false
    let isAnswered = false
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    socket.write(CONNECT)
    socket.on('data', (chunk) => {
      if (isOpen) {
        isAnswered = chunk.includes('200 OK')
        socket.destroy()
      } else if (chunk.includes(' 200 ')) {
        isOpen = true
        socket.write(REQUEST)
      } else socket.destroy()
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => resolve(isAnswered))
  })
}

function report(targets: readonly Target[]): void {
  const bare = percentile(targets.find(({ name }) => name === 'bare')?.perSecond ?? [], 0.5)
  const rows = targets.map(({ name, perSecond, errors }) => {
    const tunnelsPerSecond = percentile(perSecond, 0.5)
    return { name, tunnelsPerSecond, toBare: tunnelsPerSecond / bare, errors }
  })
  const lines = rows.map(
    ({ name, tunnelsPerSecond, toBare, errors }) =>
      `${name.padEnd(12)} ${tunnelsPerSecond.toFixed(0).padStart(8)} /s   ${toBare.toFixed(2)} of bare   ${errors} errors`,
  )
  process.stdout.write(`${CLIENTS} clients, median of ${ROUNDS} rounds of ${SECONDS} s\n${lines.join('\n')}\n`)
  writeFileSync(options.out, `${JSON.stringify({ node: process.version, clients: CLIENTS, rows }, null, 2)}\n`)
  process.stdout.write(`written to ${options.out}\n`)
}
