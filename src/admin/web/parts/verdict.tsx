/** The state of the gateway in one sentence, with its remedy. */
import { useSignal } from '@preact/signals'
import { useMemo } from 'preact/hooks'
import { type VerdictText, verdictSentence } from '../../../messages/verdict.ts'
import type { Finding } from '../../api/schemas/verdict.ts'
import { language, t } from '../i18n.ts'
import { verdict } from '../state.ts'
import { ActionButton } from './action-button.tsx'

const tones = { critical: 'bad', warning: 'warn', notice: '', ok: 'good' } as const
const actionTexts = { retry: 'provider.retry', resume: 'provider.resume', refill: 'provider.refill' } as const

/** Findings beside which the figures stay on the first screen. */
const SHOWN_FINDINGS = 3

/** The findings, the worst first and largest; more than a few are folded. */
export function Verdict() {
  const isWhole = useSignal(false)
  const findings = verdict.value?.findings
  if (findings === undefined)
    return (
      <section class="verdict">
        <p class="soft">{t('page.loading')}</p>
      </section>
    )
  const others = findings.length - SHOWN_FINDINGS
  return (
    <>
      <Announcement findings={findings} />
      {findings.slice(0, isWhole.value ? undefined : SHOWN_FINDINGS).map((finding, index) => (
        <FindingBanner key={keyOf(finding)} finding={finding} size={index === 0 ? '' : 'minor'} />
      ))}
      {others <= 0 ? null : (
        <button
          type="button"
          aria-expanded={isWhole.value}
          onClick={() => (isWhole.value = !isWhole.value)}
          data-others
        >
          {isWhole.value ? t('verdict.fewer') : t('verdict.others', { count: others })}
        </button>
      )}
    </>
  )
}

const keyOf = ({ code, provider }: Finding): string => `${code} ${provider}`

/** For screen readers: spoken when a finding comes or goes, and not when a figure in it changes, which may be every second. */
function Announcement({ findings }: { readonly findings: readonly Finding[] }) {
  const words = useMemo(
    () => findings.map((finding) => sentenceOf('verdict', finding)).join(' '),
    [findings.map(keyOf).join(), language.value],
  )
  return (
    <p class="visually-hidden" role="status">
      {words}
    </p>
  )
}

/** The worst finding in one line, for the other views; empty while there is no problem. */
export function VerdictLine() {
  const [worst, ...others] = (verdict.value?.findings ?? []).filter(({ level }) => level !== 'ok')
  if (worst === undefined) return null
  return (
    <p class={`verdict line ${tones[worst.level]}`} data-code={worst.code}>
      <span>{sentenceOf('verdict', worst)}</span>
      <a href="#/overview">{t(others.length === 0 ? 'verdict.details' : 'verdict.more', { count: others.length })}</a>
    </p>
  )
}

function sentenceOf(kind: 'verdict' | 'remedy', { code, params }: Finding): string {
  const key: VerdictText = `${kind}.${code}`
  return verdictSentence(key, language.value, params)
}

function FindingBanner({ finding, size }: { readonly finding: Finding; readonly size: '' | 'minor' }) {
  const { level, code, provider, remedy, action } = finding
  return (
    <section class={`verdict ${tones[level]} ${size}`} data-code={code}>
      <div>
        <p class="sentence">{sentenceOf('verdict', finding)}</p>
        {remedy === null || level === 'ok' ? null : <p>{sentenceOf('remedy', finding)}</p>}
      </div>
      {action === null || provider === null ? null : (
        <ActionButton
          label={t(actionTexts[action])}
          path={`v1/providers/${encodeURIComponent(provider)}/${action}`}
          object={provider}
          isMain
        />
      )}
    </section>
  )
}
