/**
 * The grammar that vendors share: how addresses, times, JSON and XML are written.
 *
 * Bodies come from strangers. Nothing here throws anything but VendorError, and no message repeats the body itself, which
 * may hold logins: `shapeOf` shows what it looked like.
 */
import { createRequire } from 'node:module'
import { isIP } from 'node:net'
import { isHostName, parseAuthority } from '../../address.ts'
import { secret } from '../../config/fields.ts'
import { Secret } from '../../secret.ts'
import { type ErrorRule, type UpstreamProtocol, VendorError } from '../contract.ts'

// --- XML ----------------------------------------------------------------------------------------------------------

const require = createRequire(import.meta.url)

export interface XmlReading {
  /** What stands before the name of an attribute that is kept, and an element with attributes has its text in `#text`; undefined: they are dropped. */
  readonly attributePrefix?: string
  /** Elements that are a list, also when there is only one. */
  readonly lists?: readonly string[]
}

/** All values are strings. @returns undefined for what is not one whole document; the library's own words quote it */
export function readXml(text: string, { attributePrefix, lists = [] }: XmlReading = {}): unknown {
  // Loaded for the first reply in XML: few gateways meet one.
  const { XMLParser, XMLValidator } = require('fast-xml-parser') as typeof import('fast-xml-parser')
  const parser = new XMLParser({
    ignoreAttributes: attributePrefix === undefined,
    attributeNamePrefix: attributePrefix ?? '',
    // A few entities of a document's own could fill the memory.
    processEntities: false,
    parseTagValue: false,
    parseAttributeValue: false,
    isArray: (name) => lists.includes(name),
  })
  try {
    // The parser itself lets a truncated document pass.
    return XMLValidator.validate(text) === true ? withCharacters(parser.parse(text)) : undefined
  } catch {
    return undefined
  }
}

/** The five entities that every document has (XML 1.0 section 4.6). */
const CHARACTERS: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function withCharacters(value: unknown): unknown {
  if (typeof value === 'string')
    return value.replace(/&(amp|lt|gt|quot|apos);/g, (_entity, name: string) => CHARACTERS[name] ?? '')
  if (Array.isArray(value)) return value.map(withCharacters)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, withCharacters(member)]))
}

// --- Errors -------------------------------------------------------------------------------------------------------

const SAMPLE_CHARACTERS = 60

/** What a text looks like without what it says: letters become `a`, digits `9`, runs collapse. */
export function shapeOf(text: string): string {
  const head = text.slice(0, SAMPLE_CHARACTERS)
  const shape = head
    .replace(/\p{L}+/gu, 'a')
    .replace(/\p{N}+/gu, '9')
    .replace(/\p{C}+/gu, ' ')
  return `"${shape}${text.length > SAMPLE_CHARACTERS ? '...' : ''}"`
}

/** The reply is not what its format promises. `text`, when given, is shown as a shape only. */
export function malformed(what: string, text?: string): VendorError {
  return new VendorError('server', 'body', text === undefined ? what : `${what}; it looks like ${shapeOf(text)}`)
}

/** The vendor said no. A code that no document knows is the vendor's fault until somebody finds out (vendors.md 0.1). */
export function refusal(rule: ErrorRule | undefined, code: string, words: string): VendorError {
  if (rule === undefined) return new VendorError('server', code, words || 'the vendor answered with an unknown code')
  return new VendorError(rule.class, code, words || rule.term, { hint: rule.hint, wait: rule.wait })
}

const MAX_CODE_CHARACTERS = 21

/** `ERROR(401):签名错误`: how juliangip and its kin write an error where a text was asked for. */
export function errorInText(text: string): { readonly code: string; readonly words: string } | undefined {
  const [start = '', code = ''] = /^ERROR *\((-?\w+)\)/i.exec(text) ?? []
  if (code === '' || code.length > MAX_CODE_CHARACTERS) return undefined
  return { code, words: text.slice(start.length).replace(/^[\s:：]+/, '') }
}

/** What a code means by the first table that has it. The code is a stranger's word: `toString` is in no table. */
export function ruleOf(
  code: string,
  ...tables: readonly (Readonly<Record<string, ErrorRule>> | undefined)[]
): ErrorRule | undefined {
  return tables.find((table) => table !== undefined && Object.hasOwn(table, code))?.[code]
}

// --- Fields -------------------------------------------------------------------------------------------------------

/** A credential in gateway.yaml. */
export function credential(about: string) {
  return secret({ maxBytes: 1_024 }).meta({ description: about })
}

/** @returns the members of a JSON object; undefined for anything else, arrays included */
export function membersOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined
}

/** Vendors write one and the same field now as a number, now as a string. @returns undefined for neither, and for '' */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value)
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined
}

/** @returns a count that is zero or more, also when written as a string; else undefined */
export function countOf(value: unknown): number | undefined {
  const text = textOf(value)
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

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

/** HTML or XML. */
export function startsLikeMarkup(text: string): boolean {
  return /^\s*</.test(text)
}

/** What a reply is written in, for people. */
export function formatOf(body: string): string {
  const text = body.replace(/^\ufeff/, '').trim()
  if (text === '') return 'nothing'
  if (/^[{["]/.test(text) && !/^\[[\da-f:.]+\]:\d/i.test(text)) return 'JSON'
  if (startsLikeMarkup(text) && !/^<\/?br/i.test(text)) return 'XML'
  const separator = separatorOf(text)
  return separator === undefined ? 'text' : `text, separated by ${separator}`
}

function separatorOf(text: string): string | undefined {
  const known: readonly (readonly [RegExp, string])[] = [
    [/<\/?br\s*\/?>/i, '<br>'],
    [/\r\n/, 'CR LF'],
    [/[\r\n]/, 'LF'],
    [/\\r\\n|\\n/, '\\r\\n as four letters'],
    [/\|/, '|'],
    [/\t/, 'tab'],
    [/;/, ';'],
    [/ /, 'space'],
    [/,/, 'comma'],
  ]
  return known.find(([pattern]) => pattern.test(text))?.[1]
}

// --- Times --------------------------------------------------------------------------------------------------------

const DAY_MS = 86_400_000
const CHINA_AHEAD_MS = 8 * 3_600_000

/** qg and its kin date in China's time, which has been UTC+8 all year round since 1992: `2023-02-25 15:38:36`. @returns ms since the epoch */
export function chinaTime(text: string): number | undefined {
  const match = /^(\d{4})-(\d{2})-(\d{2})[ T](\d{2}):(\d{2}):(\d{2})$/.exec(text.trim())
  if (match === null) return undefined
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const utc = utcTime(year, month, day, hour, minute, second)
  return utc === undefined ? undefined : utc - CHINA_AHEAD_MS
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** RFC 9110 section 5.6.7, the one form that may still be generated: `Sun, 06 Nov 1994 08:49:37 GMT`. @returns ms since the epoch */
export function httpDate(text: string): number | undefined {
  const match = /^[A-Z][a-z]{2}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT$/.exec(text.trim())
  if (match === null) return undefined
  const [, day, month = '', year, hour, minute, second] = match
  return utcTime(Number(year), MONTHS.indexOf(month) + 1, Number(day), Number(hour), Number(minute), Number(second))
}

/** A UTC time of the Gregorian calendar as ms since the epoch; undefined when there is no such time. `Date` is not for this code: see the lint rule. */
export function utcTime(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
): number | undefined {
  if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 60) return undefined
  const date = daysToDate(year, month, day)
  const nextMonth = month === 12 ? daysToDate(year + 1, 1, 1) : daysToDate(year, month + 1, 1)
  return date < nextMonth ? date * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000 : undefined
}

/** Days from 1970-01-01 to a date. Years are counted from March, so that the leap day is a year's last and needs no case of its own. */
function daysToDate(year: number, month: number, day: number): number {
  const marchYear = month > 2 ? year : year - 1
  const monthsSinceMarch = (month + 9) % 12
  // From March on, month lengths repeat 31-30-31-30-31: 153 days each five months.
  const dayOfYear = Math.floor((153 * monthsSinceMarch + 2) / 5) + day - 1
  const leapDays = Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400)
  const DAYS_FROM_YEAR_0_TO_EPOCH = 719_468
  return marchYear * 365 + leapDays + dayOfYear - DAYS_FROM_YEAR_0_TO_EPOCH
}

// --- Addresses ----------------------------------------------------------------------------------------------------

/** Where to connect and how to log in, as far as the text tells. Members fit `Sold`. */
export interface Endpoint {
  /** Host name, IPv4, or IPv6 without brackets. */
  readonly host: string
  readonly port: number
  readonly protocol?: UpstreamProtocol
  readonly username?: string
  readonly password?: Secret
}

const SCHEMES: ReadonlyMap<string, UpstreamProtocol> = new Map([
  ['http', 'http'],
  ['https', 'https'],
  ['socks', 'socks5'],
  ['socks5', 'socks5'],
  ['socks5h', 'socks5'],
])

export interface EndpointOptions {
  /** Take one-word host names (`proxy:3128`) too. Only for what the user wrote: in a vendor's text, `error:404` looks the same. */
  readonly bareNames?: boolean
}

/**
 * Reads one address: `host:port`, `host:port:user:pass`, `user:pass@host:port`, or either after `http://`, `https://`,
 * `socks5://`. IPv6 stands in brackets. User info after a scheme may be percent-encoded, elsewhere it is taken literally.
 * @returns undefined for everything else
 */
export function parseEndpoint(text: string, options: EndpointOptions = {}): Endpoint | undefined {
  const url = /^([a-z][a-z0-9]*):\/\/([^/]*)\/?$/i.exec(text)
  if (url === null) return parseBare(text, options, (login) => login)
  const protocol = SCHEMES.get((url[1] ?? '').toLowerCase())
  const bare = parseBare(url[2] ?? '', options, percentDecoded)
  return protocol === undefined || bare === undefined ? undefined : { ...bare, protocol }
}

function parseBare(text: string, options: EndpointOptions, decode: (login: string) => string): Endpoint | undefined {
  const trailing = loginAfter(text)
  // `1.2.3.4:80:me:p@ss`: an IP address in front settles it, an @ may be part of a password.
  const found = trailing !== undefined && isIP(trailing.host) !== 0 ? trailing : (loginBefore(text, decode) ?? trailing)
  return found !== undefined && isHost(found.host, options) ? found : undefined
}

function isHost(host: string, options: EndpointOptions): boolean {
  return isIP(host) !== 0 || (isHostName(host) && (options.bareNames === true || host.includes('.')))
}

/** `host:port` and `host:port:user:pass`. */
function loginAfter(text: string): Endpoint | undefined {
  const match = /^(\[[^\]]*\]|[^:@\s]+):(\d{1,5})(?::([^:\s]+):(\S+))?$/.exec(text)
  const address = match === null ? undefined : parseAuthority(`${match[1]}:${match[2]}`)
  if (match === null || address === undefined) return undefined
  const [username, password] = [match[3], match[4]]
  return username === undefined || password === undefined
    ? address
    : { ...address, username, password: new Secret(password) }
}

/** `user:pass@host:port` and `user@host:port`. The last @ counts: passwords may hold one, hosts may not. */
function loginBefore(text: string, decode: (login: string) => string): Endpoint | undefined {
  const match = /^([^:\s]+)(?::(\S*))?@([^@\s]+)$/.exec(text)
  const address = match === null ? undefined : parseAuthority(match[3] ?? '')
  if (match === null || address === undefined) return undefined
  const username = decode(match[1] ?? '')
  return match[2] === undefined
    ? { ...address, username }
    : { ...address, username, password: new Secret(decode(match[2])) }
}

/**
 * Cuts `user:pass:host:port` at its first colon and before its last two, those within `[...]` aside: a password may hold
 * colons. Neither login nor address is looked at.
 */
export function splitLoginInFront(
  text: string,
): { readonly username: string; readonly password: string; readonly authority: string } | undefined {
  const port = text.lastIndexOf(':')
  const bracket = text[port - 1] === ']' ? text.lastIndexOf('[', port) : port
  const host = text.lastIndexOf(':', bracket - 1)
  const colon = text.indexOf(':')
  if (colon < 1 || host <= colon + 1) return undefined
  return { username: text.slice(0, colon), password: text.slice(colon + 1, host), authority: text.slice(host + 1) }
}

/** User info of a URL as its writer meant it. */
export function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // a literal % that somebody did not encode
  }
}

/** One item of a list: an address and what stood behind it after commas (a city, seconds), untouched. */
export interface ListItem {
  readonly endpoint: Endpoint
  readonly fields: readonly string[]
}

export interface List {
  readonly items: readonly ListItem[]
  /** What could not be read, as shapes. */
  readonly rejected: readonly string[]
}

/** More of the same says nothing new, and a body of a mebibyte holds half a million of them. */
const MAX_REJECTED = 100
const SEPARATORS = /[\s|;]+|<br\s*\/?>/i

/**
 * Reads a text of addresses with any separator: line breaks, spaces, tabs, `|`, `;`, `<br>`, commas. Lines that start
 * with `#` are remarks.
 */
export function parseList(text: string, options: EndpointOptions = {}): List {
  const items: ListItem[] = []
  const rejected: string[] = []
  for (const line of text.split(/[\r\n]+/)) {
    if (line.trim() === '' || line.trim().startsWith('#')) continue
    for (const piece of piecesOf(line.trim(), options)) {
      const found = readPiece(piece, options)
      if (found.length > 0) items.push(...found)
      else if (rejected.length < MAX_REJECTED) rejected.push(`not an address: ${shapeOf(piece)}`)
    }
  }
  return { items, rejected }
}

/** A line is cut at separators unless only the whole is an address: a password may hold `|` or `;`. */
function piecesOf(line: string, options: EndpointOptions): readonly string[] {
  const pieces = line.split(SEPARATORS).filter((piece) => piece !== '')
  const isWhole = pieces.length > 1 && parseEndpoint(line, options) !== undefined
  return isWhole && pieces.some((piece) => parseEndpoint(piece, options) === undefined) ? [line] : pieces
}

function readPiece(piece: string, options: EndpointOptions): ListItem[] {
  const parts = piece.split(',').filter((part) => part !== '')
  const endpoints = parts.map((part) => parseEndpoint(part, options))
  if (endpoints.length > 1 && endpoints.every((endpoint) => endpoint !== undefined)) {
    return endpoints.map((endpoint) => ({ endpoint, fields: [] }))
  }
  const whole = parseEndpoint(piece, options)
  if (whole !== undefined) return [{ endpoint: whole, fields: [] }]
  const first = endpoints[0]
  return first === undefined ? [] : [{ endpoint: first, fields: parts.slice(1) }]
}
