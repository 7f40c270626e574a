/** One gateway per folder. Held by the gateway's own thread, from its start to its end: the store's thread may come and go. */
import { DatabaseSync } from 'node:sqlite'
import { StoreBusy, StoreError } from '../errors.ts'
import { isBusy, isDamage, toStoreError } from './causes.ts'
import { type Paths, pathsIn, prepareFile, prepareFolder } from './folder.ts'
import type { Note } from './messages.ts'

export interface FolderLock {
  /** Gives the folder back. */
  release(): void
}

/**
 * Makes the folder where it is missing, and takes it.
 * @throws {StoreBusy} when the folder is in use
 * @throws {StoreError} when folder or file cannot be made, opened or written
 */
export function lockFolder(dir: string, notes: Note[]): FolderLock {
  try {
    const paths = pathsIn(dir)
    prepareFolder(dir, notes)
    prepareFile(paths.lock, notes)
    const lock = takeLock(paths)
    return { release: () => lock.close() }
  } catch (error) {
    throw toStoreError(error, `the store in ${dir} cannot be opened`)
  }
}

/**
 * A transaction that never ends, on an empty database: the operating system holds the lock (fcntl; LockFileEx) and gives
 * it back when the process ends, however it ends. It is a file of its own so that nobody sets aside a database that
 * another process has just made.
 */
function takeLock(paths: Paths): DatabaseSync {
  const lock = new DatabaseSync(paths.lock)
  try {
    lock.exec('PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    return lock
  } catch (error) {
    lock.close()
    if (isBusy(error)) throw new StoreBusy(paths.dir)
    if (!isDamage(error)) throw error
    throw new StoreError('failed', `${paths.lock} is not the lock of a store: move it away`)
  }
}
