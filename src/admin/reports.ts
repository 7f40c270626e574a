/** Reports made from the running parts. Pure: everything is read at one moment of the clock, and nothing is changed. */

import { formatAuthority } from '../address.ts'
import { type Clock, isoTime } from '../clock.ts'
import { carriedMs, type Upstream } from '../pool/upstream.ts'
import type { Provider } from '../supply/provider.ts'
import type { UpstreamChange } from './api/schemas/pool.ts'
import type { ProviderReport, Readiness, UpstreamReport } from './view.ts'

interface ReportParts {
  readonly clock: Clock
  /** The upstreams in the pool. */
  readonly members: Iterable<Upstream>
  /** How many tunnels were opened through addresses of a provider since the start. */
  readonly tunnelsOf: (provider: string) => number
}

export function upstreamReports({ clock, members }: Pick<ReportParts, 'clock' | 'members'>): readonly UpstreamReport[] {
  return Array.from(members, (upstream) => upstreamReport(upstream, clock))
}

export function upstreamReport(upstream: Upstream, clock: Clock): UpstreamReport {
  const { facts } = upstream
  const now = clock.now()
  return {
    id: upstream.id,
    provider: facts.provider,
    // `direct` is in no pool.
    protocol: facts.protocol as UpstreamReport['protocol'],
    address: formatAuthority(facts.host, facts.port),
    exit: facts.exit ?? null,
    country: facts.country ?? null,
    area: facts.area ?? null,
    city: facts.city ?? null,
    isp: facts.isp ?? null,
    boughtAt: isoTime(clock.wall() - (now - facts.boughtAt)),
    ...changingFacts(upstream, clock),
  }
}

/** What changes while an upstream is in the pool. */
export function changingFacts(upstream: Upstream, clock: Clock): Omit<UpstreamChange, 'id'> {
  const now = clock.now()
  return {
    state: upstream.state,
    remainingSeconds: secondsUntil(upstream.deadline, now),
    expiresAt: timeOfDay(upstream.deadline, clock),
    leases: upstream.leases,
    quietLeases: upstream.quietLeases,
    sessions: upstream.sessions,
    opened: upstream.opened,
    uses: upstream.uses,
    blame: upstream.consecutiveFailures,
    restSeconds: upstream.state === 'resting' ? (secondsUntil(upstream.restUntil, now) ?? 0) : 0,
    restingHosts: restingHosts(upstream, now),
    openSeconds: upstream.latencyMs === 0 ? null : seconds(upstream.latencyMs),
  }
}

function restingHosts(upstream: Upstream, now: number): number {
  let count = 0
  for (const until of upstream.hostRests?.values() ?? []) if (until > now) count++
  return count
}

/** In the order of the configuration. */
export function providerReports(providers: readonly Provider[], parts: ReportParts): readonly ProviderReport[] {
  const shares = poolSharesOf(parts.members, parts.clock.now())
  return providers.map((provider) => {
    const share = shares.get(provider.name) ?? NO_SHARE
    return providerReport(provider, share, parts.tunnelsOf(provider.name), parts.clock)
  })
}

/** The part of the pool that one provider supplied. */
interface PoolShare {
  readonly alive: number
  readonly leased: number
  readonly leases: number
  /** How long at least one connection was open through them, ms. */
  readonly carriedMs: number
}

const NO_SHARE: PoolShare = { alive: 0, leased: 0, leases: 0, carriedMs: 0 }

function poolSharesOf(members: Iterable<Upstream>, now: number): ReadonlyMap<string, PoolShare> {
  const shares = new Map<string, PoolShare>()
  for (const upstream of members) {
    const { facts, leases } = upstream
    const before = shares.get(facts.provider) ?? NO_SHARE
    shares.set(facts.provider, {
      alive: before.alive + 1,
      leased: before.leased + (leases > 0 ? 1 : 0),
      leases: before.leases + leases,
      carriedMs: before.carriedMs + carriedMs(upstream, now),
    })
  }
  return shares
}

function providerReport(provider: Provider, share: PoolShare, tunnels: number, clock: Clock): ProviderReport {
  const { source, state } = provider
  // A waiting client may cause an earlier attempt with a stopped provider; its result is unknown.
  const nextAttempt = state.kind === 'stopped' ? state.until : provider.capacity.nextAttemptAt(clock.now())
  return {
    name: provider.name,
    vendor: source.vendor,
    product: source.product,
    listsAreas: source.areas !== undefined,
    ...whyState(provider),
    nextAttemptInSeconds: secondsUntil(nextAttempt, clock.now()),
    nextAttemptAt: timeOfDay(nextAttempt, clock),
    ...lastError(provider, clock.now()),
    ...calls(provider, clock.now()),
    ...addresses(provider, share),
    ...budget(provider, clock.now()),
    ...stock(provider),
    ...cost(provider, tunnels),
  }
}

/** `budget-reached` replaces the state of a provider that could buy otherwise. */
function whyState({
  state,
  capacity: { budgetReached },
}: Provider): Pick<ProviderReport, 'state' | 'reason' | 'reasonCode'> {
  const isHealthy = state.kind === 'ready' || (state.kind === 'waiting' && state.code === '')
  if (budgetReached !== undefined && isHealthy) {
    const reason = `the budget ${budgetReached.which} of ${budgetReached.limit} is used up`
    return { state: 'budget-reached', reason, reasonCode: 'GW_BUDGET_REACHED' }
  }
  return { state: state.kind, reason: state.words || null, reasonCode: state.code || null }
}

function lastError({ lastError: error }: Provider, now: number) {
  return {
    lastError: error?.words ?? null,
    lastErrorCode: error?.code ?? null,
    lastErrorAgoSeconds: error === undefined ? null : seconds(now - error.at),
  }
}

function calls({ capacity: { window }, counts }: Provider, now: number) {
  return {
    callsMade: window.sent,
    callsFailed: counts.failedCalls,
    callsLeft: window.free,
    nextCallInSeconds: secondsUntil(window.nextAt, now),
    windowCalls: window.allowed,
    windowSeconds: seconds(window.perMs),
  }
}

function addresses({ counts }: Provider, share: PoolShare) {
  const { alive, leased, leases } = share
  return {
    bought: counts.bought,
    alive,
    leased,
    leases,
    used: counts.used,
    wasted: counts.expiredUnused + counts.tooShort,
    wastedExpired: counts.expiredUnused,
    wastedTooShort: counts.tooShort,
    evictedByBlame: counts.evictedByBlame,
    duplicates: counts.duplicates,
    rejected: counts.rejected,
    ...lives(counts, share),
  }
}

/** A life in the pool counts as bought completely, and as used until now. */
function lives({ secondsBought, secondsUsed }: Provider['counts'], { carriedMs: inPool }: PoolShare) {
  const used = secondsUsed + inPool / 1_000
  return {
    secondsBought: Math.round(secondsBought),
    secondsUsed: Math.round(used),
    utilisation: secondsBought === 0 ? null : Math.round((used / secondsBought) * 1_000) / 1_000,
  }
}

function budget({ settings, capacity: { budgetTightest, budgetReached } }: Provider, now: number) {
  return {
    budgetLeft: budgetTightest?.left ?? null,
    budgetTightest: budgetTightest?.which ?? null,
    budgetPerHour: settings.budget.perHour ?? null,
    budgetPerDay: settings.budget.perDay ?? null,
    budgetTotal: settings.budget.total ?? null,
    budgetReached: budgetReached?.which ?? null,
    budgetReachedForSeconds: secondsUntil(budgetReached?.until, now),
  }
}

function stock({ source, settings, balance, plan, held, capacity: { onTheWay, freeChannels } }: Provider) {
  return {
    balance: balance ?? null,
    runsLow: settings.lowStock !== undefined && balance !== undefined && balance < settings.lowStock,
    planEndsAt: plan.endsAt === undefined ? null : isoTime(plan.endsAt),
    planEndsSoon: plan.endsSoon,
    held,
    incoming: onTheWay,
    channels: source.byChannel ? (source.channels ?? null) : null,
    channelsFree: finite(freeChannels),
  }
}

function cost({ settings: { price }, counts }: Provider, tunnels: number) {
  const total = price === undefined ? null : price * counts.bought
  return {
    tunnels,
    price: price ?? null,
    cost: total,
    costPer1000Tunnels: total === null || tunnels === 0 ? null : (total / tunnels) * 1_000,
  }
}

/**
 * Ready means that clients can be served now: addresses that do not work do not count, nor does a provider that is unusable.
 * @param isListening whether clients can connect: false before the start and during the stop
 */
export function readinessOf(
  isListening: boolean,
  providers: readonly ProviderReport[],
  isStoreDown = false,
): Readiness {
  const able = providers.some(
    ({ state, alive, nextAttemptInSeconds }) =>
      state !== 'unusable' && (alive > 0 || (nextAttemptInSeconds === 0 && !isStoreDown)),
  )
  if (isListening && able) return { ready: true, reasons: [] }
  const reasons = isListening ? [] : ['the gateway accepts no connections']
  if (isStoreDown) return { ready: false, reasons: [...reasons, STORE_DOWN] }
  return { ready: false, reasons: able ? reasons : [...reasons, ...providers.map(whyNothing)] }
}

const STORE_DOWN = 'the store of the cluster does not answer, and no address is held'

/** Why a provider cannot buy now; without a reason of its state nothing is wrong with it. */
export function whyNone({ reason, channelsFree }: ProviderReport): string {
  const full =
    channelsFree === 0 ? 'all of its channels are in use' : 'as many calls as the vendor allows have been made'
  return reason ?? full
}

function whyNothing(report: ProviderReport): string {
  const { name, state, nextAttemptInSeconds } = report
  const what = state === 'unusable' ? 'sells addresses that do not work' : 'has no address and can buy none'
  const when = nextAttemptInSeconds === null ? '' : `; next attempt in ${Math.ceil(nextAttemptInSeconds)} s`
  return `provider "${name}" ${what}: ${whyNone(report)}${when}`
}

function seconds(ms: number): number {
  return Math.round(ms) / 1_000
}

/** @returns null for an unknown instant, and for infinity */
function secondsUntil(at: number | undefined, now: number): number | null {
  return at === undefined || at === Number.POSITIVE_INFINITY ? null : seconds(Math.max(0, at - now))
}

function timeOfDay(at: number | undefined, clock: Clock): string | null {
  if (at === undefined || at === Number.POSITIVE_INFINITY) return null
  return isoTime(clock.wall() + Math.max(0, at - clock.now()))
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
