/**
 * The options of a client's request: `-key-value` pairs in the user name, or `X-Turnpike-*` headers. The syntax is the usual one of
 * commercial gateways.
 */
import { textOf } from '../client-text.ts'
import { GatewayError } from '../errors.ts'
import type { Field } from '../http1/head.ts'
import { badValue, type ClientOptions, noOptions, type OptionName, optionValue } from './client-options.ts'

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

/** @returns the longest of these users whose name is the user name, or the part before its options */
export function longestAccount(userName: string, users: Iterable<string>): string | undefined {
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
    // Heads are decoded as latin1.
    setOption(own, key, textOf(Buffer.from(value, 'latin1')), vendors ?? headerSpellings.get(key))
  }
  return own === undefined ? base : { ...base, ...own }
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
  options[name] = optionValue(key, name, value)
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
