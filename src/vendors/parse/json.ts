/** Parses JSON with the usual mistakes of vendors. */
import { malformed, startsLikeMarkup } from './reply.ts'

/** In JSON outside of strings: a comma before a closing bracket, and invalid white space. Both occur in vendors' own examples. */
const JSON_SLIPS = /("(?:[^"\\]|\\[\s\S])*"?)|,(?=\s*[}\]])|[\u00a0\ufeff\u3000]/g
/** Rarer mistakes are repaired token by token, in replies up to this size: the work is limited. */
const MAX_MENDED = 8_192

/**
 * Parses JSON as vendors write it: commas before a bracket and no-break spaces are accepted, and in shorter replies what their own
 * examples contain: `//` comments, a missing comma, single quotes, and `...` for omitted parts.
 * @throws {VendorError} class server when it is not JSON
 */
export function parseJson(text: string): unknown {
  if (text.trim() === '') throw malformed('the reply is empty')
  if (startsLikeMarkup(text)) throw malformed('a web page came where JSON was expected', text)
  for (const mend of [asIs, withoutSlips, ...(text.length > MAX_MENDED ? [] : [mended])]) {
    try {
      return JSON.parse(mend(text))
    } catch {
      // The parser's own message quotes the body, which may contain logins: it is dropped.
    }
  }
  throw malformed('the reply is broken JSON', text)
}

const asIs = (text: string): string => text
const withoutSlips = (text: string): string => text.replace(JSON_SLIPS, (_slip, quoted?: string) => quoted ?? ' ')

/** The last quote of a text may be missing: otherwise the search would start again at each quote. */
const TOKENS = /"(?:[^"\\]|\\[\s\S])*"?|'[^'\n]*'?|\/\/[^\r\n]*|\.\.\.|[\w.+-]+|\s+|[\s\S]/g
const LEFT_OUT = /^(\s|[\u00a0\ufeff\u3000]|\/\/|\.\.\.)/

/** Inserts missing commas, and removes text that is not JSON. */
function mended(text: string): string {
  const kept: string[] = []
  for (const written of text.match(TOKENS) ?? []) {
    if (LEFT_OUT.test(written)) continue
    const token = /^'.*'$/s.test(written) ? JSON.stringify(written.slice(1, -1)) : written
    const last = kept.at(-1) ?? ''
    if (token === ',' && /^[,{[]?$/.test(last)) continue
    if (/^[}\]]$/.test(token) && last === ',') kept.pop()
    if (/^["\w+{[-]/.test(token) && /["\w}\]]$/.test(last)) kept.push(',')
    kept.push(token)
  }
  return kept.join('')
}
