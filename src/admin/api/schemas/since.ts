/** `since=` of a query: a time of day, or how long ago. */
import { z } from 'zod'
import { wallTime } from '../../../clock.ts'
import { parseDuration } from '../../../config/fields.ts'

/** A time of day in ms since 1970, or a length of time before now, ms. */
export type Since = { readonly wallMs: number } | { readonly agoMs: number }

const WRITE = 'write a time (2026-08-20T09:30:00Z) or how long ago (10m)'

export const since = z
  .string()
  .transform((value, ctx): Since => {
    const agoMs = parseDuration(value)
    if (agoMs !== undefined) return { agoMs }
    if (instant.safeParse(value).success) return { wallMs: wallTime(value) }
    ctx.addIssue({ code: 'custom', message: WRITE })
    return z.NEVER
  })
  .meta({ description: 'Began at or after this time (RFC 3339), or at most so long ago (10m)', type: 'string' })

const instant = z.iso.datetime({ offset: true })
