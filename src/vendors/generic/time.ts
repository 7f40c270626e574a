/** Times of day as vendors write them: with a zone of their own, in the zone that the user names, or counted from 1970. */
import { utcTime } from '../parse/reply.ts'

/** How far a zone is ahead of UTC at an instant, ms. */
export type Zone = (utcMs: number) => number

const OFFSET = /^([+-])(\d{2}):?(\d{2})$/
/** A name of the IANA database, as far as its characters go: `Intl` knows which ones there are. */
const ZONE_NAME = /^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/
const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

/** `UTC`, `+08:00`, or a name of the IANA database such as `Asia/Shanghai`. @returns undefined for what is no zone */
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
  const two = '2-digit'
  try {
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: two,
      day: two,
      hour: two,
      minute: two,
      second: two,
    })
    return (utcMs) => {
      const parts = new Map(format.formatToParts(utcMs).map(({ type, value }) => [type, Number(value)]))
      const part = (name: Intl.DateTimeFormatPartTypes) => parts.get(name) ?? 0
      const local = utcTime(part('year'), part('month'), part('day'), part('hour'), part('minute'), part('second'))
      return (local ?? utcMs) - utcMs
    }
  } catch {
    return undefined // there is no such zone
  }
}

const WRITTEN =
  /^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})[ T]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d{1,9})?)? ?(Z|UTC|GMT|[+-]\d{2}:?\d{2})?$/i
const COMPACT = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})$/

/**
 * Reads `2026-02-25 15:38:36`, `2026/2/25 15:38`, `2026-02-25T15:38:36.123Z`, `20260225153836`, and seconds or milliseconds
 * since 1970. A zone in the text itself wins over `zone`. Fractions of a second are dropped.
 * @returns ms since the epoch; undefined for everything else
 */
export function readTime(text: string, zone: Zone): number | undefined {
  if (/^\d{9,10}(?:\.\d+)?$/.test(text)) return Math.floor(Number(text) * 1_000)
  if (/^\d{12,13}$/.test(text)) return Number(text)
  const match = WRITTEN.exec(text) ?? COMPACT.exec(text)
  if (match === null) return undefined
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map((part: string | undefined) => Number(part ?? 0))
  const local = utcTime(year, month, day, hour, minute, second)
  if (local === undefined) return undefined
  const own = match[7] === undefined ? undefined : offsetOf(match[7])
  return own === undefined ? inZone(local, zone) : local - own
}

/** The offset depends on the instant, and the instant on the offset: the second look is right, but for the hour that a clock change repeats. */
function inZone(localMs: number, zone: Zone): number {
  return localMs - zone(localMs - zone(localMs))
}
