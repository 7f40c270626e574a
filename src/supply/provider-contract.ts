/** What a provider is set to, what it needs, and what it tells of itself. */
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { Pool } from '../pool/pool.ts'
import type { BudgetLimits, Ceiling } from '../store/account-store.ts'
import type { RestoredUpstream, Store } from '../store/contract.ts'
import type { Source } from '../vendors/contract/source.ts'
import type { Account, Accounts } from './account.ts'
import type { AccountWatch } from './account-watch.ts'
import type { ChannelProbe } from './channel-probe.ts'
import type { Ingest, IngestCounts, IngestSettings } from './ingest.ts'
import type { CallLatency } from './latency.ts'
import type { PendingPoller } from './pending-poller.ts'
import type { PlannerRole } from './planner-role.ts'
import type { Preparation } from './preparation.ts'
import type { ProviderStatus, ProviderStatusSettings } from './provider-status.ts'
import type { Reconciliation } from './reconciliation.ts'
import type { Stock } from './stock.ts'
import type { WhitelistRegistrar, WhitelistSetting } from './whitelist.ts'

export interface ProviderSettings extends ProviderStatusSettings, IngestSettings {
  readonly name: string
  readonly priority: number
  readonly weight: number
  /** Most addresses held of it; undefined: the pool's ceiling alone. */
  readonly ceiling: number | undefined
  readonly budget: BudgetLimits
  readonly price: number | undefined
  /** How long before its end the plan is said to end soon, ms; undefined: never. */
  readonly expiresSoonMs?: number | undefined
  readonly whitelist: WhitelistSetting
  /** Whether what was bought outlives the process: not for a list, nor for a vendor that ends with it. */
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

/** Why there is an order. */
export interface OrderDemand {
  /** A client waits for it; else it is for the stock. */
  readonly isUrgent: boolean
  /** Whether the demand is still there. */
  readonly isWanted: () => boolean
  /** The pool's ceiling, and what counts towards it now. */
  readonly ceilings: readonly Ceiling[]
}

/** What an earlier process of this provider left behind; instants on this process's clock. */
export interface ProviderPast {
  readonly upstreams: readonly RestoredUpstream[]
}

export interface ProviderCounts extends Readonly<IngestCounts> {
  /** Addresses that have opened a tunnel. */
  readonly used: number
  readonly expiredUnused: number
  readonly evictedByBlame: number
  readonly failedCalls: number
  /** Of what has left the pool: how long something was open through it while it lived. */
  readonly secondsUsed: number
}

/** What the parts of one provider share. */
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
  /** Only for products whose addresses come later than their order, or change while they are held. */
  readonly pendingPoller: PendingPoller | undefined
}
