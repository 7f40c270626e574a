/** Opens the folder: takes the lock, checks the database, sets a damaged one aside. Runs in the store's own thread. */
import { DatabaseSync } from 'node:sqlite'
import { Damage, isBusy, isDamage, textOf, toStoreError } from './causes.ts'
import { StoreBusy, StoreError } from './errors.ts'
import { hasOrphanedJournal, type Paths, pathsIn, prepareFiles, prepareFolder, setAside } from './folder.ts'
import type { Note } from './messages.ts'
import { APPLICATION_ID, SCHEMA, SCHEMA_VERSION } from './schema.ts'

export interface OpenDatabase {
  readonly database: DatabaseSync
  /** Closes the database, then gives the lock back. */
  close(): void
}

/**
 * @param wallMs names a file that is set aside
 * @param use reads what is needed at once: damage that it meets is treated like damage found by the check
 * @throws {StoreBusy} when the folder is in use
 * @throws {StoreError} when folder or files cannot be made, opened or written
 */
export function openDatabase<T>(
  dir: string,
  wallMs: number,
  notes: Note[],
  use: (database: DatabaseSync) => T,
): { open: OpenDatabase; result: T } {
  const paths = pathsIn(dir)
  try {
    prepareFolder(dir, notes)
    prepareFiles(paths, notes)
    const lock = takeLock(paths)
    try {
      return openLocked(paths, wallMs, notes, use, lock)
    } catch (error) {
      lock.close()
      throw error
    }
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

function openLocked<T>(
  paths: Paths,
  wallMs: number,
  notes: Note[],
  use: (database: DatabaseSync) => T,
  lock: DatabaseSync,
): { open: OpenDatabase; result: T } {
  if (hasOrphanedJournal(paths)) startAfresh(paths, wallMs, 'its database is missing, its journal is not', notes)
  try {
    return openChecked(paths, use, lock)
  } catch (error) {
    if (!isDamage(error)) throw error
    startAfresh(paths, wallMs, textOf(error), notes)
    return openChecked(paths, use, lock)
  }
}

function startAfresh(paths: Paths, wallMs: number, why: string, notes: Note[]): void {
  setAside(paths, wallMs, why, notes)
  prepareFiles(paths, notes)
}

function openChecked<T>(
  paths: Paths,
  use: (database: DatabaseSync) => T,
  lock: DatabaseSync,
): { open: OpenDatabase; result: T } {
  const database = new DatabaseSync(paths.database)
  const close = () => {
    database.close()
    lock.close()
  }
  try {
    // Before anything is read: then the journal's index is kept in memory, and there is no third file.
    database.exec('PRAGMA locking_mode = EXCLUSIVE')
    const isNew = isUnused(database)
    if (!isNew) assertOurs(database)
    // Every transaction is on the disk before it counts as done; on a Mac that wants a word of its own.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA fullfsync = ON')
    if (isNew) createTables(database)
    else assertSound(database)
    return { open: { database, close }, result: use(database) }
  } catch (error) {
    database.close()
    if (isBusy(error)) throw new StoreBusy(paths.dir)
    throw error
  }
}

/** Nothing is written before this is known: a file of somebody else's is set aside as it is. */
function assertOurs(database: DatabaseSync): void {
  if (numberOf(database, 'application_id') !== APPLICATION_ID) throw new Damage('it is not a store of Turnpike')
  const version = numberOf(database, 'user_version')
  if (version !== SCHEMA_VERSION)
    throw new Damage(`its version is ${version}, this Turnpike knows version ${SCHEMA_VERSION}`)
}

function assertSound(database: DatabaseSync): void {
  const finding = database.prepare('PRAGMA quick_check(1)').get()?.['quick_check']
  if (finding !== 'ok') throw new Damage(String(finding))
  const reading = database.prepare('SELECT 1 FROM reading').get()
  if (reading === undefined) throw new Damage('it holds no reading of the clocks')
}

function createTables(database: DatabaseSync): void {
  database.exec(`BEGIN IMMEDIATE; ${SCHEMA} INSERT INTO reading VALUES (1, '', 0, 0); COMMIT`)
}

/** Also after a process that was killed before it had made the tables. */
function isUnused(database: DatabaseSync): boolean {
  const isEmpty = database.prepare('SELECT 1 FROM sqlite_schema').get() === undefined
  return isEmpty && numberOf(database, 'user_version') === 0
}

function numberOf(database: DatabaseSync, pragma: 'user_version' | 'application_id'): number {
  return Number(database.prepare(`PRAGMA ${pragma}`).get()?.[pragma])
}
