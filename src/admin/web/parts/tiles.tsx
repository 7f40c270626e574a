/** The figures of this second. */
import { count, shortTime } from '../format.ts'
import { t } from '../i18n.ts'
import { counters } from '../state.ts'

export function Tiles() {
  const now = counters.value
  const setup =
    now === undefined || now.setupP50Seconds === null
      ? '–'
      : `${shortTime(now.setupP50Seconds)} / ${shortTime(now.setupP99Seconds ?? now.setupP50Seconds)}`
  return (
    <dl class="tiles" aria-label={t('tile.figures')}>
      <Tile
        label={t('tile.rate')}
        value={count(now === undefined ? undefined : Math.round(now.openedPerSecond * 10) / 10)}
      />
      <Tile label={t('tile.open')} value={count(now?.connections)} />
      <Tile label={t('tile.waiting')} value={count(now?.waiting)} />
      <Tile label={t('tile.ready')} value={count(now?.upstreams.ready)} />
      <Tile label={t('tile.setup')} value={setup} />
    </dl>
  )
}

function Tile({ label, value }: { readonly label: string; readonly value: string }) {
  return (
    <div class="tile">
      <dt>{label}</dt>
      <dd>{value}</dd>
    </div>
  )
}
