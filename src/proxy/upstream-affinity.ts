/** What a client connection that speaks plain HTTP keeps between two requests: its lease, and the way to the upstream. */
import type { UpstreamHttp } from '../upstream/http-connection.ts'
import type { Lease } from './lease.ts'

export interface KeptUpstream {
  readonly lease: Lease
  /** What the lease was asked for: another wish needs another lease. */
  readonly routeKey: string
  /** It may be closed: then the same upstream is dialled anew. */
  readonly http: UpstreamHttp
  /** The target, when the connection goes through a tunnel to it; empty when it is with the upstream itself. */
  readonly through: string
}

export class UpstreamAffinity {
  #kept: KeptUpstream | undefined

  /** It owns the lease until somebody takes it, or it is released. */
  keep(kept: KeptUpstream): void {
    kept.lease.isQuiet = true
    this.#kept = kept
  }

  /** Hands over what is kept. */
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

/** Ends the way and gives the lease back. */
export function letGo({ http, lease }: KeptUpstream): void {
  http.close()
  lease.release()
}
