/** Times of day and lives as vendors write them. */
import type { Life } from '../contract/delivery.ts'
import { formatReader } from './time-format.ts'

/** How far a zone is ahead of UTC at an instant, ms. */
export type Zone = (utcMs: number) => number

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

/** UTC+8 all year round since 1992. */
const CHINA: Zone = () => 8 * HOUR_MS

// --- Zones --------------------------------------------------------------------------------------------------------

const OFFSET = /^([+-])(\d{2}):?(\d{2})$/
/** A name of the IANA database, judged by its characters: `Intl` decides whether it exists. */
const ZONE_NAME = /^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/

/** `UTC`, `+08:00`, or a name of the IANA database such as `Asia/Shanghai`. @returns undefined for an invalid zone */
export function parseZone(text: string): Zone | undefined {
  const fixed = offsetOf(text)
  if (fixed !== undefined) return () => fixed
  return ZONE_NAME.test(text) ? namedZone(text) : undefined
}

function offsetOf(text: string): number | undefined {
  if (/^(?:Z|UTC|GMT)$/i.test(text)) return 0
  const match = OFFSET.exec(text)
  if (match === null || Number(match[2]) > 14 || Number(match[3]) > 59) return undefined
  const ahead = Number(match[2]) * HOUR_MS + Number(match[3]) * MINUTE_MS
  return match[1] === '-' ? -ahead : ahead
}

function namedZone(timeZone: string): Zone | undefined {
  try {
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      ...{ year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit' },
    })
    return (utcMs) => {
      const parts = new Map(format.formatToParts(utcMs).map(({ type, value }) => [type, Number(value)]))
      const part = (name: Intl.DateTimeFormatPartTypes) => parts.get(name) ?? 0
      const local = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'))
      return local - utcMs
    }
  } catch {
    return undefined // there is no such zone
  }
}

// --- Times of day -------------------------------------------------------------------------------------------------

const DAY = /^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})[ T]+/
const CHINESE_DAY = /^(\d{4})年(\d{1,2})月(\d{1,2})日 ?/
/** Its day comes first in every language. */
const DOTTED_DAY = /^(\d{2})\.(\d{2})\.(\d{4})(?=$|[ T])/
const TIME = /^(\d{1,2}):(\d{2})(?::(\d{2}))?/
/** After the time: a fraction of a second, which is dropped, and a zone. */
const BEHIND = /^(?:[.,]\d{1,9})? ?(Z|UTC|GMT|[+-]\d{2}:?\d{2})?$/i
const COMPACT = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})$/
/** No time of day is longer. */
const MAX_CHARACTERS = 64

/**
 * Reads `2026-02-25 15:38:36`, `2026/2/25 15:38`, `25.02.2026 15:38`, `2026年2月25日 15:38:36`, `2026-02-25T15:38:36.123Z`,
 * `20260225153836`, `Wed, 25 Feb 2026 07:38:36 GMT`, and seconds, ms, µs or ns since 1970. A zone in the text itself has priority
 * over `zone`.
 * @returns ms since the epoch; undefined for everything else
 */
export function readTime(text: string, zone: Zone): number | undefined {
  if (/^\d{9,10}(?:\.\d{1,9})?$/.test(text)) return Math.floor(Number(text) * 1_000)
  if (/^(?:\d{12,13}|\d{16}|\d{19})$/.test(text)) return Number(text.slice(0, 13))
  if (text.length > MAX_CHARACTERS) return undefined
  const date = text.replace(CHINESE_DAY, '$1-$2-$3 ').replace(DOTTED_DAY, '$3-$2-$1')
  return readDate(date, zone) ?? readCompact(text, zone) ?? httpDate(text)
}

/** As `readTime`, and a date without a time, which means midnight. */
export function readDay(text: string, zone: Zone): number | undefined {
  if (text.length > MAX_CHARACTERS) return undefined
  const date = text.replace(DOTTED_DAY, '$3-$2-$1')
  return readTime(/^\d{4}[-/.]\d{1,2}[-/.]\d{1,2}$/.test(date) ? `${date} 00:00:00` : date, zone)
}

/** A reader of times in one format, with or without a zone after it. @returns undefined for an invalid format */
export function formattedTime(format: string): typeof readTime | undefined {
  const read = formatReader(format)
  if (read === undefined) return undefined
  return (text, zone) => {
    const own = / ?(Z|UTC|GMT|[+-]\d{2}:?\d{2})$/i.exec(text.slice(0, MAX_CHARACTERS))
    const isZoned = own !== null && read(text) === undefined
    const local = utcTime(read(isZoned ? text.slice(0, own.index) : text) ?? ['', '0'])
    if (local === undefined) return undefined
    return isZoned ? local - (offsetOf(own[1] ?? '') ?? 0) : inZone(local, zone)
  }
}

/** A date with a time of day, and nothing else. */
function readDate(text: string, zone: Zone): number | undefined {
  if (text.length > MAX_CHARACTERS) return undefined
  const day = DAY.exec(text)
  const rest = text.slice(day?.[0].length ?? 0)
  const time = TIME.exec(rest)
  const behind = BEHIND.exec(rest.slice(time?.[0].length ?? 0))
  if (day === null || time === null || behind === null) return undefined
  const local = utcTime([...day.slice(1, 4), ...time.slice(1, 4)])
  const own = behind[1] === undefined ? undefined : offsetOf(behind[1])
  if (local === undefined) return undefined
  return own === undefined ? inZone(local, zone) : local - own
}

function readCompact(text: string, zone: Zone): number | undefined {
  const parts = COMPACT.exec(text)
  const local = parts === null ? undefined : utcTime(parts.slice(1))
  return local === undefined ? undefined : inZone(local, zone)
}

/** The offset depends on the instant, and the instant on the offset: the second pass is correct, except for the hour that a clock change repeats. */
function inZone(localMs: number, zone: Zone): number {
  return localMs - zone(localMs - zone(localMs))
}

/** @param parts year, month, day, hour, minute, second as written; undefined when there is no such time */
function utcTime(parts: readonly (string | undefined)[]): number | undefined {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.map((part) => Number(part ?? 0))
  const midnight = new Date(Date.UTC(year, month - 1, day))
  // `Date` turns 30 February into 2 March.
  const isDay = midnight.getUTCDate() === day && midnight.getUTCMonth() === month - 1
  if (!isDay || hour > 23 || minute > 59 || second > 60) return undefined
  return midnight.getTime() + hour * HOUR_MS + minute * MINUTE_MS + second * 1_000
}

/** The time format of qg and similar vendors, in China's zone: `2023-02-25 15:38:36`. @returns ms since the epoch */
export function chinaTime(text: string): number | undefined {
  const written = text.trim()
  return /^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}$/.test(written) ? readDate(written, CHINA) : undefined
}

/** RFC 9110 section 5.6.7, the one format that may still be generated: `Sun, 06 Nov 1994 08:49:37 GMT`. @returns ms since the epoch */
export function httpDate(text: string): number | undefined {
  const written = text.trim()
  const ms = Date.parse(written)
  // `Date` reads many other formats; the weekday is not checked.
  return Number.isFinite(ms) && new Date(ms).toUTCString().slice(3) === written.slice(3) ? ms : undefined
}

// --- Lives --------------------------------------------------------------------------------------------------------

/** A larger number is in milliseconds, in minutes of a year or an order's number: its meaning is unknown. */
const MAX_SECONDS = 172_800
const FIRST_EPOCH_SECONDS = 1_000_000_000
const FIRST_EPOCH_MS = 1_000_000_000_000
const LAST_EPOCH_MS = 10_000_000_000_000

/**
 * The life under a name like `expire_time` or `ttl`, or after an address, of a vendor without a document; undefined for other values.
 * A time without a zone is read as China's, where most such vendors are: a deadline that is too early is noticed (the address
 * has ended), one that is too late is not.
 */
export function lifeIn(text: string): Life | undefined {
  const wallMs = readDate(text.trim(), CHINA)
  if (wallMs !== undefined) return { kind: 'until', wallMs }
  if (!/^\d{1,13}(\.\d{1,9})?$/.test(text)) return undefined
  const count = Number(text)
  if (count >= FIRST_EPOCH_MS && count < LAST_EPOCH_MS) return { kind: 'until', wallMs: Math.floor(count) }
  if (count >= FIRST_EPOCH_SECONDS && count < FIRST_EPOCH_MS / 100)
    return { kind: 'until', wallMs: Math.floor(count * 1_000) }
  return count >= 1 && count <= MAX_SECONDS ? { kind: 'for', ms: Math.floor(count * 1_000) } : undefined
}
