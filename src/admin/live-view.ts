/** What the admin port asks, answered from the running parts. */
import type { Clock } from '../clock.ts'
import type { Pool } from '../pool/pool.ts'
import type { DataSide } from '../proxy/data-plane.ts'
import type { TrafficCounters } from '../proxy/stream-info.ts'
import type { Secret } from '../secret.ts'
import type { OperatorCalls } from '../supply/operator/call.ts'
import type { SourceTrials, TrialReport } from '../supply/operator/test-source.ts'
import type { Supply } from '../supply/supply.ts'
import type { Source } from '../vendors/contract.ts'
import { providerReports, readinessOf, upstreamReports } from './reports.ts'
import type { AdminView, Faults, ProviderReport, RefillAnswer } from './view.ts'

/** A link that is tried. */
interface PastedLink {
  readonly url: Secret
  readonly product: string | undefined
}

export interface LiveParts {
  readonly clock: Clock
  readonly pool: Pool
  readonly supply: Supply
  readonly hand: OperatorCalls
  readonly trials: SourceTrials
  readonly openLink: (link: PastedLink & { readonly channels: number | undefined }) => Source
  /** The entry for gateway.yaml. */
  readonly linkYaml: (link: PastedLink, report: TrialReport) => string | null
  readonly data: DataSide
  readonly traffic: TrafficCounters
  readonly faults: () => Faults
}

export function liveView({
  clock,
  pool,
  supply,
  hand,
  trials,
  openLink,
  linkYaml,
  data,
  traffic,
  faults,
}: LiveParts): AdminView {
  const reports = (): readonly ProviderReport[] =>
    providerReports(supply.providers, {
      clock,
      members: [...pool.members()],
      tunnelsOf: (provider) => traffic.openedBy.get(provider) ?? 0,
    })
  return {
    readiness: () => readinessOf(data.isListening, reports()),
    upstreams: () => upstreamReports({ clock, members: [...pool.members()] }),
    providers: reports,
    traffic: () => traffic,
    faults,
    gauges: () => ({
      connections: data.connections,
      tunnels: data.tunnels,
      waiting: data.leaseQueue.waitingCount,
      sessions: data.sticky.size,
    }),
    reportBan(id, host, restMs) {
      const upstream = pool.get(id)
      if (upstream === undefined) return false
      const now = clock.now()
      pool.restForHost(upstream, host, now + restMs, now)
      return true
    },
    refill: (name): RefillAnswer => supply.orderNow(name),
    retry: (name) => supply.retry(name),
    call: (order, signal) => hand.call(order, signal),
    async trial(target, signal) {
      if (!('provider' in target)) {
        const report = await trials.link((channels) => openLink({ ...target, channels }), signal)
        return { ...report, yaml: linkYaml(target, report) }
      }
      const report = await trials.provider(target.provider, signal)
      return report === undefined ? undefined : { ...report, yaml: null }
    },
  }
}
