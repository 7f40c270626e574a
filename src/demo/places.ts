/** The places of the demo vendor's machines. All are invented, so that the gateway's geo options have something to select. */
export interface Place {
  /** ISO 3166-1 alpha-2. */
  readonly country: string
  readonly area: string
  readonly city: string
  readonly isp: string
}

/** The place that the documents name comes first: the vendor sells from the place with the fewest addresses, in this order. */
export const places: readonly Place[] = [
  { country: 'JP', area: 'Kanto', city: 'Tokyo', isp: 'Sakurabit' },
  { country: 'CN', area: 'Jiangsu', city: 'Suzhou', isp: 'Telecom' },
  { country: 'CN', area: 'Guangdong', city: 'Shenzhen', isp: 'Unicom' },
  { country: 'CN', area: 'Sichuan', city: 'Chengdu', isp: 'Mobile' },
  { country: 'DE', area: 'Hessen', city: 'Frankfurt', isp: 'Rheinnetz' },
  { country: 'US', area: 'Oregon', city: 'Portland', isp: 'Cascadia' },
]

/** A filter for places: one or more accepted values for each field. */
export type PlaceFilter = { readonly [Field in keyof Place]?: readonly string[] }

/** The places that satisfy every field of the filter, in the order of the table; letter case does not matter. */
export function placesLike(filter: PlaceFilter): readonly Place[] {
  return places.filter((place) => placeFields.every((field) => accepts(filter[field], place[field])))
}

export const placeFields = ['country', 'area', 'city', 'isp'] as const satisfies readonly (keyof Place)[]

function accepts(wanted: readonly string[] | undefined, value: string): boolean {
  return wanted === undefined || wanted.some((one) => one.toLowerCase() === value.toLowerCase())
}
