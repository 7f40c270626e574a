/** What the clients of the other hosts of a cluster need, as each host reported it last; and the report of this host. */
import { given } from '../given.ts'
import { keyOfProviders } from '../pool/filter.ts'
import type { Pool } from '../pool/pool.ts'
import type { WaitingDemand } from '../proxy/lease-contract.ts'
import type { Demand } from './demand.ts'
import type { DemandReport } from './planner-role.ts'

export class DemandElsewhere {
  readonly #reports = new Map<string, DemandReport>()
  readonly #demand: Demand

  constructor(demand: Demand) {
    this.#demand = demand
  }

  /** @param report undefined: the host is gone */
  reported(host: string, report: DemandReport | undefined, now: number): void {
    const former = this.#reports.get(host)
    if (report === undefined) this.#reports.delete(host)
    else this.#reports.set(host, report)
    // Of a host that is new here it is not known how long ago its leases were.
    if (former === undefined) return
    for (const { providers, asked } of report?.groups ?? []) {
      const before = former.groups.find((group) => keyOfProviders(group.providers) === keyOfProviders(providers))
      const times = asked - (before?.asked ?? 0)
      if (times > 0) this.#demand.askedElsewhere(providers, times, now)
    }
  }

  forget(): void {
    this.#reports.clear()
  }

  /** @param own clients that wait on this host @returns those that wait on any host */
  waitingWith(own: readonly WaitingDemand[]): readonly WaitingDemand[] {
    if (this.#reports.size === 0) return own
    const sums = new Map<string, WaitingDemand>()
    for (const { providers, count, limited } of [own, ...[...this.#reports.values()].map((r) => r.waiting)].flat()) {
      const key = keyOfProviders(providers)
      const known = sums.get(key)
      const both = {
        count: limited.count + (known?.limited.count ?? 0),
        addresses: limited.addresses + (known?.limited.addresses ?? 0),
      }
      sums.set(key, { providers, count: count + (known?.count ?? 0), limited: both })
    }
    return [...sums.values()]
  }

  /** Leases of these providers through which something moves. */
  load(providers: ReadonlySet<string>): number {
    let sum = 0
    for (const { load } of this.#reports.values())
      for (const [provider, leases] of Object.entries(load)) if (providers.has(provider)) sum += leases
    return sum
  }
}

/** What this host's clients need, for the planner of the cluster. @param waiting clients that wait here */
export function demandReport(demand: Demand, waiting: readonly WaitingDemand[], pool: Pool): DemandReport {
  const load: Record<string, number> = {}
  for (const { facts, leases, quietLeases } of pool.members())
    if (leases > quietLeases) load[facts.provider] = (load[facts.provider] ?? 0) + leases - quietLeases
  return {
    groups: [...demand.groups].map((group) => ({ ...given({ providers: group.providers }), asked: group.asked })),
    waiting: waiting.map(({ count, limited, providers }) => ({ ...given({ providers }), count, limited })),
    load,
  }
}
