/** One provider: its state and reason, its limits as bars, its cost, and the operator's actions. */
import type { ProviderReport } from '../../api/schemas/providers.ts'
import { count, duration } from '../format.ts'
import { said, t } from '../i18n.ts'
import { type HeldProvider, now } from '../state.ts'
import { ActionButton } from './action-button.tsx'
import { Meter } from './meter.tsx'

const stateTexts = {
  ready: 'state.ready',
  waiting: 'state.waiting',
  stopped: 'state.stopped',
  unusable: 'state.unusable',
  'budget-reached': 'state.budget',
  paused: 'state.paused',
} as const
const stateTones = {
  ready: 'good',
  waiting: 'warn',
  stopped: 'bad',
  unusable: 'bad',
  'budget-reached': 'bad',
  paused: 'idle',
} as const

export function ProviderCard({ report }: { readonly report: HeldProvider }) {
  const { name, vendor, product, state, reason } = report
  const next = Math.ceil((report.nextAttemptInSeconds ?? 0) - (now.value - report.at) / 1_000)
  const path = `v1/providers/${encodeURIComponent(name)}`
  const isPaused = state === 'paused'
  return (
    <article class="card" data-provider={name}>
      <div class="head">
        <h3>{name}</h3>
        <span class="soft small">
          {vendor} {product}
        </span>
        <span class="space" />
        <span class={`badge ${stateTones[state]}`}>{t(stateTexts[state])}</span>
      </div>
      {reason === null ? null : (
        <p class="small" data-reason>
          {said(reason)}
          {next > 0 ? t('provider.next', { time: duration(next) }) : ''}
        </p>
      )}
      <Limits report={report} />
      <Facts report={report} />
      <div class="row end actions">
        {state === 'ready' || state === 'budget-reached' || isPaused ? null : (
          <ActionButton label={t('provider.retry')} path={`${path}/retry`} object={name} />
        )}
        <ActionButton label={t('provider.refill')} path={`${path}/refill`} object={name} />
        <ActionButton
          label={t(isPaused ? 'provider.resume' : 'provider.pause')}
          path={`${path}/${isPaused ? 'resume' : 'pause'}`}
          object={name}
          isMain={isPaused}
        />
      </div>
    </article>
  )
}

function Limits({ report }: { readonly report: ProviderReport }) {
  const { windowCalls, windowSeconds, callsLeft, channels, channelsFree } = report
  const used = Math.max(0, windowCalls - callsLeft)
  return (
    <>
      {windowCalls > 0 ? (
        <Meter
          label={t('provider.calls', { seconds: windowSeconds })}
          value={`${used} / ${windowCalls}`}
          part={used / windowCalls}
          tone={toneOfUse(used / windowCalls)}
        />
      ) : null}
      {channels !== null && channels > 0 ? (
        <Meter
          label={t('provider.channels')}
          value={`${channels - (channelsFree ?? 0)} / ${channels}`}
          part={(channels - (channelsFree ?? 0)) / channels}
        />
      ) : null}
      <BudgetMeter report={report} />
    </>
  )
}

/** How much of the tightest budget is spent. */
function BudgetMeter({ report }: { readonly report: ProviderReport }) {
  const { budgetTightest: which, budgetLeft: left, budgetPerHour, budgetPerDay, budgetTotal } = report
  if (which === null || left === null) return <p class="soft small">{t('provider.noBudget')}</p>
  const limit = { perHour: budgetPerHour, perDay: budgetPerDay, total: budgetTotal }[which] ?? 0
  const part = left <= 0 ? 1 : (limit - left) / limit
  return (
    <Meter
      label={t(`provider.budget.${which}`)}
      value={`${count(limit - left)} / ${count(limit)}`}
      part={part}
      tone={toneOfUse(part)}
    />
  )
}

const toneOfUse = (part: number) => (part >= 1 ? 'bad' : part >= 0.8 ? 'warn' : undefined)

function Facts({ report }: { readonly report: ProviderReport }) {
  const facts = [
    [t('provider.alive'), count(report.alive)],
    [t('provider.bought'), count(report.bought)],
    [t('provider.used'), count(report.used)],
    [t('provider.wasted'), count(report.wasted)],
    // Only known when the vendor or the configuration says it.
    ...(report.balance === null ? [] : [[t('provider.balance'), count(report.balance)] as const]),
    ...(report.costPer1000Tunnels === null ? [] : [[t('provider.cost'), count(report.costPer1000Tunnels)] as const]),
  ] as const
  return (
    <dl class="facts">
      {facts.map(([label, value]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}
