/** The pool: each address as a bar that runs down by life. */
import { useComputed, useSignal } from '@preact/signals'
import type { UpstreamReport } from '../../api/schemas/pool.ts'
import { act, copy } from '../actions.ts'
import { count, duration, shortTime } from '../format.ts'
import { t } from '../i18n.ts'
import { isNarrow } from '../parts/narrow.ts'
import { VirtualList } from '../parts/virtual-list.tsx'
import { gateway, type Held, now, pool } from '../state.ts'

const ROW_PX = 44
const NARROW_ROW_PX = 104
const stateTexts = {
  ready: 'state.ready',
  resting: 'state.resting',
  draining: 'state.draining',
  gone: 'state.draining',
} as const
const stateTones = { ready: 'good', resting: 'warn', draining: 'idle', gone: 'idle' } as const

export function PoolView() {
  const filter = useSignal('')
  const rows = useComputed(() => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean)
    const all = [...pool.value.values()]
    const fitting =
      words.length === 0 ? all : all.filter(({ report }) => words.every((word) => haystack(report).includes(word)))
    return fitting.sort((a, b) => deadline(a) - deadline(b))
  })
  return (
    <section aria-labelledby="pool">
      <h2 id="pool">{t('pool.title')}</h2>
      <div class="filters">
        <label>
          {t('pool.filter')}
          <input
            type="search"
            value={filter.value}
            onInput={({ currentTarget }) => (filter.value = currentTarget.value)}
          />
        </label>
        <span class="soft small">{t('pool.count', { shown: rows.value.length, all: pool.value.size })}</span>
      </div>
      <div class="list pool">
        {rows.value.length === 0 ? (
          <p class="empty">
            {t(pool.value.size > 0 ? 'pool.noMatch' : gateway.value === undefined ? 'page.loading' : 'pool.empty')}
          </p>
        ) : (
          <>
            <div class="title" aria-hidden="true">
              <span>{t('pool.life')}</span>
              <span>{t('pool.address')}</span>
              <span>{t('pool.place')}</span>
              <span>{t('connections.provider')}</span>
              <span />
              <span>{t('pool.leases')}</span>
              <span>{t('pool.failures')}</span>
              <span>{t('pool.latency')}</span>
              <span>{t('pool.actions')}</span>
            </div>
            <VirtualList
              rows={rows.value}
              rowHeight={isNarrow.value ? NARROW_ROW_PX : ROW_PX}
              label={t('pool.title')}
              render={(held, top) => (
                <PoolRow key={held.report.id} held={held} top={top} height={isNarrow.value ? NARROW_ROW_PX : ROW_PX} />
              )}
            />
          </>
        )}
      </div>
    </section>
  )
}

const haystack = ({ address, country, area, city, isp, provider, state, id }: UpstreamReport): string =>
  [address, country, area, city, isp, provider, state, id].filter(Boolean).join(' ').toLowerCase()

/** When the life ends, on the page's clock, ms; endless ones sort last. */
function deadline({ report, at }: Held<UpstreamReport>): number {
  return report.remainingSeconds === null ? Number.POSITIVE_INFINITY : at + report.remainingSeconds * 1_000
}

function PoolRow({
  held,
  top,
  height,
}: {
  readonly held: Held<UpstreamReport>
  readonly top: number
  readonly height: number
}) {
  const { report, at } = held
  const path = `v1/upstreams/${encodeURIComponent(report.id)}`
  return (
    <div class="line" role="listitem" data-upstream={report.id} style={{ top: `${top}px`, height: `${height}px` }}>
      <Life held={held} />
      <span class="mono" title={report.id}>
        {report.address}
      </span>
      <span>{[report.country, report.area, report.city, report.isp].filter(Boolean).join(' ') || '–'}</span>
      <span>{report.provider}</span>
      <span class={`badge ${stateTones[report.state]}`}>
        {t(stateTexts[report.state])}
        {report.restSeconds > 0 ? ` ${duration(report.restSeconds - (now.value - at) / 1_000)}` : ''}
      </span>
      <span>{count(report.leases)}</span>
      <span>{count(report.blame)}</span>
      <span>{report.openSeconds === null ? '–' : shortTime(report.openSeconds)}</span>
      <span class="row">
        <button type="button" onClick={() => act(`${path}/rest`, {})}>
          {t('pool.rest')}
        </button>
        <button type="button" onClick={() => act(`${path}/evict`)}>
          {t('pool.evict')}
        </button>
        <button type="button" onClick={() => copy(report.address)}>
          {t('pool.copy')}
        </button>
      </span>
    </div>
  )
}

/** The bar is the part of the whole life that is left; the whole is counted from the purchase. */
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
