/**
 * The first process of a gateway with several workers: starts the control process and, at its command, the workers; starts again what
 * dies; passes signals on. It serves nothing and keeps nothing, so that little can make it fail.
 *
 *   control dies: its workers serve on with what they have; another control process finds them
 *   a worker dies: its tunnels end with it; the control process is told
 *
 * The sockets of ports that change hands in a takeover pass through it (passing.ts, docs/adr/0021-takeover-with-workers.md).
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Clock } from '../clock.ts'
import { given } from '../given.ts'
import { moduleBeside } from '../node/module-beside.ts'
import { passSignals, sameArguments, type ThisProcess } from '../node/relaunch.ts'
import type { TakeoverStart } from '../takeover/client.ts'
import { ServingDeadline, type TakeoverStage } from '../takeover/serving-deadline.ts'
import { makeFolder } from './folder.ts'
import type { FromSupervisor, ToSupervisor } from './messages.ts'
import { passOn } from './passing.ts'
import { type ControlRole, ROLE_VARIABLE } from './role.ts'

interface SupervisorDeps {
  readonly clock: Clock
  readonly environment: NodeJS.ProcessEnv
  readonly process: ThisProcess
  /** Undefined: this gateway takes nothing over. */
  readonly takeover: TakeoverStart | undefined
  /** A sentence for the log. */
  readonly warn: (words: string, facts: object) => void
}

/** First pause before a process is started again, ms; doubles while it does not live for `STEADY_MS`. */
const FIRST_PAUSE_MS = 50
const MAX_PAUSE_MS = 5_000
const STEADY_MS = 10_000
/** What has not ended by then after the control process is killed, ms. */
const END_MS = 2_000

const WORKER = fileURLToPath(moduleBeside('./worker-main', import.meta.url))

interface Child {
  process: ChildProcess | undefined
  startedAt: number
  pauseMs: number
}

/**
 * @returns the exit code of the control process, when it has been asked to end or could not begin
 * @throws {CommandError} when it takes over and did not serve in time
 */
export async function supervise(count: number, deps: SupervisorDeps): Promise<number> {
  const { folder, place } = await makeFolder(tmpdir())
  try {
    return await new Supervisor(count, place, deps).run()
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

class Supervisor {
  readonly #count: number
  readonly #place: string
  readonly #deps: SupervisorDeps
  readonly #control: Child = newChild()
  readonly #workers = new Map<number, Child>()
  #hasServed = false
  #isStopping = false
  /** Another gateway takes over: what ends now is not started again. */
  #isHandingOver = false
  readonly #deadline: ServingDeadline
  #hasLostWorker = false
  /** The control process has sent a message: it handles signals. Before, SIGHUP would end it. */
  #isControlReady = false
  #isReloadDue = false
  #ended = (_code: number) => {}

  constructor(count: number, place: string, deps: SupervisorDeps) {
    this.#count = count
    this.#place = place
    this.#deps = deps
    this.#deadline = new ServingDeadline(deps.clock, () => this.#control.process?.kill('SIGKILL'))
  }

  async run(): Promise<number> {
    const { process } = this.#deps
    const { promise, resolve } = Promise.withResolvers<number>()
    this.#ended = resolve
    const endPassing = passSignals(process, (signal) => this.#pass(signal))
    this.#startControl(this.#deps.takeover?.channel)
    if (this.#deps.takeover !== undefined) this.#beginTakeover(this.#deps.takeover)
    try {
      const code = await promise
      await this.#endWorkers()
      this.#deadline.check()
      return code
    } finally {
      this.#deadline.close()
      endPassing()
    }
  }

  /** Clients wait while the ports change hands: so the workers are started before. */
  #beginTakeover({ sockets, onOrphaned }: TakeoverStart): void {
    sockets.on('message', (message, handle) => this.#tellControl(message as FromSupervisor, handle))
    sockets.once('disconnect', () => this.#tellControl({ kind: 'ports-end' }))
    onOrphaned(() => this.#pass('SIGTERM'))
    this.#startWorkers()
  }

  #tellControl(message: FromSupervisor, handle?: unknown): void {
    passOn(this.#control.process, message, handle)
  }

  #pass(signal: NodeJS.Signals): void {
    if (signal !== 'SIGHUP') this.#isStopping = true
    const { process } = this.#control
    if (signal === 'SIGHUP' && !this.#isControlReady) this.#isReloadDue = true
    else if (process !== undefined) process.kill(signal)
    else if (this.#isStopping) this.#ended(1)
  }

  /** @param takeover the name of the channel, for a process that takes over */
  #startControl(takeover?: string): void {
    const { environment, process, clock } = this.#deps
    const running = [...this.#workers].filter(([, child]) => child.process !== undefined).map(([worker]) => worker)
    const role: ControlRole = {
      ...{ place: this.#place, count: this.#count, running },
      hasLostWorker: this.#hasLostWorker,
      ...given({ takeover }),
    }
    this.#hasLostWorker = false
    const child = spawn(process.execPath, sameArguments(process), {
      env: { ...environment, [ROLE_VARIABLE]: JSON.stringify(role) },
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
      // A terminal's Ctrl-C comes through this process.
      detached: true,
    })
    Object.assign(this.#control, { process: child, startedAt: clock.now() })
    child.once('error', this.#reportFailure)
    child.on('message', (message, handle) => this.#receive(message as ToSupervisor, handle))
    onceEnded(child, (code) => this.#controlEnded(code))
  }

  #receive(message: ToSupervisor, handle: unknown): void {
    this.#isControlReady = true
    if (this.#isReloadDue) {
      this.#isReloadDue = false
      this.#pass('SIGHUP')
    }
    if (message.kind === 'stopping') this.#isStopping = true
    else if (message.kind === 'handing-over') this.#isHandingOver = true
    else if (message.kind === 'continuing') this.#continue()
    else if (message.kind === 'takeover') this.#reached(message.stage)
    else if (message.kind === 'end-worker') this.#workers.get(message.worker)?.process?.kill('SIGKILL')
    else if (message.kind === 'socket') passOn(this.#workers.get(message.worker)?.process, message, handle)
    else {
      this.#hasServed ||= this.#deps.takeover === undefined
      this.#startWorkers()
    }
  }

  /** A process that takes over may fail until it serves. */
  #reached(stage: TakeoverStage): void {
    this.#deadline.reached(stage)
    if (stage !== 'serves') return
    this.#hasServed = true
    this.#deps.takeover?.report(stage)
  }

  #startWorkers(): void {
    for (let worker = 0; worker < this.#count; worker++)
      if (!this.#workers.has(worker)) this.#startWorker(worker, newChild())
  }

  /** The other gateway does not come to serve. */
  #continue(): void {
    this.#isHandingOver = false
    for (const [worker, child] of this.#workers) if (child.process === undefined) this.#startWorker(worker, child)
  }

  #controlEnded(code: number): void {
    const { process } = this.#control
    this.#control.process = undefined
    this.#isControlReady = false
    // It was asked to stop before it handled signals.
    if (this.#isStopping && (process?.signalCode === 'SIGTERM' || process?.signalCode === 'SIGINT')) this.#ended(0)
    else if (this.#isStopping || this.#isHandingOver || !this.#hasServed) {
      this.#ended(code)
    } else {
      this.#deps.warn('the control process has ended: another one is started, and tunnels run on meanwhile', { code })
      this.#later(this.#control, () => this.#startControl())
    }
  }

  #startWorker(worker: number, child: Child): void {
    const { environment, process, clock } = this.#deps
    this.#workers.set(worker, child)
    const started = spawn(process.execPath, [...process.execArgv, WORKER, String(worker), this.#place], {
      env: environment,
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
      detached: true,
    })
    Object.assign(child, { process: started, startedAt: clock.now() })
    started.once('error', this.#reportFailure)
    started.on('message', (message, handle) => this.#tellControl(message as FromSupervisor, handle))
    onceEnded(started, () => this.#workerEnded(worker, child))
  }

  /** The system may have no room for another process. */
  readonly #reportFailure = ({ message: reason }: Error): void =>
    this.#deps.warn('a process of this gateway cannot be started', { reason })

  #workerEnded(worker: number, child: Child): void {
    child.process = undefined
    if (this.#isStopping) return
    if (this.#control.process?.connected === true) this.#tellControl({ kind: 'worker-exited', worker })
    else this.#hasLostWorker = true
    this.#later(child, () => this.#startWorker(worker, child))
  }

  /** A process that dies again and again is started less and less often. */
  #later(child: Child, start: () => void): void {
    const { clock } = this.#deps
    const isSteady = clock.now() - child.startedAt > STEADY_MS
    child.pauseMs = isSteady ? FIRST_PAUSE_MS : Math.min(MAX_PAUSE_MS, child.pauseMs * 2)
    clock.after(child.pauseMs, () => {
      if (this.#isStopping && child === this.#control) this.#ended(1)
      if (!this.#isStopping && !this.#isHandingOver && child.process === undefined) start()
    })
  }

  /** They end at the command of the control process; those that it does not reach, at this one's. */
  async #endWorkers(): Promise<void> {
    this.#isStopping = true
    const processes = [...this.#workers.values()].map((child) => child.process).filter((one) => one !== undefined)
    const all = Promise.all(processes.map((one) => new Promise<void>((resolve) => onceEnded(one, () => resolve()))))
    for (const one of processes) if (one.connected) one.disconnect()
    await Promise.race([all, this.#deps.clock.sleep(END_MS)])
    for (const one of processes) one.kill('SIGKILL')
    await all
  }
}

function newChild(): Child {
  return { process: undefined, startedAt: 0, pauseMs: FIRST_PAUSE_MS / 2 }
}

/** @param listener gets the exit code; 1 when a signal has ended the process, or it could not be started */
function onceEnded(child: ChildProcess, listener: (code: number) => void): void {
  if (child.exitCode !== null || child.signalCode !== null) {
    listener(child.exitCode ?? 1)
    return
  }
  let isEnded = false
  const end = (code: number | null) => {
    if (isEnded) return
    isEnded = true
    listener(code ?? 1)
  }
  child.once('exit', end)
  child.once('error', () => end(1))
}
