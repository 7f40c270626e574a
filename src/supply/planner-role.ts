/** Whether this process buys, and the demand of the other hosts of a cluster. A single gateway always buys. */
import type { GatewayError } from '../errors.ts'
import type { WaitingDemand } from '../proxy/lease-contract.ts'

export interface PlannerRole {
  /** Whether this host decides what is bought, and may call vendors by itself. */
  readonly isActive: boolean
  /** As `SupplyView.outlook`, while another host buys. */
  outlook(providers: readonly string[] | undefined): GatewayError | undefined
  /** The demand has changed since the planner was last informed. */
  demandChanged(isWaiting: boolean): void
  /** Whether spare addresses of other hosts are being moved to the clients that wait here: nothing is bought for them yet. */
  isMoving(isWaiting: boolean): boolean
}

export const alone: PlannerRole = {
  isActive: true,
  outlook: () => undefined,
  demandChanged: () => {},
  isMoving: () => false,
}

/** The demand of another host's clients, for the planner. Plain data. */
export interface DemandReport {
  readonly groups: readonly {
    readonly providers?: readonly string[]
    /** Leases that were demand for addresses, since the process started. */
    readonly asked: number
  }[]
  readonly waiting: readonly (Omit<WaitingDemand, 'providers'> & { readonly providers?: readonly string[] })[]
  /** Provider -> leases with a running transfer. */
  readonly load: Readonly<Record<string, number>>
}
