/** Countries, states and cities of the app_key OpenAPI, as values of `cc`, `state` and `city`. */
import type { NamedValue } from '../contract/vendor.ts'
import { distinct } from '../parse/areas.ts'
import { membersOf, textOf } from '../parse/reply.ts'
import { listOf } from './items.ts'

/** @param data reply of ip/dynamic-citys; members may be null, as in the document's example */
export function readAreas(data: unknown): readonly NamedValue[] {
  return distinct(listOf(data).flatMap(ofCountry))
}

function ofCountry(entry: unknown): NamedValue[] {
  const { country_code: code, name_en: english, name_zh_cn: chinese, items } = membersOf(entry) ?? {}
  const country = textOf(code)
  if (country === undefined) return []
  const name = [english, chinese].flatMap((one) => textOf(one) ?? []).join(' ')
  const places = (Array.isArray(items) ? (items as unknown[]) : []).flatMap((item) => ofItem(item, country))
  return [{ param: 'cc', value: country, name }, ...places]
}

function ofItem(item: unknown, country: string): NamedValue[] {
  const [state, city] = [membersOf(item)?.['state'], membersOf(item)?.['city']].map(textOf)
  return [
    ...(state === undefined ? [] : [{ param: 'state', value: state, name: country }]),
    ...(city === undefined ? [] : [{ param: 'city', value: city, name: `${country} ${state ?? ''}`.trim() }]),
  ]
}
