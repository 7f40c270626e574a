/** Reads a reply as the entry defines: its addresses, or the one number or text that a call is made for. */
import type { VendorError } from '../contract/error.ts'
import type { RawReply } from '../contract/operation.ts'
import type { Delivered } from '../contract/vendor.ts'
import { malformed, refusal, startsLikeMarkup, textOf } from '../parse/reply.ts'
import type { ItemFilter, ItemReader } from './item.ts'
import { type Outcome, readOutcome, refusalIn, type Said } from './outcome.ts'
import type { ListSettings, ReplySettings } from './reply-settings.ts'
import { type Cut, readPath, valueAt, valuesAt } from './select.ts'

/** How a list of addresses is read. */
export interface ListReading {
  readonly rules: ReplySettings
  readonly list: ListSettings
  readonly cut: Cut
  readonly item: ItemReader
  readonly isMeant: ItemFilter
}

/** The format of a list. */
export interface ListReply extends Delivered {
  /** Number of items, including those that are left out. */
  readonly listed: number
}

/** @throws {VendorError} class server with the code `body` for an unreadable reply, else the error by the entry's table */
export function readList(reply: RawReply, reading: ListReading): ListReply {
  const outcome = readOutcome(reply, reading.rules)
  return reading.rules.format === 'text' ? textList(outcome, reading) : treeList(outcome, reading)
}

/** The result of a call that is not made for addresses. @throws {VendorError} as `readList` */
export function readAnswer(reply: RawReply, rules: ReplySettings): unknown {
  const { data, said } = readOutcome(reply, rules)
  const refused = rules.success === undefined ? refusalIn(said, rules) : undefined
  if (refused !== undefined) throw refused
  return data
}

/** @param path undefined: the whole reply, if it is a text */
export function textAt(data: unknown, path: string | undefined): string | undefined {
  return textOf(path === undefined ? data : valueAt(data, readPath(path)))
}

/** A number of addresses, or of money: fractions are dropped. */
export function figureAt(data: unknown, path: string | undefined): number | undefined {
  const text = textAt(data, path)
  return text !== undefined && /^\d{1,15}(?:\.\d{1,9})?$/.test(text) ? Math.floor(Number(text)) : undefined
}

function treeList({ data, said }: Outcome, reading: ListReading): ListReply {
  const { rules, list } = reading
  const items = itemsIn(data, reading)
  if (items === undefined) throw refusalIn(said, rules) ?? unlisted(said, rules)
  const delivered = readItems(items, data, reading)
  if (delivered.sold.length === 0) refuseEmpty({ data, said }, rules)
  const balance = list.balance === undefined ? undefined : figureAt(data, list.balance)
  return balance === undefined ? delivered : { ...delivered, balance }
}

/** A reply with an error in it is a refusal of the vendor, also when the entry's table does not have that error. */
function unlisted({ code, message, body, status }: Said, { success }: ReplySettings): VendorError {
  const isSuccess = success?.field !== undefined
  if (isSuccess || (code === undefined && message === undefined))
    return malformed('the reply has no list where items says', body)
  const term = 'the vendor refused the call'
  const rule = status === 401 || status === 403 ? ({ class: 'auth', term } as const) : undefined
  return refusal(rule, code ?? `http-${status}`, message ?? '')
}

function textList({ data, said }: Outcome, reading: ListReading): ListReply {
  const { body } = said
  const delivered = readItems(reading.cut(body).map(placed), data, reading)
  if (delivered.sold.length > 0) return delivered
  refuseEmpty({ data, said }, reading.rules)
  if (body === '') return delivered
  if (startsLikeMarkup(body)) throw malformed('a web page came where a text was expected', body)
  throw malformed('the reply has no address', body)
}

function refuseEmpty({ said }: Outcome, rules: ReplySettings): void {
  const refused = refusalIn(said, rules)
  if (refused !== undefined) throw refused
}

// --- Items --------------------------------------------------------------------------------------------------------

interface Item {
  readonly item: unknown
  /** Its index in the list, from 0, or its name in the object. */
  readonly key?: string
}

const placed = (item: unknown, index: number): Item => ({ item, key: String(index) })

/** The list; undefined when there is none. A single member, as in XML and at some vendors, is a list of one. */
function itemsIn(data: unknown, { list, cut }: ListReading): readonly Item[] | undefined {
  const found = valuesAt(data, readPath(list.items ?? '$'))
  if (found.length === 0) return undefined
  const isKeyed = usesKeys(list)
  return found.flatMap((value): readonly Item[] => {
    if (Array.isArray(value)) return value.map(placed)
    if (typeof value === 'string') return cut(value).map(placed)
    if (value === null) return []
    if (isKeyed && typeof value === 'object') return Object.entries(value).map(([key, item]) => ({ item, key }))
    return [{ item: value }]
  })
}

/** Whether a fact is in the names of an object's members. */
function usesKeys({ fields }: ListSettings): boolean {
  return Object.values(fields).some(
    (field) => field === '$key' || (typeof field === 'object' && field.field === '$key'),
  )
}

function readItems(items: readonly Item[], data: unknown, { item: read, isMeant }: ListReading): ListReply {
  const meant = items.filter(({ item, key }) => isMeant(item, data, key))
  const readings = meant.map(({ item, key }) => read(item, data, key))
  return {
    listed: items.length,
    sold: readings.flatMap((reading) => ('sold' in reading ? reading.sold : [])),
    rejected: readings.flatMap((reading) => ('reason' in reading ? reading.reason : [])),
  }
}
