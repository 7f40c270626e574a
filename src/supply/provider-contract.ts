/** The settings of a provider, its dependencies, and its public state. */
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { Pool } from '../pool/pool.ts'
import type { BudgetLimits, Ceiling } from '../store/account-store.ts'
import type { RestoredUpstream, Store } from '../store/contract.ts'
import type { Source } from '../vendors/contract/source.ts'
import type { Account, Accounts } from './account.ts'
import type { AccountWatch } from './account-watch.ts'
import type { ChannelProbe } from './channel-probe.ts'
import type { FailurePauseSettings } from './failure-pause.ts'
import type { Ingest, IngestCounts, IngestSettings } from './ingest.ts'
import type { CallLatency } from './latency.ts'
import type { PendingPoller } from './pending-poller.ts'
import type { PlannerRole } from './planner-role.ts'
import type { Preparation } from './preparation.ts'
import type { ProviderStatus } from './provider-status.ts'
import type { Reconciliation } from './reconciliation.ts'
import type { Stock } from './stock.ts'
import type { WhitelistRegistrar, WhitelistSetting } from './whitelist.ts'

export interface ProviderSettings extends FailurePauseSettings, IngestSettings {
  readonly name: string
  readonly priority: number
  readonly weight: number
  /** Largest number of its addresses that are held; undefined: only the pool's ceiling. */
  readonly ceiling: number | undefined
  readonly budget: BudgetLimits
  readonly price: number | undefined
  /** A plan that ends within this time counts as ending soon, ms; undefined: never. */
  readonly expiresSoonMs?: number | undefined
  readonly whitelist: WhitelistSetting
  /** Whether purchases outlive the process: not for a list, nor for a vendor that ends with the process. */
  readonly isRemembered: boolean
}

export interface ProviderDeps {
  readonly clock: Clock
  readonly pool: Pool
  readonly log: Log
  readonly accounts: Accounts
  /** Default: nothing survives the process. */
  readonly store?: Store
  readonly random?: () => number
  /** In a cluster: whether this host buys. */
  readonly role?: PlannerRole
}

/** The reason for an order. */
export interface OrderDemand {
  /** A client waits for it; else it is for the stock. */
  readonly isUrgent: boolean
  /** Whether the demand is still there. */
  readonly isWanted: () => boolean
  /** The pool's ceiling, and the number that counts towards it now. */
  readonly ceilings: readonly Ceiling[]
}

/** State that an earlier process of this provider left; instants on this process's clock. */
export interface ProviderPast {
  readonly upstreams: readonly RestoredUpstream[]
}

export interface ProviderCounts extends Readonly<IngestCounts> {
  /** Addresses that have opened a tunnel. */
  readonly used: number
  readonly expiredUnused: number
  readonly evictedByBlame: number
  readonly failedCalls: number
  /** For addresses that left the pool: how long at least one connection was open through them. */
  readonly secondsUsed: number
}

/** Shared by the parts of one provider. */
export interface ProviderParts {
  readonly settings: ProviderSettings
  readonly source: Source
  readonly account: Account
  readonly accounts: Accounts
  readonly clock: Clock
  readonly pool: Pool
  readonly log: Log
  readonly store: Store
  readonly status: ProviderStatus
  readonly stock: Stock
  readonly ingest: Ingest
  readonly latency: CallLatency
  readonly whitelist: WhitelistRegistrar
  readonly channelProbe: ChannelProbe
  readonly accountWatch: AccountWatch
  readonly reconciliation: Reconciliation
  readonly preparation: Preparation
  /** Only for products whose addresses arrive later than their order, or change while they are held. */
  readonly pendingPoller: PendingPoller | undefined
}
