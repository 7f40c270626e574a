/** What a request does to its session: counts its uses and tries, moves it to another upstream, or borrows one beside it. */
import type { Clock } from '../clock.ts'
import type { Filter } from '../pool/filter.ts'
import type { Pool } from '../pool/pool.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { DialFailure } from '../upstream/connection.ts'
import type { SessionUse } from './lease-contract.ts'
import { addressesToAvoid } from './rotation.ts'
import type { Session, SessionTable } from './session-table.ts'

/** A request, as far as it concerns its session. */
interface SessionRequest {
  readonly sessionKey: string | undefined
  readonly filter: Filter
  readonly host: string
  sessionUse: SessionUse
  tried: readonly Upstream[]
}

function sessionOn({ sessionKey }: SessionRequest, table: SessionTable, upstream: Upstream): Session | undefined {
  const session = sessionKey === undefined ? undefined : table.find(sessionKey)
  return session?.upstream === upstream ? session : undefined
}

/** The session moves with this request, as by POST /session/rotate. */
export function rotateSession(
  request: SessionRequest,
  { sessionTable, pool, clock }: { readonly sessionTable: SessionTable; readonly pool: Pool; readonly clock: Clock },
): void {
  const session = request.sessionKey === undefined ? undefined : sessionTable.find(request.sessionKey)
  if (session === undefined) return
  request.sessionUse = 'move'
  request.tried = addressesToAvoid(session, request, pool, clock.now())
}

/** The session's upstream serves one more request. */
export function countUse(request: SessionRequest, table: SessionTable, upstream: Upstream): void {
  const session = sessionOn(request, table, upstream)
  if (session !== undefined) session.uses++
}

/** Of a session's tunnels only the first counts on each upstream. */
export function countsAsUse(request: SessionRequest, table: SessionTable, upstream: Upstream): boolean {
  const session = sessionOn(request, table, upstream)
  if (session === undefined) return true
  const counts = !session.counted
  session.counted = true
  return counts
}

/** A borrowed upstream answered what the session's own did not: the session moves to it. */
export function keepBorrowed(
  { sessionUse, sessionKey }: SessionRequest,
  table: SessionTable,
  upstream: Upstream,
): void {
  if (sessionUse === 'borrow' && sessionKey !== undefined) table.bind(sessionKey, upstream)
}

/** @returns how often this upstream has been tried as this session's own; 0 when it is not */
export function rememberTry(request: SessionRequest, table: SessionTable, upstream: Upstream): number {
  request.tried = [...request.tried, upstream]
  const session = sessionOn(request, table, upstream)
  if (session === undefined) return 0
  session.uses--
  return request.tried.filter((tried) => tried === upstream).length
}

/** A session stays, until more is known, on an upstream that works and has only refused one target or not answered for it. */
export function mayStay(upstream: Upstream, failure: DialFailure): boolean {
  return (failure.kind === 'refused' || failure.kind === 'unanswered') && upstream.worked
}
