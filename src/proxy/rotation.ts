/** The upstreams that a session does not get when its client requests another one. */
import type { Filter } from '../pool/filter.ts'
import type { Pool } from '../pool/pool.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { Session } from './session-table.ts'

/** All former upstreams of the session, as long as there is another one; else only the present one. @param now clock ms */
export function addressesToAvoid(
  { upstream, left }: Session,
  { filter, host }: { readonly filter: Filter; readonly host: string },
  pool: Pool,
  now: number,
): readonly Upstream[] {
  // An address that has left the pool and has come again is another record of the same address.
  const all = [upstream, ...left].map((one) => pool.get(one.id) ?? one)
  for (const other of pool.members()) {
    const isLive = other.state === 'ready' && !other.isExclusive && !other.restsFor(host, now)
    if (isLive && filter.accepts(other.facts) && !all.includes(other)) return all
  }
  return all.slice(0, 1)
}
