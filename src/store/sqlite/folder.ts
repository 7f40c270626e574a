/** The folder and files of the store: their permissions, and the handling of damaged ones. */
import { chmodSync, closeSync, mkdirSync, openSync, readdirSync, renameSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isoTime } from '../../clock.ts'
import type { Note } from './messages.ts'

const DATABASE = 'turnpike.db'
const LOCK = 'turnpike.lock'
/** The files that SQLite adds beside a database. */
const COMPANIONS = ['', '-wal', '-journal', '-shm']

const PRIVATE_FOLDER = 0o700
const PRIVATE_FILE = 0o600
const OTHERS = 0o077

export interface Paths {
  readonly dir: string
  readonly database: string
  readonly lock: string
}

export function pathsIn(dir: string): Paths {
  return { dir, database: join(dir, DATABASE), lock: join(dir, LOCK) }
}

/**
 * Creates the folder, or restricts access to an existing one of this store. A folder with other files in it
 * (`state: { path: . }`) is not restricted: only the store's files are, and the operator is informed.
 * @throws the file system's error
 */
export function prepareFolder(dir: string, notes: Note[]): void {
  makeFolder(dir)
  if (!isOpenToOthers(dir)) return
  const entries = readdirSync(dir)
  if (entries.length === 0 || entries.includes(DATABASE)) tighten(dir, PRIVATE_FOLDER, notes)
  else notes.push({ level: 'warn', message: 'the folder of the store is open to other users', file: dir })
}

/**
 * Creates the folder if it is missing.
 * @throws the file system's error
 *
 * The last step is not recursive: with `recursive`, Node reports a read-only file system as a missing folder.
 */
export function makeFolder(dir: string): void {
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory() === true) return
  mkdirSync(dirname(dir), { recursive: true, mode: PRIVATE_FOLDER })
  mkdirSync(dir, { mode: PRIVATE_FOLDER })
}

/** As `prepareFile`; reports an empty database, because its contents are lost. */
export function prepareDatabase(paths: Paths, notes: Note[]): void {
  // Left by a process that was killed just after its start, or by a full disk.
  if (exists(paths.database) && sizeOf(paths.database) === 0)
    notes.push({ level: 'warn', message: 'the database of the store is empty: it is begun anew', file: paths.database })
  prepareFile(paths.database, notes)
}

/**
 * Creates a file for SQLite with private permissions from the start (SQLite gives the journal the permissions of its database).
 * An existing file is never opened here: closing it would release every lock of this process.
 */
export function prepareFile(path: string, notes: Note[]): void {
  makePrivate(path)
  for (const companion of COMPANIONS) {
    if (isOpenToOthers(path + companion)) tighten(path + companion, PRIVATE_FILE, notes)
  }
}

function makePrivate(path: string): void {
  try {
    closeSync(openSync(path, 'wx', PRIVATE_FILE))
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  }
}

function isOpenToOthers(path: string): boolean {
  if (process.platform === 'win32') return false
  const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0
  return (mode & OTHERS) !== 0
}

/** Fails when another user owns the file: then the operator must act. */
function tighten(path: string, mode: number, notes: Note[]): void {
  try {
    chmodSync(path, mode)
  } catch {
    notes.push({ level: 'warn', message: 'a file of the store is open to other users', file: path })
  }
}

/** Whether there is a journal without a database, or beside an empty one. SQLite would delete it. */
export function hasOrphanedJournal(paths: Paths): boolean {
  return sizeOf(paths.database) === 0 && sizeOf(`${paths.database}-wal`) > 0
}

/** @returns undefined when there is none */
export function fileAt(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false })
  return found && `${found.dev}:${found.ino}`
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

/**
 * Renames the database and its other files to `*.damaged-<time>`, a name that does not exist yet. Nothing is deleted.
 * The caller holds the store's lock and has closed the database.
 * @param wallMs for the name
 */
export function setAside(paths: Paths, wallMs: number, why: string, notes: Note[]): void {
  const stem = `${paths.database}.damaged-${isoTime(wallMs).replaceAll(/[-:]/g, '')}`
  let aside = stem
  for (let n = 2; COMPANIONS.some((companion) => exists(aside + companion)); n++) aside = `${stem}-${n}`
  for (const companion of COMPANIONS) {
    if (exists(paths.database + companion)) renameSync(paths.database + companion, aside + companion)
  }
  notes.push({ level: 'error', message: 'the store is damaged: it is set aside and a new one begun', file: aside, why })
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
}
