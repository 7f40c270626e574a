/** Client connections, open and closed, each with the trace of its tries. */
import { useComputed, useSignal } from '@preact/signals'
import type { ConnectionReport, TryReport } from '../../api/schemas/connections.ts'
import { duration, octets, shortTime, timeOfDay } from '../format.ts'
import { t } from '../i18n.ts'
import { isNarrow } from '../parts/narrow.ts'
import { VirtualList } from '../parts/virtual-list.tsx'
import { connections, gateway, type Held, now } from '../state.ts'

const ROW_PX = 36
const NARROW_ROW_PX = 60

const searchFields = ['host', 'user', 'session', 'provider', 'code'] as const
type SearchField = (typeof searchFields)[number]
type Search = Readonly<Record<SearchField, string>>

const EMPTY: Search = { host: '', user: '', session: '', provider: '', code: '' }
const searchTexts = {
  host: 'connections.host',
  user: 'connections.user',
  session: 'connections.session',
  provider: 'connections.provider',
  code: 'connections.code',
} as const

export function ConnectionsView() {
  const search = useSignal<Search>(EMPTY)
  const selected = useSignal<number | undefined>(undefined)
  const rows = useComputed(() => {
    const wanted = search.value
    return [...connections.value.values()].filter(({ report }) => fits(report, wanted)).reverse()
  })
  const chosen = selected.value === undefined ? undefined : connections.value.get(selected.value)
  return (
    <section aria-labelledby="connections">
      <h2 id="connections">{t('connections.title')}</h2>
      <SearchBar search={search.value} change={(value) => (search.value = value)} />
      {chosen === undefined ? null : <Detail held={chosen} />}
      <div class="list connections">
        {rows.value.length === 0 ? (
          <p class="empty">{emptyText()}</p>
        ) : (
          <>
            <div class="title" aria-hidden="true">
              <span>{t('connections.time')}</span>
              <span>{t('connections.target')}</span>
              <span>{t('connections.user')}</span>
              <span>{t('connections.provider')}</span>
              <span>{t('connections.duration')}</span>
              <span>{t('connections.bytes')}</span>
              <span>{t('connections.outcome')}</span>
            </div>
            <VirtualList
              rows={rows.value}
              rowHeight={isNarrow.value ? NARROW_ROW_PX : ROW_PX}
              label={t('connections.title')}
              render={(held, top) => (
                <Row
                  key={held.report.id}
                  held={held}
                  top={top}
                  isSelected={selected.value === held.report.id}
                  select={() => (selected.value = selected.value === held.report.id ? undefined : held.report.id)}
                />
              )}
            />
          </>
        )}
      </div>
    </section>
  )
}

function SearchBar({ search, change }: { readonly search: Search; readonly change: (search: Search) => void }) {
  return (
    <search class="filters">
      {searchFields.map((field) => (
        <label key={field}>
          {t(searchTexts[field])}
          <input
            type="search"
            name={field}
            value={search[field]}
            onInput={({ currentTarget }) => change({ ...search, [field]: currentTarget.value })}
          />
        </label>
      ))}
      <button type="button" onClick={() => change(EMPTY)}>
        {t('connections.clear')}
      </button>
    </search>
  )
}

function emptyText(): string {
  if (connections.value.size > 0) return t('connections.noMatch')
  if (gateway.value === undefined) return t('page.loading')
  const listener = gateway.value.listeners[0]
  return t('connections.empty', { proxy: listener === undefined ? '' : `${listener.host}:${listener.port}` })
}

/** The same sense as the query of GET /v1/connections, but every field matches a part in any case. */
function fits(report: ConnectionReport, search: Search): boolean {
  const { target, user, session, provider, code, end, tries } = report
  return (
    has(target, search.host) &&
    has(user, search.user) &&
    has(session, search.session) &&
    (has(provider, search.provider) || tries.some((one) => has(one.provider, search.provider))) &&
    (has(code, search.code) || has(end, search.code))
  )
}

const has = (text: string | null, part: string): boolean =>
  part === '' || (text ?? '').toLowerCase().includes(part.trim().toLowerCase())

interface RowProps {
  readonly held: Held<ConnectionReport>
  readonly top: number
  readonly isSelected: boolean
  readonly select: () => void
}

function Row({ held, top, isSelected, select }: RowProps) {
  const { report } = held
  return (
    <div
      class="line"
      role="listitem"
      style={{ top: `${top}px`, height: `${isNarrow.value ? NARROW_ROW_PX : ROW_PX}px` }}
      data-connection={report.id}
    >
      <span class="soft">{timeOfDay(report.beganAt)}</span>
      <button type="button" class="quiet mono target" aria-expanded={isSelected} onClick={select}>
        {report.target}
      </button>
      <span>{[report.user, report.session].filter(Boolean).join(' · ') || '–'}</span>
      <span>{report.provider ?? '–'}</span>
      <span>{duration(lasted(held))}</span>
      <span>
        {octets(report.bytesFromClient)} / {octets(report.bytesToClient)}
      </span>
      <Outcome report={report} />
    </div>
  )
}

/** Seconds; an open connection goes on counting in the page. */
function lasted({ report, at }: Held<ConnectionReport>): number {
  return report.state === 'closed' ? report.seconds : report.seconds + (now.value - at) / 1_000
}

function Outcome({ report }: { readonly report: ConnectionReport }) {
  if (report.state !== 'closed') {
    const isOpen = report.state === 'open'
    return <span class={`badge ${isOpen ? 'good' : 'warn'}`}>{t(isOpen ? 'connections.open' : 'state.waiting')}</span>
  }
  return <span class={`badge ${report.code === null ? 'idle' : 'bad'}`}>{report.code ?? report.end}</span>
}

function Detail({ held }: { readonly held: Held<ConnectionReport> }) {
  const { report } = held
  return (
    <article class="card" style={{ marginBottom: '10px' }} aria-live="polite" data-detail={report.id}>
      <h3 class="mono">{report.target}</h3>
      <p class="soft small">
        {[report.protocol, report.client, report.user, report.session].filter(Boolean).join(' · ')}
        {report.setupSeconds === null ? '' : ` · ${t('pool.latency')} ${shortTime(report.setupSeconds)}`}
      </p>
      <h4 style={{ margin: '8px 0 2px' }}>{t('connections.tries')}</h4>
      {report.tries.length === 0 ? (
        <p class="soft">{t('connections.noTries')}</p>
      ) : (
        <ol class="trace">
          {report.tries.map((one) => (
            <Try key={one.startedAfterSeconds} report={one} />
          ))}
        </ol>
      )}
      {report.code === null ? null : <p class="mono">{report.code}</p>}
    </article>
  )
}

function Try({ report }: { readonly report: TryReport }) {
  const { upstream, address, provider, seconds, result, status } = report
  const tone = result === 'opened' ? 'good' : result === 'dialling' || result === 'abandoned' ? '' : 'bad'
  return (
    <li>
      <span class="mono">{address}</span>{' '}
      <span class="soft">
        {provider} {upstream}
      </span>{' '}
      {shortTime(seconds)} <strong class={tone}>{status === null ? result : `${result} ${status}`}</strong>
    </li>
  )
}
