/** The interface to the side that serves clients: the data plane of this process, or several workers. */
import type { Address } from '../address.ts'
import type { Config } from '../config/schema.ts'
import type { AddressDesk } from '../proxy/address-requests.ts'
import type { DataPlane, DataPlaneChange } from '../proxy/data-plane.ts'
import type { DescriptorBudget } from './descriptors.ts'
import { dataSettings } from './settings.ts'

export interface ClientSide {
  /** Where clients connect, in the order of the configuration. */
  readonly addresses: readonly Address[]
  readonly gauges: {
    /** Client connections now, over all ports. */
    readonly connections: number
    readonly tunnels: number
    /** Requests that wait for an upstream. */
    readonly waiting: number
  }
  /** For programs that connect to upstreams themselves. */
  readonly addressRequests: AddressDesk
  /** Starts listening on every port. @throws the system's error when a port cannot be opened */
  listen(config: Config): Promise<unknown>
  /** Opens the ports that are new in a configuration. Nothing else changes before `commit`. @throws as `listen` */
  prepare(config: Config, budget: DescriptorBudget): Promise<DataPlaneChange>
  /** An operator has moved a session: when this resolves, its next connection takes another upstream. */
  sessionRotated(key: string): Promise<void>
  /** Accepts no more clients, denies waiting ones, and lets open tunnels and exchanges continue. */
  stopAccepting(): void
  /** Whether something is still under way for a client. */
  readonly isBusy: boolean
}

export function clientsOf(data: DataPlane): ClientSide {
  return {
    get addresses() {
      return data.addresses
    },
    get gauges() {
      const { connections, tunnels, leaseQueue } = data
      return { connections, tunnels, waiting: leaseQueue.waitingCount }
    },
    addressRequests: data.addressRequests,
    listen: () => data.listen(),
    prepare: (config, budget) => data.prepare(dataSettings(config, budget)),
    sessionRotated: async () => {},
    stopAccepting: () => data.stopAccepting(),
    get isBusy() {
      return data.isBusy
    },
  }
}
