/** Percentiles of set-up times from counts in buckets. */

/** Four buckets per octave: a percentile is exact to 19 %. From 64 µs to 68 s; the last bucket contains everything above. */
const FIRST_OCTAVE = 6
const OCTAVES = 20
const PER_OCTAVE = 4
export const SETUP_BUCKETS = OCTAVES * PER_OCTAVE + 1

/** @returns the bucket of a duration; integer arithmetic, because it is called for every tunnel */
export function setupBucket(ms: number): number {
  const us = Math.max(1 << FIRST_OCTAVE, Math.min(ms * 1_000, 0x7fffffff)) | 0
  const octave = 31 - Math.clz32(us)
  const quarter = (us >>> (octave - 2)) & (PER_OCTAVE - 1)
  return Math.min((octave - FIRST_OCTAVE) * PER_OCTAVE + quarter, SETUP_BUCKETS - 1)
}

/** A duration in a bucket, µs. @param at 0 for the bucket's beginning, 1 for its end */
function microsecondsIn(bucket: number, at: number): number {
  const octave = Math.floor(bucket / PER_OCTAVE) + FIRST_OCTAVE
  return Math.round(2 ** octave * (1 + ((bucket % PER_OCTAVE) + at) / PER_OCTAVE))
}

/**
 * @param part the fraction of durations that are shorter, such as 0.99
 * @returns seconds; null when nothing was counted between the two readings
 */
export function percentile(counts: Uint32Array, before: Uint32Array, part: number): number | null {
  const bucket = bucketOf(counts, before, part)
  return bucket === undefined ? null : microsecondsIn(bucket, 0.5) / 1_000_000
}

/** Of all that was counted, the same as a duration that none of that fraction was longer than, ms; 0 when nothing was. */
export function longestOf(counts: Uint32Array, part: number): number {
  const bucket = bucketOf(counts, NONE, part)
  return bucket === undefined ? 0 : microsecondsIn(bucket, 1) / 1_000
}

const NONE = new Uint32Array(SETUP_BUCKETS)

function bucketOf(counts: Uint32Array, before: Uint32Array, part: number): number | undefined {
  let total = 0
  for (let i = 0; i < SETUP_BUCKETS; i++) total += (counts[i] ?? 0) - (before[i] ?? 0)
  if (total === 0) return undefined
  let seen = 0
  let bucket = -1
  while (bucket < SETUP_BUCKETS - 1 && seen < total * part) {
    bucket++
    seen += (counts[bucket] ?? 0) - (before[bucket] ?? 0)
  }
  return bucket
}
