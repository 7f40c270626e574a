/**
 * Another process of this machine goes on as this host of the cluster (`start --takeover`): with its name, its lease, and the
 * addresses that it owns. So the other hosts notice nothing. Until the other process serves, this one can go on instead.
 */
import { given } from '../given.ts'
import { StoreError } from '../store/errors.ts'
import type { PausableRunner } from '../store/redis/pausable-runner.ts'
import type { RedisAccountStore } from '../store/redis/redis-account-store.ts'
import { type FolderLock, lockFolder } from '../store/sqlite/lock.ts'
import type { ClusterHost } from '../takeover/messages.ts'
import type { ClusterStore } from './cluster-store.ts'
import type { ClusterMember } from './member.ts'
import type { Ownership } from './ownership.ts'

interface SuccessionParts {
  readonly name: string
  readonly runner: PausableRunner
  readonly member: ClusterMember
  readonly store: ClusterStore
  readonly accounts: RedisAccountStore
  readonly owners: Ownership | undefined
}

/** What was said has arrived within so long, or the other process is refused, ms. */
const FLUSH_MS = 2_000

export class Succession {
  readonly #dir: string
  readonly #parts: SuccessionParts
  #lock: FolderLock | undefined

  /**
   * @param dir the folder of the state: it shows which gateway is to be taken over
   * @throws {StoreBusy} when another gateway uses it
   * @throws {StoreError} when it cannot be made or opened
   */
  constructor(dir: string, parts: SuccessionParts) {
    this.#dir = dir
    this.#parts = parts
    this.#lock = lockFolder(dir, [])
  }

  /** Who the other process is to be. */
  get host(): ClusterHost {
    const { name, member } = this.#parts
    return { name, ...given({ token: member.token }) }
  }

  /** Resolves when what was said has arrived. @throws {StoreError} when the store does not answer */
  async flush(): Promise<void> {
    const { store, accounts, owners } = this.#parts
    const signal = AbortSignal.timeout(FLUSH_MS)
    try {
      await Promise.all([store.flush(signal), accounts.flush(signal), owners?.flush(signal)])
    } catch {
      throw new StoreError('failed', 'the store of the cluster does not answer')
    }
  }

  /**
   * Nothing more is sent to the cluster's store, and nothing is on its way there.
   * @throws {StoreError} when the store does not answer; then nothing has changed
   */
  async suspend(): Promise<void> {
    const { runner, member } = this.#parts
    await member.pause()
    try {
      await this.flush()
    } catch (error) {
      member.resume()
      throw error
    }
    runner.isPaused = true
    this.#lock?.release()
    this.#lock = undefined
  }

  /** Undoes `suspend`. @throws {StoreBusy} when another process has the folder */
  resume(): void {
    const { runner, member } = this.#parts
    this.#lock ??= lockFolder(this.#dir, [])
    runner.isPaused = false
    member.resume()
  }

  close(): void {
    this.#lock?.release()
  }
}
