/** A length of time as a person reads it. */
import type { Language } from './text.ts'

const units = { en: ['d', 'h', 'min', 's'], zh: ['天', '小时', '分', '秒'] } as const

/** Seconds as `2 d 3 h`, `1 h 02 min`, `3 min 05 s`, `41 s`; in Chinese `1 小时 02 分`. */
export function durationInWords(seconds: number, language: Language): string {
  const whole = Math.max(0, Math.floor(seconds))
  const [day, hour, minute, second] = units[language]
  if (whole >= 86_400) return `${Math.floor(whole / 86_400)} ${day} ${Math.floor((whole % 86_400) / 3_600)} ${hour}`
  if (whole >= 3_600) return `${Math.floor(whole / 3_600)} ${hour} ${two(Math.floor((whole % 3_600) / 60))} ${minute}`
  if (whole >= 60) return `${Math.floor(whole / 60)} ${minute} ${two(whole % 60)} ${second}`
  return `${whole} ${second}`
}

const two = (value: number): string => String(value).padStart(2, '0')
