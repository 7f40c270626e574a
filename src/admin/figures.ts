/**
 * What the metrics page shows, as a table. Base units, few labels, and never an address, a host or a user in one:
 * a label's values must be known in advance or configured.
 */
import { DIRECT } from '../upstream/direct.ts'
import type { AdminView, Faults, Gauges, ProviderReport, Readiness, TrafficFigures, UpstreamReport } from './view.ts'

/** Everything that a page is made of, of one moment. */
export interface Snapshot {
  readonly readiness: Readiness
  readonly upstreams: readonly UpstreamReport[]
  readonly providers: readonly ProviderReport[]
  readonly traffic: TrafficFigures
  readonly gauges: Gauges
  readonly faults: Faults
}

export type SnapshotView = Pick<AdminView, keyof Snapshot>

export function takeSnapshot(view: SnapshotView): Snapshot {
  return {
    readiness: view.readiness(),
    upstreams: view.upstreams(),
    providers: view.providers(),
    traffic: view.traffic(),
    gauges: view.gauges(),
    faults: view.faults(),
  }
}

/** The values of the labels in their order, and the figure; null while it is not known. */
type Sample = readonly [labels: readonly string[], value: number | null]

export interface Figure {
  readonly name: string
  readonly help: string
  readonly labels: readonly string[]
  readonly read: (snapshot: Snapshot) => readonly Sample[]
}

const one = (name: string, help: string, read: (snapshot: Snapshot) => number): Figure => ({
  name,
  help,
  labels: [],
  read: (snapshot) => [[[], read(snapshot)]],
})

const each = (
  name: string,
  help: string,
  label: string,
  read: (snapshot: Snapshot) => Readonly<Record<string, number>>,
): Figure => ({
  name,
  help,
  labels: [label],
  read: (snapshot) => Object.entries(read(snapshot)).map(([value, figure]) => [[value], figure]),
})

const perProvider = (name: string, help: string, read: (report: ProviderReport) => number | null): Figure => ({
  name,
  help,
  labels: ['provider'],
  read: ({ providers }) => providers.map((report) => [[report.name], read(report)]),
})

/** Figures that go up and down. */
export const gauges: readonly Figure[] = [
  one('turnpike_ready', '1 while /readyz says ready.', ({ readiness }) => (readiness.ready ? 1 : 0)),
  one('turnpike_connections', 'Client connections.', (now) => now.gauges.connections),
  one('turnpike_tunnels', 'Open tunnels.', (now) => now.gauges.tunnels),
  one('turnpike_waiting_clients', 'Clients that wait for an upstream.', (now) => now.gauges.waiting),
  one('turnpike_sessions', 'Sessions remembered.', (now) => now.gauges.sessions),
  {
    name: 'turnpike_pool_upstreams',
    help: 'Upstreams in the pool.',
    labels: ['provider', 'state'],
    read: ({ upstreams }) => countByState(upstreams),
  },
  perProvider('turnpike_pool_leases', 'Client connections on upstreams in the pool.', (report) => report.leases),
  {
    name: 'turnpike_provider_state',
    help: '1 for the state that the provider is in.',
    labels: ['provider', 'state'],
    read: ({ providers }) => providers.map(({ name, state }) => [[name, state], 1]),
  },
  perProvider('turnpike_provider_calls_left', 'Calls the limiter would let through now.', (report) => report.callsLeft),
  perProvider('turnpike_provider_addresses_held', 'Addresses the vendor holds for us.', (report) => report.held),
  perProvider('turnpike_provider_addresses_incoming', 'Addresses on order.', (report) => report.incoming),
  perProvider('turnpike_provider_budget_left', 'Addresses the budget still allows.', (report) => report.budgetLeft),
  {
    name: 'turnpike_provider_budget_reached',
    help: '1 for the budget that forbids more.',
    labels: ['provider', 'budget'],
    read: ({ providers }) =>
      providers.flatMap(({ name, budgetReached }) => (budgetReached === null ? [] : [[[name, budgetReached], 1]])),
  },
  perProvider('turnpike_provider_next_attempt_seconds', 'Until it may be asked.', (now) => now.nextAttemptInSeconds),
  perProvider('turnpike_provider_balance', 'What the vendor says is left.', (report) => report.balance),
]

/** Figures that only grow. */
export const counters: readonly Figure[] = [
  each('turnpike_requests_total', 'Requests of clients.', 'protocol', ({ traffic }) => traffic.requests),
  one('turnpike_opened_total', 'Tunnels and exchanges opened.', ({ traffic }) => traffic.openedCount),
  one(
    'turnpike_direct_opened_total',
    'Of them, to the target itself: a rule of routes says direct.',
    ({ traffic }) => traffic.openedBy.get(DIRECT) ?? 0,
  ),
  each('turnpike_ended_total', 'How they ended.', 'end', ({ traffic }) => traffic.endedCounts),
  one('turnpike_clients_gone_total', 'Clients that left before that.', ({ traffic }) => traffic.clientsGone),
  each('turnpike_client_bytes_total', 'Octets from clients (up) and to them (down).', 'direction', ({ traffic }) => ({
    up: traffic.upBytes,
    down: traffic.downBytes,
  })),
  each('turnpike_errors_total', 'Requests refused.', 'code', ({ traffic }) => Object.fromEntries(traffic.errors)),
  each('turnpike_tries_failed_total', 'Upstreams that did not open.', 'kind', ({ traffic }) => traffic.triesFailed),
  one('turnpike_accept_failures_total', 'Connections not accepted.', ({ traffic }) => traffic.acceptFailures),
  one('turnpike_login_failures_total', 'Logins with a wrong name or password.', ({ traffic }) => traffic.loginFailures),
  one('turnpike_internal_errors_total', 'Exceptions inside the gateway.', ({ faults }) => faults.internalErrors),
  one('turnpike_log_lines_lost_total', 'Log lines that could not be written.', ({ faults }) => faults.logLinesLost),
  perProvider('turnpike_provider_opened_total', 'Opened through its addresses.', (report) => report.tunnels),
  perProvider('turnpike_provider_calls_total', 'Calls to the vendor.', (report) => report.callsMade),
  perProvider('turnpike_provider_calls_failed_total', 'Calls that brought an error.', (report) => report.callsFailed),
  perProvider('turnpike_provider_addresses_bought_total', 'Addresses bought.', (report) => report.bought),
  perProvider('turnpike_provider_addresses_used_total', 'Of them: opened a tunnel.', (report) => report.used),
  {
    name: 'turnpike_provider_addresses_wasted_total',
    help: 'Of them: never used.',
    labels: ['provider', 'reason'],
    read: ({ providers }) =>
      providers.flatMap((report): Sample[] => [
        [[report.name, 'expired'], report.wastedExpired],
        [[report.name, 'too-short'], report.wastedTooShort],
      ]),
  },
  perProvider('turnpike_provider_addresses_evicted_total', 'Of them: given up.', (report) => report.evictedByBlame),
  perProvider('turnpike_provider_bought_seconds_total', 'Life bought.', (report) => report.secondsBought),
  perProvider('turnpike_provider_used_seconds_total', 'Of it: used.', (report) => report.secondsUsed),
]

function countByState(upstreams: readonly UpstreamReport[]): readonly Sample[] {
  const counts = new Map<string, { labels: readonly string[]; count: number }>()
  for (const { provider, state } of upstreams) {
    const key = `${provider} ${state}`
    const entry = counts.get(key)
    if (entry === undefined) counts.set(key, { labels: [provider, state], count: 1 })
    else entry.count++
  }
  return Array.from(counts.values(), ({ labels, count }) => [labels, count])
}
