/**
 * The table of metrics. Base units, few labels, and never an address, a host or a user in a label: the values of a label must
 * be known in advance or configured. Longer than other files: one table, one entry for each metric.
 */
import { DIRECT } from '../upstream/direct.ts'
import type { AdminView, Faults, Gauges, ProviderReport, Readiness, TrafficFigures, UpstreamReport } from './view.ts'

/** All data of a metrics page, taken at one moment. */
export interface Snapshot {
  readonly readiness: Readiness
  readonly upstreams: readonly UpstreamReport[]
  readonly providers: readonly ProviderReport[]
  readonly traffic: TrafficFigures
  readonly gauges: Gauges
  readonly faults: Faults
  /** Requests to the admin port with a wrong token. */
  readonly wrongTokens: number
}

export type SnapshotView = Pick<AdminView, Exclude<keyof Snapshot, 'wrongTokens'>>

export function takeSnapshot(view: SnapshotView, wrongTokens: number): Snapshot {
  return {
    readiness: view.readiness(),
    upstreams: view.upstreams(),
    providers: view.providers(),
    traffic: view.traffic(),
    gauges: view.gauges(),
    faults: view.faults(),
    wrongTokens,
  }
}

/** The values of the labels in their order, and the figure; null while it is unknown. */
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

/** Gauges: they go up and down. */
export const gauges: readonly Figure[] = [
  one(
    'turnpike_ready',
    '1 while the gateway is ready to serve clients, as /readyz reports; 0 otherwise.',
    ({ readiness }) => (readiness.ready ? 1 : 0),
  ),
  one('turnpike_connections', 'Open client connections, tunnels included.', (now) => now.gauges.connections),
  one(
    'turnpike_tunnels',
    'Tunnels that are open now (CONNECT, SOCKS and upgraded connections).',
    (now) => now.gauges.tunnels,
  ),
  one('turnpike_waiting_clients', 'Client requests that wait for an upstream now.', (now) => now.gauges.waiting),
  one('turnpike_sessions', 'Client sessions whose upstream is remembered now.', (now) => now.gauges.sessions),
  {
    name: 'turnpike_pool_upstreams',
    help: 'Upstreams in the pool, by provider and state.',
    labels: ['provider', 'state'],
    read: ({ upstreams }) => countByState(upstreams),
  },
  perProvider(
    'turnpike_pool_leases',
    "Leases of a provider's upstreams that clients hold now.",
    (report) => report.leases,
  ),
  {
    name: 'turnpike_provider_state',
    help: '1 for the state that the provider is in; other states have no sample.',
    labels: ['provider', 'state'],
    read: ({ providers }) => providers.map(({ name, state }) => [[name, state], 1]),
  },
  perProvider(
    'turnpike_provider_calls_left',
    'Calls to the vendor that the call window permits now.',
    (report) => report.callsLeft,
  ),
  perProvider(
    'turnpike_provider_addresses_held',
    'Addresses of this provider that are held now.',
    (report) => report.held,
  ),
  perProvider(
    'turnpike_provider_addresses_incoming',
    'Addresses that were ordered and have not arrived.',
    (report) => report.incoming,
  ),
  perProvider(
    'turnpike_provider_budget_left',
    'Addresses that the budget permits to buy now; no sample without a budget.',
    (report) => report.budgetLeft,
  ),
  {
    name: 'turnpike_provider_budget_reached',
    help: '1 for the budget (perHour, perDay, total) that is used up and forbids a purchase.',
    labels: ['provider', 'budget'],
    read: ({ providers }) =>
      providers.flatMap(({ name, budgetReached }) => (budgetReached === null ? [] : [[[name, budgetReached], 1]])),
  },
  perProvider(
    'turnpike_provider_next_attempt_seconds',
    'Seconds until the vendor may be called again; no sample while it may be called now.',
    (now) => now.nextAttemptInSeconds,
  ),
  perProvider(
    'turnpike_provider_plan_end_timestamp_seconds',
    'When the plan at the vendor ends, Unix seconds; no sample where the vendor has not said.',
    ({ planEndsAt }) => (planEndsAt === null ? null : Date.parse(planEndsAt) / 1_000),
  ),
  perProvider(
    'turnpike_provider_balance',
    'Balance that the vendor last reported, in the unit of the vendor.',
    (report) => report.balance,
  ),
]

/** Counters: they only grow. */
export const counters: readonly Figure[] = [
  each(
    'turnpike_requests_total',
    'Requests received from clients, by protocol.',
    'protocol',
    ({ traffic }) => traffic.requests,
  ),
  one(
    'turnpike_opened_total',
    'Tunnels and plain HTTP exchanges that reached their target.',
    ({ traffic }) => traffic.openedCount,
  ),
  one(
    'turnpike_direct_opened_total',
    'Tunnels and exchanges that were opened to the target without an upstream, because a rule of routes says direct.',
    ({ traffic }) => traffic.openedBy.get(DIRECT) ?? 0,
  ),
  each(
    'turnpike_ended_total',
    'Tunnels and exchanges that have ended, by the way they ended.',
    'end',
    ({ traffic }) => traffic.endedCounts,
  ),
  one(
    'turnpike_clients_gone_total',
    'Clients that closed their connection before a tunnel or answer was ready.',
    ({ traffic }) => traffic.clientsGone,
  ),
  each(
    'turnpike_client_bytes_total',
    'Octets received from clients (up) and sent to clients (down).',
    'direction',
    ({ traffic }) => ({
      up: traffic.upBytes,
      down: traffic.downBytes,
    }),
  ),
  each('turnpike_errors_total', 'Requests that the gateway refused, by error code.', 'code', ({ traffic }) =>
    Object.fromEntries(traffic.errors),
  ),
  each(
    'turnpike_tries_failed_total',
    'Attempts to open a connection through an upstream that failed, by kind of failure.',
    'kind',
    ({ traffic }) => traffic.triesFailed,
  ),
  one(
    'turnpike_accept_failures_total',
    'Client connections that the operating system could not hand over, for example without free descriptors.',
    ({ traffic }) => traffic.acceptFailures,
  ),
  one(
    'turnpike_login_failures_total',
    'Client logins with a wrong name or password.',
    ({ traffic }) => traffic.loginFailures,
  ),
  one(
    'turnpike_admin_login_failures_total',
    'Requests to the admin port with a wrong token.',
    ({ wrongTokens }) => wrongTokens,
  ),
  one(
    'turnpike_internal_errors_total',
    'Unexpected exceptions inside the gateway; each ended one connection at most.',
    ({ faults }) => faults.internalErrors,
  ),
  one(
    'turnpike_log_lines_lost_total',
    'Log lines that were lost because the log could not be written.',
    ({ faults }) => faults.logLinesLost,
  ),
  perProvider(
    'turnpike_provider_opened_total',
    'Tunnels and exchanges opened through addresses of this provider.',
    (report) => report.tunnels,
  ),
  perProvider('turnpike_provider_calls_total', 'Calls to the API of the vendor.', (report) => report.callsMade),
  perProvider(
    'turnpike_provider_calls_failed_total',
    'Calls to the API of the vendor that failed.',
    (report) => report.callsFailed,
  ),
  perProvider(
    'turnpike_provider_addresses_bought_total',
    'Addresses bought from the vendor.',
    (report) => report.bought,
  ),
  perProvider(
    'turnpike_provider_addresses_used_total',
    'Bought addresses that opened at least one tunnel or exchange.',
    (report) => report.used,
  ),
  {
    name: 'turnpike_provider_addresses_wasted_total',
    help: 'Bought addresses that ended unused, by reason.',
    labels: ['provider', 'reason'],
    read: ({ providers }) =>
      providers.flatMap((report): Sample[] => [
        [[report.name, 'expired'], report.wastedExpired],
        [[report.name, 'too-short'], report.wastedTooShort],
      ]),
  },
  perProvider(
    'turnpike_provider_addresses_evicted_total',
    'Bought addresses that left the pool because they failed.',
    (report) => report.evictedByBlame,
  ),
  perProvider(
    'turnpike_provider_bought_seconds_total',
    'Seconds of life of all bought addresses together.',
    (report) => report.secondsBought,
  ),
  perProvider(
    'turnpike_provider_used_seconds_total',
    'Seconds during which bought addresses served at least one client.',
    (report) => report.secondsUsed,
  ),
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
