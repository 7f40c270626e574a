/** Whether this process buys, and what the others of a cluster say. A gateway alone always buys. */
import type { GatewayError } from '../errors.ts'
import type { WaitingDemand } from '../proxy/lease-contract.ts'

export interface PlannerRole {
  /** Whether this host decides what is bought, and may call vendors on its own account. */
  readonly isActive: boolean
  /** As `SupplyView.outlook`, while another host buys. */
  outlook(providers: readonly string[] | undefined): GatewayError | undefined
  /** Demand has changed that the planner does not know yet. */
  demandChanged(isWaiting: boolean): void
  /** Whether addresses that others can spare are on their way to the clients that wait here: nothing is bought for them so far. */
  isMoving(isWaiting: boolean): boolean
}

export const alone: PlannerRole = {
  isActive: true,
  outlook: () => undefined,
  demandChanged: () => {},
  isMoving: () => false,
}

/** What the planner must know of another host's clients. Plain data. */
export interface DemandReport {
  readonly groups: readonly {
    readonly providers?: readonly string[]
    /** Leases that were demand for addresses, since the process started. */
    readonly asked: number
  }[]
  readonly waiting: readonly (Omit<WaitingDemand, 'providers'> & { readonly providers?: readonly string[] })[]
  /** Provider -> leases through which something moves. */
  readonly load: Readonly<Record<string, number>>
}
