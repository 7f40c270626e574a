import { EventEmitter } from 'node:events'
import type { Worker } from 'node:worker_threads'
import type { Change, Failure, Reply, Request } from '../../../src/store/sqlite/messages.ts'

/**
 * Stands for the store's thread: opens at once, keeps every batch, and answers it when the test says so.
 * `threads` holds every one that was started, in order.
 */
export class FakeThread extends EventEmitter {
  readonly requests: Request[] = []

  postMessage(request: Request): void {
    this.requests.push(request)
    if (request.kind === 'open') this.#reply({ kind: 'opened', opened: { notes: [], nextCall: 1 } })
    if (request.kind === 'close') {
      this.#reply({ kind: 'closed' })
      queueMicrotask(() => this.emit('exit', 0))
    }
  }

  /** The batches that came, oldest first. */
  get batches(): (readonly Change[])[] {
    return this.requests.flatMap((request) => (request.kind === 'commit' ? [request.changes] : []))
  }

  commits(refused: readonly { index: number; message: string }[] = []): void {
    this.emit('message', { kind: 'committed', refused } satisfies Reply)
  }

  fails(reason: Failure['reason'], message: string = reason): void {
    this.emit('message', { kind: 'failed', failure: { reason, message } } satisfies Reply)
  }

  dies(): void {
    this.emit('error', new Error('out of memory'))
    this.emit('exit', 1)
  }

  #reply(reply: Reply): void {
    queueMicrotask(() => this.emit('message', reply))
  }
}

export function fakeThreads(): { threads: FakeThread[]; spawn: () => Worker } {
  const threads: FakeThread[] = []
  const spawn = () => {
    const thread = new FakeThread()
    threads.push(thread)
    // Of a Worker the store uses events and postMessage only.
    return thread as unknown as Worker
  }
  return { threads, spawn }
}
