/** Arithmetic of call limits. */
import type { RateLimit } from './operation.ts'

/** A part of a limit; a part of less than one call is one call in a longer window. */
export function partOf({ calls, perMs }: RateLimit, share: number): RateLimit {
  const part = calls * share
  return part >= 1 ? { calls: Math.floor(part), perMs } : { calls: 1, perMs: Math.ceil(perMs / part) }
}
