/** Reads a reply as the entry says: its format, whether it is an error, its items. */

import type { Delivered, ErrorRule, RawReply, VendorError } from '../contract.ts'
import { parseJson } from '../parse/json.ts'
import { countOf, errorInText, malformed, refusal, startsLikeMarkup, textOf } from '../parse/reply.ts'
import { readXml } from '../parse/xml.ts'
import type { ItemReader } from './item.ts'
import { type Cut, readPath, valueAt, valuesAt } from './select.ts'
import type { ErrorEntry, GenericOwn } from './settings.ts'

export interface Reading {
  readonly own: GenericOwn
  readonly cut: Cut
  readonly item: ItemReader
}

/** What a reply says besides its addresses. */
interface Said {
  readonly status: number
  readonly code?: string | undefined
  /** The vendor's own words, where it has a place for them. */
  readonly message?: string | undefined
  readonly body: string
}

/** @throws {VendorError} class server with the code `body` for what is no such reply, else what the entry's table says */
export function readReply(reply: RawReply, reading: Reading): Delivered {
  return reading.own.format === 'text' ? readText(reply, reading) : readTree(reply, reading)
}

function readTree({ status, text }: RawReply, reading: Reading): Delivered {
  const { own } = reading
  const nothing: Said = { status, body: text }
  const tree = own.format === 'json' ? orRefused(() => parseJson(text), nothing, own) : readDocument(text, nothing, own)
  const said = saidIn(tree, nothing, own)
  assertSuccess(said, own)
  const items = itemsIn(tree, reading)
  if (items === undefined) throw refusalIn(said, own) ?? malformed('the reply has no list where items says', text)
  const delivered = readItems(items, reading, said)
  const balance = own.balance === undefined ? undefined : countOf(valueAt(tree, readPath(own.balance)))
  return balance === undefined ? delivered : { ...delivered, balance }
}

/** A text has no place for a code; errors come as JSON, as `ERROR(code): words`, or as words alone. */
function readText({ status, text }: RawReply, reading: Reading): Delivered {
  const { own, cut } = reading
  const body = text.trim()
  const { code, words: message } = errorInText(body) ?? {}
  const said: Said = { status, body, code, message: message === '' ? undefined : message }
  if (code !== undefined) throw refusalIn(said, own) ?? refusal(undefined, code, message ?? '')
  if (body.startsWith('{')) throw errorInJson(body, said, own)
  const delivered = readItems(cut(body), reading, said)
  if (delivered.sold.length > 0 || body === '') return delivered
  if (startsLikeMarkup(body)) throw malformed('a web page came where a text was expected', body)
  throw malformed('the reply has no address', body)
}

function errorInJson(body: string, nothing: Said, own: GenericOwn): VendorError {
  const said = saidIn(
    orRefused(() => parseJson(body), nothing, own),
    nothing,
    own,
  )
  if (said.code !== undefined && !own.success?.is.includes(said.code))
    return refusalIn(said, own) ?? refusal(undefined, said.code, said.message ?? '')
  return refusalIn(said, own) ?? malformed('JSON came where a text was expected', body)
}

// --- Is it an error? ----------------------------------------------------------------------------------------------

function saidIn(tree: unknown, nothing: Said, { success }: GenericOwn): Said {
  if (success === undefined) return nothing
  const outcome = scalarAt(tree, success.field)
  const isGood = outcome !== undefined && success.is.includes(outcome)
  const told = isGood || success.code === undefined ? outcome : (scalarAt(tree, success.code) ?? outcome)
  const message = success.message === undefined ? undefined : scalarAt(tree, success.message)
  return { ...nothing, code: told, message }
}

function scalarAt(tree: unknown, path: string): string | undefined {
  const value = valueAt(tree, readPath(path))
  return typeof value === 'boolean' ? String(value) : textOf(value)
}

function assertSuccess(said: Said, own: GenericOwn): void {
  const { code, message } = said
  if (own.success === undefined || (code !== undefined && own.success.is.includes(code))) return
  throw (
    refusalIn(said, own) ??
    (code === undefined
      ? malformed('the reply does not say how it went where success says', said.body)
      : refusal(undefined, code, message ?? ''))
  )
}

/** The vendor's words for what cannot be read at all: an error page has a status, and perhaps words that the table knows. */
function orRefused<T>(read: () => T, said: Said, own: GenericOwn): T {
  try {
    return read()
  } catch (error) {
    throw refusalIn(said, own) ?? error
  }
}

/** The first entry of the table that fits; undefined when none does. */
function refusalIn(said: Said, { errors }: GenericOwn): VendorError | undefined {
  const entry = errors.find((one) => fits(one, said))
  if (entry === undefined) return undefined
  // The reply itself is not repeated: it may hold logins. What it was recognised by is the user's own word.
  const term = said.message ?? entry.contains ?? `the vendor answered with ${said.code ?? `HTTP ${said.status}`}`
  return refusal(ruleOf(entry, term), said.code ?? `http-${said.status}`, said.message ?? '')
}

function fits({ code, contains, status }: ErrorEntry, said: Said): boolean {
  const words = (said.message ?? said.body).toLowerCase()
  return (
    (code === undefined || (said.code !== undefined && code.includes(said.code))) &&
    (contains === undefined || words.includes(contains.toLowerCase())) &&
    (status === undefined || status === said.status)
  )
}

function ruleOf({ class: errorClass, hint, wait }: ErrorEntry, term: string): ErrorRule {
  return {
    class: errorClass,
    term,
    ...(hint === undefined ? {} : { hint }),
    ...(wait === undefined ? {} : { wait }),
  }
}

// --- Items --------------------------------------------------------------------------------------------------------

/** The list; undefined when there is none. One member alone, as XML and some vendors have it, is a list of one. */
function itemsIn(tree: unknown, { own, cut }: Reading): readonly unknown[] | undefined {
  const found = valuesAt(tree, readPath(own.items ?? '$'))
  if (found.length === 0) return undefined
  return found.flatMap((value): readonly unknown[] => {
    if (Array.isArray(value)) return value
    if (typeof value === 'string') return cut(value)
    return value === null ? [] : [value]
  })
}

function readItems(items: readonly unknown[], { own, item: read }: Reading, said: Said): Delivered {
  const readings = items.map(read)
  const sold = readings.flatMap((reading) => ('sold' in reading ? reading.sold : []))
  const rejected = readings.flatMap((reading) => ('reason' in reading ? reading.reason : []))
  const refused = sold.length === 0 ? refusalIn(said, own) : undefined
  if (refused !== undefined) throw refused
  return { sold, rejected }
}

// --- XML ----------------------------------------------------------------------------------------------------------

function readDocument(text: string, said: Said, own: GenericOwn): unknown {
  return orRefused(() => parseXml(text), said, own)
}

/** Elements as members, attributes as members with an @ in front, the text of an element that has attributes as `#text`. */
function parseXml(text: string): unknown {
  if (!startsLikeMarkup(text)) throw malformed('the reply is no XML', text)
  const document = readXml(text, { attributePrefix: '@' })
  if (document === undefined) throw malformed('the reply is broken XML', text)
  return document
}
