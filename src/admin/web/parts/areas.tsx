/** What vendors list as places and lines: asked for by the operator, because each list costs a call. */
import { useSignal } from '@preact/signals'
import type { AreasReply } from '../../api/schemas/vendor-calls.ts'
import { copy, tellFailure } from '../actions.ts'
import { post } from '../api-client.ts'
import { count } from '../format.ts'
import { t } from '../i18n.ts'
import { areas, providers } from '../state.ts'

/** Rows shown; the search finds the others. */
const MAX_ROWS = 100

export function ListAreas({ provider, label }: { readonly provider: string; readonly label: string }) {
  const isRunning = useSignal(false)
  const list = async () => {
    if (isRunning.value) return
    isRunning.value = true
    try {
      const reply = await post<AreasReply>(`v1/providers/${encodeURIComponent(provider)}/areas`)
      areas.value = new Map(areas.value).set(provider, reply.areas)
    } catch (error) {
      tellFailure(error)
    }
    isRunning.value = false
  }
  return (
    <button type="button" aria-disabled={isRunning.value} aria-label={`${label}: ${provider}`} onClick={list}>
      {label} ({provider})
    </button>
  )
}

/** The lists of all providers that have one; nothing where there is none. */
export function AreasCard() {
  const listing = providers.value.filter(({ listsAreas }) => listsAreas)
  if (listing.length === 0) return null
  return (
    <section class="card" aria-labelledby="areas">
      <h2 id="areas">{t('areas.title')}</h2>
      <p class="soft small">{t('areas.why')}</p>
      {listing.map(({ name }) => {
        const found = areas.value.get(name)
        return found === undefined ? (
          <ListAreas key={name} provider={name} label={t('areas.list')} />
        ) : (
          <AreaTable key={name} provider={name} found={found} />
        )
      })}
    </section>
  )
}

function AreaTable({ provider, found }: { readonly provider: string; readonly found: AreasReply['areas'] }) {
  const search = useSignal('')
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean)
  const fitting = found.filter(({ param, value, name }) => {
    const text = `${param} ${value} ${name}`.toLowerCase()
    return words.every((word) => text.includes(word))
  })
  return (
    <div data-areas={provider}>
      <h3>{provider}</h3>
      <div class="filters single">
        <label>
          {t('areas.search')}
          <input
            type="search"
            value={search.value}
            onInput={({ currentTarget }) => (search.value = currentTarget.value)}
          />
        </label>
        <span class="soft small" role="status">
          {t('areas.count', { shown: count(fitting.length), all: count(found.length) })}
        </span>
      </div>
      {fitting.length === 0 ? <p class="soft">{t('areas.none')}</p> : null}
      <ul class="areas">
        {fitting.slice(0, MAX_ROWS).map(({ param, value, name, available }) => (
          <li key={`${param} ${value}`}>
            <button
              type="button"
              aria-label={`${t('pool.copy')} ${param}: ${value}`}
              onClick={() => copy(`${param}: ${value}`)}
            >
              {t('pool.copy')}
            </button>
            <code>
              {param}: {value}
            </code>
            <span>{name}</span>
            {available === undefined ? null : (
              <span class="soft small">{t('areas.available', { count: count(available) })}</span>
            )}
          </li>
        ))}
      </ul>
    </div>
  )
}
