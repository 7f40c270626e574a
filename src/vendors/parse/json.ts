/** JSON as vendors write it. */
import { malformed, startsLikeMarkup } from './reply.ts'

/** In JSON outside of strings: a comma before a closing bracket, and spaces that are no JSON space. Both stand in vendors' own examples. */
const JSON_SLIPS = /("(?:[^"\\]|\\[\s\S])*"?)|,(?=\s*[}\]])|[\u00a0\ufeff\u3000]/g

/**
 * JSON as vendors write it: trailing commas and no-break spaces pass.
 * @throws {VendorError} class server when it is no JSON at all
 */
export function parseJson(text: string): unknown {
  if (text.trim() === '') throw malformed('the reply is empty')
  if (startsLikeMarkup(text)) throw malformed('a web page came where JSON was expected', text)
  for (const candidate of [text, text.replace(JSON_SLIPS, (_slip, quoted?: string) => quoted ?? ' ')]) {
    try {
      return JSON.parse(candidate)
    } catch {
      // The parser's own message quotes the body, which may hold logins: it goes no further.
    }
  }
  throw malformed('the reply is broken JSON', text)
}
