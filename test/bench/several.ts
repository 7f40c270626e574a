/**
 * The prototype behind docs/adr/0009: one port served on several cores, with limits per upstream that stay exact. It only
 * relays tunnels; how upstreams are lent is the real thing. `--pool` is a file with a line `http://user:pass@host:port` for
 * each upstream.
 *
 *   node test/bench/several.ts --mode MODE --workers 2 --limit 16 --port PORT --pool FILE
 *
 *   one        a single process, the reference
 *   ask        processes on one port (reusePort); each lease is asked of the parent by a message
 *   partition  the same; each upstream belongs to one process, which lends it without asking
 *   cluster    partition, but node:cluster hands the connections out in turn
 *   threads    worker threads on one port (reusePort); counters in shared memory
 */
import { fork } from 'node:child_process'
import cluster from 'node:cluster'
import { readFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { parseArgs } from 'node:util'
import { isMainThread, Worker, workerData } from 'node:worker_threads'

const { values: options } = parseArgs({
  options: {
    mode: { type: 'string', default: 'one' },
    workers: { type: 'string', default: '2' },
    limit: { type: 'string', default: '16' },
    port: { type: 'string', default: '0' },
    pool: { type: 'string', default: '' },
    /** Set for a child: which one it is. */
    index: { type: 'string', default: '' },
  },
})
const { mode } = options
const LIMIT = Number(options.limit)
const WORKERS = mode === 'one' ? 1 : Number(options.workers)
const upstreams = readFileSync(options.pool, 'utf8').trim().split('\n').map(readUpstream)
/** So often those look who found everything lent by others. */
const LOOK_AGAIN_MS = 1

/** Lends upstreams by their position in the list. */
interface Lender {
  take(granted: (at: number) => void): void
  giveBack(at: number): void
}

/** Counts in memory that may be shared with other threads: whoever raises a counter above the limit takes it back. */
class Counting implements Lender {
  readonly #counts: Int32Array
  readonly #mine: readonly number[]
  readonly #waiting: ((at: number) => void)[] = []
  #next = 0

  constructor(counts: Int32Array, mine: readonly number[]) {
    this.#counts = counts
    this.#mine = mine
  }

  take(granted: (at: number) => void): void {
    const at = this.#find()
    if (at !== undefined) return void granted(at)
    if (this.#waiting.push(granted) === 1) setTimeout(this.#lookAgain, LOOK_AGAIN_MS)
  }

  #find(): number | undefined {
    for (let tries = 0; tries < this.#mine.length; tries++) {
      const at = this.#mine[this.#next++ % this.#mine.length] ?? 0
      if (Atomics.add(this.#counts, at, 1) < LIMIT) return at
      Atomics.sub(this.#counts, at, 1)
    }
    return undefined
  }

  readonly #lookAgain = (): void => {
    for (let at = this.#waiting.length > 0 ? this.#find() : undefined; at !== undefined; at = this.#find()) {
      this.#waiting.shift()?.(at)
      if (this.#waiting.length === 0) return
    }
    if (this.#waiting.length > 0) setTimeout(this.#lookAgain, LOOK_AGAIN_MS)
  }

  giveBack(at: number): void {
    Atomics.sub(this.#counts, at, 1)
  }
}

/** Asks the parent for each lease. */
class Asking implements Lender {
  readonly #waiting: ((at: number) => void)[] = []

  constructor() {
    // Answers come in the order of the questions: the parent's queue is first come, first served.
    process.on('message', (at) => this.#waiting.shift()?.(at as number))
  }

  take(granted: (at: number) => void): void {
    this.#waiting.push(granted)
    process.send?.(-1)
  }

  giveBack(at: number): void {
    process.send?.(at)
  }
}

function readUpstream(line: string): { host: string; port: number; login: string } {
  const { hostname, port, username, password } = new URL(line)
  const login = Buffer.from(`${username}:${password}`).toString('base64')
  return { host: hostname, port: Number(port), login: `Proxy-Authorization: Basic ${login}\r\n` }
}

function serve(lender: Lender): void {
  const server = createServer({ noDelay: true }, (client) => {
    client.on('error', () => client.destroy())
    client.once('data', (head: Buffer) => {
      const target = head.toString('latin1').split(' ', 2)[1] ?? ''
      client.pause()
      lender.take((at) => open(client, target, at, lender))
    })
  })
  const reusePort = WORKERS > 1 && mode !== 'cluster'
  server.listen({ port: Number(options.port), host: '127.0.0.1', backlog: 4096, reusePort })
}

function open(client: Socket, target: string, at: number, lender: Lender): void {
  const upstream = upstreams[at]
  if (upstream === undefined || client.destroyed) return void lender.giveBack(at)
  const socket = connect({ host: upstream.host, port: upstream.port, noDelay: true })
  socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${upstream.login}\r\n`)
  socket.on('error', () => client.destroy())
  socket.on('close', () => {
    lender.giveBack(at)
    client.destroy()
  })
  client.on('close', () => socket.destroy())
  socket.once('data', (answer) => {
    client.write(answer)
    socket.pipe(client)
    client.pipe(socket)
  })
}

/** The parent of `ask`: the only one that counts. */
function lendTo(children: readonly ReturnType<typeof fork>[]): void {
  const lender = new Counting(new Int32Array(upstreams.length), upstreams.keys().toArray())
  for (const child of children) {
    child.on('message', (at) => {
      if (at === -1) lender.take((granted) => child.send(granted))
      else lender.giveBack(at as number)
    })
  }
}

const all = upstreams.keys().toArray()
const mine = (index: number) => all.filter((at) => at % WORKERS === index)
const numbers = Array.from({ length: WORKERS }, (_, index) => index)
const index = options.index === '' ? undefined : Number(options.index)

if (!isMainThread) serve(new Counting(new Int32Array(workerData as SharedArrayBuffer), all))
else if (mode === 'one') serve(new Counting(new Int32Array(upstreams.length), all))
else if (mode === 'threads') {
  const shared = new SharedArrayBuffer(4 * upstreams.length)
  for (const _ of numbers) new Worker(new URL(import.meta.url), { workerData: shared, argv: process.argv.slice(2) })
} else if (mode === 'cluster' && cluster.isPrimary) {
  for (const number of numbers) cluster.fork({ NUMBER: number })
} else if (mode === 'cluster') {
  serve(new Counting(new Int32Array(upstreams.length), mine(Number(process.env['NUMBER']))))
} else if (index === undefined) {
  const children = numbers.map((number) =>
    fork(import.meta.filename, [...process.argv.slice(2), '--index', `${number}`]),
  )
  if (mode === 'ask') lendTo(children)
} else serve(mode === 'ask' ? new Asking() : new Counting(new Int32Array(upstreams.length), mine(index)))
if (index !== undefined) process.on('disconnect', () => process.exit())
