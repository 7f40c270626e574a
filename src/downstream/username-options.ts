/**
 * The options of a client's request: `-key-value` pairs in the user name, or `X-Turnpike-*` headers. The syntax is the usual one of
 * commercial gateways.
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
  /** An error instead of another address. */
  readonly strict?: boolean
  readonly strategy?: Strategy
  /** No other session gets the session's address while the session lives. */
  readonly exclusive?: boolean
  /** Not the address that was lent last, as long as there is another one. */
  readonly avoidLast?: boolean
  /** Connections of a session through one address; then it moves. */
  readonly uses?: number
  /** Remaining life that the address must have, ms: an error instead of a shorter one. */
  readonly minLifeMs?: number
  /** Another address for this request, and for the session from now on. Only in headers, because it is a command. */
  readonly rotate?: boolean
}

export const noOptions: ClientOptions = Object.freeze({})

type OptionName = keyof ClientOptions

/** Every spelling and its option. `life` has a unit; `sesstime` and the following ones are plain minutes. */
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

/** An object without prototype: clients choose the keys. */
const spellings: ReadonlyMap<string, OptionName> = new Map(Object.entries(optionOf))
/** Spellings for headers only: in a user name a hyphen ends the key. */
const headerSpellings: ReadonlyMap<string, OptionName> = new Map([...spellings, ['avoid-last', 'avoidLast']])
/**
 * Headers of vendors' tunnel proxies, for clients written for them: one switches the address, the other selects a session by
 * number. Scripts in a page cannot send them (https://fetch.spec.whatwg.org/#forbidden-request-header).
 */
const vendorHeaders: ReadonlyMap<string, OptionName> = new Map([
  ['proxy-switch-ip', 'rotate'],
  ['proxy-tunnel', 'session'],
])
/** Keys without a value, as in `-session-42-exclusive`. */
const FLAGS = new Set(['exclusive'])
const MINUTE_KEYS = new Set(['sesstime', 'sessionduration', 'lifetime'])
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }
const MAX_VALUE_LENGTH = 256
const HEADER_PREFIX = 'x-turnpike-'

/**
 * Splits a user name into the account and its options.
 * @param users configured user names; the longest one that fits is the account. Empty: the account is the text before
 *   the first known key.
 * @throws {GatewayError} GW_BAD_OPTION with the key: unknown, duplicate, or with an invalid value
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
 * Options from another place than a user name or header.
 * @param pairs undefined values are ignored
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
  /** The position of the hyphen in front of it. */
  readonly index: number
}

/**
 * The known keys between two hyphens. The hyphen after one key may be the hyphen in front of the next: `-session-country-us` is
 * a session without a value.
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
 * Options from `X-Turnpike-*` headers, and those of vendors' tunnel proxies, added to those of the user name, with priority.
 * @param acceptsOwn false: `X-Turnpike-*` is ignored
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

/** Clients write places in UTF-8, and heads are decoded as latin1. Other text than UTF-8 is left unchanged. */
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
 * Values may be percent-encoded UTF-8 (RFC 3986 section 2.1): many clients can only send latin1 in a user name. A percent sign
 * without two hexadecimal digits after it is a literal one.
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

/** Names the key only when it is safe to show: text after an account may be a part of a password in the wrong place. */
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
