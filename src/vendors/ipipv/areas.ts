/** Areas of a dynamic product of ipipv, as values of `addressCode`. */
import { given } from '../../given.ts'
import type { Params } from '../contract/operation.ts'
import type { NamedValue, Product } from '../contract/vendor.ts'
import { distinct } from '../parse/areas.ts'
import { membersOf, textOf } from '../parse/reply.ts'

export const areas: NonNullable<Product['areas']> = {
  operation: 'product/area',
  params: ({ productNo, proxyType = 104 }: Params) => given({ productNo, proxyType }) as Params,
  read: (data) => distinct((Array.isArray(data) ? (data as unknown[]) : []).flatMap(readArea)),
}

/** The most exact code of an area that is sold: an empty one, or one that ends with 000, leaves its level open. */
function readArea(entry: unknown): NamedValue[] {
  const members = membersOf(entry) ?? {}
  const codes = ['areaCode', 'countryCode', 'stateCode', 'cityCode'].flatMap((name) => textOf(members[name]) ?? [])
  const value = codes.filter((code) => !code.endsWith('000')).at(-1)
  if (value === undefined || textOf(members['status']) === '-1') return []
  const name = [members['region'], members['countryCode']].flatMap((one) => textOf(one) ?? []).join(' ')
  return [{ param: 'addressCode', value, name }]
}
