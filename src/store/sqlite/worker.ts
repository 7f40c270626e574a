/** The store's thread: node:sqlite is synchronous, and the gateway's event loop must not wait for a disk. */
import { parentPort } from 'node:worker_threads'
import { StoreError } from '../errors.ts'
import { toStoreError } from './causes.ts'
import { Keeper } from './database-writer.ts'
import type { Reply, Request } from './messages.ts'

let keeper: Keeper | undefined

function answer(request: Request): Reply {
  try {
    if (request.kind === 'open') {
      const { keeper: opened, opened: found } = Keeper.open(request)
      keeper = opened
      return { kind: 'opened', opened: found }
    }
    if (request.kind === 'close') {
      keeper?.close()
      return { kind: 'closed' }
    }
    if (keeper === undefined) throw new StoreError('closed', 'the store is not open')
    return { kind: 'committed', refused: keeper.commit(request) }
  } catch (error) {
    const { reason, message } = toStoreError(error, 'the store has failed')
    return { kind: 'failed', failure: { reason, message } }
  }
}

parentPort?.on('message', (request: Request) => {
  const reply = answer(request)
  parentPort?.postMessage(reply)
  // With the port closed nothing keeps the thread: it ends, and whatever is open in it is closed.
  if (request.kind === 'close' || (request.kind === 'open' && reply.kind === 'failed')) parentPort?.close()
})
