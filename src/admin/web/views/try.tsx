/** A request through the gateway, the same in other programs, and a vendor's link tried out. */
import { useSignal } from '@preact/signals'
import type { GatewayReport, TryReply } from '../../api/schemas/gateway.ts'
import { copy, reasonOf } from '../actions.ts'
import { post } from '../api-client.ts'
import { octets, shortTime } from '../format.ts'
import { said, t } from '../i18n.ts'
import { FailureBanner } from '../parts/failure-banner.tsx'
import { facets, PlaceFields, type Places } from '../parts/places.tsx'
import { type SnippetName, snippet, snippetNames } from '../parts/snippets.ts'
import { gateway, providers } from '../state.ts'
import { PasteLink } from './paste-link.tsx'

interface Choice extends Places {
  readonly url: string
  readonly listener: number
  readonly user: string
  readonly session: string
}

export function TryView() {
  const report = gateway.value
  if (report === undefined) return <p class="empty card">{t('page.loading')}</p>
  return (
    <div class="cards" style={{ gridTemplateColumns: 'repeat(auto-fit, minmax(min(420px, 100%), 1fr))' }}>
      <TryRequest report={report} />
      <PasteLink />
    </div>
  )
}

function TryRequest({ report }: { readonly report: GatewayReport }) {
  const choice = useSignal<Choice>({
    // A target of the demo vendor alone; any other upstream goes to real hosts.
    url: providers.peek().some(({ vendor }) => vendor === 'demo') ? 'http://whoami.demo/' : 'https://example.com/',
    listener: 0,
    user: report.listeners[0]?.users[0] ?? '',
    session: '',
    ...{ country: '', area: '', city: '', isp: '' },
  })
  const reply = useSignal<TryReply | string | undefined>(undefined)
  const isSending = useSignal(false)
  const change = (part: Partial<Choice>) => {
    choice.value = { ...choice.value, ...part }
  }
  const send = async (event: Event) => {
    event.preventDefault()
    if (isSending.value) return
    isSending.value = true
    try {
      const { url, listener, user } = choice.value
      const options = optionsOf(choice.value)
      reply.value = await post<TryReply>('v1/try', {
        url,
        listener,
        ...(user === '' ? {} : { user }),
        ...(options === '' ? {} : { options }),
      })
    } catch (error) {
      reply.value = reasonOf(error)
    }
    isSending.value = false
  }
  return (
    <section class="card" aria-labelledby="try">
      <h2 id="try">{t('try.title')}</h2>
      <form onSubmit={send}>
        <ChoiceFields report={report} choice={choice.value} change={change} />
        <div class="row end">
          <button type="submit" class="main" aria-disabled={isSending.value}>
            {t(isSending.value ? 'try.sending' : 'try.send')}
          </button>
        </div>
      </form>
      <Reply reply={reply.value} />
      <Snippets report={report} choice={choice.value} />
    </section>
  )
}

interface FieldsProps {
  readonly report: GatewayReport
  readonly choice: Choice
  readonly change: (part: Partial<Choice>) => void
}

function ChoiceFields({ report, choice, change }: FieldsProps) {
  const users = report.listeners[choice.listener]?.users ?? []
  return (
    <div
      class="filters"
      style={{ marginTop: '10px', gridTemplateColumns: 'repeat(auto-fill, minmax(min(170px, 45%), 1fr))' }}
    >
      <label style={{ gridColumn: '1 / -1' }}>
        {t('try.url')}
        <input
          type="url"
          required
          value={choice.url}
          onInput={({ currentTarget }) => change({ url: currentTarget.value })}
        />
      </label>
      <label>
        {t('try.port')}
        <select
          value={choice.listener}
          onChange={({ currentTarget }) => {
            const listener = Number(currentTarget.value)
            change({ listener, user: report.listeners[listener]?.users[0] ?? '' })
          }}
        >
          {report.listeners.map(({ host, port, name }, index) => (
            <option key={port} value={index}>
              {name ?? ''} {host}:{port}
            </option>
          ))}
        </select>
      </label>
      {users.length === 0 ? null : (
        <label>
          {t('try.user')}
          <select value={choice.user} onChange={({ currentTarget }) => change({ user: currentTarget.value })}>
            {users.map((user) => (
              <option key={user}>{user}</option>
            ))}
          </select>
        </label>
      )}
      <label>
        {t('try.session')}
        <input
          placeholder={t('try.optional')}
          value={choice.session}
          onInput={({ currentTarget }) => change({ session: currentTarget.value })}
        />
      </label>
      <PlaceFields places={choice} change={change} />
    </div>
  )
}

/** Options as they follow the user name. Values are percent-encoded: a user name travels as Latin-1. */
function optionsOf(choice: Choice): string {
  return (['session', ...facets] as const)
    .filter((option) => choice[option] !== '')
    .map((option) => `${option}-${encodeURIComponent(choice[option])}`)
    .join('-')
}

function Reply({ reply }: { readonly reply: TryReply | string | undefined }) {
  if (reply === undefined) return null
  if (typeof reply === 'string') return <FailureBanner reason={reply} />
  const { status, code, error, upstream, seconds, body, bodyBytes } = reply
  return (
    <div aria-live="polite" data-reply={status ?? code ?? ''}>
      <h3>
        {t('try.answer')}: {status ?? code}{' '}
        <span class="soft small">{[shortTime(seconds), upstream, octets(bodyBytes)].filter(Boolean).join(' · ')}</span>
      </h3>
      {error === null ? null : <p>{said(error)}</p>}
      <pre tabIndex={0}>{body}</pre>
    </div>
  )
}

function Snippets({ report, choice }: { readonly report: GatewayReport; readonly choice: Choice }) {
  const name = useSignal<SnippetName>('curl')
  const listener = report.listeners[choice.listener]
  const host = listener === undefined || ['0.0.0.0', '::'].includes(listener.host) ? location.hostname : listener.host
  const options = optionsOf(choice)
  // Without users any account name before the options will do.
  const account = choice.user === '' && options !== '' ? 'client' : choice.user
  const text = snippet(name.value, {
    proxy: `${host.includes(':') ? `[${host}]` : host}:${listener?.port ?? ''}`,
    isTls: listener?.isTls ?? false,
    user: [account, options].filter(Boolean).join('-'),
    url: choice.url,
  })
  return (
    <>
      <h3 style={{ marginTop: '14px' }}>{t('try.snippets')}</h3>
      <div class="tabs" role="group" aria-label={t('try.snippets')}>
        {snippetNames.map((one) => (
          <button
            key={one}
            type="button"
            data-tab={one}
            aria-pressed={name.value === one}
            onClick={() => (name.value = one)}
          >
            {one}
          </button>
        ))}
      </div>
      <pre tabIndex={0} data-snippet={name.value}>
        {text}
      </pre>
      <div class="row end" style={{ marginTop: '6px' }}>
        {account === '' ? null : <span class="soft small">{t('try.password')}</span>}
        <button type="button" onClick={() => copy(text)}>
          {t('pool.copy')}
        </button>
      </div>
    </>
  )
}
