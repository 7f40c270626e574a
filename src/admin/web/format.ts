/** Formats figures for the reader. */
import { language } from './i18n.ts'

/** Seconds as `1 h 02 m`, `3 m 05 s`, `41 s`; in Chinese `1 小时 02 分`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const [day, hour, minute, second] = language.value === 'zh' ? ['天', '小时', '分', '秒'] : ['d', 'h', 'm', 's']
  if (whole >= 86_400) return `${Math.floor(whole / 86_400)} ${day} ${Math.floor((whole % 86_400) / 3_600)} ${hour}`
  if (whole >= 3_600) return `${Math.floor(whole / 3_600)} ${hour} ${two(Math.floor((whole % 3_600) / 60))} ${minute}`
  if (whole >= 60) return `${Math.floor(whole / 60)} ${minute} ${two(whole % 60)} ${second}`
  return `${whole} ${second}`
}

const two = (value: number): string => String(value).padStart(2, '0')

/** Seconds of a short event as `84 ms` or `2.3 s`. */
export function shortTime(seconds: number): string {
  return seconds < 1 ? `${Math.round(seconds * 1_000)} ms` : `${seconds.toFixed(1)} s`
}

/** Octets as `12 B`, `3.4 MB`. */
export function octets(count: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  let value = count
  let unit = 0
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_000
    unit++
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}

/** A count with separators of the reader's language; a dash for what is unknown. */
export function count(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–'
  const digits = value !== 0 && Math.abs(value) < 10 && !Number.isInteger(value) ? 2 : 0
  return value.toLocaleString(language.value === 'zh' ? 'zh-CN' : 'en', { maximumFractionDigits: digits })
}

/** A time of day from RFC 3339, in the reader's time zone. */
export function timeOfDay(at: string | number): string {
  return new Date(at).toLocaleTimeString(language.value === 'zh' ? 'zh-CN' : 'en-GB')
}
