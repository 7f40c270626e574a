/** Client connections, open and closed, each with the trace of its tries. */
import { type Signal, useComputed, useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { ConnectionReport } from '../../api/schemas/connections.ts'
import { t } from '../i18n.ts'
import { ConnectionDetail } from '../parts/connection-detail.tsx'
import { ConnectionRow, columns } from '../parts/connection-row.tsx'
import { isNarrow } from '../parts/narrow.ts'
import { AS_THEY_COME, type Order, SortChoice, sortRows, Title } from '../parts/sorting.tsx'
import { VirtualList } from '../parts/virtual-list.tsx'
import { type Connections, connections, findConnections, gateway, type HeldConnection, link } from '../state.ts'

const ROW_PX = 36
const NARROW_ROW_PX = 84
/** The gateway is asked so long after the last key. */
const TYPING_MS = 250

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
  const frozen = useSignal<Connections | undefined>(undefined)
  const order = useSignal<Order>(AS_THEY_COME)
  /** The latest first, unless a column is chosen. */
  const rows = useComputed(() => {
    const wanted = search.value
    const all = frozen.value ?? connections.value
    const fitting = [...all.values()].filter(({ report }) => fits(report, wanted)).reverse()
    return sortRows(fitting, columns, order.value)
  })
  useEffect(() => {
    const { state, ...fields } = search.value
    const given = { ...fields, code: fields.code.trim() || (state === 'refused' ? state : '') }
    const query = new URLSearchParams()
    for (const [field, value] of Object.entries(given)) if (value.trim() !== '') query.set(field, value.trim())
    const find = async () => {
      const addTo = await findConnections(query)
      connections.value = addTo(connections.value)
      const held = frozen.value
      if (held !== undefined) frozen.value = addTo(held, Math.max(0, ...held.keys()))
    }
    const timer = setTimeout(() => void find().catch(() => {}), TYPING_MS)
    return () => clearTimeout(timer)
  }, [search.value, link.value])
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
      <SearchBar search={search.value} order={order} change={(value) => (search.value = value)} />
      <div class="list connections">
        {rows.value.length === 0 ? (
          <p class="empty">{emptyText()}</p>
        ) : (
          <Rows
            rows={rows.value}
            order={order}
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
  readonly rows: readonly HeldConnection[]
  readonly order: Signal<Order>
  readonly selected: number | undefined
  readonly select: (id: number) => void
}

function Rows({ rows, order, selected, select }: RowsProps) {
  return (
    <>
      <Title columns={columns} order={order} />
      <VirtualList
        rows={rows}
        rowHeight={isNarrow.value ? NARROW_ROW_PX : ROW_PX}
        label={t('connections.title')}
        render={(held, place) => (
          <ConnectionRow
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

interface SearchBarProps {
  readonly search: Search
  readonly order: Signal<Order>
  readonly change: (search: Search) => void
}

function SearchBar({ search, order, change }: SearchBarProps) {
  const isWhole = useSignal(false)
  const isShort = isNarrow.value && !isWhole.value
  const isEmpty = Object.values(search).join('') === 'all'
  return (
    <search class="filters">
      {searchFields.slice(0, isShort ? 1 : undefined).map((field) => (
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
      <SortChoice columns={columns} order={order} />
      {isNarrow.value ? (
        <button type="button" aria-expanded={isWhole.value} onClick={() => (isWhole.value = !isWhole.value)}>
          {t('connections.more')}
        </button>
      ) : null}
      {isNarrow.value && isEmpty ? null : (
        <button type="button" disabled={isEmpty} onClick={() => change(EMPTY)}>
          {t('connections.clear')}
        </button>
      )}
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
