/** Decides by the entry whether a reply is a success; if not, which error it is. */
import { given } from '../../given.ts'
import type { VendorError } from '../contract/error.ts'
import type { ErrorRule, RawReply } from '../contract/operation.ts'
import { saidIn as envelopeIn, isSuccess } from '../parse/envelope.ts'
import { parseJson } from '../parse/json.ts'
import { errorInText, malformed, refusal, startsLikeMarkup, textOf } from '../parse/reply.ts'
import { readXml } from '../parse/xml.ts'
import { type ErrorEntry, NOTHING, type ReplySettings } from './reply-settings.ts'
import { readPath, valueAt } from './select.ts'

/** The contents of a reply besides its data. */
export interface Said {
  readonly status: number
  readonly code?: string | undefined
  /** The vendor's own message, if it has a place for one. */
  readonly message?: string | undefined
  readonly body: string
  /** Whether the value at `success.field` is one of `success.is`. */
  readonly isGood?: boolean
  /** Whether the value at `success.field` is an object, as some vendors describe an error: the reply is a refusal then. */
  readonly isObject?: boolean
}

export interface Outcome {
  /** The members of a JSON or XML reply; a text unchanged. */
  readonly data: unknown
  readonly said: Said
}

/** @throws {VendorError} what the entry's table says; class server with the code `body` for what cannot be read */
export function readOutcome({ status, text }: RawReply, rules: ReplySettings): Outcome {
  if (rules.format === 'text') return textOutcome(status, text.trim(), rules)
  const nothing: Said = { status, body: text }
  const data = orRefused(() => (rules.format === 'json' ? parseJson(text) : parseXml(text)), nothing, rules)
  const said = saidIn(data, nothing, rules)
  assertSuccess(said, rules)
  return { data, said }
}

/** A text has no place for a code; errors come as JSON, as `ERROR(code): message`, or as a message alone. */
function textOutcome(status: number, body: string, rules: ReplySettings): Outcome {
  const { code, words: message } = errorInText(body) ?? {}
  const said: Said = { status, body, code, message: message === '' ? undefined : message }
  if (code !== undefined) throw refusalIn(said, rules) ?? refusal(UNKNOWN, code, message ?? '')
  const { contains } = rules.success ?? {}
  if (contains?.some((part) => body.includes(part)) === true) return { data: body, said }
  if (body.startsWith('{')) throw errorInJson(body, said, rules)
  if (contains !== undefined)
    throw refusalInText(said, rules, 'the reply does not contain the text of success.contains')
  return { data: body, said }
}

const MAX_MESSAGE_CHARACTERS = 256
/** Lines, a login, a link or an address with a port: then the text is no message. Times of day are none of these. */
const NO_MESSAGE = /[\r\n@]|[^\s\d:]:\S|\d{3}:\S|\.\d{1,3}:\S/
/** A vendor's word in front of a message. */
const LABEL = /^(?:err|error|fail|failed|failure|msg|message|code|status|info)[:=]/i

/** The error of a text without an address: a short line is the vendor's message. @param what is wrong with it otherwise */
export function refusalInText(said: Said, rules: ReplySettings, what: string): VendorError {
  const { body } = said
  const isMessage =
    body.length <= MAX_MESSAGE_CHARACTERS && !NO_MESSAGE.test(body.replace(LABEL, '')) && !startsLikeMarkup(body)
  const message = said.message ?? (isMessage ? body : undefined)
  const refused = refusalIn({ ...said, message }, rules)
  if (refused !== undefined) return refused
  if (message !== undefined) return refusal(UNKNOWN, `http-${said.status}`, message)
  return malformed(startsLikeMarkup(body) ? 'a web page came where a text was expected' : what, body)
}

/** An error that the entry's table does not have. */
export const UNKNOWN: ErrorRule = {
  class: 'server',
  term: 'the vendor answered with an unknown code',
  hint: 'no entry under errors fits, so it counts as a fault of the vendor',
}

function errorInJson(body: string, nothing: Said, rules: ReplySettings): VendorError {
  const data = orRefused(() => parseJson(body), nothing, rules)
  const { field, code, message } = rules.success ?? {}
  const isTold = (field ?? code ?? message) !== undefined
  const said = isTold ? saidIn(data, nothing, rules) : inUsualMembers(data, nothing)
  // Without a place for the message, an entry may name any part of the reply.
  const refused = refusalIn(said, rules) ?? (isTold ? undefined : refusalIn(nothing, rules))
  if (refused !== undefined) return refused
  if (said.isGood === true || (said.code ?? said.message) === undefined)
    return malformed('JSON came where a text was expected', body)
  return refusal(UNKNOWN, said.code ?? `http-${said.status}`, said.message ?? '')
}

/** Where an entry for texts does not say how JSON tells an error: `code`, `msg` and the like. */
function inUsualMembers(data: unknown, nothing: Said): Said {
  const { code, words = '' } = envelopeIn(data) ?? {}
  const isGood = code !== undefined && isSuccess(code)
  return { ...nothing, code, isGood, message: isGood || words === '' ? undefined : words }
}

function saidIn(data: unknown, nothing: Said, { success }: ReplySettings): Said {
  if (success === undefined) return nothing
  const standing = success.field === undefined ? undefined : valueAt(data, readPath(success.field))
  const outcome = scalarOf(standing)
  const isObject = typeof standing === 'object' && standing !== null
  const isGood = !isObject && success.is?.includes(outcome ?? NOTHING) === true
  const told = isGood || success.code === undefined ? outcome : (scalarAt(data, success.code) ?? outcome)
  const message = success.message === undefined ? undefined : scalarAt(data, success.message)
  return { ...nothing, code: told, message, isGood, isObject }
}

function scalarAt(data: unknown, path: string): string | undefined {
  return scalarOf(valueAt(data, readPath(path)))
}

function scalarOf(value: unknown): string | undefined {
  return typeof value === 'boolean' ? String(value) : textOf(value)
}

function assertSuccess(said: Said, rules: ReplySettings): void {
  const { code, message } = said
  if (rules.success?.field === undefined || said.isGood === true) return
  throw (
    refusalIn(said, rules) ??
    (code === undefined && said.isObject !== true
      ? malformed('the reply does not say how it went where success says', said.body)
      : refusal(UNKNOWN, code ?? `http-${said.status}`, message ?? ''))
  )
}

/** The vendor's message when a reply is unreadable: an error page has a status, and perhaps words of the table. */
function orRefused<T>(read: () => T, said: Said, rules: ReplySettings): T {
  try {
    return read()
  } catch (error) {
    throw refusalIn(said, rules) ?? error
  }
}

/** The first entry of the table that matches; undefined when none does. */
export function refusalIn(said: Said, { errors }: ReplySettings): VendorError | undefined {
  const entry = errors.find((one) => fits(one, said))
  if (entry === undefined) return undefined
  // The reply itself is not repeated: it may contain logins. The matched text is the user's own.
  const term = said.message ?? entry.contains?.[0] ?? `the vendor answered with ${said.code ?? `HTTP ${said.status}`}`
  return refusal(ruleOf(entry, term), said.code ?? `http-${said.status}`, said.message ?? '')
}

function fits({ code, contains, status }: ErrorEntry, said: Said): boolean {
  const words = (said.message ?? said.body).toLowerCase()
  return (
    (code === undefined || (said.code !== undefined && code.includes(said.code))) &&
    (contains === undefined || contains.some((part) => words.includes(part.toLowerCase()))) &&
    (status === undefined || status === said.status)
  )
}

function ruleOf({ class: errorClass, hint, wait, login }: ErrorEntry, term: string): ErrorRule {
  return { class: errorClass, term, ...given({ hint, wait, endsLogin: login }) }
}

/** Elements as members, attributes as members with a leading @, the text of an element with attributes as `#text`. */
function parseXml(text: string): unknown {
  if (!startsLikeMarkup(text)) throw malformed('the reply is no XML', text)
  const document = readXml(text, { attributePrefix: '@' })
  if (document === undefined) throw malformed('the reply is broken XML', text)
  return document
}
