/** A gateway of a cluster as a process of its own: it may be killed or stopped at any moment. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { LogCapture } from '../log-capture.ts'
import type { Referee } from './referee.ts'

const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url))

export class ClusterHost {
  readonly log = new LogCapture()
  readonly #folder: string
  readonly #child: ChildProcess
  #port: number | undefined

  /** @param more of gateway.yaml. @param former the gateway that it takes over */
  constructor(redisUrl: string, referee: Referee, more: object = {}, former?: ClusterHost) {
    this.#folder = former === undefined ? mkdtempSync(join(tmpdir(), 'turnpike-cluster-')) : former.#folder
    writeFileSync(join(this.#folder, 'gateway.yaml'), stringify({ ...configOf(redisUrl, referee), ...more }))
    const args = [MAIN, 'start', '--config', 'gateway.yaml', ...(former === undefined ? [] : ['--takeover'])]
    this.#child = spawn(process.execPath, args, { cwd: this.#folder, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const output of [this.#child.stdout, this.#child.stderr])
      output?.on('data', (piece: Buffer) => this.log.write(piece))
  }

  /** @throws {Error} with the log when it ends before it listens */
  async ready(): Promise<this> {
    while (this.#port === undefined) {
      const said = this.log.records().find(({ msg }) => String(msg).includes('ready for HTTP and SOCKS'))
      const port = /:(\d+)$/.exec(String(said?.['listen']))?.[1]
      if (port !== undefined) this.#port = Number(port)
      else if (this.#hasEnded) throw new Error(`the gateway has ended:\n${this.log.text}`)
      else await new Promise((done) => setTimeout(done, 20))
    }
    return this
  }

  get port(): number {
    return this.#port ?? 0
  }

  says(words: string): boolean {
    return this.log.text.includes(words)
  }

  get #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** Resolves with its exit code; null after a signal. */
  async ended(): Promise<number | null> {
    if (!this.#hasEnded) await once(this.#child, 'exit')
    return this.#child.exitCode
  }

  signal(name: NodeJS.Signals): void {
    if (!this.#hasEnded) this.#child.kill(name)
  }

  async kill(): Promise<void> {
    if (!this.#hasEnded) {
      const closed = once(this.#child, 'close')
      this.#child.kill('SIGCONT')
      this.#child.kill('SIGKILL')
      await closed
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** One provider with a window; short times, so that faults and their ends fit into a test. */
function configOf(redisUrl: string, referee: Referee): object {
  const { uses = 0, connections = 0 } = referee.limits
  return {
    listen: [{ port: 0, shared: true }],
    admin: 'off',
    cluster: { url: redisUrl, name: 'test', secret: 'a secret of the test' },
    providers: [referee.provider],
    pool: { floor: 2, ceiling: 20, idleAfter: '10s', perUpstream: { uses, connections } },
    wait: { timeout: '12s' },
    // Many second dials: the slower one of two is a use as well.
    dial: { hedgeAfter: '10ms' },
    supply: { backoff: '100ms', maxBackoff: '500ms' },
    log: { level: 'debug', access: 'off', format: 'json' },
  }
}
