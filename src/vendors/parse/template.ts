/**
 * Templates of calls: text with `{name}` in it, filled with named values. Nothing else is evaluated, so a file cannot contain code.
 */
import { Buffer } from 'node:buffer'
import { nearest } from '../../config/nearest.ts'
import { formatTime } from './time-format.ts'

/** The values for `{name}`, by name. */
export type Values = Readonly<Record<string, string>>
/** How a value is escaped for its surroundings. */
export type Encode = (value: string) => string

/** `datetime` may have a format after it, as in `{datetime:yyyyMMddHHmmss}`. */
const PLACEHOLDER = /\{(?:([A-Za-z_]\w{0,63})|(datetime):([^{}"]{1,32}))\}/g

/** Values that every call has; `date` and `datetime` are in the `zone` of the entry, `iso` in UTC. */
export const BUILT_IN = ['timestamp', 'timestamp_ms', 'nonce', 'uuid', 'date', 'datetime', 'iso'] as const
/** Values that represent the call itself, only for `sign`. */
export const OF_THE_CALL: readonly string[] = ['method', 'host', 'path', 'query', 'body', 'sorted']

/** The names between braces, in their order. */
export function namesIn(template: string): string[] {
  return Array.from(template.matchAll(PLACEHOLDER), ([, name, dated = '']) => name ?? dated)
}

/**
 * What is wrong with a template that names something else than `known`; undefined: nothing. Known names are words of the file and
 * may be shown; other text between braces may be part of a secret, so the known name that was probably meant stands for it.
 */
export function unknownPlaceholder(template: string, known: readonly string[]): string | undefined {
  const unknown = namesIn(template).filter((name) => !known.includes(name))
  if (unknown.length === 0) return undefined
  const all = `fills in only ${known.map((name) => `{${name}}`).join(', ')}`
  const [meant] = unknown.flatMap((name) => nearest(name, known) ?? [])
  return meant === undefined ? all : `${all}; did you mean {${meant}}?`
}

/** The text with the same value in place of every placeholder. */
export function withEveryName(template: string, value: string): string {
  return template.replace(PLACEHOLDER, value)
}

/** Fills in known names and leaves the rest unchanged: braces of a JSON body are not placeholders. */
export function fill(template: string, values: Values, encode: Encode = asIs): string {
  return template.replace(PLACEHOLDER, (whole, name = 'datetime', _dated?: string, format?: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined
    if (value === undefined) return whole
    return encode(format === undefined ? value : formatTime(value, format))
  })
}

export const asIs: Encode = (value) => value
/** For use between the quotes of a JSON string; a number is unchanged. */
export const inJson: Encode = (value) => JSON.stringify(value).slice(1, -1)
/** For use in the text or in an attribute of an XML document. */
export const inXml: Encode = (value) => value.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
/** RFC 3986 section 2.3: `encodeURIComponent` leaves five more characters unescaped. */
export const percentEncoded: Encode = (value) =>
  encodeURIComponent(value).replace(
    /[!'()*]/g,
    (character) => `%${Buffer.from(character).toString('hex').toUpperCase()}`,
  )

/**
 * The values for a call that depend on the time of day.
 * @param wallMs ms since the epoch
 * @param aheadMs how far the entry's zone is ahead of UTC
 * @param uuid new with each call
 */
export function builtIn(wallMs: number, aheadMs: number, uuid: string): Values {
  const local = new Date(wallMs + aheadMs).toISOString()
  return {
    timestamp: String(Math.floor(wallMs / 1_000)),
    timestamp_ms: String(Math.floor(wallMs)),
    uuid,
    nonce: uuid.replaceAll('-', '').slice(-16),
    date: local.slice(0, 10).replaceAll('-', ''),
    datetime: `${local.slice(0, 10)} ${local.slice(11, 19)}`,
    iso: `${new Date(wallMs).toISOString().slice(0, 19)}Z`,
  }
}
