/** The options of a client, and how the value of each is read. */
import { GatewayError } from '../errors.ts'
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

export type OptionName = keyof ClientOptions

const MINUTE_KEYS = new Set(['sesstime', 'sessionduration', 'lifetime'])
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }
const MAX_VALUE_LENGTH = 256

/** @param key as the client has spelt it @throws {GatewayError} GW_BAD_OPTION with the key */
export function optionValue(key: string, name: OptionName, value: string): unknown {
  if (value === '' || value.length > MAX_VALUE_LENGTH) throw badValue(key, 'takes 1 to 256 characters')
  return parseValue(key.toLowerCase(), name, decoded(key, value))
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

export function badValue(key: string, expectation: string): GatewayError {
  return new GatewayError('GW_BAD_OPTION', `the option "${key}" ${expectation}`)
}
