/** What a client connection that speaks plain HTTP keeps between two requests: its lease, and the connection to the upstream. */
import type { Upstream } from '../pool/upstream.ts'
import type { UpstreamHttp } from '../upstream/http-connection.ts'
import type { Lease } from './lease.ts'
import type { Route } from './route.ts'
import { isSpent, type SessionTable } from './session-table.ts'

export interface KeptUpstream {
  readonly lease: Lease
  /** The requirements of the lease: other requirements need another lease. */
  readonly routeKey: string
  /** It may be closed: then the same upstream is dialled again. */
  readonly http: UpstreamHttp
  /** The target, when the connection is a tunnel to it; empty when it is to the upstream itself. */
  readonly through: string
  /** Clock ms. */
  readonly keptAt: number
}

export class UpstreamAffinity {
  #kept: KeptUpstream | undefined
  /** The request under way, or the last one. */
  exchange: { readonly leased: Upstream | undefined } | undefined

  /** Whether the upstream is kept for the next request. */
  keeps(upstream: Upstream): boolean {
    return this.#kept?.lease.upstream === upstream
  }

  /** It owns the lease until a request takes it, or it is released. */
  keep(kept: KeptUpstream): void {
    kept.lease.isQuiet = true
    this.exchange = undefined
    this.#kept = kept
  }

  /** Returns what is kept, which the request owns then, if the request may use it; otherwise releases it. */
  takeFor(request: NextRequest, sessionTable: SessionTable, now: number): KeptUpstream | undefined {
    const kept = this.#kept
    if (kept === undefined) return undefined
    if (!fits(kept, request, sessionTable, now)) {
      if (request.route.rotates) request.avoid = [kept.lease.upstream]
      this.release(now)
      return undefined
    }
    this.#kept = undefined
    kept.lease.isQuiet = false
    return kept
  }

  release(now: number): void {
    const kept = this.#kept
    this.#kept = undefined
    if (kept !== undefined) letGo(kept, now)
  }
}

/** A request, as far as it decides whether it may use the kept upstream. */
interface NextRequest {
  readonly route: Route
  readonly routeKey: string
  readonly sessionKey: string | undefined
  /** Of the target. */
  readonly host: string
  /** Upstreams that are lent only when there is nothing else. */
  avoid: readonly Upstream[]
}

/** Whether the request may use what is kept. @param now clock ms */
function fits(
  { routeKey, lease: { upstream } }: KeptUpstream,
  { route, routeKey: wanted, sessionKey, host }: NextRequest,
  sessionTable: SessionTable,
  now: number,
): boolean {
  const { filter, perRequest, rotates, uses, avoidLast } = route
  if (routeKey !== wanted || perRequest || rotates) return false
  const minLifeMs = filter.limits?.minLifeMs ?? 0
  if (upstream.state === 'gone' || upstream.deadline <= now + minLifeMs) return false
  // A session keeps its upstream while that rests for the host.
  if (sessionKey === undefined) return avoidLast === undefined && !upstream.restsFor(host, now)
  // The session may have moved meanwhile; the look-up also renews it.
  const session = sessionTable.find(sessionKey)
  return session?.upstream === upstream && !isSpent(session, uses)
}

/** Closes the connection and releases the lease. */
export function letGo({ http, lease }: KeptUpstream, now: number): void {
  http.close()
  lease.release(now)
}
