/**
 * Reads a reply of an undocumented format: text with any separator, JSON or XML of unknown shape, an error under HTTP 200, a web
 * page, nothing.
 *
 *     body ─▶ markup? ─▶ tree ─▶ addresses ─┬─▶ addresses
 *          ─▶ JSON?   ─▶ tree ──┘           └─▶ none: the envelope's code and message, or why nothing was recognised
 *          ─▶ text    ─▶ lines
 *
 * Pure, and total: the result is addresses or a reason. Bodies are not trusted and may contain logins: only the text of a message
 * member is repeated, of the rest only its shape.
 */

import { VendorError } from '../contract/error.ts'
import { saidIn } from '../parse/envelope.ts'
import type { Found } from '../parse/facts.ts'
import { parseJson } from '../parse/json.ts'
import { formatOf, malformed, shapeOf, startsLikeJson, startsLikeMarkup } from '../parse/reply.ts'
import { scanText, scanTree } from '../parse/scan.ts'
import { readXml } from '../parse/xml.ts'
import { meaningOf, refusalIn } from './error-messages.ts'

export type { Found } from '../parse/facts.ts'

export type Sniffed = { readonly format: string } & (
  | {
      readonly kind: 'addresses'
      readonly found: readonly Found[]
      /** Items that are not addresses, described; never a secret. */
      readonly rejected: readonly string[]
      readonly balance: number | undefined
    }
  /** Why there is no address. Its message may contain the vendor's text with secrets of the link: it must be masked. */
  | { readonly kind: 'refusal'; readonly error: VendorError }
)

/** @param body any text; this never throws */
export function sniff(body: string): Sniffed {
  const text = body.replace(/^\ufeff/, '').trim()
  if (text === '')
    return refused('nothing', new VendorError('no_resource', 'empty', 'the vendor answered with nothing'))
  if (isPage(text)) return refused('a web page', pageError(text))
  if (startsLikeMarkup(text)) return sniffXml(text)
  if (startsLikeJson(text)) return sniffJson(text)
  return sniffText(text)
}

function refused(format: string, error: VendorError): Sniffed {
  return { kind: 'refusal', format, error }
}

// --- Markup -------------------------------------------------------------------------------------------------------

/** How much of a reply is examined to recognise a web page, and which: a page shows it at its beginning. */
const PAGE_HEAD_CHARACTERS = 8_192
const PAGE_TAG = /<(?:!doctype html|html|head|body|script|title)\b/iy

/** A page may begin with an XML declaration and comments. */
function isPage(text: string): boolean {
  const head = text.slice(0, PAGE_HEAD_CHARACTERS)
  let at = head.startsWith('<?xml') ? after(head, '>', 0) : 0
  while (head.startsWith('<!--', at)) at = after(head, '-->', at)
  PAGE_TAG.lastIndex = at
  return PAGE_TAG.test(head)
}

/** @returns offset after the next `end` and white space; the end of the text when there is none */
function after(text: string, end: string, from: number): number {
  const found = text.indexOf(end, from)
  if (found === -1) return text.length
  let at = found + end.length
  while (/\s/.test(text[at] ?? '')) at++
  return at
}

function pageTitle(text: string): string {
  const [, title = ''] = text.slice(0, PAGE_HEAD_CHARACTERS).split(/<title/i, 2)
  const [, words = ''] = title.split('>', 2)
  return (words.split('<', 1)[0] ?? '').slice(0, 100).trim()
}

function pageError(text: string): VendorError {
  const title = pageTitle(text)
  const named = title === '' ? '' : `: "${title}"`
  return new VendorError('server', 'body', `a web page came where addresses were expected${named}`, {
    hint: 'is the link whole? A page comes for a path that does not exist, for a login that is missing, and from whatever stands in the way',
  })
}

function sniffXml(text: string): Sniffed {
  if (/^<\/?br/i.test(text)) return sniffText(text)
  const tree = readXml(text, { attributePrefix: '' })
  if (tree !== undefined) return sniffTree('XML', withoutDeclaration(tree))
  return refused('broken markup', malformed('the reply is neither a list nor whole XML', text))
}

function withoutDeclaration(tree: unknown): unknown {
  if (typeof tree !== 'object' || tree === null) return tree
  return Object.fromEntries(Object.entries(tree).filter(([name]) => !name.startsWith('?')))
}

// --- JSON ---------------------------------------------------------------------------------------------------------

function sniffJson(text: string): Sniffed {
  const tree = parsed(text)
  if (tree instanceof VendorError) {
    const lines = jsonLines(text)
    return lines === undefined ? refused('broken JSON', tree) : sniffTree('JSON, one value a line', lines)
  }
  return typeof tree === 'string' ? sniffText(tree) : sniffTree('JSON', tree)
}

/** @returns undefined at the first line that is not JSON: each failure costs an error */
function jsonLines(text: string): unknown[] | undefined {
  const values: unknown[] = []
  for (const line of text.split(/[\r\n]+/)) {
    if (line.trim() === '') continue
    const value = parsed(line)
    if (value instanceof VendorError) return undefined
    values.push(value)
  }
  return values.length > 1 ? values : undefined
}

function parsed(text: string): unknown {
  try {
    return parseJson(text)
  } catch (error) {
    return error instanceof VendorError ? error : malformed('the reply is broken JSON', text)
  }
}

function sniffTree(format: string, tree: unknown): Sniffed {
  const { found, rejected, balance } = scanTree(tree)
  if (found.length > 0) return { kind: 'addresses', format, found, rejected, balance }
  const said = saidIn(tree)
  if (said !== undefined) return refused(format, refusalIn(said.code, said.words))
  if (rejected.length > 0)
    return refused(format, new VendorError('server', 'body', `nothing in the reply is an address: ${rejected[0]}`))
  return refused(
    format,
    new VendorError('no_resource', 'empty', `the vendor answered with ${format} in which there is no address`),
  )
}

// --- Text ---------------------------------------------------------------------------------------------------------

function sniffText(text: string): Sniffed {
  const { found, rejected } = scanText(text)
  if (found.length > 0) {
    return { kind: 'addresses', format: formatOf(text), found, rejected, balance: undefined }
  }
  return refused('text', textError(text))
}

const MAX_WORDS = 300

/** An address with a login in an unknown format. */
const MAY_HOLD_LOGIN = /@|:\d{3,5}\b|\b\d{1,3}(\.\d{1,3}){3}:/

const LEADING_CODE = /^(?:error|err|failed|failure|fail|code)?[^\w-]{0,3}(-?\d{1,6})\b/i

/** `ERROR(401):...`, `-11`, `INVALID_KEY` and other messages. Text that may contain a login is not repeated. */
function textError(text: string): VendorError {
  if (/^-?\d{1,6}$/.test(text)) return refusalIn(text, '')
  const isWords = /\s|\p{Script=Han}|^[A-Z_-]{2,60}$/iu.test(text) && !MAY_HOLD_LOGIN.test(text)
  if (!isWords && meaningOf(text) === undefined) return malformed('the reply is no list of addresses', text)
  const code = LEADING_CODE.exec(text.replace(/^[\s[({"']+/, ''))?.[1]
  const error = refusalIn(code, text)
  if (isWords && text.length <= MAX_WORDS) return error
  const what = `the vendor answered with a text without addresses; it looks like ${shapeOf(text)}`
  return new VendorError(error.class, error.vendorCode, what, { hint: error.hint })
}
