/** Rests of an upstream from one target host: after a tunnel there (`perUpstream.hostRest`), or because the host has banned it. */
import type { Upstream } from './upstream.ts'

/** Target hosts that one upstream stays away from. When there are more, the quarter that was noted first is forgotten. */
const MAX_HOST_RESTS = 4_096
/** With fewer rests per host than this, those that are over stay until the next look. */
const MIN_HOST_RESTS_SWEEP = 64

/** Keeps an upstream away from one target host until an instant, clock ms; longer rests win. O(1), amortised. */
export function restForHost(upstream: Upstream, host: string, until: number, now: number): void {
  upstream.hostRests ??= new Map()
  const rests = upstream.hostRests
  if (rests.size >= upstream.hostRestsSweepAt) sweepHostRests(upstream, rests, now)
  rests.set(host, Math.max(rests.get(host) ?? 0, until))
}

/** Forgets rests that are over. The next look is when there are twice as many, so that each addition pays for a constant part. */
function sweepHostRests(upstream: Upstream, rests: Map<string, number>, now: number): void {
  for (const [name, end] of rests) if (end <= now) rests.delete(name)
  let excess = rests.size - (MAX_HOST_RESTS * 3) / 4
  if (rests.size >= MAX_HOST_RESTS) for (const name of rests.keys()) if (excess-- > 0) rests.delete(name)
  upstream.hostRestsSweepAt = Math.min(MAX_HOST_RESTS, Math.max(MIN_HOST_RESTS_SWEEP, 2 * rests.size))
}
