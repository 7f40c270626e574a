/** The store's thread: node:sqlite is synchronous, and the gateway's event loop must not wait for a disk. */
import { parentPort } from 'node:worker_threads'
import { StoreError } from '../errors.ts'
import { toStoreError } from './causes.ts'
import { DatabaseWriter } from './database-writer.ts'
import type { Reply, Request } from './messages.ts'

let writer: DatabaseWriter | undefined

function answer(request: Request): Reply {
  try {
    if (request.kind === 'open') {
      const { writer: opened, opened: found } = DatabaseWriter.open(request)
      writer = opened
      return { kind: 'opened', opened: found }
    }
    if (request.kind === 'close') {
      writer?.close()
      return { kind: 'closed' }
    }
    if (writer === undefined) throw new StoreError('closed', 'the store is not open')
    return { kind: 'committed', refused: writer.commit(request) }
  } catch (error) {
    const { reason, message } = toStoreError(error, 'the store has failed')
    return { kind: 'failed', failure: { reason, message } }
  }
}

parentPort?.on('message', (request: Request) => {
  const reply = answer(request)
  parentPort?.postMessage(reply)
  // Closing the port ends the thread, which closes whatever is open in it.
  if (request.kind === 'close' || (request.kind === 'open' && reply.kind === 'failed')) parentPort?.close()
})
