/**
 * `npm run bench`: tunnels, plain requests and bulk through Turnpike with one and with two workers, proxy-chain and a bare relay, per
 * second and per CPU second of their processes, side by side in one run with nothing but Node. The rounds are interleaved and the
 * figures are medians, because other work on the machine comes and goes; read the ratios. Everything is on loopback and bounded.
 * Prints a table and writes it to a file.
 */
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Count, type Load, loads, upload } from './loads.ts'
import { Bench, percentile } from './processes.ts'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    clients: { type: 'string', default: '64' },
    out: { type: 'string', default: join(tmpdir(), 'turnpike-bench.json') },
  },
})
const ROUNDS = Number(options.rounds)
const SECONDS = Number(options.seconds)
const CLIENTS = Number(options.clients)
const UPLOAD_BYTES = 2 ** 30
const SAMPLE_MS = 50

/** One target under one load. */
interface Cell {
  readonly target: string
  readonly port: number
  readonly load: Load
  readonly perSecond: number[]
  served: number
  /** Of all processes of the target. */
  cpuSeconds: number
  errors: number
}

const bench = new Bench()
try {
  const [upstream = 0] = await bench.role('upstream')
  const ports = {
    turnpike: await bench.turnpike([`user:pass@127.0.0.1:${upstream}`]),
    'two workers': await bench.turnpike([`user:pass@127.0.0.1:${upstream}`], { workers: 2 }),
    'proxy-chain': (await bench.role('proxy-chain', `${upstream}`))[0] ?? 0,
    bare: (await bench.role('bare', `${upstream}`))[0] ?? 0,
  }
  const cells = loads.flatMap((load) =>
    Object.entries(ports).map(
      ([target, port]): Cell => ({ ...{ target, port, load, perSecond: [] }, served: 0, cpuSeconds: 0, errors: 0 }),
    ),
  )
  for (let round = -1; round < ROUNDS; round++) for (const cell of cells) await measure(cell, round)
  const uploads: Upload[] = []
  for (const [target, port] of Object.entries(ports)) uploads.push(await measureUpload(target, port))
  report(cells, uploads)
} finally {
  bench.close()
}

/** One body of UPLOAD_BYTES by PUT. Memory in MiB, before and at most meanwhile. */
interface Upload {
  readonly target: string
  readonly isAnswered: boolean
  readonly mbPerSecond: number
  readonly memoryBefore: number
  readonly memoryPeak: number
}

async function measureUpload(target: string, port: number): Promise<Upload> {
  const memoryBefore = bench.memoryOf(port)
  let memoryPeak = memoryBefore
  const sampler = setInterval(() => {
    memoryPeak = Math.max(memoryPeak, bench.memoryOf(port))
  }, SAMPLE_MS)
  const startedAt = performance.now()
  const isAnswered = await upload(port, UPLOAD_BYTES)
  const seconds = (performance.now() - startedAt) / 1_000
  clearInterval(sampler)
  return { target, isAnswered, mbPerSecond: UPLOAD_BYTES / 1e6 / seconds, memoryBefore, memoryPeak }
}

/** The first round only warms the compilers up. */
async function measure(cell: Cell, round: number): Promise<void> {
  const count: Count = { served: 0, errors: 0 }
  const cpuBefore = bench.cpuSecondsOf(cell.port)
  const end = performance.now() + SECONDS * 1_000
  await Promise.all(Array.from({ length: CLIENTS }, () => cell.load.client(cell.port, end, count)))
  if (round >= 0) {
    cell.perSecond.push(count.served / SECONDS)
    cell.served += count.served
    cell.cpuSeconds += bench.cpuSecondsOf(cell.port) - cpuBefore
  }
  cell.errors += count.errors
}

/** Each cell beside the bare relay under the same load, and beside its own plain GET. */
function report(cells: readonly Cell[], uploads: readonly Upload[]): void {
  const rateOf = (target: string, load: string) =>
    percentile(cells.find((cell) => cell.target === target && cell.load.name === load)?.perSecond ?? [], 0.5)
  const rows = cells.map(({ target, load: { name }, served, cpuSeconds, errors }) => {
    const perSecond = rateOf(target, name)
    const toBare = perSecond / rateOf('bare', name)
    const toOwnGet = perSecond / rateOf(target, 'plain GET')
    return { load: name, target, perSecond, perCpuSecond: served / cpuSeconds, toBare, toOwnGet, errors }
  })
  const lines = rows.map(
    ({ load, target, perSecond, perCpuSecond, toBare, toOwnGet, errors }) =>
      `${load.padEnd(22)} ${target.padEnd(12)} ${perSecond.toFixed(0).padStart(7)} /s ` +
      `${perCpuSecond.toFixed(0).padStart(7)} /CPU s   ` +
      `${toBare.toFixed(2)} of bare   ${toOwnGet.toFixed(2)} of its own GET   ${errors} errors`,
  )
  const sent = uploads.map(
    ({ target, isAnswered, mbPerSecond, memoryBefore, memoryPeak }) =>
      `${'PUT of 1 GiB'.padEnd(22)} ${target.padEnd(12)} ${mbPerSecond.toFixed(0).padStart(7)} MB/s   ` +
      `memory ${memoryBefore.toFixed(0)} -> ${memoryPeak.toFixed(0)} MiB${isAnswered ? '' : '   not answered'}`,
  )
  process.stdout.write(
    `${CLIENTS} clients, median of ${ROUNDS} rounds of ${SECONDS} s\n${[...lines, ...sent].join('\n')}\n`,
  )
  writeFileSync(options.out, `${JSON.stringify({ node: process.version, clients: CLIENTS, rows, uploads }, null, 2)}\n`)
  process.stdout.write(`written to ${options.out}\n`)
}
