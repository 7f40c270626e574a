/** The current figures. */
import { count, octets, shortTime } from '../format.ts'
import { t } from '../i18n.ts'
import { counters } from '../state.ts'

const rate = (perSecond: number | undefined): string =>
  count(perSecond === undefined ? undefined : Math.round(perSecond * 10) / 10)

const octetRate = (perSecond: number | undefined): string => (perSecond === undefined ? '–' : `${octets(perSecond)}/s`)

export function Tiles() {
  const now = counters.value
  const setup =
    now === undefined || now.setupP50Seconds === null
      ? '–'
      : `${shortTime(now.setupP50Seconds)} / ${shortTime(now.setupP99Seconds ?? now.setupP50Seconds)}`
  return (
    <dl class="tiles" aria-label={t('tile.figures')}>
      <Tile label={t('tile.rate')} value={rate(now?.openedPerSecond)} />
      <Tile label={t('tile.refused')} value={rate(now?.refusedPerSecond)} tone={now?.refusedPerSecond ? 'bad' : ''} />
      <Tile label={t('tile.waiting')} value={count(now?.waiting)} tone={now?.waiting ? 'warn' : ''} />
      <Tile label={t('tile.open')} value={count(now?.connections)} />
      <Tile label={t('tile.ready')} value={count(now?.upstreams.ready)} />
      <Tile label={t('tile.setup')} value={setup} />
      <Tile label={t('tile.up')} value={octetRate(now?.bytesFromClientsPerSecond)} />
      <Tile label={t('tile.down')} value={octetRate(now?.bytesToClientsPerSecond)} />
    </dl>
  )
}

interface TileProps {
  readonly label: string
  readonly value: string
  readonly tone?: 'warn' | 'bad' | ''
}

function Tile({ label, value, tone = '' }: TileProps) {
  return (
    <div class="tile">
      <dt>{label}</dt>
      <dd class={tone}>{value}</dd>
    </div>
  )
}
