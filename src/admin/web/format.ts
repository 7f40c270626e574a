/** Formats figures for the reader. */
import { durationInWords } from '../../messages/duration.ts'
import { language } from './i18n.ts'

/** Seconds as `1 h 02 min`, in the reader's language. */
export const duration = (seconds: number): string => durationInWords(seconds, language.value)

/** Seconds as `84 ms`, `2.3 s`, and from ten on in words. */
export function shortTime(seconds: number): string {
  if (seconds >= 10) return duration(seconds)
  return seconds < 1
    ? `${Math.round(seconds * 1_000)} ms`
    : `${seconds.toFixed(1)} ${language.value === 'zh' ? '秒' : 's'}`
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

/** The number in the language of the page, with two decimals at most and, from 1,000 on, none; an unknown one is a dash. */
export function count(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–'
  const digits = Math.abs(value) < 1_000 ? 2 : 0
  return value.toLocaleString(language.value === 'zh' ? 'zh-CN' : 'en', { maximumFractionDigits: digits })
}

/** A time of day from RFC 3339, in the reader's time zone. */
export function timeOfDay(at: string | number): string {
  return new Date(at).toLocaleTimeString(language.value === 'zh' ? 'zh-CN' : 'en-GB')
}
