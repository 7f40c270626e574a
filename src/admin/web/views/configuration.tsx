/** The configuration in force, and the check of an edited text. */
import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { CheckReport, ConfigReport } from '../../api/schemas/gateway.ts'
import { copy, reasonOf } from '../actions.ts'
import { call, post } from '../api-client.ts'
import { said, t } from '../i18n.ts'
import { AreasCard } from '../parts/areas.tsx'
import { FailureBanner } from '../parts/failure-banner.tsx'

export function ConfigurationView() {
  const report = useSignal<ConfigReport | string | undefined>(undefined)
  const text = useSignal('')
  useEffect(() => {
    call<ConfigReport>('v1/config').then(
      (reply) => {
        report.value = reply
        text.value = reply.yaml ?? ''
      },
      (error) => {
        report.value = reasonOf(error)
      },
    )
  }, [])
  if (report.value === undefined) return <p class="empty card">{t('page.loading')}</p>
  if (typeof report.value === 'string') return <FailureBanner reason={report.value} />
  const { file, yaml, effective } = report.value
  const shown = yaml ?? JSON.stringify(effective, null, 2)
  return (
    <div class="cards" style={{ gridTemplateColumns: 'repeat(auto-fit, minmax(min(420px, 100%), 1fr))' }}>
      <section class="card" aria-labelledby="config">
        <div class="row heading">
          <h2 id="config">{t('config.title')}</h2>
          <span class="space" />
          <button type="button" onClick={() => copy(shown)}>
            {t('pool.copy')}
          </button>
        </div>
        {file === null ? null : <p class="soft small mono">{file}</p>}
        <pre tabIndex={0}>{shown}</pre>
      </section>
      <Check text={text.value} change={(value) => (text.value = value)} />
      <AreasCard />
    </div>
  )
}

function Check({ text, change }: { readonly text: string; readonly change: (text: string) => void }) {
  const reply = useSignal<CheckReport | string | undefined>(undefined)
  const check = async (event: Event) => {
    event.preventDefault()
    try {
      reply.value = await post<CheckReport>('v1/check', { text })
    } catch (error) {
      reply.value = reasonOf(error)
    }
  }
  return (
    <section class="card" aria-labelledby="check">
      <h2 id="check">{t('config.check')}</h2>
      <p class="soft small">{t('config.checkWhy')}</p>
      <form onSubmit={check}>
        <label>
          {t('config.text')}
          <textarea
            class="mono"
            spellcheck={false}
            rows={18}
            value={text}
            onInput={({ currentTarget }) => change(currentTarget.value)}
          />
        </label>
        <div class="row end" style={{ marginTop: '8px' }}>
          <button type="submit" class="main">
            {t('config.run')}
          </button>
        </div>
      </form>
      <Problems reply={reply.value} />
    </section>
  )
}

function Problems({ reply }: { readonly reply: CheckReport | string | undefined }) {
  if (reply === undefined) return null
  if (typeof reply === 'string') return <FailureBanner reason={reply} />
  if (reply.valid)
    return (
      <p role="status" class="good">
        {t('config.good')}
      </p>
    )
  return (
    <ul class="problems" aria-live="polite">
      {reply.problems.map(({ path, message, line, column }) => (
        <li key={`${path} ${message}`}>
          {line === null ? null : <span class="place">{t('config.place', { line, column: column ?? 1 })}: </span>}
          <code>{path}</code> {said(message)}
        </li>
      ))}
    </ul>
  )
}
