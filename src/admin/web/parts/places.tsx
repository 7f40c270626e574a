/** Fields for the place and carrier that a client asks for. They offer what the pool holds, and what the vendors list. */
import { useComputed } from '@preact/signals'
import { t } from '../i18n.ts'
import { areas, pool, providers } from '../state.ts'
import { ListAreas } from './areas.tsx'

export const facets = ['country', 'area', 'city', 'isp'] as const
type Facet = (typeof facets)[number]
export type Places = Readonly<Record<Facet, string>>

/** Keys under `request:` that are about a country; other keys are about places or lines within one. */
const COUNTRY_KEYS = new Set(['cc', 'country', 'countryCode'])
/** A browser shows no more than a screenful. */
const MAX_OFFERED = 500

interface PlaceFieldsProps {
  readonly places: Places
  readonly change: (part: Partial<Places>) => void
}

export function PlaceFields({ places, change }: PlaceFieldsProps) {
  return (
    <>
      {facets.map((facet) => (
        <label key={facet}>
          {t(`try.${facet}`)}
          <input
            name={facet}
            list={`offered-${facet}`}
            placeholder={t('try.optional')}
            value={places[facet]}
            onInput={({ currentTarget }) => change({ [facet]: currentTarget.value })}
          />
          <Offered facet={facet} />
        </label>
      ))}
      {providers.value
        .filter(({ name, listsAreas }) => listsAreas && !areas.value.has(name))
        .map(({ name }) => (
          <ListAreas key={name} provider={name} label={t('areas.offer')} />
        ))}
    </>
  )
}

function Offered({ facet }: { readonly facet: Facet }) {
  const offered = useComputed(() => {
    const held = [...pool.value.values()].flatMap(({ report }) => report[facet] ?? [])
    return [...new Set([...held, ...listed(facet)])].sort().slice(0, MAX_OFFERED)
  })
  return (
    <datalist id={`offered-${facet}`}>
      {offered.value.map((value) => (
        <option key={value} value={value} />
      ))}
    </datalist>
  )
}

/** Vendors list countries by code, with a name, and other places by name. */
function listed(facet: Facet): readonly string[] {
  if (facet === 'isp') return []
  const all = [...areas.value.values()].flat()
  if (facet === 'country') return all.filter(({ param }) => COUNTRY_KEYS.has(param)).map(({ value }) => value)
  return all
    .filter(({ param }) => !COUNTRY_KEYS.has(param))
    .map(({ param, value, name }) => (param === facet ? value : name))
}
