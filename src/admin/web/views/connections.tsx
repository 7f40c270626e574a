/** Client connections, open and closed, each with the trace of its tries. */
import { useComputed, useSignal } from '@preact/signals'
import type { ConnectionReport } from '../../api/schemas/connections.ts'
import { duration, octets, timeOfDay } from '../format.ts'
import { t } from '../i18n.ts'
import { ConnectionDetail } from '../parts/connection-detail.tsx'
import { isNarrow } from '../parts/narrow.ts'
import { type RowPlace, VirtualList } from '../parts/virtual-list.tsx'
import { connections, gateway, type Held, now } from '../state.ts'

const ROW_PX = 36
const NARROW_ROW_PX = 60

const searchFields = ['host', 'user', 'session', 'provider', 'code'] as const
type SearchField = (typeof searchFields)[number]
const shownStates = ['all', 'open', 'closed', 'refused'] as const
type ShownState = (typeof shownStates)[number]
type Search = Readonly<Record<SearchField, string>> & { readonly state: ShownState }

const EMPTY: Search = { host: '', user: '', session: '', provider: '', code: '', state: 'all' }
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
  /** The list while it is paused; undefined: the gateway's current report. */
  const frozen = useSignal<typeof connections.value | undefined>(undefined)
  const rows = useComputed(() => {
    const wanted = search.value
    const all = frozen.value ?? connections.value
    return [...all.values()].filter(({ report }) => fits(report, wanted)).reverse()
  })
  const chosen = selected.value === undefined ? undefined : connections.value.get(selected.value)
  return (
    <section aria-labelledby="connections">
      <div class="row heading">
        <h2 id="connections">{t('connections.title')}</h2>
        <span class="soft small" role="status">
          {t('connections.count', { shown: rows.value.length, all: connections.value.size })}
        </span>
        <span class="space" />
        <button
          type="button"
          aria-pressed={frozen.value !== undefined}
          onClick={() => (frozen.value = frozen.value === undefined ? connections.value : undefined)}
        >
          {t('connections.freeze')}
        </button>
      </div>
      <SearchBar search={search.value} change={(value) => (search.value = value)} />
      <div class="list connections">
        {rows.value.length === 0 ? (
          <p class="empty">{emptyText()}</p>
        ) : (
          <Rows
            rows={rows.value}
            selected={selected.value}
            select={(id) => (selected.value = selected.value === id ? undefined : id)}
          />
        )}
      </div>
      {chosen === undefined ? null : <ConnectionDetail held={chosen} close={() => (selected.value = undefined)} />}
    </section>
  )
}

interface RowsProps {
  readonly rows: readonly Held<ConnectionReport>[]
  readonly selected: number | undefined
  readonly select: (id: number) => void
}

function Rows({ rows, selected, select }: RowsProps) {
  return (
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
        rows={rows}
        rowHeight={isNarrow.value ? NARROW_ROW_PX : ROW_PX}
        label={t('connections.title')}
        render={(held, place) => (
          <Row
            key={held.report.id}
            held={held}
            place={place}
            isSelected={selected === held.report.id}
            select={() => select(held.report.id)}
          />
        )}
      />
    </>
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
      <label>
        {t('connections.state')}
        <select
          name="state"
          value={search.state}
          onChange={({ currentTarget }) => change({ ...search, state: currentTarget.value as ShownState })}
        >
          {shownStates.map((state) => (
            <option key={state} value={state}>
              {t(`connections.shown.${state}`)}
            </option>
          ))}
        </select>
      </label>
      <button type="button" disabled={Object.values(search).join('') === 'all'} onClick={() => change(EMPTY)}>
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

/** As the query of GET /v1/connections, but every field matches a part, and case is ignored. */
function fits(report: ConnectionReport, search: Search): boolean {
  const { target, user, session, provider, code, end, tries } = report
  return (
    hasState(report, search.state) &&
    has(target, search.host) &&
    has(user, search.user) &&
    has(session, search.session) &&
    (has(provider, search.provider) || tries.some((one) => has(one.provider, search.provider))) &&
    (has(code, search.code) || has(end, search.code))
  )
}

function hasState({ state, code }: ConnectionReport, wanted: ShownState): boolean {
  if (wanted === 'refused') return code !== null
  return wanted === 'all' || (wanted === 'closed') === (state === 'closed')
}

const has = (text: string | null, part: string): boolean =>
  part === '' || (text ?? '').toLowerCase().includes(part.trim().toLowerCase())

interface RowProps {
  readonly held: Held<ConnectionReport>
  readonly place: RowPlace
  readonly isSelected: boolean
  readonly select: () => void
}

function Row({ held, place, isSelected, select }: RowProps) {
  const { report } = held
  return (
    <div class={isSelected ? 'line selected' : 'line'} {...place} data-connection={report.id}>
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

/** Seconds; for an open connection the page continues to count. */
function lasted({ report, at }: Held<ConnectionReport>): number {
  return report.state === 'closed' ? report.seconds : report.seconds + (now.value - at) / 1_000
}

function Outcome({ report }: { readonly report: ConnectionReport }) {
  if (report.state !== 'closed') {
    const isOpen = report.state === 'open'
    return <span class={`badge ${isOpen ? 'good' : 'warn'}`}>{t(isOpen ? 'connections.open' : 'state.waiting')}</span>
  }
  return (
    <span class={`badge ${report.code === null ? 'idle' : 'bad'}`}>
      {report.code ?? t(`end.${report.end ?? 'closed'}`)}
    </span>
  )
}
