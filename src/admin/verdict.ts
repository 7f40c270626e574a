/**
 * The state of the gateway in one sentence, with its remedy. Pure: from reports of one moment. The worst finding comes first;
 * among equal levels the order of `verdictCodes` decides.
 */
import type { ReloadState } from '../config/difference.ts'
import { verdictSentence } from '../messages/verdict.ts'
import type { ProviderReport } from './api/schemas/providers.ts'
import {
  type Finding,
  type VerdictCode,
  type VerdictReport,
  verdictCodes,
  verdictLevels,
} from './api/schemas/verdict.ts'
import { whyNone } from './reports.ts'
import type { Gauges } from './view.ts'

interface VerdictParts {
  readonly isListening: boolean
  readonly isReady: boolean
  readonly providers: readonly ProviderReport[]
  readonly gauges: Gauges
  /** Upstreams that could be lent now. */
  readonly lendable: number
  /** In a cluster: its store does not answer. */
  readonly isStoreDown?: boolean
  /** Where the file differs from the configuration in force. */
  readonly reload?: ReloadState | undefined
}

interface Draft {
  readonly level: Finding['level']
  readonly code: VerdictCode
  readonly params?: Finding['params']
  readonly provider?: string
  readonly action?: Finding['action']
}

export function verdictOf(parts: VerdictParts): VerdictReport {
  const drafts = [...ofGateway(parts), ...parts.providers.flatMap((report) => ofProvider(report, parts))]
  const findings = (drafts.length > 0 ? drafts : [allWell(parts)]).map(worded).toSorted(byWeight)
  return { level: findings[0]?.level ?? 'ok', findings }
}

function ofGateway({ isListening, isReady, isStoreDown = false, reload, gauges }: VerdictParts): readonly Draft[] {
  if (!isListening) return [{ level: 'critical', code: 'not-listening' }]
  const count = gauges.waiting
  return [
    ...(isStoreDown ? [{ level: isReady ? 'warning' : 'critical', code: 'cluster-store-down' } as const] : []),
    ...(reload?.refusal ? [{ level: 'warning', code: 'not-reloaded', params: { ...reload.refusal } } as const] : []),
    ...(reload?.needsRestart.length ? [ofRestart(reload.needsRestart)] : []),
    ...(count === 0 ? [] : [{ level: 'notice', code: 'clients-wait', params: { count } } as const]),
  ]
}

function ofRestart(keys: readonly string[]): Draft {
  return { level: 'notice', code: 'needs-restart', params: { keys: keys.join(', ') } }
}

function allWell({ gauges, lendable }: VerdictParts): Draft {
  if (lendable === 0 && gauges.connections === 0) return { level: 'ok', code: 'no-demand' }
  return { level: 'ok', code: 'all-well', params: { ready: lendable, tunnels: gauges.tunnels } }
}

/** The operator should act or be informed, although other providers or addresses still serve the clients. */
const warnings = new Set<VerdictCode>([
  'key-wrong',
  'plan-expired',
  'whitelist-missing',
  'request-wrong',
  'addresses-unusable',
  'replies-unusable',
  'budget-total-reached',
  'budget-too-small',
  'budget-reached',
  'quota-used-up',
  'vendor-down',
])

function ofProvider(report: ProviderReport, { isReady, isListening }: VerdictParts): readonly Draft[] {
  const low = ofAccount(report)
  const { name } = report
  const problem = codeOf(report)
  // Nothing is wrong with it, but a client would get no address now.
  const waits = isListening && !isReady && report.nextAttemptInSeconds !== 0
  const code = problem ?? (waits ? 'provider-waiting' : undefined)
  if (code === undefined) return low
  const isCritical = !isReady && problem !== undefined
  const level = isCritical ? 'critical' : warnings.has(code) ? 'warning' : 'notice'
  return [{ level, code, provider: name, params: paramsOf(report), action: actions[code] ?? null }, ...low]
}

/** What a paying user should do in time. */
function ofAccount({ name, runsLow, balance, planEndsSoon, planEndsAt }: ProviderReport): readonly Draft[] {
  const draft = (code: VerdictCode, fact: Finding['params']): Draft => ({
    ...{ level: 'warning', code, provider: name },
    params: { provider: name, ...fact },
  })
  return [
    ...(runsLow && balance !== null ? [draft('balance-low', { balance })] : []),
    ...(planEndsSoon && planEndsAt !== null ? [draft('plan-ends-soon', { at: planEndsAt })] : []),
  ]
}

const actions: Partial<Record<VerdictCode, Finding['action']>> = {
  'key-wrong': 'retry',
  'plan-expired': 'retry',
  'whitelist-missing': 'retry',
  'addresses-unusable': 'retry',
  'replies-unusable': 'retry',
  'quota-used-up': 'retry',
  'vendor-down': 'retry',
  'sold-out': 'retry',
  paused: 'resume',
}

const byReason: Readonly<Record<string, VerdictCode>> = {
  GW_VENDOR_AUTH: 'key-wrong',
  GW_VENDOR_PLAN_EXPIRED: 'plan-expired',
  GW_VENDOR_WHITELIST: 'whitelist-missing',
  GW_VENDOR_BAD_REQUEST: 'request-wrong',
  GW_VENDOR_QUOTA: 'quota-used-up',
  GW_VENDOR_RATE_LIMITED: 'calls-used-up',
  GW_VENDOR_NO_RESOURCE: 'sold-out',
  GW_VENDOR_SERVER: 'vendor-down',
}

function codeOf({
  state,
  reasonCode,
  budgetReached,
  budgetReachedForSeconds,
}: ProviderReport): VerdictCode | undefined {
  if (state === 'paused') return 'paused'
  // Addresses that do not work, and a vendor that cannot be asked for others: the remedy for the vendor comes first.
  if (state === 'unusable') return byReason[reasonCode ?? ''] ?? 'addresses-unusable'
  if (state === 'stopped' && reasonCode === 'GW_NO_SUPPLY') return 'replies-unusable'
  if (state === 'budget-reached') {
    if (budgetReached === 'total') return 'budget-total-reached'
    return budgetReachedForSeconds === null ? 'budget-too-small' : 'budget-reached'
  }
  // A list that waits for its next reading has no code: nothing is wrong.
  if (state === 'ready' || reasonCode === null) return undefined
  return byReason[reasonCode] ?? 'provider-waiting'
}

function paramsOf(report: ProviderReport): Finding['params'] {
  const { name, budgetReached, budgetReachedForSeconds, budgetPerHour, budgetPerDay, budgetTotal } = report
  const limits = { perHour: budgetPerHour, perDay: budgetPerDay, total: budgetTotal }
  return {
    provider: name,
    reason: whyNone(report),
    ...(budgetReached === null ? {} : { which: budgetReached, limit: limits[budgetReached] ?? 0 }),
    ...(budgetReachedForSeconds === null ? {} : { seconds: Math.ceil(budgetReachedForSeconds) }),
  }
}

function worded({ level, code, params = {}, provider, action }: Draft): Finding {
  return {
    level,
    code,
    params,
    provider: provider ?? null,
    sentence: verdictSentence(`verdict.${code}`, 'en', params),
    remedy: verdictSentence(`remedy.${code}`, 'en', params),
    action: action ?? null,
  }
}

function byWeight(a: Finding, b: Finding): number {
  return (
    verdictLevels.indexOf(a.level) - verdictLevels.indexOf(b.level) ||
    verdictCodes.indexOf(a.code) - verdictCodes.indexOf(b.code)
  )
}
