/**
 * What a link answers when nobody has written down how: text with any separator, JSON or XML of unknown shape, an error
 * under HTTP 200, a web page, nothing.
 *
 *     body ─▶ markup? ─▶ tree ─▶ addresses ─┬─▶ addresses
 *          ─▶ JSON?   ─▶ tree ──┘           └─▶ none: the envelope's code and words, or why nothing was understood
 *          ─▶ text    ─▶ lines
 *
 * Pure, and total: every body is addresses or a reason in words. Bodies come from strangers and hold logins: what is
 * repeated of them is what stands under the name of a message, and else only its shape.
 */

import { VendorError } from '../contract.ts'
import { formatOf, malformed, parseJson, readXml, shapeOf, startsLikeMarkup } from '../parse/reply.ts'
import type { Found } from './candidates.ts'
import { meaningOf, refusalIn } from './error-messages.ts'
import { saidIn, searchTree } from './json-scan.ts'
import { addressesIn } from './text.ts'

export type { Found } from './candidates.ts'

export type Sniffed = { readonly format: string } & (
  | {
      readonly kind: 'addresses'
      readonly found: readonly Found[]
      /** What stood among them and is none, in words; never a secret. */
      readonly rejected: readonly string[]
      readonly balance: number | undefined
    }
  /** Why there is no address. Its message may repeat the vendor's words, secrets of the link included: to be masked. */
  | { readonly kind: 'refusal'; readonly error: VendorError }
)

/** @param body as text; whatever it is, this returns */
export function sniff(body: string): Sniffed {
  const text = body.replace(/^\ufeff/, '').trim()
  if (text === '')
    return refused('nothing', new VendorError('no_resource', 'empty', 'the vendor answered with nothing'))
  if (isPage(text)) return refused('a web page', pageError(text))
  if (startsLikeMarkup(text)) return sniffXml(text)
  if (/^[{["]/.test(text) && !/^\[[\da-f:.]+\]:\d/i.test(text)) return sniffJson(text)
  return sniffText(text)
}

function refused(format: string, error: VendorError): Sniffed {
  return { kind: 'refusal', format, error }
}

// --- Markup -------------------------------------------------------------------------------------------------------

function isPage(text: string): boolean {
  return /^(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(!doctype html|html|head|body|script|title)\b/is.test(
    text.slice(0, 1_024),
  )
}

function pageError(text: string): VendorError {
  const title = /<title[^>]*>([^<]{1,100})/i.exec(text)?.[1]?.trim() ?? ''
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
    const lines = text.split(/[\r\n]+/).filter((line) => line.trim() !== '')
    const each = lines.map(parsed)
    const isLines = lines.length > 1 && each.every((line) => !(line instanceof VendorError))
    return isLines ? sniffTree('JSON, one value a line', each) : refused('broken JSON', tree)
  }
  return typeof tree === 'string' ? sniffText(tree) : sniffTree('JSON', tree)
}

function parsed(text: string): unknown {
  try {
    return parseJson(text)
  } catch (error) {
    return error instanceof VendorError ? error : malformed('the reply is broken JSON', text)
  }
}

function sniffTree(format: string, tree: unknown): Sniffed {
  const { found, rejected, balance } = searchTree(tree)
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
  const { found, rejected } = addressesIn(text)
  if (found.length > 0) {
    return { kind: 'addresses', format: formatOf(text), found, rejected, balance: undefined }
  }
  return refused('text', textError(text))
}

const MAX_WORDS = 300

/** An address with its login in a form that is not known. */
const MAY_HOLD_LOGIN = /@|:\d{3,5}\b|\b\d{1,3}(\.\d{1,3}){3}:/

/** `ERROR(401):...`, `-11`, `INVALID_KEY` and other words. What may hold a login is not repeated. */
function textError(text: string): VendorError {
  if (/^-?\d{1,6}$/.test(text)) return refusalIn(text, '')
  const isWords = /\s|\p{Script=Han}|^[A-Z_-]{2,60}$/iu.test(text) && !MAY_HOLD_LOGIN.test(text)
  if (!isWords && meaningOf(text) === undefined) return malformed('the reply is no list of addresses', text)
  const code = /^[\s[({"']*(?:error|err|fail(?:ed|ure)?|code)?[^\w-]{0,3}(-?\d{1,6})\b/i.exec(text)?.[1]
  const error = refusalIn(code, text)
  if (isWords && text.length <= MAX_WORDS) return error
  const what = `the vendor answered with a text without addresses; it looks like ${shapeOf(text)}`
  return new VendorError(error.class, error.vendorCode, what, { hint: error.hint })
}
