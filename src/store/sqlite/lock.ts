/** One gateway per folder. Held by the main thread of the gateway from start to end: the store's thread may be restarted. */
import { DatabaseSync } from 'node:sqlite'
import { StoreBusy, StoreError } from '../errors.ts'
import { isBusy, isDamage, toStoreError } from './causes.ts'
import { fileAt, type Paths, pathsIn, prepareFile, prepareFolder } from './folder.ts'
import type { Note } from './messages.ts'

export interface FolderLock {
  /** False: its file was removed or replaced, and another process may have the folder. */
  readonly isInPlace: boolean
  /** Releases the folder. */
  release(): void
}

/**
 * Creates the folder if it is missing, and locks it.
 * @throws {StoreBusy} when the folder is in use
 * @throws {StoreError} when folder or file cannot be created, opened or written
 */
export function lockFolder(dir: string, notes: Note[]): FolderLock {
  try {
    const paths = pathsIn(dir)
    prepareFolder(dir, notes)
    prepareFile(paths.lock, notes)
    const lock = takeLock(paths)
    const file = fileAt(paths.lock)
    return {
      get isInPlace() {
        return fileAt(paths.lock) === file
      },
      release: () => void (lock.isOpen && lock.close()),
    }
  } catch (error) {
    throw toStoreError(error, `the store in ${dir} cannot be opened`)
  }
}

/**
 * A transaction that never ends, on an empty database: the operating system holds the lock (fcntl; LockFileEx) and releases it
 * when the process ends, in whatever way. It is a separate file so that no process renames a database that another process has
 * just created.
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
