/**
 * What a client may ask for with its request: `-key-value` pairs in the user name, or `X-Turnpike-*` headers.
 * The grammar is the one that crawlers know from commercial gateways.
 */
import { GatewayError } from '../errors.ts'
import type { Field } from '../http1/head.ts'
import { type Strategy, strategies } from '../strategy.ts'

export interface ClientOptions {
  readonly session?: string
  readonly provider?: string
  readonly country?: string
  readonly area?: string
  readonly city?: string
  readonly isp?: string
  /** How long the client will need the address, ms. */
  readonly lifeMs?: number
  /** Rather an error than another address. */
  readonly strict?: boolean
  readonly strategy?: Strategy
  /** No other session has the session's address while the session lives. */
  readonly exclusive?: boolean
  /** Not the address that was lent last, as long as there is another one. */
  readonly avoidLast?: boolean
  /** Connections of a session through one address; then it moves. */
  readonly uses?: number
  /** Life that the address must have left, ms: rather an error than less. */
  readonly minLifeMs?: number
  /** Another address for this request, and for the session from now on. In headers alone: it is a command. */
  readonly rotate?: boolean
}

export const noOptions: ClientOptions = Object.freeze({})

type OptionName = keyof ClientOptions

/** Every spelling and the option that it sets. `life` takes a unit; `sesstime` and what follows it are plain minutes. */
const optionOf: Readonly<Record<string, OptionName>> = {
  session: 'session',
  sessid: 'session',
  provider: 'provider',
  country: 'country',
  cc: 'country',
  region: 'country',
  area: 'area',
  city: 'city',
  isp: 'isp',
  life: 'lifeMs',
  ttl: 'lifeMs',
  sesstime: 'lifeMs',
  sessionduration: 'lifeMs',
  lifetime: 'lifeMs',
  strict: 'strict',
  sessid_oneip: 'strict',
  strategy: 'strategy',
  exclusive: 'exclusive',
  avoid: 'avoidLast',
  uses: 'uses',
  minlife: 'minLifeMs',
  rotate: 'rotate',
}

/** By look-up without prototype: clients choose the keys. */
const spellings: ReadonlyMap<string, OptionName> = new Map(Object.entries(optionOf))
/** Spelled so in headers alone: in a user name a hyphen ends the key. */
const headerSpellings: ReadonlyMap<string, OptionName> = new Map([...spellings, ['avoid-last', 'avoidLast']])
/**
 * Headers of vendors' tunnel proxies, whose clients need no other: one switches the address, the other names a session by number.
 * Scripts in a page cannot send them (https://fetch.spec.whatwg.org/#forbidden-request-header).
 */
const vendorHeaders: ReadonlyMap<string, OptionName> = new Map([
  ['proxy-switch-ip', 'rotate'],
  ['proxy-tunnel', 'session'],
])
/** Keys that may stand alone, as in `-session-42-exclusive`. */
const FLAGS = new Set(['exclusive'])
const MINUTE_KEYS = new Set(['sesstime', 'sessionduration', 'lifetime'])
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }
const MAX_VALUE_LENGTH = 256
const HEADER_PREFIX = 'x-turnpike-'

/**
 * Splits a user name into the account and its options.
 * @param users configured user names; the longest one that fits is the account. Empty: the account is the text before
 *   the first known key.
 * @throws {GatewayError} GW_BAD_OPTION naming the key: unknown, twice, or with a value that cannot be
 */
export function parseUserName(
  userName: string,
  users: Iterable<string> = [],
): { account: string; options: ClientOptions } {
  const account = longestAccount(userName, users)
  if (account === undefined) return parseOpenUserName(userName)
  const rest = userName.slice(account.length)
  if (rest === '') return { account, options: noOptions }
  const keys = keysIn(rest)
  if (keys[0]?.index !== 0) throw unknownKey(rest)
  return { account, options: readPairs(rest, keys) }
}

function parseOpenUserName(userName: string): { account: string; options: ClientOptions } {
  // A name that begins with a key has an empty account: `session-a` reads as `-session-a`.
  const text = keysIn(`-${userName}`)[0]?.index === 0 ? `-${userName}` : userName
  const keys = keysIn(text)
  const first = keys[0]
  if (first === undefined) return { account: userName, options: noOptions }
  return { account: text.slice(0, first.index), options: readPairs(text, keys) }
}

/**
 * Options that do not come in a user name or header.
 * @param pairs undefined values count for nothing
 * @throws {GatewayError} GW_BAD_OPTION as parseUserName
 */
export function parseOptions(pairs: Iterable<readonly [string, string | undefined]>): ClientOptions {
  const options: Record<string, unknown> = {}
  for (const [key, value] of pairs) if (value !== undefined) setOption(options, key, value)
  return options
}

function longestAccount(userName: string, users: Iterable<string>): string | undefined {
  let longest: string | undefined
  for (const user of users) {
    const fits = userName === user || userName.startsWith(`${user}-`)
    if (fits && (longest === undefined || user.length > longest.length)) longest = user
  }
  return longest
}

interface Key {
  readonly name: string
  /** Where the hyphen in front of it stands. */
  readonly index: number
}

/**
 * The known keys that stand between two hyphens. The hyphen behind one key may be the hyphen in front of the next:
 * `-session-country-us` is a session without a value.
 */
function keysIn(text: string): Key[] {
  const keys: Key[] = []
  let index = text.indexOf('-')
  while (index !== -1) {
    const end = text.indexOf('-', index + 1)
    const name = text.slice(index + 1, end === -1 ? undefined : end)
    if ((end === -1 ? FLAGS : spellings).has(name.toLowerCase())) keys.push({ name, index })
    index = end
  }
  return keys
}

function readPairs(text: string, keys: readonly Key[]): ClientOptions {
  const options: Record<string, unknown> = {}
  keys.forEach(({ name, index }, i) => {
    if (name.toLowerCase() === 'rotate')
      throw badValue(
        name,
        'is a command: POST http://turnpike.internal/session/rotate, or the header X-Turnpike-Rotate: 1',
      )
    // The hyphen in front of the next key ends this value.
    setOption(options, name, text.slice(index + name.length + 2, keys[i + 1]?.index ?? text.length))
  })
  return options
}

/**
 * Options from `X-Turnpike-*` headers, and those of vendors' tunnel proxies, laid over those of the user name.
 * @param acceptsOwn false: `X-Turnpike-*` counts for nothing
 * @throws {GatewayError} GW_BAD_OPTION as parseUserName
 */
export function headerOptions(fields: readonly Field[], base: ClientOptions, acceptsOwn = true): ClientOptions {
  let own: Record<string, unknown> | undefined
  for (const { name, value } of fields) {
    const isOwn = name.startsWith(HEADER_PREFIX)
    const vendors = isOwn ? undefined : vendorHeaders.get(name)
    if (vendors === undefined && !(isOwn && acceptsOwn)) continue
    own ??= {}
    const key = isOwn ? name.slice(HEADER_PREFIX.length) : name
    setOption(own, key, asText(value), vendors ?? headerSpellings.get(key))
  }
  return own === undefined ? base : { ...base, ...own }
}

/** Clients write places in UTF-8, and heads are read as latin1. What is no UTF-8 stays as it is. */
function asText(octets: string): string {
  const text = Buffer.from(octets, 'latin1').toString('utf8')
  return text.includes('\ufffd') ? octets : text
}

function setOption(
  options: Record<string, unknown>,
  key: string,
  value: string,
  name = spellings.get(key.toLowerCase()),
): void {
  if (name === undefined) throw unknownKey(`-${key}-`)
  if (name in options) throw new GatewayError('GW_BAD_OPTION', `the option "${key}" is given twice`)
  if (value === '' && FLAGS.has(key.toLowerCase())) {
    options[name] = true
    return
  }
  if (value === '' || value.length > MAX_VALUE_LENGTH) throw badValue(key, 'takes 1 to 256 characters')
  options[name] = parseValue(key.toLowerCase(), name, decoded(key, value))
}

/**
 * Values may be percent-encoded UTF-8 (RFC 3986 section 2.1): many clients can send nothing but latin1 in a user name. A percent
 * sign without two hexadecimal digits behind it is one.
 */
function decoded(key: string, value: string): string {
  if (!value.includes('%')) return value
  try {
    const text = decodeURIComponent(value.replace(/%(?![0-9A-Fa-f]{2})/g, '%25'))
    if (!hasControlCharacter(text)) return text
  } catch {
    // Not UTF-8.
  }
  throw badValue(key, 'holds percent-encoded octets that are no text in UTF-8')
}

function hasControlCharacter(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) < 0x20 || text.charCodeAt(at) === 0x7f) return true
  return false
}

function parseValue(key: string, name: OptionName, value: string): unknown {
  if (name === 'lifeMs' || name === 'minLifeMs') return parseLife(key, value)
  if (name === 'strict' || name === 'exclusive' || name === 'rotate') return parseBoolean(key, value)
  if (name === 'avoidLast') return parseAvoid(key, value)
  if (name === 'uses') return parseUses(key, value)
  if (name !== 'strategy') return value
  if ((strategies as readonly string[]).includes(value)) return value
  throw badValue(key, `takes one of ${strategies.join(', ')}`)
}

function parseLife(key: string, value: string): number {
  if (MINUTE_KEYS.has(key)) {
    if (/^\d{1,5}$/.test(value)) return Number(value) * 60_000
    throw badValue(key, 'takes whole minutes, as in 10')
  }
  const parts = /^(\d{1,9})(ms|s|m|h)$/.exec(value)
  const unitMs = UNIT_MS[parts?.[2] ?? '']
  if (parts === null || unitMs === undefined) throw badValue(key, 'takes a number with a unit, as in 90s or 10m')
  return Number(parts[1]) * unitMs
}

function parseAvoid(key: string, value: string): boolean {
  if (key === 'avoid-last') return parseBoolean(key, value)
  if (value === 'last') return true
  throw badValue(key, 'takes the word last, as in avoid-last')
}

function parseUses(key: string, value: string): number {
  if (/^[1-9]\d{0,8}$/.test(value)) return Number(value)
  throw badValue(key, 'takes a whole number from 1, as in uses-10')
}

function parseBoolean(key: string, value: string): boolean {
  if (/^(1|true|on|yes)$/i.test(value)) return true
  if (/^(0|false|off|no)$/i.test(value)) return false
  throw badValue(key, 'takes 1 or 0')
}

function badValue(key: string, expectation: string): GatewayError {
  return new GatewayError('GW_BAD_OPTION', `the option "${key}" ${expectation}`)
}

/** Names the key only when it can be shown: what follows an account may be part of somebody's password typed in the wrong place. */
function unknownKey(rest: string): GatewayError {
  const key = /^-([A-Za-z0-9_]{1,32})(-|$)/.exec(rest)?.[1]
  if (key !== undefined && spellings.has(key.toLowerCase())) return badValue(key, 'needs a value')
  const known =
    'known ones: session, provider, country, area, city, isp, life, minlife, sesstime, strict, strategy, exclusive, avoid, uses'
  return new GatewayError(
    'GW_BAD_OPTION',
    key ? `unknown option "${key}"; ${known}` : `unknown option after the account name; ${known}`,
  )
}
