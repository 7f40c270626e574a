/**
 * Common parts of vendors' replies: members, formats, and refusals.
 *
 * Bodies are not trusted. These functions throw only VendorError, and no message repeats the body itself, which may contain
 * logins: `shapeOf` shows its shape.
 */

import { VendorError } from '../contract/error.ts'
import type { ErrorRule } from '../contract/operation.ts'

// --- Errors -------------------------------------------------------------------------------------------------------

const SAMPLE_CHARACTERS = 60

/** The shape of a text: letters become `a`, digits `9`, repetitions are shortened. */
export function shapeOf(text: string): string {
  const head = text.slice(0, SAMPLE_CHARACTERS)
  const shape = head
    .replace(/\p{L}+/gu, 'a')
    .replace(/\p{N}+/gu, '9')
    .replace(/\p{C}+/gu, ' ')
  return `"${shape}${text.length > SAMPLE_CHARACTERS ? '...' : ''}"`
}

/** The reply is not in its format. `text`, if given, is shown only as a shape. */
export function malformed(what: string, text?: string): VendorError {
  return new VendorError('server', 'body', text === undefined ? what : `${what}; it looks like ${shapeOf(text)}`)
}

/** The vendor refused. An undocumented code counts as the vendor's fault until it is known better. */
export function refusal(rule: ErrorRule | undefined, code: string, words: string): VendorError {
  if (rule === undefined) return new VendorError('server', code, words || 'the vendor answered with an unknown code')
  const { class: errorClass, term, hint, wait, endsLogin } = rule
  return new VendorError(errorClass, code, words || term, { hint, wait, endsLogin })
}

const MAX_CODE_CHARACTERS = 21

/** `ERROR(401):签名错误`: the error format of juliangip and similar vendors when text was requested. */
export function errorInText(text: string): { readonly code: string; readonly words: string } | undefined {
  const [start = '', code = ''] = /^ERROR *\((-?\w+)\)/i.exec(text) ?? []
  if (code === '' || code.length > MAX_CODE_CHARACTERS) return undefined
  return { code, words: text.slice(start.length).replace(/^[\s:：]+/, '') }
}

/** The meaning of a code by the first table that has it. The code is not trusted: `toString` must not match. */
export function ruleOf(
  code: string,
  ...tables: readonly (Readonly<Record<string, ErrorRule>> | undefined)[]
): ErrorRule | undefined {
  return tables.find((table) => table !== undefined && Object.hasOwn(table, code))?.[code]
}

/** Words that identify a rule; the first match decides. */
export type RulesByWords = readonly (readonly [RegExp, ErrorRule])[]

/** The meaning of a message without a known code. */
export function ruleInWords(words: string, rules: RulesByWords): ErrorRule | undefined {
  return rules.find(([pattern]) => pattern.test(words))?.[1]
}

// --- Fields -------------------------------------------------------------------------------------------------------

/** @returns the members of a JSON object; undefined for anything else, arrays included */
export function membersOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined
}

/** Vendors write the same field as a number or as a string. @returns undefined for other types, and for '' */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value)
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined
}

/** @returns a number that is zero or more, also when written as a string; else undefined */
export function countOf(value: unknown): number | undefined {
  const text = textOf(value)
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

/** HTML or XML. */
export function startsLikeMarkup(text: string): boolean {
  return /^\s*</.test(text)
}

/** `{`, `[` or a quote, but not an IPv6 address with its port. @param text without white space in front */
export function startsLikeJson(text: string): boolean {
  return /^[{["]/.test(text) && !/^\[[\da-f:.]+\]:\d/i.test(text)
}

/** The format of a reply, for display. */
export function formatOf(body: string): string {
  const text = body.replace(/^\ufeff/, '').trim()
  if (text === '') return 'nothing'
  if (startsLikeJson(text)) return 'JSON'
  if (startsLikeMarkup(text) && !/^<\/?br/i.test(text)) return 'XML'
  const separator = separatorOf(text)
  return separator === undefined ? 'text' : `text, separated by ${separator}`
}

function separatorOf(text: string): string | undefined {
  const known: readonly (readonly [RegExp, string])[] = [
    [/<\/?br\s*\/?>/i, '<br>'],
    [/\r\n/, 'CR LF'],
    [/[\r\n]/, 'LF'],
    [/\/br(?![a-z])/i, '/br'],
    [/\\r\\n|\\n/, '\\r\\n as four letters'],
    [/\\t/, '\\t as two letters'],
    [/\|/, '|'],
    [/\t/, 'tab'],
    [/;/, ';'],
    [/ /, 'space'],
    [/,/, 'comma'],
  ]
  return known.find(([pattern]) => pattern.test(text))?.[1]
}
