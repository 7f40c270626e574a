/** The meaning of errors of SQLite and of the file system for the store. */
import { StoreError, type StoreReason } from '../errors.ts'

/** https://www.sqlite.org/rescode.html, primary codes (the low byte of an extended one). */
const BUSY = 5
const reasonOfSqlite: Readonly<Record<number, StoreReason>> = {
  3: 'no-access',
  7: 'failed',
  8: 'read-only',
  10: 'failed',
  11: 'damaged',
  13: 'full',
  14: 'no-access',
  26: 'damaged',
}
/** SQLITE_IOERR_SHORT_READ: the file ends before it should. */
const SHORT_READ = 522

const reasonOfSystem: Readonly<Record<string, StoreReason>> = {
  ENOSPC: 'full',
  EDQUOT: 'full',
  EROFS: 'read-only',
  EACCES: 'no-access',
  EPERM: 'no-access',
}

const words: Readonly<Partial<Record<StoreReason, string>>> = {
  full: 'the disk is full',
  'read-only': 'the file system is read-only',
  'no-access': 'access to its folder or file is denied',
  damaged: 'its file is damaged',
}

/** SQLite's result code, extended if there is one; undefined for other errors. */
function sqliteCode(error: unknown): number | undefined {
  const code = typeof error === 'object' && error !== null && 'errcode' in error ? error.errcode : undefined
  return typeof code === 'number' ? code : undefined
}

export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error)
  return code !== undefined && (code & 0xff) === BUSY
}

/**
 * @returns undefined when the environment is not the cause: the change itself, or the file's content, is invalid
 */
function reasonOf(error: unknown): StoreReason | undefined {
  const code = sqliteCode(error)
  if (code === SHORT_READ) return 'damaged'
  if (code !== undefined) return reasonOfSqlite[code & 0xff]
  const name = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  if (typeof name !== 'string' || !('syscall' in (error as object))) return undefined
  return reasonOfSystem[name] ?? 'failed'
}

/** The file is readable, but it is not a store, or of a version that this one does not support. */
export class Damage extends Error {}

/** Whether the content of the file is the cause, judged by an error while opening or reading it. */
export function isDamage(error: unknown): boolean {
  if (error instanceof Damage) return true
  return sqliteCode(error) !== undefined && !isBusy(error) && [undefined, 'damaged'].includes(reasonOf(error))
}

/** Whether one change is the cause, and the others of its batch can be stored without it. */
export function isRefusal(error: unknown): boolean {
  return !isBusy(error) && reasonOf(error) === undefined
}

/** @param what such as "the store cannot be written" */
export function toStoreError(error: unknown, what: string): StoreError {
  if (error instanceof StoreError) return error
  const reason = reasonOf(error) ?? 'failed'
  return new StoreError(reason, `${what}: ${words[reason] ?? textOf(error)}`)
}

export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
