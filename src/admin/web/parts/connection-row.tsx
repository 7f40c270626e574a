/** One line of the list of connections, and what the list can be sorted by. */
import type { ConnectionReport } from '../../api/schemas/connections.ts'
import { octets, shortTime, timeOfDay } from '../format.ts'
import { t } from '../i18n.ts'
import { type HeldConnection, now, rateOf } from '../state.ts'
import { ActionButton } from './action-button.tsx'
import type { Column } from './sorting.tsx'
import type { RowPlace } from './virtual-list.tsx'

const clientOf = ({ user, session }: ConnectionReport): string | null =>
  [user, session].filter(Boolean).join(' · ') || null

export const columns: readonly Column<HeldConnection>[] = [
  { label: 'connections.time', isNumber: true, by: ({ report }) => report.id },
  { label: 'connections.target', by: ({ report }) => report.target },
  { label: 'connections.user', by: ({ report }) => clientOf(report) },
  { label: 'connections.provider', by: ({ report }) => report.provider },
  { label: 'connections.duration', isNumber: true, by: (held) => lasted(held) },
  { label: 'connections.bytes', isNumber: true, by: ({ report }) => report.bytesFromClient + report.bytesToClient },
  { label: 'connections.rate', isNumber: true, by: (held) => sum(rateOf(held)) },
  { label: 'connections.outcome', by: ({ report }) => report.code ?? report.end ?? report.state },
]

const sum = (rate: ReturnType<typeof rateOf>): number | null => (rate === undefined ? null : rate.up + rate.down)

interface RowProps {
  readonly held: HeldConnection
  readonly place: RowPlace
  readonly isSelected: boolean
  readonly select: () => void
}

export function ConnectionRow({ held, place, isSelected, select }: RowProps) {
  const { report } = held
  const rate = rateOf(held)
  return (
    <div class={isSelected ? 'line selected' : 'line'} {...place} data-connection={report.id}>
      <span class="number soft">{timeOfDay(report.beganAt)}</span>
      <button type="button" class="quiet mono target" aria-expanded={isSelected} title={report.target} onClick={select}>
        {report.target}
      </button>
      <span>{clientOf(report) ?? '–'}</span>
      <span>{report.provider ?? '–'}</span>
      <span class="number">{shortTime(lasted(held))}</span>
      <span class="number">
        {octets(report.bytesFromClient)} / {octets(report.bytesToClient)}
      </span>
      <span class="number" data-rate>
        {rate === undefined ? '–' : `${octets(rate.up)} / ${octets(rate.down)}`}
      </span>
      <span class="row">
        <Outcome report={report} />
        {report.state === 'closed' ? null : <CloseConnection report={report} label="✕" />}
      </span>
    </div>
  )
}

/** @param label what the button shows; screen readers hear what it does */
export function CloseConnection({ report, label }: { readonly report: ConnectionReport; readonly label?: string }) {
  const action = t('connections.close')
  return (
    <ActionButton
      label={label ?? action}
      path={`v1/connections/${report.id}/close`}
      object={`${report.target} #${report.id}`}
      action={action}
    />
  )
}

/** Seconds; for an open connection the page continues to count. */
function lasted({ report, at }: HeldConnection): number {
  return report.state === 'closed' ? report.seconds : report.seconds + (now.value - at) / 1_000
}

function Outcome({ report }: { readonly report: ConnectionReport }) {
  const { state, code, end } = report
  if (state !== 'closed') {
    const isOpen = state === 'open'
    return <span class={`badge ${isOpen ? 'good' : 'warn'}`}>{t(isOpen ? 'connections.open' : 'state.waiting')}</span>
  }
  const words = code ?? t(`end.${end ?? 'closed'}`)
  return (
    <span class={`badge ${code === null ? 'idle' : 'bad'}`} title={words}>
      {words}
    </span>
  )
}
