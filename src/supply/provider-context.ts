/** What a provider is set to, what it needs of the process, and what all of its parts share. */
import type { Clock } from '../clock.ts'
import type { Log } from '../log/log.ts'
import type { Pool } from '../pool/pool.ts'
import type { RequestFields } from '../pool/upstream.ts'
import type { BudgetLimits, Ceiling } from '../store/account-store.ts'
import type { Store } from '../store/contract.ts'
import type { MemoryFile } from '../store/memory-file.ts'
import type { Source } from '../vendors/contract/source.ts'
import type { Account, Accounts } from './account.ts'
import type { ArrivalSettings } from './expiry.ts'
import type { FailurePauseSettings } from './failure-pause.ts'
import type { Inventory } from './inventory.ts'
import type { PlannerRole } from './planner-role.ts'
import type { WhitelistSetting } from './whitelist.ts'

export interface ProviderSettings extends FailurePauseSettings {
  readonly name: string
  readonly priority: number
  readonly weight: number
  /** Largest number of its addresses that are held; undefined: only the pool's ceiling. */
  readonly ceiling: number | undefined
  readonly budget: BudgetLimits
  readonly price: number | undefined
  readonly arrival: ArrivalSettings
  readonly requestFields?: RequestFields | undefined
  /** Below this balance the operator is warned. */
  readonly lowStock: number | undefined
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
  /** Keeps our address on the vendor's whitelist for the next process; undefined: nothing does. */
  readonly registered?: MemoryFile | undefined
  readonly random?: () => number
  /** In a cluster: whether this host buys. */
  readonly role?: PlannerRole
}

/** Shared by the parts of one provider. */
export interface ProviderContext {
  readonly settings: ProviderSettings
  readonly source: Source
  readonly account: Account
  /** The account's. */
  readonly inventory: Inventory
  readonly accounts: Accounts
  readonly clock: Clock
  readonly pool: Pool
  readonly log: Log
  readonly store: Store
  readonly role: PlannerRole
  /** Ends the calls in progress when the provider is closed. */
  readonly signal: AbortSignal
  /** Whether clients want addresses of the provider. */
  readonly isWanted: () => boolean
  /** Something changed without an order: waiting clients and the plan should look again. */
  readonly onNews: () => void
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
