/** The state of the gateway in one sentence, with its remedy. */
import { type VerdictText, verdictSentence } from '../../../messages/verdict.ts'
import type { Finding } from '../../api/schemas/verdict.ts'
import { language, t } from '../i18n.ts'
import { verdict } from '../state.ts'
import { ActionButton } from './action-button.tsx'

const tones = { critical: 'bad', warning: 'warn', notice: '', ok: 'good' } as const
const actionTexts = { retry: 'provider.retry', resume: 'provider.resume', refill: 'provider.refill' } as const

/** All findings, the worst first and largest. */
export function Verdict() {
  const findings = verdict.value?.findings
  return (
    <div aria-live="polite">
      {findings === undefined ? (
        <section class="verdict">
          <p class="soft">{t('page.loading')}</p>
        </section>
      ) : (
        findings.map((finding, index) => (
          <FindingBanner
            key={`${finding.code} ${finding.provider}`}
            finding={finding}
            size={index === 0 ? '' : 'minor'}
          />
        ))
      )}
    </div>
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
