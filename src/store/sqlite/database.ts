/** Opens the database: checks it, and renames a damaged one. */
import { DatabaseSync } from 'node:sqlite'
import { StoreBusy } from '../errors.ts'
import { Damage, isBusy, isDamage, textOf, toStoreError } from './causes.ts'
import { hasOrphanedJournal, makeFolder, type Paths, pathsIn, prepareDatabase, setAside } from './folder.ts'
import type { Note } from './messages.ts'
import { APPLICATION_ID, LATER_TABLES, SCHEMA, SCHEMA_VERSION } from './schema.ts'

/**
 * The caller holds the folder's lock, or acts for its holder.
 * @param wallMs for the name of a renamed file
 * @param use reads what is needed at once: damage found here is treated like damage found by the check
 * @throws {StoreBusy} when another program holds the database
 * @throws {StoreError} when folder or files cannot be made, opened or written
 */
export function openDatabase<T>(
  dir: string,
  wallMs: number,
  notes: Note[],
  use: (database: DatabaseSync) => T,
): { database: DatabaseSync; result: T } {
  const paths = pathsIn(dir)
  try {
    makeFolder(dir)
    prepareDatabase(paths, notes)
    if (hasOrphanedJournal(paths)) startAfresh(paths, wallMs, 'its database is missing, its journal is not', notes)
    try {
      return openChecked(paths, use)
    } catch (error) {
      if (!isDamage(error)) throw error
      startAfresh(paths, wallMs, textOf(error), notes)
      return openChecked(paths, use)
    }
  } catch (error) {
    throw toStoreError(error, `the store in ${dir} cannot be opened`)
  }
}

function startAfresh(paths: Paths, wallMs: number, why: string, notes: Note[]): void {
  setAside(paths, wallMs, why, notes)
  prepareDatabase(paths, notes)
}

function openChecked<T>(paths: Paths, use: (database: DatabaseSync) => T): { database: DatabaseSync; result: T } {
  const database = new DatabaseSync(paths.database)
  try {
    // Before the first read: then the journal's index is kept in memory, and there is no third file.
    database.exec('PRAGMA locking_mode = EXCLUSIVE')
    const isNew = isUnused(database)
    if (!isNew) assertOurs(database)
    // Every transaction is on the disk before it counts as done; macOS needs its own pragma for it.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA fullfsync = ON')
    if (isNew) createTables(database)
    else assertSound(database)
    database.exec(LATER_TABLES)
    return { database, result: use(database) }
  } catch (error) {
    database.close()
    if (isBusy(error)) throw new StoreBusy(paths.dir)
    throw error
  }
}

/** Checked before any write: a file of another program is renamed unchanged. */
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

/** Also after a process that was killed before it had created the tables. */
function isUnused(database: DatabaseSync): boolean {
  const isEmpty = database.prepare('SELECT 1 FROM sqlite_schema').get() === undefined
  return isEmpty && numberOf(database, 'user_version') === 0
}

function numberOf(database: DatabaseSync, pragma: 'user_version' | 'application_id'): number {
  return Number(database.prepare(`PRAGMA ${pragma}`).get()?.[pragma])
}

export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    database.exec('COMMIT')
    return result
  } catch (error) {
    // After some errors (a full disk) SQLite has already rolled back.
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

/** Greater than every recorded call number. */
export function nextCallOf(database: DatabaseSync): number {
  return Number(database.prepare('SELECT coalesce(max(id), 0) + 1 AS next FROM calls').get()?.['next'])
}
