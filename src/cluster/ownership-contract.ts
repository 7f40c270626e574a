/** What ownership of addresses with limits needs of a host, and what it works for. */
import type { Clock } from '../clock.ts'
import type { Pool } from '../pool/pool.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { Wants } from '../proxy/lease-queue.ts'
import type { ScriptRunner } from '../store/redis/script.ts'
import type { ServerTime } from '../store/redis/server-time.ts'
import type { ClusterStore } from './cluster-store.ts'

export interface OwnershipSettings {
  /** Clients that one address is for. */
  readonly perAddress: number
  /** What is open through an address of a host that is cut off has ended so long after that host may lend it no more, ms. */
  readonly holdMs: number
  /** Some clients may use an address so often only: of a dead host's it is not known how often that was. */
  readonly countsUses: boolean
}

export interface OwnershipTimes {
  /** A host that cannot reach the store lends what it owns for so long, ms. */
  readonly lendMs: number
  /** After a failover each host that is alive says within so long what it owns; before, no host claims, ms. */
  readonly quietMs: number
}

export interface OwnershipDeps {
  readonly clock: Clock
  readonly runner: ScriptRunner
  readonly host: string
  readonly store: Pick<ClusterStore, 'tell' | 'digestOf' | 'sessionOf'>
  readonly time: ServerTime
  readonly settings: () => OwnershipSettings
  /** Shorter in a simulation. */
  readonly times?: OwnershipTimes
}

/** What addresses are shared out for. */
export interface OwnershipParts {
  readonly pool: Pool
  /** What clients wait for. */
  wants(): Wants
  /** The session that has an exclusive address alone here. */
  aloneOn(upstream: Upstream): string | undefined
  /** A session has the address alone: the others here leave it. @returns whether that session lives on it here */
  leaveTo(sessionKey: string | undefined, upstream: Upstream): boolean
  /** Another host is to lend the address: nothing is kept connected to it here for a client that may come. */
  handedOver(upstream: Upstream): void
  /** Another host may lend the address: what is open through it must end. */
  endLeases(upstream: Upstream): void
  /** Waiting clients should ask again. */
  review(): void
  /** Leases of clients that were demand for addresses, ever. */
  asked(): number
}

/** Addresses with limits that the other hosts lack, have too many of, and what their clients need in all. */
export interface OthersWants {
  readonly needs: number
  readonly spare: number
  readonly demand: number
}
