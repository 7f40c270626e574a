/** Rests of an upstream for one target host: after its use there (`perUpstream.hostRest`), or because the host has banned it. */
import type { Upstream } from './upstream.ts'

/** Largest number of target hosts for which one upstream rests. Beyond it, the oldest quarter is dropped. */
const MAX_HOST_RESTS = 4_096
/** With fewer rests per host than this, expired ones stay until the next sweep. */
const MIN_HOST_RESTS_SWEEP = 64

/** Makes an upstream rest for one target host until an instant, clock ms; the longer rest wins. O(1), amortised. */
export function restForHost(upstream: Upstream, host: string, until: number, now: number): void {
  upstream.hostRests ??= new Map()
  const rests = upstream.hostRests
  if (rests.size >= upstream.hostRestsSweepAt) sweepHostRests(upstream, rests, now)
  rests.set(host, Math.max(rests.get(host) ?? 0, until))
}

/** Drops expired rests. The next sweep is when there are twice as many, so that its cost per addition is constant. */
function sweepHostRests(upstream: Upstream, rests: Map<string, number>, now: number): void {
  for (const [name, end] of rests) if (end <= now) rests.delete(name)
  let excess = rests.size - (MAX_HOST_RESTS * 3) / 4
  if (rests.size >= MAX_HOST_RESTS) for (const name of rests.keys()) if (excess-- > 0) rests.delete(name)
  upstream.hostRestsSweepAt = Math.min(MAX_HOST_RESTS, Math.max(MIN_HOST_RESTS_SWEEP, 2 * rests.size))
}
