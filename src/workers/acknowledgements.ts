/**
 * Waits until the other processes of the gateway have read what this one has sent before. Messages between two processes keep their
 * order: the answer to a question means that every message before the question has taken effect.
 *
 *   worker ──acknowledge──▶ control process ──acknowledge──▶ each other worker ──acknowledged──▶ control process ──acknowledged──▶ worker
 */
import type { Clock, Timer } from '../clock.ts'
import type { Members } from './members.ts'
import type { ToWorker } from './messages.ts'

/** The answer of a process is not awaited for longer, ms: it has ended, or serves no client at the moment. */
const ANSWER_MS = 3_000
/** In place of the number of a worker: the control process asks. */
const CONTROL = -1

interface Open {
  /** False: there is no control process to ask. */
  isAsked: boolean
  missing: number
  readonly then: () => void
  readonly timer: Timer
}

export class Acknowledgements {
  readonly #clock: Clock
  readonly #ask: (question: number) => boolean
  readonly #open = new Map<number, Open>()
  #asked = 0

  /** @param ask asks the others; false: it is not possible now, and `resume` says when it is */
  constructor(clock: Clock, ask: (question: number) => boolean) {
    this.#clock = clock
    this.#ask = ask
  }

  /** Calls back exactly once, perhaps at once. */
  awaitAll(then: () => void): void {
    const question = ++this.#asked
    const timer = this.#clock.after(ANSWER_MS, () => this.#end(question))
    const open = { isAsked: false, missing: 0, then, timer }
    this.#open.set(question, open)
    this.#askOnce(question, open)
  }

  #askOnce(question: number, open: Open): void {
    if (open.isAsked) return
    // An answer may come before `ask` returns.
    open.isAsked = true
    open.isAsked = this.#ask(question)
  }

  /** The control process has ended: another one is asked. */
  suspend(): void {
    for (const open of this.#open.values()) Object.assign(open, { isAsked: false, missing: 0 })
  }

  /** There is a control process to ask. */
  resume(): void {
    for (const [question, open] of this.#open) this.#askOnce(question, open)
  }

  /** So many processes are asked. To be called before any of them has answered. */
  expect(question: number, processes: number): void {
    this.#count(question, processes)
  }

  /** One of them has answered. */
  received(question: number): void {
    this.#count(question, -1)
  }

  #count(question: number, by: number): void {
    const open = this.#open.get(question)
    if (open === undefined) return
    open.missing += by
    if (open.missing === 0) this.#end(question)
  }

  #end(question: number): void {
    const open = this.#open.get(question)
    this.#open.delete(question)
    open?.timer.clear()
    open?.then()
  }

  /** No answer comes any more. */
  close(): void {
    for (const question of [...this.#open.keys()]) this.#end(question)
  }
}

/** The side of the control process: it asks all workers, for itself or for one of them. */
export class AcknowledgementsOfWorkers {
  readonly #members: Members
  readonly #send: (worker: number, message: ToWorker) => void
  readonly #own: Acknowledgements

  constructor(clock: Clock, members: Members, send: (worker: number, message: ToWorker) => void) {
    this.#members = members
    this.#send = send
    this.#own = new Acknowledgements(clock, (question) => this.ask(CONTROL, question))
  }

  /** Resolves when all workers have read what this process has sent before. */
  awaitAll(): Promise<void> {
    return new Promise((resolve) => this.#own.awaitAll(resolve))
  }

  /** Asks all workers but the asker. @returns true: each question is answered */
  ask(asker: number, question: number): boolean {
    this.#members.whenAllHaveReported(() => this.#askNow(asker, question))
    return true
  }

  #askNow(asker: number, question: number): void {
    const others = this.#members.connected.filter((worker) => worker !== asker)
    if (asker === CONTROL) this.#own.expect(question, others.length)
    else this.#send(asker, { kind: 'acknowledging', question, workers: others.length })
    for (const worker of others) this.#send(worker, { kind: 'acknowledge', asker, question })
  }

  /** A worker has answered. */
  answered(asker: number, question: number): void {
    if (asker === CONTROL) this.#own.received(question)
    else this.#send(asker, { kind: 'acknowledged', question })
  }

  close(): void {
    this.#own.close()
  }
}
