/**
 * The older host answers in JSON, XML or text, by `DataFormat`; the document shows only JSON. XML and text are read for the same
 * members, by their names, at any place.
 */
import { parseEndpoint } from '../parse/address.ts'
import { parseJson } from '../parse/json.ts'
import { errorInText, malformed, membersOf, startsLikeJson, startsLikeMarkup } from '../parse/reply.ts'
import { readXml } from '../parse/xml.ts'

export type Envelope = Readonly<Record<string, unknown>>

/** The operation decides the meaning of a text without names. */
export type TextKind = 'quota' | 'lines' | 'other'

/**
 * @param isAsked text was requested; otherwise a text is read only when it cannot be anything else
 * @returns the members of a reply in any format; a text of addresses as `text`
 * @throws {VendorError} class server
 */
export function envelopeOf(body: string, kind: TextKind, isAsked: boolean): Envelope {
  const text = body.trim()
  const isText = !startsLikeMarkup(text) && !startsLikeJson(text)
  const envelope = isText ? fromText(text, kind, isAsked) : startsLikeMarkup(text) ? fromXml(text) : parseJson(text)
  const members = membersOf(envelope)
  if (members === undefined) throw malformed('the reply is no object', body)
  return members
}

// --- XML ----------------------------------------------------------------------------------------------------------

/** Members that are lists. */
const LISTS = ['Data', 'data', 'TaskList']

function fromXml(text: string): Envelope {
  const roots = Object.entries(membersOf(readXml(text)) ?? {}).filter(([name]) => !name.startsWith('?'))
  const [root] = roots.map(([, value]) => membersOf(value))
  // A page has members too, but none of ours.
  if (root === undefined || roots[0]?.[0] === 'html') throw malformed('the reply is no XML that could be read', text)
  return withLists(root)
}

function withLists(members: Envelope): Envelope {
  return Object.fromEntries(
    Object.entries(members).map(([name, value]) => [name, LISTS.includes(name) ? listIn(value) : value]),
  )
}

/** `<Data><item/><item/></Data>`, `<Data/><Data/>`, or one item without a wrapping. */
function listIn(value: unknown): unknown[] {
  if (Array.isArray(value)) return value.map(item)
  if (value === '' || value === undefined) return []
  const [first, ...others] = Object.values(membersOf(value) ?? {})
  if (others.length > 0 || first === undefined) return [item(value)]
  return Array.isArray(first) ? first.map(item) : [item(first)]
}

function item(value: unknown): unknown {
  const members = membersOf(value)
  return members === undefined ? value : withLists(members)
}

// --- Text ---------------------------------------------------------------------------------------------------------

function fromText(text: string, kind: TextKind, isAsked: boolean): Envelope {
  const said = errorInText(text)
  const [, code = said?.code, words = said?.words] = /^(-\d{1,4})(?![\w.])[\s,:：]*(.*)$/s.exec(text) ?? []
  if (code !== undefined) return { Code: code, Msg: words }
  if (text === '') throw malformed('the reply is empty')
  if (kind === 'quota') return quotaIn(text)
  if (kind === 'lines') return { data: text.split(/[\r\n]+/).flatMap((line) => lineIn(line, isAsked)) }
  if (!isAsked) throw malformed('the reply is no object', text)
  return { Code: 0, text }
}

/** `Total: 5`, or the bare numbers in the order of the document's table. */
function quotaIn(text: string): Envelope {
  const named = [...text.matchAll(/\b(Code|Total|Available|Used)\b["\s:=：]{1,4}(-?\d{1,15})/gi)]
  if (named.length > 0) return Object.fromEntries(named.map(([, name = '', value]) => [capital(name), value]))
  const numbers = text.split(/[\s,;|]+/)
  if (numbers.length < 3 || numbers.length > 4 || !numbers.every((number) => /^\d{1,15}$/.test(number)))
    throw malformed('the reply names no quota', text)
  const [Total, Available, Used] = numbers.slice(-3)
  return { Code: 0, Total, Available, Used }
}

const capital = (name: string) => `${name.slice(0, 1).toUpperCase()}${name.slice(1).toLowerCase()}`

const STATE = /^(在线|离线|重拨中|(排队|等待)中.{0,20})$/
/** A longer text is not a line. */
const MAX_FIELDS = 20

/** `uuid,area,isp,state,time,time,ip`: state and address are recognised by their form, the uuid comes first. */
function lineIn(line: string, isAsked: boolean): Envelope[] {
  const fields = line
    .trim()
    .split(/[,;|\t]/, MAX_FIELDS)
    .map((field) => field.trim())
  const [uuid = ''] = fields
  if (uuid === '') return []
  const ip = fields.filter((field) => parseEndpoint(field) !== undefined).at(-1)
  // A line with only an address is an online one.
  const state = fields.find((field) => STATE.test(field)) ?? (isAsked && ip !== undefined ? '在线' : undefined)
  if (state === undefined) throw malformed('the reply has no list of lines', line)
  const [area, isp] = fields.slice(1).filter((field) => /^\p{Script=Han}+$/u.test(field) && !STATE.test(field))
  return [{ uuid, area, isp, state, ip }]
}
