/** The main thread's client of the store's thread: one request at a time, one answer each. */
import { Worker } from 'node:worker_threads'
import { moduleBeside } from '../../node/module-beside.ts'
import { StoreBusy, StoreError } from '../errors.ts'
import type { Batch, Opened, OpenRequest, Refusal, Reply, Request } from './messages.ts'

/** Starts the thread. Tests pass one that they can end. */
export type Spawn = () => Worker

interface Question {
  readonly resolve: (reply: Reply) => void
  readonly reject: (error: StoreError) => void
}

export function startWorker(): Worker {
  return new Worker(moduleBeside('./worker', import.meta.url))
}

export class WorkerClient {
  readonly #worker: Worker
  readonly #ended: Promise<void>
  #question: Question | undefined
  #isAlive = true

  private constructor(worker: Worker) {
    this.#worker = worker
    worker.on('message', (reply: Reply) => this.#answered(reply))
    // An uncaught error ends the thread: 'exit' follows.
    worker.on('error', (error) => this.#lost(error.message))
    this.#ended = new Promise((resolve) => {
      worker.once('exit', () => {
        this.#lost('it has ended')
        resolve()
      })
    })
  }

  /**
   * Starts a thread and opens the store in it.
   * @throws {StoreError} of the store; then the thread has ended
   */
  static async open(spawn: Spawn, request: OpenRequest): Promise<{ client: WorkerClient; opened: Opened }> {
    const client = new WorkerClient(spawn())
    try {
      const reply = await client.#ask({ kind: 'open', ...request })
      if (reply.kind === 'opened') return { client, opened: reply.opened }
      const error = failureOf(reply)
      throw error.reason === 'busy' ? new StoreBusy(request.dir) : error
    } catch (error) {
      await client.#ended
      throw error
    }
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  /** @throws {StoreError} nothing was recorded; with reason `crashed` the result is unknown */
  async commit(batch: Batch): Promise<readonly Refusal[]> {
    const reply = await this.#ask({ kind: 'commit', ...batch })
    if (reply.kind === 'committed') return reply.refused
    throw failureOf(reply)
  }

  /** Resolves when the thread has ended. @throws {StoreError} when the file could not be closed in order */
  async close(): Promise<void> {
    if (!this.#isAlive) return this.#ended
    const reply = await this.#ask({ kind: 'close' })
    await this.#ended
    if (reply.kind === 'failed') throw failureOf(reply)
  }

  #ask(request: Request): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (!this.#isAlive) return reject(crashed('it has ended'))
      this.#question = { resolve, reject }
      this.#worker.postMessage(request)
    })
  }

  #answered(reply: Reply): void {
    const question = this.#question
    this.#question = undefined
    question?.resolve(reply)
  }

  #lost(why: string): void {
    this.#isAlive = false
    const question = this.#question
    this.#question = undefined
    question?.reject(crashed(why))
  }
}

function crashed(why: string): StoreError {
  return new StoreError('crashed', `the thread of the store is lost: ${why}`)
}

function failureOf(reply: Reply): StoreError {
  return reply.kind === 'failed'
    ? new StoreError(reply.failure.reason, reply.failure.message)
    : new StoreError('failed', `the store answers with "${reply.kind}"`)
}
