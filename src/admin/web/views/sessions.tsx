/** Sessions: the upstream of each, and a button that gives its next connection another one. */
import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { SessionsReport } from '../../api/schemas/sessions.ts'
import { get, Refusal } from '../api-client.ts'
import { count, duration } from '../format.ts'
import { said, t } from '../i18n.ts'
import { ActionButton } from '../parts/action-button.tsx'
import { FailureBanner } from '../parts/failure-banner.tsx'
import { isNarrow } from '../parts/narrow.ts'
import { type RowPlace, VirtualList } from '../parts/virtual-list.tsx'
import { now } from '../state.ts'

const ROW_PX = 40
const NARROW_ROW_PX = 92
/** The maximum of one report. */
const LIMIT = 1_000
const REFRESH_MS = 2_000
/** The gateway is asked so long after the last key. */
const TYPING_MS = 250
/** Characters of a session's digest that distinguish it from others. */
const KEY_LENGTH = 8

type Session = SessionsReport['sessions'][number]

interface Received {
  readonly report: SessionsReport
  /** `performance.now()` ms. */
  readonly at: number
}

export function SessionsView() {
  const received = useSignal<Received | string | undefined>(undefined)
  const filter = useSignal('')
  const read = async () => {
    const search = filter.peek()
    try {
      const query = new URLSearchParams({ limit: String(LIMIT), ...(search === '' ? {} : { search }) })
      const report = await get<SessionsReport>(`v1/sessions?${query}`)
      // Another key may have been pressed meanwhile.
      if (search === filter.peek()) received.value = { report, at: performance.now() }
    } catch (error) {
      // While the gateway is unreachable the page says so, and the last report stays.
      if (error instanceof Refusal) received.value = said(error.message)
    }
  }
  useEffect(() => {
    const timer = setInterval(() => void (document.hidden || read()), REFRESH_MS)
    return () => clearInterval(timer)
  }, [])
  useEffect(() => {
    const timer = setTimeout(() => void read(), filter.value === '' ? 0 : TYPING_MS)
    return () => clearTimeout(timer)
  }, [filter.value])
  if (received.value === undefined) return <p class="empty card">{t('page.loading')}</p>
  if (typeof received.value === 'string') return <FailureBanner reason={received.value} />
  return (
    <SessionList received={received.value} filter={filter.value} change={(text) => (filter.value = text)} read={read} />
  )
}

interface SessionListProps {
  readonly received: Received
  readonly filter: string
  readonly change: (filter: string) => void
  readonly read: () => Promise<void>
}

function SessionList({ received: { report, at }, filter, change, read }: SessionListProps) {
  const { sessions, matched, count: all } = report
  return (
    <section aria-labelledby="sessions">
      <h2 id="sessions">{t('nav.sessions')}</h2>
      <p class="soft small">{t('sessions.about')}</p>
      <div class="filters single sessions-filter">
        <label>
          {t('sessions.filter')}
          <input
            type="search"
            maxLength={256}
            value={filter}
            onInput={({ currentTarget }) => change(currentTarget.value)}
          />
        </label>
        <span class="soft small" role="status">
          {t('sessions.count', { shown: count(matched), all: count(all) })}{' '}
          {matched > sessions.length ? t('sessions.cut', { limit: count(LIMIT) }) : null}
        </span>
      </div>
      <div class="list sessions">
        {sessions.length === 0 ? (
          <p class="empty">{t(all > 0 ? 'sessions.noMatch' : 'sessions.empty')}</p>
        ) : (
          <>
            <div class="title" aria-hidden="true">
              <span>{t('connections.session')}</span>
              <span>{t('connections.upstream')}</span>
              <span>{t('connections.provider')}</span>
              <span class="number">{t('sessions.uses')}</span>
              <span class="number">{t('sessions.former')}</span>
              <span>{t('sessions.ends')}</span>
              <span>{t('pool.actions')}</span>
            </div>
            <VirtualList
              rows={sessions}
              rowHeight={isNarrow.value ? NARROW_ROW_PX : ROW_PX}
              label={t('nav.sessions')}
              render={(session, place) => (
                <SessionRow key={session.key} session={session} at={at} place={place} read={read} />
              )}
            />
          </>
        )}
      </div>
    </section>
  )
}

interface SessionRowProps {
  readonly session: Session
  readonly at: number
  readonly place: RowPlace
  readonly read: () => Promise<void>
}

function SessionRow({ session, at, place, read }: SessionRowProps) {
  const { key, user, address, provider, uses, formerUpstreams, exclusive, moves, endsInSeconds } = session
  const name = [user, session.session].filter(Boolean).join(' · ')
  const short = key.slice(0, KEY_LENGTH)
  return (
    <div class="line" {...place} data-session={key}>
      <span title={key}>
        {name} <span class="soft mono">{short}</span>
      </span>
      <span class="mono">{address}</span>
      <span>
        {provider} {exclusive ? <span class="badge idle">{t('sessions.exclusive')}</span> : null}
      </span>
      <span class="number" data-label={t('sessions.uses')}>
        {count(uses)}
      </span>
      <span class="number" data-label={t('sessions.former')}>
        {count(formerUpstreams)}
      </span>
      <span data-label={t('sessions.ends')}>{duration(endsInSeconds - (now.value - at) / 1_000)}</span>
      <span class="row">
        {moves ? (
          <span class="badge warn">{t('sessions.moves')}</span>
        ) : (
          <ActionButton
            label={t('sessions.rotate')}
            path={`v1/sessions/${encodeURIComponent(key)}/rotate`}
            object={name || short}
            onDone={read}
          />
        )}
      </span>
    </div>
  )
}
