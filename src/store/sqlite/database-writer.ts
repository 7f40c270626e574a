/** Reads and writes the database synchronously, therefore in its own thread while clients are served. */
import type { DatabaseSync } from 'node:sqlite'
import { StoreError } from '../errors.ts'
import { isRefusal, textOf, toStoreError } from './causes.ts'
import { Changes } from './changes.ts'
import { inTransaction, nextCallOf, openDatabase } from './database.ts'
import { fileAt, type Paths, pathsIn } from './folder.ts'
import type { Batch, Note, Opened, OpenRequest, Refusal } from './messages.ts'
import { prune, writeReading } from './restore.ts'

const PRUNE_EVERY_MS = 60_000

export class DatabaseWriter {
  readonly #database: DatabaseSync
  readonly #changes: Changes
  readonly #paths: Paths
  readonly #file: string | undefined
  #prunedAtMs: number

  private constructor(database: DatabaseSync, dir: string, nowMs: number) {
    this.#database = database
    this.#paths = pathsIn(dir)
    this.#file = fileAt(this.#paths.database)
    this.#changes = new Changes(database)
    this.#prunedAtMs = nowMs
  }

  /**
   * While the process runs: what is recorded is its own, and the calls in flight continue.
   * @throws {StoreError} as `openDatabase` does
   */
  static open({ dir, reading }: OpenRequest): { writer: DatabaseWriter; opened: Opened } {
    const notes: Note[] = []
    const { database, result: nextCall } = openDatabase(dir, reading.wallMs, notes, (opened) => {
      // A new file for a running process (the old one was renamed) needs the present boot.
      inTransaction(opened, () => writeReading(opened, reading))
      return nextCallOf(opened)
    })
    return { writer: new DatabaseWriter(database, dir, reading.bootMs), opened: { notes, nextCall } }
  }

  /**
   * One transaction, on the disk when this returns.
   * @returns the changes that cannot be stored; the others are
   * @throws {StoreError} when nothing was stored
   */
  commit({ reading, changes }: Batch): readonly Refusal[] {
    const database = this.#database
    try {
      this.#assertInPlace()
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
      throw toStoreError(error, `the store in ${this.#paths.dir} cannot be written`)
    }
  }

  /** What is written to a file that was removed is lost when the process ends. */
  #assertInPlace(): void {
    const { dir, database } = this.#paths
    if (fileAt(database) !== this.#file)
      throw new StoreError('removed', `the files of the store in ${dir} were removed or replaced`)
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
