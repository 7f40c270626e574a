/**
 * Writes changes through the store's own thread, one batch at a time. Whoever waits shares the next transaction with all
 * others who came meanwhile; what is not waited for is recorded a moment later. After a failure it is tried again.
 */

import type { Clock, Timer } from '../../clock.ts'
import { given } from '../../given.ts'
import { runInBackground } from '../../internal-errors.ts'
import type { Log } from '../../log/log.ts'
import type { CallId } from '../contract.ts'
import { StoreError } from '../errors.ts'
import { type FolderLock, lockFolder } from './lock.ts'
import type { Change, Note, Refusal } from './messages.ts'
import { type BootClock, readClocks } from './time.ts'
import { type Spawn, WorkerClient } from './worker-client.ts'
import { type Entry, type Waiter, WriteQueue } from './write-queue.ts'

export interface RecorderDeps {
  readonly clock: Clock
  readonly log: Log
  readonly boot: BootClock
  readonly spawn: Spawn
}

/** Changes without a waiting caller are recorded this long after they were reported: a crash may lose them. */
const LAZY_MS = 250
const TOUCHES_MS = 10_000
/** After a failure. */
const RETRY_MS = 1_000
/** Handing a batch over copies it on the event loop: half a millisecond for so many (measured). */
const BATCH = 1_000

export class Recorder {
  /** Number of the next call. */
  nextCall: CallId
  readonly #dir: string
  readonly #deps: RecorderDeps
  /** Undefined while another process has the folder. */
  #lock: FolderLock | undefined
  readonly #queue = new WriteQueue()
  /** Undefined until there is something to record. */
  #client: WorkerClient | undefined
  #lazyTimer: Timer | undefined
  #touchTimer: Timer | undefined
  #pumping: Promise<void> | undefined
  /** The failure that lasts; undefined while everything can be recorded. */
  #failure: StoreError | undefined
  /** Before then (clock ms) no other thread is started. */
  #reopenAt = Number.NEGATIVE_INFINITY
  #isClosed = false
  #closing: Promise<void> | undefined

  constructor(dir: string, deps: RecorderDeps, lock: FolderLock, client: WorkerClient | undefined, nextCall: CallId) {
    this.nextCall = nextCall
    this.#dir = dir
    this.#deps = deps
    this.#lock = lock
    this.#client = client
  }

  /** It is recorded within 250 ms, also after a failure; no caller waits for it. */
  lazy(change: Change): void {
    if (this.#isClosed) return
    this.#queue.add(change)
    this.#arm()
  }

  /** Resolves when it is on the disk. @throws {StoreError} when it was not recorded */
  durable(change: Change): Promise<void> {
    return this.#wait((waiter) => this.#queue.addAwaited(change, waiter))
  }

  session(change: Extract<Change, { kind: 'session' | 'session-ended' }>): void {
    if (this.#isClosed) return
    this.#queue.session(change)
    this.#arm()
  }

  user(change: Extract<Change, { kind: 'user-used' }>): void {
    if (this.#isClosed) return
    this.#queue.user(change)
    this.#arm()
  }

  sessionUsed(key: string): void {
    if (this.#isClosed) return
    this.#queue.touch(key)
    this.#arm()
  }

  flush(): Promise<void> {
    return this.#wait((waiter) => this.#queue.mark(waiter))
  }

  async suspend(): Promise<void> {
    // What was said while it was flushed is flushed too.
    do await this.flush()
    while (this.#queue.changes > 0)
    const [lock, client] = [this.#lock, this.#client]
    this.#lock = undefined
    this.#client = undefined
    await this.#pumping
    await client?.close().catch((error: StoreError) => this.#deps.log.warn({ reason: error.reason }, error.message))
    lock?.release()
  }

  resume(): void {
    if (this.#isClosed) return
    this.#lock ??= this.#takeLock()
    if (this.#queue.isDue) this.#pump()
    else this.#arm()
  }

  #takeLock(): FolderLock {
    const notes: Note[] = []
    const lock = lockFolder(this.#dir, notes)
    logNotes(this.#deps.log, notes)
    return lock
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish()
    return this.#closing
  }

  async #finish(): Promise<void> {
    const flushed = this.#lock === undefined ? undefined : this.flush()
    this.#isClosed = true
    const { log } = this.#deps
    try {
      await flushed
    } catch {
      log.error({ changes: this.#queue.changes }, 'the store is closed without its last changes')
    }
    await this.#pumping
    this.#lazyTimer?.clear()
    this.#touchTimer?.clear()
    await this.#client?.close().catch((error: StoreError) => log.warn({ reason: error.reason }, error.message))
    this.#lock?.release()
  }

  #wait(enter: (waiter: Waiter) => void): Promise<void> {
    if (this.#isClosed || this.#lock === undefined)
      return Promise.reject(new StoreError('closed', 'the store is closed'))
    return new Promise((resolve, reject) => {
      enter({ resolve, reject })
      this.#pump()
    })
  }

  /** Sees to it that what waits is recorded some time. */
  #arm(): void {
    if (this.#isClosed || this.#lock === undefined || this.#pumping !== undefined) return
    const { clock } = this.#deps
    if (this.#queue.changes > 0) {
      this.#lazyTimer ??= clock.after(this.#failure === undefined ? LAZY_MS : RETRY_MS, () => {
        this.#lazyTimer = undefined
        this.#queue.changesFallDue()
        this.#pump()
      })
    }
    if (this.#queue.touches > 0) {
      this.#touchTimer ??= clock.after(TOUCHES_MS, () => {
        this.#touchTimer = undefined
        this.#queue.touchesFallDue()
        this.#pump()
      })
    }
  }

  #pump(): void {
    if (this.#pumping !== undefined || this.#lock === undefined) return
    this.#pumping = this.#work().finally(() => {
      this.#pumping = undefined
      // Something may have come after the last look.
      if (this.#lock === undefined) return
      if (this.#queue.isDue) this.#pump()
      else this.#arm()
    })
    runInBackground(this.#pumping)
  }

  async #work(): Promise<void> {
    while (this.#lock !== undefined && this.#queue.isDue) await this.#commit(this.#queue.take(BATCH))
  }

  async #commit(entries: readonly Entry[]): Promise<void> {
    const changes = entries.flatMap(({ change }) => (change === undefined ? [] : [change]))
    try {
      const refused = changes.length === 0 ? [] : await this.#write(changes)
      this.#recorded(entries, refused)
    } catch (error) {
      await this.#failed(entries, error instanceof StoreError ? error : new StoreError('failed', String(error)))
    }
  }

  async #write(changes: readonly Change[]): Promise<readonly Refusal[]> {
    const { clock, boot, log } = this.#deps
    const client = await this.#connected()
    const refused = await client.commit({ reading: readClocks(clock, boot), changes })
    if (this.#failure !== undefined) log.info('the store can be written again')
    this.#failure = undefined
    return refused
  }

  /** @param refused by position among the entries that have a change */
  #recorded(entries: readonly Entry[], refused: readonly Refusal[]): void {
    const reasons = new Map(refused.map(({ index, message }) => [index, message]))
    let index = 0
    for (const { change, waiter } of entries) {
      const message = change === undefined ? undefined : reasons.get(index++)
      if (message === undefined) waiter?.resolve()
      else this.#refused(change?.kind ?? '', message, waiter)
    }
  }

  #refused(kind: string, message: string, waiter: Waiter | undefined): void {
    this.#deps.log.error({ kind, why: message }, 'a change cannot be recorded and is left out')
    waiter?.reject(new StoreError('refused', `the store cannot record this: ${message}`))
  }

  /** Informs every waiting caller, keeps the changes without one, and tries again later. */
  async #failed(entries: readonly Entry[], error: StoreError): Promise<void> {
    this.#tellFailure(error)
    const behind = this.#queue.postpone()
    this.#queue.giveBack(entries.flatMap((entry) => keptAfter(entry, error)))
    for (const { waiter } of entries) waiter?.reject(error)
    for (const waiter of behind) waiter.reject(error)
    // The thread that replaces this one checks the file, or makes another one.
    if (error.reason === 'damaged' || error.reason === 'removed') await this.#client?.close().catch(() => {})
  }

  #tellFailure(error: StoreError): void {
    const { log } = this.#deps
    const isNew = this.#failure?.reason !== error.reason
    this.#failure = error
    if (isNew) log.error({ reason: error.reason }, `${error.message}. Nothing is bought until it can be written`)
    const sessions = this.#queue.takeDropped()
    if (sessions > 0)
      log.warn({ sessions }, 'too many sessions wait to be recorded: the newest will not outlive a restart')
  }

  async #connected(): Promise<WorkerClient> {
    const last = this.#client
    if (last?.isAlive) return last
    const { clock, log, spawn, boot } = this.#deps
    if (clock.now() < this.#reopenAt && this.#failure !== undefined) throw this.#failure
    this.#reopenAt = clock.now() + RETRY_MS
    await last?.close()
    if (this.#lock?.isInPlace === false) {
      this.#lock.release()
      this.#lock = this.#takeLock()
    }
    const { client, opened } = await WorkerClient.open(spawn, { dir: this.#dir, reading: readClocks(clock, boot) })
    logNotes(log, opened.notes)
    // It may hold calls of another process, which had the folder meanwhile.
    this.nextCall = Math.max(this.nextCall, opened.nextCall)
    // The first one has replaced none: it is no reason to wait with a second.
    if (last === undefined) this.#reopenAt = Number.NEGATIVE_INFINITY
    else log.warn('the thread of the store had ended: another one has opened it again')
    this.#client = client
    return client
  }
}

/** What of a failed batch is still to be recorded. */
function keptAfter({ key, change }: Entry, error: StoreError): Entry[] {
  if (change === undefined || change.kind === 'session-used') return []
  if (change.kind !== 'call-began') return [{ key, change }]
  // Whether it was recorded is unknown; the call is not made.
  return error.reason === 'crashed' ? [{ key, change: { kind: 'call-undone', id: change.id } }] : []
}

export function logNotes(log: Log, notes: readonly Note[]): void {
  for (const { level, message, file, why } of notes) log[level](given({ file, why }), message)
}
