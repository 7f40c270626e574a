/** Starts what is measured, each as a process of its own, and ends it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { freePort } from '../support/free-port.ts'

const START_MS = 60_000
/** Of the times in /proc on Linux. */
const TICKS_PER_SECOND = 100
const here = import.meta.dirname
const targets = join(here, 'targets.ts')
const main = join(here, '../../src/main.ts')

/** Everything that one run starts; `close` ends it. */
export class Bench {
  readonly #folder = mkdtempSync(join(tmpdir(), 'turnpike-bench-'))
  readonly #children: ChildProcess[] = []
  /** Which process listens on a port. */
  readonly #pids = new Map<number, number | undefined>()

  /** One of the roles of targets.ts that listens on a port of its own choice. @returns that port, or ports */
  async role(name: string, ...args: readonly string[]): Promise<number[]> {
    const child = this.#start([targets, name, ...args], 'pipe')
    if (child.stdout === null) throw new Error('a child without its output')
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
    const ports = JSON.parse(line) as number[]
    for (const port of ports) this.#pids.set(port, child.pid)
    return ports
  }

  /** A gateway with these upstreams and this configuration beside the defaults. @returns its port */
  async turnpike(upstreams: readonly string[], config: object = {}): Promise<number> {
    const port = await freePort()
    const file = join(this.#folder, `gateway-${port}.yaml`)
    const provider = { name: 'bench', vendor: 'static', list: upstreams }
    // JSON is YAML. Everything else is the default: sessions, health and counters are on.
    const settings = { listen: [{ port }], admin: 'off', state: 'off', providers: [provider], ...config }
    writeFileSync(file, JSON.stringify(settings))
    this.#pids.set(port, this.#start([main, 'start', '--config', file], 'ignore').pid)
    await answers(port)
    return port
  }

  /** Resident memory of the processes that serve this port, MiB; NaN on other systems than Linux. */
  memoryOf(port: number): number {
    return this.#sum(port, (pid) => {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8')
      return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1_024
    })
  }

  /** CPU time of the processes that serve this port, s; NaN on other systems than Linux. */
  cpuSecondsOf(port: number): number {
    return this.#sum(port, (pid) => {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      // After the name, which may have blanks: the 14th and 15th field (proc_pid_stat(5)).
      const [user, system] = stat
        .slice(stat.lastIndexOf(')') + 2)
        .split(' ')
        .slice(11, 13)
      return (Number(user) + Number(system)) / TICKS_PER_SECOND
    })
  }

  #sum(port: number, figureOf: (pid: number) => number): number {
    try {
      return withChildren(this.#pids.get(port) ?? 0).reduce((sum, pid) => sum + figureOf(pid), 0)
    } catch {
      return Number.NaN
    }
  }

  #start(args: readonly string[], stdout: 'pipe' | 'ignore'): ChildProcess {
    const child = spawn(process.execPath, args, { stdio: ['ignore', stdout, 'inherit'] })
    this.#children.push(child)
    return child
  }

  close(): void {
    for (const child of this.#children) child.kill('SIGKILL')
    rmSync(this.#folder, { recursive: true })
  }
}

/** A gateway of several workers has processes of its own. */
function withChildren(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return [pid, ...(children === '' ? [] : children.split(' ').flatMap((child) => withChildren(Number(child))))]
}

async function answers(port: number): Promise<void> {
  const deadline = performance.now() + START_MS
  while (performance.now() < deadline) {
    const isUp = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true))
      socket.on('error', () => resolve(false))
      socket.on('connect', () => socket.destroy())
    })
    if (isUp) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`nothing listens on port ${port} after ${START_MS} ms`)
}

/** @param share 0.5 is the median; what is sorted as the largest counts as the worst */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}
