/** The state of the gateway in one sentence, with its remedy. */

import { fill } from '../../../messages/text.ts'
import { type VerdictText, verdictTexts } from '../../../messages/verdict.ts'
import type { Finding } from '../../api/schemas/verdict.ts'
import { act } from '../actions.ts'
import { language, t } from '../i18n.ts'
import { verdict } from '../state.ts'

const tones = { critical: 'bad', warning: 'warn', notice: '', ok: 'good' } as const
const actionTexts = { retry: 'provider.retry', resume: 'provider.resume', refill: 'provider.refill' } as const

export function Verdict() {
  return (
    <div aria-live="polite">
      {verdict.value?.findings.map((finding) => (
        <FindingBanner key={`${finding.code} ${finding.provider}`} finding={finding} />
      ))}
    </div>
  )
}

function FindingBanner({ finding }: { readonly finding: Finding }) {
  const { level, code, params, provider, remedy, action } = finding
  const text = (key: VerdictText) => fill(verdictTexts[key][language.value], params)
  return (
    <section class={`verdict ${tones[level]}`} data-code={code}>
      <div>
        <p class="sentence">{text(`verdict.${code}`)}</p>
        {remedy === null ? null : <p>{text(`remedy.${code}`)}</p>}
      </div>
      {action === null || provider === null ? null : (
        <button
          type="button"
          class="main"
          onClick={() => act(`v1/providers/${encodeURIComponent(provider)}/${action}`)}
        >
          {t(actionTexts[action])}
        </button>
      )}
    </section>
  )
}
