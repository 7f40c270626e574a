/** Stands for the store's thread with the real database, in this thread: for tests whose clock does not run by itself. */
import { EventEmitter } from 'node:events'
import type { Worker } from 'node:worker_threads'
import { DatabaseWriter } from '../../../src/store/sqlite/database-writer.ts'
import type { Reply, Request } from '../../../src/store/sqlite/messages.ts'

class InProcessThread extends EventEmitter {
  #writer: DatabaseWriter | undefined

  postMessage(request: Request): void {
    const reply = this.#answer(request)
    queueMicrotask(() => this.emit('message', reply))
    if (request.kind === 'close') queueMicrotask(() => this.emit('exit', 0))
  }

  #answer(request: Request): Reply {
    if (request.kind === 'open') {
      const { writer, opened } = DatabaseWriter.open(request)
      this.#writer = writer
      return { kind: 'opened', opened }
    }
    if (request.kind === 'commit' && this.#writer !== undefined)
      return { kind: 'committed', refused: this.#writer.commit(request) }
    this.#writer?.close()
    return { kind: 'closed' }
  }
}

// Of a Worker the store uses events and postMessage only.
export const inProcessThread = (): Worker => new InProcessThread() as unknown as Worker
