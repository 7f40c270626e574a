/**
 * A worker: a data plane (plane.ts) whose control plane is another process, and the messages between the two. The composition root
 * of its process. The control process has one without ports too, for programs that ask for addresses.
 */

import { closeForSuccessor } from '../app/stop.ts'
import type { Clock, Timer } from '../clock.ts'
import { given } from '../given.ts'
import { runInBackground } from '../internal-errors.ts'
import { type InheritedSocket, InheritedSockets } from '../network/inherited-sockets.ts'
import type { DataPlane, DataPlaneChange } from '../proxy/data-plane.ts'
import type { PortOpening } from '../proxy/ports.ts'
import type { UserLimits } from '../proxy/user-limits.ts'
import { dispatch } from './dispatch.ts'
import { ControlLink } from './link.ts'
import type { Hello, PlainError, ToControl, ToWorker } from './messages.ts'
import type { SocketsOfWorker } from './passing.ts'
import { WorkerPlane } from './plane.ts'
import { readSettings, type WorkerSettings } from './settings-wire.ts'

interface WorkerOptions {
  readonly clock: Clock
  /** Its number, from 0. */
  readonly worker: number
  /** The control process's socket. */
  readonly place: string
  /** `elsewhere`: it serves no port. */
  readonly opening: PortOpening
  /** Of its ports, in a process of its own. */
  readonly sockets?: SocketsOfWorker
  /** Counts for the users of all workers, in the control process. */
  readonly users?: UserLimits
  /** Everything was closed at the command of the control process. */
  readonly onEnd: () => void
}

/** How often changes are reported, ms. */
const REPORT_MS = 100
const DRAIN_POLL_MS = 50
/** Log lines that wait for a control process; more are lost. */
const MAX_LINES = 10_000

export class Worker {
  readonly #options: WorkerOptions
  readonly #link: ControlLink
  #plane: WorkerPlane | undefined
  /** Settings whose ports are open: number -> what applies them. */
  readonly #prepared = new Map<number, DataPlaneChange>()
  /** Numbers of settings whose ports are being opened. */
  readonly #preparing = new Set<number>()
  #timer: Timer | undefined
  readonly #lines: string[] = []

  constructor(options: WorkerOptions) {
    const { place, worker, clock } = options
    this.#options = options
    this.#link = new ControlLink(place, worker, clock, {
      hello: () => this.#hello(),
      message: (message) => this.#receive(message),
      disconnected: () => {
        this.#plane?.disconnected()
        for (const prepared of this.#prepared.values()) runInBackground(prepared.cancel())
        this.#prepared.clear()
        this.#preparing.clear()
      },
    })
  }

  get isConnected(): boolean {
    return this.#link.isConnected
  }

  /** Undefined before the first settings. */
  get data(): DataPlane | undefined {
    return this.#plane?.data
  }

  /** Whether another worker lends the upstream. */
  isElsewhere(id: string): boolean {
    return this.#plane?.isElsewhere(id) ?? false
  }

  open(): void {
    this.#link.open()
    this.#scheduleReport()
  }

  readonly #send = (message: ToControl): boolean => this.#link.send(message)

  #hello(): Hello {
    return { kind: 'hello', worker: this.#options.worker, ...(this.#plane?.hello() ?? NOTHING) }
  }

  #receive(message: ToWorker): void {
    const plane = this.#plane
    if (message.kind === 'prepare') runInBackground(this.#prepare(message))
    else if (message.kind === 'commit') this.#take(message.number)?.commit()
    else if (message.kind === 'cancel') runInBackground(this.#cancel(message.number))
    else if (message.kind === 'end') this.close()
    else if (plane === undefined) this.#answerIdle(message)
    else if (message.kind === 'stop') this.#stop(plane)
    else if (message.kind === 'share-sockets') this.#options.sockets?.share(message.round, plane.data.portHandles)
    else if (message.kind === 'pause') runInBackground(this.#pause(plane))
    else if (message.kind === 'resume') runInBackground(this.#resume(plane.data, message.sockets))
    else dispatch(plane.handlers, message)
  }

  #take(number: number): DataPlaneChange | undefined {
    const prepared = this.#prepared.get(number)
    this.#prepared.delete(number)
    return prepared
  }

  async #cancel(number: number): Promise<void> {
    this.#preparing.delete(number)
    await this.#take(number)?.cancel()
  }

  async #prepare({ number, settings: text, sockets }: Extract<ToWorker, { kind: 'prepare' }>): Promise<void> {
    const settings = readSettings(text)
    this.#preparing.add(number)
    try {
      const change = await (this.#plane?.prepare(settings) ?? this.#begin(settings, sockets))
      // Cancelled meanwhile, because another worker could not open its ports.
      if (!this.#preparing.delete(number)) return void (await change.cancel())
      this.#prepared.set(number, change)
      this.#send({ kind: 'prepared', number, addresses: this.#plane?.data.addresses ?? [] })
    } catch (error) {
      this.#preparing.delete(number)
      this.#send({ kind: 'unprepared', number, error: plainError(error) })
    }
  }

  /** The first settings hold at once. @param sockets so many are open already, and come */
  async #begin(settings: WorkerSettings, sockets: number): Promise<DataPlaneChange> {
    const { clock, opening, users } = this.#options
    const inherited = new InheritedSockets()
    const plane = new WorkerPlane(settings, {
      ...{ clock, opening, inherited, users, send: this.#send },
      sendHello: () => this.#send(this.#hello()),
      writeLog: (line) => this.#log(line),
    })
    // What comes after the settings needs it at once.
    this.#plane = plane
    inherited.add(await this.#received(sockets))
    await plane.data.listen()
    return { commit: () => {}, cancel: async () => {} }
  }

  async #received(count: number): Promise<InheritedSocket[]> {
    return (await this.#options.sockets?.received(count)) ?? []
  }

  /** Before the first settings. */
  #answerIdle(message: ToWorker): void {
    const { kind } = message
    if (kind === 'stop') this.#send({ kind: 'drained' })
    else if (kind === 'pause') this.#send({ kind: 'paused', upstreams: [] })
    else if (kind === 'acknowledge')
      this.#send({ kind: 'acknowledged', asker: message.asker, question: message.question })
  }

  async #pause(plane: WorkerPlane): Promise<void> {
    await closeForSuccessor(plane.data, this.#options.clock)
    this.#report()
    this.#send({ kind: 'paused', upstreams: plane.owned })
  }

  async #resume(data: DataPlane, sockets: number): Promise<void> {
    data.leaseQueue.lendAgain()
    await data.reopenPorts(new InheritedSockets(await this.#received(sockets)))
  }

  #stop(plane: WorkerPlane): void {
    plane.data.stopAccepting()
    this.#awaitDrained(plane.data)
  }

  #awaitDrained(data: DataPlane): void {
    if (data.isBusy) this.#options.clock.after(DRAIN_POLL_MS, () => this.#awaitDrained(data))
    else {
      this.#report()
      this.#send({ kind: 'drained' })
    }
  }

  #log(line: string): void {
    if (this.#lines.length < MAX_LINES) this.#lines.push(line)
  }

  #scheduleReport(): void {
    this.#timer = this.#options.clock.after(REPORT_MS, () => {
      this.#scheduleReport()
      this.#report()
    })
  }

  #report(): void {
    if (this.#plane === undefined || !this.#link.isConnected) return
    this.#send(this.#plane.report())
    if (this.#lines.length > 0) this.#send({ kind: 'log', lines: this.#lines.splice(0) })
  }

  /** Ends everything at once. */
  close(): void {
    this.#timer?.clear()
    this.#report()
    this.#link.close()
    this.#plane?.close()
    this.#plane = undefined
    this.#options.onEnd()
  }
}

/** Before the first settings. */
const NOTHING: Omit<Hello, 'kind' | 'worker'> = {
  ...{ addresses: [], upstreams: [], sessions: [], moved: [], users: [] },
  isEachOwned: false,
}

function plainError(error: unknown): PlainError {
  const { message = 'unexpected error', code, address, port } = error as Partial<PlainError>
  return { message, ...given({ code, address, port }) }
}
