/**
 * A claim on an upstream. It has one owner at a time, who releases it once or passes it on:
 *
 *   LeaseQueue ──granted──▶ ProxiedRequest ──commit──▶ the open tunnel, or the answer ──▶ released
 *                                ▲                           │
 *                                └── UpstreamAffinity ◀──────┘   between two plain requests of one client connection
 */
import type { Pool } from '../pool/pool.ts'
import type { Upstream } from '../pool/upstream.ts'
import { isDirect } from '../upstream/direct.ts'

export class Lease {
  readonly upstream: Upstream
  /** A tunnel was opened with it, or an answer received. */
  hasServed = false
  /** A request was sent with it that was not answered: the upstream may have served it, so it is a use. */
  mayHaveServed = false
  readonly #pool: Pool
  #isQuiet = false

  /** @param upstream leased from the pool: the lease counts on it until `release`; or the target itself */
  constructor(upstream: Upstream, pool: Pool) {
    this.upstream = upstream
    this.#pool = pool
  }

  /** No transfer is running: the lease stays, but is not demand for addresses. */
  set isQuiet(isQuiet: boolean) {
    if (isQuiet === this.#isQuiet) return
    this.#isQuiet = isQuiet
    this.upstream.quietLeases += isQuiet ? 1 : -1
  }

  /** Ends the claim. To be called once. @param now clock ms */
  release(now: number): void {
    this.isQuiet = false
    if (isDirect(this.upstream)) return
    if (this.mayHaveServed && !this.hasServed) this.#pool.countUse(this.upstream)
    this.#pool.release(this.upstream, this.hasServed, now)
  }
}
