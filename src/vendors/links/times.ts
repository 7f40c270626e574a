/** How vendors that nobody has described write the life of an address: times of day, epochs, seconds left. */

import type { Life } from '../contract.ts'
import { chinaTime } from '../parse/reply.ts'

const CHINA_AHEAD_MS = 8 * 3_600_000
/** More seconds than these are milliseconds, minutes of a year or an order's number: nobody knows, so they mean nothing. */
const MAX_SECONDS = 172_800
const FIRST_EPOCH_SECONDS = 1_000_000_000
const FIRST_EPOCH_MS = 1_000_000_000_000
const LAST_EPOCH_MS = 10_000_000_000_000

const TIME =
  /^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\.\d{1,9})? ?(Z|UTC|GMT|[+-]\d{2}:?\d{2})?$/i

/**
 * A time of day, ms since the epoch. One without a zone is taken as China's, where most such vendors are: too early is
 * told (the address has ended), too late would not be.
 */
function timeOf(text: string): number | undefined {
  const match = TIME.exec(text.trim())
  if (match === null) return undefined
  const [, year, month = '', day = '', hour = '', minute, second = '00', zone] = match
  const two = (digits: string) => digits.padStart(2, '0')
  const inChina = chinaTime(`${year}-${two(month)}-${two(day)} ${two(hour)}:${minute}:${second}`)
  if (inChina === undefined || zone === undefined) return inChina
  return inChina + CHINA_AHEAD_MS - aheadMs(zone)
}

function aheadMs(zone: string): number {
  const match = /^([+-])(\d{2}):?(\d{2})$/.exec(zone)
  if (match === null) return 0
  const [, sign, hours, minutes] = match
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000
}

/** A life as it may stand under a name like `expire_time` or `ttl`, or behind an address; undefined for what is none. */
export function lifeIn(text: string): Life | undefined {
  const wallMs = timeOf(text)
  if (wallMs !== undefined) return { kind: 'until', wallMs }
  if (!/^\d{1,13}(\.\d+)?$/.test(text)) return undefined
  const count = Number(text)
  if (count >= FIRST_EPOCH_MS && count < LAST_EPOCH_MS) return { kind: 'until', wallMs: Math.floor(count) }
  if (count >= FIRST_EPOCH_SECONDS && count < FIRST_EPOCH_MS / 100)
    return { kind: 'until', wallMs: Math.floor(count * 1_000) }
  return count >= 1 && count <= MAX_SECONDS ? { kind: 'for', ms: Math.floor(count * 1_000) } : undefined
}
