/**
 * The field lines of a message (RFC 9110 section 5, RFC 9112 section 5): checked strictly, and reduced to those for the next
 * hop, which keep their case, order and number.
 */
import { parseDecimal } from '../decimal.ts'
import { type Field, trimSpace } from './head.ts'

export const NO_FIELDS: ReadonlySet<string> = new Set()

interface FieldSection {
  /** Field lines for the next hop, each with its CRLF; without Host and Expect. */
  readonly lines: string
  /**
   * Fields of this hop, and the fields that framing and routing depend on: values by name in lower case. Values of one name are
   * joined (RFC 9110 section 5.3), so that a duplicate of a field that may occur only once is not well-formed. Logins hold commas:
   * theirs are joined by `TWO_LOGINS`.
   */
  readonly own: ReadonlyMap<string, string>
  /** Options for this gateway (`isOption`), in order. One that occurs twice is here twice. */
  readonly options: readonly Field[]
  /** What Connection names: it ends at this hop, in the header and in a trailer (RFC 9110 section 7.6.1). In lower case. */
  readonly named: ReadonlySet<string>
}

/** RFC 9110 section 7.6.1, and fields that only concern the hop to this gateway. */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

/** In no field value. */
export const TWO_LOGINS = '\n'

/** The gateway's own options: never forwarded. */
const OPTION_PREFIX = 'x-turnpike-'

/** Options that clients send to vendors' tunnel proxies: for this gateway, which replaces such a proxy. */
const TUNNEL_OPTIONS: ReadonlySet<string> = new Set(['proxy-switch-ip', 'proxy-tunnel'])

/** tchar of RFC 9110 section 5.6.2 before the colon; field-vchar, obs-text, SP and HTAB after it; then CRLF. */
const LINES = /(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*\r\n$/y
const NOTED = new Set([...HOP_BY_HOP, 'content-length', 'date', 'host', 'expect', 'max-forwards'])
const LONGEST = Math.max(...[...NOTED].map((name) => name.length))
/** Most names differ from these in their length already. */
const HAS_NOTED_LENGTH = Array.from({ length: LONGEST + 1 }, (_, length) =>
  [...NOTED].some((name) => name.length === length),
)
/** Recorded, and forwarded too. */
const PASSES = new Set(['content-length', 'date', 'max-forwards'])

/**
 * @param head a whole head, latin1, up to and including the empty line
 * @param start offset of its first field line
 * @returns undefined when a line is malformed: `fieldLineProblem` tells how
 */
export function parseFieldSection(head: string, start: number): FieldSection | undefined {
  LINES.lastIndex = start
  if (!LINES.test(head)) return undefined
  const own = new Map<string, string>()
  const options: Field[] = []
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
    if (isOption(name)) options.push({ name, value })
    else own.set(name, joined(own.get(name), value, name === 'proxy-authorization' ? TWO_LOGINS : ', '))
    if (PASSES.has(name)) continue
    lines += head.slice(keptFrom, at)
    keptFrom = next
  }
  lines += head.slice(keptFrom, end)
  const named = namedBy(own.get('connection'))
  return { lines: withoutFields(lines, named), own, options, named }
}

function joined(earlier: string | undefined, value: string, separator: string): string {
  return earlier === undefined ? value : `${earlier}${separator}${value}`
}

/** The name in lower case if it is one to record. */
function notedName(head: string, at: number, colon: number): string | undefined {
  const first = head.charCodeAt(at) | 0x20
  const mayBeOption = (first === 0x78 || first === 0x70) && colon - at >= OPTION_PREFIX.length
  if (!mayBeOption && HAS_NOTED_LENGTH[colon - at] !== true) return undefined
  const name = head.slice(at, colon).toLowerCase()
  return NOTED.has(name) || (mayBeOption && isOption(name)) ? name : undefined
}

/** @param name in lower case */
function isOption(name: string): boolean {
  return (name.length > OPTION_PREFIX.length && name.startsWith(OPTION_PREFIX)) || TUNNEL_OPTIONS.has(name)
}

const ONLY_PERSISTENCE = /^(keep-alive|close)$/i

function namedBy(connection: string | undefined): ReadonlySet<string> {
  return connection === undefined || ONLY_PERSISTENCE.test(connection) ? NO_FIELDS : new Set(listMembers(connection))
}

/** RFC 9112 section 5.1: a proxy removes white space between the name and the colon of a response's field. */
const SPACED_NAME = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]+:/gm

export function withoutSpacedNames(lines: string): string {
  return lines.replace(SPACED_NAME, '$1:')
}

/** @param names in lower case */
export function withoutFields(lines: string, names: ReadonlySet<string>): string {
  if (names.size === 0) return lines
  const kept = lines.split(/(?<=\r\n)/).filter((line) => !names.has(line.slice(0, line.indexOf(':')).toLowerCase()))
  return kept.join('')
}

/** Members of a comma-separated list (RFC 9110 section 5.6.1), in lower case. */
export function listMembers(value: string): string[] {
  return value.split(',').map((member) => trimSpace(member).toLowerCase())
}

/** Whether `Connection` contains this option, in lower case. */
export function hasConnectionOption(own: ReadonlyMap<string, string>, option: string): boolean {
  const connection = own.get('connection')
  return connection !== undefined && listMembers(connection).includes(option)
}

/**
 * The value of a `Content-Length` (RFC 9110 section 8.6): at most 15 digits, which a number represents exactly. A list of equal
 * values is refused as well, which RFC 9112 section 6.3 permits.
 */
export function parseContentLength(value: string): number | undefined {
  return parseDecimal(value, 15)
}
