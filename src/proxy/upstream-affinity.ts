/** What a client connection that speaks plain HTTP keeps between two requests: its lease, and the connection to the upstream. */
import type { UpstreamHttp } from '../upstream/http-connection.ts'
import type { Lease } from './lease.ts'

export interface KeptUpstream {
  readonly lease: Lease
  /** The requirements of the lease: other requirements need another lease. */
  readonly routeKey: string
  /** It may be closed: then the same upstream is dialled again. */
  readonly http: UpstreamHttp
  /** The target, when the connection is a tunnel to it; empty when it is to the upstream itself. */
  readonly through: string
}

export class UpstreamAffinity {
  #kept: KeptUpstream | undefined

  /** It owns the lease until a caller takes it, or it is released. */
  keep(kept: KeptUpstream): void {
    kept.lease.isQuiet = true
    this.#kept = kept
  }

  /** Returns what is kept; the caller owns it. */
  take(): KeptUpstream | undefined {
    const kept = this.#kept
    this.#kept = undefined
    if (kept !== undefined) kept.lease.isQuiet = false
    return kept
  }

  release(): void {
    const kept = this.take()
    if (kept !== undefined) letGo(kept)
  }
}

/** Closes the connection and releases the lease. */
export function letGo({ http, lease }: KeptUpstream): void {
  http.close()
  lease.release()
}
