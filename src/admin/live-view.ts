/** Answers the admin port's questions from the running parts. */
import type { ClientSide } from '../app/client-side.ts'
import type { Clock } from '../clock.ts'
import type { ReloadState } from '../config/difference.ts'
import type { PastedLink } from '../config/provider-yaml.ts'
import type { Pool } from '../pool/pool.ts'
import type { DataPlane } from '../proxy/data-plane.ts'
import type { StreamCounters } from '../proxy/stream-counters.ts'
import type { OperatorCalls } from '../supply/operator/call.ts'
import type { SourceTrials, TrialReport, TrialTarget } from '../supply/operator/test-source.ts'
import type { Provider } from '../supply/provider.ts'
import type { Supply } from '../supply/supply.ts'
import type { Source } from '../vendors/contract/source.ts'
import type { RotateReply } from './api/schemas/sessions.ts'
import { searchConnections } from './connection-reports.ts'
import { EventHub, type Feeds } from './events.ts'
import { ConnectionFeed } from './feeds/connection-feed.ts'
import { CountersFeed } from './feeds/counters-feed.ts'
import { PoolFeed } from './feeds/pool-feed.ts'
import { HistoryFeed, ProvidersFeed, VerdictFeed } from './feeds/report-feeds.ts'
import { checkReport, configReport, type GatewayParts, gatewayFacts, tryPort } from './gateway-report.ts'
import { History } from './history.ts'
import { pacOf } from './pac.ts'
import { providerReports, readinessOf, upstreamReports } from './reports.ts'
import { sessionsReport } from './session-reports.ts'
import { tryRequest } from './try-request.ts'
import { verdictOf } from './verdict.ts'
import type { AdminView, Faults, RefillAnswer } from './view.ts'

/** A link that is tried. */
interface LiveParts {
  readonly clock: Clock
  readonly pool: Pool
  readonly supply: Supply
  readonly operatorCalls: OperatorCalls
  readonly trials: SourceTrials
  readonly openLink: (link: PastedLink & { readonly channels: number | undefined }) => Source
  /** The entry for gateway.yaml. */
  readonly linkYaml: (link: PastedLink, report: TrialReport) => string | null
  readonly data: DataPlane
  readonly clients: Pick<ClientSide, 'addressRequests' | 'gauges' | 'sessionRotated'>
  readonly traffic: StreamCounters
  readonly faults: () => Faults
  readonly gateway: GatewayParts & { readonly state?: ReloadState }
  readonly reload: AdminView['reload']
  /** In a cluster: whether its store does not answer. */
  readonly isStoreDown: () => boolean
}

export interface LiveView extends AdminView {
  /** Ends every event stream and the sampling. */
  close(): void
}

export function liveView(parts: LiveParts): LiveView {
  const { clock, supply, operatorCalls } = parts
  const reports = reportsOf(parts)
  const history = new History(reports, clock)
  const withProvider = (name: string, action: (provider: Provider) => void): boolean => {
    const provider = supply.provider(name)
    if (provider !== undefined) action(provider)
    return provider !== undefined
  }
  const hub = new EventHub(feedsOf(parts, reports, history), clock)
  return {
    ...reports,
    addressRequests: parts.clients.addressRequests,
    faults: parts.faults,
    connections: (query) => searchConnections(parts.traffic.connections, query, clock),
    closeConnection: (id) => parts.traffic.connections.close(id),
    history: () => history.report(),
    events: (topics) => hub.open(topics),
    refill: (name): RefillAnswer => supply.orderNow(name),
    retry: (name) => withProvider(name, (provider) => provider.retry()),
    pause: (name) => withProvider(name, (provider) => provider.pause()),
    resume: (name) => withProvider(name, (provider) => provider.resume()),
    restUpstream: (id, restMs) => restUpstream(parts, id, restMs),
    sessions: (query) => sessionsReport(parts.data.sessionTable, parts.traffic.connections, query),
    rotateSession: (key) => rotateSession(parts, key),
    evictUpstream: (id) => evictUpstream(parts, id),
    gateway: () => gatewayFacts(parts.gateway),
    pac: (listen, requestHost) => pacOf(parts.gateway, listen, requestHost),
    config: () => configReport(parts.gateway),
    reload: parts.reload,
    check: (text) => checkReport(text, parts.gateway),
    async tryRequest(order, signal) {
      const port = tryPort(parts.gateway, order.listener)
      return port === undefined ? undefined : tryRequest(port, order, clock, signal)
    },
    call: (order, signal) => operatorCalls.call(order, signal),
    areas: (name, signal) => operatorCalls.areas(name, signal),
    trial: (target, signal) => trial(parts, target, signal),
    reportBan: (id, host, restMs) => reportBan(parts, id, host, restMs),
    close() {
      hub.close()
      history.close()
    },
  }
}

type Reports = Pick<AdminView, 'readiness' | 'upstreams' | 'providers' | 'traffic' | 'gauges' | 'verdict'>

function reportsOf({ clock, pool, supply, data, clients, traffic, gateway, isStoreDown }: LiveParts): Reports {
  const providers = () =>
    providerReports(supply.providers, {
      clock,
      members: pool.members(),
      tunnelsOf: (provider) => traffic.openedBy.get(provider) ?? 0,
    })
  const gauges = () => ({
    ...clients.gauges,
    sessions: data.sessionTable.size,
  })
  return {
    providers,
    gauges,
    readiness: () => readinessOf(data.isListening, providers(), isStoreDown()),
    upstreams: () => upstreamReports({ clock, members: pool.members() }),
    traffic: () => traffic,
    verdict() {
      const all = providers()
      const { isListening } = data
      const isReady = readinessOf(isListening, all, isStoreDown()).ready
      const own = { isListening, isReady, isStoreDown: isStoreDown(), reload: gateway.state }
      return verdictOf({ ...own, providers: all, gauges: gauges(), lendable: pool.lendableCount })
    },
  }
}

function feedsOf({ clock, pool, traffic }: LiveParts, reports: Reports, history: History): Feeds {
  const members = () => pool.members()
  return {
    verdict: new VerdictFeed(reports.verdict),
    counters: new CountersFeed({ ...reports, clock, members }),
    providers: new ProvidersFeed(reports.providers),
    pool: new PoolFeed({ clock, members }),
    connections: new ConnectionFeed(traffic.connections, clock),
    history: new HistoryFeed(history),
  }
}

function reportBan({ pool, clock }: LiveParts, id: string, host: string, restMs: number): boolean {
  const upstream = pool.get(id)
  if (upstream === undefined) return false
  const now = clock.now()
  pool.ban(upstream, host, now + restMs, now)
  return true
}

function restUpstream({ pool, clock }: LiveParts, id: string, restMs: number): boolean {
  const upstream = pool.get(id)
  if (upstream !== undefined) pool.rest(upstream, clock.now() + restMs)
  return upstream !== undefined
}

async function rotateSession(
  { data: { sessionTable, leaseQueue }, clients }: LiveParts,
  key: string,
): Promise<RotateReply | undefined> {
  const session = sessionTable.rotate(key)
  if (session === undefined) return undefined
  // Those who wait for room on it need not.
  const leaves = session.upstream.id
  leaseQueue.serve(session.upstream)
  await clients.sessionRotated(key)
  return { key, leaves }
}

function evictUpstream({ pool }: LiveParts, id: string): boolean {
  const upstream = pool.get(id)
  if (upstream !== undefined) pool.remove(upstream, 'evicted')
  return upstream !== undefined
}

async function trial({ trials, openLink, linkYaml }: LiveParts, target: TrialTarget, signal: AbortSignal) {
  if (!('provider' in target)) {
    const report = await trials.link((channels) => openLink({ ...target, channels }), signal, target.try)
    return { ...report, yaml: linkYaml(target, report) }
  }
  const report = await trials.provider(target.provider, signal, target.try)
  return report === undefined ? undefined : { ...report, yaml: null }
}
