/**
 * Reports that were just made, for the requests that come with the first: one on 10,000 upstreams takes 50 ms, and behind hundreds
 * of readers all other requests would wait.
 */
import type { Clock } from '../../clock.ts'

type Body = Uint8Array<ArrayBuffer>

/** A report is used for so many times the time that it took: all of them take a tenth of a core at most. */
const USED_FOR = 10
const MAX_AGE_MS = 1_000

export class SharedReports {
  readonly #clock: Clock
  /** The latest of each kind. */
  readonly #latest = new Map<string, { readonly query: string; readonly body: Body; readonly until: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @param make a `Response` is used once */
  async answer(
    kind: string,
    query: unknown,
    make: () => Response | object | Promise<Response | object>,
  ): Promise<Response> {
    const now = this.#clock.now()
    for (const [old, { until }] of this.#latest) if (until <= now) this.#latest.delete(old)
    const known = this.#latest.get(kind)
    const asked = JSON.stringify(query) ?? ''
    if (known?.query === asked) return jsonResponse(known.body)
    const report = await make()
    if (report instanceof Response) return report
    const body = new TextEncoder().encode(JSON.stringify(report))
    const madeAt = this.#clock.now()
    const until = madeAt + Math.min(MAX_AGE_MS, USED_FOR * (madeAt - now))
    this.#latest.set(kind, { query: asked, body, until })
    return jsonResponse(body)
  }

  /** Something may have been changed. */
  clear(): void {
    this.#latest.clear()
  }
}

/** Octets as such would be copied for each response. */
function jsonResponse(body: Body): Response {
  return new Response(ReadableStream.from([body]), { headers: { 'Content-Type': 'application/json' } })
}
