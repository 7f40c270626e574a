/** The state folder: what an earlier process left in it, and the store that records into it. */
import type { Clock } from '../../clock.ts'
import type { GoneReason } from '../../pool/upstream.ts'
import type { ChannelHolder } from '../account-store.ts'
import type { CallId, CallStart, HandoverStore, Restored, StoredUpstream, UserUsage } from '../contract.ts'
import { lockFolder } from './lock.ts'
import type { Note } from './messages.ts'
import { logNotes, Recorder, type RecorderDeps } from './recorder.ts'
import { takeOver } from './restore.ts'
import { type Moment, toPendingRow, toRow } from './rows.ts'
import { type BootClock, readClocks, systemBoot } from './time.ts'
import { type Spawn, startWorker, WorkerClient } from './worker-client.ts'

interface StoreDeps extends Pick<RecorderDeps, 'clock' | 'log'> {
  /** Default: this machine's. */
  readonly boot?: BootClock
  /** Default: a thread that runs worker.ts. */
  readonly spawn?: Spawn
  /** Whether the thread is started at once: for who is going to record calls, so that the first need not wait for it. */
  readonly eager?: boolean
}

/**
 * Takes the folder, or makes it, and reads what an earlier process left: here and now, while no client is served who would
 * have to wait for the disk. Unless it is wanted at once, the thread starts with the first change: a gateway that records
 * nothing does without its memory, 12 MB and more.
 * @throws {StoreBusy} when another process uses it
 * @throws {StoreError} when it cannot be read or written (a damaged file is renamed instead, and logged)
 */
export async function openStore(dir: string, deps: StoreDeps): Promise<{ store: HandoverStore; restored: Restored }> {
  const { clock, log, spawn = startWorker, eager = false } = deps
  const boot = deps.boot ?? (await systemBoot(clock))
  const reading = readClocks(clock, boot)
  const notes: Note[] = []
  const lock = lockFolder(dir, notes)
  try {
    const found = takeOver(dir, reading, clock.now())
    const client = eager ? (await WorkerClient.open(spawn, { dir, reading })).client : undefined
    logNotes(log, [...notes, ...found.notes])
    const recorder = new Recorder(dir, { clock, log, boot, spawn }, lock, client, found.nextCall)
    return { store: new DurableStore(recorder, { clock, boot }), restored: found.restored }
  } catch (error) {
    lock.release()
    throw error
  }
}

class DurableStore implements HandoverStore {
  readonly #recorder: Recorder
  readonly #clock: Clock
  readonly #boot: BootClock

  constructor(recorder: Recorder, { clock, boot }: { clock: Clock; boot: BootClock }) {
    this.#recorder = recorder
    this.#clock = clock
    this.#boot = boot
  }

  get #moment(): Moment {
    return { clockMs: this.#clock.now(), bootMs: this.#boot.sinceBootMs() }
  }

  async callBegins(call: CallStart): Promise<CallId> {
    const id = this.#recorder.nextCall++
    await this.#recorder.durable({ kind: 'call-began', id, ...call, atMs: this.#boot.sinceBootMs() })
    return id
  }

  callEnded(id: CallId, answered: boolean, sold: number): void {
    this.#recorder.lazy({ kind: 'call-ended', id, answered, sold, atMs: this.#boot.sinceBootMs() })
  }

  callUndone(id: CallId): void {
    this.#recorder.lazy({ kind: 'call-undone', id })
  }

  callResolved(id: CallId, sold: number): void {
    this.#recorder.lazy({ kind: 'call-resolved', id, sold })
  }

  async bought(upstreams: readonly StoredUpstream[]): Promise<void> {
    if (upstreams.length === 0) return
    // One for all: rows of one purchase are dated alike.
    const at = this.#moment
    await this.#recorder.durable({
      kind: 'bought',
      upstreams: upstreams.map((upstream) => toRow(upstream, at)),
    })
  }

  pending(account: string, lines: readonly ChannelHolder[]): void {
    const at = this.#moment
    const rows = lines.map((line) => toPendingRow(line, at))
    this.#recorder.lazy({ kind: 'pending', account, lines: rows })
  }

  pendingOver(account: string, lines: readonly { readonly id: string }[]): void {
    this.#recorder.lazy({ kind: 'pending-over', account, ids: lines.map(({ id }) => id) })
  }

  left(id: string, reason: GoneReason): void {
    if (reason === 'released') this.released(id)
    else if (reason !== 'shutdown') this.#recorder.lazy({ kind: 'left', id, reason })
  }

  released(id: string): void {
    this.#recorder.lazy({ kind: 'released', id })
  }

  opened(id: string, uses = 1): void {
    this.#recorder.lazy({ kind: 'opened', id, uses })
  }

  session(key: string, upstreamId: string): void {
    this.#recorder.session({ kind: 'session', key, upstreamId })
  }

  sessionUsed(key: string): void {
    this.#recorder.sessionUsed(key)
  }

  sessionEnded(key: string): void {
    this.#recorder.session({ kind: 'session-ended', key })
  }

  userUsed(name: string, usage: UserUsage): void {
    const atMs = this.#boot.sinceBootMs()
    this.#recorder.user({ kind: 'user-used', name, usage: JSON.stringify(usage), atMs })
  }

  flush(): Promise<void> {
    return this.#recorder.flush()
  }

  suspend(): Promise<void> {
    return this.#recorder.suspend()
  }

  resume(): void {
    this.#recorder.resume()
  }

  close(): Promise<void> {
    return this.#recorder.close()
  }
}
