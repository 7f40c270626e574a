/**
 * The field lines of a message that passes through: checked strictly, and cut down to those that are for the next hop.
 * They stay as they came, in case, order and number.
 */

import { HOP_BY_HOP, OPTION_PREFIX } from '../proxy/http-contract.ts'
import { trimSpace } from './head.ts'

export interface PassingHeader {
  /** What is for the next hop, each line with its CRLF. */
  readonly lines: string
  /**
   * What concerns this hop, and Content-Length and Host: values by name in lower case; those of one name are joined
   * (RFC 9110 section 5.3), so that what may come only once is not well-formed when it comes twice.
   */
  readonly own: ReadonlyMap<string, string>
}

/** tchar of RFC 9110 section 5.6.2 before the colon; field-vchar, obs-text, SP and HTAB behind it; CRLF and nothing else. */
const LINES = /(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*\r\n$/y
const NOTED = new Set([...HOP_BY_HOP, 'content-length', 'host', 'expect'])
/** Most names are told from these by their length alone. */
const NOTED_LENGTHS = new Set([...NOTED].map((name) => name.length))

/**
 * @param head a whole head, latin1, up to and including the empty line
 * @param start offset of its first field line
 * @param isRequest Host and Expect are replaced
 * @returns undefined when a line is malformed
 */
export function readPassing(head: string, start: number, isRequest: boolean): PassingHeader | undefined {
  LINES.lastIndex = start
  if (!LINES.test(head)) return undefined
  const own = new Map<string, string>()
  let lines = ''
  let keptFrom = start
  const end = head.length - 2
  for (let at = start, next = 0; at < end; at = next) {
    const colon = head.indexOf(':', at)
    const eol = head.indexOf('\r\n', colon)
    next = eol + 2
    const name = notedName(head, at, colon)
    if (name === undefined) continue
    const value = trimSpace(head.slice(colon + 1, eol))
    const earlier = own.get(name)
    own.set(name, earlier === undefined ? value : `${earlier}, ${value}`)
    if (name === 'content-length' || (!isRequest && (name === 'host' || name === 'expect'))) continue
    lines += head.slice(keptFrom, at)
    keptFrom = next
  }
  lines += head.slice(keptFrom, end)
  return { lines: withoutNamed(lines, own), own }
}

/** The name in lower case if it is one to be noted. */
function notedName(head: string, at: number, colon: number): string | undefined {
  const first = head.charCodeAt(at) | 0x20
  const mayBeOption = first === 0x78 && colon - at > OPTION_PREFIX.length
  if (!mayBeOption && !NOTED_LENGTHS.has(colon - at)) return undefined
  const name = head.slice(at, colon).toLowerCase()
  return NOTED.has(name) || (mayBeOption && name.startsWith(OPTION_PREFIX)) ? name : undefined
}

const ONLY_PERSISTENCE = /^(keep-alive|close)$/i

/** Connection names fields that end here (RFC 9110 section 7.6.1). */
function withoutNamed(lines: string, own: ReadonlyMap<string, string>): string {
  const connection = own.get('connection')
  if (connection === undefined || ONLY_PERSISTENCE.test(connection)) return lines
  const named = new Set(connection.split(',').map((token) => token.trim().toLowerCase()))
  const kept = lines.split(/(?<=\r\n)/).filter((line) => !named.has(line.slice(0, line.indexOf(':')).toLowerCase()))
  return kept.join('')
}
