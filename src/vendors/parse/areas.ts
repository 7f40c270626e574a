/** Places and lines that vendors list, as values with names. */
import { given } from '../../given.ts'
import type { NamedValue } from '../contract/vendor.ts'
import { countOf, membersOf, textOf } from './reply.ts'

/** One entry per different value; their availability is added up. */
export function distinct(values: readonly NamedValue[]): readonly NamedValue[] {
  const found = new Map<string, NamedValue>()
  for (const one of values) {
    const key = `${one.param} ${one.value}`
    const known = found.get(key)
    const available = sum(known?.available, one.available)
    found.set(key, { ...one, ...known, ...given({ available }) })
  }
  return [...found.values()]
}

function sum(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : a + (b ?? 0)
}

/** `[{area, area_code, isp, available}]`, or similar objects at any depth, in any envelope. */
export function areasIn(data: unknown, param: string): readonly NamedValue[] {
  return distinct(objectsIn(data, 0).flatMap((members) => areaOf(members, param)))
}

const CODES = ['area_code', 'AreaId', 'area_id', 'areaId', 'Id', 'id', 'code']
const NAMES = ['area', 'Area', 'AreaName', 'area_name', 'Region', 'region', 'Name', 'name']
const COUNTS = ['available', 'Available', 'Num', 'num', 'count']

function areaOf(members: Readonly<Record<string, unknown>>, param: string): NamedValue[] {
  const first = (names: readonly string[]) =>
    names.map((name) => textOf(members[name])).find((text) => text !== undefined)
  const [value, name] = [first(CODES), first(NAMES)]
  if (value === undefined || name === undefined) return []
  return [{ param, value, name, ...given({ available: countOf(first(COUNTS)) }) }]
}

const MAX_DEPTH = 6

function objectsIn(value: unknown, depth: number): readonly Readonly<Record<string, unknown>>[] {
  if (depth > MAX_DEPTH || typeof value !== 'object' || value === null) return []
  const inner = Object.values(value).flatMap((member: unknown) => objectsIn(member, depth + 1))
  const members = membersOf(value)
  return members === undefined ? inner : [members, ...inner]
}
