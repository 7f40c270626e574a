/**
 * `npm run bench`: tunnels per second through Turnpike, proxy-chain and a bare relay, side by side in one run with nothing
 * but Node. The rounds are interleaved and the figures are medians, because other work on the machine comes and goes; read
 * the ratios. Everything is on loopback and bounded by ROUNDS * SECONDS. Prints a table and writes it to a file.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

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
const START_MS = 15_000

interface Target {
  readonly name: string
  readonly port: number
  readonly process: ChildProcess
  readonly perSecond: number[]
  errors: number
}

const folder = mkdtempSync(join(tmpdir(), 'turnpike-bench-'))
const here = import.meta.dirname
const upstreamPort = await freePort()
const upstreams = start([join(here, 'targets.ts'), 'upstreams', String(upstreamPort)])
const targets = [await turnpike(), await other('proxy-chain'), await other('bare')]
try {
  for (const { port } of [...targets, { port: upstreamPort }]) await answers(port)
  for (let round = -1; round < ROUNDS; round++) {
    for (const target of targets) {
      const { opened, errors } = await load(target.port)
      // The first round only warms the compilers up.
      if (round >= 0) target.perSecond.push(opened / SECONDS)
      target.errors += errors
    }
  }
  report()
} finally {
  for (const child of [upstreams, ...targets.map((target) => target.process)]) child.kill('SIGKILL')
  rmSync(folder, { recursive: true })
}

async function turnpike(): Promise<Target> {
  const port = await freePort()
  const config = join(folder, 'gateway.yaml')
  const provider = { name: 'bench', vendor: 'static', list: [`user:pass@127.0.0.1:${upstreamPort}`] }
  // JSON is YAML. Everything else is the default: sessions, health and counters are on.
  writeFileSync(config, JSON.stringify({ listen: [{ port }], admin: 'off', state: 'off', providers: [provider] }))
  const main = join(here, '../../src/main.ts')
  return { name: 'turnpike', port, process: start([main, 'start', '--config', config]), perSecond: [], errors: 0 }
}

async function other(name: string): Promise<Target> {
  const port = await freePort()
  const child = start([join(here, 'targets.ts'), name, String(port), String(upstreamPort)])
  return { name, port, process: child, perSecond: [], errors: 0 }
}

function start(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

async function answers(port: number): Promise<void> {
  const deadline = performance.now() + START_MS
  while (performance.now() < deadline) {
    const isUp = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true))
      socket.on('error', () => resolve(false))
      socket.on('close', () => resolve(false))
      socket.on('connect', () => socket.destroy())
    })
    if (isUp) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`nothing listens on port ${port} after ${START_MS} ms`)
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

function report(): void {
  const bare = median(targets.find(({ name }) => name === 'bare')?.perSecond ?? [])
  const rows = targets.map(({ name, perSecond, errors }) => {
    const tunnelsPerSecond = median(perSecond)
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

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}
