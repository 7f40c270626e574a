/** The pool: each address with a bar that shows its remaining life. */
import { useComputed, useSignal } from '@preact/signals'
import type { UpstreamReport } from '../../api/schemas/pool.ts'
import { copy } from '../actions.ts'
import { count, duration, shortTime } from '../format.ts'
import { t } from '../i18n.ts'
import { ActionButton } from '../parts/action-button.tsx'
import { isNarrow } from '../parts/narrow.ts'
import { AS_THEY_COME, type Column, type Order, SortChoice, sortRows, Title } from '../parts/sorting.tsx'
import { type RowPlace, VirtualList } from '../parts/virtual-list.tsx'
import { gateway, type Held, now, pool } from '../state.ts'

const ROW_PX = 44
const NARROW_ROW_PX = 148
const stateTexts = {
  ready: 'state.ready',
  resting: 'state.resting',
  draining: 'state.draining',
  gone: 'state.draining',
} as const
const stateTones = { ready: 'good', resting: 'warn', draining: 'idle', gone: 'idle' } as const

const columns: readonly Column<Held<UpstreamReport>>[] = [
  { label: 'pool.life', by: deadline },
  { label: 'pool.address', by: ({ report }) => report.address },
  { label: 'pool.place', by: ({ report }) => placeOf(report) || null },
  { label: 'connections.provider', by: ({ report }) => report.provider },
  { label: 'pool.state', by: ({ report }) => report.state },
  { label: 'pool.leases', isNumber: true, by: ({ report }) => report.leases },
  { label: 'pool.failures', isNumber: true, by: ({ report }) => report.blame },
  { label: 'pool.latency', isNumber: true, by: ({ report }) => report.openSeconds },
  { label: 'pool.actions' },
]

export function PoolView() {
  const filter = useSignal('')
  const order = useSignal<Order>(AS_THEY_COME)
  /** Those that end first come first, unless a column is chosen. */
  const rows = useComputed(() => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean)
    const all = [...pool.value.values()]
    const fitting =
      words.length === 0 ? all : all.filter(({ report }) => words.every((word) => haystack(report).includes(word)))
    return sortRows(
      fitting.sort((a, b) => deadline(a) - deadline(b)),
      columns,
      order.value,
    )
  })
  return (
    <section aria-labelledby="pool">
      <h2 id="pool">{t('pool.title')}</h2>
      <div class="filters single">
        <label>
          {t('pool.filter')}
          <input
            type="search"
            value={filter.value}
            onInput={({ currentTarget }) => (filter.value = currentTarget.value)}
          />
        </label>
        <SortChoice columns={columns} order={order} />
        <span class="soft small" role="status">
          {t('pool.count', { shown: rows.value.length, all: pool.value.size })}
        </span>
      </div>
      <div class="list pool">
        {rows.value.length === 0 ? (
          <p class="empty">
            {t(pool.value.size > 0 ? 'pool.noMatch' : gateway.value === undefined ? 'page.loading' : 'pool.empty')}
          </p>
        ) : (
          <>
            <Title columns={columns} order={order} />
            <VirtualList
              rows={rows.value}
              rowHeight={isNarrow.value ? NARROW_ROW_PX : ROW_PX}
              label={t('pool.title')}
              render={(held, place) => <PoolRow key={held.report.id} held={held} place={place} />}
            />
          </>
        )}
      </div>
    </section>
  )
}

const haystack = ({ address, country, area, city, isp, provider, state, id }: UpstreamReport): string =>
  [address, country, area, city, isp, provider, state, id].filter(Boolean).join(' ').toLowerCase()

/** The end of the life on the page's clock, ms; addresses without an end sort last. */
function deadline({ report, at }: Held<UpstreamReport>): number {
  return report.remainingSeconds === null ? Number.POSITIVE_INFINITY : at + report.remainingSeconds * 1_000
}

const placeOf = ({ country, area, city, isp }: UpstreamReport): string =>
  [country, area, city, isp].filter(Boolean).join(' ')

interface PoolRowProps {
  readonly held: Held<UpstreamReport>
  readonly place: RowPlace
}

function PoolRow({ held, place }: PoolRowProps) {
  const { report, at } = held
  const { id, address } = report
  const path = `v1/upstreams/${encodeURIComponent(id)}`
  const where = placeOf(report)
  return (
    <div class="line" {...place} data-upstream={id}>
      <Life held={held} />
      <span class="mono" title={id}>
        {address}
      </span>
      <span title={where}>{where || '–'}</span>
      <span>{report.provider}</span>
      <span class={`badge ${stateTones[report.state]}`}>
        {t(stateTexts[report.state])}
        {report.restSeconds > 0 ? ` ${duration(report.restSeconds - (now.value - at) / 1_000)}` : ''}
      </span>
      <span class="number" data-label={t('pool.leases')}>
        {count(report.leases)}
      </span>
      <span class="number" data-label={t('pool.failures')}>
        {count(report.blame)}
      </span>
      <span class="number" data-label={t('pool.latency')}>
        {report.openSeconds === null ? '–' : shortTime(report.openSeconds)}
      </span>
      <span class="row">
        <ActionButton label={t('pool.rest')} path={`${path}/rest`} body={{}} object={address} />
        <ActionButton label={t('pool.evict')} path={`${path}/evict`} object={address} />
        <button type="button" aria-label={`${t('pool.copy')} ${address}`} onClick={() => copy(address)}>
          {t('pool.copy')}
        </button>
      </span>
    </div>
  )
}

/** The bar shows the remaining part of the whole life, counted from the purchase. */
function Life({ held: { report, at } }: { readonly held: Held<UpstreamReport> }) {
  if (report.remainingSeconds === null) return <span class="soft">{t('pool.endless')}</span>
  const left = Math.max(0, report.remainingSeconds - (now.value - at) / 1_000)
  const whole = report.expiresAt === null ? left : (Date.parse(report.expiresAt) - Date.parse(report.boughtAt)) / 1_000
  const part = whole <= 0 ? 0 : Math.min(1, left / whole)
  const tone = report.state === 'ready' ? (part < 0.1 ? 'bad' : part < 0.3 ? 'warn' : '') : 'rest'
  return (
    <span>
      <span data-life>{duration(left)}</span>
      <span class="track" style={{ display: 'block' }}>
        <i class={tone} style={{ transform: `scaleX(${part})` }} />
      </span>
    </span>
  )
}
