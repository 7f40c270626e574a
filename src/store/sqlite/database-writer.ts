/** Reads and writes the database synchronously, therefore in its own thread while clients are served. */
import type { DatabaseSync } from 'node:sqlite'
import { isRefusal, textOf, toStoreError } from './causes.ts'
import { Changes } from './changes.ts'
import { openDatabase } from './database.ts'
import type { Batch, Left, Note, Opened, OpenRequest, Refusal } from './messages.ts'
import { carryOver, prune, readLeft, writeReading } from './restore.ts'
import type { Reading } from './time.ts'

const PRUNE_EVERY_MS = 60_000

export class DatabaseWriter {
  readonly #database: DatabaseSync
  readonly #changes: Changes
  #prunedAtMs: number

  private constructor(database: DatabaseSync, nowMs: number) {
    this.#database = database
    this.#changes = new Changes(database)
    this.#prunedAtMs = nowMs
  }

  /** @throws {StoreError} as `openDatabase` does */
  static open({ dir, reading, isStart }: OpenRequest): { writer: DatabaseWriter; opened: Opened } {
    const notes: Note[] = []
    const { database, result } = openDatabase(dir, reading.wallMs, notes, (opened) => ({
      left: isStart ? takeOver(opened, reading) : goOn(opened, reading),
      nextCall: Number(opened.prepare('SELECT coalesce(max(id), 0) + 1 AS next FROM calls').get()?.['next']),
    }))
    const { left, nextCall } = result
    return {
      writer: new DatabaseWriter(database, reading.bootMs),
      opened: { notes, nextCall, ...(left === undefined ? {} : { left }) },
    }
  }

  /**
   * One transaction, on the disk when this returns.
   * @returns the changes that cannot be stored; the others are
   * @throws {StoreError} when nothing was stored
   */
  commit({ reading, changes }: Batch): readonly Refusal[] {
    const database = this.#database
    try {
      return inTransaction(database, () => {
        const refused: Refusal[] = []
        for (const [index, change] of changes.entries()) {
          try {
            this.#changes.apply(change, reading.bootMs)
          } catch (error) {
            if (!isRefusal(error)) throw error
            refused.push({ index, message: textOf(error) })
          }
        }
        this.#pruneSometimes(reading.bootMs)
        writeReading(database, reading)
        return refused
      })
    } catch (error) {
      throw toStoreError(error, 'the store cannot be written')
    }
  }

  #pruneSometimes(nowMs: number): void {
    if (nowMs - this.#prunedAtMs < PRUNE_EVERY_MS) return
    prune(this.#database, nowMs)
    this.#prunedAtMs = nowMs
  }

  close(): void {
    this.#database.close()
  }
}

function takeOver(database: DatabaseSync, now: Reading): Left {
  const passed = inTransaction(database, () => carryOver(database, now))
  return readLeft(database, passed, now)
}

/** A new file for a running process (the old one was renamed) needs the present boot. */
function goOn(database: DatabaseSync, now: Reading): undefined {
  inTransaction(database, () => writeReading(database, now))
}

function inTransaction<T>(database: DatabaseSync, work: () => T): T {
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
