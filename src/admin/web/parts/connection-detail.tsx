/** One connection with the trace of its tries: beside the list on a wide screen, over its end on a narrow one. */
import { useEffect, useRef } from 'preact/hooks'
import type { TryReport } from '../../api/schemas/connections.ts'
import { copy } from '../actions.ts'
import { octets, shortTime } from '../format.ts'
import { t } from '../i18n.ts'
import { type HeldConnection, rateOf } from '../state.ts'
import { CloseConnection } from './connection-row.tsx'

interface DetailProps {
  readonly held: HeldConnection
  readonly close: () => void
}

export function ConnectionDetail({ held, close }: DetailProps) {
  const { report } = held
  const drawer = useRef<HTMLElement>(null)
  useEffect(() => {
    const opener = document.activeElement
    drawer.current?.focus()
    return () => {
      if (opener instanceof HTMLElement) opener.focus()
    }
  }, [report.id])
  return (
    <aside
      ref={drawer}
      class="drawer"
      tabIndex={-1}
      aria-labelledby="detail"
      data-detail={report.id}
      onKeyDown={({ key }) => {
        if (key === 'Escape') close()
      }}
    >
      <div class="row">
        <h3 id="detail" class="mono">
          {report.target}
        </h3>
        <span class="space" />
        {report.state === 'closed' ? null : <CloseConnection report={report} />}
        <button type="button" onClick={() => copy(report.target)}>
          {t('pool.copy')}
        </button>
        <button type="button" class="quiet" aria-label={t('detail.close')} title={t('detail.close')} onClick={close}>
          ✕
        </button>
      </div>
      <Facts held={held} />
      <h4>{t('connections.tries')}</h4>
      {report.tries.length === 0 ? (
        <p class="soft">{t('connections.noTries')}</p>
      ) : (
        <ol class="trace">
          {report.tries.map((one) => (
            <Try key={one.startedAfterSeconds} report={one} />
          ))}
        </ol>
      )}
    </aside>
  )
}

function Facts({ held }: { readonly held: HeldConnection }) {
  const { report } = held
  const rate = rateOf(held)
  const facts = [
    ['detail.protocol', report.protocol],
    ['connections.client', report.client],
    ['connections.user', report.user],
    ['connections.session', report.session],
    ['connections.provider', report.provider],
    ['pool.latency', report.setupSeconds === null ? null : shortTime(report.setupSeconds)],
    ['connections.bytes', `${octets(report.bytesFromClient)} / ${octets(report.bytesToClient)}`],
    ['connections.rate', rate === undefined ? null : `${octets(rate.up)} / ${octets(rate.down)}`],
    ['detail.end', report.end === null ? null : t(`end.${report.end}`)],
    ['connections.code', report.code],
  ] as const
  return (
    <dl class="pairs">
      {facts.map(([label, value]) =>
        value === null ? null : (
          <div key={label}>
            <dt>{t(label)}</dt>
            <dd>{value}</dd>
          </div>
        ),
      )}
    </dl>
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
      {shortTime(seconds)} <strong class={tone}>{[t(`result.${result}`), status].filter(Boolean).join(' ')}</strong>
    </li>
  )
}
