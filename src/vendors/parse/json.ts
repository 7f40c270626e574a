/** JSON as vendors write it. */
import { malformed, startsLikeMarkup } from './reply.ts'

/** In JSON outside of strings: a comma before a closing bracket, and spaces that are no JSON space. Both stand in vendors' own examples. */
const JSON_SLIPS = /("(?:[^"\\]|\\[\s\S])*"?)|,(?=\s*[}\]])|[\u00a0\ufeff\u3000]/g
/** Rarer slips are mended token by token, in replies of this size: the work is bounded. */
const MAX_MENDED = 8_192

/**
 * JSON as vendors write it: commas before a bracket and no-break spaces pass, and in shorter replies what their own examples
 * hold besides: `//` remarks, a comma too little, single quotes, and `...` for what was left out.
 * @throws {VendorError} class server when it is no JSON at all
 */
export function parseJson(text: string): unknown {
  if (text.trim() === '') throw malformed('the reply is empty')
  if (startsLikeMarkup(text)) throw malformed('a web page came where JSON was expected', text)
  for (const mend of [asIs, withoutSlips, ...(text.length > MAX_MENDED ? [] : [mended])]) {
    try {
      return JSON.parse(mend(text))
    } catch {
      // The parser's own message quotes the body, which may hold logins: it goes no further.
    }
  }
  throw malformed('the reply is broken JSON', text)
}

const asIs = (text: string): string => text
const withoutSlips = (text: string): string => text.replace(JSON_SLIPS, (_slip, quoted?: string) => quoted ?? ' ')

/** The last quote of a text may be missing: without that the search would begin anew at each quote. */
const TOKENS = /"(?:[^"\\]|\\[\s\S])*"?|'[^'\n]*'?|\/\/[^\r\n]*|\.\.\.|[\w.+-]+|\s+|[\s\S]/g
const LEFT_OUT = /^(\s|[\u00a0\ufeff\u3000]|\/\/|\.\.\.)/

/** Puts the commas where they belong, and leaves out what is no JSON. */
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
