/** Reads a reply as the entry defines: its addresses, or the one number or text that a call is made for. */
import { given } from '../../given.ts'
import type { VendorError } from '../contract/error.ts'
import type { RawReply } from '../contract/operation.ts'
import type { Delivered } from '../contract/vendor.ts'
import { malformed, membersOf, refusal, textOf } from '../parse/reply.ts'
import type { Item, ItemFilter, ItemReader } from './item.ts'
import { type Outcome, readOutcome, refusalIn, refusalInText, type Said, UNKNOWN } from './outcome.ts'
import type { Page, Paging } from './pages.ts'
import type { ListSettings, ReplySettings } from './reply-settings.ts'
import { type Cut, opened, readPath, valueAt, valuesAt } from './select.ts'

/** How a list of addresses is read. */
export interface ListReading {
  readonly rules: ReplySettings
  readonly list: ListSettings & { readonly pages?: Paging }
  readonly cut: Cut
  readonly item: ItemReader
  readonly isMeant: ItemFilter
}

/** The addresses of a reply, before the engine adds the times. */
export interface ListReply extends Delivered, Page {
  /** Of items, or of the groups at the first `*` of `items`. */
  readonly listed: number
}

/** @throws {VendorError} class server with the code `body` for an unreadable reply, else the error by the entry's table */
export function readList(reply: RawReply, reading: ListReading): ListReply {
  const outcome = readOutcome(reply, reading.rules)
  return reading.rules.format === 'text' ? textList(outcome, reading) : treeList(outcome, reading)
}

/**
 * The result of a call that is not made for addresses.
 * @param value the place of a number or text in the reply; undefined: the reply itself, which may be empty
 * @throws {VendorError} as `readList`
 */
export function readAnswer(reply: RawReply, rules: ReplySettings, value: string | undefined): unknown {
  const isSaid = rules.success?.field !== undefined || rules.success?.contains !== undefined
  const isEmpty = reply.status === 204 || (!isSaid && reply.status < 300 && reply.text.trim() === '')
  if (value === undefined && isEmpty) return ''
  const { data, said } = readOutcome(reply, rules)
  const refused = isSaid ? undefined : refusalIn(said, rules)
  if (refused !== undefined) throw refused
  if (reply.status >= 300 && !isSaid && (said.code ?? said.message) !== undefined) throw unlisted(said, rules)
  const answer = value === undefined ? data : textAt(data, value)
  if (answer === undefined) throw malformed('the reply has nothing where value says', said.body)
  return answer
}

/** @param path undefined: the whole reply, if it is a text */
function textAt(data: unknown, path: string | undefined): string | undefined {
  return textOf(path === undefined ? data : valueAt(data, readPath(path)))
}

/** One number, with or without thousands separators, words and a currency around it: `#BAL 1,234.50 EUR`. */
const FIGURE = /^[^\d-]{0,32}(\d{1,3}(?:,\d{3}){1,4}|\d{1,15})(?:\.\d{1,9})?(?:[^\d.,][^\d]{0,32})?$/

/** A number of addresses, or of money: fractions are dropped. */
export function figureAt(data: unknown, path: string | undefined): number | undefined {
  const [, figure] = FIGURE.exec(textAt(data, path) ?? '') ?? []
  return figure === undefined ? undefined : Number(figure.replaceAll(',', ''))
}

export function nextPageIn(data: unknown, pages: Paging | undefined): string | undefined {
  return pages?.next === undefined ? undefined : textAt(data, pages.next)
}

function treeList({ data, said }: Outcome, reading: ListReading): ListReply {
  const { rules, list } = reading
  const items = itemsIn(data, reading)
  if (items === undefined) throw refusalIn(said, rules) ?? unlisted(said, rules)
  const delivered = { ...readItems(items, data, reading), listed: entriesIn(data, list) ?? items.length }
  const refused = delivered.sold.length === 0 ? refusalIn(said, rules) : undefined
  if (refused !== undefined) throw refused
  const balance = list.balance === undefined ? undefined : figureAt(data, list.balance)
  return { ...delivered, ...given({ balance, next: nextPageIn(data, list.pages) }) }
}

/** A reply with an error in it is a refusal of the vendor, also when the entry's table does not have that error. */
function unlisted({ code, message, body, status }: Said, { success }: ReplySettings): VendorError {
  const isSuccess = success?.field !== undefined
  if (isSuccess || (code === undefined && message === undefined))
    return malformed('the reply has no list where items says', body)
  const term = 'the vendor refused the call'
  const rule = status === 401 || status === 403 ? ({ class: 'auth', term } as const) : UNKNOWN
  return refusal(rule, code ?? `http-${status}`, message ?? '')
}

function textList({ data, said }: Outcome, reading: ListReading): ListReply {
  const { body } = said
  const { contains = [] } = reading.rules.success ?? {}
  // A remark, or the line that tells the success; some vendors' success is a word that every address has.
  const isRemark = (text: string) => text.startsWith('#') || contains.some((part) => text.includes(part))
  const items = listed(reading.cut(body)).filter(
    (item) => !isRemark(String(item.value)) || 'sold' in reading.item(item, data),
  )
  const delivered = readItems(items, data, reading)
  if (delivered.sold.length > 0) return delivered
  const refused = body === '' ? refusalIn(said, reading.rules) : undefined
  if (refused !== undefined) throw refused
  if (body === '') return delivered
  throw refusalInText(said, reading.rules, 'the reply has no address')
}

// --- Items --------------------------------------------------------------------------------------------------------

/** A list of something else than addresses for sale. @throws {VendorError} as `readList` */
export function readEntries(reply: RawReply, rules: ReplySettings, how: ItemsReading) {
  const { data, said } = readOutcome(reply, rules)
  const items = rules.format === 'text' ? listed(how.cut(said.body)) : itemsIn(data, how)
  if (items === undefined) throw refusalIn(said, rules) ?? unlisted(said, rules)
  return { items, data }
}

/** Where the items of a list are. */
interface ItemsReading {
  readonly list: { readonly items?: string | undefined; readonly fields: Readonly<Record<string, unknown>> }
  readonly cut: Cut
}

/** The items of a list. @param keys the place of the list; the last of them is the name of its group */
function listed(values: readonly unknown[], keys: readonly string[] = []): readonly Item[] {
  return values.map((value, index) => ({ value, keys: [...keys, String(index)], name: keys.at(-1) }))
}

/** The list; undefined when there is none. A single member, as in XML and at some vendors, is a list of one. */
function itemsIn(data: unknown, { list, cut }: ItemsReading): readonly Item[] | undefined {
  const found = valuesAt(data, readPath(list.items ?? '$'))
  if (found.length === 0) return undefined
  const isKeyed = usesKeys(list)
  return found.flatMap(({ value: written, keys }): readonly Item[] => {
    const value = opened(written)
    if (Array.isArray(value)) return listed(value, keys)
    if (typeof value === 'string') return listed(cut(value), keys)
    if (value === null) return []
    if (isKeyed && typeof value === 'object')
      return Object.entries(value).map(([name, item]) => ({ value: item, keys: [...keys, name], name }))
    return [{ value, keys, name: keys.at(-1) }]
  })
}

/** What a vendor counts on a page where `items` has a `*`. */
function entriesIn(data: unknown, { items = '$' }: ListSettings): number | undefined {
  const path = readPath(items)
  const first = path.findIndex((step) => 'every' in step)
  return first < 0 ? undefined : valuesAt(data, path.slice(0, first + 1)).length
}

/** Whether a fact is in the names of an object's members. */
function usesKeys({ fields }: ItemsReading['list']): boolean {
  return Object.values(fields).some((field) => field === '$key' || membersOf(field)?.['field'] === '$key')
}

function readItems(items: readonly Item[], data: unknown, { item: read, isMeant }: ListReading): ListReply {
  const readings = items.filter((item) => isMeant(item, data)).map((item) => read(item, data))
  return {
    listed: items.length,
    sold: readings.flatMap((reading) => ('sold' in reading ? reading.sold : [])),
    rejected: readings.flatMap((reading) => ('reason' in reading ? reading.reason : [])),
  }
}
