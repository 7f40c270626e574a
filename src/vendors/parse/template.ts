/**
 * Templates of calls: text with `{name}` in it, filled from named values. Nothing else is evaluated, so a file cannot hold code.
 */
import { Buffer } from 'node:buffer'

/** What `{name}` stands for, by name. */
export type Values = Readonly<Record<string, string>>
/** How a value is written into its surroundings. */
export type Encode = (value: string) => string

const PLACEHOLDER = /\{([A-Za-z_]\w{0,63})\}/g

/** Values that every call has; `zone` of the entry decides the date of the last two. */
export const BUILT_IN = ['timestamp', 'timestamp_ms', 'nonce', 'date', 'datetime'] as const
/** Values that stand for the call itself, for `sign` alone. */
export const OF_THE_CALL = ['method', 'host', 'path', 'query', 'body', 'sorted'] as const

/** The names between braces, in the order in which they stand. */
export function namesIn(template: string): string[] {
  return Array.from(template.matchAll(PLACEHOLDER), ([, name = '']) => name)
}

/** Fills in what is known and leaves the rest as it is: braces of a JSON body are no placeholders. */
export function fill(template: string, values: Values, encode: Encode = asIs): string {
  return template.replace(PLACEHOLDER, (whole, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined
    return value === undefined ? whole : encode(value)
  })
}

export const asIs: Encode = (value) => value
/** Between the quotes of a JSON string; a number stays as it is. */
export const inJson: Encode = (value) => JSON.stringify(value).slice(1, -1)
/** RFC 3986 section 2.3: `encodeURIComponent` leaves five characters more. */
export const percentEncoded: Encode = (value) =>
  encodeURIComponent(value).replace(
    /[!'()*]/g,
    (character) => `%${Buffer.from(character).toString('hex').toUpperCase()}`,
  )

/**
 * What the time of day gives a call.
 * @param wallMs ms since the epoch
 * @param aheadMs how far the entry's zone is ahead of UTC
 * @param nonce new with each call
 */
export function builtIn(wallMs: number, aheadMs: number, nonce: string): Values {
  const local = new Date(wallMs + aheadMs).toISOString()
  return {
    timestamp: String(Math.floor(wallMs / 1_000)),
    timestamp_ms: String(Math.floor(wallMs)),
    nonce,
    date: local.slice(0, 10).replaceAll('-', ''),
    datetime: `${local.slice(0, 10)} ${local.slice(11, 19)}`,
  }
}
