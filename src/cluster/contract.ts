/** What one host of a cluster needs, and what it works for. */
import type { Clock } from '../clock.ts'
import type { Log } from '../log/log.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { RedisAccountStore } from '../store/redis/redis-account-store.ts'
import type { ScriptRunner } from '../store/redis/script.ts'
import type { Supply } from '../supply/supply.ts'
import type { ClusterStore } from './cluster-store.ts'
import type { Ownership } from './ownership.ts'
import type { OwnershipParts } from './ownership-contract.ts'
import type { PoolEntries } from './pool-entry.ts'

export interface MemberDeps {
  readonly clock: Clock
  readonly log: Log
  readonly runner: ScriptRunner
  readonly host: string
  /** Of the planner's lease that the process before this one had, as the same host. */
  readonly token: string | undefined
  readonly store: ClusterStore
  readonly accounts: RedisAccountStore
  readonly entries: PoolEntries
  /** Undefined where addresses have no limits: all hosts lend them. */
  readonly owners: Ownership | undefined
}

/** What the host works for; known once the rest of the gateway is there. */
export interface MemberParts extends Omit<OwnershipParts, 'asked'> {
  readonly supply: Supply
  /** A session has moved, on this host or another one. */
  sessionMoved(key: string, upstream: Upstream): void
  /** Sessions may have moved on other hosts without the knowledge of this one. */
  markSessionsUnconfirmed(): void
  /** The same of one session, which this host and another one have moved. */
  markSessionUnconfirmed(key: string): void
}
